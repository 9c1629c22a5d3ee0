#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""histories.py [--sqlite | --relays] [--leases MS] [OPERATIONS [KILLS]]: clients change and look up names at several name
servers over etcd, while members and name servers are killed, stopped and started again; what they saw is then checked
(history.py). --sqlite: the same with one name server over SQLite. --relays: there are relays between all of them, which do
what networks do. Prints "ok <case>" or "not ok <case>", and figures."""

import argparse
import json
import os
import pathlib
import random
import shutil
import sys
import time

import cluster
import history
import relay

THREADS, DEADLINE_MS = 8, 3000
LONGEST = 600  # s, for all of one history


class Kills:
    """What happens to the parts of a cluster, one after the other. stops: a leader is also stopped and goes on; until 3.4.31
    it then revokes leases that ended by its own clock alone, so that short leases end too early."""

    def __init__(self, place, stops=True):
        self.place, self.stops = place, stops
        self.counts = {}
        self.events = []  # lines for the history

    def choose(self):
        place, dice = self.place, random.random()
        if not place.members:
            return "server", random.choice(place.servers)
        if place.relays and random.random() < 0.7:
            return random.choice(("cut", "delayed", "reset", "half-open")), random.choice(self.ways())
        if place.relays:
            place.leader(2 * cluster.PATIENCE)  # members may need long to find each other again
        if dice < 0.35:
            return "leader", place.leader()
        if dice < 0.55:
            return "member", random.choice(place.members)
        if dice < 0.7 and self.stops:
            return "stopped leader", place.leader()
        if dice < 0.95:
            return "server", random.choice(place.servers)
        return "stopped server", random.choice(place.servers)

    def ways(self):
        """From name servers to members, and between members."""
        place = self.place
        return [way for server in place.servers for way in server.to_members] + [member.peer_relay for member in place.members]

    def hurt(self, what, way):
        """A way is bad for a while."""
        if what == "reset":
            way.reset()
        elif what == "half-open":
            way.half_open()
        else:
            way.set(relay.both(hole=True) if what == "cut" else relay.both(delay=random.uniform(0.05, 0.4)))
        time.sleep(random.uniform(0.1, 2.5))
        way.heal()

    def one(self):
        what, victim = self.choose()
        self.counts[what] = self.counts.get(what, 0) + 1
        self.events.append({"kind": "event", "what": what, "number": getattr(victim, "number", victim.port),
                            "at": time.monotonic_ns()})
        if isinstance(victim, relay.Relay):
            self.hurt(what, victim)
            return
        if what.startswith("stopped"):
            victim.pause()
            time.sleep(random.uniform(0.3, 2.5))
            victim.go_on()
            return
        victim.kill()
        if isinstance(victim, cluster.NameServer):
            self.events.append({"kind": "event", "what": "kill", "server": victim.number, "at": time.monotonic_ns()})
        time.sleep(random.uniform(0, 1.2))
        victim.start(waits=False)

    def __str__(self):
        return ", ".join(f"{n} of {what}" for what, n in sorted(self.counts.items()))


def n_run(rows):
    """Operations that reached somebody."""
    return sum(row["kind"] in (*history.CHANGES, "lookup") and row["result"] != "fail" for row in rows)


def record(place, operations, kills, leases=0, threads=THREADS, keys=4):
    """Returns the history, and what was killed."""
    pace = max(500, int(1e6 * threads * max(5, 1.4 * kills) / operations))
    client = cluster.Program(place, "ns-history", "-t", threads, "-k", keys, "-d", DEADLINE_MS, "-p", pace, "-w", "-l", leases,
                             *place.addresses())
    done, until = Kills(place, stops=not leases), time.monotonic() + LONGEST
    assert cluster.within(lambda: client.count() > 20), "no operations:\n" + place.logs()
    for _ in range(kills):
        done.one()
        time.sleep(random.uniform(0, 0.5))
        assert client.runs() and time.monotonic() < until, "it takes too long"
        for one in place.servers:
            assert one.runs() or one.process.returncode >= 0, f"a name server crashed: {one.process.returncode}\n{one.said()}"
            assert "Sanitizer" not in one.said(), one.said()
    place.settle()
    cluster.within(lambda: client.count() > operations and n_run(client.rows()) >= operations, until - time.monotonic(), 0.3)
    lines = client.finish()
    place.end_servers()
    return history.History(lines + [json.dumps(event) for event in done.events]), done


def keep(told, folder):
    """For who looks into what was found."""
    path = pathlib.Path(folder) / f"history.{os.getpid()}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in told.rows))
    return path


def check(told):
    """Prints what each check says. Returns whether all are content."""
    good = True
    for name, one in history.CHECKS.items():
        wrong = one(told)
        print(f"{'not ok' if wrong else 'ok'} {name}", flush=True)
        for text in wrong[:5]:
            print("    " + text.replace("\n", "\n    "))
        if len(wrong) > 5:
            print(f"    and {len(wrong) - 5} more")
        good = good and not wrong
    if not good and os.environ.get("PYRITE_KEEP"):
        print(f"    kept: {keep(told, os.environ['PYRITE_KEEP'])}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operations", nargs="?", type=int, default=10000)
    parser.add_argument("kills", nargs="?", type=int, default=50)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--leases", type=int, default=0, help="leases of so many ms, which nobody renews")
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--keys", type=int, default=4, help="names at a time: the fewer, the more changes meet")
    parser.add_argument("--relays", action="store_true", help="ways between them are cut, slow, reset and half-open, too")
    arguments = parser.parse_args()
    seed = int(os.environ.get("PYRITE_SEED", time.time_ns()))
    random.seed(seed)
    print(f"seed {seed}", flush=True)
    if not arguments.sqlite and not shutil.which("etcd"):
        print("not ok etcd_is_installed")
        return 1
    began = time.monotonic()
    with cluster.Cluster(members=0 if arguments.sqlite else 3, relayed=arguments.relays) as place:
        told, kills = record(place, arguments.operations, arguments.kills, arguments.leases, arguments.threads, arguments.keys)
    print(f"    {history.summary(told)}\n    killed: {kills}; {time.monotonic() - began:.0f} s", flush=True)
    return 0 if check(told) else 1


if __name__ == "__main__":
    sys.exit(main())
