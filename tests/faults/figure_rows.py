# SPDX-License-Identifier: MIT
"""A run of each fault that figures.py measures. A row gets figures, and tells it what it measured."""

import functools
import itertools
import mmap
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

import h2
from common import BIN, FOLDER, PREFACE, Caller, Server, as_nobody, call, within
from h2 import END_HEADERS, RESET, Raw, frame, headers
from ports import port_of_ours

import figure_tools
from figure_tools import Asker, Keys, Names, Rate, gone_after, relay_to, uri

numbers = itertools.count(1)


def f1(figures):
    """a server is killed with 100 calls in flight"""
    server = Server()
    caller = Caller("lose", server.uri, 100, 60000)
    caller.wait_for("ready")
    killed = time.monotonic()
    server.kill()
    figures.at_most("calls ended after", 1000 * (caller.wait_for("ended") / 1e6 - killed), 200, "ms")
    caller.wait_for("other")
    figures.exactly("calls that ended otherwise than UNAVAILABLE", 100 - caller.said["unavailable"][0], 0)
    figure_tools.end(caller)


def f2(figures):
    """a server restarts at its address, after 2 s"""
    port = port_of_ours()
    server = Server(f"port={port}")
    caller = Caller("lose", server.uri, 10, 60000)
    caller.wait_for("ready")
    server.kill()
    caller.wait_for("ended")
    time.sleep(2)  # it is down
    server = Server(f"port={port}")
    listens = time.monotonic()
    figures.at_most("first success after it listened", 1000 * (caller.wait_for("first") / 1e6 - listens), 2500, "ms")
    caller.finish()
    server.stop()


def f3(figures):
    """a server restarts at another port, and registers its name again"""
    names = Names()
    server = Server("name=target", environment=names.environment)
    asker = Asker("PYRONAME:target", environment=names.environment)
    assert asker.status() == 0
    server.stop()
    server = Server("name=target", environment=names.environment)
    registered = time.monotonic()
    assert within(lambda: asker.status() == 0, 10), "it never comes back"
    figures.at_most("first success after it registered", 1000 * (time.monotonic() - registered), 3000, "ms")
    asker.end()
    server.stop()
    names.stop()


def f4(figures):
    """SIGTERM with 100 calls in flight, 10 idle clients and 5 silent peers"""
    server = Server("drain_ms=3000")
    silent = [socket.create_connection(server.address.split(":")) for _ in range(5)]
    for peer in silent[:2]:
        peer.sendall(PREFACE)
    idle = [Caller("hold", server.uri, 0) for _ in range(10)]
    for each in idle:
        each.wait_for("ready")
    caller = Caller("lose", server.uri, 100, 1000)
    caller.wait_for("ready")
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    figures.exactly("exit code", server.wait(), 0)
    figures.at_most("gone after SIGTERM, calls of 1 s in flight", time.monotonic() - begin, 3.5, "s")
    caller.wait_for("other")
    figures.exactly("calls in flight that were not answered", 100 - caller.said["ok"][0], 0)
    for each in [caller, *idle]:
        figure_tools.end(each)
    for peer in silent:
        peer.close()


def f5(figures):
    """one of two replicas is killed under load"""
    servers = [Server(), Server()]
    asker = Asker(",".join(server.uri for server in servers))
    failed = 0
    for n in range(2000):
        if n == 1000:
            servers[0].kill()
        failed += asker.status() != 0
    figures.at_most("of 2,000 calls that may run once, failed", failed, 1, "")
    asker.end()
    servers[1].stop()


def f7(figures):
    """the name server, which keeps names in memory, is away for 5 s; an owner has 1,000 names"""
    port = port_of_ours()
    names = Names(port=port, ttl_ms=10000)
    owner = subprocess.Popen([BIN / "test-owner", *(f"n{i}" for i in range(1000))], stdout=subprocess.PIPE, text=True,
                             env=dict(os.environ, **names.environment))
    assert owner.stdout.readline() == "Ready\n"
    server = Server("name=target", environment=names.environment)
    asker = Asker("PYRONAME:target", environment=names.environment)
    failed, until = asker.status() != 0, time.monotonic() + 5
    names.process.kill()
    names.process.wait()
    while time.monotonic() < until:
        failed += asker.status() != 0
    names.stop()
    names = Names(port=port, ttl_ms=10000)
    began = time.monotonic()
    assert within(lambda: names.numbered() == 1000, 20), names.numbered()
    figures.at_most("1,000 names are back after", time.monotonic() - began, 10 / 3 + 2, "s")
    failed += asker.status() != 0
    figures.exactly("calls that failed", failed, 0)
    asker.end()
    server.stop()
    owner.terminate()
    assert owner.wait(20) == 0
    owner.stdout.close()
    names.stop()


