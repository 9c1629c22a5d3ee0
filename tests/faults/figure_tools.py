# SPDX-License-Identifier: MIT
"""What the rows of figure_rows.py measure with."""

import atexit
import itertools
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "relay"))

from common import BIN, FOLDER, PATIENCE, within  # noqa: E402
from control import Relay  # noqa: E402
from raw import uri  # noqa: E402,F401

QUICK = {"PYRITE_KEEPALIVE_MS": "1000"}
numbers = itertools.count(1)


def end(caller):
    caller.process.kill()
    caller.process.wait()
    caller.process.stdin.close()
    caller.process.stdout.close()


def relay_to(server):
    return Relay(BIN, server.address)


def gone_after(server, fds, begin, patience):
    assert within(lambda: server.fds() <= fds, patience), f"{server.fds()} descriptors, {fds} before"
    return time.monotonic() - begin


class Asker:
    """A call of add() whenever it is asked, all by one proxy."""

    def __init__(self, at, environment=None):
        self.process = subprocess.Popen([BIN / "relay-caller", at], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})))

    def status(self):
        self.process.stdin.write("add 0\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[0])

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.process.stdout.close()


class Rate:
    """How long calls take, beside something else."""

    def __init__(self, at):
        self.asker, self.times, self.failed, self.is_over = Asker(at), [], 0, threading.Event()
        self.asker.status()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.is_over.is_set():
            begin = time.monotonic()
            self.failed += self.asker.status() != 0
            self.times.append(time.monotonic() - begin)

    def end(self):
        """p99 in us."""
        self.is_over.set()
        self.thread.join()
        self.asker.end()
        assert self.failed == 0, f"{self.failed} of {len(self.times)} calls failed"
        times = sorted(self.times)
        return 1e6 * times[len(times) - 1 - len(times) // 100]


class Names:
    """pyrite-ns, with leases of two seconds."""

    def __init__(self, environment=None, port=0, ttl_ms=2000):
        self.process = subprocess.Popen([BIN / "pyrite-ns", "--port", str(port), "--storage", "memory"], stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **(environment or {})))
        atexit.register(self.process.kill)  # if a row fails
        port = self.process.stdout.readline().strip().rpartition(":")[2]
        assert port, "no name server"
        self.environment = {"PYRITE_NS_HOST": "127.0.0.1", "PYRITE_NS_PORT": port, "PYRITE_LEASE_TTL_MS": str(ttl_ms)}

    def numbered(self):
        """How many there are of the names n0, n1 and so on."""
        said = subprocess.run([BIN / "pyrite-nsc", "list", "n"], capture_output=True, text=True, check=True,
                              env=dict(os.environ, **self.environment)).stdout
        return len(set(re.findall(r"\bn\d+\b", said)))

    def has(self, name):
        return subprocess.run([BIN / "pyrite-nsc", "lookup", name], capture_output=True,
                              env=dict(os.environ, **self.environment)).returncode == 0

    def saw_jumps(self):
        """The library that makes clocks jump is in it."""
        return "faults-clock.so" in pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()

    def stop(self):
        """It may have been killed."""
        self.process.terminate()
        assert self.process.wait(PATIENCE) in (0, -9)
        self.process.stdout.close()


class Keys:
    """A CA, and keys of a server and a client."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER))
        self.tool("init")
        for name in ("server", "client", "another"):
            self.tool("add", name)

    def tool(self, *words):
        subprocess.run([BIN / "pyrite", "keys", "--quiet", "--dir", self.folder, *words], check=True)

    def environment(self, name):
        return {"PYRITE_KEYS": str(self.folder / name)}

    def nameless(self, one):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.folder / "client" / "ca.pem")
        context.set_alpn_protocols(["h2"])
        return context.wrap_socket(one, server_hostname="127.0.0.1")

    def named(self, one):
        context = ssl.create_default_context(cafile=self.folder / "client" / "ca.pem")
        context.load_cert_chain(self.folder / "client" / "cert.pem", self.folder / "client" / "key.pem")
        context.set_alpn_protocols(["h2"])
        return context.wrap_socket(one, server_hostname="127.0.0.1")

    def serving(self, one):
        """What a server does."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server" / "cert.pem", self.folder / "server" / "key.pem")
        context.set_alpn_protocols(["h2"])
        return context.wrap_socket(one, server_side=True)

    def change(self, name, what):
        """By rename, as tools do it. What was damaged is put right before it is renewed."""
        path, next_one, kept = (self.folder / name / f"cert.{end}" for end in ("pem", "next", "kept"))
        if what == "renewed":
            if kept.exists():
                kept.rename(path)
            self.tool("renew", name)
            return
        shutil.copy(path, kept)
        if what == "missing":
            path.unlink()
            return
        next_one.write_bytes(b"-----BEGIN CERTIFICATE-----\nnonsense\n" if what == "damaged"
                             else (self.folder / "another" / "cert.pem").read_bytes())
        next_one.rename(path)
