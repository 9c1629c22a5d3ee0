#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients of Python's Pyro4, as Debian has it, call daemons in C and find them by pyrite-ns. Prints "ok <case>" or "not ok
<case>"."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid

os.environ["PYRO_NS_HOST"] = "127.0.0.1"
import Pyro4
import Pyro4.errors
import Pyro4.util
import serpent

import names_cases
from programs import PATIENCE, Examples, Program, fails, same, until

KEY = bytes(range(32))


CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def the_seed_s_client_gets_3(s):
    proxy = Pyro4.Proxy("PYRONAME:example.batched")
    same(proxy.add(1, 2), 3)
    same(Pyro4.Proxy(s.uris["example.batched"]).add(1, 2), 3)


@case
def a_client_knows_methods_attributes_and_oneways(s):
    with s.proxy("example.attributes") as p:
        p._pyroBind()
        same(p._pyroAttrs, {"prop_value", "prop_sub"})
        assert {"getValue", "__dunder__"} <= p._pyroMethods
    with s.proxy("example.oneway") as p:
        p._pyroBind()
        same(p._pyroOneway, {"oneway_start", "oneway_work"})
        same(p._pyroAttrs, set())


@case
def each_serializer_works(s):
    for name in ("serpent", "json", "marshal", "msgpack"):
        with s.proxy("probe", _pyroSerializer=name) as p:
            same(p.mirror({"x": 1, "y": -2}), {"x": -2, "y": 1})
            same(list(p.pieces(2, 3))[1] in (b"\0\0\0", {"data": "AAAA", "encoding": "base64"}), True)
            error = fails(Pyro4.errors.PyroError, "demo.NoFunds", p.pay, 5)
            same((error.missing, error.currency, error.exception), (5, "EUR", "demo.NoFunds"))
            same((list(error.payers), error.rates, error.final, error.place, error.other),
                 (["ann", "bob"], {"EUR": 1.0, "USD": 0.5}, True, {"x": 1, "y": 2}, None))
            same((error.receipt in (b"\0\1", {"data": "AAE=", "encoding": "base64"}), hasattr(error, "note")), (True, False))
            if name == "marshal":
                continue  # which Pyro4 itself cannot send a batch in
            batch = Pyro4.batch(p)
            batch.mirror({"x": 1, "y": 2})
            batch.n_notes()
            same(list(batch())[0], {"x": 2, "y": 1})


@case
def arguments_come_in_order_or_by_name(s):
    with s.proxy("probe") as p:
        same(p.mirror({"x": 1, "y": 2}, 3), {"x": 6, "y": 3})
        same(p.mirror(factor=3, p={"x": 1, "y": 2}), {"x": 6, "y": 3})
        fails(TypeError, "p", p.mirror)
        fails(TypeError, "nonsense", p.mirror, {"x": 1, "y": 2}, nonsense=1)
        fails(TypeError, "x", p.mirror, {"x": "one", "y": 2})


@case
def attributes_are_read_and_written(s):
    with s.proxy("example.attributes") as p:
        before = p.prop_value
        p.prop_value += 500
        same(p.getValue(), before + 500)
        p.prop_value = before
        same(p.prop_sub, {"name": "value"})
        fails(AttributeError, "attempt to access unexposed or unknown remote attribute 'prop_sub'", setattr, p, "prop_sub", {})
        same(p.__dunder__(), "yep")


@case
def exceptions_are_pythons_and_have_a_traceback(s):
    with s.proxy("example.exceptions") as p:
        error = fails(ZeroDivisionError, "division by zero", p.div, 2, 0)
        fails(ValueError, "a valueerror! Great!", p.error)
        fails(RuntimeError, "a runtime error!", p.othererr)
        text = "".join(Pyro4.util.getPyroTraceback(type(error), error, error.__traceback__))
        assert "examples.c:" in text and "demo.Exceptions.div" in text, text
    with s.proxy("probe") as p:
        for code, kind in ((2, RuntimeError), (3, ValueError), (5, LookupError), (7, Pyro4.errors.SecurityError),
                           (9, RuntimeError), (10, Pyro4.errors.PyroError), (11, IndexError), (12, NotImplementedError),
                           (4, Pyro4.errors.TimeoutError)):
            fails(kind, "so it is", p.fail, code, "so it is")
        same(fails(Pyro4.errors.NamingError, "unknown name: x", p.fail, 5, "NamingError: unknown name: x").status, "NOT_FOUND")
        fails(KeyError, "key", p.fail, 5, "KeyError: key")


