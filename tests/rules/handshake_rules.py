#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a Bind may say and when it is answered, seen by raw peers: of a daemon whose hook guards it, and of a proxy.
Prints "ok <case>" or "not ok <case>"."""

import threading
from concurrent import futures

import grpc

from peers import (CANCELLED, EXHAUSTED, INVALID, NOT_FOUND, ONEWAY, UNAUTHENTICATED, UNAVAILABLE, Met, answer_adds,
                   cases_of, refused, wait_log)
from raw import (OPTIONS, PATIENCE, Cases, Client, Driver, Program, frame, hello, int_arguments, pb, result_int, uri)

MOST = 16384


def bind(session=1, name="work", interface="e2e.Work", **fields):
    return frame(bind=dict(session=session, object=name, interface=interface, fingerprint=1, **fields))


def knocking(server, handshake, session=1, **fields):
    """A client that has sent a Bind, and knows the daemon's operations from another."""
    client = Client(server.address)
    control = welcome(server)
    client.prints = control.prints
    control.close()
    client.send(bind(session, handshake=handshake, **fields))
    return client


def welcome(daemon):
    """One that is let in."""
    client = Client(daemon.address)
    client.send(bind(handshake=b"sesame"))
    bound = client.bound(1)
    assert bound.code == 0, bound
    client.prints = {o.name: o.fingerprint for o in bound.operations}
    return client


# ---- the daemon ----

def g7_the_hooks_answer_comes_with_bound(server):
    client = Client(server.address)
    client.send(bind(handshake=b"sesame"))
    bound = client.bound(1)
    assert (bound.code, bound.handshake) == (0, b"welcome") and bound.operations, bound
    client.close()


def g7_calls_of_a_bind_that_is_refused_are_answered_and_not_run(server):
    control = welcome(server)
    client = Client(server.address)
    client.prints = control.prints
    calls = [client.call_frame("post", int_arguments(1), flags=ONEWAY), client.call_frame("pass", int_arguments(1)),
             client.call_frame("add", int_arguments(1, 2)), client.call_frame("nothing")]
    client.send(bind(handshake=b"open"), *calls)
    bound = client.bound(1)
    text = f"connection to {server.address} rejected: say sesame"
    assert (bound.code, bound.message) == (UNAUTHENTICATED, text), bound
    assert not bound.operations and not bound.fingerprint and not bound.shape and not bound.handshake, bound
    for made in calls:
        error = client.error(made.number)
        assert (error.code, error.message, error.may_have_run) == (UNAUTHENTICATED, text, False), error
        assert not error.trace, error
    later = client.error(client.start("add", int_arguments(1, 2)))
    assert (later.code, later.message) == (UNAUTHENTICATED, text), later
    assert control.log() == ""
    client.send(frame(unbind=dict(session=1)), bind(handshake=b"sesame"))
    client.wait(lambda f: f.HasField("bound") and f.bound.code == 0)
    assert result_int(client.run("add", int_arguments(3, 4))) == 7
    client.close()
    control.close()


def g7_a_stranger_does_not_learn_what_is_there(server):
    client = Client(server.address)
    client.send(bind(1, name="nothing"), bind(2, interface="e2e.Other"), bind(3, name="x" * 5000), bind(4))
    texts = {(client.bound(s).code, client.bound(s).message) for s in (1, 2, 3, 4)}
    assert texts == {(UNAUTHENTICATED, f"connection to {server.address} rejected: say sesame")}, texts
    client.send(bind(5, name="nothing", handshake=b"sesame"), client_call(client, 5))
    assert client.bound(5).code == NOT_FOUND
    assert client.error(5).code == NOT_FOUND
    client.close()


def a_oneway_to_an_object_that_is_not_there_is_refused_after_the_hook(server):
    client = Client(server.address)
    client.prints = {}
    oneways = [client.call_frame("post", int_arguments(1), session=1, flags=ONEWAY),
               client.call_frame("nothing", int_arguments(1), session=1, flags=ONEWAY)]
    client.send(bind(1, name="nothing", handshake=b"sesame"), *oneways)
    assert client.bound(1).code == NOT_FOUND
    for made in oneways:
        assert client.error(made.number).code == NOT_FOUND
    client.close()


def client_call(client, session, number=None):
    client.prints = getattr(client, "prints", {})
    return client.call_frame("add", int_arguments(1, 2), session=session, number=number or session)


def g7_a_call_that_cannot_be_made_is_told_after_the_hook(server):
    client = knocking(server, b"sesame")
    error = client.error(client.start("nothing"))
    assert "no exposed operation or attribute 'e2e.Work.nothing'" in error.message, error
    client.close()


