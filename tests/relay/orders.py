#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What each order to fault-relay does to a connection, seen from both ends, over TCP and a unix socket. Prints "ok <case>" or "not ok
<case>"."""

import os
import pathlib
import socket
import sys
import tempfile
import threading
import time

from control import Relay

QUIET = 0.2  # s, in which nothing comes
folder = tempfile.TemporaryDirectory(prefix="pyrite-orders-")


class Echo:
    """Sends back what it gets."""

    def __init__(self, is_unix):
        self.listener = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET)
        self.listener.bind(f"{folder.name}/echo" if is_unix else ("127.0.0.1", 0))
        self.listener.listen()
        self.address = f"./u:{folder.name}/echo" if is_unix else f"127.0.0.1:{self.listener.getsockname()[1]}"
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


def connect(relay):
    one = socket.socket(socket.AF_UNIX if relay.address.startswith("./u:") else socket.AF_INET)
    one.settimeout(5)
    one.connect(relay.address[4:] if relay.address.startswith("./u:") else ("127.0.0.1", int(relay.address.rpartition(":")[2])))
    return one


def ask(one, n=1):
    """How long n bytes take, there and back, and whether they are the same."""
    sent, got, began = os.urandom(n), b"", time.monotonic()
    threading.Thread(target=one.sendall, args=(sent,), daemon=True).start()
    while len(got) < n:
        part = one.recv(1 << 16)
        assert part, "the connection ended"
        got += part
    return time.monotonic() - began, got == sent


def ends(one):
    """"end", "reset", or "silent"."""
    one.settimeout(QUIET)
    try:
        return "end" if one.recv(1) == b"" else "bytes"
    except TimeoutError:
        return "silent"
    except OSError:
        return "reset"


def takes(one, least, most, n=1):
    took, same = ask(one, n)
    assert same and least <= took <= most, f"{took:.3f} s, {least} to {most} expected, same: {same}"


def bytes_pass(relay, one, _):
    for n in (1, 1000, 3_000_000):
        takes(one, 0, 5, n)


def delays_are_of_each_direction(relay, one, _):
    relay("delay", 60, "there")
    takes(one, 0.06, 0.5)
    relay("delay", 60)
    takes(one, 0.12, 0.6)


def rates_are_kept(relay, one, _):
    relay("rate", 200000, "back")
    takes(one, 0.15, 1.5, 40000)
    relay("heal")
    relay("trickle", 10, 1000, "there")
    takes(one, 0.05, 1.5, 1000)


def late_chunks_are_late(relay, one, _):
    relay("late", 1000, 100, "there")
    takes(one, 0.1, 0.6)


def what_is_stopped_goes_on(relay, one, _):
    relay("stop")
    one.sendall(b"a")
    assert ends(one) == "silent"
    relay("go")
    one.settimeout(5)
    assert one.recv(1) == b"a"


def what_a_hole_took_does_not_come_back(relay, one, _):
    relay("hole", "back")
    one.sendall(b"a")
    assert ends(one) == "silent"
    relay("heal")
    assert ends(one) in ("reset", "end"), "bytes are missing, and the connection goes on"


def one_byte_is_changed(relay, one, _):
    relay("flip", 11, 0xff, "there")
    assert ask(one, 10)[1]
    assert not ask(one, 10)[1]
    assert ask(one, 10)[1]


def a_connection_is_cut_at_a_byte(relay, one, echo):
    relay("cut", 1, "there")
    one.sendall(b"ab")
    assert ends(one) in ("reset", "end") and echo.ended.wait(5)
    assert relay.counts()[2] == 1, relay.counts()


def half_closes_reach_one_end(relay, one, echo):
    relay("end-far")
    assert echo.ended.wait(5) and ends(one) == "end"


def resets_reach_both_ends(relay, one, echo):
    relay("reset")
    assert ends(one) in ("reset", "end") and echo.ended.wait(5)


def half_open_is_told_to_one_end(relay, one, echo):
    relay("half-open")
    assert echo.ended.wait(5)
    one.sendall(b"a")
    assert ends(one) == "silent"


def mute_and_refused_connections(relay, one, _):
    relay("mute")
    silent = connect(relay)
    silent.sendall(b"a")
    assert ends(silent) == "silent"
    relay("heal")
    relay("refuse")
    try:
        assert ends(connect(relay)) in ("reset", "end")
    except OSError:
        pass  # at once
    takes(one, 0, 1)  # of before


CASES = (bytes_pass, delays_are_of_each_direction, rates_are_kept, late_chunks_are_late, what_is_stopped_goes_on,
         what_a_hole_took_does_not_come_back, one_byte_is_changed, a_connection_is_cut_at_a_byte, half_closes_reach_one_end,
         resets_reach_both_ends, half_open_is_told_to_one_end, mute_and_refused_connections)


def run(case, is_unix, echo):
    name = f"{case.__name__}{'_over_a_unix_socket' if is_unix else ''}"
    relay = Relay(pathlib.Path(os.environ["PYRITE_BIN"]), echo.address)
    one = connect(relay)
    try:
        takes(one, 0, 1)
        relay("reset")
        one, _ = connect(relay), echo.ended.clear() if echo.ended.wait(5) else None
        before = relay.counts()
        if case is a_connection_is_cut_at_a_byte:
            relay.counts = lambda: [now - then for now, then in zip(type(relay).counts(relay), before)]
        case(relay, one, echo)
        print(f"ok {name}", flush=True)
        return True
    except (AssertionError, OSError) as error:
        print(f"not ok {name}\n    {type(error).__name__}: {error}", flush=True)
        return False
    finally:
        one.close()
        relay.close()


def main():
    results = []
    for is_unix in (False, True):
        echo = Echo(is_unix)
        results += [run(case, is_unix, echo) for case in CASES]
    sys.exit(0 if all(results) else 1)


main()
