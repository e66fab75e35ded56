#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stops one thread of a process, as a debugger does, until it is ended itself.

usage: hold_thread.py TID
"""
import ctypes
import sys
import time

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
libc = ctypes.CDLL(None, use_errno=True)
tid = int(sys.argv[1])
for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
    if libc.ptrace(request, tid, None, None):
        sys.exit(f"ptrace: errno {ctypes.get_errno()}")
print("held", flush=True)
time.sleep(60)
