# SPDX-License-Identifier: MIT
"""What is asked of the model. Each returns figures; draw.py makes plots of them, report.py tables."""

import dataclasses

from costs import REVOKED_EACH_ROUND, ROUND, TOGETHER
from engine import Simulation
from model import Cluster, Setting, quantile


def run_steady(costs, setting, seconds=15.0, synchronous=False):
    """Everybody has registered and renews. How busy all are, and how long a renewal takes."""
    sim = Simulation()
    cluster = Cluster(sim, costs, setting)
    for owner in cluster.owners:
        sim.at(0.0 if synchronous else cluster.rng.random() * owner.period(), owner.round)
    sim.run(seconds)
    ret = {"renewals_per_s": len(cluster.tally.renew_times) / seconds,
           "ns_busy": max(server.method.share(0, 0) for server in cluster.servers),
           "renewal_p50_ms": quantile(cluster.tally.renew_times, 0.5) * 1000,
           "renewal_p99_ms": quantile(cluster.tally.renew_times, 0.99) * 1000}
    if cluster.etcd:
        ret["etcd_busy"] = cluster.etcd.members[0].share(0, 0)
    return ret


def steady_by_ttl(costs, base, ttls=(2, 3, 5, 10, 20, 30, 60)):
    return {ttl: run_steady(costs, dataclasses.replace(base, ttl=float(ttl)), max(9.0, ttl * 0.9)) for ttl in ttls}


def back_after(cluster, wanted):
    """When a part of all names was there: seconds since the beginning; None: never."""
    n_all = cluster.setting.hosts * cluster.setting.names
    sums, ret = 0, {}
    for step in sorted(cluster.tally.registrations):
        sums += cluster.tally.registrations[step]
        for part in wanted:
            if part not in ret and sums >= part * n_all:
                ret[part] = (step + 1) * cluster.tally.STEP
    return [ret.get(part) for part in wanted]


def curve(cluster):
    """(seconds, part of the names that are there)"""
    n_all, n, points = cluster.setting.hosts * cluster.setting.names, 0, [(0.0, 0.0)]
    for step in sorted(cluster.tally.registrations):
        n += cluster.tally.registrations[step]
        points.append(((step + 1) * cluster.tally.STEP, n / n_all))
    return points


def summary(cluster, grain):
    half, most, all_ = back_after(cluster, (0.5, 0.99, 1.0))
    tally = cluster.tally
    return {"half_s": half, "most_s": most, "all_s": all_, "late": tally.n_late * grain,
            "peak_per_s": max(tally.registrations.values(), default=0) * grain / tally.STEP,
            "p50_ms": quantile(tally.register_times, 0.5) * 1000, "p99_ms": quantile(tally.register_times, 0.99) * 1000,
            "curve": curve(cluster)}


def run_boot(costs, setting, spread=5.0, limit=600.0, grain=1):
    """All hosts were switched on at once, and have started within so many seconds. Each registers one name after the
    other. One host of the model stands for `grain`."""
    costs, setting = costs.times(grain), dataclasses.replace(setting, hosts=setting.hosts // grain)
    sim = Simulation()
    cluster = Cluster(sim, costs, setting)
    for owner in cluster.owners:
        sim.at(cluster.rng.random() * spread, owner.boot)
    while sim.now < limit and sim.events and cluster.tally.n_registered < setting.hosts * setting.names:
        sim.run(sim.now + 5)
    return summary(cluster, grain)


def run_forgotten(costs, setting, arrival=1.0, limit=300.0, grain=1):
    """The name servers have come back and know no name: the memory of one is gone, or all were away for longer than the
    TTL and etcd has ended the leases. Owners have connected again within `arrival`; their rounds began when the
    connection did."""
    costs, setting = costs.times(grain), dataclasses.replace(setting, hosts=setting.hosts // grain)
    sim = Simulation()
    cluster = Cluster(sim, costs, setting)
    for owner in cluster.owners:
        owner.missing = setting.names
        sim.at(cluster.rng.random() * arrival, owner.server.arrive, setting.names, owner.round)
    while sim.now < limit and cluster.tally.n_registered < setting.hosts * setting.names:
        sim.run(sim.now + 5)
    return summary(cluster, grain)


def run_failover(costs, setting):
    """The first name server is gone. Its owners see that at once and go to the others, in turn (spread) or all to one."""
    ret = {}
    for how in ("spread", "one"):
        sim = Simulation()
        cluster = Cluster(sim, costs, setting)
        moved, times = [owner for owner in cluster.owners if owner.server is cluster.servers[0]], []
        for i, owner in enumerate(moved):
            owner.server = cluster.servers[1 + (i % (setting.servers - 1) if how == "spread" else 0)]
            sim.at(cluster.rng.random() * 0.01, owner.server.arrive, setting.names, lambda: times.append(sim.now))
        for owner in cluster.owners:
            if owner.server is not cluster.servers[0] and owner not in set(moved[:1]):
                sim.at(cluster.rng.random() * owner.period(), owner.round)
        sim.run(12.0)
        ret[how] = {"owners": len(moved), "p50_s": quantile(times, 0.5), "all_s": max(times)}
    return ret


def run_watching(costs, n_watchers, changes):
    """How a name server that tells so many does: rounds that begin TOGETHER after a change, or a quarter of the last
    round. Nothing of it is random: the length of a round that carries what has come since the last."""
    busy_of_change = 1.25 * n_watchers * costs.watch_change * changes
    if busy_of_change >= 1:
        return {"round_s": None, "busy": 1.0, "p50_s": None, "p99_s": None}
    every = (TOGETHER + 1.25 * n_watchers * costs.watch_each) / (1 - busy_of_change)
    every = max(every, 1 / changes)
    takes = n_watchers * (costs.watch_each + costs.watch_change * changes * every)
    return {"round_s": takes, "busy": takes / every, "p50_s": min(every, TOGETHER + takes) / 2 + takes / 2,
            "p99_s": min(every, TOGETHER + takes) + takes}


def run_expiry(costs, setting, lost):
    """So many hosts lose power at once. When the last of their names is gone, by how etcd ends leases."""
    sim = Simulation()
    cluster = Cluster(sim, costs, setting)
    gone = []
    sim.at(setting.ttl, cluster.etcd.end_leases, lost, setting.names, lambda n: gone.append((sim.now, n)))
    sim.run()
    return {"first_s": gone[0][0], "last_s": gone[-1][0] + ROUND, "rounds": len(gone),
            "changes_per_s": min(lost, REVOKED_EACH_ROUND) * setting.names / ROUND,
            "ns_busy": min(lost, REVOKED_EACH_ROUND) * setting.names / ROUND * costs.hear_event}


def run_disk(costs, setting, disk, rate, seconds=20.0):
    """Registrations come at a rate, at random; the disk takes so long for each write."""
    sim = Simulation()
    cluster = Cluster(sim, costs, dataclasses.replace(setting, disk=disk, hosts=1))
    times = []

    def come():
        began = sim.now
        server = cluster.rng.choice(cluster.servers)
        server.register(began + 60, lambda: times.append(sim.now - began))
        sim.after(cluster.rng.expovariate(rate), come)

    sim.at(0.0, come)
    sim.run(seconds)
    return {"p50_ms": quantile(times, 0.5) * 1000, "p99_ms": quantile(times, 0.99) * 1000, "per_s": len(times) / seconds}


BASE = Setting()
