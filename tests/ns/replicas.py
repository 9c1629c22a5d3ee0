#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""replicas.py: programs with a list of two name servers over one etcd, of which one is killed, and one stopped: leases are
renewed at the other without a gap, and a watcher misses nothing. Prints "ok <case>" or "not ok <case>"."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))
import cluster  # noqa: E402

TTL_MS = 2000


class Client(cluster.Process):
    """A program with the list, whose output is in a file."""

    def __init__(self, place, *command):
        super().__init__()
        place.others.append(self)
        self.path = place.folder / f"client.{len(place.others)}.log"
        environment = dict(os.environ, PYRITE_NS_HOST=",".join(place.addresses()), PYRITE_NS_PORT="",
                           PYRITE_LEASE_TTL_MS=str(TTL_MS), PYRITE_KEEPALIVE_MS=str(TTL_MS // 2), PYRITE_LOG="info")
        with open(self.path, "wb") as out:
            self.begin(cluster.BIN / command[0], *command[1:], stdout=out, stderr=out, env=environment)

    def said(self):
        return self.path.read_text()

    def changes(self):
        """What a watcher told, as (change, name); a line that is not complete is left out."""
        rows = [json.loads(line) for line in self.said().split("\n")[:-1] if line.startswith("{")]
        return [(row["change"], row.get("name")) for row in rows]


def nsc(host, *words):
    """Returns exit code and output."""
    done = subprocess.run([cluster.BIN / "pyrite-nsc", "--host", host, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=cluster.PATIENCE)
    return done.returncode, done.stdout


def stays(host, name, seconds):
    """The name is there all the time, and nobody else may have it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert (got := nsc(host, "lookup", name))[0] == 0, got
        assert (got := nsc(host, "register", name, "PYRO:thief@h:1"))[0] == 2 and "already registered" in got[1], got


def settled(owner, server):
    """The owner renews at that one."""
    return cluster.within(lambda: re.findall(r" are now at (\S+)\n", owner.said())[-1:] == [server.address])


def one_is_lost(place, leave, come_back):
    first, second = place.servers
    owner = Client(place, "test-owner", "leased")
    assert cluster.within(lambda: "Ready" in owner.said()), owner.said()
    watcher = Client(place, "pyrite", "watch", "--json")
    assert cluster.within(lambda: ("present", "leased") in watcher.changes()), watcher.said()
    leave(first)
    stays(second.address, "leased", 1.25 * TTL_MS / 1000)
    assert settled(owner, second), owner.said()
    assert nsc(",".join(place.addresses()), "register", "news", "PYRO:x@h:1")[0] == 0
    assert cluster.within(lambda: ("added", "news") in watcher.changes()), watcher.said()
    come_back(first)
    assert settled(owner, first), owner.said()
    stays(second.address, "leased", 0.25 * TTL_MS / 1000)
    assert nsc(second.address, "remove", "news")[0] == 0
    assert cluster.within(lambda: ("removed", "news") in watcher.changes()), watcher.said()
    assert "registered again" not in owner.said(), owner.said()
    told = [change for change in watcher.changes() if change[1] in ("leased", "news")]
    assert told == [("present", "leased"), ("added", "news"), ("removed", "news")], watcher.said()
    owner.end()
    watcher.kill()
    assert cluster.within(lambda: nsc(second.address, "lookup", "leased")[0] == 2), "the name stays"


def the_nearest_is_killed_and_started_again(place):
    one_is_lost(place, lambda server: server.kill(), lambda server: server.start())


def the_nearest_is_stopped_and_goes_on(place):
    one_is_lost(place, lambda server: server.pause(), lambda server: server.go_on())


def an_owner_ends_though_the_one_it_left_hangs(place):
    """It told that one that it leaves, and that call has no deadline."""
    first, second = place.servers
    owner = Client(place, "test-owner", "leaving")
    assert cluster.within(lambda: "Ready" in owner.said()), owner.said()
    first.pause()
    assert settled(owner, second), owner.said()
    stays(second.address, "leaving", 0.5 * TTL_MS / 1000)  # it has been renewed there
    began = time.monotonic()
    owner.end()
    assert (took := time.monotonic() - began) < 3, f"its end took {took:.1f} s"
    assert nsc(second.address, "lookup", "leaving")[0] == 2, "the name stays"
    first.go_on()


def exported(place, host, *words):
    """What pyrite-nsc exports, as a file, and its lines."""
    code, text = nsc(host, "export", *words)
    assert code == 0, text
    place.n_exports = getattr(place, "n_exports", 0) + 1
    path = place.folder / f"names.{place.n_exports}"
    path.write_text(text)
    return path, text.splitlines()


def names_move_from_a_database_to_etcd_and_back(place):
    first, second = place.servers
    with cluster.Cluster(members=0) as alone:
        database = alone.servers[0].address
        lines = [json.dumps({"name": f"move.{i:03}", "uri": f"PYRO:o@h:{i + 1}", "metadata": ["a", f"b{i % 7}"]})
                 for i in range(200)]
        lines += [json.dumps({"name": "move.shared", "uri": f"PYRO:o@h:{i + 1}", "metadata": [], "shared": True})
                  for i in range(3)]
        (place.folder / "names").write_text("\n".join(lines) + "\n")
        assert (got := nsc(database, "import", place.folder / "names"))[0] == 0, got
        path, before = exported(place, database, "move.")
        assert len(before) == 203, before
        assert (got := nsc(first.address, "import", path))[0] == 0, got
        # they are seen at the other a moment later
        assert cluster.within(lambda: exported(place, second.address, "move.")[1] == before), "not the same at the other"
        path, _ = exported(place, second.address, "move.")
    with cluster.Cluster(members=0) as other:
        assert (got := nsc(other.servers[0].address, "import", path))[0] == 0, got
        assert exported(place, other.servers[0].address, "move.")[1] == before
    assert (got := nsc(second.address, "--force", "removematching", "move.*"))[0] == 0 and "203" in got[1], got
    assert cluster.within(lambda: exported(place, first.address, "move.")[1] == []), "names stay"


def main():
    good = True
    with cluster.Cluster(members=1) as place:
        for case in (the_nearest_is_killed_and_started_again, the_nearest_is_stopped_and_goes_on,
                     an_owner_ends_though_the_one_it_left_hangs,
                     names_move_from_a_database_to_etcd_and_back):
            try:
                case(place)
                print(f"ok {case.__name__}", flush=True)
            except (AssertionError, subprocess.SubprocessError) as error:
                print(f"not ok {case.__name__}\n    {type(error).__name__}: {error}\n{place.logs()}", flush=True)
                good = False
    return 0 if good else 1


sys.exit(main())
