#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a proxy does on a link, seen by a raw server that need not behave: first words, limits, answers.
Prints "ok <case>" or "not ok <case>"."""

import socket
import threading
import time
from concurrent import futures

import grpc

from peers import (UNKNOWN, NOT_FOUND, INTERNAL, UNAVAILABLE, MORE, CONTINUES, MIB, Met, answer_adds, call_of,
                   client_cases, refused)
from ports import port_of_ours
from raw import CRITICAL_TYPES, PATIENCE, Driver, field, frame, hello, message, pb, uri, varint

# ---- the first words ----

def the_first_message_holds_hello_bind_and_call():
    met = Met(answer_adds)
    assert met.ask("add 0 40 2") == "ok 42"
    link = met.server.links[0]
    names = [f.WhichOneof("body") for f in link.frames[:3]]
    assert names == ["hello", "bind", "call"], names
    said, bind, call = link.frames[0].hello, link.frames[1].bind, link.frames[2].call
    assert (said.min_version, said.max_version, said.max_message) == (1, 1, 64 * MIB), said
    assert (bind.object, bind.interface) == ("work", "e2e.Work") and bind.fingerprint, bind
    assert call.name == "e2e.Work.add" and call.fingerprint and not call.chain and not call.depth, call
    assert met.ask("add 0 1 1") == "ok 2"
    second = [f.call for f in link.frames if f.HasField("call")][1]
    assert second.name == "" and second.operation == 1, second  # by place, now that both are known to be equal
    met.end()


def versions_that_cannot_be_shared_are_both_named():
    def talk(link):
        link.send(hello(min_version=7, max_version=9))
        link.wait_end()

    met = Met(talk)
    refused(met.ask("add 0 1 2"), "FAILED_PRECONDITION", "1-1", "7-9", "ProtocolError")
    met.end()


def a_goaway_with_a_reason_ends_the_calls_with_it():
    def talk(link):
        link.send(hello())
        call_of(link)
        link.send(frame(goaway=dict(code=9, message="ProtocolError: no common protocol version: 1-1 here, 3-3 there")))

    met = Met(talk)
    refused(met.ask("add 0 1 2"), "FAILED_PRECONDITION", "1-1", "3-3")
    met.end()


def a_server_that_says_nothing_is_given_up_in_time():
    met = Met(lambda link: link.wait_end(), "connect=300")
    begin = time.monotonic()
    refused(met.ask("add 0 1 2"), "UNAVAILABLE local maybe ConnectionClosed: ", met.server.address)  # it has the call
    assert 0.2 < time.monotonic() - begin < 5
    refused(met.ask("bind 0"), "UNAVAILABLE", met.server.address)
    met.end()


def a_port_where_nobody_listens_is_named():
    client = Driver()
    address = f"127.0.0.1:{port_of_ours()}"
    assert client.ask(f"new 0 {uri(address)}") == "ok"
    refused(client.ask("add 0 1 2"), "UNAVAILABLE local never CommunicationError: cannot connect to " + address)
    refused(client.ask("bind 0"), "UNAVAILABLE", address)
    assert client.ask("start 1 0 0") == "ok"
    refused(client.ask("get 1"), "UNAVAILABLE local never", address)
    client.end()


def a_server_that_is_no_grpc_is_named():
    def babble(listener):
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection:
                connection.sendall(b"220 mail ready\r\n")
                connection.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=babble, args=(listener,), daemon=True).start()
        client = Driver()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        assert client.ask(f"new 0 {uri(address)} connect=1000") == "ok"
        refused(client.ask("add 0 1 2"), "UNAVAILABLE", address)
        client.end()


def a_grpc_server_without_links_is_named():
    core = grpc.server(futures.ThreadPoolExecutor(2))
    address = f"127.0.0.1:{core.add_insecure_port('127.0.0.1:0')}"
    core.start()
    client = Driver()
    assert client.ask(f"new 0 {uri(address)}") == "ok"
    line = client.ask("add 0 1 2")
    assert address in line and not line.startswith("ok"), line
    client.end()
    core.stop(0).wait()

# ---- what a client offers ----

def offers_nothing(link):
    link.send(hello())
    call = call_of(link)
    for session, name in enumerate(("work", "Pyro.Daemon", "", "\N{LATIN SMALL LETTER E WITH ACUTE}" * 60), 50):
        link.send(frame(bind=dict(session=session, object=name, interface="e2e.Work", fingerprint=1)))
        bound = link.bound(session)
        assert bound.code == 5, bound
    link.send(frame(900, call=dict(session=50, operation=1)), frame(901, call=dict(session=77, operation=1)))
    assert link.error(900).code == 5
    assert link.error(901).code == 13
    link.send(frame(call.number, reply=dict(payload=b"\x08\x07")))
    answer_adds(link, hi=False)


def a_server_cannot_bind_the_clients_objects():
    met = Met(offers_nothing)
    assert met.ask("add 0 1 2") == "ok 7"
    met.end()


def a_server_cannot_bind_objects_of_the_clients_daemon():
    met = Met(offers_nothing)
    assert met.ask("daemon").startswith("ok ")
    assert met.ask("add 0 1 2") == "ok 7"
    met.end()


def a_critical_frame_is_answered_unimplemented_and_others_skipped():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        link.send_raw(field(1, varint(1 << 3) + varint(31) + varint(2 << 3) + b"\x01" + field(CRITICAL_TYPES, b"x")))
        assert link.error(31).code == 12
        link.send_raw(field(1, field(CRITICAL_TYPES, b"x")) + field(99, b"y"))
        link.fence()
        link.send(frame(call.number, reply=dict(payload=b"\x08\x09")))
        link.wait_end()

    met = Met(talk)
    assert met.ask("add 0 1 2") == "ok 9"
    met.end()


def an_idle_client_answers_pings():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        link.send(frame(call.number, reply=dict(payload=b"\x08\x09")))
        met.idle.wait(PATIENCE)
        link.fence()
        met.ponged.set()
        link.wait_end()

    met = Met(talk)
    met.idle, met.ponged = threading.Event(), threading.Event()
    assert met.ask("add 0 1 2") == "ok 9"
    met.idle.set()
    assert met.ponged.wait(PATIENCE)
    met.end()


def garbage_ends_the_link_and_the_calls():
    for garbage in (b"\xff" * 20, message(hello()), message(frame(bind=dict(session=4)), frame(bind=dict(session=4))),
                    field(9, b"x" * (300 << 10))):
        def talk(link):
            link.send(hello())
            call_of(link)
            link.send_raw(garbage)
            link.wait_end()

        met = Met(talk)
        line = met.ask("add 0 1 2")
        refused(line, "INTERNAL", "ProtocolError")
        met.end()


# ---- limits of the other end ----

def an_asynchronous_start_beyond_max_calls_is_refused_and_a_blocking_call_waits():
    def talk(link):
        link.send(hello(max_calls=2))
        first = call_of(link)
        link.send(frame(first.number, reply=dict(payload=b"\x08\x01")))
        one = call_of(link, skip=1)
        met.full.wait(PATIENCE)
        link.fence()
        link.fence(8)
        assert len([f for f in link.frames if f.HasField("call")]) == 3
        link.send(frame(one.number, reply=dict(payload=b"\x08\x02")))
        last = call_of(link, skip=3)
        link.send(frame(last.number, reply=dict(payload=b"\x08\x03")))
        link.wait_end()

    met = Met(talk)
    met.full = threading.Event()
    assert met.ask("add 0 1 2") == "ok 1"
    assert met.ask("start 1 0 0") == "ok"
    assert met.ask("start 2 0 0") == "ok"
    line = met.ask("start 3 0 0")
    if line == "ok":
        line = met.ask("get 3")
    refused(line, "RESOURCE_EXHAUSTED local never", "2 calls", met.server.address)
    met.client.tell("add 0 1 1")
    met.full.set()
    assert met.client.hear() == "ok 3"
    assert met.ask("get 1") == "ok 2"
    met.end()


def a_request_beyond_the_servers_max_message_is_refused_here():
    def talk(link):
        link.send(hello(max_message=1000))
        answer_adds(link, hi=False)

    met = Met(talk)
    assert met.ask("add 0 1 2") == "ok 3"
    refused(met.ask("echo 0 2000"), "RESOURCE_EXHAUSTED local never", "MessageTooLarge: a request", "1000")
    assert met.ask("add 0 1 2") == "ok 3"
    met.end()


# ---- answers ----

def a_reply_comes_in_fragments():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        link.wait(lambda f: f.number == call.number and not f.call.flags & MORE)
        parts = [f.call.payload for f in link.frames if f.HasField("call")]
        whole = b"".join(parts)
        assert len(whole) == call.call.total and max(map(len, parts)) <= 65536
        assert [f.call.flags for f in link.frames if f.HasField("call")][1:-1] == [MORE | CONTINUES] * (len(parts) - 2)
        for at in range(0, len(whole), 50000):
            part = whole[at:at + 50000]
            flags = (CONTINUES if at else 0) | (MORE if at + 50000 < len(whole) else 0)
            link.send(frame(call.number, reply=dict(flags=flags, total=0 if at else len(whole), payload=part)))
        link.wait_end()

    met = Met(talk)
    assert met.ask(f"echo 0 {3 * MIB}") == f"ok {3 * MIB}"
    met.end()


def a_reply_without_end_is_cut():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        part = frame(call.number, reply=dict(flags=MORE | CONTINUES, payload=b"x" * 200000))
        first = frame(call.number, reply=dict(flags=MORE, total=65 * MIB, payload=b"x"))
        link.send(met.first and first or part)
        for _ in range(0 if met.first else 350):
            link.send(part)
        link.wait_end()

    for is_first in (True, False):
        met = Met.__new__(Met)
        met.first = is_first
        Met.__init__(met, talk)
        refused(met.ask("add 0 1 2"), "RESOURCE_EXHAUSTED", "MessageTooLarge")
        met.end()


def a_reply_that_is_none_is_a_protocol_error():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        link.send(frame(call.number, reply=dict(payload=b"\xff\xff\xff")))
        answer_adds(link, hi=False)

    met = Met(talk)
    refused(met.ask("add 0 1 2"), "INTERNAL", "ProtocolError", "e2e.Work.add")
    met.end()


def strange_errors_stay_errors():
    bodies = [(dict(code=0), "UNKNOWN"), (dict(code=99), "UNKNOWN"), (dict(code=1 << 31), "UNKNOWN"),
              (dict(code=5, message="nothing here", may_have_run=True), "NOT_FOUND"),
              (dict(code=10, message="m" * 100000, trace="t" * 100000), "ABORTED"),
              (dict(code=10, exception="e2e.Refused", detail=b"\xff\xff"), "ABORTED")]

    def talk(link):
        link.send(hello())
        for i, (body, _) in enumerate(bodies):
            call = call_of(link, skip=i)
            link.send(frame(call.number, error=body))
        link.wait_end()

    met = Met(talk)
    for _, status in bodies:
        refused(met.ask("add 0 1 2"), status + " remote")
    met.end()


def a_link_that_ends_under_a_call_is_a_closed_connection():
    def talk(link):
        link.send(hello())
        call_of(link)

    met = Met(talk)
    refused(met.ask("add 0 1 2"), "UNAVAILABLE", f"ConnectionClosed: {met.server.address}: ")
    met.end()


def annotations_of_an_answer_beyond_the_limits_are_left_out():
    def talk(link):
        link.send(hello())
        for i, n in enumerate((1, 65)):
            call = call_of(link, skip=i)
            notes = [pb.Annotation(key="k", value=b"v")] * n
            link.send(frame(call.number, reply=dict(annotations=notes, payload=b"\x08\x03")))
        call = call_of(link, skip=2)
        link.send(frame(call.number, error=dict(code=5, message="no", annotations=notes)))
        call = call_of(link, skip=3)
        link.send(frame(call.number, reply=dict(annotations=[pb.Annotation(value=b"v" * 100000)], payload=b"\x08\x03")))
        link.wait_end()

    met = Met(talk)
    assert met.ask("add 0 1 2") == "ok 3"
    assert met.ask("add 0 1 2") == "ok 3"
    refused(met.ask("add 0 1 2"), "NOT_FOUND remote", "no")
    assert met.ask("add 0 1 2") == "ok 3"
    met.end()


def answers_to_what_was_not_asked_are_nothing():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        link.send(frame(call.number + 1, reply=dict(payload=b"\x08\x01")), frame(0, reply=dict(payload=b"\x08\x02")),
                  frame((1 << 32) - 1, error=dict(code=3)), frame(bound=dict(session=99)), frame(pong=dict(data=2)),
                  frame(call.number, reply=dict(payload=b"\x08\x05")),
                  frame(call.number, reply=dict(payload=b"\x08\x06")))
        link.wait_end()

    met = Met(talk)
    assert met.ask("add 0 1 2") == "ok 5"
    met.end()


client_cases(globals())
