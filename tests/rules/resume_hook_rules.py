#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a daemon with a hook does with streams that are resumed, and with those that wait for the hook themselves, seen by
raw peers. Prints "ok <case>" or "not ok <case>"."""

from peers import CANCELLED, INTERNAL, UNAUTHENTICATED, UNAVAILABLE, cases_of
from raw import Cases, Client, Program, frame, int_arguments, result_int
from resume_rules import TOKEN, cancel, opened, resume, terminated
from stream_rules import WINDOW, Flow


class Guarded(Program):
    """A daemon with a hook."""

    def __init__(self, threads=4):
        super().__init__("flow-server", "guarded", str(threads))

    def hears(self, line):
        """The next line of it."""
        assert (said := self.process.stdout.readline()) == line + "\n", said

    def opens(self):
        """The hook that waits, or the next one that does, goes on."""
        self.process.stdin.write("x")
        self.process.stdin.flush()

    def ends(self):
        assert self.stop() == (0, "stopped\n")


def bind(session, handshake):
    return frame(bind=dict(session=session, object="flow", interface="flow.Flow", fingerprint=1, handshake=handshake))


class Guest(Flow):
    """Whose session is accepted at once, or waits: the hook has been asked, and has not answered."""

    def bind(self, session=1, handshake=b"open", **_fields):
        self.send(bind(session, handshake))
        if handshake == b"open":
            bound = self.bound(session)
            assert bound.code == 0, bound
            self.prints = {o.name: o.fingerprint for o in bound.operations}

    def waits(self, daemon, handshake=b"wait", session=2):
        self.bind(session, handshake)
        daemon.hears("asked")

    def nothing_of(self, *numbers):
        """Nothing has come, of all that was sent before."""
        self.fence(next(self.numbers))
        came = [f for f in self.frames if f.number in numbers]
        assert came == [], came


def resumed(client, number):
    return client.wait(lambda f: f.number == number and f.HasField("resumed")).resumed


def lost_guest(server, items=10):
    """The call of a guest whose link was cut after so many items."""
    client = Guest(server)
    client.wait_items(opened(client, "forever", b""), items)
    client.cut()


def a_resume_waits_for_the_hook_of_its_session():
    server = Guarded()
    first, second = Guest(server), Guest(server)
    first.wait_items(opened(first, "forever", b""), 10)
    second.waits(server)
    number = resume(second, session=2, received=4)
    second.nothing_of(number)
    server.opens()
    assert second.bound(2).code == 0
    resumed(second, number)
    second.wait_items(number, 1)
    assert second.items(number)[0].sequence == 5
    second.send(frame(number, cancel=dict(code=CANCELLED)))
    server.hears("flow.Flow.forever 1")
    first.close()
    second.close()
    server.ends()


def a_serial_daemon_asks_its_hook_while_the_method_waits_for_who_resumes():
    server = Guarded(1)
    lost_guest(server, 3000)  # it waits for credit
    client = Client(server.address)
    number = next(client.numbers)
    client.send(bind(1, b"wait"), frame(number, critical=True, resume=dict(session=1, token=TOKEN, attempt=1)))
    server.hears("asked")
    server.opens()
    assert client.bound(1).code == 0
    resumed(client, number)
    client.send(frame(number, cancel=dict(code=CANCELLED)))
    server.hears("flow.Flow.forever 1")
    client.close()
    server.ends()


def a_serial_daemon_asks_its_hook_for_a_method_that_began_after_the_resume():
    server = Guarded(1)
    first, busy, second = Guest(server), Guest(server), Client(server.address)
    busy.waits(server)  # its hook has the one thread
    opened(first, "forever", b"")
    first.fence()
    first.cut()
    number = next(second.numbers)
    second.send(bind(1, b"open"), frame(number, critical=True, resume=dict(session=1, token=TOKEN, attempt=1)))
    second.fence()
    server.opens()
    resumed(second, number)
    second.send(frame(number, cancel=dict(code=CANCELLED)))
    server.hears("flow.Flow.forever 1")
    busy.close()
    second.close()
    server.ends()


def a_resume_ends_with_a_session_that_is_refused():
    server = Guarded()
    lost_guest(server)
    client = Guest(server)
    client.waits(server, b"wait, no")
    number = resume(client, session=2)
    client.nothing_of(number)
    server.opens()
    assert client.bound(2).code == UNAUTHENTICATED
    terminated(client, number)
    number = resume(client, attempt=2)  # nothing has happened to the stream
    client.wait_items(number, 1)
    cancel(client, number)
    server.hears("<connect> 16")
    server.hears("flow.Flow.forever 1")
    server.ends()


def a_resume_that_waits_is_live_as_calls_are():
    server = Guarded()
    lost_guest(server)
    for again in (lambda n: frame(n, critical=True, resume=dict(session=1, token=TOKEN, attempt=7)),
                  lambda n: frame(n, call=dict(session=1, name="flow.Flow.peek"))):
        client = Guest(server)
        client.waits(server)
        number = resume(client, session=2)
        client.send(again(number))
        assert client.goaway().code == INTERNAL
        client.wait_end()
        client.close()
        server.opens()
    client = Guest(server)
    number = resume(client, attempt=2)
    client.wait_items(number, 1)
    cancel(client, number)
    server.hears("flow.Flow.forever 1")
    server.ends()


def a_cancel_of_a_resume_that_waits_ends_the_call():
    server = Guarded()
    lost_guest(server)
    client = Guest(server)
    client.waits(server)
    number = resume(client, session=2)
    client.send(frame(number, cancel=dict(code=CANCELLED)))
    client.nothing_of(number)
    server.opens()
    server.hears("flow.Flow.forever 1")
    terminated(client, resume(client, attempt=2))
    client.nothing_of(number)
    client.close()
    server.ends()


def a_resume_that_waits_may_be_left_behind():
    server = Guarded()
    lost_guest(server)
    client = Guest(server)
    client.waits(server)
    first = resume(client, session=2)
    client.send(frame(first, cancel=dict(code=UNAVAILABLE)))
    number = resume(client, attempt=2)
    client.wait_items(number, 1)
    server.opens()
    assert client.bound(2).code == 0
    client.credit(number, 1 << 20)
    client.wait_items(number, len(client.items(number)) + 1)
    client.nothing_of(first)
    cancel(client, number)
    server.hears("flow.Flow.forever 1")
    server.ends()


def the_end_of_its_link_leaves_the_call_of_a_resume_that_waits():
    server = Guarded()
    lost_guest(server)
    client, other = Guest(server), Guest(server)
    client.waits(server)
    resume(client, session=2)
    client.fence()
    client.close()
    server.opens()
    number = resume(other, attempt=2)
    other.wait_items(number, 1)
    cancel(other, number)
    server.hears("flow.Flow.forever 1")
    server.ends()


def what_is_consumed_while_a_resume_waits_is_credit():
    server = Guarded()
    first, second = Guest(server, window=WINDOW), Guest(server)
    number = opened(first, "blocks", int_arguments(9996, 100))
    each = 10000 + 32
    first.wait_items(number, WINDOW // each)
    second.waits(server)
    other = resume(second, session=2, received=WINDOW // each, consumed=2 * each)
    second.credit(other, 3 * each)
    second.nothing_of(other)
    server.opens()
    second.wait_items(other, 5)
    second.fence()
    assert len(second.items(other)) == 5, len(second.items(other))
    second.send(frame(other, cancel=dict(code=CANCELLED)))
    server.hears("flow.Flow.blocks 1")
    first.close()
    second.close()
    server.ends()


def a_call_that_waits_for_its_hook_is_not_taken_to_another_link():
    server = Guarded()
    first, second = Guest(server), Guest(server)
    first.waits(server)
    number = next(first.numbers)
    first.send(frame(number, call=dict(session=2, name="flow.Flow.count", payload=int_arguments(5, 3),
                                       fingerprint=first.prints["flow.Flow.count"], token=TOKEN)))
    first.fence()
    terminated(second, resume(second))
    second.close()
    second.wait_end()
    first.nothing_of(number)
    server.opens()
    assert first.bound(2).code == 0  # it is not the other link's end that answers
    first.reply(number)
    assert [result_int(i.payload) for i in first.items(number)] == [5, 6, 7]
    third = Guest(server)
    third.reply(resume(third, attempt=2))  # once it is accepted, it may be
    for client in (first, third):
        client.close()
    server.ends()


def a_call_that_is_left_behind_waits_for_its_hook_all_the_same():
    server = Guarded()
    client = Guest(server)
    client.waits(server)
    left = next(client.numbers)
    client.send(frame(left, call=dict(session=2, name="flow.Flow.count", payload=int_arguments(5, 3),
                                      fingerprint=client.prints["flow.Flow.count"], token=TOKEN)),
                frame(left, cancel=dict(code=UNAVAILABLE)))
    terminated(client, resume(client))
    server.opens()
    assert client.bound(2).code == 0
    number = resume(client, attempt=2)
    client.reply(number)
    assert [result_int(i.payload) for i in client.items(number)] == [5, 6, 7]
    client.nothing_of(left)
    client.close()
    server.ends()


def main():
    cases = Cases()
    functions = {name: value for name, value in globals().items() if not isinstance(value, type)}
    for case in cases_of(functions, ((),)):
        if case is not main:
            cases.run(case)
    cases.end()


if __name__ == "__main__":
    main()
