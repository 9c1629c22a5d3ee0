#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What raw ends may and may not do at the beginning of a link whose ends have a shared key, as docs/wire-protocol.md has
it: of a daemon, and of a proxy. Prints "ok <case>" or "not ok <case>"."""

import hashlib
import hmac
import os
import struct
import threading

import grpc

from peers import UNAUTHENTICATED, answer_adds, cases_of, linked
from raw import (LANE, OPTIONS, PATIENCE, Cases, Client, Driver, Program, Server, frame, hello, int_arguments, pb,
                 result_int, uri)
from resume_rules import cancel, opened, resume, terminated
from stream_rules import Flow

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SERVER, CLIENT = 1, 2
KEYS = {"PYRITE_SHARED_KEY": f"web:{KEY.hex()}", "PYRITE_LOG": "off"}
NONE = {"PYRITE_SHARED_KEY": "", "PYRITE_SHARED_KEY_FILE": ""}


def digest(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def key_id(key):
    return digest(key, b"pyrite shared key id\0")[:8]


def proof(key, role, client, server, versions=(1, 1, 1, 1)):
    text = b"pyrite shared key 1\0" + bytes([role]) + key_id(key) + client + server
    return digest(key, text + struct.pack("<4I", *versions) + bytes(1 + 32))


def auth(data):
    return frame(auth=dict(proof=data))


def greeting(nonce, key=KEY):
    return hello(nonce=nonce, keys=key_id(key))


class Knock(Client):
    """A client that has said Hello with a nonce, and nothing else."""

    def __init__(self, address, nonce=None, key=KEY, first=None):
        self.nonce = os.urandom(32) if nonce is None else nonce
        self.key = key
        Client.__init__(self, address, first=[greeting(self.nonce, key)] if first is None else first)

    def challenge(self):
        """The daemon's nonce; its proof is checked."""
        said = self.wait(lambda f: f.HasField("hello")).hello
        assert len(said.nonce) == 32 and said.keys == key_id(self.key), said
        self.proof = self.wait(lambda f: f.HasField("auth")).auth.proof
        assert self.proof == proof(self.key, SERVER, self.nonce, said.nonce), "the daemon has proved nothing"
        return said.nonce

    def enter(self, **fields):
        self.send(auth(proof(self.key, CLIENT, self.nonce, self.challenge())))
        self.bind(**fields)
        return self

    def refused(self, *parts):
        goaway = self.goaway()
        assert goaway.code == UNAUTHENTICATED and goaway.message.startswith("SecurityError: "), goaway
        for part in parts:
            assert part in goaway.message, goaway
        self.wait_end()
        assert not self.find(lambda f: f.WhichOneof("body") in ("bound", "reply", "error", "pong")), self.frames
        self.close()


def work(daemon):
    """One that is let in, and whom what others do does not disturb."""
    client = Knock(daemon.address).enter()
    assert result_int(client.run("add", int_arguments(1, 2))) == 3
    return client


# ---- the daemon ----

def a_recorded_proof_is_of_no_use_on_another_link(server):
    first = Knock(server.address)
    nonce = first.challenge()
    recorded = proof(KEY, CLIENT, first.nonce, nonce)
    first.send(auth(recorded))
    first.bind()
    again = Knock(server.address, nonce=first.nonce)
    assert again.challenge() != nonce
    again.send(auth(recorded))
    again.refused("the proof of the shared key is wrong")
    assert result_int(first.run("add", int_arguments(3, 4))) == 7
    first.close()


def the_daemons_own_proof_sent_back_is_wrong(server):
    client = Knock(server.address)
    client.challenge()
    client.send(auth(client.proof))
    client.refused("the proof of the shared key is wrong")


def the_daemons_challenge_cannot_be_had_answered_by_the_daemon(server):
    victim = Knock(server.address)
    challenge = victim.challenge()
    oracle = Knock(server.address, nonce=challenge)
    oracle.challenge()
    victim.send(auth(oracle.proof))
    victim.refused("the proof of the shared key is wrong")
    oracle.close()


