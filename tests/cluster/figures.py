#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""figures.py [--short] [ROW...]: parts of a cluster die, or are cut off from each other, while clients work; how long it
takes until all goes on, beside how long it may take. Prints "ok <row>" or "not ok <row>", and a table at the end. --short
waits less, and allows a machine that others use, too, more time."""

import argparse
import base64
import os
import shutil
import sys
import time
import traceback

import cluster
import histories
import history
import network
import relay

TTL_MS = 3000
DEADLINE_MS = 5000
LOAD = ("-t", 4, "-p", 10000, "-d", DEADLINE_MS, "-w")
NS = 1_000_000_000
TABLE = []  # (what, measured, goal, whether it is met)


def figure(what, measured, goal, met, more=""):
    TABLE.append((what, measured, goal, met))
    assert met, f"{what}: {measured}, goal: {goal}{more}"


def at_most(what, measured, goal, unit="s"):
    figure(what, f"{measured:.2f} {unit}", f"<= {goal:.2f} {unit}", measured <= goal)


def none(what, found):
    figure(what, f"{len(found)}", "0", not found, f"; the first: {found[0]}" if found else "")


# ---- who works on the cluster, and what they saw ----

class Load:
    """Clients that change and look up names at all servers; their history is checked, too."""

    def __init__(self, place, *options):
        self.place, self.events = place, []
        self.client = cluster.Program(place, "ns-history", *LOAD, *options, *place.addresses())
        assert cluster.within(lambda: self.client.count() > 50), "no operations:\n" + place.logs()

    def kill(self, server):
        server.kill()
        self.events.append({"kind": "event", "what": "kill", "server": server.number, "at": time.monotonic_ns()})

    def finish(self, since):
        """Checks all of it. Returns what was done since then."""
        told = self.told = history.History(self.client.finish() + [histories.json.dumps(event) for event in self.events])
        wrong = [f"{name}: {text}" for name, one in history.CHECKS.items() for text in one(told)]
        none(f"{len(told.of_kind(*history.CHANGES, 'lookup'))} operations, {len(told.of_kind('watch'))} events: violations", wrong)
        return Work([row for row in told.of_kind(*history.CHANGES, "lookup") if row["begin"] >= since - NS])


class Work:
    def __init__(self, rows):
        self.rows = rows

    def of(self, *kinds, server=None):
        return Work([row for row in self.rows if row["kind"] in kinds and server in (None, row["server"])])

    def until(self, at):
        return Work([row for row in self.rows if row["end"] < at])

    def answered(self):
        return [row for row in self.rows if row["result"] in ("ok", "exists", "missing")]

    def failed(self):
        return [history.text_of(row) for row in self.rows if row["result"] in ("fail", "unknown")]

    def gap(self):
        """The longest time, in s, in which nobody was answered with success."""
        ends = sorted(row["end"] for row in self.rows if row["result"] == "ok")
        return max((b - a for a, b in zip(ends, ends[1:])), default=1e6 * NS) / NS

    def median(self):
        took = sorted(row["end"] - row["begin"] for row in self.answered())
        return took[len(took) // 2] / 1e6 if took else float("inf")


WRITES = ("register", "remove")


class Daemon(cluster.Process):
    """A daemon with a name that is leased."""

    def __init__(self, place, name, servers):
        super().__init__()
        self.name = name
        place.others.append(self)
        self.begin(cluster.BIN / "test-owner", name, stdout=cluster.subprocess.PIPE, text=True,
                   env=environment(servers, PYRITE_LEASE_TTL_MS=str(TTL_MS)))
        assert self.process.stdout.readline() == "Ready\n", "the daemon did not start:\n" + place.logs()


def environment(servers, **more):
    return dict(os.environ, PYRITE_NS_HOST=",".join(one.address for one in servers), PYRITE_NS_PORT="", **more)


def looking(place, names, servers, *options, **more):
    return cluster.Program(place, "ns-client", "-p", 10, *options, *names, environment=environment(servers, **more))


def finish(client):
    client.finish()
    return client.rows()


def gap_of(rows):
    ends = sorted(row["begin"] + row["took"] for row in rows if row["code"] == 0)
    return max((b - a for a, b in zip(ends, ends[1:])), default=1e6 * NS) / NS


def not_found(rows):
    return [row for row in rows if row["code"] != 0]


# ---- the rows ----

def leader_is_gone(short, what, how, pause, absence):
    with cluster.Cluster() as place:
        daemons = [Daemon(place, f"live.{i}", place.servers[:1]) for i in range(2)]
        load, began = Load(place), time.monotonic_ns()
        clients = [looking(place, [one.name for one in daemons], [server]) for server in place.servers]
        writers = [looking(place, [f"new.{server.number}"], [server], "-o", "-p", 50) for server in place.servers]
        assert cluster.within(lambda: all(one.count() > 10 for one in clients + writers)), "nobody works"
        how(place.leader())
        time.sleep(3 if short else 2 * TTL_MS / 1000 + 4)
        place.settle()
        time.sleep(1)
        work = load.finish(began)
        at_most(f"etcd's leader {what}: writes pause", max(gap_of(finish(one)) for one in writers), 5 if short else pause)
        at_most("for clients that wait for each answer", work.of(*WRITES).gap(), 5 if short else 3.5)
        none("look-ups that failed", work.of("lookup").failed())
        rows = [[row for row in finish(client) if row["name"] == one.name] for client in clients for one in daemons]
        at_most("live daemons' names are missing for", max(longest_absence(one) for one in rows), absence)


def longest_absence(rows):
    """In s; 0: it was always there."""
    return gap_of(rows) if not_found(rows) else 0.0


def leader_dies(short):
    leader_is_gone(short, "killed", lambda leader: leader.kill(), 3, 0)


def leader_stops(short):
    """Until 3.4.31 a leader that comes back revokes leases that have ended by its own clock alone: owners register again.
    Who was sent to a leader that is stopped finds out by its silence."""
    leader_is_gone(short, "stopped", lambda leader: leader.pause(), 4, TTL_MS / 3000 + 2)


def server_dies(short):
    """Clients of both know a list, and go to the other one."""
    with cluster.Cluster() as place:
        daemon = Daemon(place, "live.0", place.servers)
        lists = [place.servers, place.servers[::-1]]
        clients = [looking(place, ["live.0"], one) for one in lists]
        writers = [looking(place, [f"new.{i}"], one, "-r") for i, one in enumerate(lists)]
        assert cluster.within(lambda: all(one.count() > 20 for one in clients + writers)), "nobody works"
        for server in place.servers:
            server.kill()
            time.sleep(1.5 if short else 5)
            server.start()
            time.sleep(1 if short else 5)
        at_most("a name server killed: look-ups go on after", max(gap_of(finish(one)) for one in clients), 1)
        at_most("registrations go on after", max(gap_of(finish(one)) for one in writers), 1)
        assert daemon.runs()


def server_is_cut_off(short):
    """As that, but nothing says so: neither an end of the connection nor an answer comes."""
    with cluster.Cluster(relayed=True) as place:
        daemon = Daemon(place, "live.0", place.servers)
        clients = [looking(place, ["live.0"], place.servers), looking(place, ["new.0"], place.servers, "-r")]
        assert cluster.within(lambda: all(one.count() > 20 for one in clients)), "nobody works"
        place.servers[0].relay.set(relay.both(hole=True))
        time.sleep(3 if short else 2 * TTL_MS / 1000 + 2)
        place.settle()
        time.sleep(1)
        rows = [finish(one) for one in clients]
        at_most("a name server does not answer: look-ups go on after", gap_of(rows[0]), 1)
        at_most("registrations go on after", gap_of(rows[1]), 3)
        none("look-ups that found no name", [row for row in rows[0] if row["code"] == 5])
        assert daemon.runs()


def all_die(short):
    """Everything is killed and started again; then each live daemon's name is there, and stays."""
    with cluster.Cluster() as place:
        daemons = [Daemon(place, f"live.{i}", [place.servers[i % 2]]) for i in range(4)]
        for one in place.servers + place.members:
            one.kill()
        time.sleep(1 if short else 2 * TTL_MS / 1000)
        for one in place.members:
            one.start()
        for one in place.servers:
            one.start(waits=False)
        assert cluster.within(lambda: all(one.is_healthy() for one in place.members)), place.logs()
        assert cluster.within(lambda: all(one.listens() for one in place.servers)), place.logs()
        back = time.monotonic_ns()
        clients = [looking(place, [one.name for one in daemons], [server]) for server in place.servers]
        time.sleep(TTL_MS / 3000 + 2 + (TTL_MS / 1000 if short else 3 * TTL_MS / 1000))
        rows = sum((finish(client) for client in clients), [])
        late = [row["begin"] + row["took"] - back for row in rows if row["code"] != 0 or row["age_ms"] >= 0]
        at_most("all killed: leases of live daemons are back after", max(late, default=0) / NS, TTL_MS / 3000 + 2)


