#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What TLS handshakes cost a daemon: how many a second it takes, new and resumed, beside openssl's own server with the same
certificate; and how long add() takes for others meanwhile. handshakes.py BIN [SECONDS]. The servers, and the client that calls
add(), have the last core, what shakes hands the others. Needs the programs of a build with benchmarks, and openssl."""

import contextlib
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

RATE = 200  # handshakes a second, while others call


def pinned(cpus):
    return lambda: os.sched_setaffinity(0, cpus)


@contextlib.contextmanager
def serving(command, cpus, **others):
    process = subprocess.Popen(command, preexec_fn=pinned(cpus), stdin=subprocess.DEVNULL, **others)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def daemon(tools, keys, cpu):
    with serving([tools / "bench-server"], {cpu}, stdout=subprocess.PIPE, text=True,
                 env=dict(os.environ, PYRITE_KEYS=str(keys))) as process:
        uri = process.stdout.readline().split()[-1]
        yield process, uri, int(uri.rsplit(":", 1)[1])
        process.stdout.close()


@contextlib.contextmanager
def openssl_server(keys, cpu):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", keys / "cert.pem", "-key", keys / "key.pem", "-CAfile",
               keys / "ca.pem", "-Verify", "2", "-quiet", "-num_tickets", "1"]
    with serving(command, {cpu}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        yield process, port


def cpu_of(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def handshakes(process, port, keys, how, seconds, cpus):
    """How many a second, and what each costs the server, us of CPU."""
    before = cpu_of(process)
    said = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{port}", how, "-time", str(seconds), "-cert", keys / "cert.pem", "-key",
                           keys / "key.pem", "-CAfile", keys / "ca.pem"], capture_output=True, text=True, preexec_fn=pinned(cpus), check=False)
    found = re.findall(r"(\d+) connections in ([\d.]+) real seconds", said.stdout)
    if not found:
        raise SystemExit(f"openssl s_time: {said.stdout}{said.stderr}")
    n, took = int(found[-1][0]), float(found[-1][1])
    return n / took, (cpu_of(process) - before) * 1e6 / max(n, 1)


class Shaker(threading.Thread):
    """Connects RATE times a second, and counts."""

    def __init__(self, port, keys, cpus):
        super().__init__()
        self.port, self.cpus, self.n, self.ends = port, cpus, 0, threading.Event()
        self.context = ssl.create_default_context(cafile=keys / "ca.pem")
        self.context.load_cert_chain(keys / "cert.pem", keys / "key.pem")

    def run(self):
        os.sched_setaffinity(threading.get_native_id(), self.cpus)
        start = time.monotonic()
        while not self.ends.wait(max(0, start + self.n / RATE - time.monotonic())):
            with socket.create_connection(("127.0.0.1", self.port)) as plain, \
                    self.context.wrap_socket(plain, server_hostname="127.0.0.1"):
                self.n += 1


def add(tools, keys, uri, process, cpu, seconds):
    env = dict(os.environ, PYRITE_KEYS=str(keys), PYRITE_LANE="socket")
    said = subprocess.run([tools / "bench-client", uri, "serial", "--cpu", str(cpu), "--server", str(process.pid), "--ms", str(1000 * seconds)],
                          env=env, capture_output=True, text=True, preexec_fn=pinned({cpu}), check=True).stdout
    return {name: float(value) for name, value in re.findall(r"(p50_us|p99_us|rate)=([\d.]+)", said)}


def main():
    tools, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    cpus = os.sched_getaffinity(0)
    cpu = max(cpus)
    others = cpus - {cpu} or {cpu}
    with tempfile.TemporaryDirectory() as name:
        for words in ["init"], ["add", "bench"]:
            subprocess.run([tools / "pyrite", "keys", "--quiet", "--dir", name, *words], check=True)
        keys = pathlib.Path(name) / "bench"
        with daemon(tools, keys, cpu) as (process, uri, port), openssl_server(keys, cpu) as (plain, plain_port):
            for how, what in ("-new", "new"), ("-reuse", "resumed"):
                ours, cost = handshakes(process, port, keys, how, seconds, others)
                theirs, their_cost = handshakes(plain, plain_port, keys, how, seconds, others)
                print(f"{what}: {ours:.0f} handshakes/s, {cost:.0f} us of CPU each; openssl s_server {theirs:.0f}, {their_cost:.0f} us: "
                      f"{ours / theirs:.2f} of its rate, {cost / max(their_cost, 1):.2f} of its CPU")
            quiet = add(tools, keys, uri, process, cpu, seconds)
            shaker = Shaker(port, keys, others)
            shaker.start()
            busy = add(tools, keys, uri, process, cpu, seconds)
            shaker.ends.set()
            shaker.join()
            print(f"add(): p99 {quiet['p99_us']:.0f} us alone, {busy['p99_us']:.0f} us beside {shaker.n / seconds:.0f} handshakes/s "
                  f"(p50 {quiet['p50_us']:.0f} and {busy['p50_us']:.0f} us)")


main()
