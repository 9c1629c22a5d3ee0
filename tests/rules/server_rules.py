#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a daemon does on a link, seen by a raw peer that need not behave: first words, sessions, frames, fragments.
Prints "ok <case>" or "not ok <case>"."""

import marshal
import pickle

from peers import (INVALID, NOT_FOUND, EXHAUSTED, PRECONDITION, UNIMPLEMENTED, INTERNAL, FRAGMENT, MORE, CONTINUES,
                   ONEWAY, MIB, hold, linked, protocol_error, server_cases, shut, wait_log)
from raw import (CRITICAL_TYPES, LANE, Client, Program, field, frame, hello, int_arguments, message, result_int,
                 text_arguments, varint)

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
    number = hold(client, 3)
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


def a_release_of_what_was_not_passed_ends_the_link(server):
    for release in (dict(count=1), dict(reference=b"x" * 16, count=1), dict(reference=b"x" * 16)):
        client = linked(server)
        client.send(frame(release=release))
        protocol_error(client, "Release")


def a_reference_that_is_not_here_may_be_lost_all_the_same(server):
    client = linked(server)
    client.send(frame(lost=dict(reference=b"x" * 16)))
    client.fence()
    client.send(frame(lost=dict(reference=b"x")))
    protocol_error(client, "Lost")


def a_reference_that_was_not_passed_is_not_found(server):
    client = linked(server)
    for session, reference in ((11, b"x" * 16), (12, b"x"), (13, b"work")):
        client.send(frame(bind=dict(session=session, reference=reference, interface="e2e.Work")))
        bound = client.bound(session)
        assert bound.code == NOT_FOUND, bound
    client.fence()
    client.close()


def references_that_are_no_ids_end_the_link(server):
    for wrong in (b"short", b"", b"i" * 16 + b"\3", b"i" * 18, b"i" * 16 + b"\3" + b"n" * 16, b"i" * 34):
        client = linked(server)
        client.send(frame(7, call=dict(session=1, name="e2e.Work.add", flags=256, references=[wrong])))
        protocol_error(client, "references")


def references_of_a_refused_call_are_given_back(server):
    client = linked(server)
    client.send(frame(7, call=dict(session=1, name="nobody", flags=256, references=[b"r" * 16] * 3)))
    assert client.error(7).code == UNIMPLEMENTED
    release = client.wait(lambda f: f.HasField("release")).release
    assert release.reference == b"r" * 16 and release.count == 3, release
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


def g13_ping_is_answered_with_its_data(server):
    client = Client(server.address)
    client.fence(1 << 63)
    client.close()


def a_ping_of_any_size_is_answered_with_its_data_alone(server):
    """One that is as large as a message made a Pong that no message could take, and nothing left any more."""
    client = linked(server)
    client.send_raw(field(1, field(15, varint(1 << 3) + b"\x05" + field(9, b"x" * ((256 << 10) - 40)))))
    pong = client.wait(lambda f: f.HasField("pong"))
    assert pong.pong.data == 5 and pong.ByteSize() < 16, pong.ByteSize()
    assert result_int(client.run("add", int_arguments(4, 4))) == 8
    client.close()


def garbage_ends_the_link(server):
    for garbage in (b"\xff" * 40, b"\x0a\x05abc", field(1, b"\x3a\x7f"), field(1, b"\x0b"), b"\x08", b"\x00\x00"):
        client = linked(server)
        client.send_raw(garbage)
        protocol_error(client, "not a sequence of frames")


def an_empty_message_is_nothing(server):
    client = linked(server)
    client.send_raw(b"")
    if LANE == "socket":
        client.wait_end()  # that is how a link ends there
    else:
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

def methods_start_in_the_order_sent(_server):
    server = Program("e2e-server", "threads=1")
    client = linked(server)
    calls = [client.call_frame("add", int_arguments(i, i)) for i in range(100)]
    client.send(*calls)
    client.reply(calls[-1].number)
    assert [f.number for f in client.frames if f.HasField("reply")] == [c.number for c in calls]
    client.close()
    assert server.stop() == (0, "stopped\n")


def methods_of_a_session_run_side_by_side(server):
    client = linked(server)
    client.run("log")
    numbers = []
    for gate in (1, 2, 3):
        numbers.append(client.start("pass", int_arguments(gate)))
        wait_log(client, f"<{gate} ")
    for gate in (3, 1, 2):
        client.run("open", int_arguments(gate))
        wait_log(client, f"{gate}> ")
    for made in numbers:
        client.reply(made)
    shut(client)
    client.close()


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


def first_fragment(client, size):
    """Asks for a reply of that size, and waits for the first of it."""
    number = send_fragments(client, text_arguments("r" * size))
    client.answer(number)
    return number


def small_answers_overtake_a_large_reply(server):
    client = linked(server)
    number = first_fragment(client, 32 * MIB)
    client.fence(9)
    assert result_int(client.run("add", int_arguments(4, 4))) == 8
    before = sum(len(f.reply.payload) for f in client.frames if f.number == number)
    assert before < 32 * MIB, "all of the large one came first"
    assert len(whole_reply(client, number)) > 32 * MIB
    client.close()


def a_large_reply_that_is_cancelled_stops_and_its_number_is_free(server):
    client = linked(server)
    number = first_fragment(client, 32 * MIB)
    client.send(frame(number, cancel=dict(code=1)))
    client.fence(9)
    came = sum(len(f.reply.payload) for f in client.frames if f.number == number)
    assert came < 32 * MIB, "it did not stop"
    client.forget(number)
    assert result_int(client.run("add", int_arguments(1, 80), number=number)) == 81
    client.close()


def the_number_of_a_reply_that_is_on_its_way_is_live(server):
    client = linked(server)
    number = first_fragment(client, 32 * MIB)
    client.send(client.call_frame("add", int_arguments(1, 80), number=number))
    protocol_error(client, f"{number} is live")


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
    hold(client, 2, number=72)
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


def t17_arguments_of_other_types_do_not_reach_the_method(server):
    client = linked(server)
    client.log()  # of other cases
    error = client.error(client.start("pass", text_arguments("1"), fingerprint=99))  # whose pass() takes a text
    assert error.code == PRECONDITION and "e2e.Work.pass" in error.message and "(int32)" in error.message, error
    error = client.error(client.start("fail", field(2, b"\xff\xfe")))
    assert error.code == INVALID and "'text' is not valid UTF-8" in error.message, error
    assert client.log() == "", "a method has begun"
    client.close()


def b16_a_request_of_another_serializer_is_refused(server):
    client = linked(server)
    for payload in (b'{"x": 1, "y": 2}', b"# serpent utf-8 python3.2\n(1,2)", marshal.dumps((1, 2)), pickle.dumps((1, 2))):
        error = client.error(client.start("add", payload))
        assert error.code == INVALID and "is malformed (not protobuf)" in error.message, (payload, error)
    assert result_int(client.run("add", int_arguments(1, 2))) == 3
    client.close()


def b21_a_dotted_name_leads_into_no_object(server):
    client = linked(server)
    for name in ("e2e.Work.log.add", "log.add", "e2e.Work.add.__call__", "e2e.Work.__class__", "e2e.Work..add"):
        error = client.error(client.start("add", name=name))
        assert error.code == UNIMPLEMENTED and f"'{name}'" in error.message, error
    client.close()


def a_request_that_is_no_request_fails_alone(server):
    client = linked(server)
    for payload in (b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\xff" * 30):
        error = client.error(client.start("echo", payload))
        assert error.code in (INVALID, INTERNAL), error
    client.fence()
    client.close()


server_cases(globals())