def a_proof_of_other_versions_is_wrong(server):
    client = Knock(server.address)
    client.send(auth(proof(KEY, CLIENT, client.nonce, client.challenge(), (1, 2, 1, 1))))
    client.refused("the proof of the shared key is wrong")


def a_proof_that_is_cut_long_or_missing_is_wrong(server):
    for change in (lambda p: p[:31], lambda p: p + b"\0", lambda p: b"", lambda p: p[:-1] + bytes([p[-1] ^ 1])):
        client = Knock(server.address)
        client.send(auth(change(proof(KEY, CLIENT, client.nonce, client.challenge()))))
        client.refused("the proof of the shared key is wrong")


def a_key_that_is_not_the_daemons_is_refused_without_a_proof_of_the_daemons(server):
    for keys in (key_id(OTHER), b"", key_id(KEY)[:7], bytes(8 * 8) + key_id(KEY)):
        client = Knock(server.address, first=[hello(nonce=os.urandom(32), keys=keys)])
        client.refused("the shared key is different here")
        assert not client.find(lambda f: f.HasField("auth")), client.frames
    client = Knock(server.address)  # the name of the key is no secret
    client.send(auth(proof(OTHER, CLIENT, client.nonce, client.challenge())))
    client.refused("the proof of the shared key is wrong")


def nonces_that_are_none_are_refused(server):
    for nonce, part in ((b"x" * 31, "32 bytes"), (b"x" * 33, "32 bytes"), (b"x", "32 bytes"), (b"x" * 5000, "32 bytes"),
                        (bytes(32), "random, not zero")):
        Knock(server.address, nonce=nonce).refused(part)


def who_has_no_key_is_told_what_is_missing(server):
    client = Client(server.address)
    Knock.refused(client, f"{server.address}: it requires a shared key: set PYRITE_SHARED_KEY_FILE")
    client = Client(server.address, first=[hello(), frame(bind=dict(session=1, object="work", interface="e2e.Work",
                                                                    fingerprint=1))])
    Knock.refused(client, "it requires a shared key")


def nothing_may_come_before_the_proof(server):
    call = frame(7, call=dict(session=1, name="e2e.Work.add", payload=int_arguments(1, 2)))
    bind = frame(bind=dict(session=1, object="work", interface="e2e.Work", fingerprint=1))
    for early in (bind, call, frame(ping=dict(data=1)), frame(7, cancel=dict(code=1)), frame(release=dict(count=1)),
                  frame(7, critical=True, resume=dict(session=1, token=bytes(16))), frame(item=dict(sequence=1))):
        client = Knock(server.address)
        nonce = client.challenge()
        client.send(early, auth(proof(KEY, CLIENT, client.nonce, nonce)))
        client.refused("a frame before the proof of the shared key")
        client = Knock(server.address, first=[greeting(os.urandom(32)), early])
        client.refused("a frame before the proof of the shared key")


def a_proof_before_hello_is_a_protocol_error(server):
    client = Knock(server.address, first=[auth(bytes(32))])
    assert "a frame before Hello" in client.goaway().message
    client.wait_end()
    client.close()


def a_second_hello_or_proof_is_a_protocol_error(server):
    client = Knock(server.address)
    client.challenge()
    client.send(greeting(os.urandom(32)))
    assert "a second Hello" in client.goaway().message
    client.close()
    client = work(server)
    client.send(auth(client.proof))
    assert "an unexpected Auth" in client.goaway().message
    client.wait_end()
    client.close()


def after_the_refusal_the_right_proof_is_too_late(server):
    client = Knock(server.address)
    right = proof(KEY, CLIENT, client.nonce, client.challenge())
    client.send(auth(bytes(32)), auth(right), frame(ping=dict(data=1)))
    client.send(auth(right), frame(ping=dict(data=1)))
    client.refused("the proof of the shared key is wrong")


