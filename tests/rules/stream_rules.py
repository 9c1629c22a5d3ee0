#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What both ends of a stream do when the other is a raw peer that need not behave. Prints "ok <case>" or
"not ok <case>"."""

import time

from peers import CANCELLED, CONTINUES, EXHAUSTED, INTERNAL, INVALID, MORE, PRECONDITION, cases_of
from raw import PATIENCE, Cases, Client, Program, Server, field, frame, hello, int_arguments, result_int, uri

COST = 32
WINDOW = 262144


class Flow(Client):
    """A client of flow-server."""

    def __init__(self, server, **fields):
        super().__init__(server.address, first=[hello(**fields)])
        self.bind(name="flow", interface="flow.Flow")

    def open(self, what, payload=b""):
        name = f"flow.Flow.{what}"
        number = next(self.numbers)
        self.send(frame(number, call=dict(session=1, name=name, fingerprint=self.prints[name], payload=payload)))
        return number

    def item(self, number, sequence, payload=b"\x08\x01", **fields):
        self.send(frame(number, item=dict(sequence=sequence, payload=payload, **fields)))

    def end(self, number):
        self.send(frame(number, end={}))

    def credit(self, number, n):
        self.send(frame(number, credit=dict(bytes=n)))

    def items(self, number):
        with self.changed:
            return [f.item for f in self.frames if f.number == number and f.HasField("item")]

    def wait_items(self, number, n):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.items(number)) >= n, PATIENCE), len(self.items(number))

    def refused(self, number, code, *parts):
        """That call fails, and the link goes on."""
        error = self.error(number)
        assert error.code == code, error
        for part in parts:
            assert part in error.message, error
        assert self.reply(self.open("peek")) is not None
        self.close()

# ---- towards a daemon ----

def hello_tells_the_window(server):
    client = Flow(server)
    assert client.wait(lambda f: f.HasField("hello")).hello.window == WINDOW
    client.close()


def a_result_comes_in_items_before_its_reply(server):
    client = Flow(server)
    number = client.open("count", int_arguments(5, 3))
    client.reply(number)
    items = client.items(number)
    assert [i.sequence for i in items] == [1, 2, 3], items
    assert [result_int(i.payload) for i in items] == [5, 6, 7], items
    assert all(i.to_caller for i in items), items
    kinds = [f.WhichOneof("body") for f in client.frames if f.number == number]
    assert kinds == ["item"] * 3 + ["reply"], kinds
    client.close()


def an_error_comes_after_the_items(server):
    client = Flow(server)
    number = client.open("break_at", int_arguments(2))
    error = client.error(number)
    assert error.exception == "flow.Broken", error
    kinds = [f.WhichOneof("body") for f in client.frames if f.number == number]
    assert kinds == ["item"] * 2 + ["error"], kinds
    client.close()


def a_daemon_keeps_to_the_callers_window(server):
    client = Flow(server, window=150000)
    number = client.open("blocks", int_arguments(9996, 100))
    each = 10000 + COST  # tag and length take four bytes
    client.wait_items(number, 150000 // each)
    client.fence()
    assert len(client.items(number)) == 150000 // each
    client.credit(number, 3 * each)
    client.wait_items(number, 150000 // each + 3)
    client.fence()
    assert len(client.items(number)) == 150000 // each + 3
    client.send(frame(number, cancel=dict(code=CANCELLED)))
    client.close()


def credit_beyond_the_window_adds_nothing(server):
    client = Flow(server, window=150000)
    number = client.open("blocks", int_arguments(9996, 100))
    for n in ((1 << 64) - 1, 1 << 63, 1 << 40):
        client.credit(number, n)
    client.wait_items(number, 150000 // (10000 + COST))
    client.fence()
    assert len(client.items(number)) < 60
    client.credit(number + 1, 5)  # of nothing
    client.fence()
    client.close()


def a_window_that_is_too_small_counts_as_the_least(server):
    client = Flow(server, window=1)
    number = client.open("blocks", int_arguments(9996, 100))
    client.wait_items(number, 131072 // (10000 + COST))
    client.fence()
    assert len(client.items(number)) == 131072 // (10000 + COST)
    client.close()


def a_large_item_comes_in_fragments(server):
    client = Flow(server, window=1 << 22)
    number = client.open("blocks", int_arguments(200000, 1))
    client.reply(number)
    items = client.items(number)
    assert [i.sequence for i in items] == [1] * 4, items
    assert [i.flags for i in items] == [MORE, MORE | CONTINUES, MORE | CONTINUES, CONTINUES]
    assert items[0].total == sum(len(i.payload) for i in items) == 200004
    client.close()


def a_cancel_ends_the_items(server):
    client = Flow(server)
    number = client.open("forever")
    client.wait_items(number, 100)
    client.send(frame(number, cancel=dict(code=CANCELLED)))
    client.fence()
    n = len(client.items(number))
    client.credit(number, 100000)
    client.fence()
    assert len(client.items(number)) <= n + 1
    client.close()


def items_are_summed_to_the_end(server):
    client = Flow(server)
    number = client.open("sum", int_arguments(0, 5))  # numbers has field 1, start field 2
    for i in range(1, 11):
        client.item(number, i, int_arguments(i))
    client.end(number)
    assert result_int(client.reply(number).payload) == 60
    client.close()


def what_was_read_is_credited(server):
    client = Flow(server)
    number = client.open("sum")
    for i in range(1, 4001):
        client.item(number, i)
    credit = client.wait(lambda f: f.number == number and f.HasField("credit")).credit
    assert credit.to_caller and credit.bytes % (2 + COST) == 0, credit
    client.end(number)
    client.reply(number)
    client.close()


def an_item_of_a_stream_that_the_operation_does_not_have_fails_its_call(server):
    client = Flow(server)
    number = client.open("ticks", int_arguments(100000, 5))
    client.item(number, 1)
    client.refused(number, INTERNAL, "ProtocolError", "does not have")


def more_than_the_window_fails_the_call(server):
    serial = Program("flow-server", "1")
    try:
        client = Flow(serial)
        hold = client.open("forever")  # holds the one thread: nobody reads
        client.wait_items(hold, 1)
        number = client.open("measure")
        for i in range(1, 6):
            client.item(number, i, field(1, bytes(60000)))
        error = client.error(number)
        assert error.code == INTERNAL and "credit" in error.message, error
        client.send(frame(hold, cancel=dict(code=CANCELLED)))
        assert client.reply(client.open("peek")) is not None
        client.close()
    finally:
        assert serial.stop() == (0, "stopped\n")


def an_item_after_the_end_fails_the_call(server):
    client = Flow(server)
    number = client.open("ticks", int_arguments(1, 1))
    client.reply(number)
    number = client.open("sum")
    client.send(frame(number, end={}), frame(number, item=dict(sequence=1)))
    answer = client.answer(number)
    if answer.HasField("error"):  # else the method was quicker than the second frame
        assert "after the end" in answer.error.message, answer
    client.close()


def a_second_end_fails_the_call(server):
    client = Flow(server)
    number = client.open("scale", int_arguments(0, 2))
    client.send(frame(number, end={}), frame(number, end={}))
    answer = client.answer(number)
    if answer.HasField("error"):
        assert "the end of a stream" in answer.error.message, answer
    client.close()


def sequence(daemon, *numbers):
    client = Flow(daemon)
    number = client.open("sum")
    for i in numbers:
        client.item(number, i)
    client.refused(number, INTERNAL, "ProtocolError", "out of sequence")


def a_gap_in_the_sequence_fails_the_call(server):
    sequence(server, 1, 3)


def an_item_sent_twice_fails_the_call(server):
    sequence(server, 1, 1)


def items_are_numbered_from_one(server):
    sequence(server, 0)


def fragments(server, part, *pieces):
    client = Flow(server)
    number = client.open("measure")
    for piece in pieces:
        client.item(number, 1, **piece)
    client.refused(number, INTERNAL, "ProtocolError", part)


def the_rest_of_nothing_fails_the_call(server):
    fragments(server, "not begun", dict(flags=CONTINUES))


def an_item_inside_another_fails_the_call(server):
    fragments(server, "inside another", dict(flags=MORE, total=10), dict(flags=MORE, total=10))


def fragments_that_are_too_long_fail_the_call(server):
    fragments(server, "make up", dict(flags=MORE, total=4), dict(flags=CONTINUES, payload=b"123"))


def fragments_that_are_too_short_fail_the_call(server):
    fragments(server, "make up", dict(flags=MORE, total=10), dict(flags=CONTINUES))


def an_empty_fragment_fails_the_call(server):
    fragments(server, "make up", dict(flags=MORE, total=10, payload=b""))


def a_fragment_of_more_than_64_kib_fails_the_call(server):
    fragments(server, "65536", dict(payload=bytes(65537)))


def the_end_inside_an_item_fails_the_call(server):
    client = Flow(server)
    number = client.open("measure")
    client.item(number, 1, flags=MORE, total=10)
    client.end(number)
    client.refused(number, INTERNAL, "the end of a stream")


def an_item_that_is_too_large_fails_its_call_alone(server):
    client = Flow(server)
    number = client.open("measure")
    client.item(number, 1, flags=MORE, total=(64 << 20) + 1)
    client.refused(number, EXHAUSTED, "MessageTooLarge", str(64 << 20))


def an_item_that_is_no_message_is_an_error_of_the_read(server):
    client = Flow(server)
    number = client.open("sum")
    client.item(number, 1, b"\xff\xff")
    client.refused(number, INVALID)


def what_comes_for_no_live_number_is_skipped(server):
    client = Flow(server)
    client.item(77, 5)
    client.end(77)
    client.credit(77, 5)
    client.send(frame(77, item=dict(sequence=1, to_caller=True)), frame(78, end=dict(to_caller=True)),
                frame(79, credit=dict(bytes=1, to_caller=True)))
    client.fence()
    number = client.open("count", int_arguments(0, 1))
    client.reply(number)
    client.item(number, 1)
    client.fence()
    client.close()


def an_item_for_a_call_without_streams_is_skipped(server):
    client = Flow(server)
    number = client.open("peek")
    client.item(number, 1)
    client.reply(number)
    client.fence()
    client.close()


def a_link_that_is_cut_cancels_its_streams(server):
    client = Flow(server)
    number = client.open("forever")
    client.wait_items(number, 1)
    client.close()
    other = Flow(server)
    before, until = None, time.monotonic() + PATIENCE
    while (now := result_int(other.reply(other.open("peek")).payload)) != before:
        assert time.monotonic() < until, "the method goes on"
        before = now
    other.close()

# ---- towards a client ----

def reads_from(talk, mode="read"):
    """What flow-server read says to a server that answers its Call with talk(link, number)."""
    def serve(link):
        link.send(hello())
        bind = link.wait(lambda f: f.HasField("bind")).bind
        link.send(frame(bound=dict(session=bind.session, fingerprint=bind.fingerprint)))
        talk(link, link.wait(lambda f: f.HasField("call")).number)
        with link.changed:
            link.changed.wait_for(lambda: link.ended, PATIENCE)
    server = Server(serve)
    program = Program("flow-server", mode, uri(server.address, "flow"))
    first = program.address
    rest = program.process.stdout.read()
    assert program.process.wait(PATIENCE) == 0
    server.stop()
    if server.failure:
        raise server.failure
    return ([first] + rest.splitlines())


def to_caller(number, sequence, payload=b"\x08\x07", **fields):
    return frame(number, item=dict(to_caller=True, sequence=sequence, payload=payload, **fields))


def a_client_reads_what_comes_until_the_reply():
    said = reads_from(lambda link, n: link.send(to_caller(n, 1), to_caller(n, 2), frame(n, reply={})))
    assert said == ["7", "7", "end 0 "], said


def a_client_reads_what_came_before_an_error():
    said = reads_from(lambda link, n: link.send(to_caller(n, 1), frame(n, error=dict(code=9, message="worn"))))
    assert said[0] == "7" and said[1].startswith("end 9 ") and "worn" in said[1], said


def broken(part, *frames_of):
    said = reads_from(lambda link, n: link.send(*[make(n) for make in frames_of]))
    assert said[-1].startswith("end 13 ") and part in said[-1], said


def a_client_refuses_items_out_of_sequence():
    broken("out of sequence", lambda n: to_caller(n, 1), lambda n: to_caller(n, 3))


def a_client_refuses_more_than_its_window():
    # In one message: the reader has no time to give credit.
    broken("credit", *[lambda n, i=i: to_caller(n, i) for i in range(1, WINDOW // (2 + COST) + 2)])


def a_client_refuses_the_rest_of_nothing():
    broken("not begun", lambda n: to_caller(n, 1, flags=CONTINUES))


def a_client_refuses_an_item_that_is_no_message():
    said = reads_from(lambda link, n: link.send(to_caller(n, 1, b"\xff")))
    assert said[-1].startswith("end 13 ") and "ProtocolError" in said[-1], said


def a_client_writes_no_more_than_it_has_credit_for():
    def talk(link, number):
        def sent():
            return sum(len(f.item.payload) + COST for f in link.frames if f.HasField("item"))

        with link.changed:
            assert link.changed.wait_for(lambda: sent() > 131072 - 100, PATIENCE), sent()
        link.send(frame(ping=dict(data=1)))
        link.wait(lambda f: f.HasField("pong"))
        assert sent() <= 131072, sent()
        link.send(frame(number, error=dict(code=PRECONDITION, message="enough")))
    said = reads_from(talk, "write")
    assert said[-1].startswith("end 9 ") and "enough" in said[-1], said


def main():
    cases = Cases()
    server = Program("flow-server")
    names = {name: value for name, value in globals().items() if not isinstance(value, type)}
    for case in cases_of(names, (("server",),)):
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
