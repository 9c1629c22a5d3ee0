#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""C calls objects that Python's Pyro serves: the real Pyro4, a small server of Pyro5's protocol, and servers that do not
keep to it. Prints "ok <case>" or "not ok <case>"."""

import contextlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
import zlib

import serpent
import Pyro4
import Pyro4.errors

CALLER = pathlib.Path(os.environ["PYRITE_BUILD"]) / "bin" / "pyro-caller"
PATIENCE = 30


# ---- what is served ----

class NoFunds(Exception):
    def __init__(self, missing):
        super().__init__("no funds")
        self.missing = missing


class Unseen(Exception):
    """Its attributes are not those that the IDL wants."""


@Pyro4.expose
class Server:
    def __init__(self):
        self.notes = []
        self._level = 7

    def add(self, x, y):
        return x + y

    def echo(self, text):
        return text

    def blob(self, data):
        return bytes(serpent.tobytes(data))

    def move(self, p, dx):
        return {"x": p["x"] + dx, "y": p["y"], "name": "moved"}

    def count(self, words):
        return {word: words.count(word) for word in words}

    def other(self, color):
        return "GREEN" if color == "RED" else "RED"

    def half(self, x):
        return x / 2, x % 2

    def maybe(self, yes):
        return "yes" if yes else None

    def fail(self, how):
        if how == "value":
            raise ValueError("bad value")
        if how == "funds":
            raise NoFunds(5)
        if how == "unseen":
            raise Unseen("x")
        if how == "key":
            return {}["k"]
        if how == "type":
            return 1 + "a"
        raise Pyro4.errors.NamingError("unknown name: x")

    @Pyro4.oneway
    def note(self, text):
        self.notes.append(text)

    def noted(self):
        return sorted(self.notes)

    def wrong(self, how):
        if how == "stream":
            return (i for i in range(3))
        return {"text": "a", "none": None, "large": 2**40, "list": [1]}[how]

    def numbers(self, n):
        return (i for i in range(n))

    def points(self, how):
        def items():
            yield {"x": 1, "y": 2}
            if how == "large":
                for i in range(5):
                    yield {"x": i, "y": 0, "name": "x" * 200000}
            if how == "wrong":
                yield {"x": 1}
                yield {"x": 1, "y": "b"}
            if how == "raises":
                raise ValueError("no more")
        if how == "at once":
            raise NoFunds(5)
        return [1] if how == "list" else items()

    def wrong_point(self):
        return {"x": 1, "y": "b"}

    def slow(self, ms):
        time.sleep(ms / 1000)
        return ms

    @property
    def level(self):
        return self._level

    @level.setter
    def level(self, value):
        self._level = value

    @property
    def title(self):
        return "the title"

    def _hidden(self):
        return 1


EXPECTED = r"""add: 3
echo: it's "€"
\
other: 1
half: 3.5 rest 1
maybe: yes
maybe: (none)
blob: 300 same
blob: 200000 same
count: a 2
count: b 1
move: 6 2 moved
value: 3 builtins.ValueError: bad value
funds: 10 no funds
unseen: 10 x
key: 5 builtins.KeyError: k
type: 3 builtins.TypeError: unsupported operand type(s) for +: 'int' and 'str'
pyro: 5 Pyro4.errors.NamingError: unknown name: x
missing: pyrod.NoFunds
text: 13 ProtocolError: pyrod.Server.wrong of 'server' at ADDRESS: result 'ret': expected an integer, got 'a'
none: 13 ProtocolError: pyrod.Server.wrong of 'server' at ADDRESS: result 'ret': expected an integer, got None
large: 13 ProtocolError: pyrod.Server.wrong of 'server' at ADDRESS: result 'ret': 1099511627776 does not fit int32
list: 13 ProtocolError: pyrod.Server.wrong of 'server' at ADDRESS: result 'ret': expected an integer, got a list
stream: 12 ProtocolError: pyrod.Server.wrong of 'server' at ADDRESS: it returns a stream of items, which is not called over Pyro's protocol
wrong_point: 13 ProtocolError: pyrod.Server.wrong_point of 'server' at ADDRESS: ret.y: expected an integer, got 'b'
hidden: 12 remote object 'server' has no exposed attribute or method 'hidden'
level: 42
title: the title
noted: first
noted: second
numbers: 1000, sum 499500
numbers: 10, sum 45
numbers: 0, sum 0
point: 1 2 0
point: 1 2 0
point: 0 0 200000
point: 1 0 200000
point: 2 0 200000
point: 3 0 200000
point: 4 0 200000
point: 1 2 0
point: 1 0 0
wrong: 13 ProtocolError: pyrod.Server.points of 'server' at ADDRESS: item.y: expected an integer, got 'b'
point: 1 2 0
raises: 3 builtins.ValueError: no more
at once: 2 __main__.NoFunds: no funds
list: 13 ProtocolError: pyrod.Server.points of 'server' at ADDRESS: it returns no stream of items
batch: 9 batches are not sent over Pyro's protocol
pour: 9 a stream cannot be passed over Pyro's protocol
add: 7
slow: 4 TimeoutError: no answer from ADDRESS in time
add: 42
"""


def call(uri, *arguments, **env):
    """What the caller prints, without what changes from run to run."""
    done = subprocess.run([CALLER, uri, *map(str, arguments)], stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True,
                          env=dict(os.environ, **env))
    return re.sub(r"(localhost|127\.0\.0\.1):\d+", "ADDRESS", done.stdout)


def check_same(actual, expected):
    assert actual == expected, f"printed:\n{actual}\nexpected:\n{expected}"


def pyro4():
    return serving_object(Server(), "server")


@contextlib.contextmanager
def serving_object(served, name):
    daemon = Pyro4.Daemon(host="127.0.0.1")
    uri = daemon.register(served, name)
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    try:
        yield str(uri)
    finally:
        daemon.shutdown()
        thread.join()
        daemon.close()


# ---- small servers ----

def receive(connection, n):
    data = b""
    while len(data) < n:
        part = connection.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


@contextlib.contextmanager
def serving(serve):
    """serve(connection) for each connection, one after the other."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    is_over = False

    def loop():
        while True:
            connection, _ = listener.accept()
            if is_over:
                connection.close()
                return
            connection.settimeout(PATIENCE)
            with connection, contextlib.suppress(EOFError, ConnectionError):
                serve(connection)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield f"PYRO:server@127.0.0.1:{listener.getsockname()[1]}"
    finally:
        is_over = True
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


