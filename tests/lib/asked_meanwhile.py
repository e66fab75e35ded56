# SPDX-License-Identifier: BSD-2-Clause
"""Asks the daemon's API by turns for its status and for a reload, until LOG has the words END once more.

usage: asked_meanwhile.py SOCKET LOG BEGIN END

Prints how many times it answered each while LOG had BEGIN once more, and not END: `STATUS REFUSED`. A
request counts whose answer was there before END was. It is a fault if a reload is not refused then.
"""
import socket
import sys
import time

SOCKET, LOG, BEGIN, END = sys.argv[1:]
PATIENCE = 60  # seconds


def count(words):
    with open(LOG, "rb") as log:
        return log.read().count(words.encode())


class Api:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(SOCKET)
        self.file = self.socket.makefile("rb")

    def ask(self, request):
        self.socket.sendall(f"{request} HTTP/1.1\r\nHost: weir\r\nContent-Length: 0\r\n\r\n".encode())
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self.file.read(length)


def main():
    begun, ended, api = count(BEGIN), count(END), Api()
    answers = refused = 0
    deadline = time.monotonic() + PATIENCE
    print("asking", flush=True)
    while count(END) == ended:
        if time.monotonic() > deadline:
            sys.exit(f"{LOG}: no '{END}' within {PATIENCE} s")
        if count(BEGIN) == begun:
            time.sleep(0.001)
            continue
        status, body = api.ask("GET /v1/status")
        if count(END) > ended:
            break
        answers += status == 200
        status, body = api.ask("POST /v1/reload")
        if count(END) > ended:
            break
        if status != 503 or b"a reload is under way" not in body:
            sys.exit(f"a reload in the middle of another: {status} {body!r}")
        refused += 1
    print(answers, refused)


main()
