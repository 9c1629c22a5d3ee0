#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Peers that speak Pyro's wire protocol badly, and recorded ones of Pyro5. After each case the daemon answers others. Prints
"ok <case>" or "not ok <case>"."""

import os
import pathlib
import socket
import struct
import sys
import threading
import time
import traceback
import zlib

import serpent

from wire import (BATCH, COMPRESSED, CONNECT, CONNECT_FAIL, CONNECT_OK, EXCEPTION, INVOKE, META, ONEWAY, PATIENCE, PICKLE, PING,
                  RESULT, SERIALIZED, SERPENT, STREAM, Peer, Server, accepted, annotation, call, header, hello, message, message_5)

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
CASES = []


def case(function):
    CASES.append(function)
    return function


def same(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "does not become so"
        time.sleep(0.002)


# ---- headers ----

@case
def a_header_that_ends_early_is_waited_for_and_forgotten(s):
    for n in range(4, 24):
        Peer(s.port, hello()[:n]).close()


@case
def a_message_that_ends_early_is_forgotten(s):
    for n in (24, 25, len(hello()) - 1):
        Peer(s.port, hello()[:n]).close()


@case
def another_version_is_refused(s):
    Peer(s.port, header(CONNECT, 0, version=47)).refused("invalid data or unsupported protocol version")
    Peer(s.port, b"PYRO" + b"\xff" * 40).refused("invalid data or unsupported protocol version")


@case
def a_wrong_checksum_is_refused(s):
    data = bytearray(hello())
    data[22] ^= 1
    Peer(s.port, bytes(data)).refused("header checksum mismatch")


@case
def a_negative_length_is_refused(s):
    Peer(s.port, header(CONNECT, -1)).refused("invalid message size")


@case
def a_first_message_is_small(s):
    Peer(s.port, header(CONNECT, 65537)).refused("max message size exceeded (65537 where max=65536)")


@case
def a_message_that_claims_too_much_ends_the_connection(s):
    for size in (s.max_message + 1, 0x7fffffff):
        peer = accepted(s)
        peer.send(header(INVOKE, size))
        peer.ended()


@case
def a_length_that_is_claimed_takes_no_memory(s):
    peers = [accepted(s) for _ in range(50)]
    for peer in peers:
        peer.send(header(INVOKE, s.max_message - 100) + b"x")
    assert s.memory() < 400 << 20, s.memory()
    for peer in peers:
        peer.close()


@case
def unknown_types_are_refused(s):
    for kind in (0, 2, 3, 5, 7, 255, 65535):
        Peer(s.port, message(kind, b"")).refused(f"invalid msg type {kind} received", SERPENT)
        peer = accepted(s)
        peer.send(message(kind, b""))
        peer.ended()


@case
def unknown_flags_are_ignored(s):
    peer = accepted(s)
    peer.send(call("n_notes", flags=0xff80))
    assert isinstance(peer.result(), int)
    peer.close()


# ---- the beginning ----

@case
def a_call_before_the_connection_is_accepted_is_refused(s):
    Peer(s.port, call("n_notes")).refused("invalid msg type 4 received", SERPENT)
    Peer(s.port, message(PING, b"ping")).refused("invalid msg type 6 received", SERPENT)


@case
def a_second_connect_ends_the_connection(s):
    peer = accepted(s)
    peer.send(hello())
    peer.ended()


@case
def versions_are_not_changed_in_between(s):
    peer = accepted(s)
    peer.send(message_5(INVOKE, serpent.dumps(("probe", "n_notes", (), {}))))
    peer.ended()


@case
def an_unknown_object_is_refused(s):
    for thing in ("nothing", "", "a\0b", "x" * 5000, 7, None, ["probe"]):
        Peer(s.port, hello(thing)).refused("unknown object", SERPENT)


@case
def what_is_no_connect_is_refused(s):
    for data in (b"", b"# serpent utf-8 python3.2\n", b"# serpent utf-8 python3.2\n[" * 1, b"{'object': ", b"\xff\xfe\xfd" * 10,
                 b"[" * 3000, serpent.dumps(7), serpent.dumps({})):
        kind, _, _, _, _ = Peer(s.port, message(CONNECT, data, META)).answer()
        assert kind == CONNECT_FAIL


@case
def pickle_and_unknown_serializers_are_refused_unread(s):
    for serializer in (0, PICKLE, 5, 7, 42, 65535):
        Peer(s.port, hello(serializer=serializer)).refused(f"serializer that is not accepted: {serializer}")
        peer = accepted(s)
        peer.send(call("n_notes", serializer=serializer))
        kind, flags, seq, _, data = peer.answer()
        same((kind, flags & EXCEPTION, seq), (RESULT, EXCEPTION, 1)) if data else None
        peer.close()


@case
def without_metadata_only_the_handshake_is_answered(s):
    peer = Peer(s.port, message(CONNECT, serpent.dumps({"handshake": "hello"})))
    kind, flags, _, _, data = peer.answer()
    same((kind, flags, serpent.loads(data)), (CONNECT_OK, 0, "hello"))
    peer.send(call("n_notes"))
    assert isinstance(peer.result(), int)
    peer.close()


# ---- annotations ----

@case
def annotations_whose_lengths_lie_are_refused(s):
    for data in (b"ABCD", b"ABCD\0", annotation(b"ABCD", b"xy", 3), annotation(b"ABCD", b"xy", 65535), annotation(b"ABCD", b"xy", 1)):
        Peer(s.port, hello(annotations=data)).refused("annotation chunk length exceeds remaining data", SERPENT)
        peer = accepted(s)
        peer.send(call("n_notes", annotations=data))
        peer.ended()


@case
def annotations_are_counted_and_named(s):
    peer = accepted(s)
    peer.send(call("n_notes", annotations=annotation(b"ABCD", b"x") * 64))
    assert isinstance(peer.result(), int)
    peer.send(call("n_notes", annotations=annotation(b"ABCD", b"x") * 65))
    peer.ended()
    Peer(s.port, hello(annotations=annotation(b"A\0CD", b"x"))).refused("annotation", SERPENT)


@case
def large_annotations_are_an_error_of_their_call(s):
    peer = accepted(s)
    peer.send(call("n_notes", annotations=annotation(b"ABCD", b"x" * 60000)))
    assert "annotations" in peer.result()
    peer.send(call("n_notes", seq=2))
    assert isinstance(peer.result(), int)
    peer.close()


@case
def reserved_annotations_change_nothing(s):
    peer = accepted(s)
    for name in (b"STRM", b"BLBI", b"CORR"):
        peer.send(call("n_notes", annotations=annotation(name, b"x" * 5)))
        assert isinstance(peer.result(), int)
    peer.send(call("n_notes", annotations=annotation(b"HMAC", b"x" * 20)))
    peer.ended()


# ---- payloads ----

@case
def a_zip_bomb_is_not_unpacked(s):
    bomb = zlib.compress(bytes(64 << 20), 1)
    peer = accepted(s)
    peer.send(message(INVOKE, bomb, COMPRESSED, 1))
    assert "max message size exceeded" in peer.result()
    peer.close()
    assert s.memory() < 400 << 20, s.memory()


@case
def damaged_compression_is_an_error(s):
    good = zlib.compress(serpent.dumps(("probe", "n_notes", (), {})))
    peer = accepted(s)
    for data in (b"", b"x", good[:-1], good[:10], b"\0" * 100):
        peer.send(message(INVOKE, data, COMPRESSED, 1))
        assert "the compressed payload is damaged" in peer.result()
    peer.send(message(INVOKE, good + b"rest", COMPRESSED, 1))
    assert isinstance(peer.result(), int)
    peer.close()


@case
def what_is_no_call_is_an_error(s):
    peer = accepted(s)
    for value in (None, 7, "probe", (), ("probe",), ("probe", "n_notes"), ("probe", "n_notes", ()), (1, 2, 3, 4), ("probe", 7, (), {}),
                  ("probe", "n_notes", {}, ()), ("probe", "n_notes", (), {}, 5), {"object": "probe"}):
        peer.send(message(INVOKE, serpent.dumps(value), seq=1))
        assert isinstance(peer.result(), str), value
    peer.send(call("n_notes"))
    assert isinstance(peer.result(), int)
    peer.close()


@case
def what_is_no_serpent_is_an_error(s):
    peer = accepted(s)
    for data in (b"", b"(", b"(" * 10000, b"('probe','n_notes',(),{})" + b")", b"('probe','n_notes',(),{1:", b"'" + b"a" * 1000,
                 b"__import__('os').system('true')", b"('probe','n_notes',(),{'a':9" + b"9" * 5000 + b"})"):
        peer.send(message(INVOKE, b"# serpent utf-8 python3.2\n" + data, seq=1))
        assert isinstance(peer.result(), str), data[:50]
    peer.close()


@case
def methods_that_are_not_there_are_named(s):
    peer = accepted(s)
    for method in ("nothing", "", "_private", "__init__", "__class__", "mirror.x", "mirror\0x", "x" * 10000, "<batch>", "\u20ac"):
        peer.send(call(method))
        assert "AttributeError" in peer.result(), method
    for arguments in ((), ("nothing",), (7,), ("x", 1, 2), (["x"],)):
        for method in ("__getattr__", "__setattr__"):
            peer.send(call(method, *arguments))
            assert "AttributeError" in peer.result()
    peer.close()


@case
def a_blob_is_refused(s):
    peer = accepted(s)
    peer.send(call("n_notes", flags=SERIALIZED))
    assert "SerializedBlob" in peer.result()
    peer.close()


@case
def batches_may_be_odd(s):
    peer = accepted(s)
    for calls in ([], [7], [()], [("n_notes",)], [("n_notes", (), {}), 5], ["n_notes"], [("pieces", (1, 1), {})], [(None, (), {})]):
        peer.send(message(INVOKE, serpent.dumps(("probe", "<batch>", calls, None)), BATCH, 1))
        value = peer.result()
        assert isinstance(value, list) and len(value) <= 2, value
    for calls in (None, 7, {}, "n_notes"):
        peer.send(message(INVOKE, serpent.dumps(("probe", "<batch>", calls, None)), BATCH, 1))
        peer.result()
    peer.close()


@case
def a_batch_cannot_multiply_what_it_is(s):
    peer = accepted(s)
    peer.send(message(INVOKE, serpent.dumps(("probe", "<batch>", [("bytes", (3000000,), {})] * 100, None)), BATCH, 1))
    value = peer.result()
    assert len(value) < 30 and "MessageTooLarge" in str(value[-1])[:300], str(value[-1])[:300]
    peer.close()


@case
def sequence_numbers_are_given_back(s):
    peer = accepted(s)
    for seq in (0, 1, 65535, 1, 1, 7):
        peer.send(call("n_notes", seq=seq))
        same(peer.answer()[2], seq)
    peer.close()


@case
def calls_sent_at_once_are_answered_in_order(s):
    peer = accepted(s)
    peer.send(b"".join(call("n_notes", seq=i) for i in range(200)))
    same([peer.answer()[2] for _ in range(200)], list(range(200)))
    peer.close()


@case
def a_message_may_come_byte_by_byte(s):
    peer = Peer(s.port)
    for byte in hello() + call("n_notes"):
        peer.send(bytes([byte]))
    peer.accepted()
    assert isinstance(peer.result(), int)
    peer.close()


# ---- the Pyro.Daemon object and streams ----

@case
def the_daemon_object_takes_anything(s):
    peer = accepted(s, "Pyro.Daemon")
    for method in ("get_metadata", "get_next_stream_item", "close_stream", "registered", "info", "ping", "nothing", "__getattr__"):
        for arguments in ((), (None,), (7,), ("x" * 1000,), (["a"], {}), ("probe", True, 7)):
            peer.send(call(method, *arguments, thing="Pyro.Daemon"))
            peer.result()
    peer.send(call("ping", thing="Pyro.Daemon", flags=ONEWAY))
    peer.send(call("ping", thing="Pyro.Daemon"))
    same(peer.result(), None)
    peer.close()


def stream(peer, *call_of):
    peer.send(call(*call_of))
    kind, flags, _, _, _ = peer.answer()
    assert flags & STREAM and peer.annotations[:4] == b"STRM"
    return peer.annotations[6:42].decode()


def following(peer, name):
    peer.send(call("get_next_stream_item", name, thing="Pyro.Daemon"))
    return peer.result()


@case
def streams_of_others_are_not_read_but_may_be_closed(s):
    owner, other = accepted(s), accepted(s)
    name = stream(owner, "pieces", 3, 1)
    for wrong in (name, "", name[:-1], name + "0", "x" * 36, "\0" * 36):
        assert "item stream terminated" in following(other, wrong)
    same(following(owner, name)["data"], "AA==")
    other.send(call("close_stream", name, thing="Pyro.Daemon"))
    same(other.result(), None)
    assert "item stream terminated" in following(owner, name)
    for _ in range(80):
        other.send(call("close_stream", stream(owner, "pieces", 3, 1), thing="Pyro.Daemon"))
        other.result()
    owner.close()
    other.close()


@case
def streams_that_are_left_open_end_with_their_connection(s):
    before = s.descriptors()
    peers = [accepted(s) for _ in range(20)]
    for peer in peers:
        for _ in range(10):
            stream(peer, "pieces", 1000000, 1000)
        peer.close()
    until(lambda: s.descriptors() <= before)


@case
def callers_who_linger_are_counted(s):
    names = []
    for _ in range(70):
        peer = accepted(s)
        names.append(stream(peer, "pieces", 3, 1))
        peer.close()
    peer = accepted(s)
    until(lambda: "item stream terminated" in following(peer, names[0]))
    until(lambda: isinstance(following(peer, names[-1]), dict))
    for name in names[10:]:
        peer.send(call("close_stream", name, thing="Pyro.Daemon"))
        peer.result()
    peer.close()


@case
def a_stream_that_fails_says_so_once(s):
    peer = accepted(s)
    name = stream(peer, "pieces", 1, 1)
    same(following(peer, name)["data"], "AA==")
    assert "StopIteration" in following(peer, name)
    assert "item stream terminated" in following(peer, name)
    peer.close()


# ---- time and space ----

@case
def a_reader_that_does_not_read_holds_no_worker(s):
    peers = [accepted(s) for _ in range(70)]
    for peer in peers:
        peer.send(call("bytes", 2200000))
    other = accepted(s)
    other.send(call("n_notes"))
    assert isinstance(other.result(), int)
    assert s.memory() < 500 << 20, s.memory()
    for peer in peers + [other]:
        peer.close()


@case
def trickling_senders_hold_no_worker(s):
    peers = [accepted(s) for _ in range(100)]
    for peer in peers:
        peer.send(call("n_notes")[:30])
    other = accepted(s)
    other.send(call("n_notes"))
    assert isinstance(other.result(), int)
    for peer in peers:
        peer.send(call("n_notes")[30:])
        assert isinstance(peer.result(), int)
    for peer in peers + [other]:
        peer.close()


def asks(peer, method):
    def ask():
        peer.send(call(method))
        return peer.result()

    return ask


@case
def who_shuts_down_half_of_the_connection_has_left(s):
    peer, watcher = accepted(s), accepted(s)
    peer.send(call("hang"))
    until(asks(watcher, "is_hanging"))
    peer.socket.shutdown(socket.SHUT_WR)
    until(asks(watcher, "was_left"))
    peer.close()
    watcher.close()


@case
def who_leaves_without_a_word_is_noticed(s):
    watcher = accepted(s)
    for _ in range(5):
        peer = accepted(s)
        peer.send(call("hang"))
        until(asks(watcher, "is_hanging"))
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        until(asks(watcher, "was_left"))
    watcher.close()


@case
def oneways_before_the_end_are_run(s):
    watcher = accepted(s)
    watcher.send(call("n_notes"))
    before = watcher.result()
    peer = accepted(s)
    peer.send(b"".join(call("note", "x", flags=ONEWAY) for _ in range(500)))
    peer.close()

    def n_notes():
        watcher.send(call("n_notes"))
        return watcher.result()

    until(lambda: n_notes() == before + 500)
    watcher.close()


@case
def a_thousand_connections_leave_nothing_behind(s):
    before = s.descriptors()
    for _ in range(1000):
        Peer(s.port, hello(), call("n_notes")).close()
    until(lambda: s.descriptors() <= before)


# ---- Pyro5 ----

@case
def a_recorded_client_of_pyro5_is_answered(s):
    peer = None
    for line in (SOURCE / "tests/pyro/frames_502.txt").read_text().splitlines():
        if not line.startswith("client"):
            continue
        _, name, data = line.split()
        kind = name.split("_")[1]
        data = bytes.fromhex(data)
        if b"example.server" in data:
            size = int.from_bytes(data[12:16], "big")
            marker = data[7] == 4 and b"\xae" or b""  # of msgpack: how long the text is
            changed = data.replace(b"\xaeexample.server", b"\xafexample.batched") if marker else data.replace(
                b"\x0e" + b"example.server", b"\x0f" + b"example.batched") if data[7] == 2 else data.replace(
                b"example.server", b"example.batched")
            if data[38:40] and kind != "compressed":
                grown = len(changed) - len(data)
                changed = changed[:12] + (size + grown).to_bytes(4, "big") + changed[16:]
            data = changed
        if kind == "connect":
            peer = Peer(s.port, data)
            same(peer.answer_5()[0], CONNECT_OK)
        elif kind == "add":
            peer.send(data)
            code, flags, seq, payload = peer.answer_5()
            same((code, flags & EXCEPTION, seq, peer.correlation), (RESULT, 0, 1, bytes(range(16))))
        elif kind in ("kw", "getattr", "batch"):
            peer.send(data)
            same(peer.answer_5()[0], RESULT)


@case
def bad_peers_of_pyro5_are_refused(s):
    for data, text in ((message_5(CONNECT, b"", magic=1), b"invalid message or protocol version"),
                       (message_5(CONNECT, b"x" * 70000), b"message too large (70000, max=65536)"),
                       (message_5(INVOKE, b""), b"invalid msg type 4 received"),
                       (message_5(CONNECT, b"", annotations=b"ABCD\0\0\xff\xff"), b"annotation chunk length")):
        peer = Peer(s.port, data)
        kind, _, _, payload = peer.answer_5()
        same(kind, CONNECT_FAIL)
        assert text in payload, payload
        peer.ended()


def main():
    guard = threading.Timer(120, os._exit, (3,))
    guard.daemon = True
    guard.start()
    server, failed = Server(), 0
    only = sys.argv[1:]
    for function in CASES:
        if only and function.__name__ not in only:
            continue
        try:
            function(server)
            server.check()
            print("ok", function.__name__, flush=True)
        except Exception:
            failed += 1
            print("not ok", function.__name__, flush=True)
            print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
            if server.process.poll() is not None:
                break
    try:
        server.end()
        print("ok the_daemon_ends_as_it_should")
    except Exception as error:
        failed += 1
        print("not ok the_daemon_ends_as_it_should", error)
    sys.stdout.flush()
    os._exit(failed != 0)


main()
