#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""scale.py [--figures DIR] [--only PART]...: asks the model what docs/scale.md tells, prints it as tables, and draws the plots
into DIR. It takes some minutes."""

import argparse
import dataclasses
import pathlib
import sys

from costs import Costs
from draw import plot
from scenarios import (BASE, run_boot, run_disk, run_expiry, run_failover, run_forgotten, run_steady, run_watching,
                       steady_by_ttl)

GRAIN = 10
change = dataclasses.replace


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print(flush=True)


def seconds(value):
    return "never" if value is None else f"{value:.2g} s" if value < 10 else f"{value:.0f} s"


def steady(costs):
    series = {}
    for n, what in ((1, "name server, the only one"), (3, "name server, one of 3"), (8, "name server, one of 8")):
        found = steady_by_ttl(costs, change(BASE, servers=n))
        series[what] = [(ttl, entry["ns_busy"]) for ttl, entry in found.items()]
        if n == 3:
            leader = [(ttl, entry["etcd_busy"]) for ttl, entry in found.items()]
            table(("TTL", "renewals/s", "name server busy", "etcd's leader busy", "a renewal, p50", "p99"),
                  [(f"{ttl} s", f"{entry['renewals_per_s']:,.0f}", f"{entry['ns_busy']:.1%}", f"{entry['etcd_busy']:.1%}",
                    f"{entry['renewal_p50_ms']:.2f} ms", f"{entry['renewal_p99_ms']:.2f} ms") for ttl, entry in found.items()])
    series["etcd's leader, of 4 cores"] = leader
    rows = []
    for what, setting, synchronous in (("spread over the period", BASE, False),
                                       ("at the same moment, all periods equal", change(BASE, jitter=0.0), True),
                                       ("at the same moment, periods up to 10 % shorter", BASE, True)):
        entry = run_steady(costs, setting, 60.0, synchronous)
        rows.append((what, f"{entry['renewal_p50_ms']:.2f} ms", f"{entry['renewal_p99_ms']:.3g} ms"))
    table(("rounds of 10,000 owners begin", "a renewal, p50", "p99"), rows)
    return plot("Renewals of a million names", "10,000 owners with 100 names each: the part of its time that each is busy",
                "TTL, s", series, is_share=True)


def back(costs):
    cases = (("switched on together, etcd", run_boot, BASE),
             ("forgotten, all again at once", run_forgotten, change(BASE, window=0)),
             ("forgotten, told again as they do", run_forgotten, BASE),
             ("forgotten, one server, memory", run_forgotten, change(BASE, storage="memory", servers=1)),
             ("switched on, one server, SQLite", run_boot, change(BASE, storage="sqlite", servers=1)))
    series, rows = {}, []
    for name, run, setting in cases:
        found = run(costs, setting, grain=GRAIN)
        points = found["curve"]
        series[name] = points[::max(1, len(points) // 60)] + points[-1:]
        rows.append((name, seconds(found["half_s"]), seconds(found["all_s"]), f"{found['late']:,}",
                     f"{found['p50_ms'] / 1000:.2g} s", f"{found['p99_ms'] / 1000:.2g} s"))
    table(("", "half are there", "all are there", "calls that timed out", "a registration, p50", "p99"), rows)
    return plot("A million names come back", "3 name servers on 3 members of etcd where nothing else is said: the part that is there",
                "s after the beginning", series, (False, False), is_share=True)


def watching(costs):
    counts = (500, 1000, 2000, 4000, 6000, 8000, 10000, 12000, 14000, 16000)
    series, rows = {}, []
    for changes in (1, 10, 100, 300):
        found = [(n, run_watching(costs, n, changes)) for n in counts]
        series[f"{changes} changes a second"] = [(n, entry["p99_s"]) for n, entry in found if entry["p99_s"]]
    for n in (1, 2, 4, 7, 10, 20):
        each = 100_000 // n
        rows.append((n, f"{each:,}") + tuple("more than one holds" if each > 16384 else seconds(run_watching(costs, each, changes)["p99_s"])
                                             for changes in (1, 10, 100, 300)))
    table(("name servers", "watchers each", "p99 at 1 change/s", "10", "100", "300"), rows)
    return plot("How late watchers of one name server hear of a change", "all watch the same names, each over a connection of its own; "
                "p99, s", "watchers of the name server", series)


def failover(costs):
    series, rows = {"TLS": [], "TLS, all to the same": [], "plain": [], "plain, all to the same": []}, []
    for n in (2, 3, 4, 5, 8):
        plain, tls = (run_failover(costs, change(BASE, servers=n, tls=tls)) for tls in (False, True))
        for how, suffix in (("spread", ""), ("one", ", all to the same")):
            series["plain" + suffix].append((n, plain[how]["all_s"]))
            series["TLS" + suffix].append((n, tls[how]["all_s"]))
        rows.append((n, f"{plain['spread']['owners']:,}", seconds(plain["spread"]["all_s"]), seconds(plain["one"]["all_s"]),
                     seconds(tls["spread"]["all_s"]), seconds(tls["one"]["all_s"])))
    table(("name servers before", "owners that move", "plain", "plain, all to the same", "TLS", "TLS, all to the same"), rows)
    return plot("A name server dies", "10,000 owners: s until the last of those that were there has another", "name servers before", series)


def disk(costs):
    disks, rows, series = (0.0005, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3), [], {}
    for rate in (100, 10000):
        found = [run_disk(costs, BASE, one, rate, 5.0 if rate > 1000 else 20.0) for one in disks]
        for key, what in (("p50_ms", "half"), ("p99_ms", "99 of 100")):
            rows.append((f"{rate:,}, {what} within",) + tuple(f"{entry[key]:.3g} ms" for entry in found))
            series[what] = [(one * 1000, entry[key]) for one, entry in zip(disks, found)]
    table(("registrations/s; a write takes", *(f"{one * 1000:g} ms" for one in disks)), rows)
    return plot("Registrations over a slow disk", "10,000 a second, 3 name servers, 3 members of etcd with such disks: ms", "ms until a write is safe",
                {f"{what} are answered within": pairs for what, pairs in series.items()})


def expiry(costs):
    rows = []
    for lost in (40, 400, 1000, 4000, 10000):
        found = run_expiry(costs, BASE, lost)
        rows.append((f"{lost:,}", f"{lost * BASE.names:,}", seconds(found["last_s"] - BASE.ttl), f"{found['changes_per_s']:,.0f}",
                     f"{found['ns_busy']:.0%}"))
    table(("hosts lost at once", "their names", "the last is gone, after the TTL", "changes/s meanwhile",
           "each name server busy, by hearing of them"), rows)


PARTS = {"steady": steady, "back": back, "watching": watching, "failover": failover, "disk": disk, "expiry": expiry}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=pathlib.Path)
    parser.add_argument("--only", action="append", choices=PARTS)
    options = parser.parse_args()
    costs = Costs()
    for part in options.only or PARTS:
        print(f"## {part}")
        picture = PARTS[part](costs)
        if picture and options.figures:
            (options.figures / f"scale-{part}.svg").write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
