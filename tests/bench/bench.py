#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures what calls cost, beside gRPC core's own cost for the same work; docs/performance.md says how to read it.

    bench.py [--bin DIR] [--quick] [--rounds N] [--ms N] [--cpu N] [--only REGEX] [--json FILE]
    bench.py [--bin DIR] --callgrind | --syscalls     instructions, system calls of each end for a call
    bench.py [--bin DIR] --smoke                      everything, a few calls each: does it work?

Every figure is of a server and a client started for it, both on one core. A round takes each row once; a row that
others disturbed is measured again, a few times at most. The table holds medians over the rounds.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays as it is

from ends import Failed, count, measure  # noqa: E402
from rows import GOALS, ROWS, TRACED  # noqa: E402

STEAL_MAX, FOREIGN_MAX = 3, 5  # percent of the core's time; more is a disturbance
TRIES = 3
FIGURES = "rate client_us server_us mean_us p50_us p99_us steal foreign".split()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=os.environ.get("PYRITE_BIN"), help="where the programs are")
    parser.add_argument("--quick", action="store_true", help="the rows that goals are about, 3 short rounds")
    parser.add_argument("--rounds", type=int, help="default 5, quick 3")
    parser.add_argument("--ms", type=int, help="length of a measurement; default 1000, quick 500")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="the core; default the last one")
    parser.add_argument("--only", help="only rows whose name matches")
    parser.add_argument("--json", type=pathlib.Path, help="every measurement, for other programs")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--callgrind", action="store_true", help="instructions a call (valgrind)")
    what.add_argument("--syscalls", action="store_true", help="system calls a call (strace)")
    what.add_argument("--smoke", action="store_true", help="a few calls of each row")
    options = parser.parse_args()
    if not options.bin:
        parser.error("--bin is needed")
    options.bin = pathlib.Path(options.bin).resolve()  # what is measured runs in another folder
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.ms = options.ms or (500 if options.quick else 1000)
    return options


def selected(options, rows=ROWS):
    return [r for r in rows if (r.is_goal or not options.quick) and re.search(options.only or "", r.name)]


def disturbance(result):
    return max(result["steal"] / STEAL_MAX, result["foreign"] / FOREIGN_MAX)


def measure_calmly(row, options, folder):
    """The least disturbed of a few measurements, and how many it took."""
    tries = []
    while len(tries) < TRIES and (not tries or disturbance(tries[-1]) > 1):
        tries.append(measure(row, options, folder, ["--ms", options.ms]))
    return min(tries, key=disturbance), len(tries)


def run_rounds(options, folder):
    rows = selected(options)
    results = {row: [] for row in rows}
    for number in range(1, options.rounds + 1):
        again = 0
        for row in rows:
            result, tries = measure_calmly(row, options, folder)
            results[row].append(result)
            again += tries - 1
        steal, foreign = ([results[row][-1][key] for row in rows] for key in ("steal", "foreign"))
        left = sum(disturbance(results[row][-1]) > 1 for row in rows)
        print(f"round {number}: steal {statistics.median(steal):.1f} % (worst {max(steal):.1f}), foreign load "
              f"{statistics.median(foreign):.1f} % (worst {max(foreign):.1f}); {again} repeated, {left} disturbed all "
              "the same", flush=True)
    return results


def median(results, figure):
    return statistics.median(result[figure] for result in results)


def cpu_us(result):
    return result["client_us"] + result["server_us"]


def print_table(results):
    print(f"\n{'':38} {'calls/s':>9} {'CPU us':>7} {'client':>7} {'server':>7} {'p50 us':>8} {'p99 us':>8} {'mean us':>8}")
    for row, runs in results.items():
        cpu = statistics.median(map(cpu_us, runs))
        rate, client, server, mean, p50, p99, _, _ = (median(runs, figure) for figure in FIGURES)
        print(f"{row.name:38} {rate:9,.0f} {cpu:7.2f} {client:7.2f} {server:7.2f} {p50:8.1f} {p99:8.1f} {mean:8.1f}")


def print_goals(results):
    """Ratios of what was measured in the same round, then their median."""
    by_name = {row.name: runs for row, runs in results.items()}
    print()
    for goal in GOALS:
        if goal.row not in by_name or goal.to not in by_name:
            continue
        value = cpu_us if goal.figure == "cpu" else lambda result: result["rate"]
        ratios = [value(mine) / value(theirs) for mine, theirs in zip(by_name[goal.row], by_name[goal.to])]
        ratio = statistics.median(ratios)
        verdict = ""
        if goal.limit:
            met = ratio <= goal.limit if goal.figure == "cpu" else ratio >= goal.limit
            verdict = f"   goal {'<=' if goal.figure == 'cpu' else '>='} {goal.limit:g}: {'met' if met else 'missed'}"
        what = "CPU a call" if goal.figure == "cpu" else "calls/s"
        print(f"{goal.row} : {goal.to}, {what}: {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}){verdict}")


def run_counts(options, folder, tool):
    """What a tool counts for a call, each end by itself: the difference of a long and a short run."""
    for row in selected(options, TRACED):
        for end in ("client", "server"):
            counts = count(row, options, folder, tool, end)
            total = sum(counts.values())
            parts = sorted(((n, name) for name, n in counts.items() if n >= 0.005 and len(counts) > 1), reverse=True)
            print(f"{row.name:38} {end}  {total:10,.2f}  " + ", ".join(f"{name} {n:.2f}" for n, name in parts),
                  flush=True)


def smoke(options, folder):
    failed = 0
    cases = [(row.name, lambda row=row: measure(row, options, folder, ["--ms", 1, "--calls", 20])) for row in ROWS]
    if not os.environ.get("PYRITE_SANITIZE"):
        cases += [(f"{tool} of {row.name}, {end}", lambda tool=tool, row=row, end=end:
                   count(row, options, folder, tool, end, (10, 30)))
                  for tool in ("callgrind", "strace") if shutil.which(tool.replace("callgrind", "valgrind"))
                  for row in TRACED[-1:] for end in ("client", "server")]
    for name, case in cases:
        try:
            case()
            print(f"ok {name}", flush=True)
        except Failed as error:
            print(f"not ok {name}\n    {error}", flush=True)
            failed += 1
    return failed


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="pyrite-bench.") as folder:
        try:
            if options.smoke:
                return 1 if smoke(options, folder) else 0
            if options.callgrind or options.syscalls:
                run_counts(options, folder, "callgrind" if options.callgrind else "strace")
                return 0
            results = run_rounds(options, folder)
        except Failed as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    print_table(results)
    print_goals(results)
    if options.json:
        options.json.write_text(json.dumps({row.name: runs for row, runs in results.items()}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
