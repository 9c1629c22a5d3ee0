#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures what calls cost, beside raw sockets, gRPC core and other peers doing the same work; docs/performance.md says
how to read it.

    bench.py [--bin DIR] [--peers DIR] [--quick] [--rounds N] [--ms N] [--tries N] [--cpu N] [--only REGEX]
             [--json FILE] [--publish DIR]
    bench.py [--bin DIR] --callgrind | --syscalls     instructions, system calls of each end for a call
    bench.py [--bin DIR] --smoke                      everything, a few calls each: does it work?

Every figure is of a server and a client started for it, both on one core. A round takes each row once; a row that
others disturbed is measured again, a few times at most. The table holds medians over the rounds.
"""

import argparse
import os
import pathlib
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays as it is

import report  # noqa: E402
from ends import Failed, count, measure  # noqa: E402
from report import cpu_us, median  # noqa: E402
from rows import GROUPS, ROWS, TRACED  # noqa: E402

STEAL_MAX, FOREIGN_MAX = 3, 5  # percent of the core's time; more is a disturbance
TRIES_S = 5  # a disturbed row is not measured again after so long
FILES = 8192  # descriptors, for many connections


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=os.environ.get("PYRITE_BIN"), help="where the programs are")
    parser.add_argument("--peers", type=pathlib.Path, help="where the peers' programs are; default: no peers")
    parser.add_argument("--quick", action="store_true", help="the rows that goals are about, 3 rounds")
    parser.add_argument("--rounds", type=int, help="default 5, quick 3")
    parser.add_argument("--ms", type=int, default=500, help="length of a measurement; default 500")
    parser.add_argument("--tries", type=int, default=3, help="measurements of a row that is disturbed; default 3")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="the core; default the last one")
    parser.add_argument("--only", help="only rows whose name matches, or whose group is this")
    parser.add_argument("--json", type=pathlib.Path, help="every measurement, for other programs")
    parser.add_argument("--publish", type=pathlib.Path, help="the project, whose docs get tables, plots and JSON")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--callgrind", action="store_true", help="instructions a call (valgrind)")
    what.add_argument("--syscalls", action="store_true", help="system calls a call (strace)")
    what.add_argument("--smoke", action="store_true", help="a few calls of each row")
    options = parser.parse_args()
    if not options.bin:
        parser.error("--bin is needed")
    options.bin = pathlib.Path(options.bin).resolve()  # what is measured runs in another folder
    options.peers = options.peers and options.peers.resolve()
    options.rounds = options.rounds or (3 if options.quick else 5)
    return options


def allow_many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))


def is_there(row, options):
    """Peers may be left out, and may be missing; what is ours may not."""
    return not row.server[0].startswith("peer-") or bool(options.peers and (options.peers / row.server[0]).exists())


def selected(options, rows=ROWS):
    def is_asked_for(row):
        return not options.only or options.only == row.group or bool(re.search(options.only, row.name))
    return [row for row in rows
            if (row.is_goal or not options.quick) and is_asked_for(row) and is_there(row, options)]


def disturbance(result):
    return max(result.get("steal", 0) / STEAL_MAX, result.get("foreign", 0) / FOREIGN_MAX)


def measure_calmly(row, options, folder):
    """The least disturbed of a few measurements, and how many it took."""
    tries = []
    until = time.monotonic() + TRIES_S
    while not tries or (len(tries) < options.tries and disturbance(tries[-1]) > 1 and time.monotonic() < until):
        tries.append(measure(row, options, folder, ["--ms", options.ms, "--calls", row.calls]))
    return min(tries, key=disturbance), len(tries)


def run_rounds(options, folder):
    """Results by row, of the rounds that were made until the end or Ctrl-C."""
    results = {row: [] for row in selected(options)}
    try:
        make_rounds(options, folder, results)
    except KeyboardInterrupt:
        print("bench: interrupted; these are the figures so far", file=sys.stderr)
    return {row: runs for row, runs in results.items() if runs}


def make_rounds(options, folder, results):
    """A row that fails is left out, with a notice: others' figures are not lost for it."""
    for number in range(1, options.rounds + 1):
        again = 0
        for row in list(results):
            if sys.stderr.isatty():
                print(f"\r\033[Kround {number}: {row.name}", end="\r", file=sys.stderr, flush=True)
            try:
                result, tries = measure_calmly(row, options, folder)
            except Failed as error:
                print(f"bench: {error}; left out", file=sys.stderr)
                del results[row]
                continue
            results[row].append(result)
            again += tries - 1
        last = [runs[-1] for runs in results.values() if "steal" in runs[-1]] or [{"steal": 0, "foreign": 0}]
        steal, foreign = ([run[key] for run in last] for key in ("steal", "foreign"))
        left = sum(disturbance(run) > 1 for run in last)
        print(f"round {number}: steal {statistics.median(steal):.1f} % (worst {max(steal):.1f}), foreign load "
              f"{statistics.median(foreign):.1f} % (worst {max(foreign):.1f}); {again} repeated, {left} disturbed all "
              "the same", flush=True)


