#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a call from a Pyro4 client costs: of a daemon in C, and of a Pyro4 daemon in Python. Both ends on one core.

    tests/bench/pyro.py [CALLS]        PYRITE_BIN: where pyro-examples is

Prints microseconds a call, the median of five runs that take turns, and the ratio.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

import Pyro4

BIN = pathlib.Path(os.environ.get("PYRITE_BIN", "build/bench/bin"))
RUNS = 5
SERVER = """
import Pyro4
@Pyro4.expose
class Server:
    def add(self, a, b):
        return a + b
daemon = Pyro4.Daemon()
print("example.batched", daemon.register(Server), flush=True)
daemon.requestLoop()
"""


def start(*arguments):
    """A server, and the URI that its line of example.batched has."""
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("example.batched "):
            return process, line.split()[1]
    raise SystemExit(f"{arguments[0]} has ended")


def measure(proxy, n):
    begin = time.perf_counter()
    for _ in range(n):
        proxy.add(1, 2)
    return (time.perf_counter() - begin) / n * 1e6


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    servers = {"C": start(BIN / "pyro-examples"), "Python": start(sys.executable, "-c", SERVER)}
    try:
        proxies = {name: Pyro4.Proxy(uri) for name, (_, uri) in servers.items()}
        took = {name: [] for name in servers}
        for proxy in proxies.values():
            assert proxy.add(1, 2) == 3
            measure(proxy, n // 10)
        for _ in range(RUNS):
            for name, proxy in proxies.items():
                took[name].append(measure(proxy, n))
    finally:
        for process, _ in servers.values():
            process.terminate()
            process.wait()
    medians = {name: statistics.median(runs) for name, runs in took.items()}
    for name, runs in took.items():
        print(f"add() from Python to {name}: {medians[name]:.1f} us (fastest {min(runs):.1f})")
    print(f"C : Python = {medians['C'] / medians['Python']:.2f}")


main()
