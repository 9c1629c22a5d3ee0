#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Peers that do at random what Pyro's clients do, and what none would: whole messages and parts of them, damaged ones, calls,
batches and streams, ends of all kinds, over several connections at once. A step is one of these.

    tests/pyro/fuzz.py [STEPS [SEED]]        PYRITE_BIN: where pyro-examples is

A finding is a server that has ended, or does not answer; "SEED" repeats the steps.
"""

import os
import pathlib
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

import serpent

from wire import (BATCH, COMPRESSED, CONNECT, INVOKE, META, ONEWAY, PING, STREAM, Peer, annotation, call, hello, message,
                  message_5)

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
PEERS = 12
OBJECTS = ("probe", "example.batched", "example.streamer", "example.attributes", "instance.session", "example.warehouse",
           "example.autoproxy", "Pyro.Daemon", "Pyrite.Daemon", "Pyro.NameServer", "nothing")
METHODS = ("add", "mirror", "pay", "fail", "note", "n_notes", "bytes", "pieces", "generator", "list", "msg", "store", "take",
           "list_contents", "createSomething", "registered", "info", "ping", "get_metadata", "get_next_stream_item",
           "close_stream", "__getattr__", "__setattr__", "<batch>", "count", "annotation", "objects", "describe", "nothing", "hang")
RECORDED = [bytes.fromhex(line.split()[2]) for name in ("48", "48_key", "502")
            for line in (SOURCE / f"tests/pyro/frames_{name}.txt").read_text().splitlines() if line.startswith("client")]


class Fuzz:
    def __init__(self, port, seed):
        self.port, self.random = port, random.Random(seed)
        self.peers, self.streams = [], ["x" * 36]

    def value(self, depth=0):
        r = self.random
        kind = r.randrange(14 if depth < 3 else 9)
        if kind < 9:
            return r.choice((0, 1, -1, 7, 2**31, 2**63, -2**63, 2**70, 1.5, float("inf"), "", "x", "prop_value", "\u20ac", "a" * 300,
                             None, True, False, b"bytes", r.choice(self.streams), r.choice(OBJECTS), {"x": 1, "y": 2}, 3000))
        if kind < 12:
            return [self.value(depth + 1) for _ in range(r.randrange(4))]
        return {r.choice(("x", "y", "__class__", "items", "@type", "args")): self.value(depth + 1) for _ in range(r.randrange(4))}

    def call(self):
        r = self.random
        method = r.choice(METHODS)
        arguments = [self.value() for _ in range(r.randrange(4))]
        if method == "bytes" or method == "pieces":
            arguments = [r.randrange(20), r.randrange(20000)][:1 + (method == "pieces")]
        if method == "<batch>":
            arguments = [(r.choice(METHODS[:-1]), [self.value()], {}) for _ in range(r.randrange(5))]
        flags = r.choice((0, 0, 0, ONEWAY, BATCH, BATCH | ONEWAY, COMPRESSED, r.randrange(65536)))
        data = serpent.dumps((r.choice(OBJECTS), method, arguments, r.choice(({}, None, {"x": 1}, {"p": {"x": 1, "y": 2}}))))
        if flags & COMPRESSED and r.random() < 0.9:
            data = zlib.compress(data)
        if method == "hang":
            flags |= ONEWAY if r.random() < 0.2 else 0
        extra = annotation(b"ABCD", b"x" * r.randrange(100)) if r.random() < 0.1 else b""
        if r.random() < 0.2:
            return message_5(INVOKE, data, flags & 0x0f, r.randrange(65536))
        return message(INVOKE, data, flags, r.randrange(65536), annotations=extra)

    def damage(self, data):
        r = self.random
        data = bytearray(data)
        for _ in range(r.randrange(1, 6)):
            at = r.randrange(len(data) or 1)
            how = r.randrange(4)
            if how == 0 and data:
                data[at % len(data)] ^= 1 << r.randrange(8)
            elif how == 1:
                data[at:at] = bytes(r.randrange(256) for _ in range(r.randrange(8)))
            elif how == 2:
                del data[at:at + r.randrange(8)]
            else:
                data[at:at + 4] = struct.pack("!I", r.choice((0, 1, 0xffff, 0x7fffffff, 0xffffffff)))[:len(data[at:at + 4])]
        if data[:4] != b"PYRO" and r.random() < 0.9:
            data[:4] = b"PYRO"
        return bytes(data)

    def some(self):
        r = self.random
        data = r.choice((self.call, self.call, lambda: hello(r.choice(OBJECTS)), lambda: message(PING, b"ping"),
                         lambda: r.choice(RECORDED), lambda: message(CONNECT, serpent.dumps(self.value()), META)))()
        return self.damage(data) if r.random() < 0.3 else data

    def begin(self):
        r = self.random
        peer = Peer(self.port)
        peer.socket.setblocking(False)
        if r.random() < 0.85:
            thing = r.choice(OBJECTS[:-1])
            self.send(peer, hello(thing) if r.random() < 0.8 else message_5(CONNECT, serpent.dumps(
                {"handshake": "hello", "object": thing})))
        self.peers.append(peer)

    def send(self, peer, data):
        try:
            peer.socket.send(data)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass

    def read(self, peer):
        """What has come, or comes soon; ids of streams in it are remembered."""
        if self.random.random() < 0.3:
            select.select([peer.socket], [], [], 0.005)
        try:
            data = peer.socket.recv(100000)
        except (BlockingIOError, ConnectionResetError):
            return
        at = data.find(b"STRM")
        if at >= 0:
            self.streams = self.streams[-20:] + [data[at + 6:at + 42].decode("latin-1")]

    def step(self):
        r = self.random
        if len(self.peers) < PEERS or r.random() < 0.02:
            self.begin()
        peer = r.choice(self.peers)
        how = r.random()
        if how < 0.7:
            self.send(peer, self.some())
        elif how < 0.8:
            data = self.some()
            cut = r.randrange(len(data) + 1)
            self.send(peer, data[:cut])
            if r.random() < 0.7:
                self.send(peer, data[cut:])
        elif how < 0.9:
            self.send(peer, b"".join(self.some() for _ in range(r.randrange(5))))
        else:
            if how > 0.97:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how > 0.94:
                peer.socket.close()
                self.peers.remove(peer)
                return
            try:
                peer.socket.shutdown(r.choice((socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR)))
            except OSError:
                pass
        self.read(peer)


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    guard = threading.Timer(600, os._exit, (3,))
    guard.daemon = True
    guard.start()
    print(f"# seed {seed}", flush=True)
    server = subprocess.Popen([BIN / "pyro-examples"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYRITE_MAX_MESSAGE": "1M"})
    for line in server.stdout:
        if line.startswith("probe "):
            port = int(line.rsplit(":", 1)[1])
        if line.startswith("Ready"):
            break
    threading.Thread(target=server.stdout.read, daemon=True).start()
    fuzz = Fuzz(port, seed)
    for i in range(steps):
        try:
            fuzz.step()
        except ConnectionRefusedError:
            break
    for peer in fuzz.peers:
        peer.close()
    peer = Peer(port, hello(), call("mirror", {"x": 1, "y": 2})).accepted()
    answered = peer.result() == {"x": 2, "y": 1}
    peer.close()
    server.stdin.close()
    code = server.wait(60)
    good = answered and code == 0
    print(f"{'ok' if good else 'not ok'} the_daemon_outlives_peers_at_random" + ("" if good else f" (exit code {code}, seed {seed})"))
    sys.stdout.flush()
    os._exit(not good)


main()
