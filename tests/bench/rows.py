# SPDX-License-Identifier: MIT
"""What is measured, and what it is compared with."""

from typing import NamedTuple, Optional


class Row(NamedTuple):
    name: str
    server: tuple  # program and its arguments
    client: tuple  # program, mode and its arguments; the address goes between
    is_unix: bool = False
    is_goal: bool = False  # a goal or a ratio is about it


class Goal(NamedTuple):
    row: str
    to: str
    figure: str  # cpu or rate
    limit: Optional[float] = None


def core(name, *client, is_lean=False, is_goal=False):
    lean = ("--lean",) if is_lean else ()
    server = ("bench-core-server", *lean)
    client = ("bench-core-client", *client, *lean)
    return [Row(f"core {name}, TCP", server, client, False, is_goal), Row(f"core {name}, unix", server, client, True)]


def pyrite(name, *client, is_goal=False):
    rows = []
    for kind, arguments in (("pool", ()), ("serial daemon", ("--threads", "1"))):
        for over in ("TCP", "unix"):
            rows.append(Row(f"add() {name}, {kind}, {over}", ("bench-server", *arguments), ("bench-client", *client),
                            over == "unix", is_goal and kind == "pool" and over == "TCP"))
    return rows


ROWS = [
    *core("unary", "unary", is_goal=True),
    *core("stream echo", "echo", is_goal=True),
    *core("stream echo, lean", "echo", is_lean=True, is_goal=True),
    *core("stream duplex, lean", "duplex", is_lean=True, is_goal=True),
    *core("stream duplex late, lean", "late", is_lean=True, is_goal=True),
    *pyrite("one by one", "serial", is_goal=True),
    Row("add() one by one, plain gRPC, pool, TCP", ("bench-server",), ("bench-client", "plain"), is_goal=True),
    *core("unary, 64 in flight", "unary", "-n", "64", is_goal=True),
    *pyrite("64 in flight", "flight", "-n", "64", is_goal=True),
    *pyrite("128 in flight", "flight", "-n", "128"),
    *pyrite("512 in flight", "flight", "-n", "512"),
    *pyrite("16 threads", "threads", "-n", "16"),
]

SERIAL, FLIGHT = "add() one by one, pool, TCP", "add() 64 in flight, pool, TCP"
PLAIN = "add() one by one, plain gRPC, pool, TCP"
GOALS = [
    Goal(SERIAL, "core stream echo, TCP", "cpu", 1.25),
    Goal(SERIAL, "core stream echo, lean, TCP", "cpu"),
    Goal(SERIAL, "core stream duplex, lean, TCP", "cpu"),
    Goal(SERIAL, "core stream duplex late, lean, TCP", "cpu"),
    Goal(SERIAL, "core unary, TCP", "cpu", 0.625),
    Goal(PLAIN, "core unary, TCP", "cpu"),
    Goal(FLIGHT, "core unary, 64 in flight, TCP", "rate", 5),
    Goal(FLIGHT, "core unary, TCP", "rate"),
]

# The rows whose instructions and system calls are counted.
TRACED = [row for row in ROWS if row.name in {
    "core unary, TCP", "core stream echo, TCP", "core stream echo, lean, TCP", "core stream duplex, lean, TCP",
    "core stream duplex late, lean, TCP", SERIAL, PLAIN, "add() one by one, serial daemon, TCP", FLIGHT,
    "add() 64 in flight, serial daemon, TCP", "add() 16 threads, pool, TCP"}]
TRACED.sort(key=lambda row: row.name == SERIAL)  # the last is the one the smoke test traces