CONNECT, CONNECTOK, CONNECTFAIL, INVOKE, RESULT = 1, 2, 3, 4, 5


class Pyro5:
    """A connection of Pyro5's protocol, from the server's side."""

    def __init__(self, connection):
        self.connection = connection
        self.seq = 0

    def read(self):
        """The type and payload of a message; None after one of another version."""
        head = receive(self.connection, 6)
        if head != b"PYRO" + struct.pack("!H", 502):
            self.send(CONNECTFAIL, "invalid protocol version")
            return None, None
        kind, _, _, self.seq, n_data, n_annotations, _, _, magic = struct.unpack("!BBHHII16sHH", receive(self.connection, 34))
        assert magic == 0x4dc5
        return kind, serpent.loads(receive(self.connection, n_annotations + n_data)[n_annotations:])

    def send(self, kind, value, flags=0, seq=None, payload=None, serializer=1):
        payload = serpent.dumps(value) if payload is None else payload
        self.connection.sendall(b"PYRO" + struct.pack("!HBBHHII16sHH", 502, kind, serializer, flags, self.seq if seq is None else seq,
                                                      len(payload), 0, bytes(16), 0, 0x4dc5) + payload)

    def connect(self):
        kind, data = self.read()
        if kind != CONNECT:
            raise EOFError
        assert data == {"handshake": "hello", "object": "Pyro.Daemon"}, data
        self.send(CONNECTOK, {"handshake": "hello", "meta": {"methods": [], "oneway": [], "attrs": []}})

    def bind(self):
        _, (target, method, vargs, kwargs) = self.read()
        assert (target, method, tuple(vargs), kwargs) == ("Pyro.Daemon", "get_metadata", ("server",), {})
        self.send(RESULT, {"methods": {"add"}, "oneway": set(), "attrs": set()})


def serve_adds(connection):
    pyro = Pyro5(connection)
    pyro.connect()
    pyro.bind()
    while True:
        _, (target, method, vargs, _) = pyro.read()
        assert (target, method) == ("server", "add")
        pyro.send(RESULT, sum(vargs))


# ---- cases ----

def an_object_of_pyro4_is_called_by_a_generated_proxy():
    with pyro4() as uri:
        check_same(call(uri), EXPECTED)


