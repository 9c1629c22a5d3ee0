#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The cases of gRPC's interoperability tests, between Pyrite and python's gRPC, in both roles: its client calls testing-server,
testing-client calls its server. Prints "ok <case>" or "not ok <case>"."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import traceback

import grpc

import messages

HERE = messages.HERE
BIN = messages.BIN
sys.path[:0] = [str(HERE.parent / folder) for folder in ("rules", "faults")]

from ports import port_of_ours  # noqa: E402

PATIENCE = 20
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159
REQUESTS, RESPONSES = (27182, 8, 1828, 45904), (31415, 9, 2653, 58979)
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
WHITESPACE = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
KINDS = {(False, False): "unary_unary", (False, True): "unary_stream", (True, False): "stream_unary", (True, True): "stream_stream"}
CODE = grpc.StatusCode


def same(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


def environment(keys=None, **others):
    env = {name: value for name, value in os.environ.items() if name not in ("PYRITE_KEYS", "PYRITE_SHARED_KEY_FILE")}
    return dict(env, **({"PYRITE_KEYS": str(keys)} if keys else {}), **others)


# ---- python's server ----

class TestService:
    """What gRPC's interoperability tests want of a server. A token: what each call must bring."""

    def __init__(self, pb, token=None):
        self.pb, self.token = pb, token

    def begin(self, context):
        metadata = dict(context.invocation_metadata())
        if self.token and metadata.get("authorization") != self.token:
            context.abort(CODE.UNAUTHENTICATED, "no good token")
        if INITIAL in metadata:
            context.send_initial_metadata(((INITIAL, metadata[INITIAL]),))
        if TRAILING in metadata:
            context.set_trailing_metadata(((TRAILING, metadata[TRAILING]),))

    def fail_as_told(self, request, context):
        if request.HasField("response_status") and request.response_status.code:
            code = next(c for c in CODE if c.value[0] == request.response_status.code)
            context.abort(code, request.response_status.message)

    def EmptyCall(self, request, context, reply):
        self.begin(context)
        return reply

    def UnaryCall(self, request, context, reply):
        self.begin(context)
        self.fail_as_told(request, context)
        reply.payload.body = bytes(request.response_size)
        if request.fill_username:
            reply.username = "some" if (context.time_remaining() or 1e9) < 1e6 else "none"
        return reply

    def responses(self, request, reply):
        for wanted in request.response_parameters:
            item = reply()
            item.payload.body = bytes(wanted.size)
            yield item

    def StreamingOutputCall(self, request, context, reply):
        yield from self.responses(request, reply)

    def StreamingInputCall(self, requests, context, reply):
        reply.aggregated_payload_size = sum(len(request.payload.body) for request in requests)
        return reply

    def FullDuplexCall(self, requests, context, reply):
        self.begin(context)
        for request in requests:
            self.fail_as_told(request, context)
            yield from self.responses(request, reply)


class Server:
    """Python's server, at a port of the system's choice, or at one; behind TLS with credentials."""

    def __init__(self, pb, port=0, credentials=None, token=None, **options):
        self.server = grpc.server(messages.futures.ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)], **options)
        servicer, service = TestService(pb, token), pb.DESCRIPTOR.services_by_name["TestService"]
        handlers = {m.name: messages.handler(servicer, m) for m in service.methods if hasattr(servicer, m.name)}
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
        where = f"127.0.0.1:{port}"
        self.port = (self.server.add_secure_port(where, credentials) if credentials else self.server.add_insecure_port(where))
        self.address = f"127.0.0.1:{self.port}"
        self.server.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop(None).wait(PATIENCE)


# ---- Pyrite's ----