def who_waits_for_the_proof_does_not_hold_up_a_stop(_server):
    server = Program("e2e-server", "threads=8", environment=KEYS)
    client = Knock(server.address)
    client.challenge()
    assert server.stop() == (0, "stopped\n")
    client.close()


class KeyFlow(Knock, Flow):
    """A client of flow-server."""

    def __init__(self, server, key):
        Knock.__init__(self, server.address, key=key)
        self.enter(name="flow", interface="flow.Flow")


def a_stream_goes_on_with_the_key_that_it_began_with_alone(_server):
    server = Program("flow-server", environment={"PYRITE_SHARED_KEY": f"a:{KEY.hex()}\nb:{OTHER.hex()}"})
    first = KeyFlow(server, KEY)
    first.wait_items(opened(first, "forever", b""), 1)
    first.cut()
    thief = KeyFlow(server, OTHER)
    terminated(thief, resume(thief))
    owner = KeyFlow(server, KEY)
    number = resume(owner, attempt=2)
    owner.wait_items(number, 1)
    assert result_int(thief.reply(thief.open("peek")).payload) is not None
    cancel(owner, number)
    thief.close()
    assert server.stop() == (0, "stopped\n")


def plain_calls_are_refused(server):
    with grpc.insecure_channel(server.address, OPTIONS) as channel:
        add = channel.unary_unary("/e2e.Work/add", request_serializer=None, response_deserializer=None)
        try:
            add(int_arguments(1, 2), timeout=PATIENCE)
            assert False, "it was served"
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
            assert "requires a shared key, which plain gRPC calls cannot prove" in error.details(), error


def a_daemon_without_a_key_is_none_for_who_wants_one_proved(_server):
    server = Program("e2e-server", "threads=8", environment=NONE)
    client = Knock(server.address)
    said = client.wait(lambda f: f.HasField("hello")).hello
    assert not said.nonce and not said.keys, said
    client.bind()
    assert result_int(client.run("add", int_arguments(1, 2))) == 3
    client.send(auth(bytes(32)))
    assert "an unexpected Auth" in client.goaway().message
    client.close()
    assert server.stop() == (0, "stopped\n")


# ---- the proxy ----

class Met:
    """A proxy with the key, 0, and a raw server that talks to it; what the proxy's link has brought."""

    def __init__(self, talk):
        self.server = Server(talk)
        self.client = Driver(environment=KEYS)
        assert self.client.ask(f"new 0 {uri(self.server.address)} own") == "ok"

    def end(self):
        self.client.end()
        self.server.stop()
        if self.server.failure:
            raise self.server.failure


def greeted(link, nonce=None, key=KEY, **more):
    """Answers a proxy's Hello. Returns both nonces."""
    first = link.wait(lambda f: f.HasField("hello")).hello
    assert len(first.nonce) == 32 and first.keys == key_id(KEY), first
    assert [f.WhichOneof("body") for f in link.frames] == ["hello"], link.frames
    nonce = os.urandom(32) if nonce is None else nonce
    link.send(hello(nonce=nonce, keys=key_id(key), **more))
    return first.nonce, nonce


def a_proxy_calls_a_daemon_that_proves_the_key_and_proves_it_too():
    def talk(link):
        client, server = greeted(link)
        link.send(auth(proof(KEY, SERVER, client, server)))
        given = link.wait(lambda f: f.HasField("auth")).auth.proof
        assert given == proof(KEY, CLIENT, client, server), "the proxy has proved nothing"
        assert [f.WhichOneof("body") for f in link.frames[:2]] == ["hello", "auth"], link.frames
        answer_adds(link, hi=False)

    met = Met(talk)
    assert met.client.ask("add 0 1 2") == "ok 3"
    met.end()


