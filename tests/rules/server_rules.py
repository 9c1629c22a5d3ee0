#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a daemon does on a link, seen by a raw peer that need not behave. Prints "ok <case>" or "not ok <case>"."""

import time

from raw import (CRITICAL_TYPES, Cases, Client, Closed, Program, field, frame, hello, int_arguments, message, pb,
                 result_int, text_arguments, varint)

CANCELLED, UNKNOWN, INVALID, DEADLINE, NOT_FOUND, EXHAUSTED, PRECONDITION = 1, 2, 3, 4, 5, 8, 9
UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 12, 13, 14
FRAGMENT = 65536
MORE, CONTINUES, ONEWAY = 2, 4, 1
MIB = 1 << 20


def linked(server, **fields):
    client = Client(server.address)
    client.bind(**fields)
    return client


def protocol_error(client, *parts):
    """The link ends with a Goaway that says why."""
    goaway = client.goaway()
    assert goaway.code == INTERNAL, goaway
    assert goaway.message.startswith("ProtocolError: "), goaway
    for part in parts:
        assert part in goaway.message, goaway
    client.wait_end()
    client.close()


# ---- the first words ----

def hello_is_answered_with_what_the_daemon_accepts(server):
    client = Client(server.address)
    said = client.wait(lambda f: f.HasField("hello")).hello
    assert (said.min_version, said.max_version, said.max_calls, said.max_message) == (1, 1, 16384, 64 * MIB), said
    assert said.agent.startswith("pyrite/"), said
    client.close()


def a_frame_before_hello_ends_the_link(server):
    client = Client(server.address, first=[frame(ping=dict(data=1))])
    protocol_error(client, "before Hello")


def a_second_hello_ends_the_link(server):
    client = Client(server.address)
    client.send(hello())
    protocol_error(client, "second Hello")


def versions_that_cannot_be_shared_are_both_named(server):
    client = Client(server.address, first=[hello(min_version=7, max_version=9)])
    goaway = client.goaway()
    assert goaway.code == PRECONDITION, goaway
    assert "1-1" in goaway.message and "7-9" in goaway.message, goaway
    client.wait_end()
    client.close()


def a_hello_without_versions_is_refused(server):
    client = Client(server.address, first=[hello(min_version=0, max_version=0)])
    assert client.goaway().code == PRECONDITION
    client.wait_end()
    client.close()


def a_range_that_includes_ours_is_taken(server):
    client = Client(server.address, first=[hello(min_version=0, max_version=12)])
    client.fence()
    client.close()


# ---- sessions ----

def an_unknown_object_is_named_with_the_address(server):
    client = Client(server.address)
    bound = client.bind(name="nobody")
    assert bound.code == NOT_FOUND, bound
    assert "'nobody'" in bound.message and server.address in bound.message, bound
    error = client.error(client.start("add"))
    assert error.code == NOT_FOUND and "'nobody'" in error.message, error
    client.close()


def an_object_of_another_interface_is_not_bound(server):
    client = Client(server.address)
    bound = client.bind(name="work", interface="e2e.Other")
    assert bound.code == PRECONDITION, bound
    assert "e2e.Work" in bound.message and "e2e.Other" in bound.message, bound
    client.close()


def an_object_is_bound_by_its_base(server):
    client = Client(server.address)
    assert client.bind(interface="e2e.Base").code == 0
    assert client.run("who") == b"\x0a\x04work"
    client.close()


def equal_fingerprints_call_by_place(server):
    client = linked(server)
    own = client.bound(1)
    assert own.fingerprint == 0 and len(own.operations) == len(Client.OPERATIONS), own
    error = client.error(client.start("add", name="", operation=1, fingerprint=0))
    assert error.code == UNIMPLEMENTED, error  # places count only when the interfaces are equal
    client.close()


