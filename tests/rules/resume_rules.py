#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""D10: what a daemon and a client do with streams whose link is lost, when the other end is a raw peer that need not
behave. Prints "ok <case>" or "not ok <case>"."""

import itertools
import os
import pathlib
import struct
import time

from peers import CANCELLED, EXHAUSTED, INTERNAL, NOT_FOUND, UNAVAILABLE, UNIMPLEMENTED, cases_of
from raw import (BIN, LANE, PATIENCE, PREFACE, Cases, Client, Closed, Program, Server, frame, hello, int_arguments,
                 result_int, uri)
from stream_rules import Flow, to_caller

# ---- towards a daemon ----

TOKEN = bytes(range(1, 17))


def token(i):
    return i.to_bytes(16, "big")


def opened(client, what="count", payload=int_arguments(5, 3), number=None, token=TOKEN):
    """A call with a token."""
    name = f"flow.Flow.{what}"
    number = number or next(client.numbers)
    client.send(frame(number, call=dict(session=1, name=name, fingerprint=client.prints[name], payload=payload,
                                        token=token)))
    return number


def lost_call(server, token=TOKEN, what="forever", payload=b"", items=100):
    """A call with a token whose link was cut after so many items. Returns them."""
    client = Flow(server)
    name = f"flow.Flow.{what}"
    number = next(client.numbers)
    client.send(frame(number, call=dict(session=1, name=name, fingerprint=client.prints[name], payload=payload,
                                        token=token)))
    client.wait_items(number, items)
    came = client.items(number)
    client.cut()
    return came


def resume(client, token=TOKEN, session=1, attempt=1, **fields):
    number = next(client.numbers)
    body = dict(session=session, token=token, attempt=attempt)
    body.update(fields)
    client.send(frame(number, critical=True, resume=body))
    return number


def terminated(client, number):
    error = client.error(number)
    assert error.code == NOT_FOUND and error.message == "item stream terminated", error


def cancel(client, number):
    client.send(frame(number, cancel=dict(code=CANCELLED)))
    client.fence()
    client.close()


def hello_tells_how_long_streams_are_kept(server):
    client = Flow(server)
    assert client.wait(lambda f: f.HasField("hello")).hello.stream_linger_ms == 30000
    client.close()


def a_resumed_call_sends_what_did_not_come(server):
    came = lost_call(server)
    client = Flow(server)
    number = resume(client, received=10)
    client.wait(lambda f: f.number == number and f.HasField("resumed"))
    client.wait_items(number, len(came) - 10)
    again = client.items(number)
    assert [i.sequence for i in again] == list(range(11, 11 + len(again))), again[0]
    assert [i.payload for i in again[:len(came) - 10]] == [i.payload for i in came[10:]]
    cancel(client, number)


def a_wrong_token_resumes_nothing(server):
    lost_call(server)
    client = Flow(server)
    for token in (bytes(16), TOKEN[:-1], TOKEN + b"x", b""):
        terminated(client, resume(client, token))
    number = resume(client)
    client.wait_items(number, 1)  # the right one still does
    cancel(client, number)


def another_session_is_not_enough_without_its_object(server):
    lost_call(server)
    client = Flow(server)
    terminated(client, resume(client, session=2))
    client.send(frame(bind=dict(session=3, object="nothing", interface="flow.Flow", fingerprint=1)))
    terminated(client, resume(client, session=3))
    number = resume(client)
    client.wait_items(number, 1)
    cancel(client, number)


def a_resume_that_was_overtaken_comes_to_nothing(server):
    lost_call(server)
    first, second = Flow(server), Flow(server)
    number = resume(second, attempt=2)
    second.wait_items(number, 1)
    terminated(first, resume(first, attempt=1))
    terminated(first, resume(first, attempt=2))
    first.close()
    cancel(second, number)


def more_than_was_sent_cannot_have_come(server):
    lost_call(server)
    client = Flow(server)
    terminated(client, resume(client, received=1 << 40))
    terminated(client, resume(client, attempt=2))  # it has ended
    client.close()


def an_answer_is_kept_until_the_caller_has_it(server):
    lost_call(server, what="count", payload=int_arguments(5, 3), items=3)
    client = Flow(server)
    number = resume(client, received=1)
    client.reply(number)
    assert [result_int(i.payload) for i in client.items(number)] == [6, 7]
    client.send(frame(number, cancel={}))  # it is here
    client.fence()
    terminated(client, resume(client, attempt=2))
    client.close()


def a_cancelled_call_cannot_be_resumed(server):
    lost_call(server)
    client = Flow(server)
    number = resume(client)
    client.wait_items(number, 1)
    client.send(frame(number, cancel=dict(code=CANCELLED)))
    terminated(client, resume(client, attempt=2))
    client.close()


def a_call_that_is_left_behind_may_be_resumed_on_the_same_link(server):
    client = Flow(server)
    name = "flow.Flow.forever"
    client.send(frame(7, call=dict(session=1, name=name, fingerprint=client.prints[name], token=TOKEN)))
    client.wait_items(7, 5)
    client.send(frame(7, cancel=dict(code=UNAVAILABLE)))
    number = resume(client, received=5)
    client.wait_items(number, 5)
    assert client.items(number)[0].sequence == 6
    cancel(client, number)


class Mute(Client):
    """A client of flow-server that reads no further than the answer to its Bind."""

    def __init__(self, server):
        super().__init__(server.address, first=[hello(window=16 << 20)], read=False)
        self.send(frame(bind=dict(session=1, object="flow", interface="flow.Flow", fingerprint=1)))
        self.wire.take(len(PREFACE))
        while not self.find(lambda f: f.HasField("bound")):
            self.took(self.wire.take(struct.unpack("<I", self.wire.take(4))[0]))
        bound = self.bound(1)
        self.prints = {o.name: o.fingerprint for o in bound.operations}


def cpu_when_idle(program):
    """Seconds of processor time that the server has used, once it uses no more."""
    used, before, until = 0, -1, time.monotonic() + 120
    while used != before and time.monotonic() < until:
        time.sleep(0.2)
        stat = pathlib.Path(f"/proc/{program.process.pid}/stat").read_text().split()
        used, before = int(stat[13]) + int(stat[14]), used
    return used / os.sysconf("SC_CLK_TCK")


def going_from_link_to_link_costs_no_more_when_much_is_kept(server):
    """Half a million items, which nobody reads, and 200 Resumes that ask for all of them."""
    if LANE != "socket":
        return  # there a raw end can leave all unread
    clients = [Mute(server), Mute(server)]
    before = cpu_when_idle(server)
    opened(clients[0], "forever", b"", token=token(77))
    filled = cpu_when_idle(server)
    for attempt in range(1, 201):
        resume(clients[attempt % 2], token(77), attempt=attempt)
    other = Flow(server)
    other.reply(other.open("peek"))
    spent = cpu_when_idle(server) - filled
    assert spent < 5 * (filled - before) + 0.5, (spent, filled - before)
    for client in (other, *clients):
        client.cut()


# ---- numbers: one is live until its last trace is gone ----

def refused_as_live(client):
    goaway = client.goaway()
    assert goaway.code == INTERNAL and "live already" in goaway.message, goaway
    client.wait_end()
    client.close()


def fine(daemon):
    """It serves others."""
    client = Flow(daemon)
    client.reply(opened(client, token=b""))
    client.close()


def a_number_whose_answer_is_kept_is_live(server):
    client = Flow(server)
    client.reply(opened(client, number=5))
    opened(client, number=5, token=token(2))
    refused_as_live(client)
    fine(server)


def a_resume_under_a_number_whose_answer_is_kept_is_refused(server):
    lost_call(server)
    client = Flow(server)
    client.reply(opened(client, number=5, token=token(3)))
    client.send(frame(5, critical=True, resume=dict(session=1, token=TOKEN, attempt=1)))
    goaway = client.goaway()
    assert goaway.code == INTERNAL and "resumed under number 5" in goaway.message, goaway
    client.close()
    other = Flow(server)
    cancel(other, resume(other, attempt=2))


def a_number_is_free_once_the_answer_is_not_kept_any_more(server):
    client = Flow(server)
    for i in range(10, 20):
        client.reply(opened(client, number=5, token=token(i)))
        client.forget(5)
        client.send(frame(5, cancel={}))
    client.close()


def stands_still(daemon):
    """Waits until no method yields any more: the links of those that did have ended there."""
    client = Flow(daemon)
    before, until = None, time.monotonic() + PATIENCE
    while (now := result_int(client.reply(client.open("peek")).payload)) != before:
        assert time.monotonic() < until, "a method goes on"
        before = now
    client.close()


def answers_of_reused_numbers_leave_nothing_behind(server):
    """What the answers of one number twice came to once, one of them resumed elsewhere, its first link ended, and then
    cancelled: memory that was used after it had been given back."""
    for i in range(20, 24):
        first, second = Flow(server), Flow(server)
        first.wait_items(first.open("forever"), 1)
        first.reply(opened(first, number=5, token=token(i)))
        first.forget(5)
        opened(first, number=5, token=token(i + 100))
        try:
            first.answer(5)
        except Closed:
            pass
        number = resume(second, token(i + 100))
        second.answer(number)
        first.half_close()
        first.wait_end()
        stands_still(server)
        second.send(frame(number, cancel={}))
        second.fence()
        second.close()
        first.close()
        fine(server)


def a_resume_that_is_refused_leaves_nothing_behind(server):
    for i in range(30, 34):
        first, second = Flow(server), Flow(server)
        first.reply(opened(first, number=5, token=token(i)))
        terminated(second, resume(second, token(i), received=1 << 40))
        first.send(frame(5, cancel={}))
        first.fence()
        first.close()
        second.close()
        fine(server)


def an_answer_goes_to_another_link_while_the_first_lives(server):
    first, second = Flow(server), Flow(server)
    first.reply(opened(first, number=5, token=token(40)))
    number = resume(second, token(40), received=1)
    second.reply(number)
    assert [result_int(i.payload) for i in second.items(number)] == [6, 7]
    first.send(frame(5, cancel={}))  # it is of nothing there
    first.fence()
    terminated(first, resume(first, token(77)))
    third = Flow(server)
    again = resume(third, token(40), received=3, attempt=2)
    third.reply(again)
    third.send(frame(again, cancel={}))
    third.fence()
    for client in (first, second, third):
        client.close()


def a_live_call_is_resumed_on_its_own_link(server):
    client = Flow(server)
    number = opened(client, "forever", b"", token=token(41))
    client.wait_items(number, 10)
    other = resume(client, token(41), received=4)
    client.wait_items(other, 1)
    assert client.items(other)[0].sequence == 5
    cancel(client, other)


def a_call_goes_from_link_to_link_as_often_as_it_is_asked_for(server):
    clients = [Flow(server) for i in range(3)]
    number = opened(clients[0], "forever", b"", token=token(42))
    clients[0].wait_items(number, 1)
    for attempt, client in zip(range(1, 40), itertools.cycle(clients)):
        number = resume(client, token(42), attempt=attempt)
        client.wait_items(number, 1)
        assert client.items(number)[0].sequence == 1
    client.send(frame(number, cancel=dict(code=CANCELLED)))
    for client in clients:
        client.fence()
        client.close()
    fine(server)


# ---- what is kept is bounded ----

def what_the_caller_does_not_say_it_has_is_kept_up_to_a_bound(_server):
    """Answers of 100 KB, none of which is acknowledged, until a call fails for it."""
    size, most = 100000, 64 << 20
    server = Program("flow-server", environment={"PYRITE_MAX_MESSAGE": str(1 << 20)})
    client = Flow(server, window=1 << 20)
    numbers, answer = [], None
    while not answer or answer.HasField("reply"):
        assert len(numbers) * size <= most, len(numbers)
        numbers.append(opened(client, "blocks", int_arguments(size, 1), token=token(len(numbers))))
        answer = client.answer(numbers[-1])
        client.forget(numbers[-1])
    assert answer.error.code == EXHAUSTED and len(numbers) * size > most // 2, (answer, len(numbers))
    # A sanitizer keeps memory of its own.
    assert is_sanitized() or resident(server) < most + (32 << 20), resident(server)
    client.send(*[frame(number, cancel={}) for number in numbers[:10]])
    client.reply(opened(client, "blocks", int_arguments(size, 1), token=token(1 << 20)))
    client.close()
    assert server.stop() == (0, "stopped\n")


def is_sanitized():
    program = (BIN / "flow-server").read_bytes()
    return any(name in program for name in (b"libasan", b"libtsan"))


def resident(program):
    """Bytes of memory that a program uses."""
    with open(f"/proc/{program.process.pid}/status", encoding="ascii") as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def a_killed_reader_does_not_hold_up_a_serial_daemon(_server):
    server = Program("flow-server", "1")
    client = Flow(server)
    number = opened(client, "forever", b"")
    client.wait_items(number, 1)
    client.cut()
    begin = time.monotonic()
    other = Flow(server)
    other.reply(other.open("peek"))
    assert time.monotonic() - begin < 15
    other.close()
    assert server.stop() == (0, "stopped\n")

# ---- towards a client ----

def a_client_whose_stream_an_old_server_does_not_resume_hears_that_the_link_was_lost():
    resumes = []

    def serve(link):
        link.send(hello(stream_linger_ms=30000))
        bind = link.wait(lambda f: f.HasField("bind")).bind
        link.send(frame(bound=dict(session=bind.session, fingerprint=bind.fingerprint)))
        call = link.wait(lambda f: f.HasField("call") or f.HasField("resume"))
        if call.HasField("call"):
            link.send(to_caller(call.number, 1))
            return
        assert call.critical, call
        resumes.append(call.resume)
        link.send(frame(call.number, error=dict(code=UNIMPLEMENTED, message="a frame that this end does not know")))
        with link.changed:
            link.changed.wait_for(lambda: link.ended, PATIENCE)

    server = Server(serve)
    program = Program("flow-server", "again", uri(server.address, "flow"))
    said = [program.address] + program.process.stdout.read().splitlines()
    assert program.process.wait(PATIENCE) == 0
    server.stop()
    if server.failure:
        raise server.failure
    assert len(resumes) == 1 and resumes[0].received == 1, resumes
    assert said[:2] == ["7", "lost"], said
    assert said[2].startswith("end 14 ConnectionClosed: ") and "does not keep streams" in said[2], said


def called_in_sessions_of_their_own(client, n, what, payload=b""):
    for i in range(n):
        name, session = f"flow.Flow.{what}", 1000 + i
        client.send(frame(2 * i + 100000, bind=dict(session=session, object="flow", interface="flow.Flow",
                                                    fingerprint=1)),
                    frame(2 * i + 100001, call=dict(session=session, name=name, fingerprint=client.prints[name],
                                                    payload=payload)))


def calls_that_a_full_pool_queues_are_not_compared_with_each_other():
    """300 streams that nobody reads: no thread is left. Calls behind them cost as much as ever."""
    server = Program("flow-server", "4")
    readers, callers = Flow(server, window=4096), Flow(server, window=4096)
    called_in_sessions_of_their_own(readers, 300, "forever")
    filled = cpu_when_idle(server)
    called_in_sessions_of_their_own(callers, 8000, "count", int_arguments(5, 3))
    spent = cpu_when_idle(server) - filled
    assert spent < 8, spent
    server.process.kill()
    server.process.wait()
    readers.close()
    callers.close()


def main():
    cases = Cases()
    server = Program("flow-server")
    names = {name: value for name, value in globals().items() if not isinstance(value, type)}
    for case in cases_of(names, (("server",), ("_server",))):
        cases.run(case, server)

    def the_daemon_ends_cleanly_after_all_that():
        assert server.stop() == (0, "stopped\n")

    cases.run(the_daemon_ends_cleanly_after_all_that)
    for case in cases_of(names, ((),)):
        if case is not main:
            cases.run(case)
    cases.end()


if __name__ == "__main__":
    main()
