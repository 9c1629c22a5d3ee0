# SPDX-License-Identifier: MIT
"""What an operation takes, of what measure.py wrote: seconds of CPU unless said otherwise."""

import copy
import json
import pathlib

US = 1e-6
BATCH = 128  # names in a renewal (runtime/src/naming/naming_lease.c)
ARRIVAL = 100  # names that bench-names renews when an owner arrives
# Not measured by the programs, but by those of docs/performance.md.
TLS_HANDSHAKE = 1200 * US
CHANGES = 100  # a second, of bench-watchers
TOGETHER = 0.020  # s, nameserver/watchers.c: changes that go together, and a quarter of what a round takes
REVOKED_EACH_ROUND, ROUND = 500, 0.5  # etcd's lessor: leases it ends, and how often


def line_through(points):
    """Least squares: a, b of y = a + b x."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    b = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return mean_y - b * mean_x, b


def round_of(busy, p50_s):
    """How often there is a round, of how long a change takes to half of the watchers: half a round until it begins, and
    half of what it takes."""
    return p50_s / (0.5 + busy / 2)


def watching(entries):
    """What a round takes for each watcher, and for each change besides."""
    points = []
    for entry in entries:
        busy = entry["server_us_each"] * US * entry["watchers"] * CHANGES
        together = round_of(busy, entry["p50_ms"] / 1000) * CHANGES
        points.append((together, entry["server_us_each"] * US * together))
    return line_through(points)


class Costs:
    def __init__(self, path=pathlib.Path(__file__).parent / "costs.json", measured=None):
        self.measured = measured or json.loads(path.read_text(encoding="utf-8"))
        names, disk = self.measured["ns_memory"], self.measured["ns_sqlite"]
        # The name server.
        self.lookup = names["lookup_64"]["server_us"] * US
        self.register = names["register_64"]["server_us"] * US
        self.renew_call = names["renew_one_64"]["server_us"] * US
        self.renew_name = (names["renew_64"]["server_us"] * US - self.renew_call) / (BATCH - 1)
        self.arrive = max(0.0, names["arrive_64"]["server_us"] * US - self.renewal(ARRIVAL))
        self.write = max(0.0, disk["register_64"]["server_us"] * US - self.register)  # of a registration, SQLite's thread
        self.owner_register = names["register_1"]["client_us"] * US
        self.owner_renewal = names["renew_1"]["client_us"] * US
        self.sqlite_start = self.measured.get("ns_million", {}).get("start_million", {}).get("seconds", 0.0)
        if "etcd_alone" in self.measured:
            self.read_etcd()
        if "ns_watchers" in self.measured:
            self.watch_each, self.watch_change = watching(
                [entry for entry in self.measured["ns_watchers"].values() if entry["watchers"] == connections(entry)])

    def read_etcd(self):
        alone, three = self.measured["etcd_alone"], self.measured["etcd_three"]
        busy = {name: three[f"txn_64_at_{name}"] for name in ("leader", "follower")}
        self.txn_leader = busy["leader"]["leader_us"] * US
        self.txn_follower = busy["leader"]["follower_us"] * US
        self.txn_asked = busy["follower"]["asked_us"] * US  # a follower that a client asked
        self.keepalive = three["keepalive_64_at_leader"]["leader_us"] * US
        self.keepalive_asked = three["keepalive_64_at_follower"]["asked_us"] * US
        self.keepalive_passed_on = three["keepalive_64_at_follower"]["leader_us"] * US
        self.grant = three["grant_64_at_leader"]["leader_us"] * US
        few, many = alone["watch_1_64"], alone["watch_32_64"]
        self.watch_event = (many["server_us"] - few["server_us"]) / 31 * US
        self.hear_event = (many["client_us"] - few["client_us"]) / 31 * US  # at the name server
        self.fsync = three["fsync"]["p50_ms"] / 1000
        # The name server over etcd, with what it spends on being etcd's client; that it hears of its own change is apart.
        names = self.measured["ns_etcd"]
        self.etcd_register = names["register_64"]["server_us"] * US - self.hear_event
        # Changes that come together go to etcd together: of a transaction's cost each has this part.
        share = min(1.0, names["register_64"]["etcd_us"] / alone["txn_64"]["server_us"])
        self.txn_leader, self.txn_follower, self.txn_asked = (
            share * cost for cost in (self.txn_leader, self.txn_follower, self.txn_asked))
        self.etcd_renew_call = names["renew_one_64"]["server_us"] * US
        self.etcd_renew_name = (names["renew_64"]["server_us"] * US - self.etcd_renew_call) / (BATCH - 1)

    def times(self, grain):
        """The same where each host stands for so many."""
        ret = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, float) and name not in ("fsync", "sqlite_start"):
                setattr(ret, name, value * grain)
        return ret

    def renewal(self, n_names, in_etcd=False):
        if in_etcd:
            return self.etcd_renew_call + n_names * self.etcd_renew_name
        return self.renew_call + n_names * self.renew_name


def connections(entry):
    """Of "bench-watchers NS 500 -n 100 ...": the 100."""
    words = entry["command"].split()
    return float(words[words.index("-n") + 1])
