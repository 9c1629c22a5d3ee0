#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What somebody tries at a closed daemon, with a certificate of its CA and without. Prints "ok <case>" or "not ok <case>", and a
figure for each."""

import os
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

os.environ["RULES_LANE"] = "socket"
os.environ.pop("PYRITE_KEYS", None)

import raw  # pylint: disable=wrong-import-position
from peers import NOT_FOUND, cases_of  # pylint: disable=wrong-import-position
from raw import BIN, PATIENCE, PREFACE, Cases, Program, frame  # pylint: disable=wrong-import-position
from resume_rules import opened, resume, terminated  # pylint: disable=wrong-import-position
from stream_rules import Flow  # pylint: disable=wrong-import-position

H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BURST, EACH = 64, 0.05  # handshakes that a source may begin and not end well, and the seconds until one more


class Plug:
    """TLS over a socket that two threads use, which OpenSSL's own would not bear."""

    def __init__(self, tls):
        self.tls, self.lock = tls, threading.Lock()
        tls.setblocking(False)

    def step(self, function):
        while True:
            with self.lock:
                try:
                    return function()
                except ssl.SSLWantReadError:
                    wants = [self.tls], []
                except ssl.SSLWantWriteError:
                    wants = [], [self.tls]
            select.select(*wants, [], 0.05)

    def recv(self, n):
        return self.step(lambda: self.tls.recv(n))

    def sendall(self, data):
        while data:
            data = data[self.step(lambda: self.tls.send(data)):]

    def setsockopt(self, *what):
        self.tls.setsockopt(*what)

    def shutdown(self, how):
        socket.socket.shutdown(self.tls, how)