def quorum_is_lost(short):
    lasts = 6 if short else 60
    with cluster.Cluster() as place:
        daemons = [Daemon(place, f"live.{i}", [place.servers[i % 2]]) for i in range(2)]
        load = Load(place)
        clients = [looking(place, [one.name for one in daemons], [server]) for server in place.servers]
        for one in place.members[:2]:
            one.kill()
        began = time.monotonic_ns()
        time.sleep(lasts)
        ended = time.monotonic_ns()
        for one in place.members[:2]:
            one.start()
        assert cluster.within(place.members[0].is_healthy), place.logs()
        healthy = time.monotonic_ns()
        time.sleep(5 if short else 12)
        work = load.finish(began)
        writes = Work([row for row in work.of(*WRITES).rows if began < row["begin"] < ended - 3.3 * NS])
        assert writes.rows, "nobody tried to change anything"
        none(f"no quorum for {lasts} s: changes that were acknowledged", [r for r in writes.rows if r["result"] == "ok"])
        at_most("changes are told UNAVAILABLE within", max((r["end"] - r["begin"] for r in writes.rows), default=0) / NS, 3.3)
        none("changes that were told something else", [history.text_of(r) for r in writes.rows
                                                       if r["result"] != "ok" and r.get("code") not in (14,)])
        none("look-ups that failed", work.of("lookup").failed())
        rows = sum((finish(client) for client in clients), [])
        none("look-ups of live daemons that failed", not_found(rows))
        stale = [row for row in rows if began + 3 * NS < row["begin"] < ended]
        none("look-ups after 3 s that are not told to be old", [row for row in stale if row["age_ms"] < 0])
        after = [row["end"] for row in work.of(*WRITES).rows if row["result"] == "ok" and row["end"] > ended]
        at_most("with quorum again changes go on after", (min(after, default=1e6 * NS) - healthy) / NS, 5)


