#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs scenarios in which the n-th allocation or system call fails, and says what was wrong with which. README.md has more.

usage: torture.py [--kind memory|syscall] [--every | --stride N] [--variant N] [--first] [--sites] [scenario...]
"""

import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from places import BIN, calls_in, line_of

VARIANTS = {"memory": [0], "syscall": [0]}
ALL_VARIANTS = {"memory": [0, 3], "syscall": [0, 1, 2, 3, 4]}
# Without --every: some of the scenarios, every third allocation, and every seventh system call.
STRIDE = {"memory": 3, "syscall": 7}
SHORT = ("call call-process exception batch future deferred generic stream-both stream-resumed reference-called-back "
         "reference-forwarded session shared-key tls rules-explained names proxy-by-name tasks pyro-called grpc-health "
         "reference-held reference-between connection-handed-over tls-given servers-by-dns http pyro").split()
AT = re.compile(r"^(fault|crash|hang) (\S+) (\S+) n=(\d+) variant=(\d+) (\S+) (\S+|a short transfer) (\S+) ([0-9a-f]+): (.*)$")
ALLOCATING = ("malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "posix_memalign", "aligned_alloc", "asprintf",
              "vasprintf", "open_memstream", "getline", "realpath", "mmap", "mprotect", "pthread_create", "pthread_key_create")
TIME_LIMIT = 600
HERE = pathlib.Path(__file__).resolve().parent


def explain(line):
    """A line of the program, with file and line of the call that failed."""
    match = AT.match(line)
    if match:
        what, scenario, kind, n, variant, function, fault, module, offset, text = match.groups()
        place = line_of(module, int(offset, 16)) if module not in ("-", "?") else "-"
        return f"{what} {scenario} {kind} n={n} variant={variant}: {function}() {fault} at {place}: {text}"
    if line.startswith(("live ", "by ")):
        what, module, offset = line.split()
        return f"    {'left: allocated' if what == 'live' else 'called'} at {line_of(module, int(offset, 16))}"
    return line


class Run:
    """One scenario with one kind and variant of fault, for every n."""

    def __init__(self, scenario, kind, variant, stride, sites, more=(), begin=0):
        self.command = [BIN / "torture", scenario, kind, "--variant", str(variant), "--stride", str(stride), *more]
        self.is_beyond, self.is_first = False, bool(more)
        self.env = dict(os.environ, LD_PRELOAD=str(BIN / "libtorture.so"), TORTURE_SITES=str(sites))
        self.env.update(PYRITE_BIN=str(BIN), PYRITE_SOURCE=str(HERE.parent.parent))
        self.env["ASAN_OPTIONS"] = self.env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:abort_on_error=1"
        self.env["LSAN_OPTIONS"] = f"suppressions={HERE / 'leaks.txt'}:print_suppressions=0"
        self.faults, self.n_runs, self.stride = [], 0, stride
        while begin is not None:
            begin = self.go_on(begin)

    def go_on(self, begin):
        """Runs from there. Returns where to go on after a crash; None: it came to its end."""
        try:
            done = subprocess.run([*self.command, "--from", str(begin)], env=self.env, capture_output=True, text=True,
                                  errors="replace", timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            self.faults.append(f"from n={begin} on, there is no end within {TIME_LIMIT} s")
            return None
        lines = done.stdout.splitlines()
        self.is_beyond = "unreached" in lines
        self.faults += [explain(line) for line in lines if not line.startswith(("done", "unreached"))]
        end = next((int(line[7:]) for line in lines if line.startswith("done n=")), None)
        if end is not None:
            self.n_runs += (end - begin) // self.stride + 1
            if done.returncode not in (0, 1):
                self.faults.append(f"ended with {done.returncode}: {done.stderr[-3000:]}")
            return None
        at = [AT.match(line) for line in lines if line.startswith(("crash", "hang"))]
        if not at or not at[-1]:
            self.faults.append(f"ended with {done.returncode}: {done.stderr[-3000:]}")
            return None
        if done.stderr:
            self.faults.append(done.stderr[-3000:])
        if self.is_first:
            return None
        end = int(at[-1][4])
        self.n_runs += (end - begin) // self.stride + 1
        return end + self.stride


class FirstRun:
    """The same, each n in a process of its own, so that what a process makes once fails, too."""

    def __init__(self, scenario, kind, variant, stride, sites):
        self.faults, self.n_runs, beyond = [], 0, 0
        while beyond < 4:
            run = Run(scenario, kind, variant, stride, sites, ["--first", "1"], self.n_runs * stride)
            self.faults += run.faults
            self.n_runs += 1
            beyond = beyond + 1 if run.is_beyond else 0


def tell_sites(path):
    """Which allocations of libpyrite were reached, and which failed."""
    calls, failed = collections.Counter(), collections.Counter()
    for line in path.read_text().splitlines():
        kind, _, module, offset, n, n_failed = line.split()
        if kind == "memory" and module.startswith("libpyrite"):
            calls[int(offset, 16)] += int(n)
            failed[int(offset, 16)] += int(n_failed)
    there = calls_in("libpyrite.so.0", ALLOCATING)
    reached = {offset for offset in there if calls[offset]}
    print(f"    {len(there)} places allocate, {len(reached)} were reached, {sum(1 for o in there if failed[o])} failed")
    for offset in sorted(set(there) - reached, key=lambda o: line_of("libpyrite.so.0", o)):
        print(f"    not reached: {there[offset]}() at {line_of('libpyrite.so.0', offset)}")
    for offset in sorted(o for o in reached if not failed[o]):
        print(f"    did not fail: {there[offset]}() at {line_of('libpyrite.so.0', offset)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("memory", "syscall"))
    parser.add_argument("--every", action="store_true", help="every n, and each variant unless --variant says which")
    parser.add_argument("--stride", type=int, help="every N-th n, of all scenarios")
    parser.add_argument("--variant", type=int)
    parser.add_argument("--first", action="store_true", help="each n in the first run of a process, so that what is made once fails")
    parser.add_argument("--sites", action="store_true")
    parser.add_argument("scenario", nargs="*")
    options = parser.parse_args()
    scenarios = options.scenario or subprocess.run([BIN / "torture", "--list"], capture_output=True, text=True,
                                                   check=True).stdout.split()
    if not options.every and not options.stride and not options.scenario:
        assert set(SHORT) <= set(scenarios)
        scenarios = SHORT
    n_runs = n_bad = 0
    with tempfile.TemporaryDirectory() as folder:
        sites = pathlib.Path(folder, "sites")
        for kind in [options.kind] if options.kind else ["memory", "syscall"]:
            variants = ALL_VARIANTS[kind] if options.every else VARIANTS[kind]
            for scenario in scenarios:
                began = time.monotonic()
                stride = options.stride or (1 if options.every else STRIDE[kind])
                runs = [(FirstRun if options.first else Run)(scenario, kind, variant, stride, sites)
                        for variant in (variants if options.variant is None else [options.variant])]
                faults = [fault for run in runs for fault in run.faults]
                print(*faults, sep="\n", end="\n" if faults else "")
                n = sum(run.n_runs for run in runs)
                n_runs += n
                n_bad += bool(faults)
                print(f"{'not ok' if faults else 'ok'} {scenario}_when_{'memory' if kind == 'memory' else 'system_calls'}_fail "
                      f"# {n} runs, {time.monotonic() - began:.1f} s", flush=True)
        print(f"    {n_runs} runs")
        if options.sites:
            tell_sites(sites)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