@case
def errors_are_worded_as_pyro_does(s):
    fails(Pyro4.errors.CommunicationError, "rejected: unknown object", Pyro4.Proxy(
        s.uris["probe"].replace("PYRO:probe@", "PYRO:nothing@"))._pyroBind)
    with s.proxy("probe") as p:
        p._pyroBind()
        fails(AttributeError, "has no exposed attribute or method 'nothing'", lambda: p.nothing)
        fails(AttributeError, "has no exposed attribute or method 'nothing'", p._pyroInvoke, "nothing", (), {})
        fails(AttributeError, "'mirror.x'", p._pyroInvoke, "mirror.x", (), {})
        fails(Pyro4.errors.DaemonError, "unknown object", p._pyroInvoke, "mirror", (), {}, objectId="nothing")
        fails(NotImplementedError, "cannot send a stream", p.count, [1, 2])
    Pyro4.config.SERIALIZERS_ACCEPTED.add("pickle")
    with s.proxy("probe", _pyroSerializer="pickle") as p:
        fails(Pyro4.errors.CommunicationError, "message used serializer that is not accepted: 4", p._pyroBind)


@case
def a_batch_stops_at_the_first_error_and_keeps_what_came_before(s):
    with s.proxy("example.batched") as p:
        batch = Pyro4.batch(p)
        batch.add(1, 2)
        batch.divide(1, 0)
        batch.add(3, 4)
        results = batch()
        same(next(results), 3)
        fails(ZeroDivisionError, "by zero", next, results)
        fails(StopIteration, "", next, results)
        batch.add(1, 2)
        batch._BatchProxyAdapter__calls.append(("nothing", (), {}))
        results = batch()
        same(next(results), 3)
        fails(AttributeError, "nothing", next, results)
        batch.add(5, 6)
        same(batch(oneway=True), None)


@case
def oneways_are_run_also_when_the_client_leaves_at_once(s):
    with s.proxy("probe") as p:
        before = p.n_notes()
    for _ in range(20):
        with s.proxy("probe") as p:
            same(p.note("and gone"), None)
    with s.proxy("probe") as p:
        for _ in range(100):
            p.note("in a row")
        until(lambda: p.n_notes() == before + 120)


@case
def oneways_hold_nobody_up(s):
    with s.proxy("example.oneway") as p:
        begin = time.monotonic()
        p.oneway_start(1)
        until(lambda: not p.ready())
        assert time.monotonic() - begin < 0.9
    with s.proxy("probe") as p:
        p._pyroBind()
        p._pyroOneway = {"n_notes", "hang", "pieces", "nothing"}
        same((p.n_notes(), p.pieces(1, 1)), (None, None))
        same(p.mirror({"x": 1, "y": 2}), {"x": 2, "y": 1})


@case
def streams_are_read_item_by_item(s):
    with s.proxy("example.streamer") as p:
        same(list(p.generator()), [1, 2, 3, 4, 5, 6, 7, 8, 9])
        items = p.iterator()
        same([next(items), next(items)], [1, 2])
        items.close()
        fails(StopIteration, "", next, items)
        first, second = p.generator(), p.iterator()
        same([next(first), next(second), next(first)], [1, 1, 2])
    with s.proxy("probe") as p:
        same(len(list(p.pieces(20, 100000))), 20)
        streams = [p.pieces(1, 1) for _ in range(64)]
        fails(Pyro4.errors.PyroError, "at most 64 item streams", p.pieces, 1, 1)
        for stream in streams:
            stream.close()


@case
def a_stream_belongs_to_its_connection(s):
    with s.proxy("example.streamer") as p, s.proxy("example.streamer") as q:
        items = p.generator()
        fails(Pyro4.errors.PyroError, "item stream terminated", q._pyroInvoke, "get_next_stream_item", (items.streamId,), {},
              objectId="Pyro.Daemon")
        same(next(items), 1)