def is_refused(talk, *parts):
    """The proxy ends the link, and its call has not left it."""
    seen, is_seen = [], threading.Event()

    def whole(link):
        talk(link)
        goaway = link.wait(lambda f: f.HasField("goaway")).goaway
        seen.append((goaway.code, [f.WhichOneof("body") for f in link.frames]))
        is_seen.set()
        link.wait_end() if LANE == "socket" else None

    met = Met(whole)
    line = met.client.ask("add 0 1 2")
    assert line.startswith("UNAUTHENTICATED local never SecurityError: "), line
    for part in parts:
        assert part in line, line
    assert is_seen.wait(PATIENCE)
    met.end()
    assert seen == [(UNAUTHENTICATED, ["hello", "goaway"])], seen


def a_server_that_proves_nothing_is_refused():
    def talk(link):
        link.wait(lambda f: f.HasField("hello"))
        link.send(hello())

    is_refused(talk, "it does not prove a shared key, which this end requires")


def a_server_that_answers_with_the_proxys_own_challenge_is_refused():
    def talk(link):
        first = link.wait(lambda f: f.HasField("hello")).hello
        link.send(hello(nonce=first.nonce, keys=key_id(KEY)), auth(bytes(32)))

    is_refused(talk, "this nonce is the other end's")


def a_server_with_a_wrong_proof_is_refused():
    def of_client(link):
        client, server = greeted(link)
        link.send(auth(proof(KEY, CLIENT, client, server)))

    def of_other_key(link):
        client, server = greeted(link)
        link.send(auth(proof(OTHER, SERVER, client, server)))

    def of_other_link(link):
        client, server = greeted(link)
        link.send(auth(proof(KEY, SERVER, os.urandom(32), server)))

    def of_zeros(link):
        greeted(link)
        link.send(auth(bytes(32)))

    for talk in (of_client, of_other_key, of_other_link, of_zeros):
        is_refused(talk, "its proof of the shared key is wrong")


def a_server_with_another_key_or_a_bad_nonce_is_refused():
    is_refused(lambda link: greeted(link, key=OTHER), "this end does not have its shared key")
    is_refused(lambda link: greeted(link, nonce=bytes(32)), "random, not zero")
    is_refused(lambda link: greeted(link, nonce=b"x" * 16), "32 bytes")


def a_server_that_goes_on_without_a_proof_is_refused():
    def talk(link):
        greeted(link)
        link.send(frame(bound=dict(session=1, fingerprint=1)))

    is_refused(talk, "it has sent a frame before the proof of the shared key")


def a_server_that_is_silent_is_given_up_when_the_time_to_connect_is_over():
    server = Server(lambda link: (greeted(link), link.wait_end()))
    client = Driver(environment=KEYS)
    assert client.ask(f"new 0 {uri(server.address)} own connect=200") == "ok"
    line = client.ask("add 0 1 2")
    assert line.split()[0] in ("UNAVAILABLE", "DEADLINE_EXCEEDED") and " local never " in line, line
    client.end()
    server.stop()


def a_proxy_without_a_key_says_what_the_daemon_told_it():
    server = Program("e2e-server", "threads=8", environment=KEYS)
    client = Driver(environment=NONE)
    assert client.ask(f"new 0 {uri(server.address)}") == "ok"
    line = client.ask("add 0 1 2")
    assert line.startswith("UNAUTHENTICATED local never SecurityError: "), line
    assert "it requires a shared key: set PYRITE_SHARED_KEY_FILE" in line, line
    client.end()
    assert server.stop() == (0, "stopped\n")


def main():
    cases = Cases()
    server = Program("e2e-server", "threads=8", environment=KEYS)
    for case in cases_of(globals(), (("server",), ("_server",))):
        cases.run(case, server)

    def the_daemon_ends_cleanly_after_all_that():
        client = work(server)
        client.close()
        assert server.stop() == (0, "stopped\n")

    cases.run(the_daemon_ends_cleanly_after_all_that)
    for case in cases_of(globals(), ((),)):
        if case is not main:
            cases.run(case)
    cases.end()


if __name__ == "__main__":
    main()
