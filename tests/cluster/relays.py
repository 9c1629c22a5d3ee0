#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the relay does to connections, seen from both ends. Prints "ok <case>" or "not ok <case>"."""

import os
import socket
import sys
import threading
import time

os.environ.setdefault("PYRITE_BIN", "/")

import cluster
import relay

QUIET = 0.3  # s, in which nothing comes


class Echo:
    """Sends back what it gets."""

    def __init__(self):
        self.listener = cluster.listener()
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()  # a connection has
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, one):
        try:
            while data := one.recv(65536):
                one.sendall(data)
        except OSError:
            pass
        self.ended.set()
        one.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), 5)


def ask(one, data=b"x"):
    """How long the answer takes."""
    began = time.monotonic()
    one.sendall(data)
    got = b""
    while len(got) < len(data):
        part = one.recv(65536)
        assert part, "the connection ended"
        got += part
    assert got == data, "other bytes came back"
    return time.monotonic() - began


def is_silent(one, data=b"x"):
    one.settimeout(QUIET)
    one.sendall(data)
    try:
        return one.recv(1) is None
    except TimeoutError:
        return True
    finally:
        one.settimeout(5)


def bytes_go_through(way, one, echo):
    for size in (1, 1000, 3_000_000):
        ask(one, os.urandom(size))


def delays_are_of_each_direction(way, one, echo):
    way.set(relay.Fault(there=relay.Way(delay=0.1)))
    assert ask(one) >= 0.1
    way.set(relay.both(delay=0.1))
    assert ask(one) >= 0.2
    way.heal()
    assert ask(one) < 0.1


def a_hole_keeps_what_is_sent(way, one, echo):
    way.set(relay.both(hole=True))
    assert is_silent(one, b"a"), "something came through"
    way.heal()
    assert one.recv(1) == b"a", "it is lost"
    assert ask(one) < 1


def a_hole_may_be_of_one_direction(way, one, echo):
    way.set(relay.Fault(back=relay.Way(hole=True)))
    assert is_silent(one), "something came back"


def a_reset_is_an_error_at_both_ends(way, one, echo):
    way.reset()
    try:
        assert one.recv(1) == b"never", "no reset"
    except ConnectionResetError:
        pass
    assert echo.ended.wait(5), "the other end was not told"


def half_open_is_told_to_one_end_only(way, one, echo):
    way.half_open()
    assert echo.ended.wait(5), "the target was not told"
    assert is_silent(one), "who connected heard of it"
    another = connect(way.port)
    assert ask(another) < 1, "others cannot connect"
    another.close()


def some_chunks_are_late(way, one, echo):
    way.set(relay.both(loss=0.5))
    times = [ask(one) for _ in range(12)]
    assert max(times) >= relay.RETRANSMISSION, "none was late"


def one_source_is_cut_off_alone(way, one, echo):
    """The other is this process, which is no source that is known."""
    way.relays.sources[os.getpid()] = "me"
    mine = connect(way.port)
    assert ask(mine) < 5
    way.set(relay.both(hole=True), "me")
    assert is_silent(mine), "it is not cut off"
    assert ask(one) < 1, "the connection of before is cut off, too"
    way.heal()
    mine.close()


CASES = (bytes_go_through, delays_are_of_each_direction, a_hole_keeps_what_is_sent, a_hole_may_be_of_one_direction,
         a_reset_is_an_error_at_both_ends, half_open_is_told_to_one_end_only, some_chunks_are_late, one_source_is_cut_off_alone)


def run(case):
    relays, echo = relay.Relays(), Echo()
    try:
        way = relays.relay(echo.port, cluster.listener())
        one = connect(way.port)
        ask(one)
        case(way, one, echo)
        one.close()
        print(f"ok {case.__name__}", flush=True)
        return True
    except (AssertionError, OSError) as error:
        print(f"not ok {case.__name__}\n    {type(error).__name__}: {error}", flush=True)
        return False
    finally:
        relays.close()


def main():
    return 0 if all([run(case) for case in CASES]) else 1


if __name__ == "__main__":
    sys.exit(main())
