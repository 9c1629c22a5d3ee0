#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A DNS server on 127.0.0.1 that knows one thing: SRV records of _pyrite._tcp.<domain>.

    dns.py DOMAIN TARGET:PORT...      prints its address; the first target has the highest priority
"""

import signal
import socket
import struct
import sys


def name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def answer(question, domain, targets):
    end = question.index(b"\0", 12) + 5
    asked, records = question[12:end], b""
    if asked != name("_pyrite._tcp." + domain) + b"\0\x21\0\1":
        return question[:2] + struct.pack(">HHHHH", 0x8403, 1, 0, 0, 0) + asked  # NXDOMAIN
    for priority, target in enumerate(targets):
        host, port = target.rsplit(":", 1)
        data = struct.pack(">HHH", priority, 0, int(port)) + name(host)
        records += b"\xc0\x0c" + struct.pack(">HHIH", 33, 1, 60, len(data)) + data
    return question[:2] + struct.pack(">HHHHH", 0x8400, 1, len(targets), 0, 0) + asked + records


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 0))
    print("127.0.0.1:%d" % server.getsockname()[1], flush=True)
    while True:
        query, asker = server.recvfrom(4096)
        server.sendto(answer(query, sys.argv[1], sys.argv[2:]), asker)