def b17_a_handshake_beyond_16_kib_is_refused_alone(server):
    client = Client(server.address)
    client.send(bind(handshake=b"x" * (MOST + 1)), client_call(client, 1))
    bound = client.bound(1)
    assert bound.code == INVALID, bound
    assert bound.message == f"connection to {server.address} rejected: a handshake of 16385 bytes, the maximum is 16384"
    assert client.error(1).code == INVALID
    client.send(bind(2, handshake=b"x" * MOST))
    assert client.bound(2).code == UNAUTHENTICATED
    client.fence()
    client.close()


def b17_a_daemon_without_a_hook_refuses_it_too(_server):
    server = Program("e2e-server")
    client = Client(server.address)
    client.send(bind(1, handshake=b"x" * (MOST + 1)), bind(2, handshake=b"x" * MOST))
    assert client.bound(1).code == INVALID, client.bound(1)
    assert client.bound(2).code == 0 and not client.bound(2).handshake
    client.close()
    assert server.stop() == (0, "stopped\n")


def b17_annotations_of_a_bind_keep_to_the_limits_of_calls(server):
    client = Client(server.address)
    one = pb.Annotation(key="k", value=b"v")
    bad = [[one] * 65, [pb.Annotation(key="k", value=b"v" * 32768)], [pb.Annotation(value=b"v")]]
    for session, annotations in enumerate(bad, 1):
        client.send(bind(session, handshake=b"sesame", annotations=annotations))
        bound = client.bound(session)
        assert bound.code == INVALID and "annotation" in bound.message, bound
    client.send(bind(9, handshake=b"sesame", annotations=[one] * 64))
    assert client.bound(9).code == 0
    client.close()


def g7_calls_wait_for_the_hook_and_may_be_cancelled_meanwhile(server):
    control = welcome(server)
    client = knocking(server, b"wait")
    numbers = [client.start("add", int_arguments(n, n)) for n in range(1, 5)]
    client.send(frame(numbers[1], cancel=dict(code=CANCELLED)))
    wait_log(control, "<15 ")
    client.fence()
    assert [f for f in client.frames if f.HasField("bound") or f.number in numbers] == []
    control.run("open", int_arguments(15))
    assert client.bound(1).code == 0
    assert [result_int(client.reply(numbers[n]).payload) for n in (0, 2, 3)] == [2, 6, 8]
    control.run("shut", int_arguments(15))
    wait_log(control, "15> ")
    client.close()
    control.close()


def g7_a_hook_whose_caller_is_gone_sees_it(server):
    control = welcome(server)
    for unbinds in (True, False):
        client = knocking(server, b"wait")
        wait_log(control, "<15 ")
        if unbinds:
            client.send(frame(unbind=dict(session=1)))
            client.fence()
        else:
            client.close()
        wait_log(control, "x15 15> ")
        client.close()
    control.close()


def g7_a_session_that_was_unbound_meanwhile_is_not_answered(server):
    control = welcome(server)
    client = knocking(server, b"wait")
    number = client.start("add", int_arguments(1, 2))
    wait_log(control, "<15 ")
    client.send(frame(unbind=dict(session=1)), bind(1, handshake=b"sesame"))
    assert client.bound(1).handshake == b"welcome"
    control.run("open", int_arguments(15))
    assert result_int(client.reply(number).payload) == 3  # a call that was made lives on
    client.fence()
    assert len([f for f in client.frames if f.HasField("bound")]) == 1
    control.run("shut", int_arguments(15))
    wait_log(control, "15> ")
    client.close()
    control.close()


def g7_those_who_wait_for_the_hook_are_bounded(_server):
    server = Program("e2e-server", "guard=1", "max_calls=4")
    client = knocking(server, b"wait")
    client.send(*[bind(s, handshake=b"wait") for s in range(2, 60)])
    client.fence()
    bounds = [f.bound for f in client.frames if f.HasField("bound")]
    assert len(bounds) >= 30 and {b.code for b in bounds} == {EXHAUSTED}, bounds
    client.close()
    assert server.stop() == (0, "stopped\n")


def g7_a_draining_daemon_asks_no_more(_server):
    server = Program("e2e-server", "guard=1")
    client = welcome(server)
    running = client.start("pass", int_arguments(1))
    wait_log(client, "<1 ")
    client.run("stop")
    client.goaway()
    client.send(bind(2, handshake=b"sesame"), client_call(client, 2, 77))
    assert client.bound(2).code == UNAVAILABLE, client.bound(2)
    assert client.error(77).was_not_run
    client.send(frame(running, cancel=dict(code=CANCELLED)))
    client.wait_end()
    assert server.process.wait(PATIENCE) == 0
    client.close()