@case
def a_stream_goes_on_after_a_reconnect(s):
    with s.proxy("example.streamer") as p:
        items = p.generator()
        same(next(items), 1)
        p._pyroRelease()
        fails(Pyro4.errors.ConnectionClosedError, "the proxy for this stream result has been closed", next, items)
        p._pyroReconnect(1)
        same(list(items), [2, 3, 4, 5, 6, 7, 8, 9])


@case
def a_stream_is_closed_when_it_is_forgotten(s):
    with s.proxy("example.streamer") as p:
        for _ in range(100):
            items = p.generator()
            next(items)
            p.list()
            del items


@case
def annotations_and_correlation_ids_go_both_ways(s):
    with s.proxy("probe") as p:
        own = uuid.uuid4()
        Pyro4.current_context.correlation_id = own
        same(p.correlation(), str(own))
        same(uuid.UUID(bytes=bytes(Pyro4.current_context.response_annotations["CORR"])), own)
        Pyro4.current_context.correlation_id = None
        Pyro4.current_context.annotations = {"XYZZ": b"data"}
        same(p.annotation("XYZZ"), "data")
        same(bytes(Pyro4.current_context.response_annotations["ECHO"]), b"data")
        same(p.annotation("XYZZ"), "")


@case
def large_and_compressed_values_pass(s):
    with s.proxy("probe") as p:
        same(serpent.tobytes(p.bytes(3000000)), bytes(3000000))
        Pyro4.config.COMPRESSION = True
        try:
            same(serpent.tobytes(p.bytes(300000)), bytes(300000))
            fails(RuntimeError, "x" * 1000, p.fail, 2, "x" * 1000)
        finally:
            Pyro4.config.COMPRESSION = False


@case
def a_client_that_leaves_ends_its_call(s):
    with s.proxy("probe", _pyroTimeout=0.2) as p:
        fails(Pyro4.errors.TimeoutError, "timeout", p.hang)
        p._pyroTimeout = None
        until(p.was_left)


@case
def idle_connections_cost_no_thread(s):
    proxies = [s.proxy("probe") for _ in range(200)]
    for proxy in proxies:
        proxy._pyroBind()
    assert len(os.listdir(f"/proc/{s.process.pid}/task")) < 60
    same(proxies[150].mirror({"x": 1, "y": 2}), {"x": 2, "y": 1})
    for proxy in proxies:
        proxy._pyroRelease()


