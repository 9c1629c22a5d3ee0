#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Bytes that mean harm, over a link and over the plain face, and peers that do not read. Prints "ok <case>" or "not ok
<case>". What ends is the call, or the link; the daemon serves on, in little more memory."""

import os
import random
import socket
import subprocess
import threading
import time

import grpc

import h2
from common import (BIN, EXHAUSTED, INVALID, IS_SANITIZED, MIB, Cases, Server, Target, as_nobody, call, field, frame, hello,
                    linked, message, report, varint, within)
from raw import OPTIONS, pb

FRAGMENT = 65536
LIMIT = 8 * MIB
MORE, CONTINUES = 2, 4
OK, UNAVAILABLE = 0, 14


def nested(depth):
    """tree(root): root and so many below it."""
    payload = b""
    for _ in range(depth):
        payload = field(1, payload)
    return payload


# Name, operation, payload, the statuses that are right.
BOMBS = (
    ("2,000,000 empty sub-messages", "nothings", b"\x0a\x00" * 2000000, (OK, EXHAUSTED)),
    ("3,000,000 empty sub-messages that cost memory", "tree", field(1, b"\x0a\x00" * 3000000), (EXHAUSTED,)),
    ("2,000,000 unknown fields", "add", b"\x98\x06\x01" * 2000000 + b"\x08\x01", (OK,)),
    ("64 messages inside one another", "tree", nested(64), (OK,)),
    ("65 messages inside one another", "tree", nested(65), (INVALID,)),
    ("10,000 messages inside one another", "tree", nested(10000), (INVALID,)),
    ("bad UTF-8", "text", field(1, b"a\xffb"), (INVALID,)),
    ("a surrogate in UTF-8", "text", field(1, b"\xed\xa0\x80"), (INVALID,)),
    ("an overlong slash", "text", field(1, b"\xc0\xaf"), (INVALID,)),
    ("a NUL in a text", "text", field(1, b"adm\0x"), (INVALID,)),
    ("a length beyond the end", "bytes", b"\x0a\xff\xff\xff\xff\x07abc", (INVALID,)),
    ("a varint without end", "add", b"\x08" + b"\xff" * 11, (INVALID,)),
    ("groups", "add", b"\x0b" * 100, (INVALID,)),
    ("field number 0", "add", b"\x00\x01", (INVALID,)),
    ("a wire type that is none", "add", b"\x0f\x01", (INVALID,)),
    ("5 MiB over the limit", "bytes", field(1, bytes(LIMIT + 5 * MIB)), (EXHAUSTED,)),
)
VALID = field(1, field(1, b"") + field(1, field(1, field(1, b"")))) + b"\x98\x06\x01" + field(99, b"text")


class Link:
    """Calls as a raw client of a link makes them."""

    def __init__(self, server):
        self.client = linked(server)

    def code(self, what, payload):
        number = next(self.client.numbers)
        total = len(payload)
        if total <= FRAGMENT:
            self.client.send(self.client.call_frame(what, payload, number=number))
        for at in range(0, total if total > FRAGMENT else 0, FRAGMENT):
            flags = (CONTINUES if at else 0) | (MORE if at + FRAGMENT < total else 0)
            part = payload[at:at + FRAGMENT]
            self.client.send(self.client.call_frame(what, part, number=number, flags=flags, total=0 if at else total))
        answer = self.client.answer(number)
        self.client.forget(number)
        return answer.error.code if answer.HasField("error") else OK

    def close(self):
        self.client.close()


class Plain:
    """Calls as any gRPC client makes them."""

    def __init__(self, server):
        self.channel = grpc.insecure_channel(server.address, OPTIONS)

    def code(self, what, payload):
        try:
            self.channel.unary_unary(f"/faults.Target/{what}")(payload, timeout=20)
            return OK
        except grpc.RpcError as error:
            return error.code().value[0]

    def close(self):
        self.channel.close()


def warm(server, way):
    """What a large message leaves with the allocator is not a leak."""
    way.code("bytes", field(1, bytes(4 * MIB)))
    way.code("add", b"")


def bombs(face):
    server = Server(f"max_message={LIMIT}")
    way = face(server)
    warm(server, way)
    worst = 0
    for name, what, payload, right in BOMBS:
        server.forget_peak()
        base, cpu = server.rss(), server.cpu()
        code = way.code(what, payload)
        assert code in right, f"{name}: status {code}, not {right}"
        grown, used = server.peak() - base, server.cpu() - cpu
        worst = max(worst, grown)
        assert grown <= 64 * MIB or IS_SANITIZED, f"{name}: {grown / MIB:.0f} MiB more"
        assert used <= (5 if IS_SANITIZED else 0.5), f"{name}: {used:.2f} s of processor time"
        assert way.code("add", b"\x08\x01\x10\x02") == OK, f"after {name}"
    report(f"{len(BOMBS)} bombs, at most {worst / MIB:.0f} MiB more", "<= 64 MiB")
    way.close()
    server.stop()


