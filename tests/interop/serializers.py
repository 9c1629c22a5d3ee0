#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pyro's serializers with the Python that writes and reads them: values of all sorts go out as Python writes them, are
read and written again by the library's own serializers, and come back as Python reads them. Prints "ok <case>" or
"not ok <case>"."""

import array
import datetime
import decimal
import marshal
import math
import os
import pathlib
import struct
import subprocess
import sys
import threading
import traceback
import uuid

import serpent
import Pyro4
import Pyro4.util

ECHO = pathlib.Path(os.environ["PYRITE_BUILD"]) / "bin" / "serializers-echo"
PATIENCE = 30
NAMES = ("serpent", "json", "marshal", "msgpack")
BIG = "x" * 70000

# Value, and what comes back where that is something else.
ZOO = [
    None, True, False, 0, 1, -1, 127, 128, 255, 256, -32, -33, 2**15 - 1, 2**15, -2**15, 2**31 - 1, 2**31, -2**31, -2**31 - 1,
    2**45, 2**60 + 3, 2**63 - 1, -2**63, 2**64 - 1, 0.0, -0.0, 1.0, 0.1, -1.5, 1e22, 1e-7, 5e-324, 1.7976931348623157e308,
    math.inf, -math.inf, "", "a", "'", '"', "'\"\\", "\n\r\t\x01\x7f\x85", "\u20ac \U0001f600 \u2028", BIG, "x" * 31, "x" * 32,
    "x" * 255, "x" * 256, [], [1], [[]], [1, "a", None, [2.5, [True]]], {}, {"a": 1}, {"a": {"b": {"c": []}}}, list(range(1000)),
    {f"key{i}": i for i in range(1000)}, {"class": "x", "data": "YWI=", "encoding": "utf-8"}, "\ud7ff\ue000\uffff",
    [[[[[[[[[[1]]]]]]]]]], ["the same"] * 20, [[1, 2]] * 3, {"__class": 1},
]
NOT_IN_JSON = [(), (1,), (1, 2), ((), ((),)), {1: "a", -5: "b"}, {True: 1}]
BYTES = [b"", b"ab", bytes(range(256)), b"x" * 70000, bytearray(b"abc")]
REFUSED = [1 + 2j, [{"a": 3j}]]


class Echo:
    def __init__(self):
        self.process = subprocess.Popen([ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.guard = threading.Timer(PATIENCE, self.process.kill)
        self.guard.start()

    def __call__(self, name, payload, protocol=48):
        number = {"serpent": 1, "json": 2, "marshal": 3, "msgpack": 6}[name] if protocol == 48 else \
                 {"serpent": 1, "json": 3, "marshal": 2, "msgpack": 4}[name]
        self.process.stdin.write(struct.pack("!HHI", protocol, number, len(payload)) + payload)
        self.process.stdin.flush()
        ok, n = struct.unpack("!BI", self.process.stdout.read(5))
        answer = self.process.stdout.read(n)
        if not ok:
            raise ValueError(answer.decode())
        return answer

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0
        self.guard.cancel()


def serializer(name):
    return Pyro4.util.get_serializer(name)


def through(echo, name, value):
    there = serializer(name)
    return there.loads(echo(name, there.dumps(value)))


def same(a, b):
    """Also of the same types, as 1 == 1.0 == True."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return a == b


def lists(value):
    """Tuples and sets come back as lists: what takes them is a sequence."""
    if isinstance(value, (list, tuple)):
        return [lists(item) for item in value]
    if isinstance(value, dict):
        return {key: lists(item) for key, item in value.items()}
    return value


def check_same(actual, expected):
    assert same(actual, expected), f"{actual!r:.200} is not {expected!r:.200}"


def refused(echo, name, payload, text):
    try:
        answer = echo(name, payload)
    except ValueError as error:
        assert text in str(error), f"{error} lacks {text!r}"
    else:
        raise AssertionError(f"{payload!r:.100} became {answer!r:.100}")


# ---- cases ----

