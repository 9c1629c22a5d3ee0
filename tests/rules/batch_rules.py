#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Batches as raw peers see them: what a daemon answers to items that need not behave, and what a proxy sends.
Prints "ok <case>" or "not ok <case>"."""

from peers import (CONTINUES, EXHAUSTED, FRAGMENT, INTERNAL, MORE, PRECONDITION, UNAVAILABLE, UNIMPLEMENTED, Met, call_of,
                   held, linked, numbers_of, refused, server_cases, shut)
from raw import End, frame, hello, int_arguments, message, pb, result_int, varint

BATCH = 8
THOUSAND = 1000


def add(client, *numbers, **fields):
    """An item that names add()."""
    body = dict(name="e2e.Work.add", fingerprint=client.prints["e2e.Work.add"], payload=int_arguments(*numbers))
    return frame(call=dict(body, **fields))


def again(place, *numbers):
    """An item of the operation that was named in that place."""
    return frame(call=dict(operation=place, payload=int_arguments(*numbers)))


def run(client, payload, flags=BATCH):
    """The answers in a batch's reply: numbers, and the error that it ends with."""
    number = client.start("<batch>", payload[:FRAGMENT], flags=flags | (MORE if len(payload) > FRAGMENT else 0), total=len(payload))
    for at in range(FRAGMENT, len(payload), FRAGMENT):
        more = MORE if at + FRAGMENT < len(payload) else 0
        client.send(frame(number, call=dict(session=1, flags=CONTINUES | more, payload=payload[at:at + FRAGMENT])))
    client.wait(lambda f: f.number == number and not (f.HasField("reply") and f.reply.flags & MORE))
    parts = [f.reply.payload for f in client.frames if f.number == number]
    answers = pb.Message.FromString(b"".join(parts)).frames
    sums = [result_int(f.reply.payload) for f in answers if f.HasField("reply")]
    errors = [f.error for f in answers if f.HasField("error")]
    assert len(errors) <= 1 and (not errors or answers[-1].HasField("error")), answers
    return sums, errors[0] if errors else None


def fails(client, items, sums, code, *parts):
    before, error = run(client, items if isinstance(items, bytes) else message(*items))
    assert before == sums and error and error.code == code, (before, error)
    for part in parts:
        assert part in error.message, error


# ---- a daemon ----

def t7_an_unknown_operation_fails_in_its_place_and_earlier_results_stay(server):
    client = linked(server)
    unknown = frame(call=dict(name="e2e.Work.nosuch", fingerprint=1))
    fails(client, [add(client, 1, 2), again(0, 3, 4), unknown, again(0, 5, 6)], [3, 7], UNIMPLEMENTED, "'e2e.Work.nosuch'", "'work'")
    client.close()


def t7_so_does_another_version_of_one(server):
    client = linked(server)
    fails(client, [add(client, 1, 2), add(client, 3, 4, fingerprint=5)], [3], PRECONDITION, "e2e.Work.add", "(int32, int32)")
    client.close()


def an_empty_batch_has_an_empty_answer(server):
    client = linked(server)
    assert run(client, b"") == ([], None)
    client.close()


def items_that_are_no_calls_fail_in_their_place(server):
    client = linked(server)
    good = message(add(client, 1, 2))
    for bad in (message(frame(ping=dict(data=1))), message(add(client, 1, 1, flags=1)), message(add(client, 1, 1, flags=BATCH)),
                b"\x0a\x7fshort", b"\xff"):
        fails(client, good + bad + good, [3], INTERNAL, "ProtocolError")
    fails(client, [add(client, 1, 2), again(1, 1, 1)], [3], INTERNAL, "names no operation")
    fails(client, [again(0, 1, 1)], [], INTERNAL, "names no operation")
    client.close()


def too_many_names_are_refused(server):
    client = linked(server)
    fails(client, [add(client, 1, 2)] * 4097, [3] * 4096, INTERNAL, "too many operations are named")
    client.close()


def too_many_calls_are_refused(server):
    client = linked(server)
    small = message(add(client, 1, 2)) + message(again(0)) * 65536
    fails(client, small, [3] + [0] * 65535, EXHAUSTED, "more than 65536 calls in a batch")
    client.close()