def bombs_over_a_link_end_their_call_alone(_):
    bombs(Link)


def bombs_over_the_plain_face_end_their_call_alone(_):
    bombs(Plain)


def a_message_cut_at_every_byte_is_refused_or_whole(_):
    server = Server()
    for face in (Link, Plain):
        way = face(server)
        codes = [way.code("tree", VALID[:at]) for at in range(len(VALID) + 1)]
        whole = [at for at, code in enumerate(codes) if code == OK]
        assert set(codes) == {OK, INVALID}, codes
        assert whole[0] == 0 and whole[-1] == len(VALID) and len(whole) == 4, whole  # between fields
        way.close()
    server.stop()


# ---- links ----

def noise(chance, whole):
    """A message of frames, changed in some places."""
    data = bytearray(whole)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data))
        kind = chance.randrange(3)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at:at + chance.randrange(1, 9)]
        else:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        if not data:
            data = bytearray(b"\0")
    return bytes(data)


def garbage_ends_its_link_alone(_):
    """The same noise in every run, for what it finds shall be found again."""
    server = Server()
    witness = linked(server)
    whole = message(hello(), frame(bind=dict(session=1, object="target", interface="faults.Target", fingerprint=1)),
                    frame(1, call=dict(session=1, name="faults.Target.add", fingerprint=witness.prints[
                        "faults.Target.add"], payload=b"\x08\x01")),
                    frame(2, cancel=dict(code=1)), frame(ping=dict(data=1)), frame(goaway=dict(code=3)))
    begin, links, chance = time.monotonic(), 0, random.Random(7)
    while links < 150 and time.monotonic() - begin < 12:
        client = Target(server.address, first=[])
        for _ in range(10):
            client.send_raw(noise(chance, whole))
        client.send_raw(chance.randbytes(200))
        client.half_close()
        client.wait_end()
        client.close()
        links += 1
    assert witness.run("add", b"\x08\x01\x10\x02") == b"\x08\x03"
    report(f"{links} links with changed and random messages", "one witness goes on")
    witness.close()
    server.stop()


def names_that_are_no_text_are_answered_with_text(_):
    """A reader of protobuf refuses a string that is no UTF-8: what is quoted must be some."""
    server = Server()
    client = linked(server)
    strange = b"x\xff\x80" + "é".encode() * 100 + b"\x01"
    for session, part in ((5, b""), (6, b"a")):  # cut within a character, or not
        body = b"\x08" + varint(session) + field(2, part + strange) + field(3, strange)
        client.send_raw(field(1, field(4, body)))
        assert client.bound(session).code != OK
        client.send_raw(field(1, field(4, b"\x08" + varint(session + 2) + field(2, b"target") + field(3, strange))))
        assert client.bound(session + 2).code != OK
        client.send_raw(field(1, b"\x08" + varint(session) + field(7, b"\x08\x01" + field(3, part + strange))))
        assert "operation or attribute 'a" in client.error(session).message or "operation or attribute 'x??é" in client.error(session).message
    client.close()
    server.stop()


def a_message_beyond_the_limit_of_links_ends_its_link(_):
    server = Server()
    witness = linked(server)
    client = linked(server)
    server.forget_peak()
    base = server.rss()
    client.send_raw(field(1, field(15, bytes(30 * MIB))))
    client.wait_end()
    grown = server.peak() - base
    report(f"a message of 30 MiB for a link: {grown / MIB:.0f} MiB more", "<= 64 MiB")
    assert grown <= 64 * MIB or IS_SANITIZED
    assert witness.run("add", b"\x08\x01\x10\x02") == b"\x08\x03"
    client.close()
    witness.close()
    server.stop()


def deaf(server):
    """A bound client that reads no more, as far as core lets it."""
    client = Target(server.address, read=False)
    client.prints = {}
    return client


def flooded(server, messages):
    """Sends to a server what it has to answer, and reads nothing; then all that there is. Returns the client."""
    witness = linked(server)
    client = deaf(server)
    client.prints = witness.prints
    client.send(frame(bind=dict(session=1, object="target", interface="faults.Target", fingerprint=1)))
    server.forget_peak()
    base = server.rss()
    for data in messages(client):
        client.send_raw(data)
    assert within(lambda: client.out.empty())
    assert witness.run("add", b"\x08\x01\x10\x02") == b"\x08\x03"
    grown = server.peak() - base
    client.reader.start()
    witness.close()
    report(f"{messages.__name__.replace('_', ' ')}, not read: {grown / MIB:.0f} MiB more", "<= 64 MiB")
    assert grown <= 64 * MIB or IS_SANITIZED
    return client


