#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gRPC core runs out of memory: it ends the process, which is documented. It must not hang: core.py [N samples].
Prints "ok <case>" or "not ok <case>"."""

import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(os.environ.get("PYRITE_BIN", "build/ci/bin"))
MODULES = "libgrpc.so,libgpr.so"
MOST_S = 5  # from the failure to the end, beside what the program takes without one
SAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 30


def run(folder, n=None):
    """Runs the scenario some times in one process, with the n-th allocation of core failing. Returns exit code, seconds,
    whether it failed."""
    report, sites = pathlib.Path(folder, "report"), pathlib.Path(folder, "sites")
    report.unlink(missing_ok=True)
    env = dict(os.environ, LD_PRELOAD=str(BIN / "libtorture.so"), TORTURE_MODULES=MODULES, TORTURE_REPORT=str(report))
    if n is None:
        env["TORTURE_SITES"] = str(sites)
    else:
        env.update(TORTURE_KIND="memory", TORTURE_N=str(n))
    begin = time.monotonic()
    try:
        code = subprocess.run([BIN / "torture", "call-grpc", "memory", "--to", "0"], env=env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60).returncode
    except subprocess.TimeoutExpired:
        code = "hang"
    return code, time.monotonic() - begin, report.exists() and report.read_text() != ""


def main():
    with tempfile.TemporaryDirectory() as folder:
        code, usual, _ = run(folder)
        assert code == 0, code
        total = sum(int(line.split()[4]) for line in pathlib.Path(folder, "sites").read_text().splitlines()
                    if line.startswith("memory"))
        assert total > SAMPLES, total
        ends, late, n_failed = collections.Counter(), [], 0
        for i in range(SAMPLES):
            n = i * total // SAMPLES
            code, seconds, failed = run(folder, n)
            n_failed += failed
            ends[code] += failed
            if code == "hang" or seconds > usual + MOST_S:
                late.append((n, code, round(seconds, 1)))
        print(f"    {total} allocations of core in six runs; {n_failed} of {SAMPLES} failed; ends: "
              + ", ".join(f"{n} with {code}" for code, n in sorted(ends.items(), key=str)))
        for case in late:
            print("    too late:", *case)
        ok = not late and n_failed > SAMPLES // 2
        print(f"{'ok' if ok else 'not ok'} a_process_whose_core_has_no_memory_ends")
        return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