def values_of_all_sorts_come_back_as_they_went(echo):
    for name in NAMES:
        for value in ZOO + (NOT_IN_JSON if name != "json" else []):
            if name == "msgpack" and isinstance(value, dict) and True in value:
                continue  # it has no such keys
            if name == "msgpack" and isinstance(value, dict) and 1 in value:
                continue  # msgpack's strict_map_key
            check_same(through(echo, name, value), lists(value))


def what_is_not_a_number_stays_that(echo):
    for name in NAMES:
        assert math.isnan(through(echo, name, math.nan))
        assert math.isnan(through(echo, name, [{"a": math.nan}])[0]["a"])


def bytes_come_back_where_there_are_bytes(echo):
    for value in BYTES:
        for name in ("marshal", "msgpack"):
            check_same(through(echo, name, value), bytes(value))
        assert serpent.tobytes(through(echo, "serpent", value)) == bytes(value)
        as_repr = serpent.dumps(value, bytes_repr=True)
        assert serpent.tobytes(serpent.loads(echo("serpent", as_repr))) == bytes(value)
    assert serpent.tobytes(through(echo, "json", {"data": "YWI=", "encoding": "base64"})) == b"ab"


def sets_come_back_as_lists(echo):
    for name in NAMES:
        check_same(sorted(through(echo, name, {1, 2, 3})), [1, 2, 3])
        check_same(through(echo, name, set()), [])
    check_same(through(echo, "marshal", frozenset([7])), [7])
    check_same(through(echo, "serpent", {7}), [7])


def serpent_writes_what_it_cannot_say_as_something_else(echo):
    check_same(through(echo, "serpent", decimal.Decimal("1.50")), "1.50")
    check_same(through(echo, "serpent", datetime.date(2020, 2, 3)), "2020-02-03")
    check_same(through(echo, "serpent", uuid.UUID(int=7)), str(uuid.UUID(int=7)))
    check_same(through(echo, "serpent", array.array("i", [1, 2])), [1, 2])
    check_same(serpent.loads(echo("serpent", serpent.dumps([{"b": 1, "a": (1,)}, {2}], indent=True))), [{"a": [1], "b": 1}, [2]])


def each_version_of_marshal_is_read(echo):
    shared = [1, ("x", 2.5)]
    for version in range(5):
        for value in ZOO + NOT_IN_JSON + [[shared, shared, {"k": shared}], ("abc", "abc", b"abc", b"abc")]:
            check_same(marshal.loads(echo("marshal", marshal.dumps(value, version))), lists(value))


def uris_and_proxies_come_back_as_they_went(echo):
    uris = ["PYRO:obj@localhost:4444", "PYRO:o@[::1]:7", "PYRO:o@./u:/tmp/s", "PYRONAME:some.name", "PYRONAME:n@host",
            "PYRONAME:n@host:9"]
    for name in NAMES:
        for uri in map(Pyro4.URI, uris):
            proxy = Pyro4.Proxy(uri)
            check_same(through(echo, name, uri), uri)
            assert type(through(echo, name, proxy)) is Pyro4.Proxy and through(echo, name, proxy) == proxy
            if name != "marshal":  # which has them alone
                check_same(through(echo, name, [uri, uri]), [uri, uri])
                check_same(through(echo, name, [proxy, {"p": proxy}]), [proxy, {"p": proxy}])


def exceptions_come_back_as_they_went(echo):
    error = ValueError("oops")
    error.extra = 5
    for name in NAMES:
        for sent in (error, Pyro4.errors.NamingError("unknown name: x")):
            back = through(echo, name, sent)
            assert type(back) is type(sent) and list(back.args) == list(sent.args), back
        assert through(echo, name, error).extra == 5