def an_operation_of_another_version_is_refused_with_its_signature(server):
    client = linked(server)
    error = client.error(client.start("add", fingerprint=99))
    assert error.code == PRECONDITION, error
    assert "e2e.Work.add" in error.message and "(int32, int32)" in error.message, error
    assert client.run("add", int_arguments(1, 2)) == b"\x08\x03"
    client.close()


def an_operation_out_of_range_is_unimplemented(server):
    client = linked(server)
    for fields in (dict(name="", operation=10000), dict(name="e2e.Work.nothing"), dict(name="add"), dict(name=".")):
        error = client.error(client.start("add", **fields))
        assert error.code == UNIMPLEMENTED and "'work'" in error.message, error
    client.close()


def a_method_that_the_table_lacks_is_unimplemented(server):
    client = linked(server)
    error = client.error(client.start("nobody"))
    assert error.code == UNIMPLEMENTED and "e2e.Work.nobody" in error.message, error
    client.close()


def a_call_in_a_session_that_is_none_fails_alone(server):
    client = linked(server)
    error = client.error(client.start("add", session=77))
    assert error.code == INTERNAL and "ProtocolError: no session 77" in error.message, error
    client.fence()
    client.close()


def a_session_number_that_is_live_ends_the_link(server):
    client = linked(server)
    client.send(frame(bind=dict(session=1, object="work", interface="e2e.Work")))
    protocol_error(client, "session 1")


def a_session_number_is_free_after_unbind(server):
    client = linked(server)
    client.send(frame(unbind=dict(session=1)), frame(unbind=dict(session=5)),
                frame(bind=dict(session=1, object="other", interface="e2e.Other")))
    client.fence()
    assert [f.bound.code for f in client.frames if f.HasField("bound")] == [0, 0]
    client.close()


def unbind_lets_running_calls_end(server):
    client = linked(server)
    number = client.start("hold", int_arguments(3))
    client.send(frame(unbind=dict(session=1)))
    client.bind(session=2)
    client.run("answer", int_arguments(3, 5), session=2)
    assert result_int(client.reply(number).payload) == 5
    client.close()


# ---- call numbers ----

def a_live_number_used_again_ends_the_link(server):
    client = linked(server)
    client.send(client.call_frame("hold", int_arguments(1), number=5), client.call_frame("add", number=5))
    protocol_error(client, "call number 5")


def a_number_is_free_after_the_answer(server):
    client = linked(server)
    for x in range(3):
        assert result_int(client.run("add", int_arguments(x, 1), number=9)) == x + 1
        client.forget(9)
    client.close()


def a_number_is_free_after_cancel(server):
    client = linked(server)
    client.send(client.call_frame("hold", int_arguments(1), number=5), frame(5, cancel=dict(code=1)),
                client.call_frame("add", int_arguments(2, 2), number=5))
    assert result_int(client.reply(5).payload) == 4
    client.close()


def number_0_ends_the_link(server):
    client = linked(server)
    made = client.call_frame("add")
    made.number = 0
    client.send(made)
    protocol_error(client, "without a number")


# ---- frames ----

def an_unknown_critical_frame_is_answered_unimplemented(server):
    client = linked(server)
    body = varint(1 << 3) + varint(31) + varint(2 << 3) + b"\x01" + field(CRITICAL_TYPES, b"whatever")
    client.send_raw(field(1, body))
    error = client.error(31)
    assert error.code == UNIMPLEMENTED, error
    client.fence()
    client.close()


def a_critical_frame_of_a_feature_not_offered_is_answered_unimplemented(server):
    client = linked(server)
    client.send(frame(32, True, item=dict(sequence=1)), frame(33, True, release=dict(count=1)))
    assert client.error(32).code == UNIMPLEMENTED
    assert client.error(33).code == UNIMPLEMENTED
    client.close()


