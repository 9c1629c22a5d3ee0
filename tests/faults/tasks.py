#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Ten thousand tasks in one thread. Prints "ok <case>" or "not ok <case>", and each figure beside its goal."""

import resource
import signal
import subprocess

from common import BIN, IS_SANITIZED, MIB, Cases, Caller, Server, call, report

# Each task is a stack of 64 KiB and what a sanitizer keeps for it; ThreadSanitizer has at most 8,128 of them.
N = 1000 if IS_SANITIZED else 10000
ROOM, SECONDS = 150 * MIB, 3


def tasks(what, at, n, amount):
    return Caller(what, at, n, amount, program="faults-tasks").finish()


def ten_thousand_tasks_wait_for_a_remote_timer_in_one_thread(_):
    server = Server("threads=1")
    alone = call("serial", server.uri, 3)
    assert alone is not None
    said = tasks("sleepers", server.uri, N, 1000)
    took, own, theirs = said["took"] / 1e6, said["peak"], server.peak()
    report(f"{N} tasks, each with a remote timer of 1 s: {took:.2f} s; client {own / MIB:.0f} MiB and "
           f"{said['threads']} threads, server {theirs / MIB:.0f} MiB", "< 3 s, < 150 MiB each")
    assert IS_SANITIZED or (took < SECONDS and own < ROOM and theirs < ROOM)
    assert took >= 1
    server.stop()


def ten_thousand_tasks_sleep_in_one_thread(_):
    said = tasks("naps", "-", N, 1000)
    took = said["took"] / 1e6
    report(f"{N} tasks, each with a sleep of 1 s: {took:.2f} s, {said['peak'] / MIB:.0f} MiB", "< 3 s, < 150 MiB")
    assert took >= 1 and (IS_SANITIZED or (took < SECONDS and said["peak"] < ROOM))


def a_task_that_overflows_its_stack_ends_the_process(_):
    def deep(depth):
        limits = lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return subprocess.run([BIN / "faults-tasks", "deep", "-", "3", str(depth)], capture_output=True, text=True,
                              preexec_fn=limits, timeout=60)

    assert deep(5).returncode == 0
    done = deep(100000)
    if IS_SANITIZED:  # which catches the signal and tells
        assert done.returncode != 0 and ("stack-overflow" in done.stderr or "SEGV" in done.stderr), done.stderr
    else:
        assert done.returncode == -signal.SIGSEGV, done.returncode


def a_thousand_tasks_take_turns_with_calls(_):
    server = Server("threads=1")
    said = tasks("calls", server.uri, 1000, 100)
    report(f"1,000 tasks of 100 calls: {100000 / said['took'] * 1000:.0f} thousand calls/s", "all of them answered")
    server.stop()


def main():
    cases = Cases()
    for case in (ten_thousand_tasks_wait_for_a_remote_timer_in_one_thread, ten_thousand_tasks_sleep_in_one_thread,
                 a_thousand_tasks_take_turns_with_calls, a_task_that_overflows_its_stack_ends_the_process):
        cases.run(case, None)
    cases.end()


main()