def g7_plain_calls_are_refused(server):
    with grpc.insecure_channel(server.address, OPTIONS) as channel:
        call = channel.unary_unary("/e2e.Work/add")
        try:
            call(b"", timeout=PATIENCE)
            assert False, "it was let in"
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
            assert "handshake" in error.details(), error


# ---- the proxy ----

def b17_the_handshake_travels_in_bind():
    met = Met(answer_adds, "handshake=hello")
    assert met.ask("add 0 1 2") == "ok 3"
    names = [f.WhichOneof("body") for f in met.server.links[0].frames[:3]]
    assert names == ["hello", "bind", "call"], names  # nothing is slower
    assert met.server.links[0].frames[1].bind.handshake == b"hello"
    met.end()


def b17_who_asks_sends_no_call_before_the_answer():
    said = threading.Event()

    def talk(link):
        link.send(hello())
        asked = link.wait(lambda f: f.HasField("bind")).bind
        assert said.wait(PATIENCE)
        assert not link.find(lambda f: f.HasField("call")), link.frames
        link.send(frame(bound=dict(session=asked.session, fingerprint=asked.fingerprint, handshake=b"welcome")))
        answer_adds(link, bound=False, hi=False)

    met = Met(talk, "ask")
    threading.Timer(0.2, said.set).start()
    assert met.ask("add 0 1 2") == "ok 3"
    met.end()


def b17_an_answer_that_is_refused_ends_the_session():
    unbound = threading.Event()

    def talk(link):
        link.send(hello())
        asked = link.wait(lambda f: f.HasField("bind")).bind
        link.send(frame(bound=dict(session=asked.session, fingerprint=asked.fingerprint, handshake=b"go away")))
        link.wait(lambda f: f.HasField("unbind") and f.unbind.session == asked.session)
        unbound.set()
        link.wait_end()
        assert not link.find(lambda f: f.HasField("call")), link.frames

    met = Met(talk, "ask")
    refused(met.ask("add 0 1 2"), "PERMISSION_DENIED local never",
            f"connection to {met.server.address} rejected: that is no welcome: go away")
    assert unbound.wait(PATIENCE)  # a client that ends takes with it what has not left
    met.end()


def b17_a_refusal_reaches_who_binds_and_who_asks():
    def talk(link):
        link.send(hello())
        asked = link.wait(lambda f: f.HasField("bind")).bind
        link.send(frame(bound=dict(session=asked.session, code=UNAUTHENTICATED, message="no")))
        link.wait_end()

    for options, command in (("own handshake=x", "bind 0"), ("own ask", "add 0 1 2")):
        met = Met(talk, options)
        refused(met.ask(command), "UNAUTHENTICATED local never no")
        met.end()


def b17_an_answer_beyond_16_kib_is_a_protocol_error():
    def talk(link):
        link.send(hello())
        asked = link.wait(lambda f: f.HasField("bind")).bind
        link.send(frame(bound=dict(session=asked.session, fingerprint=asked.fingerprint, handshake=b"x" * (MOST + 1))))
        link.wait_end()

    met = Met(talk, "ask")
    refused(met.ask("add 0 1 2"), "INTERNAL local never ProtocolError: the answer to the handshake")
    met.end()


def b17_an_answer_that_does_not_come_is_given_up_in_time():
    def talk(link):
        link.send(hello())
        link.wait_end()

    met = Met(talk, "ask connect=300")
    refused(met.ask("add 0 1 2"), "DEADLINE_EXCEEDED local never TimeoutError: no answer from", met.server.address)
    met.end()


def b17_who_has_a_handshake_does_not_fall_back_to_plain_grpc():
    server = grpc.server(futures.ThreadPoolExecutor(2), options=OPTIONS)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    client = Driver()
    for number, option in enumerate(("handshake=x", "ask", "")):
        assert client.ask(f"new {number} {uri(address)} own {option}") == "ok"
        status = "FAILED_PRECONDITION" if option else "UNIMPLEMENTED"
        refused(client.ask(f"add {number} 1 2"), status)
        if option:
            refused(client.ask(f"bind {number}"), status, f"{address} speaks plain gRPC only")
    client.end()
    server.stop(None)


def main():
    cases = Cases()
    server = Program("e2e-server", "guard=1", "threads=8")
    for case in cases_of(globals(), (("server",), ("_server",))):
        cases.run(case, server)

    def the_daemon_ends_cleanly_after_all_that():
        assert server.stop() == (0, "stopped\n")

    cases.run(the_daemon_ends_cleanly_after_all_that)
    for case in cases_of(globals(), ((),)):
        if case is not main:
            cases.run(case)
    cases.end()


main()