def an_unknown_frame_is_skipped(server):
    client = linked(server)
    client.send_raw(field(1, field(CRITICAL_TYPES, b"whatever")) + field(1, b""))
    client.send(frame(34, credit=dict(bytes=1)), frame(35, item=dict(sequence=1)), frame(36, end=dict(code=1)))
    client.fence()
    assert not [f for f in client.frames if f.HasField("error")]
    client.close()


def unknown_fields_are_skipped(server):
    client = linked(server)
    made = client.call_frame("add", int_arguments(20, 3), number=41)
    extra = field(90, b"x") + varint(91 << 3) + varint(1 << 40) + varint(92 << 3 | 1) + b"8" * 8 + varint(93 << 3 | 5) + b"4444"
    call = made.call.SerializeToString() + extra
    client.send_raw(field(77, b"?") + field(1, varint(1 << 3) + varint(41) + extra + field(7, call)) + extra)
    assert result_int(client.reply(41).payload) == 23
    client.close()


def ping_is_answered_with_its_data(server):
    client = Client(server.address)
    client.fence(1 << 63)
    client.close()


def garbage_ends_the_link(server):
    for garbage in (b"\xff" * 40, b"\x0a\x05abc", field(1, b"\x3a\x7f"), field(1, b"\x0b"), b"\x08", b"\x00\x00"):
        client = linked(server)
        client.send_raw(garbage)
        protocol_error(client, "no run of frames")


def an_empty_message_is_nothing(server):
    client = linked(server)
    client.send_raw(b"")
    client.fence()
    client.close()


def a_message_over_256_kib_ends_the_link(server):
    client = linked(server)
    client.send_raw(message(frame(ping=dict(data=1))) + field(9, b"x" * (256 << 10)))
    protocol_error(client, "262144")


def a_message_of_256_kib_is_taken(server):
    client = linked(server)
    ping = message(frame(ping=dict(data=3)))
    client.send_raw(ping + field(9, b"x" * ((256 << 10) - len(ping) - 4)))
    client.wait(lambda f: f.HasField("pong"))
    client.close()


# ---- order ----

def methods_start_in_the_order_sent_and_run_side_by_side(server):
    client = linked(server)
    client.run("log")
    numbers = [client.call_frame("pass", int_arguments(i)) for i in (1, 2, 3)]
    client.send(*numbers)
    wait_log(client, "<1 <2 <3 ")
    for gate in (3, 1, 2):
        client.run("open", int_arguments(gate))
        wait_log(client, f"{gate}> ")
    for made in numbers:
        client.reply(made.number)
    shut(client)
    client.close()


def wait_log(client, text):
    """Reads the log until it is text; what it reads is gone."""
    so_far, until = "", time.monotonic() + 20
    while so_far != text:
        assert text.startswith(so_far) and time.monotonic() < until, f"log is {so_far!r}, expected {text!r}"
        so_far += client.log()


def shut(client):
    for gate in range(16):
        client.run("shut", int_arguments(gate))


def a_oneway_is_acknowledged_at_once_and_holds_its_place(server):
    client = linked(server)
    control = linked(server)
    control.run("log")
    first = client.start("pass", int_arguments(1))
    wait_log(control, "<1 ")
    oneway = client.start("post", int_arguments(2), flags=ONEWAY)
    last = client.start("pass", int_arguments(3))
    assert client.reply(oneway).payload == b""
    wait_log(control, "<2 ")  # beside the two-way call that began before
    control.run("open", int_arguments(3))
    control.run("open", int_arguments(1))
    client.reply(first)
    wait_log(control, "1> ")
    assert not client.find(lambda f: f.number == last and f.HasField("reply"))  # it waits for the oneway's end
    control.run("open", int_arguments(2))
    client.reply(last)
    wait_log(control, "2> <3 3> ")
    shut(control)
    client.close()
    control.close()