def f12(figures):
    """a partition, a call pending (keepalive of 1 s instead of 10 s)"""
    server = Server(environment=figure_tools.QUICK)
    before = server.fds()
    relay, patient = relay_to(server), relay_to(server)
    holder = Caller("hold", uri(patient.address, "target"), 10)
    holder.wait_for("ready")
    begin = time.monotonic()
    patient("stop")
    caller = Caller("lose", uri(relay.address, "target"), 10, 60000, environment=figure_tools.QUICK)
    caller.wait_for("ready")
    cut = time.monotonic()
    relay("stop")
    figures.at_most("caller is told after", caller.wait_for("ended") / 1e6 - cut, 2.0, "s")
    figure_tools.end(caller)
    relay("reset")
    assert within(lambda: server.fds() <= before, 20), "the daemon keeps the connection"
    figures.at_most("daemon lets go after (it waits six times as long)", time.monotonic() - begin, 8.5, "s")
    figure_tools.end(holder)
    relay.close()
    patient.close()
    server.stop()


def f14(figures):
    """the first of two replicas lets callers in and says nothing"""
    servers = [Server(), Server()]
    relay = relay_to(servers[0])
    relay("mute")
    asker = Asker(f"{uri(relay.address, 'target')},{servers[1].uri}")
    begin = time.monotonic()
    assert asker.status() == 0
    figures.at_most("first call answered after", 1000 * (time.monotonic() - begin), 1500, "ms")
    asker.end()
    relay.close()
    for server in servers:
        server.stop()


def silent_peers(figures, what, server, connect):
    fds = server.fds()
    quiet = call("latency", server.uri, 2000)["p99"] if what != "TLS" else 0
    assert within(lambda: server.fds() <= fds)
    rss, begin = server.rss(), time.monotonic()
    peers = [connect() for _ in range(1000)]
    assert within(lambda: server.fds() >= fds + 1000), server.fds()
    figures.at_most(f"memory of one of 1,000 silent peers, {what}", (server.rss() - rss) / 1000 / 1024, 30, "KiB")
    if quiet:
        figures.at_most(f"others' p99 beside them, {what}", call("latency", server.uri, 2000)["p99"], max(2 * quiet, 1000), "us")
    gone = gone_after(server, fds, begin, 15)
    figures.at_most(f"all closed after, {what}", gone, 12, "s")
    for peer in peers:
        peer.close()
    server.stop()


def f15(figures):
    """1,000 peers that connect and say nothing: TCP, a unix socket, TLS"""
    server = Server()
    silent_peers(figures, "TCP", server, lambda: socket.create_connection(server.address.split(":")))
    path = f"{FOLDER}/silent{next(numbers)}"

    def knock():
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(path)
        return peer

    silent_peers(figures, "unix socket", Server(f"socket={path}"), knock)
    sealed = Server(environment=Keys().environment("server"))
    silent_peers(figures, "TLS", sealed, lambda: socket.create_connection(sealed.address.split(":")))


def f17(figures):
    """9,000 connections, as many as RLIMIT_NOFILE of 20,000 lets a daemon have"""
    server = Server()
    fds = server.fds()
    assert call("serial", server.uri, 10)["calls"] == 10
    assert within(lambda: server.fds() <= fds)
    rss = server.rss()
    first = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
    peers = []
    for _ in range(9000):
        peers.append(socket.create_connection(server.address.split(":")))
        peers[-1].sendall(first)
    assert within(lambda: server.fds() >= fds + 9000), server.fds() - fds
    figures.at_most("memory of a connection (HTTP/2)", (server.rss() - rss) / 9000 / 1024, 30, "KiB")
    figures.at_most("others' p99", call("latency", server.uri, 2000)["p99"] / 1000, 20, "ms")
    begin = time.monotonic()
    for peer in peers:
        peer.close()
    figures.at_most("descriptors back after", gone_after(server, fds, begin, 10), 2, "s")
    server.stop()


def f18(figures):
    """a daemon with 64 descriptors, and 100 connections"""
    server = Server(max_fds=64)
    call("serial", server.uri, 3)
    fds, cpu, begin = server.fds(), server.cpu(), time.monotonic()
    peers = [socket.create_connection(server.address.split(":")) for _ in range(100)]
    time.sleep(1)  # while none is free
    used = 100 * (server.cpu() - cpu) / (time.monotonic() - begin)
    for peer in peers:
        peer.close()
    closed = time.monotonic()
    call("serial", server.uri, 1)
    figures.at_most("next call answered after the flood", 1000 * (time.monotonic() - closed), 1000, "ms")
    figures.at_most("processor time during the flood", used, 5, "%")
    assert within(lambda: server.fds() <= fds), (server.fds(), fds)
    server.stop()


