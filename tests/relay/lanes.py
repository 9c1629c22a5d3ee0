# SPDX-License-Identifier: MIT
"""The ways to a daemon: for each, a server, a relay before it, and a caller that goes through the relay. A call ends as "ok",
"unavailable", "timeout", "refused" (TLS did not come about), "wrong" (another value came than was right) or "error"."""

import collections
import http.client
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))

import grpc  # noqa: E402
import msgpack  # noqa: E402,F401
import Pyro4  # noqa: E402
import Pyro4.errors  # noqa: E402

from common import BIN, FOLDER, PATIENCE, Server, field, varint  # noqa: E402
from control import Relay  # noqa: E402
from raw import uri  # noqa: E402

OWN_DEADLINE, FOREIGN_DEADLINE, CONNECT = 3.0, 2.0, 1.0
QUICK = {"PYRITE_KEEPALIVE_MS": "1000", "PYRITE_TIMEOUT_MS": "3000", "PYRITE_LOOKUP_TIMEOUT_MS": "3000",
         "PYRITE_CONNECT_TIMEOUT_MS": "1000"}
IDLE = 0.05  # s
Outcome = collections.namedtuple("Outcome", "status may_have_run value took said")
STATUSES = {0: "ok", 4: "timeout", 14: "unavailable", 16: "refused"}


def right(what, n, value):
    return value == {"add": 3, "text": n}.get(what, value)


