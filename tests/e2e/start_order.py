#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""start_order.py: name server, server and client of the first sample, started in every order, each once
the one before is at work. With PYRITE_WAIT_MS the client always gets its sum. Prints "ok <case>" or "not ok <case>"."""

import itertools
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "rules"))

from ports import port_of_ours  # noqa: E402

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PATIENCE = 40
COMMANDS = {
    "ns": [BIN / "pyrite-ns", "--storage", "memory"],
    "server": [BIN / "sample-add-server"],
    "client": [BIN / "sample-add-client"],
}


def start(name, port):
    command = COMMANDS[name] + (["--port", str(port)] if name == "ns" else [])
    environment = dict(os.environ, PYRITE_NS_HOST="127.0.0.1", PYRITE_NS_PORT=str(port),
                       PYRITE_WAIT_MS=str(PATIENCE * 1000))
    return subprocess.Popen([str(c) for c in command], env=environment, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def wait_until_it_works(process):
    """It has the library's threads: what is started now comes later than its first look."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and len(os.listdir(f"/proc/{process.pid}/task")) < 2:
        assert time.monotonic() < until, "it does nothing"
        os.sched_yield()


def any_order_does(order):
    port, processes = port_of_ours(), {}
    try:
        for name in order:
            processes[name] = start(name, port)
            wait_until_it_works(processes[name])
        out, err = processes["client"].communicate(timeout=PATIENCE)
        assert (processes["client"].returncode, out, err) == (0, "3\n", ""), (out, err)
    finally:
        for name in ("client", "server", "ns"):
            if name in processes and processes[name].poll() is None:
                processes[name].send_signal(signal.SIGTERM)
                processes[name].communicate(timeout=PATIENCE)
    for name in ("server", "ns"):
        assert processes[name].returncode == 0, (name, processes[name].returncode)


def who_does_not_wait_fails_at_once():
    environment = dict(os.environ, PYRITE_NS_HOST="127.0.0.1", PYRITE_NS_PORT=str(port_of_ours()))
    said = subprocess.run([str(BIN / "sample-add-client")], env=environment, capture_output=True, text=True,
                          timeout=PATIENCE)
    assert said.returncode == 1 and "cannot connect to 127.0.0.1:" in said.stderr, said


def main():
    failed = 0
    cases = [(f"started as {', '.join(order)}", lambda order=order: any_order_does(order))
             for order in itertools.permutations(COMMANDS)]
    for name, case in cases + [("who does not wait fails at once", who_does_not_wait_fails_at_once)]:
        try:
            case()
            print(f"ok {name}")
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {name}\n    {error!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
