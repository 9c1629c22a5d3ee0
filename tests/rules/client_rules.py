#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a proxy does on a link, seen by a raw server that need not behave. Prints "ok <case>" or "not ok <case>"."""

import os
import queue
import socket
import threading
import time
from concurrent import futures

import grpc

from raw import (CRITICAL_TYPES, PATIENCE, Cases, Program, Server, field, frame, hello, message, pb, result_int,
                 text_arguments, uri, varint)
from raw import Client as Raw

MORE, CONTINUES = 2, 4
MIB = 1 << 20


class Client:
    """rules-client; each command's answer comes as one line."""

    def __init__(self):
        self.program = Program("rules-client")
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.program.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def tell(self, command):
        self.program.process.stdin.write(command + "\n")
        self.program.process.stdin.flush()

    def hear(self, patience=PATIENCE):
        return self.lines.get(timeout=patience)

    def ask(self, command, patience=PATIENCE):
        self.tell(command)
        return self.hear(patience)

    def end(self):
        self.program.process.stdin.close()
        code = self.program.process.wait(PATIENCE)
        assert code == 0, f"rules-client ended with {code}"


class Met:
    """A client, a raw server, and proxy 0 from the one to the other."""

    def __init__(self, talk, options=""):
        self.server = Server(talk)
        self.client = Client()
        assert self.client.ask(f"new 0 {uri(self.server.address)} {options}") == "ok"

    def ask(self, command):
        return self.client.ask(command)

    def end(self):
        self.client.end()
        self.server.stop()
        if self.server.failure:
            raise self.server.failure


def call_of(link, skip=0):
    """The next call, but for `skip` that came before."""
    def calls():
        return [f for f in link.frames if f.HasField("call") and not f.call.flags & CONTINUES]
    link.wait(lambda f: len(calls()) > skip)
    return calls()[skip]


def answer_adds(link, bound=True, hi=True):
    """A server that does what it should: adds with the numbers of the request, until the link ends."""
    if hi:
        link.send(hello())
    done = set()
    while True:
        with link.changed:
            link.changed.wait_for(lambda: link.ended or any(id(f) not in done for f in link.frames), PATIENCE)
            new = [f for f in link.frames if id(f) not in done]
            if link.ended and not new:
                return
        for f in new:
            done.add(id(f))
            if f.HasField("bind") and bound:
                link.send(frame(bound=dict(session=f.bind.session, fingerprint=f.bind.fingerprint)))
            elif f.HasField("call"):
                numbers = numbers_of(f.call.payload)
                link.send(frame(f.number, reply=dict(payload=b"\x08" + varint(sum(numbers)))))


def numbers_of(payload):
    numbers = []
    while payload:
        numbers.append(result_int(payload))
        i = 1
        while payload[i] & 0x80:
            i += 1
        payload = payload[i + 1:]
    return numbers


def refused(line, status, *parts):
    assert line.startswith(status), line
    for part in parts:
        assert part in line, line


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
    refused(met.ask("add 0 1 2"), "UNAVAILABLE local", "cannot connect to ", met.server.address)
    assert 0.2 < time.monotonic() - begin < 5
    refused(met.ask("bind 0"), "UNAVAILABLE", met.server.address)
    met.end()


def a_port_where_nobody_listens_is_named():
    client = Client()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
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
        client = Client()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        assert client.ask(f"new 0 {uri(address)} connect=1000") == "ok"
        refused(client.ask("add 0 1 2"), "UNAVAILABLE", address)
        client.end()


def a_grpc_server_without_links_is_named():
    core = grpc.server(futures.ThreadPoolExecutor(2))
    address = f"127.0.0.1:{core.add_insecure_port('127.0.0.1:0')}"
    core.start()
    client = Client()
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
    assert met.ask("daemon") == "ok"
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
    refused(met.ask("add 0 1 2"), "FAILED_PRECONDITION local never", "e2e.Work.add: yours (int32, int32) -> int32, theirs (int32, string) -> int32")
    refused(met.ask("hold 0 1"), "UNIMPLEMENTED local never", "e2e.Work.hold", met.server.address)
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
        assert 100_000 < call.call.time_left <= 300_000, call
        cancel = link.wait(lambda f: f.HasField("cancel"))
        assert cancel.number == call.number and cancel.cancel.code == 4, cancel
        link.send(frame(call.number, reply=dict(payload=b"\x08\x01")))  # too late: nobody waits
        answer = call_of(link, skip=1)
        link.send(frame(answer.number, reply=dict(payload=b"\x08\x02")))
        link.wait_end()

    met = Met(talk, "timeout=300")
    refused(met.ask("add 0 1 2"), "DEADLINE_EXCEEDED local maybe TimeoutError", met.server.address)
    assert met.ask("add 0 1 2") == "ok 2"
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
        link.wait_end()

    met = Met(talk)
    met.called = threading.Event()
    assert met.ask("start 1 0 3") == "ok"
    assert met.called.wait(PATIENCE)
    assert met.ask("release 0") == "ok"
    refused(met.ask("get 1"), "CANCELLED local maybe")
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
    client = Raw(program.address)
    client.bind()
    client.run("relay", field(1, uri(server.address).encode()), chain=b"c" * 16, depth=3, correlation_id="here")
    assert (seen[0].chain, seen[0].depth, seen[0].correlation_id) == (b"c" * 16, 4, "here"), seen[0]
    client.run("relay", field(1, uri(server.address).encode()))
    assert len(seen[1].chain) == 16 and seen[1].depth == 1, seen[1]
    client.close()
    assert program.stop() == (0, "stopped\n")
    server.stop()


CASES = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and hasattr(value, "__code__") and
         value.__code__.co_argcount == 0 and name != "main"]


def main():
    cases = Cases()
    for case in CASES:
        cases.run(case)
    cases.end()


main()
