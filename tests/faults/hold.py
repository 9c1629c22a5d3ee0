#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a peer can make a daemon hold: each way that one connection has, tried as far as it goes, and several at once.
Prints what the daemon grew by beside the bound of docs/limits.md, and "ok <way>" or "not ok <way>"."""

import struct
import time

from common import EXHAUSTED, IS_SANITIZED, MIB, Cases, Server, Target, linked, report, within
from h2 import Raw
from raw import Client, field, frame, hello, int_arguments, message, pb, result_int, varint

FRAGMENT = 65536
MORE, CONTINUES, BATCH, REFERENCES = 2, 4, 8, 256
LIMIT = 4 * MIB
BUDGET = 8 * LIMIT + 32 * MIB  # of a connection
CORE_LINKS = 16 * MIB          # and in gRPC core, with links alone
CORE = CORE_LINKS + 2 * LIMIT  # and with plain calls
SLACK = 4 * MIB
HEAP = 1.35  # malloc's own, and what it has freed and not given back


class Flow(Client):
    """A client of flow-server."""

    def __init__(self, server, **fields):
        super().__init__(server.address, first=[hello(**fields)])
        self.bind(name="flow", interface="flow.Flow")

    def flow(self, what, payload=b"", **fields):
        name = f"flow.Flow.{what}"
        number = next(self.numbers)
        return frame(number, call=dict(session=1, name=name, fingerprint=self.prints[name], payload=payload, **fields))


class Measured:
    """A server that grows no further than the bound while something is tried."""

    def __init__(self, what, bound=BUDGET + CORE_LINKS, program="faults-server", options=(f"max_message={LIMIT}",)):
        self.what, self.bound = what, bound
        self.server = Server(*options, program=program)
        if program == "faults-server":
            goes_on(self.server)  # what the first call takes is nobody's doing

    def __enter__(self):
        self.server.forget_peak()
        self.base = self.server.rss()
        return self.server

    def __exit__(self, kind, *_):
        if not kind:
            grown = self.server.peak() - self.base
            report(f"{self.what}: {grown / MIB:.0f} MiB", f"<= {HEAP} x {self.bound / MIB:.0f} + 4 MiB")
            assert grown <= HEAP * self.bound + SLACK or IS_SANITIZED, f"{grown / MIB:.0f} MiB"
        if kind:
            self.server.kill()
        else:
            self.server.stop()


def goes_on(server):
    """Somebody else is served."""
    witness = linked(server)
    assert witness.run("add", b"\x08\x01\x10\x02") == b"\x08\x03"
    witness.close()


def refused(client):
    with client.changed:
        return [f for f in client.frames if f.HasField("error") and f.error.code == EXHAUSTED]


def gone_or_refused(client):
    """What was beyond ended its call, or the link."""
    return client.ended or refused(client)

# ---- links ----

def requests_that_never_end(_):
    with Measured("requests that never end") as server:
        client = linked(server)
        part, total = bytes(FRAGMENT), LIMIT - 8
        for _ in range(40):
            number = client.start("bytes", part, flags=MORE, total=total)
            for _ in range(62):
                client.send(client.call_frame("bytes", part, number=number, flags=CONTINUES | MORE))
        client.fence()
        assert len(refused(client)) == 40 - (BUDGET - MIB) // LIMIT, len(refused(client))
        goes_on(server)
        client.close()


def calls_that_wait(_):
    with Measured("20,000 calls that wait, with 4 KiB of annotations") as server:
        client = linked(server)
        notes = [pb.Annotation(key="k", value=bytes(4000))]
        for _ in range(400):
            client.send(*[client.call_frame("sleep", b"\x08\xe0\xd4\x03", annotations=notes) for _ in range(50)])
        client.fence()
        assert gone_or_refused(client)
        goes_on(server)
        client.close()


def references_of_calls_that_wait(_):
    """Their ids are of no use to anybody, and each is there for its call."""
    with Measured("calls that never end, with 4,000 references each") as server:
        client = linked(server)
        ids = [bytes([1, n]) + bytes(14) for n in range(200)] * 20
        for _ in range(2500):
            client.send(client.call_frame("bytes", b"x", flags=MORE | REFERENCES, total=2, references=ids))
            if client.ended:
                break
        within(lambda: gone_or_refused(client))
        goes_on(server)
        client.close()


def sessions_of_an_object(_):
    with Measured("66,000 sessions, their answers read") as server:
        client = linked(server)
        for first in range(2, 66002, 500):
            client.send(*[frame(bind=dict(session=n, object="target", interface="faults.Target", fingerprint=1))
                          for n in range(first, first + 500)])
            refused = client.bound(first + 499)
            with client.changed:
                client.frames.clear()
        assert refused.code == EXHAUSTED, refused
        client.send(frame(7, call=dict(session=66001, name="faults.Target.bytes", payload=b"")))
        assert client.error(7).code == EXHAUSTED
        client.fence()  # and nothing else is disturbed
        goes_on(server)
        client.close()


def versions_of_an_interface(_):
    """Each with reasons why none of its operations goes."""
    with Measured("3,000 sessions, each with another version of the interface") as server:
        client = linked(server)
        names = sorted(client.prints)
        for first in range(2, 3002, 20):
            binds = []
            for n in range(first, first + 20):
                field = pb.Field(id=1, name=f"f{n}" + "x" * 50, type=pb.Type(kind=8))
                shape = pb.Shape(operations=[pb.OperationShape(name=name, fingerprint=n, **{"in": [field]}) for name in names])
                binds.append(frame(bind=dict(session=n, object="target", interface="faults.Target", fingerprint=1,
                                             shape=shape.SerializeToString())))
            client.send(*binds)
        within(lambda: client.ended or client.find(lambda f: f.HasField("bound") and f.bound.session == 3001))
        goes_on(server)
        client.close()


def replies_that_are_not_read(_):
    with Measured("replies of 3 MiB that are not read") as server:
        witness = linked(server)
        client = Target(server.address, read=False)
        client.prints = witness.prints
        client.send(frame(bind=dict(session=1, object="target", interface="faults.Target", fingerprint=1)))
        for _ in range(100):
            client.send(client.call_frame("make", b"\x08" + varint(3 * MIB)))
        assert within(client.out.empty)
        goes_on(server)
        witness.close()
        client.close()


def batches_whose_results_are_kept(_):
    """Large results, and then a call whose answer never comes."""
    with Measured("batches of large results that wait") as server:
        client = linked(server)

        def item(what, payload):
            name = f"faults.Target.{what}"
            return frame(call=dict(name=name, fingerprint=client.prints[name], payload=payload))

        one = message(item("make", b"\x08" + varint(3 * MIB)), item("sleep", b"\x08\xe0\xd4\x03"))
        for _ in range(60):
            number = next(client.numbers)
            client.send(frame(number, call=dict(session=1, name="<batch>", flags=BATCH, payload=one)))
        assert within(lambda: client.find(lambda f: b"MessageTooLarge" in f.reply.payload))
        goes_on(server)
        client.close()


def several_links_share_a_budget(_):
    with Measured("32 links on one connection, each with requests that never end") as server:
        first = linked(server)
        clients = [first]
        for _ in range(31):
            client = Target.__new__(Target)
            clients.append(client)
            Client.__init__(client, server.address, channel=first.channel)
        part, total = bytes(FRAGMENT), LIMIT - 8
        for client in clients[1:8]:
            client.bind()
        for client in clients[:8]:
            for _ in range(8):
                number = client.start("bytes", part, flags=MORE, total=total)
                for _ in range(62):
                    client.send(client.call_frame("bytes", part, number=number, flags=CONTINUES | MORE))
        for client in clients[8:]:
            assert within(lambda c=client: c.ended), "more than 8 links"
        for client in clients[:8]:
            client.fence()
        goes_on(server)
        first.close()

TREES = b"\x0a\x00" * 51200  # 100 KiB, which take 800 when they are unpacked
KEPT = BUDGET // (900 << 10)  # times that, with the request, nearly


def asleep(witness):
    return result_int(witness.run("asleep"))


def arguments_of_deferred_calls(_):
    """What was given back is there for others."""
    with Measured("400 deferred calls, each with 100 KiB of arguments that take 800, twice") as server:
        client, witness = linked(server), linked(server)
        for _ in range(2):
            with client.changed:
                client.frames.clear()
            numbers = [client.start("keep", TREES + b"\x10\xe0\xd4\x03") for _ in range(400)]
            assert within(lambda: len(refused(client)) + asleep(witness) == 400)
            assert KEPT // 4 <= asleep(witness) <= KEPT + 1, asleep(witness)
            client.send(*[frame(number, cancel={}) for number in numbers])
            assert within(lambda: asleep(witness) == 0)
        witness.close()
        client.close()


# ---- streams ----

def streams_that_are_never_acknowledged(_):
    with Measured("answered streams that are never acknowledged", program="flow-server", options=()) as server:
        client = Flow(server)
        for first in range(0, 40000, 200):
            client.send(*[client.flow("count", int_arguments(1, 20), token=struct.pack(">QQ", 7, first + i))
                          for i in range(200)])
            if refused(client):
                break
        assert within(lambda: gone_or_refused(client), 60)
        client.close()


def windows_without_end(_):
    with Measured("a window of 4 GiB, and nothing consumed", bound=8 * 64 * MIB + 32 * MIB + CORE_LINKS,
                  program="flow-server", options=()) as server:
        client = Flow(server, window=(1 << 32) - 1)
        for i in range(100):
            client.send(client.flow("blocks", int_arguments(60000, 100000), token=struct.pack(">QQ", 8, i)))
        within(lambda: server.rss() > 400 * MIB, 5)
        client.close()

def items_that_methods_keep(_):
    with Measured("240 methods, each with an item of 60 KiB that takes 480") as server:
        client, witness = linked(server), linked(server)
        numbers = [client.start("hoard", b"\x10\xe0\xd4\x03", token=struct.pack(">QQ", 9, i)) for i in range(240)]
        for number in numbers:
            client.send(frame(number, item=dict(sequence=1, payload=field(1, TREES[:61440]))))
        assert within(lambda: len(refused(client)) + asleep(witness) == 240), (len(refused(client)), asleep(witness))
        assert asleep(witness) <= BUDGET // (480 << 10), asleep(witness)
        witness.close()
        client.close()

# ---- gRPC core's part ----

def announced(server, paths, size, most):
    """Begins messages of that size, and sends as much of each as it may."""
    client = Raw(server.port)
    assert within(lambda: client.pump() or client.initial != 65535 or client.room > 0)
    left = {}
    for i, path in enumerate(paths):
        client.open(2 * i + 1, path, b"\0" + struct.pack(">I", size))
        left[2 * i + 1] = most
    data, until = bytes(16384), time.monotonic() + 4
    while time.monotonic() < until and not client.is_closed and set(left) - client.ended:
        client.pump()
        moved = 0
        for stream in set(left) - client.ended:
            n = client.data(stream, data[:left[stream]])
            left[stream] -= n
            moved += n
        if moved:
            until = time.monotonic() + 2
        else:
            time.sleep(0.002)
    return client


def a_message_of_a_link_without_end(_):
    with Measured("a message of 1 GiB for a link", CORE_LINKS) as server:
        client = announced(server, ["/pyrite.Link/Open"], 1 << 30, 400 * MIB)
        goes_on(server)
        client.close()


def messages_of_plain_calls_without_end(_):
    with Measured("messages of 1 GiB for 16 plain calls", CORE) as server:
        client = announced(server, ["/faults.Target/bytes"] * 16, 1 << 30, 100 * MIB)
        goes_on(server)
        client.close()


def a_thousand_plain_calls_that_begin(_):
    with Measured("requests of 4 MiB of 1,000 plain calls, nearly whole", BUDGET + CORE) as server:
        client = announced(server, ["/faults.Target/bytes"] * 1000, LIMIT, MIB // 4)
        goes_on(server)
        client.close()


def plain_replies_that_are_not_read(_):
    running = 4 * 2 * LIMIT  # a method's reply is charged when it is there
    with Measured("replies of 3 MiB to 200 plain calls, not read", BUDGET + CORE + running) as server:
        client = Raw(server.port, window=0)
        assert within(lambda: client.pump() or client.room > 0)
        payload = b"\x08" + varint(3 * MIB)
        for i in range(200):
            client.open(2 * i + 1, "/faults.Target/make", b"\0" + struct.pack(">I", len(payload)) + payload)
            client.pump()
        within(lambda: client.pump() or client.is_closed, 3)
        goes_on(server)
        client.close()

# ---- in all ----

def four_connections_at_once(_):
    with Measured("four connections, each with requests that never end", 4 * (BUDGET + CORE_LINKS)) as server:
        clients = [linked(server) for _ in range(4)]
        part, total = bytes(FRAGMENT), LIMIT - 8
        for client in clients:
            for _ in range(16):
                number = client.start("bytes", part, flags=MORE, total=total)
                for _ in range(62):
                    client.send(client.call_frame("bytes", part, number=number, flags=CONTINUES | MORE))
        for client in clients:
            client.fence()
            assert refused(client)
        goes_on(server)
        for client in clients:
            client.close()


def main():
    cases = Cases()
    for case in (requests_that_never_end, calls_that_wait, references_of_calls_that_wait, arguments_of_deferred_calls,
                 sessions_of_an_object, versions_of_an_interface,
                 replies_that_are_not_read, batches_whose_results_are_kept, several_links_share_a_budget,
                 streams_that_are_never_acknowledged, windows_without_end, items_that_methods_keep, a_message_of_a_link_without_end,
                 messages_of_plain_calls_without_end, a_thousand_plain_calls_that_begin,
                 plain_replies_that_are_not_read, four_connections_at_once):
        cases.run(case, None)
    cases.end()


main()