def what_has_no_place_is_refused_by_name(echo):
    for name in ("serpent", "marshal"):
        for value in REFUSED:
            refused(echo, name, serializer(name).dumps(value), "complex numbers are not supported")
    refused(echo, "msgpack", serializer("msgpack").dumps(2j), "complex numbers are not supported")
    refused(echo, "msgpack", serializer("msgpack").dumps(datetime.datetime(2020, 1, 1)), "a datetime is not supported")
    refused(echo, "msgpack", serializer("msgpack").dumps(datetime.date(2020, 1, 1)), "a date is not supported")
    refused(echo, "marshal", marshal.dumps(compile("1", "x", "eval")), "code is not supported")
    refused(echo, "marshal", marshal.dumps(...), "a type of value that is not supported")
    for value in (2**64, -2**70, 10**300):
        for name in NAMES:
            refused(echo, name, serializer(name).dumps(value), "an integer is too large")
    refused(echo, "serpent", serpent.dumps({(1, 2): 3}), "a key is a string, an integer or a bool")
    refused(echo, "serpent", serpent.dumps("\ud800"[:0] or "a\0b"), "a string cannot contain a NUL")
    refused(echo, "serpent", b"'\\ud800'", "an escape that is not a character")


def nothing_is_evaluated_and_nothing_malformed_passes(echo):
    for text in (b"__import__('os')", b"open('x')", b"1+1", b"[x for x in 'a']", b"f'{1}'", b"(1)", b"'a' 'b'", b"{1:2,3}", b"[1,,2]",
                 b"[1", b"(1,]", b"{'a':}", b"'a", b"'''a'''", b"1_0", b"0x10", b"01", b"--1", b"1.e", b".", b"nan", b"inf", b"[]]",
                 b"\xff", b"'\xff'", b"", b"# nothing", b"'\\x4'", b"b'\xc3\xa9'", b"r'a'", b"'\\N{DASH}'", b"lambda: 1", b"-", b"1 2"):
        refused(echo, "serpent", text, "malformed serpent at byte ")
    for text in (b"", b"[", b"{1:2}", b"[1,]", b"nul", b"'a'", b"[1] 2", b'"\\ud800"', b'{"a":1'):
        refused(echo, "json", text, "malformed json at byte ")
    for name in ("marshal", "msgpack"):
        for value in ([1, "abc", {"a": [2.5, None]}], 2**50, BIG):
            whole = serializer(name).dumps(value)
            for n in range(0, len(whole), 1 + len(whole) // 50):
                refused(echo, name, whole[:n], f"malformed {name} at byte ")
            refused(echo, name, whole + b"N", "something follows the value")


def what_is_deep_or_grows_is_bounded(echo):
    for name, opened in (("serpent", b"["), ("json", b"["), ("marshal", b")\x01"), ("msgpack", b"\x91")):
        refused(echo, name, opened * 100000, "it is nested too deep")
    refused(echo, "marshal", b"[\xff\xff\xff\x7f", "a collection of more values than there are bytes")
    refused(echo, "msgpack", b"\xdd\xff\xff\xff\xff", "a collection of more values than there are bytes")
    bomb = b"\xdb\x02\x00\x00\x00NN"  # each list holds the one before it ten times
    for i in range(30):
        bomb = b"\xdb\x0b\x00\x00\x00" + bomb + b"r" + struct.pack("<I", 29 - i + 1) * 1
        bomb += (b"r" + struct.pack("<I", 29 - i + 1)) * 9
    refused(echo, "marshal", bomb, "")
    refused(echo, "marshal", b"\xdb\x01\x00\x00\x00r\x00\x00\x00\x00", "a value is inside itself")


def main():
    failed = 0
    echo = Echo()
    for case in (values_of_all_sorts_come_back_as_they_went, what_is_not_a_number_stays_that, bytes_come_back_where_there_are_bytes,
                 sets_come_back_as_lists, serpent_writes_what_it_cannot_say_as_something_else, each_version_of_marshal_is_read,
                 uris_and_proxies_come_back_as_they_went, exceptions_come_back_as_they_went, what_has_no_place_is_refused_by_name,
                 nothing_is_evaluated_and_nothing_malformed_passes, what_is_deep_or_grows_is_bounded):
        try:
            case(echo)
            print("ok", case.__name__)
        except Exception:
            failed += 1
            print("not ok", case.__name__)
            traceback.print_exc(file=sys.stdout)
    echo.close()
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
