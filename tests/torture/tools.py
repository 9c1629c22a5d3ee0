#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tools whose n-th allocation or system call fails: they end with a documented exit code and a message, and soon:
tools.py [STRIDE]. With a stride, only every so many n. Prints "ok <case>" or "not ok <case>"."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from places import BIN, line_of

STRIDE = int(sys.argv[1]) if len(sys.argv) > 1 else 1
SOURCE = pathlib.Path(os.environ.get("PYRITE_SOURCE", "."))
PATIENCE = 60
BEYOND = 3  # runs in a row that do not reach the n-th call


def run(command, modules, folder, kind, n, variant):
    """Returns whether the fault was injected, where, and what is wrong; None: nothing."""
    report = folder / "report"
    report.unlink(missing_ok=True)
    env = dict(os.environ, LD_PRELOAD=str(BIN / "libtorture.so"), TORTURE_MODULES=modules, TORTURE_KIND=kind, TORTURE_N=str(n),
               TORTURE_VARIANT=str(variant), TORTURE_REPORT=str(report))
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return True, "?", "hangs"
    hit = report.read_text().split() if report.exists() else []
    if not hit:
        return False, "", None if done.returncode == 0 else f"ends with {done.returncode}: {done.stderr[-300:]}"
    where = f"{hit[0]}() {' '.join(hit[1:-2])} at {line_of(hit[-2], int(hit[-1], 16))}" if hit[-2] != "?" else hit[0]
    if done.returncode < 0 or done.returncode > 3:
        return True, where, f"ends with {done.returncode}: {done.stderr[-300:]}"
    if done.returncode > 0 and not done.stderr.strip():
        return True, where, f"ends with {done.returncode} and says nothing"
    return True, where, None


def torture(name, command, modules, prepare=lambda: None):
    """command: what fails; prepare: makes its files anew before each run."""
    bad, n_runs, n_failed = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, variants in ("memory", (0,)), ("syscall", (0, 1, 2) if STRIDE == 1 else (0,)):
            for variant in variants:
                n, beyond = 0, 0
                while beyond < BEYOND:
                    prepare()
                    failed, where, wrong = run(command, modules, pathlib.Path(folder), kind, n, variant)
                    n_failed += failed
                    beyond = 0 if failed else beyond + 1
                    if wrong:
                        bad.append(f"{kind} n={n} variant={variant} {where}: {wrong}")
                    n += STRIDE
                    n_runs += 1
    if n_failed == 0:
        bad.append("no call failed")
    for case in bad[:30]:
        print("   ", case)
    print(f"{'not ok' if bad else 'ok'} {name} # {n_runs} runs", flush=True)
    return bool(bad)


def main():
    with tempfile.TemporaryDirectory() as made:
        made = pathlib.Path(made)
        idl = SOURCE / "tests" / "torture" / "things.idl"
        (made / "rules").write_text("group web cert:client\nallow group:web call * at x\ndeny * inspect\n")

        def fresh(name):
            shutil.rmtree(made / name, ignore_errors=True)

        n_bad = torture("pyrite_idl_checks", [BIN / "pyrite-idl", "--check", idl], "pyrite-idl")
        n_bad += torture("pyrite_idl_generates", [BIN / "pyrite-idl", "--force", "--c", made, "--proto", made, idl], "pyrite-idl")
        n_bad += torture("pyrite_keys_makes_a_ca", [BIN / "pyrite", "keys", "-q", "-d", made / "keys", "init"],
                         "pyrite,libpyrite.so", lambda: fresh("keys"))
        n_bad += torture("pyrite_rules_checks", [BIN / "pyrite", "rules", "check", made / "rules"], "pyrite,libpyrite.so")
        n_bad += torture("pyrite_config_prints", [BIN / "pyrite", "config"], "pyrite,libpyrite.so")
        n_bad += torture("pyrite_ns_checks_its_database",
                         [BIN / "pyrite-ns", "--check-config", "-p", "0", "-d", "0", "-s", f"sqlite:{made / 'db' / 'ns.db'}"],
                         "pyrite-ns,libpyrite.so,libsqlite3", lambda: (fresh("db"), (made / "db").mkdir()))
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
