# SPDX-License-Identifier: MIT
"""Members of etcd and name servers over them, in processes of their own on this machine, with relays between them on
request; all of it ends with the program, however that ends."""

import ctypes
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import relay

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PATIENCE = 20
DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
libc = ctypes.CDLL(None)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that all of it ends


def within(condition, seconds=PATIENCE, pause=0.01):
    """Waits for a condition, which is looked at often. Returns what it was at last."""
    until = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(pause)
    return met


def kept_port(kept):
    """A port of 127.0.0.1 that the system gives to nobody else, and whoever asks for it may have, again and again."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    kept.append(keeper)
    return keeper.getsockname()[1]


def listener():
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(128)
    return one


class Process:
    """A program that is started, killed and started again. Only the main thread starts one: it ends with that."""

    def __init__(self):
        self.process = None
        self.is_stopped = False

    def begin(self, *command, **options):
        parent = os.getpid()

        def die_with_it():
            libc.prctl(DEATH_SIGNAL, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        self.process = subprocess.Popen(command, preexec_fn=die_with_it, **options)
        self.is_stopped = False

    @property
    def pid(self):
        return self.process.pid

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process is None:
            return
        self.process.kill()
        self.process.wait(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        self.is_stopped = False

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.is_stopped = True

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        self.is_stopped = False

    def end(self):
        """As it should: told to, and with exit code 0."""
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.kill()
        assert code == 0, f"{self.process.args[0]}: exit code {code}"


class Member(Process):
    """One member of etcd. Others reach it at peer_url, which is a relay's if there are any."""

    def __init__(self, number, cluster):
        super().__init__()
        self.number, self.cluster = number, cluster
        self.name = f"m{number}"
        self.folder = cluster.folder / self.name
        self.port, self.own_peer_port = kept_port(cluster.kept), kept_port(cluster.kept)
        self.peer_relay = cluster.relays.relay(self.own_peer_port, listener()) if cluster.relays else None
        self.peer_url = f"http://127.0.0.1:{self.peer_relay.port if self.peer_relay else self.own_peer_port}"

    def start(self, waits=False):
        client = f"http://127.0.0.1:{self.port}"
        log = open(self.cluster.folder / f"{self.name}.log", "ab")
        with log:
            self.begin("etcd", "--name", self.name, "--data-dir", self.folder, "--listen-client-urls", client,
                       "--advertise-client-urls", client, "--listen-peer-urls", f"http://127.0.0.1:{self.own_peer_port}",
                       "--initial-advertise-peer-urls", self.peer_url, "--initial-cluster-state", "new",
                       "--initial-cluster", ",".join(f"{one.name}={one.peer_url}" for one in self.cluster.members),
                       "--logger", "zap", "--log-level", "warn", *self.cluster.etcd_options, stdout=log, stderr=log)
        if self.cluster.relays:
            self.cluster.relays.sources[self.pid] = self.name

    def ask(self, path, body=None, timeout=1):
        """What its gateway answers to JSON; None: it does not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST" if body is not None else "GET", path, json.dumps(body) if body is not None else None)
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def is_healthy(self):
        return (self.ask("/health") or {}).get("health") == "true"

    def leads(self):
        status = self.ask("/v3/maintenance/status", {}) if self.runs() and not self.is_stopped else None
        return bool(status) and status.get("leader", "0") == status["header"]["member_id"]


class NameServer(Process):
    """pyrite-ns on a port that it keeps. Clients reach it at address, which is a relay's if there are any."""

    def __init__(self, number, cluster):
        super().__init__()
        self.number, self.cluster = number, cluster
        self.port = kept_port(cluster.kept)
        self.relay = cluster.relays.relay(self.port, listener()) if cluster.relays else None
        self.address = f"127.0.0.1:{self.relay.port if self.relay else self.port}"
        self.to_members = [cluster.relays.relay(member.port, listener()) for member in cluster.members] if cluster.relays else []

    def storage(self):
        if not self.cluster.members:
            return ["--storage", f"sqlite:{self.cluster.folder}/names.db"]
        ports = [relay.port for relay in self.to_members] or [member.port for member in self.cluster.members]
        return ["--storage", "etcd", "--etcd", ",".join(f"127.0.0.1:{port}" for port in ports)]

    def start(self, waits=True):
        log = open(self.cluster.folder / f"ns{self.number}.log", "ab")
        with log:
            self.begin(BIN / "pyrite-ns", "--port", str(self.port), "--discovery", "0", *self.storage(),
                       *self.cluster.ns_options, stdout=subprocess.DEVNULL, stderr=log,
                       env=dict(os.environ, PYRITE_LOG=os.environ.get("PYRITE_LOG", "warning")))
        if waits and not within(self.listens):
            raise AssertionError(f"name server {self.number} did not start:\n{self.said()}")

    def listens(self):
        if not self.runs():
            return True
        with socket.socket() as one:
            one.settimeout(1)
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def said(self):
        return (self.cluster.folder / f"ns{self.number}.log").read_text(errors="replace")[-20000:]


