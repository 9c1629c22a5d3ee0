# SPDX-License-Identifier: MIT
"""HTTP/2 by hand: a client that keeps to flow control and to nothing else, and a server that gives one answer. They do what
gRPC's own library would never do."""

import contextlib
import select
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_HEADERS, ACK, END_STREAM = 4, 1, 1
INITIAL_WINDOW, LARGEST = 65535, 16384


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(*pairs):
    """Literals without a name in the table: HPACK at its simplest."""
    return b"".join(b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in pairs)


def answer_all(listener, status, text, closes):
    """A server of HTTP/2 that answers each request, whatever it is, as soon as some of its data has come."""
    trailers = headers((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", str(status)),
                          ("grpc-message", text))
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as incoming:
                connection.sendall(frame(SETTINGS, 0, 0))
                incoming.read(len(PREFACE))
                while head := incoming.read(9):
                    payload, stream = incoming.read(int.from_bytes(head[:3], "big")), int.from_bytes(head[5:], "big")
                    if head[3] == DATA and payload:
                        connection.sendall(frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers))
                        if closes:
                            break


def bomb(stream, size):
    """The beginning of a header block, and one of the CONTINUATION frames that go on with it."""
    return (frame(HEADERS, 0, stream, b"\0\x01x\x7f\x81\xff\xff\x07" + bytes(16000)),
            frame(CONTINUATION, 0, stream, bytes(size)))


def answer_with_a_bomb(listener, wrap, n, size):
    """A server that answers the first request with a header in n CONTINUATION frames. Returns how many bytes of it left until
    it was cut. wrap: adds TLS."""
    sent = 0
    with contextlib.suppress(OSError), wrap(listener.accept()[0]) as peer, peer.makefile("rb") as incoming:
        peer.sendall(frame(SETTINGS, 0, 0))
        incoming.read(len(PREFACE))
        while (head := incoming.read(9)) and head[3] != HEADERS:
            incoming.read(int.from_bytes(head[:3], "big"))
        begin, more = bomb(int.from_bytes(head[5:], "big"), size)
        peer.sendall(begin)
        at_once = 1 if size else 100
        for _ in range(n // at_once):
            peer.sendall(more * at_once)
            sent += len(more) * at_once
    return sent


class Raw:
    def __init__(self, port, window=None):
        """window: of each stream towards this end; None: the usual one."""
        self.socket = socket.create_connection(("127.0.0.1", int(port)))
        settings = b"" if window is None else struct.pack(">HI", 4, window)
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
        self.socket.setblocking(False)
        self.room, self.initial, self.rooms = INITIAL_WINDOW, INITIAL_WINDOW, {}
        self.came, self.ended, self.is_closed = b"", set(), False
        self.n_pongs = 0

    def open(self, stream, path, data=b""):
        self.rooms[stream] = self.initial
        self.send(frame(HEADERS, END_HEADERS, stream, headers(
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("te", "trailers"),
            ("content-type", "application/grpc"))))
        return self.data(stream, data)

    def send(self, data):
        while data and not self.is_closed:
            try:
                data = data[self.socket.send(data):]
            except BlockingIOError:
                self.pump()
                select.select([self.socket], [self.socket], [], 0.1)
            except (BrokenPipeError, ConnectionResetError):
                self.is_closed = True

    def data(self, stream, data):
        """Sends as much as flow control allows at once; returns how much."""
        n = min(len(data), LARGEST, self.room, self.rooms[stream])
        if n > 0:
            self.send(frame(DATA, 0, stream, data[:n]))
            self.room -= n
            self.rooms[stream] -= n
        return max(n, 0)

    def pump(self):
        """Takes what came."""
        try:
            while not self.is_closed and (data := self.socket.recv(1 << 16)):
                self.came += data
            self.is_closed = True
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.is_closed = True
        while len(self.came) >= 9 and len(self.came) >= (size := 9 + int.from_bytes(self.came[:3], "big")):
            self.take(self.came[3], self.came[4], int.from_bytes(self.came[5:9], "big"), self.came[9:size])
            self.came = self.came[size:]

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at:at + 6])
                if key == 4:
                    self.rooms = {s: room + value - self.initial for s, room in self.rooms.items()}
                    self.initial = value
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == WINDOW and stream == 0:
            self.room += int.from_bytes(payload, "big")
        elif kind == WINDOW and stream in self.rooms:
            self.rooms[stream] += int.from_bytes(payload, "big")
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == PING:
            self.n_pongs += 1
        elif kind == RESET:
            self.ended.add(stream)

    def is_read(self):
        """Whether the other end reads all that was sent: it answers a ping within 30 s."""
        n, until = self.n_pongs, time.monotonic() + 30
        self.send(frame(PING, 0, 0, bytes(8)))
        while self.n_pongs == n and not self.is_closed and time.monotonic() < until:
            select.select([self.socket], [], [], 1)
            self.pump()
        return self.n_pongs > n

    def close(self):
        self.socket.close()
