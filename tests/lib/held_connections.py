# SPDX-License-Identifier: BSD-2-Clause
"""Connections that are held open: HTTP with keep-alive, a request over each whenever a line comes in.

usage: held_connections.py ADDRESS PORT COUNT

Prints a line of JSON at the start and for each line that it reads: how many there are, and of how many
the answer did not come, or came from another backend than the first. Those are closed and stay broken.
"""
import asyncio
import collections
import json
import sys

ADDRESS, PORT, COUNT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
PATIENCE = 20  # seconds for an answer


class Held:
    def __init__(self):
        self.backend = self.writer = None
        self.why = None

    async def ask(self):
        if self.why:
            return
        try:
            backend = await asyncio.wait_for(self.request(), PATIENCE)
            if self.backend not in (None, backend):
                self.why = "another backend"
            self.backend = backend
        except (OSError, EOFError, asyncio.TimeoutError) as fault:
            self.why = type(fault).__name__
        if self.why and self.writer:
            self.writer.close()

    async def request(self):
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection(ADDRESS, PORT)
        self.writer.write(b"GET / HTTP/1.1\r\nHost: held\r\n\r\n")
        head = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n") if b": " in line)
        body = await self.reader.readexactly(int(fields[b"content-length"]))
        return body.strip().decode()


async def ask_all(all_held):
    await asyncio.gather(*(held.ask() for held in all_held))
    why = collections.Counter(held.why for held in all_held if held.why)
    print(json.dumps({"connections": len(all_held), "broken": sum(why.values()), "why": why}), flush=True)


async def main():
    all_held = [Held() for _ in range(COUNT)]
    await ask_all(all_held)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        await ask_all(all_held)


asyncio.run(main())