def reset_calls(port, n):
    """Returns how many calls of n were made and reset, and read by the daemon."""
    block = headers((":method", "POST"), (":scheme", "http"), (":path", "/faults.Target/increment"), (":authority", "x"),
                    ("te", "trailers"), ("content-type", "application/grpc"))
    peer, made = Raw(port), 0
    while made < n and not peer.is_closed:
        stream = 2 * made + 1
        peer.send(frame(1, END_HEADERS, stream, block) + frame(0, 1, stream, bytes(5)) +
                  frame(RESET, 0, stream, struct.pack(">I", 8)))
        if made % 100 == 0:
            peer.pump()
        made += 1
    read = peer.is_read()
    peer.close()
    return made if read else 0


def f20(figures):
    """20,000 calls of HTTP/2 that are reset at once, on one connection, by another user and by the same user"""
    attackers = {"the same user": (reset_calls, None)}  # gRPC core makes a call of each before the daemon sees the first
    if os.geteuid() == 0:
        attackers["another user"] = functools.partial(as_nobody, reset_calls), 64
    else:
        print("    f20 another user: skipped, needs root")
    for who, (run, most) in attackers.items():
        server = Server()
        call("serial", server.uri, 10)
        server.forget_peak()
        rss, rate = server.rss(), Rate(server.uri)
        figures.exactly(f"calls of {who}", run(server.port, 20000), 20000)
        figures.at_most(f"others' p99, {who}", rate.end() / 1000, 50, "ms")
        figures.at_most(f"memory at most, {who}", (server.peak() - rss) / (1 << 20), most, "MiB")
        server.stop()


def plain(one):
    return one


