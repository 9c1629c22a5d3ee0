#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Ends that come without a word: clients and servers that are killed. Prints "ok <case>" or "not ok <case>"."""

import pathlib
import signal
import socket
import struct
import threading
import time

from common import (FOLDER, IS_SANITIZED, MIB, Cases, Caller, Server, call, crowd, report, within)
from ports import port_of_ours

# A preface, an empty SETTINGS frame, and headers of a unary call that no DATA follows.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def headers(stream, path):
    block = b"\x83\x86" + literal(b":path", path) + literal(b":authority", b"a")
    block += literal(b"te", b"trailers") + literal(b"content-type", b"application/grpc")
    return len(block).to_bytes(3, "big") + b"\x01\x04" + stream.to_bytes(4, "big") + block


def data(stream, payload):
    return len(payload).to_bytes(3, "big") + b"\0\0" + stream.to_bytes(4, "big") + payload


def serves(server):
    assert call("serial", server.uri, 3)["calls"] == 3


def back_to(server, fds, rss, room):
    """What was taken is given back: descriptors all, memory but for what the allocator keeps."""
    assert within(lambda: server.fds() <= fds), f"{server.fds()} descriptors, {fds} before"
    grown = server.rss() - rss
    report(f"descriptors back to {fds}, memory {grown / MIB:+.1f} MiB", f"<= {room} MiB")
    assert grown <= room * MIB or IS_SANITIZED, f"{grown / MIB:.1f} MiB more"


def a_daemon_outlives_60_clients_that_leave_with_64_calls_in_flight_each(_):
    server = Server()
    fds = server.fds()
    serves(server)
    crowd(server.uri, 20, 64, "exit")
    serves(server)
    rss = server.rss()
    assert crowd(server.uri, 60, 64, "exit") == 60
    serves(server)
    back_to(server, fds, rss, 8)
    server.stop()


def and_450_that_are_killed(_):
    server = Server()
    fds = server.fds()
    serves(server)
    crowd(server.uri, 50, 8, "kill")
    serves(server)
    rss = server.rss()
    assert crowd(server.uri, 450, 8, "kill") == 450
    serves(server)
    back_to(server, fds, rss, 8)
    server.stop()


def plain_calls_whose_request_never_came_end_with_their_connection(_):
    server = Server()
    fds = server.fds()
    for n in range(60):
        peer = socket.create_connection(server.address.split(":"))
        peer.sendall(PREFACE)
        for stream in range(1, 129, 2):
            peer.sendall(headers(stream, b"/faults.Target/add"))
            if stream % 4 == 1:
                peer.sendall(data(stream, b"\0\0\0\0\x04\x08\x01"))  # announces four bytes
        if n % 2:  # reset, instead of an orderly end
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    serves(server)
    assert within(lambda: server.fds() <= fds), f"{server.fds()} descriptors, {fds} before"
    server.stop()


def calls_in_flight_end_when_the_server_is_killed_and_the_proxy_finds_the_next(_):
    port = port_of_ours()
    server = Server(f"port={port}")
    caller = Caller("lose", server.uri, 100, 60000)
    caller.wait_for("ready")
    killed = time.monotonic()
    server.kill()
    ended = caller.wait_for("ended") / 1e6 - killed
    time.sleep(1)  # down for a while: the client has been refused by then
    server = Server(f"port={port}")
    listens = time.monotonic()
    first = caller.wait_for("first") / 1e6 - listens
    said = caller.finish()
    assert (said["unavailable"], said["may_have_run"], said["ok"], said["other"]) == (100, 100, 0, 0), said
    report(f"100 calls ended {1000 * ended:.0f} ms after the server", "<= 200 ms")
    assert ended <= (2 if IS_SANITIZED else 0.2)
    report(f"first success {1000 * first:.0f} ms after the next listened", "<= 2,500 ms")
    assert first <= 2.5
    server.stop()


def increments_are_counted_once_while_the_server_restarts(_):
    counter, port = pathlib.Path(FOLDER, "counter"), port_of_ours()
    server = Server(f"counter={counter}", f"port={port}")
    caller = Caller("increments", server.uri, 1000)
    for step in (250, 500, 750):
        caller.wait_for("at", step)
        server.stop()
        server = Server(f"counter={counter}", f"port={port}")
        serves(server)  # it runs, and takes signals: the client may have been as far as the next step
    said = caller.finish()
    counted = int(counter.read_text())
    report(f"{counted} counted, {said['successes']} successes, {said['unsure']} may have run, "
           f"{said['failures']} failures", "counted = successes + n, n <= may have run")
    assert said["successes"] <= counted <= said["successes"] + said["unsure"]
    server.stop()


def a_stop_answers_what_is_in_flight_whoever_else_is_connected(_):
    server = Server("drain_ms=3000")
    silent = [socket.create_connection(server.address.split(":")) for _ in range(5)]
    for peer in silent[:2]:
        peer.sendall(PREFACE)  # and then no word more
    idle = [Caller("hold", server.uri, 0) for _ in range(10)]
    for each in idle:
        each.wait_for("ready")
    caller = Caller("lose", server.uri, 100, 1000)
    caller.wait_for("ready")
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    code = server.wait()
    took = time.monotonic() - begin
    while caller.read() is not None and "other" not in caller.said:
        pass
    said = caller.said
    report(f"{said['ok'][0]} of 100 answered, exit code {code} after {took:.2f} s", "100, 0, <= 3.5 s")
    assert said["ok"] == [100] and code == 0 and took <= 3.5, (said, code, took)
    caller.process.kill()
    for each in [caller, *idle]:
        each.process.stdin.close()
        each.process.wait()
        each.process.stdout.close()
    for peer in silent:
        peer.close()


def what_does_not_end_in_time_is_cut(_):
    server = Server("drain_ms=500")
    caller = Caller("lose", server.uri, 100, 60000)
    caller.wait_for("ready")
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    code = server.wait()
    took = time.monotonic() - begin
    caller.wait_for("ended")
    caller.wait_for("other")
    report(f"exit code {code} after {took:.2f} s", "0, <= 1.0 s")
    assert caller.said["ok"] == [0] and caller.said["may_have_run"] == [100], caller.said
    assert code == 0 and took <= (3 if IS_SANITIZED else 1.0)
    caller.process.kill()
    caller.process.wait()


def main():
    cases = Cases()
    for case in (a_daemon_outlives_60_clients_that_leave_with_64_calls_in_flight_each, and_450_that_are_killed,
                 plain_calls_whose_request_never_came_end_with_their_connection,
                 calls_in_flight_end_when_the_server_is_killed_and_the_proxy_finds_the_next,
                 increments_are_counted_once_while_the_server_restarts,
                 a_stop_answers_what_is_in_flight_whoever_else_is_connected, what_does_not_end_in_time_is_cut):
        cases.run(case, None)
    cases.end()


main()
