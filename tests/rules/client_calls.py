#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a proxy does on a link, seen by a raw server that need not behave: sessions, time, ends, chains.
Prints "ok <case>" or "not ok <case>"."""

import os
import threading
import time

from peers import CANCELLED, NOT_FOUND, UNIMPLEMENTED, UNAVAILABLE, Met, answer_adds, call_of, client_cases, refused
from raw import PATIENCE, Client, Program, Server, field, frame, hello, message, pb, uri

# ---- sessions ----

def a_session_that_is_refused_refuses_its_calls():
    def talk(link):
        link.send(hello())
        bind = link.wait(lambda f: f.HasField("bind")).bind
        call = call_of(link)
        link.send(frame(bound=dict(session=bind.session, code=5, message="no object 'work' at all")),
                  frame(call.number, error=dict(code=5, message="no object 'work' at all")))
        answer_adds(link, hi=False)

    met = Met(talk)
    refused(met.ask("add 0 1 2"), "NOT_FOUND remote", "no object 'work' at all")
    met.end()


def an_operation_that_differs_is_refused_alone_with_both_signatures():
    def talk(link):
        link.send(hello())
        bind = link.wait(lambda f: f.HasField("bind")).bind
        call = call_of(link)
        operations = [pb.Operation(name="e2e.Work.add", fingerprint=call.call.fingerprint + 1, signature="(int32, string) -> int32"),
                      pb.Operation(name="e2e.Work.echo", fingerprint=3, signature="(bytes)")]
        link.send(frame(bound=dict(session=bind.session, fingerprint=7, operations=operations)),
                  frame(call.number, error=dict(code=9, message="another version")))
        link.wait_end()

    met = Met(talk)
    refused(met.ask("add 0 1 2"), "FAILED_PRECONDITION")
    refused(met.ask("add 0 1 2"), "FAILED_PRECONDITION local never", "add: yours (int32, int32) -> int32, theirs (int32, string) -> int32")
    refused(met.ask("hold 0 1"), "UNIMPLEMENTED local never", "no exposed operation or attribute 'hold' on object 'work' at", met.server.address)
    met.end()


def an_operation_that_is_equal_works_in_an_interface_that_differs():
    def talk(link):
        link.send(hello())
        bind = link.wait(lambda f: f.HasField("bind")).bind
        call = call_of(link)
        operations = [pb.Operation(name="e2e.Work.add", fingerprint=call.call.fingerprint, signature="(int32, int32)")]
        link.send(frame(bound=dict(session=bind.session, fingerprint=7, operations=operations)))
        answer_adds(link, bound=False, hi=False)

    met = Met(talk)
    assert met.ask("add 0 1 2") == "ok 3"
    assert met.ask("add 0 3 4") == "ok 7"
    calls = [f.call.name for f in met.server.links[0].frames if f.HasField("call")]
    assert calls == ["e2e.Work.add"] * 2, calls
    met.end()


def proxies_share_a_link_unless_they_want_their_own():
    met = Met(answer_adds)
    assert met.ask(f"new 1 {uri(met.server.address)}") == "ok"
    assert met.ask(f"new 2 {uri(met.server.address, 'other')} own") == "ok"
    for p in (0, 1, 2):
        assert met.ask(f"add {p} {p} 1") == f"ok {p + 1}"
    assert len(met.server.links) == 2, met.server.links
    assert len({f.bind.session for f in met.server.links[0].frames if f.HasField("bind")}) == 2
    met.end()


def a_freed_proxy_unbinds_and_the_last_one_ends_the_link():
    met = Met(answer_adds)
    assert met.ask(f"new 1 {uri(met.server.address)}") == "ok"
    met.ask("add 0 1 1")
    met.ask("add 1 1 1")
    link = met.server.links[0]
    assert met.ask("free 0") == "ok"
    unbind = link.wait(lambda f: f.HasField("unbind")).unbind
    assert unbind.session == [f.bind.session for f in link.frames if f.HasField("bind")][0]
    assert met.ask("add 1 2 2") == "ok 4"
    assert met.ask("free 1") == "ok"
    link.wait_end()
    met.end()

# ---- time, cancel ----

def a_call_tells_its_time_and_is_cancelled_when_it_is_over():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        assert 1_000_000 < call.call.time_left <= 3_000_000, call
        cancel = link.wait(lambda f: f.HasField("cancel"))
        assert cancel.number == call.number and cancel.cancel.code == 4, cancel
        link.send(frame(call.number, reply=dict(payload=b"\x08\x01")))  # too late: nobody waits
        answer = call_of(link, skip=1)
        link.send(frame(answer.number, reply=dict(payload=b"\x08\x02")))
        link.wait_end()

    met = Met(talk, "timeout=3000")
    refused(met.ask("add 0 1 2"), "DEADLINE_EXCEEDED local maybe TimeoutError", met.server.address)
    assert met.ask(f"new 1 {uri(met.server.address)}") == "ok"
    assert met.ask("add 1 1 2") == "ok 2"
    met.end()


def a_cancelled_future_is_cancelled_there_too():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        cancel = link.wait(lambda f: f.HasField("cancel"))
        assert cancel.number == call.number and cancel.cancel.code == 1, cancel
        met.cancelled.set()
        link.wait_end()

    met = Met(talk)
    met.cancelled = threading.Event()
    assert met.ask("start 1 0 3") == "ok"
    assert met.ask("ready 1") == "ok 0"
    refused(met.ask("wait 1 10"), "DEADLINE_EXCEEDED")
    assert met.ask("cancel 1") == "ok"
    refused(met.ask("get 1"), "CANCELLED local maybe")
    assert met.cancelled.wait(PATIENCE)
    met.end()


def release_cancels_and_unbinds():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        met.called.set()
        assert link.wait(lambda f: f.HasField("cancel")).number == call.number
        link.wait(lambda f: f.HasField("unbind"))
        met.unbound.set()
        link.wait_end()

    met = Met(talk)
    met.called, met.unbound = threading.Event(), threading.Event()
    assert met.ask("start 1 0 3") == "ok"
    assert met.called.wait(PATIENCE)
    assert met.ask("release 0") == "ok"
    refused(met.ask("get 1"), "CANCELLED local maybe")
    assert met.unbound.wait(PATIENCE)
    met.end()


# ---- the end of links ----

def a_link_that_ends_leaves_it_open_whether_calls_ran_and_the_next_call_connects_again():
    def talk(link):
        if len(met.server.links) > 1:
            return answer_adds(link)
        link.send(hello())
        call_of(link)
        return None  # the end

    met = Met(talk)
    refused(met.ask("add 0 1 2"), "UNAVAILABLE local maybe ConnectionClosed", met.server.address)
    assert met.ask("add 0 1 2") == "ok 3"
    met.end()


def after_goaway_new_calls_go_to_a_new_link_and_running_ones_are_answered():
    def talk(link):
        link.send(hello())
        if len(met.server.links) > 1:
            return answer_adds(link, hi=False)
        call = call_of(link)
        link.send(frame(goaway=dict(message="going", marks=[pb.Mark(session=0, last_number=call.number)])))
        link.fence()
        met.going.set()
        met.moved.wait(PATIENCE)
        link.send(frame(call.number, reply=dict(payload=b"\x08\x11")))
        link.wait_end()
        return None

    met = Met(talk)
    met.going, met.moved = threading.Event(), threading.Event()
    assert met.ask("start 1 0 3") == "ok"
    assert met.going.wait(PATIENCE)
    assert met.ask(f"new 2 {uri(met.server.address)}") == "ok"
    assert met.ask("add 2 1 2") == "ok 3"
    assert met.ask("add 0 2 2") == "ok 4"  # and so do those of the old proxy, without a word
    assert len(met.server.links) == 2
    assert met.ask("ready 1") == "ok 0"
    met.moved.set()
    assert met.ask("get 1") == "ok 17"
    met.end()


def a_caller_that_is_told_to_go_away_leaves_without_a_call():
    def talk(link):
        if len(met.server.links) > 1:
            return answer_adds(link)
        link.send(hello())
        call = call_of(link)
        link.send(frame(call.number, reply=dict(payload=b"\x08\x03")), frame(goaway=dict(message="going")))
        link.wait_end()
        met.left.set()
        return None

    met = Met(talk)
    met.left = threading.Event()
    assert met.ask("add 0 1 2") == "ok 3"
    assert met.left.wait(PATIENCE)
    assert met.ask("add 0 2 2") == "ok 4"
    assert len(met.server.links) == 2
    met.end()


def a_call_that_was_turned_away_is_made_elsewhere():
    def talk(link):
        link.send(hello())
        if len(met.server.links) > 1:
            return answer_adds(link, hi=False)
        call = call_of(link)
        link.send(frame(goaway=dict(message="going")),
                  frame(call.number, error=dict(code=14, message="going", was_not_run=True)))
        link.wait_end()
        return None

    met = Met(talk)
    assert met.ask("add 0 1 2") == "ok 3"
    met.end()


def a_link_that_the_server_does_not_end_is_cut():
    def talk(link):
        link.send(hello())
        call = call_of(link)
        link.send(frame(call.number, reply=dict(payload=b"\x08\x01")))
        link.wait(lambda f: f.HasField("unbind"))
        met.hold.wait(PATIENCE)

    met = Met(talk)
    met.hold = threading.Event()
    met.ask("add 0 1 2")
    begin = time.monotonic()
    assert met.ask("free 0") == "ok"
    pid = met.client.program.process.pid
    until = time.monotonic() + 10
    while sockets_to(pid, met.server.port) and time.monotonic() < until:
        time.sleep(0.05)
    assert not sockets_to(pid, met.server.port), "the connection stays"
    assert time.monotonic() - begin < 10
    met.hold.set()
    met.end()


def sockets_to(pid, port):
    """Connections of a process, by the port at the other end."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    rows = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/{pid}/net/{name}").readlines()[1:]]
    return [r for r in rows if int(r[2].split(":")[-1], 16) == port and f"socket:[{r[9]}]" in inodes]


# ---- chains ----

def a_call_inside_a_call_hands_on_chain_depth_and_correlation():
    seen = []

    def talk(link):
        link.send(hello())
        call = call_of(link)
        seen.append(call.call)
        link.send(frame(call.number, reply=dict()))
        link.wait_end()

    server = Server(talk)
    program = Program("e2e-server")
    client = Client(program.address)
    client.bind()
    client.run("relay", field(1, uri(server.address).encode()), chain=b"c" * 16, depth=3, correlation_id="here")
    assert (seen[0].chain, seen[0].depth, seen[0].correlation_id) == (b"c" * 16, 4, "here"), seen[0]
    client.run("relay", field(1, uri(server.address).encode()))
    assert len(seen[1].chain) == 16 and seen[1].depth == 1, seen[1]
    client.close()
    assert program.stop() == (0, "stopped\n")
    server.stop()


client_cases(globals())
