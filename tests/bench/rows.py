# SPDX-License-Identifier: MIT
"""What is measured, of whom, and what it is compared with."""

from typing import NamedTuple, Optional

KIB, MIB = 1024, 1024 * 1024


class Group(NamedTuple):
    """Rows that belong together: a table and a plot of one figure."""
    key: str
    title: str
    figure: str  # a key of UNITS
    x: Optional[str] = None  # what is varied; None: nothing


class Row(NamedTuple):
    group: str
    who: str
    work: str
    over: str  # TCP or unix
    server: tuple  # program and its arguments
    client: tuple  # program, mode and its arguments; the address goes between
    x: Optional[int] = None
    env: tuple = ()  # of both ends: pairs
    calls: int = 1000  # at least
    delay_ms: int = 0  # each way, by a relay
    proof: str = ""  # of both ends: "tls", certificates; "list", and a list of revoked ones; "key", a shared key
    is_goal: bool = False  # a goal or a ratio is about it

    @property
    def name(self):
        return f"{self.who}: {self.work}, {self.over}"

    @property
    def mode(self):
        return self.client[1]

    @property
    def n_bytes(self):
        return self.x if self.mode == "bytes" else 0


class Goal(NamedTuple):
    row: str
    to: str
    figure: str  # cpu or rate
    limit: Optional[float] = None


class Contender(NamedTuple):
    who: str
    server: tuple
    client: tuple
    modes: tuple  # what it can do, of WORKS
    overs: tuple = ("TCP", "unix")
    env: tuple = ()
    renamed: tuple = ()  # pairs: a mode, and what the client calls it
    bytes_max: int = 1 << 30  # there and back; a slow one would take minutes
    proof: str = ""
    is_near: bool = False  # a relay cannot stand between its ends


UNITS = {
    "cpu": "CPU of both ends, us a call",
    "rate": "calls a second",
    "mb": "MB/s, one way",
    "p50": "us, median",
    "rss": "KiB of the server's memory a connection",
    "session": "KiB of the server's memory a proxy",
    "client": "KiB of the client's memory after one call",
    "p99": "us, 99 of 100 calls",
}

GROUPS = (
    Group("serial", "One add() after the other", "cpu"),
    Group("flight", "add() in flight from one thread", "rate", "calls in flight"),
    Group("threads", "add() from blocking threads, one proxy", "rate", "threads"),
    Group("bytes", "Bytes there and back, one call after the other", "mb", "bytes"),
    Group("kinds", "Oneway calls, batches, streams, callbacks", "rate"),
    Group("beside", "One add() after the other beside 1 MiB there and back, one proxy", "p99"),
    Group("connect", "Connect, first call, disconnect", "p50"),
    Group("start", "A client from its start to its end, one call", "p50"),
    Group("client", "A client after one call", "client"),
    Group("idle", "An idle connection", "rss"),
    Group("sessions", "An idle proxy, of many that share one connection", "session"),
    Group("growth", "Many objects, many proxies", "cpu", "objects or proxies"),
    Group("names", "Name server", "rate", "requests in flight"),
    Group("far", "Bytes there and back, 20 ms away", "mb", "bytes"),
    Group("core", "What gRPC core itself takes", "cpu"),
)


def size(n):
    return f"{n // MIB} MiB" if n >= MIB else f"{n // KIB} KiB"


def several(n, what):
    return f"{n:,} {what}{'s' if n > 1 else ''}"


class Work(NamedTuple):
    group: str
    name: str
    mode: str
    n: Optional[int] = None
    calls: int = 1000
    delay_ms: int = 0