def pings(_):
    one = message(*[frame(ping=dict(data=1 << 60)) for _ in range(14000)])
    for _ in range(150):
        yield one


def unknown_sessions(_):
    for number in range(1, 150 * 4000, 4000):
        yield message(*[frame(n, call=dict(session=77, name="faults.Target.add")) for n in range(number, number + 4000)])


def references_that_nobody_waits_for(_):
    """In errors of calls that were never made: each is given back with a frame that is longer than what brought it."""
    for _ in range(80):
        ids = os.urandom(12000 * 16)
        yield message(*[frame(7, error=dict(code=1, references=[ids[at + i:at + i + 16] for i in range(0, 16000, 16)]))
                        for at in range(0, len(ids), 16000)])


def one_object_over_and_over(_):
    for session in range(2, 8000, 400):
        yield message(*[frame(bind=dict(session=n, object="target", interface="faults.Target", fingerprint=1))
                        for n in range(session, session + 400)])
    for session in range(8002, 64000, 2000):
        yield message(*[frame(bind=dict(session=n, object="target", interface="faults.Target", fingerprint=1))
                        for n in range(session, session + 2000)])


def large_replies(client):
    for _ in range(10):
        yield message(*[client.call_frame("make", b"\x08" + varint(MIB)) for _ in range(20)])


def a_peer_that_does_not_read_is_let_go(_):
    for what in (pings, unknown_sessions, references_that_nobody_waits_for, one_object_over_and_over):
        server = Server()
        client = flooded(server, what)
        client.wait_end()
        client.close()
        server.stop()


def methods_wait_for_a_peer_that_does_not_read(_):
    server = Server()
    client = flooded(server, large_replies)
    client.forget(0)
    assert within(lambda: sum(len(f.reply.payload) for f in client.frames) > 200 * MIB), "replies are missing"
    client.close()
    server.stop()


def requests_in_flight_are_bounded_in_all(_):
    """Eight times max_message, and 32 MiB; what is beyond it ends alone."""
    server = Server("max_message=4194304", "threads=1")
    client = linked(server)
    server.forget_peak()
    base = server.rss()
    part, total, numbers = bytes(FRAGMENT), 4 * MIB - 8, []
    for _ in range(40):
        numbers.append(client.start("bytes", part, flags=MORE, total=total))
        for _ in range(48):
            client.send(client.call_frame("bytes", part, number=numbers[-1], flags=CONTINUES | MORE))
    client.fence()
    refused = [n for n in numbers if client.find(lambda f, n=n: f.number == n)]
    taken = (8 * 4 * MIB + 32 * MIB) // (4 * MIB) - 1  # the last has no room beside sessions and the like
    assert refused == numbers[taken:], (len(refused), refused[:3])
    assert all(client.error(n).code == EXHAUSTED for n in refused)
    grown = server.peak() - base
    report(f"40 requests of 3 MiB that do not end: {len(refused)} refused, {grown / MIB:.0f} MiB more", "<= 64 MiB")
    assert grown <= 64 * MIB or IS_SANITIZED
    for number in numbers[:taken]:
        client.send(frame(number, cancel=dict(code=1)))
    client.fence(8)
    assert Link.code(type("One", (), {"client": client}), "bytes", field(1, bytes(3 * MIB))) == OK
    client.close()
    server.stop()


def calls_and_cancels_in_a_hurry_run_little(_):
    server = Server()
    client = linked(server)
    client.run("asleep")
    base = server.rss()
    begin = time.monotonic()
    for _ in range(40):
        pairs = []
        for _ in range(500):
            made = client.call_frame("sleep", b"\x08\xe0\xd4\x03")
            pairs += [made, frame(made.number, cancel=dict(code=1))]
        client.send(*pairs)
    client.fence()
    took = time.monotonic() - begin
    assert within(lambda: client.run("asleep") == b"")
    grown = server.rss() - base
    report(f"20,000 calls, each cancelled at once, in {took:.1f} s: {grown / MIB:+.0f} MiB", "<= 64 MiB")
    assert grown <= 64 * MIB or IS_SANITIZED
    assert call("serial", server.uri, 10)["calls"] == 10
    client.close()
    server.stop()


