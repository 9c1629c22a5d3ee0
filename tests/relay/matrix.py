#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""matrix.py [--all] [--runs N] [--lanes A,B] [FAULT...]: what happens on each lane when its connection is delayed, cut, changed or
swallowed, by a relay between both ends. Each cell expects a status within a time, that a call was carried out once at most,
that the same client goes on afterwards, and that the daemon has given back descriptors and memory and served others as
quickly as ever. Without --all, a part of the cells, the same in each run: all lanes, all faults."""

import argparse
import concurrent.futures
import statistics
import sys
import time
import traceback

import lanes
from common import IS_SANITIZED, MIB, within
from lanes import CONNECT, FOREIGN_DEADLINE, LANES, OWN_DEADLINE

KEEPALIVE = 1.5  # s: 1 s until it asks, half of that for the answer
SLACK = 3.0 if IS_SANITIZED else 0.5
AT_ONCE = 2.0 if IS_SANITIZED else 0.2
EACH = 5         # of so many cells one is run without --all
SIGNATURE = 16   # by so many bytes handshakes differ in length
ALWAYS = {("plain-tls", "end_far")}  # cells that found something: core called it UNKNOWN
# Cells that are not run: a name server has no calls that take long or have texts, and python3-grpcio 1.51.1 ends with SIGILL.
ABSENT = {*(("names", fault) for fault in ("rate", "reset", "end_far", "end_near")), ("grpcio", "flip_back")}
pool = concurrent.futures.ThreadPoolExecutor(4)


class Cell:
    """One fault on one lane."""

    def __init__(self, lane, options):
        self.lane, self.relay, self.points, self.mask = lane, lane.relay, options.points, options.mask
        self.took = 0.0

    def call(self, what="add", n=0):
        return self.lane.caller.call(what, n)

    def start(self, what, n=0):
        """A call under way, which has reached the daemon when this returns."""
        before = self.relay.counts()[2]
        future = pool.submit(self.call, what, n)
        assert within(lambda: self.relay.counts()[2] > before, 5), "nothing was sent"
        return future

    def ends(self, outcome, statuses, least, most, where=""):
        self.took = max(self.took, outcome.took)
        assert outcome.status in statuses, f"{where}{outcome}, expected {statuses}"
        assert least <= outcome.took <= most, f"{where}{outcome}, expected {least} to {most} s"

    def answered(self, outcome, least, most):
        self.ends(outcome, ("ok",), least, most)

    def lost(self, outcome, most, least=0.0):
        self.ends(outcome, ("unavailable",), least, most)

    def silent(self, outcome):
        """Nothing comes back: keepalive says so, or the deadline, to plain gRPC as to clients of others: servers of gRPC
        let no client ask sooner than after five minutes."""
        if self.lane.name.startswith("plain"):
            self.ends(outcome, ("timeout",), OWN_DEADLINE - 0.1, OWN_DEADLINE + SLACK)
        elif self.lane.is_own:
            self.lost(outcome, KEEPALIVE + SLACK, 0.4)
        else:
            self.ends(outcome, ("timeout",), FOREIGN_DEADLINE - 0.1, FOREIGN_DEADLINE + SLACK)

    def anew(self):
        """The next call has to connect."""
        self.relay("reset")
        self.lane.caller.drop()

    def settle(self):
        """All is well, and a call says so. Returns how long that took."""
        self.relay("reset")
        self.relay("heal")
        begin, outcome = time.monotonic(), self.call()
        while outcome.status != "ok":
            assert time.monotonic() - begin < 3, f"it does not recover: {outcome}"
            time.sleep(0.01)  # a user's retry
            if not self.lane.is_own:
                self.lane.caller.drop()
            outcome = self.call()
        return time.monotonic() - begin


# ---- what delays ----

def delay(cell):
    cell.relay("delay", 100)
    cell.answered(cell.call(), 0.2, 0.2 + SLACK)


def delay_there(cell):
    cell.relay("delay", 150, "there")
    cell.answered(cell.call(), 0.15, 0.15 + SLACK)


def trickle(cell):
    cell.relay("trickle", 1, 500)
    cell.answered(cell.call(), 0.005, 1 + SLACK)


def rate(cell):
    cell.relay("rate", 200000, "there")
    cell.answered(cell.call("text", 60000), 0.25, 0.3 + SLACK)


def stop(cell):
    cell.relay("stop")
    future = pool.submit(cell.call)
    time.sleep(0.4)  # that is the fault
    cell.relay("go")
    cell.answered(future.result(10), 0.35, 0.4 + SLACK)


def late(cell):
    cell.relay("late", 333, 200)
    for _ in range(6):
        cell.answered(cell.call(), 0, 0.8 + SLACK)


# ---- what swallows ----

def hole(cell):
    cell.relay("hole")
    cell.silent(cell.call("increment"))


def hole_back(cell):
    """The call is carried out, and its caller does not know."""
    before = cell.lane.server.executed()
    cell.relay("hole", "back")
    outcome = cell.call("increment")
    cell.silent(outcome)
    assert outcome.may_have_run
    assert cell.lane.server.executed() == before + 1


def mute(cell):
    """Who connects is let in, and hears nothing."""
    cell.relay("mute")
    cell.anew()
    outcome = cell.call("increment")
    if cell.lane.is_own:
        cell.lost(outcome, CONNECT + SLACK, 0.9)
        assert not outcome.may_have_run
    else:
        cell.ends(outcome, ("timeout", "unavailable"), 0.0, 2 * FOREIGN_DEADLINE + SLACK)


def half_open(cell):
    cell.relay("half-open")
    cell.silent(cell.call("increment"))


# ---- what ends ----

def reset(cell):
    future = cell.start("sleep", 2500)
    begin = time.monotonic()
    cell.relay("reset")
    outcome = future.result(10)
    cell.lost(outcome, 2.5)
    assert outcome.may_have_run
    cell.took = time.monotonic() - begin
    assert cell.took <= AT_ONCE, f"{cell.took:.3f} s after the reset"


def refuse(cell):
    cell.relay("refuse")
    cell.anew()
    outcome = cell.call("increment")
    cell.lost(outcome, SLACK)


def half_close(cell, order):
    """A call under way ends at once. HTTP and Pyro tell it that it was CANCELLED: its caller has left, as far as one knows."""
    future = cell.start("sleep", 600)
    begin = time.monotonic()
    cell.relay(order)
    outcome = future.result(10)
    is_told = order == "end-far" and cell.lane.name in ("http", "pyro-serpent", "pyro-msgpack")
    cell.ends(outcome, ("error",) if is_told else ("unavailable",), 0, SLACK)
    cell.took = time.monotonic() - begin


def end_far(cell):
    """The daemon sees the end of what its caller sends."""
    half_close(cell, "end-far")


def end_near(cell):
    half_close(cell, "end-near")


# ---- what cuts and changes, at each point of a conversation ----

def length(cell):
    """Bytes of a connection with one call, there and back."""
    cell.settle()
    _, _, there, back = cell.relay.counts()
    cell.anew()
    outcome = cell.call("increment")
    assert outcome.status == "ok", outcome
    _, _, there_now, back_now = cell.relay.counts()
    return there_now - there, back_now - back


def places(n, points):
    """So many numbers from 1 to n, the first and the last among them."""
    return sorted({1 + (n - 1) * i // (points - 1) for i in range(points)})


def carried_out(cell, outcome, before, where, is_changed):
    """A call was carried out once if its caller was told so, and not at all if its caller was told that."""
    done = cell.lane.server.executed() - before
    assert done <= 1, f"{where}{outcome}, carried out {done} times"
    if is_changed:  # what says that it was not may be what was changed
        return
    if outcome.status == "ok":
        assert done == 1, f"{where}{outcome}, not carried out"
    elif outcome.status != "error" and not outcome.may_have_run:
        assert done == 0, f"{where}{outcome}, yet carried out"


def at_byte(cell, fault, way, statuses, where):
    """One conversation with that fault. Returns whether its call must end as one of statuses, and how many bytes passed. It need
    not if the conversation was over before that byte: they differ in length, as frames share records of TLS or do not."""
    before = cell.lane.server.executed()
    cell.relay("heal")
    cell.relay(*fault, way)
    cell.anew()
    passed = -cell.relay.counts()[2 + (way == "back")]
    outcome = cell.call("increment")
    passed += cell.relay.counts()[2 + (way == "back")]
    is_reached = outcome.status in statuses or passed >= fault[1]
    most = OWN_DEADLINE if cell.lane.is_own else 2 * FOREIGN_DEADLINE
    cell.ends(outcome, statuses if is_reached else ("ok",), 0, most + SLACK, where)
    cell.relay("reset")
    cell.lane.caller.drop()
    cell.settle()
    carried_out(cell, outcome, before, where, fault[0] == "flip" and not cell.lane.is_sealed)
    return is_reached, passed


def sweep(cell, order, way, statuses):
    n = length(cell)[way == "back"] - (SIGNATURE if cell.lane.is_sealed else 0)
    for at in places(n, cell.points):
        for _ in range(10):
            is_reached, passed = at_byte(cell, order(at), way, statuses, f"at {at} of {n}: ")
            if is_reached:
                break
            at = passed  # the last byte of such a conversation
        assert is_reached, f"no conversation has {at} bytes"


def cut_there(cell):
    sweep(cell, lambda at: ("cut", at), "there", ("ok", "unavailable"))


def cut_back(cell):
    sweep(cell, lambda at: ("cut", at), "back", ("ok", "unavailable"))


def flips(cell, way):
    """Where nothing seals the bytes a call may do something else; it ends, and the daemon goes on."""
    anything = ("ok", "unavailable", "timeout", "wrong", "error", "refused")
    seen = ("unavailable", "refused")
    sweep(cell, lambda at: ("flip", at, cell.mask), way, seen if cell.lane.is_sealed else anything)


def flip_there(cell):
    flips(cell, "there")


def flip_back(cell):
    flips(cell, "back")


FAULTS = (delay, delay_there, trickle, rate, stop, late, hole, hole_back, mute, half_open, reset, refuse, end_far, end_near,
          cut_there, cut_back, flip_there, flip_back)


# ---- the cells ----

def run_cell(lane, fault, options):
    """Returns how long its call took at most."""
    cell = Cell(lane, options)
    cell.settle()
    server = lane.server
    fds = server.fds()
    fault(cell)
    cell.settle()
    assert within(lambda: server.fds() <= fds, 5), f"{server.fds()} descriptors, {fds} before"
    assert not lane.witness.failures, f"others: {lane.witness.failures[0]}"
    return cell.took


def run_lane(name, faults, options):
    """Returns the cells that failed."""
    lane = lanes.Lane(name)
    failed = 0
    assert within(lambda: len(lane.witness.times) >= 100), "the daemon is not there"
    base, first, rss = lane.witness.p99(), len(lane.witness.times), 0
    for fault in faults:
        for _ in range(options.runs):
            try:
                took = run_cell(lane, fault, options)
                options.times.setdefault((fault.__name__, name), []).append(took)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {fault.__name__} {name}\n    " + "\n    ".join(traceback.format_exc().splitlines()), flush=True)
                break
        else:
            print(f"ok {fault.__name__.replace('_', ' ')} on {name}", flush=True)
        rss = rss or lane.server.rss()
    grown, p99 = lane.server.rss() - rss, lane.witness.p99(first)
    print(f"    {name}: others' p99 {1000 * p99:.1f} ms, {1000 * base:.1f} before; memory {grown / MIB:+.1f} MiB", flush=True)
    if (p99 > max(0.05, 4 * base) or grown > 8 * MIB) and not IS_SANITIZED:
        failed += 1
        print(f"not ok {name} gives back what it took, and serves others")
    lane.close()
    return failed


def chosen(options):
    for i, name in enumerate(LANES):
        faults = [fault for j, fault in enumerate(FAULTS)
                  if options.all or (i + j) % EACH == 0 or (name, fault.__name__) in ALWAYS]
        if options.faults:
            faults = [fault for fault in FAULTS if fault.__name__ in options.faults]
        faults = [fault for fault in faults if (name, fault.__name__) not in ABSENT]
        if faults and (not options.lanes or name in options.lanes.split(",")):
            yield name, faults


def report(times):
    """A table of those with several runs: median and worst, in ms."""
    for (fault, lane), took in sorted(times.items()):
        if len(took) > 1:
            print(f"    {fault:12} {lane:12} {len(took):3} runs: median {1000 * statistics.median(took):7.1f} ms, "
                  f"worst {1000 * max(took):7.1f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--lanes", default="")
    parser.add_argument("--points", type=int, help="where a conversation is cut or changed; default: 16 with --all, else 5")
    parser.add_argument("--mask", type=lambda text: int(text, 0), default=0x41, help="the bits of a byte that are changed")
    parser.add_argument("faults", nargs="*")
    options = parser.parse_args()
    options.points, options.times = options.points or (16 if options.all else 5), {}
    cells = list(chosen(options))
    if not cells:
        parser.error("there is no such cell")
    failed = sum(run_lane(name, faults, options) for name, faults in cells)
    report(options.times)
    sys.exit(1 if failed else 0)


main()
