#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""soak.py [MINUTES]: for so long, 30 by default, clients come to a daemon with TLS and a name, call, stream, pass objects, cancel and
leave; some are killed, with calls in flight; keys are renewed. Then memory, descriptors and threads are what they were
after the first minute, and each status is explained: OK, CANCELLED for what was cancelled, UNAVAILABLE for nothing. Prints "ok
<case>" or "not ok <case>"."""

import atexit
import os
import pathlib
import random
import subprocess
import sys
import time

from common import BIN, FOLDER, IS_SANITIZED, MIB, Server, report, within

GUESTS, ROUNDS = 4, 100
OK, CANCELLED = 0, 1
SLOPE_MIB_PER_H = 1.0
SAMPLE, RENEW, CRASH = 5, 15, 4  # s
LISTEN = "0A"  # a state in /proc/net/tcp


class Guests:
    """Some at a time; those that end are followed by others, those that are killed are not asked what they saw."""

    def __init__(self, uri, environment):
        self.uri, self.environment = uri, environment
        self.there, self.statuses, self.n_killed, self.n_ended = [], {}, 0, 0
        self.chance = random.Random(7)

    def start(self):
        while len(self.there) < GUESTS:
            self.there.append(subprocess.Popen([BIN / "faults-guest", self.uri, str(ROUNDS)], stdout=subprocess.PIPE, text=True,
                                               env=self.environment))

    def crash(self):
        one = self.there.pop(self.chance.randrange(len(self.there)))
        one.kill()
        one.communicate()
        self.n_killed += 1

    def collect(self, patience=None):
        for one in list(self.there):
            if patience is None and one.poll() is None:
                continue
            said = one.communicate(timeout=patience)[0]
            assert one.returncode == 0, f"a guest: {one.returncode}"
            for line in said.splitlines():
                code, n = map(int, line.split())
                self.statuses[code] = self.statuses.get(code, 0) + n
            self.there.remove(one)
            self.n_ended += 1


class Place:
    def __init__(self):
        self.keys = pathlib.Path(FOLDER, "keys")
        for words in (("init",), ("add", "both")):
            self.tool(*words)
        self.environment = dict(os.environ, PYRITE_KEYS=str(self.keys / "both"))
        self.ns = subprocess.Popen([BIN / "pyrite-ns", "--port", "0", "--storage", "memory"], stdout=subprocess.PIPE, text=True,
                                   env=self.environment)
        atexit.register(self.ns.kill)  # if the soak fails
        self.environment["PYRITE_NS_PORT"] = self.ns.stdout.readline().strip().rpartition(":")[2]
        self.environment["PYRITE_NS_HOST"] = "127.0.0.1"
        self.environment["PYRITE_LEASE_TTL_MS"] = "2000"

    def tool(self, *words):
        subprocess.run([BIN / "pyrite", "keys", "--quiet", "--dir", self.keys, *words], check=True)

    def has_name(self):
        return subprocess.run([BIN / "pyrite-nsc", "lookup", "soak"], env=self.environment, capture_output=True).returncode == 0

    def end(self):
        self.ns.terminate()
        assert self.ns.wait(20) == 0
        self.ns.stdout.close()


def slope(samples):
    """MiB an hour, of (s, bytes): the line through them with the least squares."""
    n = len(samples)
    x0, y0 = (sum(sample[i] for sample in samples) / n for i in (0, 1))
    above = sum((x - x0) * (y - y0) for x, y in samples)
    below = sum((x - x0) ** 2 for x, _ in samples)
    return 3600 * above / below / MIB if below else 0.0


def crowd(place, server):
    """20 clients that are killed with calls in flight."""
    done = subprocess.run([BIN / "faults-crowd", server.uri, "20", "8", "kill"], env=place.environment, check=True,
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["ready", "20"], done


def live(place, guests, server, seconds):
    """Returns (s, bytes) of the daemon, after the first fifth of the time, which is for warming up."""
    begin = time.monotonic()
    due, samples = {"sample": SAMPLE, "renew": RENEW, "crash": CRASH, "crowd": RENEW / 2}, []
    while (now := time.monotonic() - begin) < seconds:
        guests.start()
        time.sleep(0.05)
        guests.collect()
        if now >= due["crash"] and guests.there:
            guests.crash()
            due["crash"] += CRASH
        if now >= due["renew"]:
            place.tool("renew", "both")
            due["renew"] += RENEW
        if now >= due["crowd"]:
            crowd(place, server)
            due["crowd"] += RENEW
        if now >= due["sample"]:
            assert place.has_name(), "the name is gone"
            due["sample"] += SAMPLE
            if now > seconds / 5:
                samples.append((now, server.rss()))
    guests.collect(120)
    return samples


def once(place, server):
    """A client of each kind, so that what the first of them takes does not count."""
    guests = Guests(server.uri, place.environment)
    guests.start()
    guests.collect(120)
    crowd(place, server)


def connected(server):
    """Connections to the server's port that it has not closed yet: those whose sockets still have an inode."""
    port = f":{int(server.uri.rpartition(':')[2]):04X}"
    rows = [line.split() for line in (server.proc / "net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] != LISTEN and row[9] != "0" for row in rows)


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    place = Place()
    server = Server("name=soak", environment=place.environment)
    once(place, server)
    assert within(lambda: connected(server) == 0), "connections of the first clients are left"
    fds, threads, rss, cpu = server.fds(), server.threads(), server.rss(), server.cpu()
    guests = Guests(server.uri, place.environment)
    samples = live(place, guests, server, 60 * minutes)
    calls = sum(guests.statuses.values())
    rises = slope(samples)
    report(f"{minutes:g} minutes: {calls} calls of {guests.n_ended} clients, {guests.n_killed} more were killed; statuses "
           f"{guests.statuses}; {server.cpu() - cpu:.0f} s of processor time", "0 and 1 alone")
    report(f"memory {samples[0][1] / MIB:.1f} to {samples[-1][1] / MIB:.1f} MiB, slope {rises:+.2f} MiB/h", "<= 1 MiB/h")
    gone = within(lambda: server.fds() <= fds and server.threads() <= threads)
    report(f"descriptors {server.fds()}, {fds} before; threads {server.threads()}, {threads} before; memory {(server.rss() - rss) / MIB:+.1f} MiB",
           "as before")
    failed = not gone or set(guests.statuses) - {OK, CANCELLED} or calls == 0
    if minutes >= 20 and not IS_SANITIZED:  # before that a few pages are a slope
        failed = failed or rises > SLOPE_MIB_PER_H
    elif not IS_SANITIZED:
        failed = failed or server.rss() - rss > 4 * MIB
    server.stop()
    place.end()
    print(f"{'not ok' if failed else 'ok'} a daemon is the same after {minutes:g} minutes")
    sys.exit(1 if failed else 0)


main()