class Stranger(h2.Raw):
    def take(self, kind, flags, stream, payload):
        if kind == h2.HEADERS and flags & h2.END_STREAM:
            self.ended.add(stream)
        super().take(kind, flags, stream, payload)

    def sees(self, condition):
        return within(lambda: self.pump() or condition())


def stranger(port):
    """Returns how many of three came true: a call is answered, a long header ends its connection, one in many frames does."""
    met, continued = 0, 9
    for sizes in ((60000, 60000), (100,) + 20 * (0,)):
        peer = Stranger(port)
        peer.open(1, "/faults.Target/increment")
        peer.send(h2.frame(h2.DATA, h2.END_STREAM, 1, bytes(5)))
        met += peer.sees(lambda peer=peer: 1 in peer.ended) and not peer.is_closed and sizes[1] > 0
        peer.send(h2.frame(h2.HEADERS, 0, 3, b"\0\x01x\x7f\x81\xff\xff\x07" + bytes(sizes[0])))
        for size in sizes[1:]:
            peer.send(h2.frame(continued, 0, 3, bytes(size)))
        met += peer.sees(lambda peer=peer: peer.is_closed)
        peer.close()
    return met


def a_long_header_of_another_user_ends_its_connection(_):
    if os.geteuid() != 0:
        print("    skipped: only root can run a program as another user", flush=True)
        return
    server = Server()
    assert as_nobody(stranger, server.port) == 3
    assert call("serial", server.uri, 10)["calls"] == 10
    server.stop()


def a_long_header_of_the_same_user_ends_its_connection_if_that_is_asked_for(_):
    server = Server(environment={"PYRITE_GUARD_OWN": "1"})
    assert stranger(server.port) == 3
    assert call("serial", server.uri, 10)["calls"] == 10
    server.stop()


def ask(address, environment):
    """A call as gRPC's own clients make it: "status", or "unsure" if it may have run, and the status."""
    caller = subprocess.run([BIN / "faults-client", "asked", f"PYRO:target@{address}", "1"], input="\n", text=True, check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ, **environment))
    return caller.stdout.split()


def asked(address, environment):
    return int(ask(address, environment)[1])


def answered_with_a_bomb(call_it):
    """Most of 16 MiB of a header does not leave, as nobody takes it."""
    sent = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # the system holds little that the client does not take
        server = threading.Thread(target=lambda: sent.append(h2.answer_with_a_bomb(listener, lambda one: one, 1000, 16384)))
        server.start()
        status = call_it("{}:{}".format(*listener.getsockname()))
        server.join()
    assert status == UNAVAILABLE, status
    assert sent[0] <= MIB, sent


def a_client_says_of_a_server_that_it_does_not_speak_grpc(_):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            peer = listener.accept()[0]
            peer.recv(24)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()
        server = threading.Thread(target=answer)
        server.start()
        status = asked("{}:{}".format(*listener.getsockname()), {"PYRITE_GUARD_OWN": "1"})
        server.join()
    assert status == UNAVAILABLE, status


def a_client_knows_the_answer_of_a_server_from_the_loss_of_it(_):
    """Also if that says that it is not available: then nothing has run."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=h2.answer_all, args=(listener, UNAVAILABLE, "busy", False), daemon=True)
        server.start()
        said = ask("{}:{}".format(*listener.getsockname()), {"PYRITE_GUARD_OWN": "1"})
        listener.shutdown(socket.SHUT_RDWR)
        server.join()
    assert said == ["status", "14"], said


def a_client_leaves_a_server_with_a_long_header(_):
    answered_with_a_bomb(lambda address: asked(address, {"PYRITE_GUARD_OWN": "1"}))
    if os.geteuid() == 0:
        answered_with_a_bomb(lambda address: as_nobody(asked, address, {}))


def main():
    cases = Cases()
    for case in (bombs_over_a_link_end_their_call_alone, bombs_over_the_plain_face_end_their_call_alone,
                 a_message_cut_at_every_byte_is_refused_or_whole, garbage_ends_its_link_alone,
                 names_that_are_no_text_are_answered_with_text, a_message_beyond_the_limit_of_links_ends_its_link, a_peer_that_does_not_read_is_let_go,
                 methods_wait_for_a_peer_that_does_not_read, requests_in_flight_are_bounded_in_all,
                 calls_and_cancels_in_a_hurry_run_little, a_long_header_of_another_user_ends_its_connection,
                 a_long_header_of_the_same_user_ends_its_connection_if_that_is_asked_for,
                 a_client_says_of_a_server_that_it_does_not_speak_grpc,
                 a_client_knows_the_answer_of_a_server_from_the_loss_of_it, a_client_leaves_a_server_with_a_long_header):
        cases.run(case, None)
    cases.end()


main()