def owner_and_leader_die(short):
    with cluster.Cluster() as place:
        daemon = Daemon(place, "mortal", place.servers)
        clients = [looking(place, ["mortal"], [server]) for server in place.servers]
        assert cluster.within(lambda: all(one.count() > 10 for one in clients)), "nobody works"
        leader = place.leader()
        daemon.kill()
        died = time.monotonic_ns()
        leader.kill()
        goal = 2 * TTL_MS / 1000 + 3
        cluster.within(lambda: all(not_found(client.rows()) for client in clients), goal + 2, 0.1)
        gone = [row["begin"] + row["took"] - died for client in clients for row in not_found(finish(client))[:1]]
        assert len(gone) == len(clients), f"the name is still there after {goal + 2} s"
        at_most("owner and leader killed: the name is gone after", max(gone) / NS, goal)
        figure("but not before", f"{min(gone) / NS:.2f} s", f"> {TTL_MS * 0.6 / 1000:.2f} s", min(gone) > TTL_MS * 0.6e6)


def cut_off(place, cut, what, lasts, short, servers=None):
    """Something is cut for some seconds, and then whole again. servers: where writes are to go on; default: all."""
    load, began = Load(place), time.monotonic_ns()
    writers = [looking(place, [f"new.{one.number}"], [one], "-o", "-p", 50) for one in servers or place.servers]
    assert cluster.within(lambda: all(one.count() > 10 for one in writers)), "nobody works"
    cut()
    time.sleep(lasts)
    place.settle()
    time.sleep(2 if short else 4)
    work = load.finish(began)
    at_most(f"{what} for {lasts} s: writes pause", max(gap_of(finish(one)) for one in writers), 5 if short else 4)
    none("look-ups that failed", work.of("lookup").failed())


