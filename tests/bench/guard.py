#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares what a call costs with a yardstick measured beside it, so that a change which makes calls much more expensive
does not pass unseen. Prints "ok <case>" or "not ok <case>".

The figure is the CPU time of both ends a call, the least of several rounds: whatever else the machine does only adds to
it. A case is met as soon as it is met after a round, and missed after the last one. The limits are far from what is
measured on a quiet machine; goals are another matter (scripts/bench)."""

import os
import pathlib
import sys
import tempfile
from typing import NamedTuple

sys.dont_write_bytecode = True

from ends import Failed, measure  # noqa: E402
from report import cpu_us  # noqa: E402
from rows import ROWS  # noqa: E402

ROUNDS_MIN, ROUNDS, MS = 2, 8, 250


class Case(NamedTuple):
    name: str
    row: str
    to: str
    limit: float  # quiet machine: see the figure beside it


CASES = (
    Case("serial_calls_on_the_socket_lane_cost_at_most_twice_what_raw_sockets_take",
         "Pyrite, socket: add(), TCP", "raw sockets: add(), TCP", 2.0),  # 1.3 to 1.45
    Case("serial_calls_on_the_grpc_lane_cost_at_most_1_6_times_what_a_stream_of_core_takes",
         "Pyrite, gRPC: add(), TCP", "core stream: add(), TCP", 1.6),  # 1.1 to 1.2
    Case("calls_in_flight_on_the_socket_lane_cost_at_most_a_third_of_what_a_stream_of_core_takes",
         "Pyrite, socket: 64 in flight, TCP", "core stream: 64 in flight, TCP", 0.33),  # 0.11
    Case("calls_in_flight_on_the_grpc_lane_cost_at_most_half_of_what_a_stream_of_core_takes",
         "Pyrite, gRPC: 64 in flight, TCP", "core stream: 64 in flight, TCP", 0.5),  # 0.16
)


class Options(NamedTuple):
    bin: pathlib.Path
    peers: None
    cpu: int


def compare(case, options, folder):
    """Returns what is wrong, or nothing."""
    rows = {row.name: row for row in ROWS}
    least = {}
    for number in range(1, ROUNDS + 1):
        for name in (case.row, case.to):
            cost = cpu_us(measure(rows[name], options, folder, ["--ms", MS]))
            least[name] = min(cost, least.get(name, cost))
        ratio = least[case.row] / least[case.to]
        if number >= ROUNDS_MIN and ratio <= case.limit:
            print(f"# {ratio:.2f}, at most {case.limit}: {least}")
            return None
    return f"{ratio:.2f} times, at most {case.limit} is allowed; us a call: {least}"


def main():
    options = Options(pathlib.Path(os.environ["PYRITE_BIN"]).resolve(), None, max(os.sched_getaffinity(0)))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="pyrite-guard.") as folder:
        for case in CASES:
            try:
                problem = compare(case, options, folder)
            except Failed as error:
                problem = str(error)
            print(f"{'not ok' if problem else 'ok'} {case.name}" + (f"\n    {problem}" if problem else ""), flush=True)
            failed += bool(problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