class Own:
    """Pyrite's own client, a process: relay-caller."""

    def __init__(self, at, *how, environment=None):
        self.said = open(pathlib.Path(FOLDER, "caller.log"), "a+", encoding="utf-8")
        self.process = subprocess.Popen([BIN / "relay-caller", at, *how], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.said, env=dict(os.environ, **(environment or {})))

    def call(self, what, n=0):
        self.process.stdin.write(f"{what} {n}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        assert line, f"the caller ended: {self.process.wait(PATIENCE)}"
        code, may_have_run, value, took = map(int, line)
        status = STATUSES.get(code, "error")
        if status == "ok" and not right(what, n, value):
            status = "wrong"
        return Outcome(status, bool(may_have_run), value, took / 1e6, code)

    def drop(self):
        """A caller that was idle meanwhile knows that its connection is gone."""
        time.sleep(IDLE)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0, "the caller failed"
        self.process.stdout.close()
        self.said.close()


class Foreign:
    """A client of others: ask() returns a value, failed() sorts what it raises."""

    def call(self, what, n=0):
        begin = time.monotonic()
        value, said = 0, ""
        try:
            value = self.ask(what, n)
            status = "ok" if right(what, n, value) else "wrong"
        except Exception as error:  # pylint: disable=broad-except
            status, said = self.failed(error), repr(error)
        return Outcome(status, status != "ok", value, time.monotonic() - begin, said)

    def drop(self):
        """The next call connects."""
        self.close()


class Grpcio(Foreign):
    def __init__(self, address):
        self.address = address
        self.open()

    def open(self):
        quick = [(f"grpc.{name}_reconnect_backoff_ms", 1000) for name in ("initial", "min", "max")]
        self.channel = grpc.insecure_channel(self.address, [("grpc.enable_http_proxy", 0),
                                                       ("grpc.use_local_subchannel_pool", 1), *quick])

    def ask(self, what, n):
        payload = {"add": b"\x08\x01\x10\x02", "text": field(1, b"x" * n), "sleep": b"\x08" + varint(n)}.get(what, b"")
        reply = self.channel.unary_unary(f"/faults.Target/{what}")(payload, timeout=FOREIGN_DEADLINE)
        value, shift = 0, 0
        for byte in reply[1:]:
            value |= (byte & 0x7f) << shift
            shift += 7
        return value

    def failed(self, error):
        code = error.code() if isinstance(error, grpc.RpcError) else None
        return {grpc.StatusCode.UNAVAILABLE: "unavailable", grpc.StatusCode.DEADLINE_EXCEEDED: "timeout"}.get(code, "error")

    def drop(self):
        self.channel.close()
        self.open()

    def close(self):
        self.channel.close()


class Http(Foreign):
    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=FOREIGN_DEADLINE)

    def ask(self, what, n):
        body = {"add": {"x": 1, "y": 2}, "text": {"s": "x" * n}, "sleep": {"ms": n}}.get(what, {})
        self.connection.request("POST", f"/v1/objects/target/{what}", json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        value = answer.read()
        if answer.status != 200:
            raise ValueError(f"{answer.status} {value}")
        return json.loads(value)

    def failed(self, error):
        self.connection.close()
        if isinstance(error, TimeoutError):
            return "timeout"
        return "unavailable" if isinstance(error, (OSError, http.client.IncompleteRead)) else "error"

    def close(self):
        self.connection.close()


class Pyro(Foreign):
    def __init__(self, address, serializer):
        Pyro4.config.SERIALIZERS_ACCEPTED.add("msgpack")
        self.address, self.serializer = address, serializer
        self.open()

    def open(self):
        self.proxy = Pyro4.Proxy(f"PYRO:target@{self.address}")
        self.proxy._pyroSerializer, self.proxy._pyroTimeout = self.serializer, FOREIGN_DEADLINE

    def drop(self):
        """It keeps what it was told of the object, which may have been changed on the way."""
        self.proxy._pyroRelease()
        self.open()

    def ask(self, what, n):
        arguments = {"add": (1, 2), "text": ("x" * n,), "sleep": (n,)}.get(what, ())
        return getattr(self.proxy, what)(*arguments) or 0

    def failed(self, error):
        if isinstance(error, Pyro4.errors.TimeoutError):
            return "timeout"
        if isinstance(error, (Pyro4.errors.CommunicationError, OSError)):
            self.proxy._pyroRelease()
            return "unavailable"
        return "error"

    def close(self):
        self.proxy._pyroRelease()


class Witness:
    """A caller without a relay, whose calls are to be as quick as ever."""

    def __init__(self, own):
        self.own, self.times, self.failures, self.is_over = own, [], [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_over.wait(0.003):
            outcome = self.own.call("add")
            self.times.append(outcome.took)
            if outcome.status != "ok":
                self.failures.append(outcome)

    def p99(self, first=0):
        times = sorted(self.times[first:])
        return times[len(times) - 1 - len(times) // 100]

    def close(self):
        self.is_over.set()
        self.thread.join(PATIENCE)
        self.own.close()


class NameServer(Server):
    """pyrite-ns, looked at as other servers are."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.process = subprocess.Popen([BIN / "pyrite-ns", "--port", "0", "--storage", "memory"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=dict(os.environ, **QUICK))
        self.address = self.process.stdout.readline().split()[-1].rpartition("@")[2]
        self.proc = pathlib.Path(f"/proc/{self.process.pid}")
        host, port = self.address.rsplit(":", 1)
        self.environment = dict(os.environ, PYRITE_NS_HOST=host, PYRITE_NS_PORT=port)
        self.tool("register", "target", "PYRO:target@127.0.0.1:1")

    def tool(self, *words):
        return subprocess.run([BIN / "pyrite-nsc", *words], env=self.environment, check=True, capture_output=True, text=True).stdout

    def executed(self):
        return self.tool("list").count("new-")


class Target(Server):
    def __init__(self, name, *options, environment=None):
        self.counter = pathlib.Path(FOLDER, f"counter-{name}")
        super().__init__(f"counter={self.counter}", *options, environment=environment)

    def executed(self):
        return int(self.counter.read_text() or 0) if self.counter.exists() else 0


class Lane:
    """is_own: Pyrite is the client as well. is_sealed: bytes that were changed are noticed."""

    def __init__(self, name):
        self.name = name
        self.is_sealed = name in ("tls", "plain-tls")
        self.is_own = name not in ("grpcio", "http", "pyro-serpent", "pyro-msgpack")
        self.environment = dict(QUICK)
        if self.is_sealed:
            self.environment["PYRITE_KEYS"] = make_keys()
        if name == "grpc":
            self.environment["PYRITE_LANE"] = "grpc"
        self.server = self.start_server()
        self.relay = Relay(BIN, self.server.address)
        self.caller = self.start_caller(self.relay.address)
        self.warm()
        self.witness = Witness(Own(*self.own_at(self.server.address), environment=self.environment))

    def start_server(self):
        if self.name == "names":
            return NameServer()
        options = [f"socket={FOLDER}/socket"] if self.name == "unix" else []
        faces = {"PYRITE_FACES": "+http"} if self.name == "http" else {}
        return Target(self.name, *options, environment=dict(self.environment, **faces))

    def warm(self):
        """What the server takes for its first connection of another protocol is not a fault's doing."""
        if not self.is_sealed:
            one = Own(*self.own_at(self.server.address), environment=dict(self.environment, PYRITE_LANE="grpc"))
            assert one.call("add").status == "ok"
            one.close()

    def own_at(self, address):
        if self.name == "names":
            return address, "names"
        return (uri(address, "target"), *(["plain"] if self.name.startswith("plain") else []))

    def start_caller(self, address):
        if self.name == "grpcio":
            return Grpcio(address)
        if self.name == "http":
            return Http(address)
        if self.name.startswith("pyro-"):
            return Pyro(address, self.name.removeprefix("pyro-"))
        return Own(*self.own_at(address), environment=self.environment)

    def close(self):
        self.caller.close()
        self.relay.close()
        self.witness.close()
        self.server.stop()


LANES = ("unix", "tcp", "grpc", "tls", "plain", "plain-tls", "grpcio", "http", "pyro-serpent", "pyro-msgpack", "names")


def make_keys():
    place = pathlib.Path(FOLDER, "keys")
    if not place.exists():
        for words in (("init",), ("add", "both")):
            subprocess.run([BIN / "pyrite", "keys", "--quiet", "--dir", place, *words], check=True)
    return str(place / "both")
