# SPDX-License-Identifier: MIT
"""Pyro's wire protocol, byte by byte: what clients send, also what none would, and what a daemon answers."""

import os
import pathlib
import socket
import struct
import subprocess
import zlib

import serpent

PATIENCE = 20
CONNECT, CONNECT_OK, CONNECT_FAIL, INVOKE, RESULT, PING = range(1, 7)
EXCEPTION, COMPRESSED, ONEWAY, BATCH, META, STREAM, SERIALIZED = 1, 2, 4, 8, 16, 32, 64
SERPENT, JSON, MARSHAL, PICKLE, MSGPACK = 1, 2, 3, 4, 6


def checksum(kind, flags, seq, size, serializer, annotations, version=48):
    return (kind + version + size + annotations + serializer + flags + seq + 0x34e9) & 0xffff


def header(kind, size, flags=0, seq=0, serializer=SERPENT, annotations=0, version=48):
    return struct.pack("!4sHHHHiHHHH", b"PYRO", version, kind, flags, seq, size, serializer, annotations, 0,
                       checksum(kind, flags, seq, size, serializer, annotations, version))


def message(kind, data, flags=0, seq=0, serializer=SERPENT, annotations=b""):
    return header(kind, len(data), flags, seq, serializer, len(annotations)) + annotations + data


def annotation(name, data, size=None):
    return name + struct.pack("!H", len(data) if size is None else size) + data


def hello(thing="probe", **how):
    return message(CONNECT, serpent.dumps({"handshake": "hello", "object": thing}), **{"flags": META, **how})


def call(method, *arguments, thing="probe", named=None, flags=0, seq=1, **how):
    return message(INVOKE, serpent.dumps((thing, method, arguments, named or {})), flags=flags, seq=seq, **how)


def message_5(kind, data, flags=0, seq=0, serializer=SERPENT, annotations=b"", magic=0x4dc5):
    return struct.pack("!4sHBBHHII16sHH", b"PYRO", 502, kind, serializer, flags, seq, len(data), len(annotations), bytes(16), 0,
                       magic) + annotations + data


class Peer:
    def __init__(self, port, *begin):
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for data in begin:
            self.send(data)

    def send(self, data):
        self.socket.sendall(data)

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            assert more, f"ended after {data!r}"
            data += more
        return data

    def answer(self):
        """Kind, flags, sequence and payload of the next message."""
        head = self.read(24)
        tag, version, kind, flags, seq, size, serializer, annotations, _, given = struct.unpack("!4sHHHHiHHHH", head)
        assert (tag, version, given) == (b"PYRO", 48, checksum(kind, flags, seq, size, serializer, annotations)), head
        self.annotations = self.read(annotations)
        data = self.read(size)
        return kind, flags, seq, serializer, data

    def result(self):
        kind, flags, seq, serializer, data = self.answer()
        assert kind == RESULT and serializer == SERPENT
        value = serpent.loads(zlib.decompress(data) if flags & COMPRESSED else data)
        if isinstance(value, dict) and "__exception__" in value:
            assert flags & EXCEPTION
            return value["__class__"].rsplit(".")[-1] + ": " + value["args"][0]
        return value

    def answer_5(self):
        head = self.read(40)
        tag, version, kind, serializer, flags, seq, size, annotations, correlation, _, magic = struct.unpack(
            "!4sHBBHHII16sHH", head)
        assert (tag, version, magic) == (b"PYRO", 502, 0x4dc5), head
        self.annotations, self.correlation = self.read(annotations), correlation
        return kind, flags, seq, self.read(size)

    def accepted(self):
        assert self.answer()[0] == CONNECT_OK
        return self

    def ended(self):
        """Whether the daemon closes the connection, and says nothing more."""
        try:
            rest = self.socket.recv(1000)
        except ConnectionResetError:
            rest = b""
        assert rest == b"", rest
        self.socket.close()

    def refused(self, text, serializer=MARSHAL):
        kind, _, _, used, data = self.answer()
        assert kind == CONNECT_FAIL and used == serializer, (kind, used, data)
        assert text.encode() in data, data
        self.ended()

    def close(self):
        self.socket.close()


def accepted(s, thing="probe"):
    return Peer(s.port, hello(thing)).accepted()


class Server:
    """The examples' servers in C, in a process that ends with its standard input."""

    def __init__(self):
        self.max_message = 16 << 20
        self.process = subprocess.Popen([pathlib.Path(os.environ["PYRITE_BIN"]) / "pyro-examples"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "PYRITE_MAX_MESSAGE": str(self.max_message)})
        for line in self.process.stdout:
            if line.startswith("probe "):
                self.port = int(line.rsplit(":", 1)[1])
            if line.startswith("Ready"):
                break
        probe = accepted(self)  # what is opened once is open
        probe.send(call("n_notes"))
        probe.result()
        probe.close()

    def memory(self):
        """Bytes that it has in memory; a sanitizer's, which keeps what is freed, are not counted."""
        if "san.so" in pathlib.Path(f"/proc/{self.process.pid}/maps").read_text():
            return 0
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def check(self):
        peer = accepted(self)
        peer.send(call("mirror", {"x": 1, "y": 2}))
        assert peer.result() == {"x": 2, "y": 1}
        peer.close()

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        assert code == 0, f"exit code {code}"
