#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pyro4, Python's remote objects: pyro4.py [--socket PATH] serves, pyro4.py ADDRESS MODE [-n N] measures, and prints what
measure.c prints."""

import argparse
import base64
import os
import threading
import time

import Pyro4

ONEWAYS = 64
ID = "adder"


@Pyro4.expose
class Adder:
    def add(self, x, y):
        return x + y

    @Pyro4.oneway
    def note(self, x):
        pass

    def echo(self, data):
        return base64.b64decode(data["data"])  # as serpent hands bytes over


def serve(options):
    Pyro4.config.THREADPOOL_SIZE = 64
    daemon = Pyro4.Daemon(unixsocket=options.socket) if options.socket else Pyro4.Daemon("127.0.0.1", 0)
    print(daemon.register(Adder(), ID), flush=True)
    daemon.requestLoop()


def check(x, answer):
    assert answer == x + 1000, (x, answer)


def add(proxy, x):
    check(x, proxy.add(x, 1000))


# One step of each mode; each returns how many calls it made.

def serial(proxy, options, i):
    add(proxy, i & 0xffff)
    return 1


def oneway(proxy, options, i):
    for x in range(ONEWAYS):
        proxy.note(x)
    add(proxy, i & 0xffff)
    return ONEWAYS


def batch(proxy, options, i):
    queue = Pyro4.batch(proxy)
    for x in range(options.n):
        queue.add(x, 1000)
    for x, answer in enumerate(queue()):
        check(x, answer)
    return options.n


def echo(proxy, options, i):
    came = proxy.echo(options.data)
    came = base64.b64decode(came["data"])
    assert len(came) == options.n and came[-1] == options.data[-1]
    return 1


def connect(proxy, options, i):
    with Pyro4.Proxy(options.address) as own:
        add(own, i & 0xffff)
    return 1


STEPS = {"serial": serial, "threads": serial, "oneway": oneway, "batch": batch, "bytes": echo, "connect": connect}


def run(options, calls, until):
    """Returns the time of each call, in ns."""
    times, step, now = [], STEPS[options.mode], time.monotonic_ns()
    with Pyro4.Proxy(options.address) as proxy:
        while len(times) < calls or now < until:
            before = now
            n = step(proxy, options, len(times))
            now = time.monotonic_ns()
            times += [(now - before) / n] * n
    return times


def phase(options, part):
    calls, until = options.calls // part + 1, time.monotonic_ns() + options.ms * 1_000_000 // part
    if options.mode != "threads":
        return run(options, calls, until)
    lists = []
    threads = [threading.Thread(target=lambda: lists.append(run(options, calls // options.n + 1, until)))
               for _ in range(options.n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(lists, [])


def mark(options):
    server = time.clock_gettime_ns((~options.server << 3) | 2) if options.server else 0
    with open("/proc/stat", encoding="ascii") as file:
        line = next(line for line in file if line.startswith(f"cpu{options.cpu} "))
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return time.monotonic_ns(), time.process_time_ns(), server, (user + nice + system + irq + softirq) * tick, steal * tick


def measure(options):
    phase(options, 10)
    before = mark(options)
    times = sorted(phase(options, 1))
    wall, client, server, busy, steal = (b - a for a, b in zip(before, mark(options)))
    n = len(times)
    print(f"calls={n} rate={n / wall * 1e9:.1f} client_us={client / n / 1e3:.3f} server_us={server / n / 1e3:.3f} "
          f"mean_us={sum(times) / n / 1e3:.3f} p50_us={times[n // 2] / 1e3:.3f} p99_us={times[n * 99 // 100] / 1e3:.3f} "
          f"steal={steal / wall * 100:.2f} foreign={max(0, busy - client - server) / wall * 100:.2f}")


def rss_kib(process):
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def idle(options):
    proxies, before = [], 0
    for i in range(options.n):
        proxies.append(Pyro4.Proxy(options.address))
        add(proxies[-1], i)
        before = before or rss_kib(options.server)
    print(f"calls={options.n} rss_kib={(rss_kib(options.server) - before) / max(1, options.n - 1):.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address", nargs="?")
    parser.add_argument("mode", nargs="?")
    parser.add_argument("--socket")
    parser.add_argument("-n", type=int, default=1)
    for name, default in (("calls", 1000), ("ms", 1000), ("server", 0), ("cpu", max(os.sched_getaffinity(0)))):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.cpu})
    if not options.address:
        serve(options)
    elif options.mode == "idle":
        idle(options)
    else:
        options.data = bytes(i * 7 & 0xff for i in range(options.n)) if options.mode == "bytes" else b""
        measure(options)


if __name__ == "__main__":
    main()