def partitions(short):
    lasts = 3 if short else 6
    with cluster.Cluster(relayed=True) as place:
        def cut_pair(a, b):
            a.peer_relay.set(relay.both(hole=True), b.name)
            b.peer_relay.set(relay.both(hole=True), a.name)

        def cut_server(server, members):
            for member in members:
                server.to_members[member.number].set(relay.both(hole=True))
        leader = place.leader()
        others = [one for one in place.members if one is not leader]
        cut_off(place, lambda: cut_pair(leader, others[0]), "leader and one member apart", lasts, short)
        if short:
            return
        cut_off(place, lambda: cut_pair(*others), "two that do not lead apart", lasts, short)
        leader = place.leader()
        others = [one for one in place.members if one is not leader]
        cut_off(place, lambda: [cut_pair(leader, one) for one in others], "leader apart from both", lasts, short)
        for member in place.members:
            cut_off(place, lambda: cut_server(place.servers[0], [member]), f"name server 0 and {member.name} apart", lasts, short)
        cut_off(place, lambda: cut_server(place.servers[0], place.members), "name server 0 and all of etcd apart", lasts, short,
                place.servers[1:])


def delays(short):
    """200 ms each way between members, and between name servers and members."""
    with cluster.Cluster(relayed=True) as place:
        load, began = Load(place), time.monotonic_ns()
        for one in [m.peer_relay for m in place.members] + [r for s in place.servers for r in s.to_members]:
            one.set(relay.both(delay=0.2))
        time.sleep(5 if short else 15)
        slow = time.monotonic_ns()
        place.settle()
        work = load.finish(began)
        late = Work([row for row in work.rows if row["begin"] > began + 3 * NS and row["end"] < slow])
        at_most("200 ms each way to and between members: a change takes, median", late.of(*WRITES).median() / 1000, 2)
        none("look-ups that failed", work.of("lookup").failed())


def stalls(short):
    """Of the chunks that go between members and to them, each tenth waits for a retransmission."""
    with cluster.Cluster(relayed=True) as place:
        load, began = Load(place), time.monotonic_ns()
        for one in [m.peer_relay for m in place.members] + [r for s in place.servers for r in s.to_members]:
            one.set(relay.both(loss=0.1))
        time.sleep(4 if short else 15)
        place.settle()
        work = load.finish(began)
        at_most("a tenth is retransmitted: writes pause", work.of(*WRITES).gap(), 3)
        none("look-ups that failed", work.of("lookup").failed())


def packet_loss(short):
    """A tenth of the packets that come from members and go to them is lost."""
    if not os.environ.get(network.OWN):
        TABLE.append(("a tenth of the packets is lost: not tried, no network of its own", "", "", True))
        return
    with cluster.Cluster() as place:
        load, began = Load(place), time.monotonic_ns()
        network.lose_a_tenth([port for one in place.members for port in (one.port, one.own_peer_port)])
        time.sleep(4 if short else 15)
        network.lose_nothing()
        work = load.finish(began)
        at_most("a tenth of the packets is lost: writes pause", work.of(*WRITES).gap(), 4)
        none("look-ups that failed", work.of("lookup").failed())