def a_oneway_does_not_hold_other_sessions(server):
    client = linked(server)
    client.bind(session=2)
    client.start("post", int_arguments(4), flags=ONEWAY)
    assert result_int(client.run("add", int_arguments(1, 1), session=2)) == 2
    client.run("open", int_arguments(4), session=2)
    assert result_int(client.run("add", int_arguments(1, 1))) == 2
    shut(client)
    client.close()


# ---- fragments ----

def send_fragments(client, payload, sizes=None, number=None, total=None):
    number = number or next(client.numbers)
    at, flags = 0, 0
    sizes = sizes or [FRAGMENT] * ((len(payload) + FRAGMENT - 1) // FRAGMENT)
    for i, size in enumerate(sizes):
        part = payload[at:at + size]
        at += size
        flags = (CONTINUES if i else 0) | (MORE if i + 1 < len(sizes) else 0)
        if i == 0:
            total = len(payload) if total is None else total
            client.send(client.call_frame("echo", part, number=number, flags=flags, total=total))
        else:
            client.send(frame(number, call=dict(session=1, flags=flags, payload=part)))
    return number


def whole_reply(client, number):
    client.wait(lambda f: f.number == number and f.HasField("reply") and not f.reply.flags & MORE)
    return b"".join(f.reply.payload for f in client.frames if f.number == number)


def long_strings_travel_in_fragments(server):
    client = linked(server)
    for size in (FRAGMENT - 10, FRAGMENT, MIB, 3 * MIB):
        payload = text_arguments("y" * size)
        number = send_fragments(client, payload)
        assert whole_reply(client, number) == payload
        first = client.answer(number).reply
        assert first.total == (len(payload) if len(payload) > FRAGMENT else 0), first.total
        assert max(len(f.reply.payload) for f in client.frames) <= FRAGMENT
        client.forget(number)
    client.close()


def calls_go_between_the_fragments_of_another(server):
    client = linked(server)
    payload = text_arguments("z" * 300)
    client.send(client.call_frame("echo", payload[:100], number=60, flags=MORE, total=len(payload)))
    assert result_int(client.run("add", int_arguments(4, 4))) == 8
    client.send(frame(60, call=dict(session=1, flags=CONTINUES, payload=payload[100:])))
    assert client.reply(60).payload == payload
    client.close()


def a_total_beyond_the_limit_is_refused_alone(server):
    client = linked(server)
    number = client.start("echo", b"x" * 10, flags=MORE, total=64 * MIB + 1)
    error = client.error(number)
    assert error.code == EXHAUSTED and "MessageTooLarge" in error.message and server.address in error.message, error
    client.send(frame(number, call=dict(session=1, flags=CONTINUES, payload=b"rest")))
    client.fence()
    client.close()


def more_bytes_than_the_total_are_refused(server):
    client = linked(server)
    for sizes, total in (([10, 20], 25), ([30], 20), ([10, 10, 10], 20)):
        number = send_fragments(client, b"x" * sum(sizes), sizes, total=total)
        error = client.error(number)
        assert error.code in (INTERNAL, EXHAUSTED), error
    assert result_int(client.run("add", int_arguments(4, 4))) == 8
    client.close()


def fewer_bytes_than_the_total_are_refused(server):
    client = linked(server)
    payload = text_arguments("abc") + text_arguments("defghi")
    for sizes in ([5, 5], [5]):
        number = send_fragments(client, payload[:sum(sizes)], sizes, total=len(payload))
        assert client.error(number).code == INTERNAL
    client.close()


def a_continuation_while_the_method_runs_is_nothing(server):
    client = linked(server)
    for _ in range(50):
        number = send_fragments(client, text_arguments("a" * 60), [31, 31])
        client.send(*[frame(number, call=dict(session=1, flags=CONTINUES | (i & 1 and MORE), payload=b"b" * 40000))
                      for i in range(4)])
        assert client.reply(number).payload == text_arguments("a" * 60)
    client.fence()
    client.close()


def a_continuation_of_nothing_is_skipped(server):
    client = linked(server)
    client.send(frame(70, call=dict(session=1, flags=CONTINUES, payload=b"x")),
                frame(71, call=dict(session=1, flags=CONTINUES | MORE, payload=b"x")))
    client.start("hold", int_arguments(2), number=72)
    client.send(frame(72, call=dict(session=1, flags=CONTINUES, payload=b"x")))
    client.run("answer", int_arguments(2, 1))
    assert result_int(client.reply(72).payload) == 1
    client.close()


def a_first_fragment_without_a_total_is_refused(server):
    client = linked(server)
    for fields in (dict(payload=b""), dict(payload=b"abc")):
        number = client.start("echo", flags=MORE, **fields)
        assert client.error(number).code == INTERNAL
    client.close()


def cancel_between_fragments_ends_the_call(server):
    client = linked(server)
    payload = text_arguments("w" * 300)
    client.send(client.call_frame("echo", payload[:100], number=80, flags=MORE, total=len(payload)),
                frame(80, cancel=dict(code=1)),
                frame(80, call=dict(session=1, flags=CONTINUES, payload=payload[100:])))
    client.fence()
    assert not client.find(lambda f: f.number == 80)
    assert result_int(client.run("add", int_arguments(1, 80), number=80)) == 81
    client.close()


def a_request_that_is_no_request_fails_alone(server):
    client = linked(server)
    for payload in (b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\xff" * 30):
        error = client.error(client.start("echo", payload))
        assert error.code in (INVALID, INTERNAL), error
    client.fence()
    client.close()


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
    number = client.start("hold", int_arguments(7))
    client.send(frame(number, cancel=dict(code=1)), frame(number, cancel=dict(code=1)))
    wait_told(client, told + 1)
    client.run("answer", int_arguments(7, 1))  # goes nowhere
    assert not client.find(lambda f: f.number == number)
    assert held(client)[1] == told + 1
    client.close()


def held(client):
    payload = client.run("held")
    numbers = {}
    while payload:
        numbers[payload[0] >> 3], payload = payload[1], payload[2:]
    return numbers.get(1, 0), numbers.get(2, 0)


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
    client.start("hold", int_arguments(9))
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
    number = client.start("pass", int_arguments(12), time_left=1)
    control.run("open", int_arguments(11))
    error = client.error(number)
    assert error.code == DEADLINE, error
    wait_log(control, "<11 11> ")
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


def the_correlation_id_comes_back_with_the_error(server):
    client = linked(server)
    error = client.error(client.start("fail", int_arguments(5) + field(2, b"no"), correlation_id="request-17"))
    assert (error.code, error.message, error.correlation_id) == (5, "no", "request-17"), error
    assert error.trace.startswith("servant.c:") and error.trace.endswith(" in e2e.Work.fail\n"), error
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
    one, two = client.start("hold", int_arguments(1)), client.start("hold", int_arguments(2))
    error = client.error(client.start("add"))
    assert error.code == EXHAUSTED and "2 calls" in error.message, error
    other = linked(server)  # another link has a limit of its own
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
    numbers = [client.start("post", int_arguments(1), flags=ONEWAY) for _ in range(40)]
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
    client.start("hold", int_arguments(1))
    blocker = client.start("pass", int_arguments(1))
    for _ in range(40):
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
    protocol_error(client, "sessions")


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
    number = client.start("hold", int_arguments(1))
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


CASES = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         value.__code__.co_varnames[:1] in (("server",), ("_server",)) and name != "linked"]


def main():
    cases = Cases()
    server = Program("e2e-server", "threads=8")
    for case in CASES:
        cases.run(case, server)
        if server.process.poll() is not None:
            print(f"    the server ended with {server.process.returncode}")
            server = Program("e2e-server", "threads=8")

    def the_daemon_ends_cleanly_after_all_that():
        assert server.stop() == (0, "stopped\n")

    cases.run(the_daemon_ends_cleanly_after_all_that)
    cases.end()


main()