class World:
    """A CA, keys, and a daemon that asks for them."""

    def __init__(self, folder):
        self.folder = folder
        self.keys("keys", "init")
        for name in "server", "alice", "mallory":
            self.keys("keys", "add", name)
        self.keys("others", "init")
        self.keys("others", "add", "stranger")
        self.log = open(folder / "log", "w+", encoding="utf-8")
        self.server = self.start()
        self.address = self.server.address
        self.host, port = self.address.rsplit(":", 1)
        self.port = int(port)

    def keys(self, where, *words):
        subprocess.run([BIN / "pyrite", "keys", "--quiet", "--dir", self.folder / where, *words], check=True)

    def start(self):
        standard = os.dup(2)
        os.dup2(self.log.fileno(), 2)
        try:
            return Program("flow-server", environment=dict(PYRITE_KEYS=str(self.folder / "keys" / "server"),
                                                           PYRITE_LOG="debug"))
        finally:
            os.dup2(standard, 2)
            os.close(standard)

    def context(self, name="alice", where="keys", alpn="pyrite/1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        own = self.folder / where / name if name else None
        context.load_verify_locations(self.folder / "keys" / "alice" / "ca.pem")
        if own:
            context.load_cert_chain(own / "cert.pem", own / "key.pem")
        if alpn:
            context.set_alpn_protocols([alpn])
        return context

    def dial(self, source=None):
        return socket.create_connection((self.host, self.port), PATIENCE, (source, 0) if source else None)

    def tls(self, *arguments, **more):
        return self.context(*arguments, **more).wrap_socket(self.dial(), server_hostname=self.host)

    def flow(self, name="alice"):
        before = raw.connect
        raw.connect = lambda address: Plug(self.tls(name))
        try:
            return Flow(self.server)
        finally:
            raw.connect = before

    def said(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text("utf-8", "replace")

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        return int(pathlib.Path(f"/proc/{self.server.process.pid}/statm").read_text("ascii").split()[1]) * 4096

    def works(self):
        client = self.flow()
        assert client.reply(client.open("peek")) is not None
        client.close()


def figure(text):
    print(f"    {text}")


def is_over(plug):
    """Whether the other end closes, whatever it says before."""
    plug.settimeout(PATIENCE)
    try:
        while plug.recv(4096):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    return True


def hello_of(context, host):
    """The bytes of a ClientHello."""
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=host).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def crumbs(hello):
    """The same handshake message, a byte in each record."""
    assert hello[0] == 22 and struct.unpack(">H", hello[3:5])[0] == len(hello) - 5
    return b"".join(hello[:3] + b"\x00\x01" + hello[i:i + 1] for i in range(5, len(hello)))


# ---- without a certificate ----

def nobody_talks_to_it_without_tls(world):
    for said in PREFACE, H2_PREFACE + bytes(9), b"GET / HTTP/1.1\r\n\r\n", b"PYRO\x01\xf6", b"\x80\x2e\x01\x00\x02", bytes(64):
        plug = world.dial()
        plug.sendall(said)
        answer = plug.recv(64)
        assert answer == b"\x15\x03\x03\x00\x02\x02\x0a", answer
        assert is_over(plug)
    figure("6 other beginnings: each gets an alert and its end")
    world.works()


def nobody_gets_in_without_a_certificate_of_its_ca(world):
    for context in world.context(None), world.context("stranger", "others"):
        for alpn in "pyrite/1", "h2":
            context.set_alpn_protocols([alpn])
            plug = context.wrap_socket(world.dial(), server_hostname=world.host)
            try:  # TLS 1.3: the client is through before the server has looked
                plug.sendall(PREFACE if alpn == "pyrite/1" else H2_PREFACE)
                came = plug.recv(1)
            except OSError:  # an alert, if it has not been overtaken by the connection's end
                came = b""
            assert came == b"", came
    world.works()


def what_was_agreed_on_is_what_is_spoken(world):
    for alpn, said in ("h2", PREFACE), ("pyrite/1", H2_PREFACE), ("h2", b"GET / HTTP/1.1\r\n\r\n"), (None, bytes(64)):
        plug = world.tls(alpn=alpn)
        plug.sendall(said)
        assert is_over(plug)
    world.works()


def a_hello_in_crumbs_is_understood_and_so_is_what_follows(world):
    plug, incoming, outgoing = world.dial(), ssl.MemoryBIO(), ssl.MemoryBIO()
    plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls = world.context().wrap_bio(incoming, outgoing, server_hostname=world.host)
    is_first, is_done = True, False
    while not is_done:
        try:
            tls.do_handshake()
            is_done = True
        except ssl.SSLWantReadError:
            pass
        out = outgoing.read()
        for byte in crumbs(out) if is_first else out:
            plug.sendall(bytes([byte]))
        is_first = False
        if not is_done:
            incoming.write(plug.recv(65536))
    for byte in PREFACE:  # a record each
        tls.write(bytes([byte]))
        plug.sendall(outgoing.read())
    came = b""
    while len(came) < len(PREFACE):
        try:
            came += tls.read(4096)
        except ssl.SSLWantReadError:
            incoming.write(plug.recv(65536))
    assert came.startswith(PREFACE), came
    plug.close()


def what_is_no_handshake_ends_it(world):
    hello = hello_of(world.context(), world.host)
    for said in (b"\x16\x03\x01\x00\x00" * 64,  # nothing, again and again
                 hello + b"\x16\x03\x01\x00\x05hello", hello + hello, hello + PREFACE,
                 hello[:3] + b"\x40\x01" + bytes(0x4001),  # longer than a record may be
                 b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(0x4000)):  # of a ClientHello of 16 MiB
        plug = world.dial()
        plug.sendall(said)
        assert is_over(plug)
    world.works()


def many_that_begin_hold_little_memory(world):
    """As many as one source may begin, each with a record of a ClientHello that says it has 128 KiB."""
    before, plugs = world.memory(), []
    for _ in range(BURST):
        plug = world.dial("127.0.0.9")
        plug.sendall(b"\x16\x03\x01\x40\x00\x01\x02\x00\x00" + bytes(0x3ffc))
        plugs.append(plug)
    world.works()
    grown = world.memory() - before
    figure(f"{len(plugs)} half ClientHellos of 128 KiB: {grown >> 10} KiB, {(grown >> 10) / len(plugs):.0f} each")
    assert grown < len(plugs) * (512 << 10), grown
    for plug in plugs:
        plug.close()


def calls(client, until):
    """How long each call took, in seconds, until until() is true."""
    times = []
    while not until() or len(times) < 100:
        begin = time.monotonic()
        client.reply(client.open("peek"))
        times.append(time.monotonic() - begin)
    times.sort()
    return times


def flood(world, source, n, answered, ends):
    """Handshakes that no key ends well: a good ClientHello, and nonsense after the answer."""
    hello = hello_of(world.context(None), world.host)
    for _ in range(n):
        try:
            with world.dial(source) as plug:
                plug.sendall(hello)
                plug.settimeout(0.002)
                if plug.recv(5):
                    answered.append(time.monotonic())
                    plug.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        except OSError:
            pass
    ends.append(time.monotonic())


def a_flood_of_handshakes_from_one_source_costs_little_and_holds_up_nobody_else(world):
    client = world.flow()
    quiet = calls(client, lambda: True)
    answered, ends, n = [], [], 400
    cpu, begin = world.cpu(), time.monotonic()
    thread = threading.Thread(target=flood, args=(world, "127.0.0.8", n, answered, ends))
    thread.start()
    visits = []
    while not ends:
        start = time.monotonic()
        world.works()  # a handshake of another source's
        visits.append(time.monotonic() - start)
    thread.join()
    times = calls(client, lambda: True)
    lasted, cpu = ends[0] - begin, world.cpu() - cpu
    visits.sort()
    figure(f"{n} ClientHellos in {lasted:.1f} s, {len(answered)} of them answered; CPU of the daemon {cpu * 100 / lasted:.0f} %, with "
           f"{len(visits)} visits of others; those took {visits[len(visits) // 2] * 1000:.0f} ms, at most {visits[-1] * 1000:.0f}; a "
           f"call's p99 {quiet[-len(quiet) // 100] * 1000:.2f} ms before, {times[-len(times) // 100] * 1000:.2f} after")
    assert len(answered) <= BURST + lasted / EACH + 1, len(answered)
    client.close()

# ---- with another's certificate ----

def who_has_no_right_to_a_stream_does_not_resume_it(world):
    token = b"alice's token..."
    first = world.flow("alice")
    number = opened(first, "forever", b"", token=token)
    first.wait_items(number, 20)
    mallory = world.flow("mallory")
    terminated(mallory, resume(mallory, token, attempt=5))
    first.cut()
    terminated(mallory, resume(mallory, token, attempt=6))
    alice = world.flow("alice")
    number = resume(alice, token, attempt=1)  # what mallory asked for has changed nothing
    alice.wait_items(number, 1)
    figure("2 tries of another identity, with the link up and lost: both NOT_FOUND; the owner goes on at attempt 1")
    alice.close()
    mallory.close()


def shaken(world):
    """A connection whose records are made by hand: the socket, TLS, and what it takes and gives."""
    plug, incoming, outgoing = world.dial(), ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = world.context().wrap_bio(incoming, outgoing, server_hostname=world.host)
    while True:
        try:
            tls.do_handshake()
            plug.sendall(outgoing.read())
            return plug, tls, incoming, outgoing
        except ssl.SSLWantReadError:
            plug.sendall(outgoing.read())
            incoming.write(plug.recv(65536))


def read_up_to(last, plug, tls, incoming):
    """What comes until that does, or the other end closes."""
    said = bytearray()
    while last not in said[-64:] and (data := plug.recv(1 << 20)):
        incoming.write(data)
        try:
            while part := tls.read(1 << 20):
                said += part
        except ssl.SSLWantReadError:
            pass
    return said


def large_answers_to_small_records_leave_the_daemon_alone(world):
    """Each message has 17,000 calls of no session, in records of 1 KiB, so that TLS holds more than is read in a turn when the last
    of them comes; their answers make three messages, which the socket takes at once."""
    n, each, turns = 17000, 6, 5
    said = [PREFACE, raw.message(raw.hello())]
    said += [raw.message(*[frame(first + k, call=dict(session=77, name="x")) for k in range(n)]) for first in range(1, n * each, n)]
    said += [raw.message(frame(n * each + 1, call=dict(session=78, name="x")))]
    said = said[0] + b"".join(struct.pack("<I", len(one)) + one for one in said[1:])
    for _ in range(turns):
        plug, tls, incoming, outgoing = shaken(world)
        for at in range(0, len(said), 1024):
            tls.write(said[at:at + 1024])
        sender = threading.Thread(target=plug.sendall, args=(outgoing.read(),))
        sender.start()
        answers = read_up_to(b"no session 78", plug, tls, incoming)
        sender.join()
        plug.close()
        assert answers.count(b"no session 77") == n * each, (len(answers), answers[-64:])
    figure(f"{turns} connections, each with {n * each} calls of no session: all are answered")
    world.works()


def references_are_not_to_be_guessed(world):
    mallory, n = world.flow("mallory"), 2000
    for i in range(n):
        guess = os.urandom(16)
        mallory.send(frame(bind=dict(session=100, reference=guess, interface="flow.Flow")))
        if i % 100 == 99:
            mallory.fence(i)
        mallory.send(frame(unbind=dict(session=100)))
    mallory.fence(n)
    with mallory.changed:
        codes = [f.bound.code for f in mallory.frames if f.HasField("bound") and f.bound.session == 100]
    assert codes == [NOT_FOUND] * n, set(codes)
    said = world.said().count("a reference that it does not have")
    figure(f"{n} ids at random: {n} times NOT_FOUND, {said} line in the log; there are 2^128")
    assert said == 1, said
    mallory.close()


def what_a_call_says_of_itself_makes_nobody_of_it(world):
    """A correlation id and a traceparent of somebody else, and one that would be a line of the log."""
    mallory = world.flow("mallory")
    peek, tries = "flow.Flow.peek", (
        dict(correlation_id="0123456789abcdef", traceparent=f"00-{'a' * 32}-{'b' * 16}-01"),
        dict(correlation_id="\ncert:alice was here", traceparent="\npyrite: warning: cert:alice"),
        dict(correlation_id="x" * 5000, traceparent="y" * 5000), dict(chain=bytes(16)), dict(chain=b"c" * 16, depth=1 << 31))
    for ids in tries:
        number = mallory.start("peek", name=peek, fingerprint=mallory.prints[peek], **ids)
        assert mallory.answer(number) is not None
    assert "\ncert:alice" not in world.said() and "\npyrite: warning: cert:alice" not in world.said()
    figure(f"{len(tries)} calls with forged ids: none is more than what its certificate may, no line of the log is theirs")
    mallory.close()


def main():
    cases = Cases()
    guard = threading.Timer(200, os._exit, (3,))
    guard.daemon = True
    guard.start()
    with tempfile.TemporaryDirectory() as name:
        world = World(pathlib.Path(name))
        for case in cases_of(globals(), (("world",),)):
            cases.run(case, world)

        def the_daemon_ends_cleanly_after_all_that():
            assert world.server.stop() == (0, "stopped\n")

        cases.run(the_daemon_ends_cleanly_after_all_that)
    sys.stdout.flush()
    cases.end()


if __name__ == "__main__":
    main()