class Cluster:
    """members: 0: one name server over SQLite instead. relayed: everything that connects goes through relays."""

    def __init__(self, members=3, servers=2, relayed=False, ns_options=(), etcd_options=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pyrite-cluster-"))
        self.kept = []
        self.ns_options, self.etcd_options = ns_options, etcd_options
        self.relays = relay.Relays() if relayed else None
        self.members = []
        self.members = [Member(i, self) for i in range(members)]
        self.servers = [NameServer(i, self) for i in range(servers if members else 1)]
        self.others = []

    def __enter__(self):
        try:
            for one in self.members:
                one.start()
            assert within(lambda: all(one.is_healthy() for one in self.members)), "etcd did not start:\n" + self.logs()
            for one in self.servers:
                one.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *problem):
        if problem[0]:
            print(self.logs(), file=sys.stderr)
        self.close()

    def close(self):
        for one in self.others + self.servers + self.members:
            one.kill()
        if self.relays:
            self.relays.close()
        for one in self.kept:
            one.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self):
        found = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {one.name}\n" + "\n".join(one.read_text(errors="replace").splitlines()[-15:]) for one in found)

    def leader(self, patience=PATIENCE):
        """The member that leads, once there is one."""
        found = within(lambda: [one for one in self.members if one.leads()], patience)
        assert found, "no member leads"
        return found[0]

    def addresses(self):
        return [one.address for one in self.servers]

    def settle(self, patience=3 * PATIENCE):
        """All is there again: every process, every way. A name server that gave up waiting for etcd is started again."""
        for one in self.relays.all if self.relays else []:
            one.heal()
        for one in self.members:
            self.revive(one)
        assert within(lambda: all(one.is_healthy() for one in self.members), patience), "etcd does not come back:\n" + self.logs()
        for one in self.servers:
            self.revive(one, waits=False)
        assert within(lambda: all(one.runs() and one.listens() for one in self.servers), patience), self.logs()

    def end_servers(self):
        """As they should, and without a word of a sanitizer."""
        for one in self.servers:
            one.end()
            said = one.said()
            assert "Sanitizer" not in said and "runtime error" not in said, said

    @staticmethod
    def revive(one, **how):
        if one.is_stopped:
            one.go_on()
        if not one.runs():
            one.kill()
            one.start(**how)


class Program(Process):
    """A client of the tests, whose lines are read from a file."""

    def __init__(self, cluster, name, *arguments, environment=None):
        super().__init__()
        self.path = cluster.folder / f"{name}.{len(cluster.others)}.jsonl"
        cluster.others.append(self)
        with open(self.path, "wb") as out:
            self.begin(BIN / name, *map(str, arguments), stdin=subprocess.PIPE, stdout=out,
                       env=dict(os.environ, **(environment or {})))

    def rows(self):
        """What it has said so far; a line that is not complete is left out."""
        return [json.loads(line) for line in self.path.read_bytes().split(b"\n")[:-1]]

    def count(self):
        return self.path.read_bytes().count(b"\n")

    def finish(self, patience=60):
        """Its stdin ends, and so does it."""
        self.process.stdin.close()
        code = self.process.wait(patience)
        assert code == 0, f"{self.process.args[0]}: exit code {code}"
        return self.path.read_text().splitlines()
