#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Changes recordings of the last release, and checks that replay.py reports each change: in what a program of this version is
expected to answer, and in what it is sent."""

import copy
import os
import sys
from concurrent import futures

import player
import recording
import replay
import talks

FOLDER = replay.releases()[-1]
SCHEMA = talks.Schema(FOLDER)
player.PATIENCE = 5  # for what will not come


def read(name):
    return recording.parse(FOLDER / "talks" / f"{name}.talk")


def units(made, role, words):
    """(event, place) of what one end sent, whose text has these words."""
    return [(event, i) for event in made.events if event.role == role for i, (_, text) in enumerate(event.units)
            if text and words in text]


def replaced(role, words, before, now):
    def change(made):
        event, i = units(made, role, words)[0]
        raw, text = event.units[i]
        assert raw.count(before) >= 1, f"{before!r} is not in {text}"
        event.units[i] = (raw.replace(before, now, 1), text)
    return change


def removed(role, words):
    def change(made):
        event, i = units(made, role, words)[0]
        del event.units[i]
        if not event.units:
            made.events.remove(event)
    return change


def doubled(role, words):
    def change(made):
        event, i = units(made, role, words)[0]
        event.units.insert(i, event.units[i])
    return change


def exchanged(role, one, other):
    def change(made):
        (event, i), (further, k) = units(made, role, one)[0], units(made, role, other)[0]
        event.units[i], further.units[k] = further.units[k], event.units[i]
    return change


def older_hello(made):
    """The server's, without its window."""
    event, i = units(made, "server", "hello {")[0]
    hello = SCHEMA.message.FromString(event.units[i][0])
    hello.frames[0].hello.ClearField("window")
    event.units[i] = (hello.SerializeToString(), event.units[i][1])


def declared(made):
    older_hello(made)
    made.new = [("server", "hello.window")]


def said(made):
    made.prints[0] += "4"


def other_key(made):
    made.key = bytes(32)


CHANGES = (
    # What a server of now should have answered.
    ("a result is another", "call", "server", replaced("server", "reply {", b"\x08\x03", b"\x08\x04"), "reply.payload.ret: 3, was 4"),
    ("a field of a reply has another number", "call", "server", replaced("server", "reply {", b"\x08\x03", b"\x10\x03"),
     "reply.payload.unknown field 2: None, was"),
    ("a frame is of another kind", "call", "server", replaced("server", "reply {", b"\x42\x04", b"\x3a\x04"), "did not come"),
    ("an answer is for another call", "call", "server", replaced("server", "number: 16384 reply", b"\x80\x80\x01", b"\x81\x80\x01"),
     "did not come: number: 16385 reply"),
    ("an answer is missing", "call", "server", removed("server", "number: 16384 reply"), "was not there"),
    ("an answer comes twice", "call", "server", doubled("server", "number: 16384 reply"), "did not come: number: 16384 reply"),
    ("an error has another code", "exception", "server", replaced("server", "not here", b"\x08\x05", b"\x08\x06"), "error.code: 5, was 6"),
    ("an error has another text", "exception", "server", replaced("server", "not here", b"not here", b"not then"), "error.message: 'not here'"),
    ("an exception has another field", "exception", "server", replaced("server", "order 17", b"\x08\x07", b"\x08\x09"), "error.detail"),
    ("items come in another order", "stream_from", "server", exchanged("server", "sequence: 1", "sequence: 2"), "item.sequence: 1, was 2"),
    ("an item more", "stream_from", "server", doubled("server", "sequence: 3"), "did not come"),
    ("a limit of the server is another", "call", "server", replaced("server", "hello {", b"\x18\x80\x80\x01", b"\x18\x80\x80\x02"),
     "hello.max_calls: 16384, was 32768"),
    ("a varying field is absent", "call", "server", replaced("server", "hello {", b"\x2a\x0cpyrite/", b"\x7a\x0cpyrite/"), "hello.agent"),
    ("a field is there that was not", "call", "server", older_hello, "hello.window: 262144, was None"),
    ("another preface", "call", "server", replaced("server", "preface", b"/1", b"/2"), "did not come: another protocol: b'PYRITE/2"),
    ("a reference is counted otherwise", "references", "server", replaced("server", "release {", b"\x10\x01", b"\x10\x02"),
     "release.count: 1, was 2"),
    ("an answer by HTTP has another status", "http", "server", replaced("server", "HTTP/1.1 404", b" 404 ", b" 400 "), "first line"),
    ("a value by HTTP is another", "http", "server", replaced("server", '"code": 3', b'"code": 3', b'"code": 4'), "body.code: 3, was 4"),
    ("a status of plain gRPC is another", "plain", "server", replaced("server", "grpc-status", b"\x010", b"\x011") , "headers.grpc-status"),
    ("a value of Pyro is another", "pyro_serpent", "server", replaced("server", "payload=3", b"\n3", b"\n4"), "payload: 3, was 4"),
    # What a client of now should have sent, or is told.
    ("an argument was another", "call", "client", replaced("client", "number: 16384 call", b"\x08\x01\x10\x02", b"\x08\x01\x10\x05"),
     "call.payload.y: 2, was 5"),
    ("a name was another", "call", "client", replaced("client", "number: 16384 call", b"talk.Talk.add", b"talk.Talk.odd"),
     "call.name: 'talk.Talk.add'"),
    ("it was told another result", "call", "client", replaced("server", "reply {", b"\x08\x03", b"\x08\x04"), "it prints"),
    ("it printed something else", "oneway", "client", said, "it prints"),
    ("a bind was for another object", "oneway", "client", replaced("client", "bind {", b"\x12\x04talk", b"\x12\x04work"), "bind.object"),
    ("an Auth with another key", "key", "client", other_key, "the proof of the shared key is wrong"),
    # What a server of now is told.
    ("a field of a call has another number", "call", "server", replaced("client", "number: 16384 call", b"\x08\x01\x10\x02", b"\x08\x01\x18\x02"),
     "reply.payload.ret: 1, was 3"),
    ("a call of an operation that is not there", "oneway", "server", replaced("client", "number: 16384 call", b"talk.Talk.note", b"talk.Talk.nota"),
     "error.code"),
    ("a session that is not there", "exception", "server", replaced("client", "number: 32768 call", b"\x08\x01", b"\x08\x09"),
     "error.code"),
    ("versions that are too new", "call", "server", replaced("client", "hello {", b"\x08\x01\x10\x01", b"\x08\x07\x10\x07"), "no common protocol version"),
    ("a proof of another key", "key", "server", other_key, "auth.proof"),
)


