#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Frames straight on a socket: what is not the same on every lane. A raw socket meets e2e-server."""

import os
import random
import signal
import socket
import struct
import threading
import time

from peers import INTERNAL, refused
from raw import PATIENCE, PREFACE, Cases, Driver, Program, frame, hello, int_arguments, message, pb, result_int, uri

MAX = 262144
QUICK = {"PYRITE_KEEPALIVE_MS": "100"}


class Socket:
    """Bytes as they are; what comes is read as messages, after the preface."""

    def __init__(self, server, data=b""):
        host, port = server.address.rsplit(":", 1)
        self.plug = socket.create_connection((host, int(port)), PATIENCE)
        self.plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.plug.settimeout(PATIENCE)
        self.frames = []
        self.send(data)

    def send(self, data):
        self.plug.sendall(data)

    def take(self, n):
        data = b""
        while len(data) < n:
            part = self.plug.recv(n - len(data))
            assert part, f"closed after {data!r}"
            data += part
        return data

    def message(self):
        """The frames of the next message; None is the end in good order."""
        length = struct.unpack("<I", self.take(4))[0]
        return list(pb.Message.FromString(self.take(length)).frames) if length else None

    def frame(self, want):
        """The next one that is wanted; those before it are forgotten."""
        while True:
            while self.frames:
                if want(one := self.frames.pop(0)):
                    return one
            self.frames = self.message()
            assert self.frames is not None, "the link has ended"

    def is_closed(self):
        """Without another byte, or cut."""
        try:
            return self.plug.recv(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.plug.close()


def framed(*frames):
    data = message(*frames)
    return struct.pack("<I", len(data)) + data


BIND = frame(bind=dict(session=1, object="work", interface="e2e.Work", fingerprint=1))


def greeted(server):
    peer = Socket(server, PREFACE)
    assert peer.take(len(PREFACE)) == PREFACE
    return peer


def bound(server):
    peer = greeted(server)
    peer.send(framed(hello(), BIND))
    peer.prints = {o.name: o.fingerprint for o in peer.frame(lambda f: f.HasField("bound")).bound.operations}
    return peer


def add(peer, number, x, y):
    return frame(number, call=dict(session=1, name="e2e.Work.add", fingerprint=peer.prints["e2e.Work.add"],
                                   payload=int_arguments(x, y)))


def answer(peer, number):
    return result_int(peer.frame(lambda f: f.number == number and f.HasField("reply")).reply.payload)


def answers(peer, count):
    """By number: methods run side by side."""
    found = {}
    while len(found) < count:
        reply = peer.frame(lambda f: f.HasField("reply"))
        found[reply.number] = result_int(reply.reply.payload)
    return found


def the_preface_may_come_byte_by_byte(server):
    peer = Socket(server)
    for byte in PREFACE:
        peer.send(bytes((byte,)))
    assert peer.take(len(PREFACE)) == PREFACE
    peer.close()


def another_preface_is_no_link(server):
    for data in (b"PYRITE/2 frames follow\r\n", PREFACE[:-1] + b"\r", b"PYRO\x01\xf6"):
        peer = Socket(server, data)
        assert peer.is_closed(), data
        peer.close()


def messages_may_come_in_any_pieces(server):
    peer = bound(server)
    data = b"".join(framed(add(peer, n, n, 1)) for n in range(1, 40))
    for byte in data[:300]:
        peer.send(bytes((byte,)))
    peer.send(data[300:])
    assert answers(peer, 39) == {n: n + 1 for n in range(1, 40)}
    peer.close()


def pieces_of_two_links_do_not_mix(server):
    """What one has begun is kept while the other goes on."""
    peers = [bound(server) for _ in range(3)]
    rng = random.Random(7)
    waiting = [b"".join(framed(add(p, n, n, at)) for n in range(1, 100)) for at, p in enumerate(peers)]
    while any(waiting):
        at = rng.randrange(len(peers))
        n = rng.choice((1, 3, 50, 700))
        peers[at].send(waiting[at][:n])
        waiting[at] = waiting[at][n:]
    for at, peer in enumerate(peers):
        assert answers(peer, 99) == {n: n + at for n in range(1, 100)}
        peer.close()


def a_message_of_the_largest_size_is_taken_and_a_larger_one_is_not(server):
    peer = bound(server)
    filler = MAX - len(message(frame(ping=dict(data=1)))) - 8
    length = bytes((filler & 127 | 128, filler >> 7 & 127 | 128, filler >> 14))
    fits = message(frame(ping=dict(data=1))) + b"\x7a" + length + b"\0" * filler
    assert len(fits) <= MAX
    peer.send(struct.pack("<I", len(fits)) + fits)
    peer.frame(lambda f: f.HasField("pong") or f.HasField("goaway"))
    peer.close()
    peer = bound(server)
    peer.send(struct.pack("<I", MAX + 1) + b"\0" * 100)
    goaway = peer.frame(lambda f: f.HasField("goaway")).goaway
    assert goaway.code == INTERNAL and f"a message of {MAX + 1} bytes" in goaway.message, goaway
    peer.close()
    peer = bound(server)
    peer.send(b"\xff\xff\xff\xff")
    assert "4294967295 bytes" in peer.frame(lambda f: f.HasField("goaway")).goaway.message
    peer.close()


def a_length_of_0_ends_the_link_in_good_order(server):
    peer = bound(server)
    peer.send(framed(add(peer, 1, 2, 3)))
    assert answer(peer, 1) == 5
    peer.send(struct.pack("<I", 0))
    while peer.message() is not None:
        pass
    assert peer.is_closed()
    peer.close()


def a_connection_that_is_cut_in_a_message_ends_alone(server):
    other = bound(server)
    for n in (1, 3, 4, 5, 20):
        peer = bound(server)
        peer.send(framed(add(peer, 1, 2, 3))[:n])
        peer.close()
        other.send(framed(add(other, n, n, n)))
        assert answer(other, n) == 2 * n
    other.close()


def random_bytes_end_a_link_and_nothing_else(server):
    other, rng = bound(server), random.Random(11)
    for n in range(1, 300):
        peer = greeted(server)
        whole = bytearray(framed(hello(), BIND, frame(ping=dict(data=n))))
        for _ in range(rng.randrange(1, 6)):
            whole[rng.randrange(4, len(whole))] = rng.randrange(256)
        try:
            peer.send(bytes(whole) + rng.randbytes(rng.randrange(200)))
        except ConnectionError:
            pass
        peer.close()
    other.send(framed(add(other, 1, 20, 22)))
    assert answer(other, 1) == 42
    other.close()


def who_is_silent_is_asked_and_let_go(_):
    """With keepalive_ms 100: asked after 0.6 s of silence, let go 0.2 s later."""
    server = Program("e2e-server", environment=QUICK)
    peer = bound(server)
    begin = time.monotonic()
    peer.frame(lambda f: f.HasField("ping"))
    asked = time.monotonic() - begin
    peer.send(framed(frame(pong=dict(data=0))))
    peer.frame(lambda f: f.HasField("ping"))
    again = time.monotonic() - begin
    while not peer.is_closed():
        pass
    assert 0.5 < asked < again - 0.5, (asked, again)
    assert time.monotonic() - begin - again > 0.15
    mute = Socket(server, PREFACE)  # it never says Hello
    assert mute.take(len(PREFACE)) == PREFACE
    mute.plug.recv(65536)  # the server's Hello, and its Ping
    while not mute.is_closed():
        pass
    for one in (peer, mute):
        one.close()
    code, _ = server.stop()
    assert code == 0, code


def who_answers_a_process_that_stood_still_is_not_silent(_):
    """The Pong is there when the process goes on, but its time has passed."""
    server = Program("e2e-server", environment=QUICK)
    for number in range(1, 6):
        peer = bound(server)
        peer.frame(lambda f: f.HasField("ping"))
        os.kill(server.process.pid, signal.SIGSTOP)
        os.waitpid(server.process.pid, os.WUNTRACED)
        peer.send(framed(frame(pong=dict(data=0))))
        time.sleep(0.3)  # what it would have waited for: 0.2 s
        os.kill(server.process.pid, signal.SIGCONT)
        peer.send(framed(add(peer, number, 20, 22)))
        assert answer(peer, number) == 42
        peer.close()
    code, _ = server.stop()
    assert code == 0, code


def a_server_that_is_lost_in_its_preface_is_not_one_of_another_protocol(_):
    """Only what was really said tells that: a call may be made again, a stream go on elsewhere."""
    def greet(listener, words):
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection:
                connection.sendall(words)

    for words, status in ((b"", "UNAVAILABLE"), (PREFACE[:9], "UNAVAILABLE"), (b"220 mail", "FAILED_PRECONDITION")):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=greet, args=(listener, words), daemon=True).start()
            client = Driver(environment={"PYRITE_LANE": "socket"})
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            assert client.ask(f"new 0 {uri(address)} connect=300") == "ok"
            refused(client.ask("add 0 1 2"), status, address)
            client.end()


def main():
    cases = Cases()
    server = Program("e2e-server")
    for case in (the_preface_may_come_byte_by_byte, another_preface_is_no_link, messages_may_come_in_any_pieces,
                 pieces_of_two_links_do_not_mix, a_message_of_the_largest_size_is_taken_and_a_larger_one_is_not,
                 a_length_of_0_ends_the_link_in_good_order, a_connection_that_is_cut_in_a_message_ends_alone,
                 random_bytes_end_a_link_and_nothing_else, who_is_silent_is_asked_and_let_go,
                 who_answers_a_process_that_stood_still_is_not_silent,
                 a_server_that_is_lost_in_its_preface_is_not_one_of_another_protocol):
        cases.run(case, server)
    code, _ = server.stop()
    if code != 0:
        print(f"not ok the server ended with {code}")
        cases.failed += 1
    cases.end()


if __name__ == "__main__":
    main()