@case
def calls_of_many_clients_run_side_by_side(s):
    def work():
        with s.proxy("example.batched") as p:
            p.delay(0.3)

    threads = [threading.Thread(target=work) for _ in range(8)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin < 1.5


@case
def the_daemon_s_own_object_answers(s):
    address = s.uris["probe"].split("@")[1]
    with Pyro4.Proxy("PYRO:Pyro.Daemon@" + address) as d:
        same(d.ping(), None)
        assert {"Pyro.Daemon", "probe", "example.timeout"} <= set(d.registered())
        assert d.info().startswith(f"Pyro.Daemon bound on {address}, NAT None, "), d.info()
        same(d.get_metadata("example.timeout"), {"methods": ["delay"], "oneway": [], "attrs": []})
        fails(Pyro4.errors.DaemonError, "unknown object", d.get_metadata, "nothing")
    with s.proxy("probe") as p:
        p._pyroBind()
        Pyro4.message.Message.ping(p._pyroConnection)


@case
def objects_come_as_proxies_and_go_back_as_such(s):
    with s.proxy("example.autoproxy") as p:
        thing = p.createSomething(7)
        same(type(thing), Pyro4.Proxy)
        same(thing.speak("hello"), None)


@case
def a_servant_calls_the_client_s_object(s):
    done = threading.Event()

    class Callback:
        @Pyro4.expose
        def done(self, number):
            done.number = number
            done.set()

    with Pyro4.Daemon() as daemon, s.proxy("example.callback") as p:
        callback = Callback()
        daemon.register(callback)
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        p.addworker(callback).work(0)
        assert done.wait(PATIENCE)
        same(type(done.number), int)
        daemon.shutdown()
        thread.join()
    fails(TypeError, "callback", s.proxy("example.callback").addworker, 7)


@case
def instances_live_as_long_as_their_mode_says(s):
    for name, all_same, next_same in (("instance.single", True, True), ("instance.session", True, False),
                                      ("instance.percall", False, False)):
        with s.proxy(name) as p, s.proxy(name) as q:
            one, two, other = p.msg("a"), p.msg("b"), q.msg("c")
            same((one == two, two == other), (all_same, next_same))


@case
def resources_are_closed_when_the_client_leaves(s):
    with s.proxy("service") as watcher:
        with s.proxy("service") as p:
            p.allocate("lamp")
            same(watcher.list(), ["lamp"])
        until(lambda: watcher.list() == [])


@case
def callers_are_who_they_are(s):
    with s.proxy("probe") as p:
        p._pyroBind()
        same(p.caller(), "127.0.0.1:%d" % p._pyroConnection.sock.getsockname()[1])


@case
def a_handshake_is_judged_by_the_daemon(s):
    guarded = Examples("--guarded")
    try:
        fails(Pyro4.errors.CommunicationError, "rejected: wrong secret code, connection refused",
              guarded.proxy("probe")._pyroBind)
        seen = []

        class Proxy(Pyro4.Proxy):
            def _pyroValidateHandshake(self, response):
                seen.append(response)

        with Proxy(guarded.uris["probe"]) as p:
            p._pyroHandshake = "pancakes"
            same(p.mirror({"x": 1, "y": 2}), {"x": 2, "y": 1})
            same(p._pyroInvoke("delay", (0,), {}, objectId="example.timeout"), "slept 0 seconds")
        same(seen, ["how are you doing"])
        Pyro4.config.METADATA = False
        with guarded.proxy("probe") as p:
            fails(Pyro4.errors.SecurityError, "wrong secret code", p._pyroInvoke, "n_notes", (), {})
    finally:
        Pyro4.config.METADATA = True
        guarded.end()


@case
def a_shared_key_is_proved_by_signatures(s):
    keyed = Examples("--key", "friend:" + KEY.hex())
    try:
        with keyed.proxy("probe", _pyroHmacKey=KEY) as p:
            same(p.mirror({"x": 1, "y": 2}), {"x": 2, "y": 1})
            same(p.identity(), "key:friend")
            fails(ValueError, "no", p.fail, 3, "no")
        fails(Pyro4.errors.CommunicationError, "hmac key config not symmetric", keyed.proxy("probe")._pyroBind)
        fails(Pyro4.errors.CommunicationError, "hmac key config not symmetric",
              keyed.proxy("probe", _pyroHmacKey=b"another")._pyroBind)
    finally:
        keyed.end()
    fails(Pyro4.errors.CommunicationError, "hmac key config not symmetric", s.proxy("probe", _pyroHmacKey=KEY)._pyroBind)


@case
def a_unix_socket_will_do(s):
    with tempfile.TemporaryDirectory() as folder:
        local = Examples("--socket", folder + "/socket")
        with local.proxy("probe") as p:
            same(p.identity(), f"uid:{os.getuid()}")
            same(str(p._pyroUri), f"PYRO:probe@./u:{folder}/socket")
        local.end()


@case
def a_serial_daemon_serves_them(s):
    serial = Examples("--serial")
    with serial.proxy("probe") as p, serial.proxy("probe") as q:
        for i in range(50):
            same(p.mirror({"x": i, "y": 2}), {"x": 2, "y": i})
            same(q.mirror({"x": i, "y": 2}), {"x": 2, "y": i})
    serial.end()


@case
def a_daemon_that_ends_cuts_idle_clients_and_answers_the_others(s):
    mortal = Examples()
    idle, busy = mortal.proxy("probe"), mortal.proxy("example.timeout")
    idle._pyroBind()
    busy._pyroBind()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(busy.delay(0.5)))
    thread.start()
    with Pyro4.Proxy("PYRO:Pyrite.Daemon@" + busy._pyroUri.location) as daemon:
        until(lambda: daemon.statistics()["n_busy"] > 1)  # the call that asks, and that which is slow
    chatty, chats = mortal.proxy("probe"), threading.Event()

    def chat():
        try:
            while True:
                chatty.n_notes()
                chats.set()
        except Pyro4.errors.CommunicationError:
            pass

    chatter = threading.Thread(target=chat)
    chatter.start()
    assert chats.wait(PATIENCE)
    begin = time.monotonic()
    mortal.end()
    assert time.monotonic() - begin < 4
    thread.join()
    chatter.join()
    same(answers, ["slept 0 seconds"])
    fails(Pyro4.errors.ConnectionClosedError, "receiving", idle.n_notes)


