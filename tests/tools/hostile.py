#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The program pyrite against daemons and name servers that answer without end, or with very much: it ends, and takes time in
proportion to what came."""

import os
import pathlib
import subprocess
import sys
import threading
import time

os.environ["RULES_LANE"] = "socket"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "rules"))

from raw import BIN, PATIENCE, Cases, Server, field, frame, hello, varint  # noqa: E402

WINDOW = 100_000  # bytes of items that are on their way; the least that a reader takes is 128 KiB
COST = 32  # of an item, beside its bytes


def number(place, value):
    return varint(place << 3) + varint(value)


def text(place, value):
    return field(place, value.encode())


def greeted(link, answer):
    """Binds what is asked for, and has each call answered by answer(link, call frame)."""
    link.send(hello())
    bind = link.wait(lambda f: f.HasField("bind")).bind
    link.send(frame(bound=dict(session=bind.session, fingerprint=bind.fingerprint)))
    seen = set()
    while True:
        call = link.wait(lambda f: f.HasField("call") and f.number not in seen)
        seen.add(call.number)
        answer(link, call)


def pages(page):
    """A server that answers any call with this page; and how often it did."""
    asked = []

    def answer(link, call):
        asked.append(bytes(call.call.payload))
        link.send(frame(call.number, reply=dict(payload=field(1, page))))

    return Server(lambda link: greeted(link, answer)), asked


def pyrite(*arguments, server=None):
    environment = dict(os.environ, **({"PYRITE_NS_HOST": server.address} if server else {}))
    return subprocess.run([BIN / "pyrite", *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE)


def a_daemon_that_goes_back_in_its_list_is_left():
    """Its page names a next one; from the second on, that is the page itself."""
    one = field(1, text(1, "an.object") + text(2, "an.Interface"))
    for arguments in ((), ("--json",)):
        server, asked = pages(one + text(2, "an.object"))
        done = pyrite("list", server.address, *arguments)
        assert done.returncode == 2 and "pyrite list: the daemon went back in its list of objects" in done.stderr, done
        assert done.stdout.count("an.object") == 2 == len(asked), (done.stdout, asked)
        server.stop()


def a_daemon_whose_empty_page_names_a_next_one_has_no_more():
    server, asked = pages(text(2, "z"))
    done = pyrite("list", server.address)
    assert done.returncode == 0 and done.stdout == "" and len(asked) == 1, (done, asked)
    server.stop()


def a_name_server_that_goes_back_in_its_list_is_left():
    server, asked = pages(field(1, text(1, "a.name") + text(2, "PYRO:x@localhost:1")) + text(2, "a.name"))
    done = pyrite("list", server=server)
    assert done.returncode == 2 and "the name server sent a list out of order" in done.stderr, done
    assert asked[-1] == text(2, "a.name") and len(asked) == 3, asked  # after a ping
    server.stop()


def a_shell_does_not_wait_for_a_list_without_end():
    """Each page is in order, and names a next one."""
    asked = []

    def answer(link, call):
        asked.append(call.number)
        if not call.call.payload:
            link.send(frame(call.number, reply={}))  # a ping
            return
        name = f"a.name.{len(asked):09}"
        page = field(1, text(1, name) + text(2, "PYRO:x@localhost:1")) + text(2, name)
        link.send(frame(call.number, reply=dict(payload=field(1, page))))

    server = Server(lambda link: greeted(link, answer))
    began = time.monotonic()
    done = pyrite("complete", "pyrite", "call", "a", server=server)
    assert len(asked) > 10, asked
    assert time.monotonic() - began < 6, (time.monotonic() - began, len(asked), done.returncode)
    server.stop()


class Watched:
    """A name server with one watcher, to which it tells changes."""

    def __init__(self):
        self.server = Server(lambda link: greeted(link, self.answer))
        self.is_ready = threading.Event()

    def answer(self, link, call):
        if not call.call.payload:
            link.send(frame(call.number, reply={}))  # a ping
            return
        self.link, self.number, self.sequence, self.sent = link, call.number, 0, 0
        self.is_ready.set()

    def credit(self):
        return sum(f.credit.bytes for f in self.link.frames if f.HasField("credit"))

    def tell(self, *changes, **flags):
        """NameNews: flags are resync and complete."""
        news = number(1, 7) + number(2, 7) + number(3, flags.get("resync", 0)) + number(4, flags.get("complete", 0))
        payload = field(1, news + b"".join(field(5, change) for change in changes))
        self.sequence += 1
        self.sent += len(payload) + COST
        with self.link.changed:
            assert self.link.changed.wait_for(lambda: self.sent - self.credit() <= WINDOW, PATIENCE), "no credit"
        self.link.send(frame(self.number, item=dict(to_caller=True, sequence=self.sequence, payload=payload)))

    def tell_all(self, changes):
        for i in range(0, len(changes), 500):
            self.tell(*changes[i:i + 500], resync=int(i == 0))
        self.tell(complete=1)


def change(name, *tags):
    return number(1, 7) + text(3, name) + text(4, "PYRO:x@localhost:1") + b"".join(text(5, tag) for tag in tags)


def time_of_watch(changes):
    """Processor time of pyrite watch until it has printed them, and one more."""
    watched = Watched()
    process = subprocess.Popen([BIN / "pyrite", "watch", "--json", "-n", "1"], stdout=subprocess.PIPE,
                               env=dict(os.environ, PYRITE_NS_HOST=watched.server.address))
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))
    reader.start()
    assert watched.is_ready.wait(PATIENCE)
    watched.tell_all(changes)
    watched.tell(change("zz"))
    reader.join(PATIENCE)
    _, status, used = os.wait4(process.pid, 0) if not reader.is_alive() else (0, process.kill(), None)
    assert status == 0 and len(lines) == len(changes) + 1 and b'"added", "name": "zz"' in lines[-1], (status, len(lines))
    process.returncode = 0
    process.stdout.close()
    watched.server.stop()
    return used.ru_utime


def the_time_of_a_watch_is_in_proportion_to_the_names():
    n = 5000
    for _ in range(3):
        few, many = (time_of_watch([change(f"name.{i:06}") for i in range(times * n)]) for times in (1, 4))
        if many < 8 * (few + 0.02):  # a square would be 16 times
            return
    raise AssertionError(f"{n}: {few:.3f} s, {4 * n}: {many:.3f} s")


cases = Cases()
for function in (a_daemon_that_goes_back_in_its_list_is_left, a_daemon_whose_empty_page_names_a_next_one_has_no_more,
                 a_name_server_that_goes_back_in_its_list_is_left, a_shell_does_not_wait_for_a_list_without_end,
                 the_time_of_a_watch_is_in_proportion_to_the_names):
    cases.run(function)
cases.end()