def arguments_that_cannot_be_read_fail_in_their_place(server):
    client = linked(server)
    items = [add(client, 1, 2), frame(call=dict(payload=b"\xff\xff"))]
    before, error = run(client, message(*items))
    assert before == [3] and error and error.code in (3, INTERNAL), (before, error)
    client.close()


def a_cancel_stops_a_batch_where_it_is(server):
    client = linked(server)
    shut(client)
    client.run("log")
    name = frame(call=dict(name="e2e.Work.pass", fingerprint=client.prints["e2e.Work.pass"], payload=int_arguments(6)))
    number = client.start("<batch>", message(name, again(0, 7)), flags=BATCH)
    seen = ""
    while "<6 " not in seen:
        seen += client.log()
    client.send(frame(number, cancel=dict(code=1)))
    while "6> " not in seen:
        seen += client.log()
    client.fence()
    assert "x6 " in seen and "<7" not in seen + client.log(), seen
    assert not client.find(lambda f: f.number == number)
    client.close()


def a_link_that_is_cut_ends_its_batches(server):
    client, other = linked(server), linked(server)
    before, told = held(other)
    name = frame(call=dict(name="e2e.Work.hold", fingerprint=client.prints["e2e.Work.hold"], payload=int_arguments(9)))
    client.start("<batch>", message(name, again(0, 10)), flags=BATCH)
    while held(other)[0] == before:
        pass
    client.close()
    while held(other)[1] == told:
        pass
    other.run("drop", int_arguments(9))
    assert held(other)[0] == before
    other.close()


# ---- a proxy, and how many messages it takes ----

def answer_batch(link):
    """A server that adds what is in the first batch."""
    link.send(hello())
    bind = link.wait(lambda f: f.HasField("bind")).bind
    call = call_of(link)
    items = pb.Message.FromString(call.call.payload).frames
    sums = [frame(reply=dict(payload=b"\x08" + varint(sum(numbers_of(f.call.payload))))) for f in items]
    link.send(frame(bound=dict(session=bind.session, fingerprint=bind.fingerprint)),
              frame(call.number, reply=dict(payload=message(*sums))))
    link.wait_end()


def d2_a_thousand_adds_are_one_message_each_way(server):
    met = Met(answer_batch)
    took, n_took = End.took, []
    End.took = lambda self, data: (n_took.append(len(data)), took(self, data))[1]
    assert met.ask(f"batch 0 {THOUSAND}") == f"ok {THOUSAND}"
    calls = [f for f in met.server.links[0].frames if f.HasField("call")]
    assert len(calls) == 1 and calls[0].call.flags == BATCH and calls[0].call.name == "<batch>", calls
    items = pb.Message.FromString(calls[0].call.payload).frames
    assert len(items) == THOUSAND and [f.call.name for f in items[:2]] == ["e2e.Work.add", ""]
    with_call = [n for n in n_took if n >= len(calls[0].call.payload)]
    assert len(with_call) == 1, n_took
    met.end()

    client = linked(server)
    client.fence()
    n_took.clear()
    sums, error = run(client, message(add(client, 0, 0), *[again(0, i, i) for i in range(1, THOUSAND)]))
    assert sums == [2 * i for i in range(THOUSAND)] and not error
    End.took = took
    assert len(n_took) == 1, n_took
    print(f"    {THOUSAND} add() in {len(with_call)} message of {with_call[0]} bytes, their results in {len(n_took)} of {n_took[0]} (goal: 1 each way)")
    client.close()


def answers_that_are_none_are_told(server):
    def with_payload(payload):
        def talk(link):
            link.send(hello())
            bind = link.wait(lambda f: f.HasField("bind")).bind
            call = call_of(link)
            link.send(frame(bound=dict(session=bind.session, fingerprint=bind.fingerprint)),
                      frame(call.number, reply=dict(payload=payload)))
            link.wait_end()
        return talk

    for payload in (b"", b"\xff\xff", message(frame(ping=dict(data=1))), message(frame(reply=dict(payload=b"\x08\x00")))):
        met = Met(with_payload(payload))
        refused(met.ask("batch 0 3"), "INTERNAL", "ProtocolError: no answer to call")
        met.end()
    met = Met(with_payload(message(frame(error=dict(code=UNAVAILABLE, message="not " + "now" * 1000)))))
    refused(met.ask("batch 0 3"), "UNAVAILABLE", "call 1 of 3 in the batch: not now")
    met.end()


if __name__ == "__main__":
    server_cases(globals())