@case
def a_leased_name_is_not_for_others_to_take(s):
    with Pyro4.locateNS() as ns:
        fails(Pyro4.errors.NamingError, "example.timeout", ns.register, "example.timeout", "PYRO:x@y:1")
        fails(Pyro4.errors.NamingError, "example.timeout", ns.remove, "example.timeout")
        assert "example.timeout" in ns.list(prefix="example.")


@case
def a_python_server_is_found_by_a_python_client_through_pyrite_ns(s):
    @Pyro4.expose
    class Server:
        def add(self, x, y):
            return x + y

    with Pyro4.Daemon() as daemon, Pyro4.locateNS() as ns:
        ns.register("python.server", daemon.register(Server))
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        same(Pyro4.Proxy("PYRONAME:python.server").add(1, 2), 3)
        ns.remove("python.server")
        daemon.shutdown()
        thread.join()


@case
def pyrite_ns_answers_who_asks_by_udp(s):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(PATIENCE)
        udp.sendto(b"GET_NSURI and more", ("127.0.0.1", s.discovery))
        udp.sendto(b"GET_NSURI", ("127.0.0.1", s.discovery))
        same(udp.recv(200).decode(), f"PYRO:Pyro.NameServer@127.0.0.1:{Pyro4.config.NS_PORT}")


@case
def a_client_that_knows_no_address_finds_pyrite_ns(s):
    port = Pyro4.config.NS_PORT
    Pyro4.config.NS_BCPORT, Pyro4.config.NS_PORT = s.discovery, free_port(socket.SOCK_STREAM)
    Pyro4.config.BROADCAST_ADDRS = "0.0.0.0"
    try:
        with Pyro4.locateNS() as ns:
            same(ns._pyroUri.port, port)
    finally:
        Pyro4.config.NS_PORT = port


@case
def the_protocol_can_be_turned_off(s):
    deaf = Examples(PYRITE_FACES="-pyro")
    fails(Pyro4.errors.ConnectionClosedError, "receiving", deaf.proxy("probe")._pyroBind)
    deaf.end()


@case
def pyro4_nsc_is_content(s):
    def nsc(*arguments):
        return subprocess.run(["pyro4-nsc", "-n", "127.0.0.1", "-p", str(Pyro4.config.NS_PORT), *arguments], check=True,
                              capture_output=True, text=True, timeout=PATIENCE).stdout

    same(nsc("ping"), "Name server ping ok.\n")
    assert f"example.timeout --> {s.uris['example.timeout']}\n" in nsc("list", "example.")


CASES.extend(names_cases.CASES)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(server):
    failed = 0
    only = sys.argv[1:]
    for function in CASES:
        if only and function.__name__ not in only:
            continue
        try:
            function(server)
            print("ok", function.__name__, flush=True)
        except Exception:
            failed += 1
            print("not ok", function.__name__, flush=True)
            print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
    return failed


def main():
    guard = threading.Timer(120, os._exit, (3,))
    guard.daemon = True
    guard.start()
    discovery = free_port(socket.SOCK_DGRAM)
    names = Program("pyrite-ns", "--port", "0", "--storage", "memory", "--discovery", str(discovery), until="URI")
    port = names.lines[-1].rsplit(":", 1)[1]
    Pyro4.config.NS_PORT = int(port)
    server = Examples("--names", PYRITE_NS_PORT=port)
    server.discovery = discovery
    failed = run(server)
    server.end()
    names.end(signal=True)
    sys.stdout.flush()
    os._exit(failed != 0)


main()
