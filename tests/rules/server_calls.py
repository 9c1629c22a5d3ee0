#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a daemon does with the calls of a raw peer that need not behave: their ends, and limits.
Prints "ok <case>" or "not ok <case>"."""

import time

from peers import (DEADLINE, INVALID, NOT_FOUND, EXHAUSTED, PRECONDITION, UNAVAILABLE, ONEWAY, call_of, held, hold, linked,
                   refused, server_cases, shut, wait_log)
from raw import (CRITICAL_TYPES, Client, Program, Server, field, frame, hello, int_arguments, pb, result_int,
                 text_arguments, uri, varint)

# ---- the end of calls ----

def cancel_reaches_a_running_method(server):
    client = linked(server)
    client.run("log")
    number = client.start("pass", int_arguments(6))
    wait_log(client, "<6 ")
    client.send(frame(number, cancel=dict(code=1)))
    wait_log(client, "x6 6> ")
    client.fence()
    assert not client.find(lambda f: f.number == number)
    client.close()


def cancel_of_what_is_unknown_is_nothing(server):
    client = linked(server)
    client.send(frame(12345, cancel=dict(code=1)), frame(cancel=dict(code=4)))
    client.fence()
    client.close()


def a_deferred_is_told_once_that_nobody_waits(server):
    client = linked(server)
    told = held(client)[1]
    number = hold(client, 7)
    client.send(frame(number, cancel=dict(code=1)), frame(number, cancel=dict(code=1)))
    wait_told(client, told + 1)
    client.run("answer", int_arguments(7, 1))  # goes nowhere
    assert not client.find(lambda f: f.number == number)
    assert held(client)[1] == told + 1
    client.close()


def wait_told(client, n):
    until = time.monotonic() + 20
    while held(client)[1] < n:
        assert time.monotonic() < until
    assert held(client)[1] == n


def a_cancel_together_with_the_call_reaches_the_deferred(server):
    client = linked(server)
    control = linked(server)
    for _ in range(30):
        told = held(control)[1]
        made = client.call_frame("hold", int_arguments(8))
        client.send(made)
        client.send(frame(made.number, cancel=dict(code=1)))
        client.fence(made.number)
        if held(control)[0] == 1:  # else it never ran
            wait_told(control, told + 1)
            control.run("drop", int_arguments(8))
    client.close()
    control.close()


def a_link_that_is_cut_cancels_its_calls(server):
    control = linked(server)
    control.run("log")
    told = held(control)[1]
    client = linked(server)
    hold(client, 9)
    client.start("pass", int_arguments(9))
    wait_log(control, "<9 ")
    client.close()
    wait_log(control, "x9 9> ")
    wait_told(control, told + 1)
    control.run("drop", int_arguments(9))
    control.close()


def half_of_a_link_is_none(server):
    control = linked(server)
    control.run("log")
    client = linked(server)
    client.start("pass", int_arguments(10))
    wait_log(control, "<10 ")
    client.half_close()
    client.wait_end()
    assert client.status.value[0] == 0, client.status
    wait_log(control, "x10 10> ")
    client.close()
    control.close()


def the_method_sees_the_deadline(server):
    client = linked(server)
    assert result_int(client.run("time_left")) == (1 << 63) - 1
    left = result_int(client.run("time_left", time_left=5_000_000))
    assert 1000 < left <= 5000, left
    far = result_int(client.run("time_left", time_left=(1 << 64) - 1))
    assert far == (1 << 63) - 1, far
    client.close()


def a_call_whose_time_is_over_does_not_run(server):
    client = linked(server)
    control = linked(server)
    control.run("log")
    client.start("post", int_arguments(11), flags=ONEWAY)
    wait_log(control, "<11 ")
    number = client.start("pass", int_arguments(12), time_left=1)
    client.fence()
    control.run("open", int_arguments(11))
    error = client.error(number)
    assert error.code == DEADLINE, error
    wait_log(control, "11> ")
    shut(control)
    client.close()
    control.close()


def depth_256_is_refused(server):
    client = linked(server)
    assert result_int(client.run("add", int_arguments(1, 1), depth=255)) == 2
    for depth in (256, (1 << 32) - 1):
        error = client.error(client.start("add", depth=depth))
        assert error.code == PRECONDITION and "'work'" in error.message and "256" in error.message, error
    client.close()


def a_chain_of_a_wrong_size_is_ignored(server):
    client = linked(server)
    for chain in (b"", b"x", b"y" * 16, b"z" * 5000):
        assert result_int(client.run("add", int_arguments(2, 2), chain=chain, correlation_id="i" * len(chain))) == 4
    client.close()


def annotations_beyond_the_limits_are_refused_alone(server):
    client = linked(server)
    one = pb.Annotation(key="k", value=b"v")
    bad = [[one] * 65, [pb.Annotation(key="k", value=b"v" * 32768)], [pb.Annotation(value=b"v")],
           [pb.Annotation(key="a b")], [pb.Annotation(key="k" * 65)], [one, pb.Annotation()]]
    for annotations in bad:
        error = client.error(client.start("add", int_arguments(2, 2), annotations=annotations))
        assert error.code == INVALID and "annotation" in error.message, error
    for annotations in ([one] * 64, [pb.Annotation(key="k", value=b"v" * 32767)]):
        assert result_int(client.run("add", int_arguments(2, 2), annotations=annotations)) == 4
    client.close()


def ids_that_are_not_well_formed_are_left_out(server):
    client = linked(server)
    for text in ("x" * 129, "\a", "\u00e4"):
        error = client.error(client.start("fail", int_arguments(5), correlation_id=text, traceparent=text))
        assert len(error.correlation_id) == 32 and error.correlation_id != text, error
    client.close()


def a_long_error_that_is_handed_on_is_cut(server):
    def talk(link):
        link.send(hello())
        call = call_of(link)
        link.send(frame(call.number, error=dict(code=5, message="\u00e4" * 60000, trace="t\n" * 60000)))
        link.wait_end()

    far = Server(talk)
    client = linked(server)
    error = client.error(client.start("relay", field(1, uri(far.address).encode())))
    assert error.code == NOT_FOUND and len(error.message.encode()) == 32768 and len(error.trace) <= 32768, error.code
    assert error.trace.endswith("t\n"), error.trace[-100:]
    client.close()
    far.stop()


def the_correlation_id_comes_back_with_the_error(server):
    client = linked(server)
    error = client.error(client.start("fail", int_arguments(5) + field(2, b"no"), correlation_id="request-17"))
    assert (error.code, error.message, error.correlation_id) == (5, "no", "request-17"), error
    assert error.trace.startswith("servant.c:") and error.trace.endswith(f" in e2e.Work.fail of 'work' at {server.address}\n"), error
    client.close()


def an_exception_travels_with_its_fields(server):
    client = linked(server)
    error = client.error(client.start("raise", int_arguments(77) + field(2, b"so")))
    assert (error.code, error.exception) == (10, "e2e.Refused"), error
    assert error.detail == int_arguments(77) + field(2, b"so"), error
    assert client.error(client.start("miss", field(1, b"key"))).code == NOT_FOUND
    client.close()


def answers_to_calls_never_made_are_nothing(server):
    client = linked(server)
    client.send(frame(1, reply=dict(payload=b"x")), frame(2, error=dict(code=3)), frame(bound=dict(session=1)),
                frame(pong=dict(data=1)), frame(3, reply=dict(flags=6, payload=b"x")))
    client.fence()
    client.close()

# ---- limits ----

def the_call_beyond_max_calls_is_refused_alone(_server):
    server = Program("e2e-server", "max_calls=2")
    client = linked(server)
    other = linked(server)  # another link has a limit of its own
    one, two = hold(client, 1, other), hold(client, 2, other)
    error = client.error(client.start("add"))
    assert error.code == EXHAUSTED and "2 calls" in error.message, error
    other.run("answer", int_arguments(1, 10))
    assert result_int(client.reply(one).payload) == 10
    assert result_int(client.run("add", int_arguments(3, 4))) == 7
    other.run("answer", int_arguments(2, 20))
    assert result_int(client.reply(two).payload) == 20
    client.close()
    other.close()
    assert server.stop() == (0, "stopped\n")


def oneways_that_wait_are_bounded(_server):
    server = Program("e2e-server", "max_calls=4")
    client = linked(server)
    control = linked(server)
    numbers = [client.start("post", int_arguments(1), flags=ONEWAY) for _ in range(60)]
    client.fence()
    answered = [f for f in client.frames if f.number in numbers]
    assert len([f for f in answered if f.HasField("reply")]) <= 8, answered
    refused = [f.error.code for f in answered if f.HasField("error")]
    assert len(refused) >= 30 and set(refused) == {EXHAUSTED}, refused
    control.run("open", int_arguments(1))
    client.close()
    control.close()
    assert server.stop() == (0, "stopped\n")


def calls_that_are_cancelled_while_they_wait_are_bounded(_server):
    server = Program("e2e-server", "max_calls=4", "threads=1")
    client = linked(server)
    hold(client, 1)
    blocker = client.start("pass", int_arguments(1))
    for _ in range(60):
        number = client.start("add")
        client.send(frame(number, cancel=dict(code=1)))
    client.fence()
    refused = [f.error.code for f in client.frames if f.HasField("error")]
    assert len(refused) >= 30 and set(refused) == {EXHAUSTED}, refused
    client.send(frame(blocker, cancel=dict(code=1)))
    client.close()
    assert server.stop() == (0, "stopped\n")


def sessions_are_bounded(server):
    client = linked(server)
    per = 4000
    for first in range(2, 66000, per):
        client.send(*[frame(bind=dict(session=s)) for s in range(first, first + per)])
        last = client.bound(first + per - 1)
        with client.changed:
            client.frames.clear()
    assert last.code == EXHAUSTED, last
    client.send(frame(1 << 20, call=dict(session=first + per - 1, name="e2e.Work.add")))
    assert client.error(1 << 20).code == EXHAUSTED
    assert result_int(client.run("add", int_arguments(20, 3))) == 23  # nothing else is disturbed
    client.close()


def messages_of_many_calls_may_be_larger_than_max_message(_server):
    server = Program("e2e-server", "max_message=65536")
    client = linked(server)
    calls = [client.call_frame("echo", text_arguments("x" * 60000)) for _ in range(4)]
    client.send(*calls)
    for made in calls:
        assert len(client.reply(made.number).payload) > 60000
    error = client.error(client.start("echo", b"y" * 65537))
    assert error.code == EXHAUSTED, error
    client.close()
    assert server.stop() == (0, "stopped\n")


def a_reply_beyond_max_message_fails_alone(_server):
    server = Program("e2e-server", "max_message=65536")
    client = Client(server.address, first=[hello(max_message=1000)])
    client.bind()
    error = client.error(client.start("echo", text_arguments("x" * 2000)))
    assert error.code == EXHAUSTED and "MessageTooLarge" in error.message, error
    client.close()
    assert server.stop() == (0, "stopped\n")


def who_reads_nothing_does_not_fill_the_memory(_server):
    server = Program("e2e-server")
    status = f"/proc/{server.process.pid}/status"
    client = Client(server.address, read=False)
    body = varint(1 << 3) + varint(31) + varint(2 << 3) + b"\x01" + field(CRITICAL_TYPES, b"")
    flood = field(1, body) * 20000
    for _ in range(400):
        client.send_raw(flood)
    until = time.monotonic() + 30
    client.reader.start()  # only to hear of the end
    peak = 0
    while not client.ended and time.monotonic() < until:
        rss = int(next(line for line in open(status) if line.startswith("VmRSS")).split()[1])
        peak = max(peak, rss)
        time.sleep(0.05)
    client.close()
    assert server.stop()[0] == 0
    assert peak < 400 << 10, f"{peak >> 10} MiB"


def a_draining_daemon_refuses_what_is_new_and_answers_what_runs(_server):
    server = Program("e2e-server")
    client = linked(server)
    control = linked(server)
    number = hold(client, 1)
    running = control.start("pass", int_arguments(1))
    wait_log(control, "<1 ")
    assert client.run("stop") == b""
    goaway = client.goaway()
    assert goaway.code == 0 and goaway.message, goaway
    error = client.error(client.start("add"))
    assert error.code == UNAVAILABLE and server.address in error.message and error.was_not_run, error
    assert server.process.poll() is None and not client.find(lambda f: f.number == number)
    client.send(frame(number, cancel=dict(code=1)))
    control.send(frame(running, cancel=dict(code=1)))
    client.wait_end()
    control.wait_end()
    assert server.process.wait(20) == 0
    client.close()
    control.close()


def a_stopping_daemon_turns_away_who_has_not_heard_of_it(_server):
    """Between the Goaway and the close, though nothing runs: what came too late was surely not run."""
    server = Program("e2e-server")
    client = linked(server)
    server.process.terminate()
    assert client.goaway().code == 0
    error = client.error(client.start("add"))
    assert error.code == UNAVAILABLE and error.was_not_run, error
    client.wait_end()
    assert server.process.wait(20) == 0
    client.close()


server_cases(globals())