def found(name, role, change, words):
    made = copy.deepcopy(read(name))
    change(made)
    problems = replay.ROLES[role](made, SCHEMA)
    return [] if any(words in problem for problem in problems) else [f"found: {problems}", f"not: {words}"]


def frames_of_links():
    """{bytes of a frame: (role, text)}"""
    found = {}
    for file in sorted((FOLDER / "talks").glob("*.talk")):
        made = recording.parse(file)
        if not any(unit[0].startswith((b"PYRO", b"PRI", b"POST")) for event in made.events for unit in event.units):
            found.update({raw: (event.role, text) for event in made.events for raw, text in event.units})
    return {raw: what for raw, what in found.items() if raw and raw != talks.PREFACE}


def fields(role, raw):
    link = talks.Link(role, talks.Calls(SCHEMA))
    try:
        return [(unit.about, unit.fields) for unit in link.frames(raw)]
    except Exception:
        return None


def bits():
    """Each byte of each frame of all recorded links, with a bit changed: it reads otherwise. A boolean has many ways of being
    true, and a number may be written longer than it has to be."""
    n, missed = 0, []
    for raw, (role, text) in frames_of_links().items():
        before = fields(role, raw)
        assert before, text
        for at in range(len(raw)):
            n += 1
            if fields(role, raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1:]) == before and raw[at] != 1:
                missed.append(f"byte {at} of {raw.hex()}: {text}")
    print(f"    {n} bytes", flush=True)
    return missed if n > 2000 else [f"{n} bytes only"]


def main():
    cases = replay.Cases(sys.argv[1:])
    with futures.ThreadPoolExecutor(8) as pool:  # most of the time they wait for what does not come
        results = [(case[0], pool.submit(found, *case[1:])) for case in CHANGES]
    for what, result in results:
        cases.run(f"it finds that {what}", result.result)
    made = read("call")
    declared(made)
    cases.run("a field that was not there may be declared", lambda: replay.ROLES["server"](made, SCHEMA))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # protobuf tells there of each text that is none any more
    cases.run("it finds every changed byte", bits)
    sys.exit(cases.failed > 0)


if __name__ == "__main__":
    main()
