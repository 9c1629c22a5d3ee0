#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The first call of a client that was idle while its server restarted. Prints "ok <case>" or "not ok <case>"."""

import time

from common import Cases, Caller, Server, report
from ports import port_of_ours

PAUSES_MS = (0, 5, 20, 50, 100, 150, 200)
ROUNDS = 3


def ask(caller):
    """Returns "ok", or what the call ended with."""
    caller.process.stdin.write("add\n")
    caller.process.stdin.flush()
    name, value = caller.read()
    return "ok" if value == 0 else f"{name} {value}"


def first_calls(restart, is_plain=0):
    """All must succeed, however long after the restart they are made."""
    port, failed, n = port_of_ours(), {}, 0
    server = Server(f"port={port}")
    caller = Caller("asked", server.uri, is_plain)
    assert ask(caller) == "ok"
    for pause in PAUSES_MS:
        for _ in range(ROUNDS):
            restart(server)
            server = Server(f"port={port}")
            time.sleep(pause / 1000)  # the client is idle: that is what it is about
            result = ask(caller)
            n += 1
            if result != "ok":
                failed.setdefault(pause, []).append(result)
                ask(caller)
    caller.process.stdin.close()
    while caller.read() is not None:
        pass
    assert caller.process.wait(20) == 0
    caller.process.stdout.close()
    server.stop()
    report(f"{n - sum(map(len, failed.values()))} of {n} first calls succeed", f"{n}")
    assert not failed, failed


def the_first_call_after_a_hard_restart_succeeds(_):
    first_calls(Server.kill)


def the_first_call_after_an_orderly_restart_succeeds(_):
    first_calls(Server.stop)


def so_do_plain_calls_after_a_hard_one(_):
    first_calls(Server.kill, 1)


def and_after_an_orderly_one(_):
    first_calls(Server.stop, 1)


def main():
    cases = Cases()
    for case in (the_first_call_after_a_hard_restart_succeeds, the_first_call_after_an_orderly_restart_succeeds,
                 so_do_plain_calls_after_a_hard_one, and_after_an_orderly_one):
        cases.run(case, None)
    cases.end()


main()
