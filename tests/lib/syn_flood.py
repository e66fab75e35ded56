#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""SYNs from addresses that are nobody's: syn_flood.py INTERFACE MAC VIP PORT RATE SECONDS

Prints how many were sent. So many a second, in bursts of a hundredth; fewer where the machine is slow.
"""
import random
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(mac, vip, port, dice):
    source = bytes([198, 18 + dice.randrange(2), dice.randrange(256), dice.randrange(256)])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, 6, 0) + source + vip
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    tcp = struct.pack("!HHIIBBHHH", dice.randrange(1024, 65536), port, dice.randrange(1 << 32), 0, 0x50, 2, 64240, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(source + vip + struct.pack("!HH", 6, 20) + tcp)) + tcp[18:]
    return mac + b"\x02\x00\x00\x00\x00\x66" + b"\x08\x00" + ip + tcp + bytes(6)


def main():
    interface, mac, vip, port, rate, seconds = sys.argv[1:]
    dice = random.Random(1)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    to = bytes.fromhex(mac.replace(":", ""))
    end = time.monotonic() + float(seconds)
    sent = 0
    while time.monotonic() < end:
        for _ in range(int(rate) // 100):
            wire.send(syn(to, socket.inet_aton(vip), int(port), dice))
            sent += 1
        time.sleep(0.01)
    print(sent)


main()