def print_table(results):
    heads = f"{'calls/s':>9} {'MB/s':>7} {'CPU us':>9} {'client':>9} {'server':>9} {'p50 us':>9} {'p99 us':>9}"
    for group in GROUPS:
        mine = {row: runs for row, runs in results.items() if row.group == group.key}
        if mine:
            print(f"\n{group.title:58} {heads if group.figure not in ('rss', 'client') else 'KiB':>9}")
        for row, runs in mine.items():
            if "rss_kib" in runs[0]:
                threads = f"  threads {median(runs, 'threads'):.0f}" if "threads" in runs[0] else ""
                print(f"{row.name:58} {median(runs, 'rss_kib'):9.2f}{threads}")
                continue
            rate, client, server, p50, p99 = (
                median(runs, figure) for figure in ("rate", "client_us", "server_us", "p50_us", "p99_us"))
            mb = f"{rate * row.n_bytes / 1e6:7,.1f}" if row.n_bytes else f"{'':7}"
            print(f"{row.name:58} {rate:9,.0f} {mb} {statistics.median(map(cpu_us, runs)):9.2f} {client:9.2f} "
                  f"{server:9.2f} {p50:9.1f} {p99:9.1f}")


def print_goals(results):
    print()
    for ratio in report.ratios(results):
        verdict = ""
        if ratio["goal"]:
            verdict = f"   goal {report.goal_of(ratio)}: {'met' if report.is_met(ratio) else 'missed'}"
        print(f"{report.shown_ratio(ratio)}: {ratio['median']:.2f} ({ratio['least']:.2f} to {ratio['most']:.2f}){verdict}")


def run_counts(options, folder, tool):
    """What a tool counts for a call, each end by itself: the difference of a long and a short run."""
    for row in selected(options, TRACED):
        for end in ("client", "server"):
            counts = count(row, options, folder, tool, end)
            total = sum(counts.values())
            parts = sorted(((n, name) for name, n in counts.items() if n >= 0.005 and len(counts) > 1), reverse=True)
            print(f"{row.name:50} {end}  {total:10,.2f}  " + ", ".join(f"{name} {n:.2f}" for n, name in parts),
                  flush=True)


def smoke_rows(options):
    """The first of each contender's rows in each mode, over TCP, with a relay, and over a unix socket."""
    rows = {}
    for row in selected(options):
        kind = row.mode if row.over == "TCP" else "unix"
        rows.setdefault((row.who, kind, row.delay_ms), row)
    return rows.values()


def smoke(options, folder):
    failed = 0
    few = ["--ms", 1, "--calls", 10]
    fewer = {"idle": ["-n", 10], "sessions": ["-n", 10]}
    cases = [(row.name, lambda row=row: measure(row, options, folder, few + fewer.get(row.group, [])))
             for row in smoke_rows(options)]
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
    allow_many_files()
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
        report.write_json(options.json, results, options)
    if options.publish:
        report.publish(options.publish, results, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