def an_object_in_c_calls_one_in_python_that_it_is_given():
    teller = subprocess.Popen([CALLER.with_name("pyro-teller")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    guard = threading.Timer(PATIENCE, teller.kill)
    guard.start()
    heard = threading.Event()

    @Pyro4.expose
    class Listener:
        def ask(self, x):
            return x * x

        @Pyro4.oneway
        def heard(self, text):
            assert text == "here is a question"
            heard.set()

    with serving_object(Listener(), "listener") as uri, Pyro4.Proxy(teller.stdout.readline().strip()) as proxy:
        assert proxy.tell(Pyro4.Proxy(uri), 7) == 49
        assert proxy.tell(uri, 8) == 64
        assert heard.wait(PATIENCE)
    teller.stdin.close()
    assert teller.wait() == 0
    guard.cancel()


def tool(*arguments):
    """What pyrite prints, also as errors, and its exit code."""
    done = subprocess.run([CALLER.with_name("pyrite"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE, check=False)
    return done.stdout.strip(), done.returncode


def an_object_of_pyro4_is_described_and_called_without_types():
    with pyro4() as uri:
        described, code = tool("describe", uri)
        assert code == 0 and "// add(...)\n" in described and "// oneway note(...)\n" in described, described
        assert "// attribute level\n" in described and "_hidden" not in described, described
        looked, code = tool("doctor", uri)
        assert code == 0 and "Python's Pyro" in looked, looked
        for arguments, said in ((["add", "1", "2"], "3"), (["add", "x=1", "y=2"], "3"), (["echo", "a text"], '"a text"'),
                                (["echo", '[1, -2.5, {"a": [null, true]}]'], '[1, -2.5, {"a": [null, true]}]'),
                                (["move", '{"x": 1, "y": 2}', "3"], '{"x": 4, "y": 2, "name": "moved"}'), (["half", "7"], "[3.5, 1]"),
                                (["maybe", "false"], "null"), (["note", "hello"], "null"), (["set_level", "9"], "null"),
                                (["get_level"], "9"), (["echo", "12345678901234567890"], '"12345678901234567890"')):
            check_same(tool("call", uri, *arguments), (said, 0))
        for arguments, said in ((["nothing"], "pyro.Untyped has no operation 'nothing'"), (["fail", "value"], "builtins.ValueError: bad value"),
                                (["add", "1"], "missing 1 required positional argument: 'y'"),
                                (["add", "1", "y=2"], "'y=2': arguments go in order, or all by name"),
                                (["echo", "123456789012345678901234567890"], "an integer is too large"),
                                (["get_level", "1"], "'1' is one argument too many")):
            answer, code = tool("call", uri, *arguments)
            assert said in answer and code != 0, (answer, code)


def an_object_that_is_not_there_is_named():
    with pyro4() as uri:
        check_same(call(uri.replace("server@", "other@"), 1), "add: 5 DaemonError: object 'other' at ADDRESS: unknown object\n")


def a_daemon_of_pyro5_is_spoken_to_in_its_own_version():
    with serving(serve_adds) as uri:
        check_same(call(uri, 3), "add: 4\nadd: 3\nadd: 2\n")


def a_connection_that_is_lost_is_made_again():
    def serve(connection):
        pyro = Pyro5(connection)
        pyro.connect()
        pyro.bind()
        _, (_, _, vargs, _) = pyro.read()
        pyro.send(RESULT, sum(vargs))

    with serving(serve) as uri:
        lines = call(uri, 2).splitlines()
        assert lines[0] == "add: 3", lines
        assert lines[1] == "add: 2" or "14 ConnectionClosed" in lines[1], lines


def a_call_that_is_too_late_holds_up_no_other():
    silent = []

    def serve(connection):
        pyro = Pyro5(connection)
        pyro.connect()
        pyro.bind()
        while True:
            _, (_, _, vargs, _) = pyro.read()
            if not silent:  # nothing more is said on the first one
                silent.append(connection.dup())
                return
            pyro.send(RESULT, sum(vargs))

    with serving(serve) as uri:
        check_same(call(uri, 3, 500), "add: 4 TimeoutError: no answer from ADDRESS in time\nadd: 3\nadd: 2\n")
    silent[0].close()


def a_proxy_that_wants_a_key_proved_sends_nothing_to_who_cannot():
    said = []

    def serve(connection):
        said.append(connection.recv(24))
        connection.sendall(b"PYRO" + struct.pack("!HBBHHII16sHH", 502, CONNECTFAIL, 1, 0, 0, 0, 0, bytes(16), 0, 0x4dc5))
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    with serving(serve) as uri:
        answer = call(uri, 1, PYRITE_SHARED_KEY="00" * 32)
    assert re.match(r"add: \d+ ", answer) and not answer.startswith("add: 2\n"), answer
    assert not any(data.startswith(b"PYRO") for data in said), said


def what_a_server_refuses_is_told():
    def serve(connection):
        pyro = Pyro5(connection)
        if pyro.read()[0] == CONNECT:
            pyro.send(CONNECTFAIL, "no free workers, increase server threadpool size")

    with serving(serve) as uri:
        check_same(call(uri, 1), "add: 7 CommunicationError: ADDRESS rejects the connection: "
                                 "no free workers, increase server threadpool size\n")


def answers_are_inflated():
    def serve(connection):
        pyro = Pyro5(connection)
        pyro.connect()
        pyro.bind()
        pyro.read()
        pyro.send(RESULT, None, flags=2, payload=zlib.compress(serpent.dumps(99)))

    with serving(serve) as uri:
        check_same(call(uri, 1), "add: 99\n")


BOMB = zlib.compress(b" " * 100000000, 1)  # more than a message may have
BAD = [
    ("a wrong sequence number", lambda pyro: pyro.send(RESULT, 3, seq=999), "ProtocolError"),
    ("an answer of another type", lambda pyro: pyro.send(CONNECTOK, 3), "ProtocolError"),
    ("no message", lambda pyro: pyro.connection.sendall(b"x" * 100), "unsupported protocol version"),
    ("half a message", lambda pyro: pyro.connection.sendall(b"PYRO\x01\xf6\x05"), "ConnectionClosed"),
    ("nothing", lambda pyro: None, "ConnectionClosed"),
    ("a length beyond all", lambda pyro: pyro.connection.sendall(
        b"PYRO" + struct.pack("!HBBHHII16sHH", 502, RESULT, 1, 0, pyro.seq, 2**32 - 1, 0, bytes(16), 0, 0x4dc5)), "message too large"),
    ("an unknown serializer", lambda pyro: pyro.send(RESULT, 3, serializer=77), "unknown serializer 77"),
    ("text that is no serpent", lambda pyro: pyro.send(RESULT, 3, payload=b"__import__('os')"), "malformed serpent at byte "),
    ("a damaged compression", lambda pyro: pyro.send(RESULT, 3, flags=2, payload=b"xyz"), "the compressed payload is damaged"),
    ("a bomb", lambda pyro: pyro.send(RESULT, 3, flags=2, payload=BOMB), "max message size exceeded"),
    ("deep lists", lambda pyro: pyro.send(RESULT, 3, payload=b"[" * 100000), "it is nested too deep"),
    ("an exception that is none", lambda pyro: pyro.send(RESULT, 3, flags=1), "it raised something that is not an exception"),
    ("a stream", lambda pyro: pyro.send(RESULT, 3, flags=16), "it returns a stream of items"),
]


def bad_answers_are_refused_by_name():
    for name, answer, text in BAD:
        def serve(connection, answer=answer):
            pyro = Pyro5(connection)
            pyro.connect()
            pyro.bind()
            pyro.read()
            answer(pyro)

        with serving(serve) as uri:
            said = call(uri, 1)
            assert text in said, f"{name}: {said}"


def bad_greetings_are_refused_by_name():
    for name, data, text in (("a flood", b"PYRO" * 10000, ""), ("nothing", b"", ""), ("another protocol", b"HTTP/1.1 400\r\n\r\n", "")):
        def serve(connection, data=data):
            connection.recv(24)
            connection.sendall(data)

        with serving(serve) as uri:
            said = call(uri, 1)
            assert said.startswith("add: ") and re.match(r"add: \d+ \w", said) and text in said, f"{name}: {said}"


def main():
    failed = 0
    for case in (an_object_of_pyro4_is_called_by_a_generated_proxy, an_object_in_c_calls_one_in_python_that_it_is_given,
                 an_object_of_pyro4_is_described_and_called_without_types,
                 an_object_that_is_not_there_is_named,
                 a_daemon_of_pyro5_is_spoken_to_in_its_own_version, a_connection_that_is_lost_is_made_again,
                 a_call_that_is_too_late_holds_up_no_other, a_proxy_that_wants_a_key_proved_sends_nothing_to_who_cannot, what_a_server_refuses_is_told,
                 answers_are_inflated, bad_answers_are_refused_by_name, bad_greetings_are_refused_by_name):
        try:
            case()
            print("ok", case.__name__)
        except Exception:
            failed += 1
            print("not ok", case.__name__)
            traceback.print_exc(file=sys.stdout)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
