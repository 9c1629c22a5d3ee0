#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A closed set-up as its user makes it, and TLS with programs that are not Pyrite's: python's gRPC on either side, and
openssl. Prints "ok <case>" or "not ok <case>"."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import traceback
from concurrent import futures

import grpc

import messages

BIN = messages.BIN
PATIENCE = 20
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]


def environment(keys=None, **others):
    env = {name: value for name, value in os.environ.items() if name not in ("PYRITE_KEYS", "PYRITE_SHARED_KEY_FILE")}
    if keys:
        env["PYRITE_KEYS"] = str(keys)
    return dict(env, **others)


@contextlib.contextmanager
def program(name, *arguments, env, line, is_told=True):
    """A program that serves; `line`: the beginning of the line of its output that is wanted, whose rest is yielded. is_told: to
    end, by SIGTERM; else it does when its standard input ends."""
    process = subprocess.Popen([BIN / name, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=env)
    guard = threading.Timer(PATIENCE, process.kill)
    guard.start()
    try:
        said = process.stdout.readline()
        while said and not said.startswith(line):
            said = process.stdout.readline()
        guard.cancel()
        assert said, f"{name} ended"
        yield said[len(line):].strip()
    finally:
        guard.cancel()
        process.stdin.close()
        if is_told:
            process.terminate()
        code = process.wait(PATIENCE)
        process.stdout.close()
    assert code == 0, f"{name} ended with {code}"  # a sanitizer's findings among them


def run(*command, code=0, env=None, text=None):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=PATIENCE, env=env,
                          input=text)
    assert code is None or done.returncode == code, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


class World:
    def __init__(self, folder):
        self.keys = folder / "keys"
        self.pyrite("init")
        for name in "server", "alice", "mallory":
            self.pyrite("add", name)
        self.others = folder / "others"
        self.pyrite("init", folder=self.others)
        self.pyrite("add", "stranger", folder=self.others)
        messages.generate(folder)
        import interop_pb2 as pb
        self.pb = pb
        service = pb.DESCRIPTOR.services_by_name["Calculator"].methods_by_name["add"]
        self.request, self.reply = (messages.prototype(kind) for kind in (service.input_type, service.output_type))

    def pyrite(self, *words, folder=None):
        return run(BIN / "pyrite", "keys", "--quiet", "--dir", folder or self.keys, *words)

    def server(self, keys="server"):
        return program("interop-server", env=environment(self.keys / keys), line="", is_told=False)

    def credentials(self, name=None, folder=None):
        folder = folder or self.keys
        pem = [(folder / name / file).read_bytes() for file in ("key.pem", "cert.pem")] if name else [None, None]
        return grpc.ssl_channel_credentials((folder / (name or "alice") / "ca.pem").read_bytes(), *pem)

    def add(self, address, credentials):
        with grpc.secure_channel(address, credentials, OPTIONS) as channel:
            stub = channel.unary_unary("/interop.Calculator/add", self.request.SerializeToString, self.reply.FromString)
            return stub(self.request(x=1, y=2), timeout=PATIENCE).ret

    def openssl(self, address, *words, text=""):
        alice = self.keys / "alice"
        return run("openssl", "s_client", "-connect", address, "-CAfile", alice / "ca.pem", "-cert", alice / "cert.pem", "-key",
                   alice / "key.pem", *words, code=None, text=text)


CASES = []


def case(function):
    CASES.append(function)
    return function


