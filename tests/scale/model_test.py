#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""model_test.py: the model where the answer is known without it. Prints "ok <case>" or "not ok <case>"."""

import dataclasses
import random
import sys

from costs import Costs, line_through
from draw import plot
from engine import Cores, Log, Simulation
from model import Setting
from scenarios import run_boot, run_disk, run_expiry, run_failover, run_forgotten, run_steady, run_watching

SMALL = Setting(hosts=200, names=50)


def near(found, expected, part):
    assert abs(found - expected) <= part * expected, f"{found:.4g}, not {expected:.4g}"


def events_come_in_the_order_of_their_times():
    sim, seen = Simulation(), []
    for when in (3, 1, 2, 1):
        sim.at(when, seen.append, when)
    sim.run(2)
    assert seen == [1, 1, 2] and sim.now == 2, (seen, sim.now)
    sim.run(10)
    assert seen == [1, 1, 2, 3] and sim.now == 10, (seen, sim.now)


def a_queue_waits_as_long_as_theory_says():
    """M/D/1: the mean wait is rho / (2 (1 - rho)) of a service."""
    sim, cores, rng, waits = Simulation(), None, random.Random(1), []
    cores = Cores(sim, 1)

    def come():
        waits.append(cores.wait())
        cores.take(0.001)
        sim.after(rng.expovariate(700), come)

    sim.at(0.0, come)
    sim.run(200)
    near(sum(waits) / len(waits), 0.001 * 0.7 / (2 * 0.3), 0.05)
    near(cores.share(0, 0), 0.7, 0.03)


def two_cores_do_twice_as_much():
    done = []
    for n in (1, 2):
        sim = Simulation()
        cores = Cores(sim, n)
        for _ in range(1000):
            last = cores.take(0.001)
        done.append(last)
    near(done[0], 2 * done[1], 0.001)


def what_comes_during_a_write_goes_with_the_next():
    sim, times = Simulation(), []
    log = Log(sim, 0.010)
    for when in (0.0, 0.001, 0.002, 0.009):
        sim.at(when, log.append, lambda: times.append(round(sim.now, 6)))
    sim.run()
    assert times == [0.010, 0.020, 0.020, 0.020], times


def renewals_are_as_many_as_rounds():
    found = run_steady(COSTS, SMALL, 30.0)
    near(found["renewals_per_s"], SMALL.hosts / (SMALL.ttl * 0.3 * 0.95), 0.02)


def rounds_that_begin_together_are_spread_by_jitter():
    together = run_steady(COSTS, dataclasses.replace(SMALL, hosts=2000, jitter=0.0), 60.0, True)
    spread = run_steady(COSTS, dataclasses.replace(SMALL, hosts=2000), 60.0, True)
    assert spread["renewal_p50_ms"] < together["renewal_p50_ms"] / 5, (spread, together)


def all_names_come_back_no_sooner_than_etcd_can():
    found = run_boot(COSTS, SMALL, spread=0.1)
    least = SMALL.hosts * SMALL.names * COSTS.txn_leader / SMALL.cores
    assert least <= found["all_s"] <= 2 * least + 0.5, (found["all_s"], least)


def a_window_keeps_registrations_from_timing_out():
    big = dataclasses.replace(SMALL, hosts=5000, names=200, cores=2)
    all_at_once = run_forgotten(COSTS, dataclasses.replace(big, window=0), grain=25)
    some = run_forgotten(COSTS, big, grain=25)
    assert all_at_once["late"] > big.hosts * big.names / 4, all_at_once["late"]
    assert some["late"] == 0 and some["all_s"] <= all_at_once["all_s"] * 1.01, (some["late"], some["all_s"])


def a_registration_waits_for_one_write_or_two():
    found = run_disk(COSTS, SMALL, 0.1, 50)
    assert 100 < found["p50_ms"] < 200 and found["p99_ms"] < 210, found


def owners_that_spread_are_there_sooner():
    found = run_failover(COSTS, dataclasses.replace(SMALL, hosts=6000, servers=4))
    near(found["one"]["all_s"], 3 * found["spread"]["all_s"], 0.2)


def etcd_ends_a_thousand_leases_a_second():
    near(run_expiry(COSTS, SMALL, 5000)["last_s"] - SMALL.ttl, 5.0, 0.1)


def the_model_agrees_with_what_was_measured_of_watchers():
    """The costs are a line through three measurements; the times are the model's own."""
    for entry in COSTS.measured["ns_watchers"].values():
        if entry["command"].split()[4] == str(int(entry["watchers"])):
            found = run_watching(COSTS, entry["watchers"], 100)
            near(found["p50_s"] * 1000, entry["p50_ms"], 0.5)
            near(found["p99_s"] * 1000, entry["p99_ms"], 0.5)


def more_changes_than_a_server_can_tell_are_seen():
    assert run_watching(COSTS, 16000, 5000)["p99_s"] is None


def a_line_goes_through_points():
    a, b = line_through([(1, 3), (2, 5), (3, 7)])
    near(a, 1, 1e-9)
    near(b, 2, 1e-9)


def a_plot_has_its_lines():
    picture = plot("title", "under", "x", {"one": [(1, 2), (10, 20)], "two & three": [(1, 1), (10, 1)]})
    assert picture.count("<polyline") == 2 and "two &amp; three" in picture and "prefers-color-scheme:dark" in picture


COSTS = Costs()
CASES = (events_come_in_the_order_of_their_times, a_queue_waits_as_long_as_theory_says, two_cores_do_twice_as_much,
         what_comes_during_a_write_goes_with_the_next, renewals_are_as_many_as_rounds,
         rounds_that_begin_together_are_spread_by_jitter, all_names_come_back_no_sooner_than_etcd_can,
         a_window_keeps_registrations_from_timing_out, a_registration_waits_for_one_write_or_two,
         owners_that_spread_are_there_sooner, etcd_ends_a_thousand_leases_a_second,
         the_model_agrees_with_what_was_measured_of_watchers, more_changes_than_a_server_can_tell_are_seen,
         a_line_goes_through_points, a_plot_has_its_lines)


def main():
    failed = 0
    for case in CASES:
        try:
            case()
            print(f"ok {case.__name__}", flush=True)
        except Exception as error:  # told, and the next one runs
            failed += 1
            print(f"not ok {case.__name__}\n    {type(error).__name__}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