@contextlib.contextmanager
def testing_server(env=None):
    process = subprocess.Popen([BIN / "testing-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=env or environment())
    guard = threading.Timer(PATIENCE, process.kill)
    guard.start()
    try:
        address = process.stdout.readline().strip()
        guard.cancel()
        assert address, "testing-server ended"
        yield address
    finally:
        guard.cancel()
        process.stdin.close()
        code = process.wait(PATIENCE)
        process.stdout.close()
    same(code, 0)  # a sanitizer's findings among them


def testing_client(mode, address, *cases, env=None):
    done = subprocess.run([BIN / "testing-client", mode, address, *cases], capture_output=True, text=True, timeout=100,
                          env=env or environment())
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stdout}{done.stderr}"
    lines = done.stdout.splitlines()
    assert len(lines) >= (len(cases) or 20) and all(line.startswith("ok ") for line in lines), lines


# ---- python's client ----

class Client:
    def __init__(self, pb, channel):
        self.pb, self.channel = pb, channel

    def stub(self, method, service="TestService"):
        described = self.pb.DESCRIPTOR.services_by_name[service].methods_by_name[method]
        request, reply = (messages.prototype(kind) for kind in (described.input_type, described.output_type))
        make = getattr(self.channel, KINDS[messages.kind_of(described)])
        return make(f"/{described.containing_service.full_name}/{method}", request.SerializeToString, reply.FromString)

    def empty(self, **fields):
        return self.stub("EmptyCall")(self.pb.Empty(), timeout=PATIENCE, **fields)

    def large(self):
        return self.pb.SimpleRequest(response_size=LARGE_RESPONSE, payload=self.payload(LARGE_REQUEST))

    def payload(self, size):
        return self.pb.Payload(body=bytes(size))

    def output(self, *sizes, **fields):
        return self.pb.StreamingOutputCallRequest(
            response_parameters=[self.pb.ResponseParameters(size=size) for size in sizes], **fields)

    def unary(self, request, **fields):
        return self.stub("UnaryCall")(request, **dict({"timeout": PATIENCE}, **fields))

    def duplex(self, requests, **fields):
        return self.stub("FullDuplexCall")(requests, **dict({"timeout": PATIENCE}, **fields))


def code_of(function, *arguments, **fields):
    try:
        answer = function(*arguments, **fields)
        answer = list(answer) if hasattr(answer, "__next__") else answer
    except grpc.RpcError as error:
        return error.code()
    raise AssertionError(f"answered {str(answer)[:100]}")


class Requests:
    """Requests of a stream, each given when the last response has come."""

    def __init__(self, *first):
        self.items, self.given = list(first), threading.Condition()
        self.has_ended = False

    def put(self, *items, end=False):
        with self.given:
            self.items += items
            self.has_ended = end
            self.given.notify()

    def __iter__(self):
        return self

    def __next__(self):
        with self.given:
            self.given.wait_for(lambda: self.items or self.has_ended, PATIENCE)
            if not self.items:
                raise StopIteration
            return self.items.pop(0)


CASES, OTHERS = [], []


def case(function):
    CASES.append(function)
    return function


def other(function):
    """One with servers of its own."""
    OTHERS.append(function)
    return function


@case
def empty_unary(c):
    same(c.empty(), c.pb.Empty())


@case
def large_unary(c):
    same(c.unary(c.large()).payload.body, bytes(LARGE_RESPONSE))


@case
def client_streaming(c):
    items = [c.pb.StreamingInputCallRequest(payload=c.payload(size)) for size in REQUESTS]
    same(c.stub("StreamingInputCall")(iter(items), timeout=PATIENCE).aggregated_payload_size, 74922)


@case
def server_streaming(c):
    got = c.stub("StreamingOutputCall")(c.output(*RESPONSES), timeout=PATIENCE)
    same([len(item.payload.body) for item in got], list(RESPONSES))


@case
def ping_pong(c):
    requests = Requests()
    call = c.duplex(requests)
    for request, response in zip(REQUESTS, RESPONSES):
        requests.put(c.output(response, payload=c.payload(request)))
        same(len(next(call).payload.body), response)
    requests.put(end=True)
    same(list(call), [])


@case
def empty_stream(c):
    same(list(c.duplex(iter([]))), [])


@case
def custom_metadata(c):
    """Both come back behind the answer: a method's annotations are trailing metadata."""
    metadata = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
    _, call = c.stub("UnaryCall").with_call(c.large(), timeout=PATIENCE, metadata=metadata)
    for name, value in metadata:
        same(dict(call.trailing_metadata())[name], value)
    call = c.duplex(iter([c.output(RESPONSES[0], payload=c.payload(REQUESTS[0]))]), metadata=metadata)
    same([len(item.payload.body) for item in call], [RESPONSES[0]])
    for name, value in metadata:
        same(dict(call.trailing_metadata())[name], value)


@case
def large_metadata(c):
    """What fits comes back; beyond 2 KiB an answer leaves it out, and the connection stays."""
    for size in 1500, 3000:
        _, call = c.stub("EmptyCall").with_call(c.pb.Empty(), timeout=PATIENCE, metadata=((INITIAL, "x" * size),))
        same(dict(call.trailing_metadata()).get(INITIAL), "x" * size if size < 2000 else None)
    same(code_of(c.empty, metadata=[(f"x-{i}", "y") for i in range(65)]), CODE.RESOURCE_EXHAUSTED)
    c.empty()


def fails(call, text):
    try:
        answer = call()
        list(answer)
    except grpc.RpcError as error:
        same((error.code(), error.details()), (CODE.UNKNOWN, text))
        return
    raise AssertionError("answered")


@case
def status_code_and_message(c):
    status = c.pb.EchoStatus(code=2, message="test status message")
    fails(lambda: c.unary(c.pb.SimpleRequest(response_status=status)), status.message)
    fails(lambda: c.duplex(iter([c.output(response_status=status)])), status.message)


@case
def special_status_message(c):
    status = c.pb.EchoStatus(code=2, message=WHITESPACE)
    fails(lambda: c.unary(c.pb.SimpleRequest(response_status=status)), WHITESPACE)


@case
def unimplemented_method(c):
    same(code_of(c.stub("UnimplementedCall"), c.pb.Empty(), timeout=PATIENCE), CODE.UNIMPLEMENTED)
    same(code_of(c.channel.unary_unary("/grpc.testing.TestService/NoSuch"), b"", timeout=PATIENCE), CODE.UNIMPLEMENTED)


@case
def unimplemented_service(c):
    same(code_of(c.stub("UnimplementedCall", "UnimplementedService"), c.pb.Empty(), timeout=PATIENCE), CODE.UNIMPLEMENTED)


@case
def cancel_after_begin(c):
    requests = Requests()
    call = c.stub("StreamingInputCall").future(requests, timeout=PATIENCE)
    call.cancel()
    requests.put(end=True)
    same(call.code(), CODE.CANCELLED)
    c.empty()


@case
def cancel_after_first_response(c):
    requests = Requests(c.output(RESPONSES[0], payload=c.payload(REQUESTS[0])))
    call = c.duplex(requests)
    same(len(next(call).payload.body), RESPONSES[0])
    call.cancel()
    same(code_of(lambda: next(call)), CODE.CANCELLED)
    requests.put(end=True)
    c.empty()


@case
def timeout_on_sleeping_server(c):
    requests = Requests(c.pb.StreamingOutputCallRequest(payload=c.payload(27182)))
    same(code_of(c.duplex, requests, timeout=0.001), CODE.DEADLINE_EXCEEDED)
    requests.put(end=True)
    c.empty()


@case
def deadline_propagation(c):
    for timeout, said in (PATIENCE, "some"), (None, "none"):
        same(c.unary(c.pb.SimpleRequest(fill_username=True), timeout=timeout).username, said)


@case
def max_message_exceeded(c):
    same(code_of(c.unary, c.pb.SimpleRequest(payload=c.payload(20 << 20))), CODE.RESOURCE_EXHAUSTED)
    same(code_of(c.unary, c.pb.SimpleRequest(response_size=5 << 20)), CODE.RESOURCE_EXHAUSTED)
    c.empty()


@case
def concurrent_large_unary(c):
    calls = [c.stub("UnaryCall").future(c.large(), timeout=PATIENCE) for _ in range(100)]
    for call in calls:
        same(len(call.result(PATIENCE).payload.body), LARGE_RESPONSE)


@case
def rpc_soak(c):
    for _ in range(500):
        c.empty()


@case
def compressed_requests_are_refused(c):
    """client_compressed_unary and client_compressed_streaming: messages are never inflated."""
    for algorithm in grpc.Compression.Gzip, grpc.Compression.Deflate:
        same(code_of(c.unary, c.large(), compression=algorithm), CODE.UNIMPLEMENTED)
        items = [c.pb.StreamingInputCallRequest(payload=c.payload(size)) for size in REQUESTS]
        same(code_of(c.stub("StreamingInputCall"), iter(items), timeout=PATIENCE, compression=algorithm), CODE.UNIMPLEMENTED)
    c.empty()


@case
def responses_are_not_compressed(c):
    """server_compressed_unary and server_compressed_streaming: a server that is asked to sends them as they are."""
    asked = c.pb.SimpleRequest(response_size=LARGE_RESPONSE, response_compressed=c.pb.BoolValue(value=True))
    same(c.unary(asked).payload.body, bytes(LARGE_RESPONSE))


# ---- cases with servers of their own ----

@other
def channel_soak(w):
    with testing_server() as address:
        for _ in range(100):
            with grpc.insecure_channel(address, OPTIONS) as channel:
                large_unary(Client(w.pb, channel))


@other
def wait_for_ready(w):
    """The call is made first, then the server comes."""
    port = port_of_ours()
    with grpc.insecure_channel(f"127.0.0.1:{port}", OPTIONS + [
            ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100)]) as channel:
        call = Client(w.pb, channel).stub("EmptyCall").future(w.pb.Empty(), timeout=PATIENCE, wait_for_ready=True)
        failing = Client(w.pb, channel)
        same(code_of(failing.empty), CODE.UNAVAILABLE)
        with testing_server(environment(PYRITE_PORT=str(port))):
            same(call.result(PATIENCE), w.pb.Empty())