def same(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


def has(text, *parts):
    for part in parts:
        assert part in text, f"no {part!r} in {text!r}"


@case
def two_commands_close_a_set_up(world):
    folder = world.keys.parent / "two"
    run(BIN / "pyrite", "keys", "--quiet", "--dir", folder, "init")
    run(BIN / "pyrite", "keys", "--quiet", "--dir", folder, "add", "example")
    closed = environment(folder / "example")
    with program("pyrite-ns", "--port=0", "--storage=memory", env=closed, line="URI = PYRO:Pyrite.NameServer@") as names:
        port = {"PYRITE_NS_PORT": names.rsplit(":", 1)[1]}
        with program("sample-add-server", env=dict(closed, **port), line="Ready"):
            same(run(BIN / "sample-add-client", env=dict(closed, **port)).strip(), "3")
            has(run(BIN / "sample-add-client", env=environment(**port), code=1), "requires TLS: set PYRITE_KEYS")
            stranger = environment(world.others / "stranger", **port)
            has(run(BIN / "sample-add-client", env=stranger, code=1), "SecurityError", "its certificate is not accepted")


@case
def a_shared_key_closes_one_too(world):
    folder = world.keys.parent / "shared"
    run(BIN / "pyrite", "keys", "--quiet", "--dir", folder, "shared")
    same((folder / "shared-key").stat().st_mode & 0o777, 0o600)
    has(run(BIN / "pyrite", "keys", "--dir", folder, "shared", code=2), "shared-key: this exists")
    closed = environment(PYRITE_SHARED_KEY_FILE=str(folder / "shared-key"))
    with program("pyrite-ns", "--port=0", "--storage=memory", env=closed, line="URI = PYRO:Pyrite.NameServer@") as names:
        port = {"PYRITE_NS_PORT": names.rsplit(":", 1)[1]}
        with program("sample-add-server", env=dict(closed, **port), line="Ready"):
            same(run(BIN / "sample-add-client", env=dict(closed, **port)).strip(), "3")
            has(run(BIN / "pyrite-nsc", "list", env=dict(closed, **port)), "example.server")
            for command in ("sample-add-client",), ("pyrite-nsc", "list"):
                has(run(BIN / command[0], *command[1:], env=environment(**port), code=None),
                    "SecurityError", "requires a shared key: set PYRITE_SHARED_KEY_FILE")
            other = environment(PYRITE_SHARED_KEY="00" * 31 + "01", **port)
            has(run(BIN / "sample-add-client", env=other, code=1), "SecurityError", "the shared key is different here")
            with grpc.insecure_channel(names, OPTIONS) as channel:
                try:
                    count = channel.unary_unary("/pyrite.NameServer/count", request_serializer=None, response_deserializer=None)
                    raise AssertionError(count(b"", timeout=PATIENCE))
                except grpc.RpcError as error:
                    same(error.code(), grpc.StatusCode.UNAUTHENTICATED)


@case
def pythons_grpc_calls_with_a_certificate_and_is_refused_without(world):
    with world.server() as address:
        same(world.add(address, world.credentials("alice")), 3)
        for refused in world.credentials(), world.credentials("stranger", world.others):
            try:
                raise AssertionError(world.add(address, refused))
            except grpc.RpcError as error:
                same(error.code(), grpc.StatusCode.UNAVAILABLE)
        same(world.add(address, world.credentials("alice")), 3)


@case
def a_proxy_calls_pythons_grpc_with_its_certificate(world):
    callers = []

    def add(request, context):
        callers.append(context.auth_context()["x509_common_name"])
        return world.reply(ret=request.x + request.y)

    handler = grpc.unary_unary_rpc_method_handler(add, world.request.FromString, world.reply.SerializeToString)
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("interop.Calculator", {"add": handler}),))
    own = world.keys / "server"
    files = [(own / file).read_bytes() for file in ("key.pem", "cert.pem", "ca.pem")]
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([files[:2]], files[2], True))
    server.start()
    try:
        for mode in "auto", "only":
            said = run(BIN / "interop-caller", env=environment(world.keys / "alice"),
                       text=f"proxy PYRO:x@127.0.0.1:{port} {mode} 0\nadd 1 2\n")
            same(said.split(), ["ok", "ok", "3"])
        same(callers, [[b"alice"], [b"alice"]])
    finally:
        server.stop(None)


@case
def openssl_gets_what_is_offered_and_nothing_old(world):
    with world.server() as address:
        said = world.openssl(address, "-alpn", "pyrite/1,h2")
        has(said, "ALPN protocol: pyrite/1", "Verify return code: 0 (ok)", "TLSv1.3", "Compression: NONE")
        has(world.openssl(address, "-alpn", "h2"), "ALPN protocol: h2")
        has(world.openssl(address, "-alpn", "spdy/3"), "no application protocol")
        has(world.openssl(address, "-tls1_2"), "Secure Renegotiation IS supported", "Cipher    : ECDHE-")
        for old in "-tls1", "-tls1_1":
            has(world.openssl(address, old, "-cipher", "ALL:@SECLEVEL=0"), "alert protocol version")
        for weak in "AES128-SHA", "ECDHE-ECDSA-AES128-SHA":
            has(world.openssl(address, "-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0"), "handshake failure")
        has(world.openssl(address, "-tls1_2", text="R\n"), "no renegotiation")
        same(world.add(address, world.credentials("alice")), 3)


@case
def frames_and_http2_come_to_one_port(world):
    with world.server() as address:
        said = run(BIN / "interop-caller", env=environment(world.keys / "alice"),
                   text=f"proxy PYRO:calculator@{address} never 0\nadd 1 2\n")
        same(said.split(), ["ok", "ok", "3"])
        same(world.add(address, world.credentials("alice")), 3)


@case
def who_is_revoked_is_out(world):
    with world.server() as address:
        same(world.add(address, world.credentials("mallory")), 3)
        world.pyrite("revoke", "mallory")
        deadline = threading.Event()
        threading.Timer(PATIENCE, deadline.set).start()
        while not deadline.is_set():
            try:
                world.add(address, world.credentials("mallory"))
            except grpc.RpcError:
                break
        assert not deadline.is_set()
        same(world.add(address, world.credentials("alice")), 3)


def main():
    guard = threading.Timer(200, os._exit, (3,))
    guard.daemon = True
    guard.start()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        world = World(pathlib.Path(name))
        for function in CASES:
            try:
                function(world)
                print(f"ok {function.__name__}", flush=True)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {function.__name__}")
                print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
    sys.stdout.flush()
    os._exit(failed != 0)


main()