WORKS = (
    Work("serial", "add()", "serial"),
    *(Work("flight", f"{n} in flight", "flight", n) for n in (1, 16, 64, 512)),
    *(Work("threads", several(n, "thread"), "threads", n) for n in (1, 4, 16)),
    *(Work("bytes", size(n), "bytes", n, max(1, min(1000, 4 * MIB // n)))
      for n in (KIB, 16 * KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB)),
    Work("kinds", "oneway", "oneway"),
    Work("kinds", "oneway, started", "started"),
    Work("kinds", "batch of 64", "batch", 64),
    Work("kinds", "stream to the client", "count", 1000),
    Work("kinds", "stream to the server", "total", 1000),
    Work("kinds", "callback", "callback", 100),
    Work("beside", "add() beside 1 MiB", "beside", MIB, 100),
    Work("connect", "connect, add()", "connect", calls=50),
    Work("start", "start, add()", "start", calls=20),
    Work("client", "after add()", "once"),
    Work("idle", "1,000 connections", "idle", 1000),
    Work("sessions", "10,000 proxies on one connection", "sessions", 10000),
    *(Work("growth", several(n, "object"), "objects", n) for n in (10, 100, 1000, 10000)),
    *(Work("growth", "1 proxy" if n == 1 else f"{n:,} proxies", "proxies", n) for n in (1, 10, 100, 1000)),
    *(Work("far", f"{size(n)}, 20 ms away", "bytes", n, 1, 10) for n in (64 * KIB, MIB, 16 * MIB)),
    Work("core", "add()", "plain"),
    *(Work("core", "add()", mode) for mode in ("echo", "duplex", "late")),
)

DRIVEN = ("serial", "flight", "threads", "bytes", "connect", "start", "once", "idle")  # by drive.c, for any contender
PYRITE = (*DRIVEN, "oneway", "started", "beside", "batch", "count", "total", "callback", "objects", "proxies", "sessions")
LANES = ("gRPC", "socket")  # as PYRITE_LANE names them, but for their letters


def rows_of(contender):
    renamed = dict(contender.renamed)
    for work in WORKS:
        if work.mode not in contender.modes or (work.delay_ms and contender.is_near) or (
                work.mode == "bytes" and work.n > contender.bytes_max):
            continue
        server = contender.server + (("-n", str(work.n)) if work.mode == "objects" else ())
        client = (contender.client[0], renamed.get(work.mode, work.mode), *contender.client[1:])
        client += ("-n", str(work.n)) if work.n else ()
        for over in ("TCP",) if work.delay_ms or work.group == "growth" else contender.overs:
            yield Row(work.group, contender.who, work.name, over, server, client, work.n, contender.env, work.calls,
                      work.delay_ms, contender.proof, over == "TCP" and (work.group, work.n) in GOAL_WORKS)


GOAL_WORKS = {("serial", None), ("core", None), ("kinds", 100), ("flight", 64), ("threads", 16), ("bytes", MIB)}


def pyrite(who, lane, *server, modes=PYRITE, **others):
    env = (("PYRITE_LANE", lane.lower()), ("PYRITE_MAX_MESSAGE", "128M"))
    return Contender(f"Pyrite, {who}", ("bench-server", *server), ("bench-client",), modes, env=env, **others)


def core(who, modes, *options, renamed=()):
    return Contender(f"core {who}", ("bench-core-server", *options), ("bench-core-client", *options), modes,
                     renamed=renamed)


def own_program(who, program, modes, **others):
    """A contender whose ends are one program."""
    return Contender(who, (program,), (program,), modes, **others)


def names(mode, work):
    for n in (1, 64):
        yield Row("names", f"Pyrite, {work}", f"{n} in flight", "TCP", ("pyrite-ns", "--port=0", "--storage=memory"),
                  ("bench-names", mode, "-n", str(n)), n, calls=500)


OURS = (
    *(pyrite(lane, lane) for lane in LANES),
    *(pyrite(f"{lane}, serial daemon", lane, "--threads", "1", modes=("serial", "flight", "callback")) for lane in LANES),
    *(pyrite(f"{lane}, TLS", lane, modes=("serial", "bytes", "connect", "idle"), overs=("TCP",), proof="tls")
      for lane in LANES),
    pyrite("gRPC, TLS and a list", "gRPC", modes=("serial", "connect"), overs=("TCP",), proof="list"),
    *(pyrite(f"{lane}, a key", lane, modes=("serial", "connect"), overs=("TCP",), proof="key") for lane in LANES),
    pyrite("plain gRPC", "gRPC", modes=("plain",)),
    own_program("raw sockets", "bench-raw", DRIVEN),
    core("unary", tuple(mode for mode in DRIVEN if mode != "threads")),
    core("stream", ("serial", "flight"), renamed=(("serial", "echo"), ("flight", "window"))),
    core("stream, lean", ("echo", "duplex", "late"), "--lean"),
)
PEERS = (
    own_program("omniORB", "peer-omniorb", ("serial", "threads", "bytes", "oneway"), is_near=True),
    own_program("Thrift", "peer-thrift", (*DRIVEN, "oneway")),
    own_program("ONC RPC", "peer-onc", tuple(mode for mode in DRIVEN if mode != "flight")),
    own_program("sd-bus", "peer-sdbus", (*DRIVEN, "oneway")),
    own_program("gRPC C++", "peer-grpc", (*DRIVEN, "count", "total")),
    own_program("ZeroC Ice", "peer-ice", (*DRIVEN, "oneway"), overs=("TCP",)),
    own_program("nng", "peer-nng", DRIVEN),
    own_program("Cap'n Proto", "peer-capnp", tuple(mode for mode in DRIVEN if mode != "threads")),
    own_program("Pyro4", "peer-pyro4", ("serial", "threads", "bytes", "oneway", "batch", "connect"), bytes_max=MIB),
)

ROWS = [row for contender in OURS for row in rows_of(contender)]
ROWS += [*names("lookup", "look-up"), *names("register", "registration")]
ROWS += [row for contender in PEERS for row in rows_of(contender)]
ROWS = [row._replace(who=f"{row.who}, {row.mode}") if row.who == "core stream, lean" else row for row in ROWS]
ORDER = [group.key for group in GROUPS]
ROWS.sort(key=lambda row: ORDER.index(row.group))

# The rows that ratios and goals are about
SERIAL, ECHO = "Pyrite, {}: add(), TCP", "core stream: add(), TCP"
FLIGHT, THREADS = "Pyrite, {}: 64 in flight, TCP", "Pyrite, {}: 16 threads, TCP"
GOALS = [
    Goal(SERIAL.format("gRPC"), ECHO, "cpu", 1.15),
    *(Goal(SERIAL.format("gRPC"), f"core stream, lean, {mode}: add(), TCP", "cpu") for mode in ("echo", "duplex", "late")),
    Goal(SERIAL.format("gRPC"), "core unary: add(), TCP", "cpu", 0.625),
    Goal("Pyrite, plain gRPC: add(), TCP", "core unary: add(), TCP", "cpu"),
    Goal(SERIAL.format("socket"), "raw sockets: add(), TCP", "cpu", 1.2),
    Goal(SERIAL.format("socket").replace("TCP", "unix"), "raw sockets: add(), unix", "cpu", 1.2),
    *(Goal(f"Pyrite, {lane}, serial daemon: callback, TCP", f"Pyrite, {lane}, serial daemon: add(), TCP", "cpu", 1.1)
      for lane in LANES),
    Goal(FLIGHT.format("gRPC"), "core stream: 64 in flight, TCP", "rate", 10),
    Goal(FLIGHT.format("gRPC"), "core unary: 64 in flight, TCP", "rate"),
    Goal(FLIGHT.format("socket"), "raw sockets: 64 in flight, TCP", "rate", 0.3),
    Goal(THREADS.format("socket"), "raw sockets: 16 threads, TCP", "rate"),
    Goal("Pyrite, gRPC: 1 MiB, TCP", "core unary: 1 MiB, TCP", "rate", 1),
    Goal("Pyrite, socket: 1 MiB, TCP", "raw sockets: 1 MiB, TCP", "rate", 2),
    Goal("Pyrite, socket: 1 MiB, unix", "raw sockets: 1 MiB, unix", "rate", 1),
    Goal(SERIAL.format("socket, TLS"), SERIAL.format("socket"), "cpu", 1.35),
    Goal("Pyrite, socket: 10,000 objects, TCP", "Pyrite, socket: 10 objects, TCP", "cpu", 1.25),
    Goal("Pyrite, socket: 1,000 proxies, TCP", "Pyrite, socket: 1 proxy, TCP", "cpu", 1.25),
]

# The rows whose instructions and system calls are counted; the last is the one the smoke test traces.
TRACED = [row for row in ROWS if row.over == "TCP" and (
    row.group in ("serial", "core") or (row.group == "flight" and row.x == 64 and row.who.startswith("Pyrite")))]
TRACED.sort(key=lambda row: row.name == SERIAL.format("socket"))