@other
def a_proxy_waits_for_its_server(w):
    port = port_of_ours()
    process = subprocess.Popen([BIN / "testing-client", "auto", f"127.0.0.1:{port}", "wait_for_ready"],
                               stdout=subprocess.PIPE, text=True, env=environment(PYRITE_WAIT_MS=str(PATIENCE * 1000)))
    w.idle.wait(0.3)  # its first attempts find no one
    with Server(w.pb, port):
        said, _ = process.communicate(timeout=PATIENCE)
    same(said, "ok wait_for_ready\n")


@other
def keepalive(w):
    """A client may ping as often as gRPC allows: an idle connection outlives many pings."""
    pings = [("grpc.keepalive_time_ms", 300), ("grpc.keepalive_timeout_ms", 2000), ("grpc.http2.max_pings_without_data", 0),
             ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.min_time_between_pings_ms", 300)]
    with testing_server() as address, grpc.insecure_channel(address, OPTIONS + pings) as channel:
        c = Client(w.pb, channel)
        requests = Requests(c.output(9))
        call = c.duplex(requests)
        next(call)
        w.idle.wait(1.5)  # five pings
        requests.put(c.output(9), end=True)
        same([len(item.payload.body) for item in call], [9])


@other
def per_call_credentials(w):
    """Over TLS, with a token of each call."""
    with testing_server(environment(w.keys / "server")) as address:
        token = grpc.access_token_call_credentials("one")
        with grpc.secure_channel(address, w.credentials(), OPTIONS) as channel:
            c = Client(w.pb, channel)
            same(c.unary(c.pb.SimpleRequest(fill_oauth_scope=True), credentials=token).oauth_scope, "Bearer one")
            same(c.unary(c.pb.SimpleRequest(fill_oauth_scope=True)).oauth_scope, "")
        both = grpc.composite_channel_credentials(w.credentials(), token)
        with grpc.secure_channel(address, both, OPTIONS) as channel:
            c = Client(w.pb, channel)
            same(c.unary(c.pb.SimpleRequest(fill_oauth_scope=True)).oauth_scope, "Bearer one")
            large_unary(c)


@other
def a_proxy_sends_a_token_with_each_call(w):
    files = [(w.keys / "server" / file).read_bytes() for file in ("key.pem", "cert.pem", "ca.pem")]
    credentials = grpc.ssl_server_credentials([files[:2]], files[2], True)
    with Server(w.pb, 0, credentials, token="Bearer one") as server:
        testing_client("auto", server.address, "per_call_credentials", env=environment(w.keys / "alice"))


@other
def a_proxy_refuses_what_is_compressed(w):
    with Server(w.pb, compression=grpc.Compression.Gzip) as server:
        testing_client("plain", server.address, "compressed_responses_are_refused")


class World:
    def __init__(self, folder, pb):
        self.folder, self.pb, self.idle = folder, pb, threading.Event()
        self.keys = folder / "keys"
        for words in ("init",), ("add", "server"), ("add", "alice"):
            subprocess.run([BIN / "pyrite", "keys", "--quiet", "--dir", self.keys, *words], check=True)

    def credentials(self):
        own = self.keys / "alice"
        return grpc.ssl_channel_credentials(*((own / file).read_bytes() for file in ("ca.pem", "key.pem", "cert.pem")))


def stubs_call_a_python_server(pb):
    with Server(pb) as server:
        for mode in "auto", "plain":
            testing_client(mode, server.address)


def stubs_call_their_own_server(_):
    with testing_server() as address:
        for mode in "auto", "plain":
            testing_client(mode, address)


def attempt(name, function, *arguments):
    try:
        function(*arguments)
        print(f"ok {name}", flush=True)
        return 0
    except Exception:  # pylint: disable=broad-except
        print(f"not ok {name}")
        print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
        return 1


def load(folder):
    subprocess.run(["protoc", "-I", HERE, "--python_out", folder, "testing.proto"], check=True)
    sys.path.insert(0, str(folder))
    import testing_pb2
    return testing_pb2


def main():
    guard = threading.Timer(200, os._exit, (3,))
    guard.daemon = True
    guard.start()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pb = load(folder)
        with testing_server() as address, grpc.insecure_channel(address, OPTIONS) as channel:
            for function in CASES:
                failed += attempt(function.__name__, function, Client(pb, channel))
        world = World(folder, pb)
        for function in OTHERS:
            failed += attempt(function.__name__, function, world)
        failed += attempt("stubs_call_a_python_server", stubs_call_a_python_server, pb)
        failed += attempt("stubs_call_their_own_server", stubs_call_their_own_server, pb)
    sys.stdout.flush()
    os._exit(failed != 0)


main()
