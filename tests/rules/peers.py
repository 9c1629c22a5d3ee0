# SPDX-License-Identifier: MIT
"""What the rules of both ends share: a raw client that is bound to e2e-server, a raw server for rules-client."""

import time

from raw import PATIENCE, Cases, Client, Driver, Program, Server, frame, hello, int_arguments, result_int, uri, varint

CANCELLED, UNKNOWN, INVALID, DEADLINE, NOT_FOUND, EXHAUSTED, PRECONDITION = 1, 2, 3, 4, 5, 8, 9
UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 12, 13, 14, 16
FRAGMENT = 65536
MORE, CONTINUES, ONEWAY = 2, 4, 1
MIB = 1 << 20


def linked(server, **fields):
    client = Client(server.address)
    client.bind(**fields)
    return client


def protocol_error(client, *parts):
    """The link ends with a Goaway that says why."""
    goaway = client.goaway()
    assert goaway.code == INTERNAL, goaway
    assert goaway.message.startswith("ProtocolError: "), goaway
    for part in parts:
        assert part in goaway.message, goaway
    client.wait_end()
    client.close()


def wait_log(client, text):
    """Reads the log until it is text; what it reads is gone."""
    so_far, until = "", time.monotonic() + 20
    while so_far != text:
        assert text.startswith(so_far) and time.monotonic() < until, f"log is {so_far!r}, expected {text!r}"
        so_far += client.log()


def shut(client):
    for gate in range(16):
        client.run("shut", int_arguments(gate))


def held(client):
    payload = client.run("held")
    numbers = {}
    while payload:
        numbers[payload[0] >> 3], payload = payload[1], payload[2:]
    return numbers.get(1, 0), numbers.get(2, 0)


def hold(client, key, control=None, **fields):
    """Starts a call of hold() and returns its number when its method has run."""
    control = control or client
    before = held(control)[0]
    number = client.start("hold", int_arguments(key), **fields)
    until = time.monotonic() + PATIENCE
    while held(control)[0] == before:
        assert time.monotonic() < until
    return number


class Met:
    """A client, a raw server, and proxy 0 from the one to the other."""

    def __init__(self, talk, options=""):
        self.server = Server(talk)
        self.client = Driver()
        assert self.client.ask(f"new 0 {uri(self.server.address)} {options}") == "ok"

    def ask(self, command):
        return self.client.ask(command)

    def end(self):
        self.client.end()
        self.server.stop()
        if self.server.failure:
            raise self.server.failure


def call_of(link, skip=0):
    """The next call, but for `skip` that came before."""
    def calls():
        return [f for f in link.frames if f.HasField("call") and not f.call.flags & CONTINUES]
    link.wait(lambda f: len(calls()) > skip)
    return calls()[skip]


def answer_adds(link, bound=True, hi=True):
    """A server that does what it should: adds with the numbers of the request, until the link ends."""
    if hi:
        link.send(hello())
    done = set()
    while True:
        with link.changed:
            link.changed.wait_for(lambda: link.ended or any(id(f) not in done for f in link.frames), PATIENCE)
            new = [f for f in link.frames if id(f) not in done]
            if link.ended and not new:
                return
        for f in new:
            done.add(id(f))
            if f.HasField("bind") and bound:
                link.send(frame(bound=dict(session=f.bind.session, fingerprint=f.bind.fingerprint)))
            elif f.HasField("call"):
                numbers = numbers_of(f.call.payload)
                link.send(frame(f.number, reply=dict(payload=b"\x08" + varint(sum(numbers)))))


def numbers_of(payload):
    numbers = []
    while payload:
        numbers.append(result_int(payload))
        i = 1
        while payload[i] & 0x80:
            i += 1
        payload = payload[i + 1:]
    return numbers


def refused(line, status, *parts):
    assert line.startswith(status), line
    for part in parts:
        assert part in line, line


def cases_of(names, parameters):
    """The functions of a script whose parameters are among these."""
    found = [value for value in names.values() if hasattr(value, "__code__") and value.__module__ == "__main__"]
    return [case for case in found if case.__code__.co_varnames[:case.__code__.co_argcount] in parameters]


def server_cases(names):
    """Runs case(server) for each, with one e2e-server for all; cases that take `_server` start their own."""
    cases = Cases()
    server = Program("e2e-server", "threads=8")
    for case in cases_of(names, (("server",), ("_server",))):
        cases.run(case, server)
        if server.process.poll() is not None:
            print(f"    the server ended with {server.process.returncode}")
            server = Program("e2e-server", "threads=8")

    def the_daemon_ends_cleanly_after_all_that():
        assert server.stop() == (0, "stopped\n")

    cases.run(the_daemon_ends_cleanly_after_all_that)
    cases.end()


def client_cases(names):
    cases = Cases()
    for case in cases_of(names, ((),)):
        cases.run(case)
    cases.end()
