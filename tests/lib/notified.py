#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stands in for systemd: writes what a service tells it, a line a message, until it is ended.

usage: notified.py SOCKET
"""
import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)  # as systemd does: services may not be root
while True:
    print(listener.recv(4096).decode(), flush=True)
