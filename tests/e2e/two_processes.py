#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A client and a daemon in processes of their own, and what happens when one of them goes. Prints "ok <case>" or
"not ok <case>"."""

import os
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "rules"))

from ports import port_of_ours  # noqa: E402
from raw import PATIENCE, Cases, Client, Driver, Program, frame, uri  # noqa: E402


def int_argument(number):
    return b"\x08" + bytes([number])


def serve(*options):
    return Program("e2e-server", *options)


def connect(server, *options, keep=False):
    driver = Driver(*(["keep"] if keep else []))
    assert driver.ask(f"new 0 {uri(server.address)} " + " ".join(options)) == "ok"
    return driver


def raw(server):
    client = Client(server.address)
    client.bind()
    return client


def wait_log(client, part):
    so_far, until = "", time.monotonic() + PATIENCE
    while part not in so_far:
        assert time.monotonic() < until, f"log is {so_far!r}, expected {part!r} in it"
        so_far += client.log()
    return so_far


def pause(server):
    """Stops a process. The signal takes effect in all its threads a little later."""
    server.process.send_signal(signal.SIGSTOP)
    os.waitpid(server.process.pid, os.WUNTRACED)


def refused(line, status):
    assert line.startswith(status), line


def cancel(number):
    return frame(number, cancel=dict(code=1))


# ---- signals ----

def t10_sigterm_and_sigint_stop_a_daemon():
    for number in (signal.SIGTERM, signal.SIGINT):
        server = serve()
        driver = connect(server)
        assert driver.ask("add 0 1 2") == "ok 3"
        server.process.send_signal(number)
        assert server.process.wait(PATIENCE) == 0
        refused(driver.ask("add 0 1 2"), "UNAVAILABLE")
        driver.end()


def a_signal_lets_running_calls_be_answered():
    server = serve("drain_ms=60000")
    client = raw(server)
    running = client.start("pass", int_argument(2))
    wait_log(client, "<2 ")
    waiting = [client.start("pass", int_argument(1)) for _ in range(8)]  # more than there are threads
    client.fence()
    server.process.terminate()
    client.goaway()
    assert not client.find(lambda f: f.number == running and f.HasField("reply"))
    for number in [running, *waiting]:
        client.send(cancel(number))
    assert server.process.wait(PATIENCE) == 0
    client.close()


def a_second_signal_has_its_default_effect():
    for number in (signal.SIGTERM, signal.SIGINT):
        server = serve("drain_ms=60000")
        client = raw(server)
        client.start("hold", int_argument(1))
        client.run("held")
        server.process.send_signal(number)
        client.goaway()
        server.process.send_signal(number)
        assert server.process.wait(PATIENCE) == -number
        client.close()


def a_daemon_that_leaves_signals_alone_is_ended_by_them():
    server = serve("signals=2")
    client = raw(server)
    client.run("held")
    server.process.terminate()
    assert server.process.wait(PATIENCE) == -signal.SIGTERM
    client.close()


# ---- one of them goes ----

def a_daemon_that_is_killed_and_started_again_is_found_again():
    port = port_of_ours()
    server = serve(f"port={port}")
    driver = connect(server)
    assert driver.ask("add 0 1 2") == "ok 3"
    driver.tell("hold 0 1")
    client = raw(server)
    wait_for_held(client)
    server.process.kill()
    server.process.wait()
    refused(driver.hear(), "UNAVAILABLE local maybe ConnectionClosed")
    refused(driver.ask("add 0 1 2"), "UNAVAILABLE local never CommunicationError")
    again = serve(f"port={port}")
    assert driver.ask("add 0 3 4") == "ok 7"
    assert driver.ask("echo 0 200000") == "ok 200000"
    driver.end()
    client.close()
    assert again.stop() == (0, "stopped\n")


def wait_for_held(client, number=1):
    until = time.monotonic() + PATIENCE
    while client.run("held")[:2] != int_argument(number):
        assert time.monotonic() < until, f"{number} calls are not held"


def a_client_that_is_killed_is_noticed():
    server = serve()
    driver = connect(server)
    client = raw(server)
    driver.tell("hold 0 3")
    wait_for_held(client)
    driver.program.process.kill()
    driver.program.process.wait()
    until = time.monotonic() + PATIENCE
    while b"\x10\x01" not in client.run("held") and time.monotonic() < until:
        pass
    assert client.run("held") == b"\x08\x01\x10\x01"
    client.run("drop", int_argument(3))
    client.close()
    assert server.stop() == (0, "stopped\n")


# ---- withdrawn ----

def patient_and_not(server):
    """Proxy 0, whose calls have 300 ms, and proxy 1, whose calls have all the time there is. Both are connected."""
    driver = connect(server, "timeout=300")
    assert driver.ask(f"new 1 {uri(server.address)}") == "ok"
    assert driver.ask("bind 0") == "ok"
    assert driver.ask("add 1 1 2") == "ok 3"
    return driver


def a_call_that_was_withdrawn_never_runs():
    server = serve()
    driver = patient_and_not(server)
    pause(server)
    try:
        assert driver.ask("fill 1 200") == "ok 200"  # more than the link takes while nobody reads
        refused(driver.ask("post 0 5"), "DEADLINE_EXCEEDED local never TimeoutError")
        refused(driver.ask("add 0 1 2"), "DEADLINE_EXCEEDED local never TimeoutError")
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert driver.ask("empty 1", 60) == "ok 200"
    assert driver.ask("add 1 4 4") == "ok 8"
    client = raw(server)
    assert "<5" not in client.log()
    client.close()
    driver.end()
    assert server.stop() == (0, "stopped\n")


def a_call_that_had_left_may_have_run():
    server = serve()
    driver = patient_and_not(server)
    pause(server)
    try:
        refused(driver.ask("add 0 1 2"), "DEADLINE_EXCEEDED local maybe TimeoutError")
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert driver.ask("add 1 4 4") == "ok 8"
    driver.end()
    assert server.stop() == (0, "stopped\n")


# ---- the end of a program ----

def programs_that_free_nothing_end_cleanly():
    server = serve("keep=1")
    driver = connect(server, keep=True)
    assert driver.ask("add 0 1 2") == "ok 3"
    assert driver.ask(f"new 1 {uri(server.address, 'nobody')}") == "ok"
    refused(driver.ask("add 1 1 2"), "NOT_FOUND")
    assert driver.ask("start 1 0 1") == "ok"
    assert driver.ask("ready 1") == "ok 0"
    driver.end()
    client = raw(server)
    client.run("drop", int_argument(1))
    client.close()
    assert server.stop() == (0, "stopped\n")


def a_program_can_end_while_its_calls_run():
    server = serve()
    client = raw(server)
    keys = range(1, 9)
    for _ in range(5):
        driver = connect(server, keep=True)
        for key in keys:
            assert driver.ask(f"start {key} 0 {key}") == "ok"
        wait_for_held(client, len(keys))
        for key in keys:
            assert driver.ask(f"ready {key}") == "ok 0", driver.ask(f"get {key}")
        begin = time.monotonic()
        driver.end()
        assert time.monotonic() - begin < 10
        for key in keys:  # the next driver's calls are to be held under the same
            client.run("drop", int_argument(key))
    client.close()
    assert server.stop() == (0, "stopped\n")


def many_clients_call_at_once():
    server = serve()
    drivers = [connect(server) for _ in range(6)]
    wrong = []

    def work(driver):
        for i in range(60):
            if driver.ask(f"add 0 {i} 1") != f"ok {i + 1}":
                wrong.append(driver)
        if driver.ask("echo 0 300000") != "ok 300000":
            wrong.append(driver)

    threads = [threading.Thread(target=work, args=(d,)) for d in drivers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for driver in drivers:
        driver.end()
    assert server.stop() == (0, "stopped\n")


CASES = [t10_sigterm_and_sigint_stop_a_daemon, a_signal_lets_running_calls_be_answered,
         a_second_signal_has_its_default_effect, a_daemon_that_leaves_signals_alone_is_ended_by_them,
         a_daemon_that_is_killed_and_started_again_is_found_again, a_client_that_is_killed_is_noticed,
         a_call_that_was_withdrawn_never_runs, a_call_that_had_left_may_have_run,
         programs_that_free_nothing_end_cleanly, a_program_can_end_while_its_calls_run, many_clients_call_at_once]


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell has what it runs in the background ignore it
    cases = Cases()
    for case in CASES:
        cases.run(case)
    cases.end()


main()