QUOTA, PIECE = 16 << 20, 700_000  # bytes


def fill(member):
    """Puts what is none of ours until etcd takes no more."""
    key, value = base64.b64encode(b"ballast").decode(), base64.b64encode(bytes(PIECE)).decode()
    for _ in range(2 * QUOTA // PIECE):
        answer = member.ask("/v3/kv/put", {"key": key, "value": value}, 5)
        if answer and "error" in answer:
            assert "space" in answer["error"], answer
            return
    raise AssertionError("etcd is never full")


def compact(member):
    revision = member.ask("/v3/maintenance/status", {}, 5)["header"]["revision"]
    member.ask("/v3/kv/compaction", {"revision": revision, "physical": True}, 5)


def make_room(place):
    """As an operator does: forget old revisions, give the space back, say that it is well."""
    member = place.leader()
    member.ask("/v3/kv/deleterange", {"key": base64.b64encode(b"ballast").decode()}, 5)
    compact(member)
    for one in place.members:
        one.ask("/v3/maintenance/defragment", {}, 10)
    for alarm in member.ask("/v3/maintenance/alarm", {"action": "GET"}, 5).get("alarms", []):
        member.ask("/v3/maintenance/alarm", dict(alarm, action="DEACTIVATE"), 5)


def space_runs_out(short):
    with cluster.Cluster(etcd_options=("--quota-backend-bytes", str(QUOTA))) as place:
        daemons = [Daemon(place, "live.0", place.servers)]
        load = Load(place)
        clients = [looking(place, [one.name for one in daemons], [server]) for server in place.servers]
        fill(place.members[0])
        began = time.monotonic_ns()
        time.sleep(2 if short else 2 * TTL_MS / 1000)
        ended = time.monotonic_ns()
        make_room(place)
        healthy = time.monotonic_ns()
        time.sleep(3)
        work = load.finish(began)
        changes = [row for row in work.of(*WRITES).rows if began + NS < row["begin"] and row["end"] < ended]
        puts = [row for row in changes if row["kind"] == "register"]
        assert any(row["result"] == "fail" for row in puts), "nobody noticed that there is no space"
        none("no space: registrations not told RESOURCE_EXHAUSTED",
             [history.text_of(row) for row in puts if row["result"] == "ok" or row.get("code") not in (8, 6)])
        none("look-ups that failed", work.of("lookup").failed())
        none("look-ups of live daemons that failed", sum((not_found(finish(client)) for client in clients), []))
        after = [row["end"] for row in work.of("register").rows if row["result"] == "ok" and row["end"] > ended]
        at_most("with space again registrations go on after", (min(after, default=1e6 * NS) - healthy) / NS, 2)


def changes_are_forgotten(short):
    """etcd forgets what a name server that was cut off has not heard of: it reads all names again, and its watchers do."""
    with cluster.Cluster(relayed=True) as place:
        load, began = Load(place), time.monotonic_ns()
        for way in place.servers[0].to_members:
            way.set(relay.both(hole=True))
        time.sleep(2)
        cut = load.client.count()
        assert cluster.within(lambda: load.client.count() > cut + 50), "nobody works"
        compact(place.leader())
        for way in place.servers[0].to_members:
            way.reset()
            way.heal()
        healed = time.monotonic_ns()
        time.sleep(3)
        work = load.finish(began)
        after = [row["end"] for row in work.of(*WRITES, server=0).rows if row["result"] == "ok" and row["begin"] > healed]
        at_most("what is missing was forgotten: changes go on after", (min(after, default=1e6 * NS) - healed) / NS, 2)
        resyncs = [row for row in load.told.of_kind("watch") if row["event"] == "resync" and row["at"] > began]
        figure("watchers there begin anew", f"{len(resyncs)}", ">= 1", len(resyncs) >= 1)


def half_open(short):
    """The other end is gone and does not say so: of a client's connection, and of a name server's to etcd."""
    with cluster.Cluster(relayed=True) as place:
        Daemon(place, "live.0", place.servers)
        client = looking(place, ["live.0"], place.servers[:1], PYRITE_KEEPALIVE_MS="1000", PYRITE_LOOKUP_TIMEOUT_MS="60000")
        assert cluster.within(lambda: client.count() > 20), "no look-ups"
        place.servers[0].relay.half_open()
        time.sleep(4)
        at_most("half-open from a client, keep-alive 1 s + 0.5 s: goes on after", gap_of(finish(client)), 2)
        load, began = Load(place), time.monotonic_ns()
        for one in place.servers[0].to_members:
            one.half_open()
        time.sleep(5)
        work = load.finish(began)
        at_most("half-open from a name server to etcd: its writes pause", work.of(*WRITES, server=0).gap(), 3)
        none("look-ups that failed", work.of("lookup").failed())


def cpu_of(processes):
    """Seconds of processor time that they have used."""
    ticks = 0
    for one in processes:
        fields = cluster.pathlib.Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rate_of(place, program, address, mode):
    """Calls per second of a program of tests/bench, 64 in flight; and what each costs in members and name servers, in us."""
    before = cpu_of(place.members), cpu_of(place.servers)
    said = cluster.subprocess.run([cluster.BIN / program, address, mode, "-n", "64", "--ms", "2000"], capture_output=True, text=True,
                                  check=True, timeout=60).stdout
    words = dict(word.split("=") for word in said.split())
    cost = [1e6 * (now - then) / int(words["calls"]) for now, then in
            zip((cpu_of(place.members), cpu_of(place.servers)), before)]
    return float(words["rate"]), *cost


def registrations(short):
    """Beside a bare generated stub that makes such transactions at the same member. By name alone: what it measures depends on
    how many cores members, name server and client share."""
    with cluster.Cluster(servers=1) as place:
        leader = place.leader()
        server = cluster.NameServer(9, place)
        place.others.append(server)
        place.servers = [server]
        server.storage = lambda: ["--storage", "etcd", "--etcd", f"127.0.0.1:{leader.port}"]
        server.start()
        rounds = [(rate_of(place, "bench-etcd-client", f"127.0.0.1:{leader.port}", "stub"),
                   rate_of(place, "bench-names", server.address, "register")) for _ in range(1 if short else 5)]
    stub, name = (sorted(pair[i] for pair in rounds)[len(rounds) // 2] for i in (0, 1))
    TABLE.append((f"a bare stub: transactions ({stub[1]:.0f} us in members)", f"{stub[0]:.0f}/s", "", True))
    TABLE.append((f"registrations ({name[1]:.0f} us in members, {name[2]:.0f} in the name server)", f"{name[0]:.0f}/s", "", True))
    figure("registrations beside that", f"{name[0] / stub[0]:.2f}", ">= 0.80", name[0] >= 0.8 * stub[0])


MORE = {"registrations": registrations}
ROWS = {one.__name__: one for one in (
    leader_dies, leader_stops, server_dies, server_is_cut_off, all_die, quorum_is_lost, owner_and_leader_die, partitions, delays,
    stalls, packet_loss, half_open, changes_are_forgotten, space_runs_out)}


def run(row, short):
    try:
        row(short)
        print(f"ok {row.__name__}", flush=True)
        return True
    except Exception as error:
        print(f"not ok {row.__name__}\n    {error}", flush=True)
        if not isinstance(error, AssertionError):
            traceback.print_exc()
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join([*ROWS, *MORE]))
    arguments = parser.parse_args()
    if not shutil.which("etcd"):
        print("not ok etcd_is_installed")
        return 1
    good = True
    if "packet_loss" in (arguments.rows or ROWS):
        network.enter()
    for name in arguments.rows or ROWS:
        TABLE.append((f"-- {name}", "measured", "goal", True))
        good = run({**ROWS, **MORE}[name], arguments.short) and good
    print()
    for what, measured, goal, met in TABLE:
        print(f"{what:<66} {measured:<14} {goal:<12} {'' if met else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
