#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a daemon that stops still takes, and what its callers still send it: calls of chains in flight. Prints "ok <case>"
or "not ok <case>"."""

import threading
import time

import grpc

from peers import CANCELLED, EXHAUSTED, ONEWAY, UNAVAILABLE, call_of, hold, linked, server_cases, wait_log
from raw import (OPTIONS, PATIENCE, Client, Driver, Program, Server, field, frame, hello, int_arguments, result_int, uri,
                 varint)

CHAIN, OTHER = b"a chain of ours.", b"another of ours."


def final(client):
    """The daemon takes none any more."""
    return client.wait(lambda f: f.HasField("goaway") and f.goaway.takes_none)


def turned_away(client, number):
    error = client.error(number)
    assert error.code == UNAVAILABLE and error.was_not_run and "is stopping" in error.message, error


def sum_of(client, **fields):
    return result_int(client.run("add", int_arguments(2, 3), **fields))


def refuses(client, **fields):
    turned_away(client, client.start("add", int_arguments(2, 3), **fields))


def cancel(client, number):
    client.send(frame(number, cancel=dict(code=CANCELLED)))


def ended(daemon, *clients):
    for client in clients:
        client.wait_end()
        client.close()
    assert daemon.process.wait(PATIENCE) == 0


# ---- the daemon ----

def a_draining_daemon_takes_calls_of_a_chain_in_flight_and_no_others(_server):
    server = Program("e2e-server", "drain_ms=60000")
    client, other = linked(server), linked(server)
    running = client.start("pass", int_arguments(1), chain=CHAIN)
    wait_log(other, "<1 ")
    server.process.terminate()
    for each in (client, other):
        assert not each.goaway().takes_none
    for each in (client, other):  # over whichever link it comes back
        assert sum_of(each, chain=CHAIN, depth=3) == 5
        for chain in (OTHER, b"", CHAIN[:15], CHAIN + b"."):
            refuses(each, chain=chain)
    assert not client.find(lambda f: f.number == running)
    cancel(client, running)
    for each in (client, other):
        final(each)
    ended(server, client, other)


def once_its_last_call_is_answered_a_chain_is_over(_server):
    server = Program("e2e-server", "drain_ms=60000")
    client, other, control = linked(server), linked(server), linked(server)
    first = client.start("pass", int_arguments(1), chain=CHAIN)
    second = hold(other, 2, control, chain=OTHER)
    wait_log(control, "<1 ")
    server.process.terminate()
    control.goaway()
    cancel(client, first)
    assert sum_of(control, chain=OTHER) == 5
    cancel(other, second)
    final(control)
    for chain in (CHAIN, OTHER):
        refuses(control, chain=chain)
    ended(server, client, other, control)


def a_daemon_that_serves_no_call_takes_none_from_the_first(_server):
    server = Program("e2e-server", "drain_ms=60000")
    client = linked(server)
    assert sum_of(client, chain=CHAIN) == 5
    server.process.terminate()
    assert client.goaway().takes_none
    refuses(client, chain=CHAIN)
    client.wait_end()
    assert len([f for f in client.frames if f.HasField("goaway")]) == 1
    ended(server, client)


def a_oneway_that_runs_holds_its_chain(_server):
    """Its call was answered before; also of a caller that has left."""
    server = Program("e2e-server", "drain_ms=60000")
    client, control = linked(server), linked(server)
    client.run("post", int_arguments(1), chain=CHAIN, flags=ONEWAY)
    queued = client.start("post", int_arguments(2), chain=OTHER, flags=ONEWAY)  # behind it
    client.reply(queued)
    wait_log(control, "<1 ")
    client.half_close()
    client.wait_end()
    server.process.terminate()
    assert not control.goaway().takes_none
    for chain in (CHAIN, OTHER):
        assert sum_of(control, chain=chain) == 5
        control.run("open", int_arguments(1 + (chain == OTHER)), chain=chain)
    final(control)
    ended(server, control)
    client.close()


def a_plain_call_that_runs_holds_its_chain(_server):
    """What it calls is answered by a server that calls back first."""
    server = Program("e2e-server", "drain_ms=60000")
    control = linked(server)
    back = threading.Event()

    def talk(link):
        link.send(hello())
        call = call_of(link)
        bind = link.find(lambda f: f.HasField("bind")).bind
        link.send(frame(bound=dict(session=bind.session, fingerprint=bind.fingerprint)))
        link.chain = call.call.chain
        back.wait(PATIENCE)
        link.send(frame(call.number, reply={}))
        link.wait_end()

    middle = Server(talk)
    with grpc.insecure_channel(server.address, OPTIONS) as channel:
        outer = channel.unary_unary("/e2e.Work/relay").future(field(1, uri(middle.address).encode()), timeout=PATIENCE)
        until = time.monotonic() + PATIENCE
        while not (middle.links and hasattr(middle.links[0], "chain")):
            assert time.monotonic() < until
            time.sleep(0.001)
        server.process.terminate()
        assert not control.goaway().takes_none
        assert len(middle.links[0].chain) == 16
        assert sum_of(control, chain=middle.links[0].chain) == 5
        refuses(control, chain=CHAIN)
        back.set()
        assert outer.result() == b""
    final(control)
    ended(server, control)
    middle.stop()


def a_bind_inside_a_chain_in_flight_is_asked_about(_server):
    server = Program("e2e-server", "guard=1", "drain_ms=60000")
    client = Client(server.address)

    def knock(session, **fields):
        client.send(frame(bind=dict(session=session, object="work", interface="e2e.Work", handshake=b"sesame", **fields)))
        return client.bound(session)

    client.prints = {o.name: o.fingerprint for o in knock(1).operations}
    running = client.start("pass", int_arguments(1), chain=CHAIN)
    wait_log(client, "<1 ")
    server.process.terminate()
    assert not client.goaway().takes_none
    bound = knock(2, chain=CHAIN)
    assert (bound.code, bound.handshake) == (0, b"welcome"), bound
    assert sum_of(client, session=2, chain=CHAIN) == 5
    refuses(client, session=2)
    assert knock(3).code == knock(4, chain=OTHER).code == UNAVAILABLE
    refuses(client, session=4, chain=OTHER)
    cancel(client, running)
    final(client)
    ended(server, client)


def a_bind_that_bears_a_chain_asks_whether_it_is_taken(_server):
    server = Program("e2e-server", "drain_ms=60000")
    client = linked(server)

    def bind(session, **fields):
        client.send(frame(bind=dict(session=session, object="work", interface="e2e.Work", **fields)))
        return client.bound(session)

    running = client.start("pass", int_arguments(1), chain=CHAIN)
    wait_log(client, "<1 ")
    assert bind(2, chain=OTHER).code == 0
    server.process.terminate()
    client.goaway()
    assert bind(3, chain=CHAIN).code == 0
    assert sum_of(client, session=3, chain=CHAIN) == 5
    bound = bind(4, chain=OTHER)
    assert bound.code == UNAVAILABLE and "is stopping" in bound.message, bound
    for chain in (CHAIN, OTHER):
        refuses(client, session=4, chain=chain)
    assert bind(5).code == 0
    refuses(client, session=5)
    assert bind(6, chain=CHAIN[:15]).code == UNAVAILABLE
    cancel(client, running)
    final(client)
    assert bind(7, chain=CHAIN).code == UNAVAILABLE
    ended(server, client)


def calls_that_come_back_for_ever_do_not_put_off_the_end(_server):
    server = Program("e2e-server", "drain_ms=700")
    client = linked(server)
    hold(client, 1, chain=CHAIN)
    begin = time.monotonic()
    server.process.terminate()
    assert not client.goaway().takes_none
    number = None
    while not client.ended and time.monotonic() - begin < PATIENCE:
        if number is None or client.find(lambda f, n=number: f.number == n):
            client.forget(number)
            number = client.start("add", chain=CHAIN)
        time.sleep(0.001)
    assert client.ended
    assert server.process.wait(PATIENCE) == 0
    assert 0.7 <= time.monotonic() - begin < 5
    client.close()


def what_comes_back_is_bounded_as_any_call_is(_server):
    server = Program("e2e-server", "max_calls=4", "drain_ms=60000")
    client = linked(server)
    running = [client.start("pass", int_arguments(1), chain=CHAIN) for _ in range(3)]
    control = linked(server)
    wait_log(control, "<1 <1 <1 ")
    server.process.terminate()
    client.goaway()
    running.append(client.start("pass", int_arguments(1), chain=CHAIN))
    client.fence()
    error = client.error(client.start("add", chain=CHAIN))
    assert error.code == EXHAUSTED, error
    for number in running:
        cancel(client, number)
    ended(server, client, control)


def a_deferred_that_is_given_up_is_not_waited_for(_server):
    """Nothing is written when the last call is cancelled: the drain must hear of it all the same."""
    server = Program("e2e-server", "drain_ms=60000")
    client = linked(server)
    held = hold(client, 1)
    server.process.terminate()
    client.goaway()
    client.fence()
    time.sleep(0.05)  # what was written has been noticed: no other event is to come
    cancel(client, held)
    ended(server, client)


# ---- its callers ----

class Inside:
    """A process that serves calls, and has a link to a raw server that goes away. serve(link, call) answers the calls of
    its first link that come after the Goaway; later links add up what they are sent."""

    def __init__(self, serve):
        self.serve = serve
        self.server = Server(self.talk)
        self.driver = Driver()
        assert self.driver.ask(f"new 0 {uri(self.server.address)}") == "ok"
        assert self.driver.ask("add 0 1 2") == "ok 3"
        self.client = Client(self.driver.ask("daemon").split()[1])
        self.client.bind()
        assert sum_of(self.client) == 5  # it runs

    def talk(self, link):
        link.send(hello())
        done = 0
        while not link.ended:
            with link.changed:
                link.changed.wait_for(lambda: link.ended or len(link.frames) > done, PATIENCE)
            for f in link.frames[done:]:
                done += 1
                if f.HasField("bind"):
                    link.send(frame(bound=dict(session=f.bind.session, fingerprint=f.bind.fingerprint)))
                elif f.HasField("call") and self.is_first(link):
                    self.serve(link, f)
                elif f.HasField("call"):
                    answer(link, f)

    def is_first(self, link):
        return link is self.server.links[0] and link.find(lambda f: f.HasField("pong"))

    def go_away(self, **fields):
        """All that the process sends from now on it sends after the Goaway."""
        self.server.links[0].send(frame(goaway=dict(message="going", **fields)))
        if "takes_none" in fields:
            self.server.links[0].wait_end()  # no call is left on it
        else:
            self.server.links[0].fence()

    def relay(self, **fields):
        return self.client.start("relay", field(1, uri(self.server.address).encode()), chain=CHAIN, **fields)

    def calls_of(self, place):
        return [f.call for f in self.server.links[place].frames if f.HasField("call")]

    def end(self):
        self.client.close()
        self.driver.end()
        self.server.stop()
        if self.server.failure:
            raise self.server.failure


def answer(link, call):
    """As the first add(1, 2) is, or relay()."""
    link.send(frame(call.number, reply=dict(payload=b"\x08" + varint(3)) if call.call.payload[:1] == b"\x08" else {}))


def turn_away(link, call):
    link.send(frame(call.number, error=dict(code=UNAVAILABLE, message="going", was_not_run=True)))


def one_that_serves_calls_stays_until_none_are_taken(_server):
    inside = Inside(answer)
    link = inside.server.links[0]
    inside.go_away()
    link.fence(8)
    assert not link.ended
    inside.go_away(takes_none=True)
    link.wait_end()
    inside.end()


def a_call_of_a_chain_goes_back_over_the_link_that_goes_away(_server):
    inside = Inside(answer)
    inside.go_away()
    inside.client.reply(inside.relay())
    assert len(inside.server.links) == 1
    call = inside.calls_of(0)[-1]
    assert call.chain == CHAIN and call.depth == 1, call
    bind = [f.bind for f in inside.server.links[0].frames if f.HasField("bind")][-1]
    assert bind.session == call.session and bind.chain == CHAIN, bind  # its proxy was made inside the call
    inside.end()


def one_that_starts_a_chain_does_not(_server):
    inside = Inside(answer)
    inside.go_away()
    assert inside.driver.ask("add 0 1 2") == "ok 3"
    assert len(inside.server.links) == 2 and len(inside.calls_of(0)) == 1
    inside.client.reply(inside.relay())  # and that one still goes back
    assert len(inside.server.links) == 2 and len(inside.calls_of(0)) == 2
    inside.end()


def one_whose_chain_is_not_in_flight_there_is_made_on_the_next_link(_server):
    inside = Inside(turn_away)
    inside.go_away()
    inside.client.reply(inside.relay())
    assert [len(inside.calls_of(place)) for place in (0, 1)] == [2, 1]
    assert not inside.server.links[0].ended  # another chain may be
    inside.end()


def nor_is_one_sent_where_none_are_taken(_server):
    inside = Inside(answer)
    running = inside.client.start("pass", int_arguments(1), chain=CHAIN)
    inside.go_away()
    inside.go_away(takes_none=True)
    inside.client.reply(inside.relay())
    assert [len(inside.calls_of(place)) for place in (0, 1)] == [1, 1]
    cancel(inside.client, running)
    inside.end()


def a_goaway_with_a_reason_takes_none(_server):
    inside = Inside(answer)
    inside.server.links[0].send(frame(goaway=dict(code=13, message="ProtocolError: so it is")))
    inside.server.links[0].fence()
    inside.client.reply(inside.relay())
    assert [len(inside.calls_of(place)) for place in (0, 1)] == [1, 1]
    inside.end()


server_cases(globals())