def header_bomb(server, wrap, n, size):
    """A header in n CONTINUATION frames, until it is cut. Returns how many bytes of it left."""
    sent = 0
    try:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # the system holds little that the daemon does not take
        one.connect(("127.0.0.1", int(server.port)))
        peer = wrap(one)
        peer.settimeout(5)
        peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
        begin, more = h2.bomb(1, size)
        peer.sendall(begin)
        at_once = 1 if size else 100
        for _ in range(n // at_once):
            peer.sendall(more * at_once)
            sent += len(more) * at_once
        peer.close()
    except OSError:
        pass
    return sent


def bomb(figures, who, server, run, most=None, n=1000, size=16384):
    """run: makes the call of header_bomb(), or another process does; most: seconds. None: there is no goal."""
    rate = Rate(server.uri) if who != "TLS" else None  # which a caller without a certificate cannot have
    cpu = server.cpu()
    sent = run(n, size)
    time.sleep(0.3)  # what it does with what it has
    if rate:
        figures.at_most(f"others' p99, {who}", rate.end() / 1000, 50, "ms")
        figures.at_most(f"others' longest call, {who}", 1000 * max(rate.times), 1000, "ms")
    figures.at_most(f"processor time, {who}", server.cpu() - cpu, most, "s")
    figures.at_most(f"sent before the end, {who}", sent / (1 << 20), most and 1, "MiB")
    server.kill()  # it is not stopped: gRPC core may be at it for as long again


def asked_plain(address, environment):
    """A call as gRPC's own clients make it. Returns the processor time of the client in microseconds."""
    process = subprocess.Popen([BIN / "faults-client", "asked", f"PYRO:target@{address}", "1"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, **environment))
    process.stdin.write(b"\n")
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return int(1e6 * (usage.ru_utime + usage.ru_stime))


def answered_with_a_bomb(figures, who, wrap, run, most=None, n=1000, size=16384):
    """run: makes the call, as whatever user."""
    sent = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        server = threading.Thread(target=lambda: sent.append(h2.answer_with_a_bomb(listener, wrap, n, size)))
        server.start()
        used = run(asked_plain, "{}:{}".format(*listener.getsockname()))
        server.join()
    figures.at_most(f"processor time of a client, {who}", used / 1e6, most, "s")
    figures.at_most(f"sent to a client before the end, {who}", sent[0] / (1 << 20), most and 1, "MiB")


def bombs_of_servers(figures, keys):
    tls = keys.environment("client")
    answered_with_a_bomb(figures, "TLS", keys.serving, lambda run, at: run(at, tls), 1)
    answered_with_a_bomb(figures, "the same user", plain, lambda run, at: run(at, {}))
    if os.geteuid() != 0:
        return
    for who, n, size in (("another user", 1000, 16384), ("another user, frames of no bytes", 1000000, 0)):
        answered_with_a_bomb(figures, who, plain, lambda run, at: as_nobody(run, at, {}), 1, n, size)


def f21(figures):
    """a header of 16 MiB in CONTINUATION frames: at a port with TLS, and at one without by another user and by the same user;
    the same in an answer"""
    keys = Keys()
    bombs_of_servers(figures, keys)
    secret = Server(environment=keys.environment("server"))
    bomb(figures, "TLS", secret, lambda *what: header_bomb(secret, keys.nameless, *what), 0.1)
    secret = Server(environment=keys.environment("server"))
    bomb(figures, "TLS", secret, lambda *what: header_bomb(secret, keys.named, *what), 0.1)
    open_one = Server()
    bomb(figures, "the same user", open_one, lambda *what: header_bomb(open_one, plain, *what))
    if os.geteuid() != 0:
        print("    f21 another user: skipped, needs root")
        return
    for who, n, size in (("another user", 1000, 16384), ("another user, frames of no bytes", 1000000, 0)):
        other = Server()
        bomb(figures, who, other, functools.partial(as_nobody, header_bomb, other, plain), 1, n, size)


def f22(figures):
    """certificates are renewed, damaged, mismatched and missing under load"""
    keys = Keys()
    server = Server(environment=keys.environment("server"))
    asker = Asker(server.uri, environment=keys.environment("client"))
    failed = handshakes = 0
    for what in ("renewed", "damaged", "renewed", "mismatched", "renewed", "missing", "renewed"):
        keys.change("server", what)
        until = time.monotonic() + 1.2  # it looks once a second
        while time.monotonic() < until:
            failed += asker.status() != 0
        newcomer = Asker(server.uri, environment=keys.environment("client"))
        handshakes += newcomer.status() != 0
        newcomer.end()
    figures.exactly("calls that failed", failed, 0)
    figures.exactly("new connections that failed", handshakes, 0)
    asker.end()
    server.stop()


def f23(figures):
    """the wall clocks of server, name server and client jump by an hour and a day, both ways"""
    clock = pathlib.Path(FOLDER, f"clock{next(numbers)}")
    clock.write_bytes(bytes(8))
    jumping = dict(LD_PRELOAD=str(BIN / "faults-clock.so"), PYRITE_TEST_CLOCK=str(clock), PYRITE_TIMEOUT_MS="3000")
    names = Names(jumping)
    environment = dict(names.environment, **jumping)
    server = Server("name=target", environment=environment)
    asker = Asker("PYRONAME:target", environment=environment)
    failed = lost = 0
    with open(clock, "r+b") as file, mmap.mmap(file.fileno(), 8) as place:
        for seconds in (3600, -3600, 86400, -86400, 0):
            place[:] = struct.pack("=q", seconds)
            until = time.monotonic() + 0.7
            while time.monotonic() < until:
                failed += asker.status() != 0
                lost += not names.has("target")
    assert names.saw_jumps(), "no clock jumped"
    figures.exactly("calls that failed", failed, 0)
    figures.exactly("look-ups that found no name, leases of 2 s", lost, 0)
    asker.end()
    server.stop()
    names.stop()


def f29(figures):
    """a second daemon on the port or the socket of another, a second name server on its database"""
    path, port, database = f"{FOLDER}/two{next(numbers)}", port_of_ours(), f"{FOLDER}/names{next(numbers)}"
    first = [Server(f"socket={path}"), Server(f"port={port}")]
    names = subprocess.Popen([BIN / "pyrite-ns", "--port", "0", "--storage", f"sqlite:{database}"], stdout=subprocess.PIPE, text=True)
    assert names.stdout.readline()
    for command in (["faults-server", f"socket={path}"], ["faults-server", f"port={port}"],
                    ["pyrite-ns", "--port", "0", "--storage", f"sqlite:{database}"]):
        begin = time.monotonic()
        done = subprocess.run([BIN / command[0], *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        figures.at_most("refused after", 1000 * (time.monotonic() - begin), 1000, "ms")
        assert done.returncode not in (0, 3) or command[0] == "pyrite-ns" and done.returncode == 3, (command, done)
        assert done.stderr, command
    for server in first:
        assert call("serial", server.uri, 1)["calls"] == 1
        server.stop()
    names.terminate()
    assert names.wait(20) == 0
    names.stdout.close()
