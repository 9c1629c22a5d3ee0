#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Answers what searches for a name server ask: answers.py dns PORT, or udp PORT. Prints its own address, and answers until it is
ended: DNS with two SRV records of localhost, PORT and 1; UDP discovery with the URI of a name server at PORT."""

import socket
import struct
import sys


def name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def dns(question, port):
    end = question.index(b"\0", 12) + 5
    records = b""
    for priority, where in ((1, port), (2, 1)):
        data = struct.pack(">HHH", priority, 0, where) + name("localhost")
        records += struct.pack(">HHHIH", 0xC000 | 12, 33, 1, 60, len(data)) + data
    return question[:2] + struct.pack(">HHHHH", 0x8180, 1, 2, 0, 0) + question[12:end] + records


def udp(_question, port):
    return f"PYRO:Pyro.NameServer@127.0.0.1:{port}".encode()


def main():
    answer, port = {"dns": dns, "udp": udp}[sys.argv[1]], int(sys.argv[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        print(f"127.0.0.1:{sock.getsockname()[1]}", flush=True)
        while True:
            question, peer = sock.recvfrom(2048)
            sock.sendto(answer(question, port), peer)


if __name__ == "__main__":
    main()
