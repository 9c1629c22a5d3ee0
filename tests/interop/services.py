#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Health checking and server reflection of a daemon, asked by python's gRPC: a client that has no .proto lists the services and
calls them; what peers may send that is wrong. services.py [PART of the cases' names] prints "ok <case>" or "not ok <case>"."""

import contextlib
import os
import pathlib
import queue
import random
import subprocess
import sys
import tempfile
import threading
import traceback

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PATIENCE = 20
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
V1, V1ALPHA = "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"
HEALTH = "grpc.health.v1.Health"
BUILT_IN = [HEALTH, V1, V1ALPHA, "pyrite.Daemon"]


class Server:
    def __init__(self, *arguments, **env):
        self.process = subprocess.Popen([BIN / "services-server", *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=dict(os.environ, **env))
        guard = threading.Timer(PATIENCE, self.process.kill)
        guard.start()
        self.address = self.process.stdout.readline().strip()
        guard.cancel()
        self.target = self.address.replace("./u:", "unix:")

    def do(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        same(self.process.stdout.readline().strip(), "ok")

    def end(self):
        self.process.stdin.close()
        same(self.process.wait(PATIENCE), 0)  # a sanitizer's findings among them
        self.process.stdout.close()


@contextlib.contextmanager
def server(*arguments, **env):
    started = Server(*arguments, **env)
    with grpc.insecure_channel(started.target, OPTIONS) as channel:
        try:
            yield started, channel
        finally:
            channel.close()
            started.end()


def same(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


def code_of(call, *arguments, **fields):
    try:
        answer = call(*arguments, **fields)
    except grpc.RpcError as error:
        return error.code()
    raise AssertionError(f"answered {answer}")


# ---- health ----

def check(channel, service=""):
    return ask_health(channel, "Check", service).status


def ask_health(channel, method, service=""):
    request, reply = health.HealthCheckRequest(service=service), health.HealthCheckResponse
    return channel.unary_unary(f"/{HEALTH}/{method}", health.HealthCheckRequest.SerializeToString, reply.FromString)(
        request, timeout=PATIENCE)


class Watch:
    """What a Watch is told, as it comes."""

    def __init__(self, channel, service):
        self.told = queue.Queue()
        self.call = channel.unary_stream(f"/{HEALTH}/Watch", health.HealthCheckRequest.SerializeToString,
                                         health.HealthCheckResponse.FromString)(
            health.HealthCheckRequest(service=service))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            for answer in self.call:
                self.told.put(answer.status)
        except grpc.RpcError as error:
            self.told.put(error.code())

    def next(self):
        return self.told.get(timeout=PATIENCE)

    def end(self):
        self.call.cancel()
        self.thread.join(PATIENCE)


CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def the_daemon_and_its_interfaces_serve():
    with server() as (s, channel):
        same(check(channel), 1)
        same(check(channel, "streams.Feed"), 1)
        same(check(channel, "pyrite.Daemon"), 1)
        same(code_of(check, channel, "example.Server"), grpc.StatusCode.NOT_FOUND)
        s.do("add", "a")
        same(check(channel, "example.Server"), 1)
        s.do("remove", "a")
        same(code_of(check, channel, "example.Server"), grpc.StatusCode.NOT_FOUND)
        same(code_of(check, channel, "x" * 100000), grpc.StatusCode.NOT_FOUND)


@case
def all_interfaces_are_listed():
    with server() as (s, channel):
        s.do("add", "a")
        listed = channel.unary_unary(f"/{HEALTH}/List", health.HealthListRequest.SerializeToString,
                                     health.HealthListResponse.FromString)(health.HealthListRequest(), timeout=PATIENCE)
        same({name: value.status for name, value in listed.statuses.items()},
             {"": 1, "example.Server": 1, "streams.Feed": 1})


@case
def who_watches_is_told_changes():
    with server(1) as (s, channel):  # one thread: that is free for others meanwhile
        watches = [Watch(channel, "example.Server") for _ in range(20)]
        same([w.next() for w in watches], [3] * 20)
        s.do("add", "a")
        same([w.next() for w in watches], [1] * 20)
        same(check(channel), 1)
        s.do("add", "b")
        s.do("remove", "a")
        s.do("remove", "b")
        same([w.next() for w in watches], [3] * 20)
        for w in watches:
            w.end()
            same(w.next(), grpc.StatusCode.CANCELLED)
        same(check(channel), 1)


@case
def a_daemon_that_drains_says_so():
    with server() as (s, channel):
        s.do("add", "a")
        watches = [Watch(channel, name) for name in ("", "example.Server")]
        same([w.next() for w in watches], [1, 1])
        s.do("hold")
        held = channel.unary_unary("/example.Server/add").future(b"\x08\x03", timeout=PATIENCE)
        s.do("wait")
        s.do("stop")
        same([w.next() for w in watches], [2, 2])
        same([w.next() for w in watches], [grpc.StatusCode.UNAVAILABLE] * 2)
        same([check(channel), check(channel, "example.Server")], [2, 2])  # its connection is still there
        same(code_of(check, channel, "no.Such"), grpc.StatusCode.NOT_FOUND)
        same(code_of(Reflection(channel).services), grpc.StatusCode.UNAVAILABLE)
        s.do("go")
        same(held.result(PATIENCE), b"\x08\x03")


@case
def health_can_be_switched_off():
    with server(PYRITE_FACES="grpc") as (s, channel):
        same(code_of(check, channel), grpc.StatusCode.UNIMPLEMENTED)
        same(code_of(Reflection(channel).services), grpc.StatusCode.UNIMPLEMENTED)
    with server(PYRITE_FACES="health") as (s, channel):
        same(check(channel), 1)
        same(code_of(Reflection(channel).services), grpc.StatusCode.UNIMPLEMENTED)
        s.do("add", "a")
        same(code_of(channel.unary_unary("/example.Server/add"), b""), grpc.StatusCode.UNIMPLEMENTED)


# ---- reflection ----

class Reflection:
    """A client that knows nothing but reflection: it learns messages from the daemon, and calls with them."""

    def __init__(self, channel, name=V1):
        self.channel, self.path = channel, f"/{name}/ServerReflectionInfo"
        self.pool = descriptor_pool.DescriptorPool()
        self.files = {}

    def ask(self, *requests):
        stub = self.channel.stream_stream(self.path, reflection.ServerReflectionRequest.SerializeToString,
                                          reflection.ServerReflectionResponse.FromString)
        return list(stub(iter([reflection.ServerReflectionRequest(**fields) for fields in requests]), timeout=PATIENCE))

    def services(self):
        return [s.name for s in self.ask({"list_services": ""})[0].list_services_response.service]

    def learn(self, symbol):
        answer = self.ask({"file_containing_symbol": symbol})[0]
        same(answer.WhichOneof("message_response"), "file_descriptor_response")
        left = [descriptor_pb2.FileDescriptorProto.FromString(data)
                for data in answer.file_descriptor_response.file_descriptor_proto]
        assert any(symbol.startswith(file.package) for file in left[:1])
        while left:
            ready = [file for file in left if all(name in self.files for name in file.dependency)]
            assert ready, "imports are missing"
            for file in ready:
                if file.name not in self.files:
                    self.pool.Add(file)
                self.files[file.name] = file
                left.remove(file)

    def messages(self, service, method):
        self.learn(service)
        described = self.pool.FindServiceByName(service).methods_by_name[method]
        get = message_factory.MessageFactory(self.pool).GetPrototype
        return get(described.input_type), get(described.output_type)


@case
def services_are_listed_in_both_versions():
    with server() as (s, channel):
        for name in V1, V1ALPHA:
            same(Reflection(channel, name).services(), sorted(BUILT_IN + ["streams.Feed"]))
        s.do("add", "a")
        same(Reflection(channel).services(), sorted(BUILT_IN + ["streams.Feed", "example.Server"]))
        s.do("remove", "a")
        same(Reflection(channel).services(), sorted(BUILT_IN + ["streams.Feed"]))


@case
def a_client_without_a_proto_calls():
    with server() as (s, channel):
        s.do("add", "a")
        for name in V1, V1ALPHA:
            client = Reflection(channel, name)
            request, reply = client.messages("example.Server", "add")
            call = channel.unary_unary("/example.Server/add", request.SerializeToString, reply.FromString)
            same(call(request(x=1, y=2), timeout=PATIENCE).ret, 3)
            request, reply = client.messages("streams.Feed", "both")
            both = channel.stream_stream("/streams.Feed/both", request.SerializeToString, reply.FromString)
            items = [request(factor=3)] + [request(x=x) for x in (1, 2)]
            same([item.ret for item in both(iter(items), timeout=PATIENCE)], [3, 6])
            request, reply = client.messages(HEALTH, "Check")
            call = channel.unary_unary(f"/{HEALTH}/Check", request.SerializeToString, reply.FromString)
            same(call(request(), timeout=PATIENCE).status, 1)
            request, reply = client.messages("pyrite.Daemon", "info")
            call = channel.unary_unary("/pyrite.Daemon/info", request.SerializeToString, reply.FromString)
            same(call(request(), timeout=PATIENCE).ret.address, s.address)
            for service in client.services():
                client.learn(service)


@case
def structs_are_messages_themselves():
    """Of operations with @message, for clients that have learned them and for those that speak over a link."""
    with server() as (s, channel):
        s.do("table")
        client = Reflection(channel)
        ranges, rows = client.messages("msg.Table", "read")
        same((ranges.DESCRIPTOR.full_name, rows.DESCRIPTOR.full_name), ("msg.Range", "msg.Rows"))
        empty = client.messages("msg.Table", "write")[1]
        ab = ranges(**{"from": "a", "to": "b"})

        def stub(kind, method, request, reply):
            return getattr(channel, kind)(f"/msg.Table/{method}", request.SerializeToString, reply.FromString)
        same(list(stub("unary_unary", "read", ranges, rows)(ab, timeout=PATIENCE).rows), ["a", "b"])
        limited = ranges(**{"from": "a", "to": "b", "limit": 1})
        same(stub("unary_unary", "read", ranges, rows)(limited, timeout=PATIENCE), rows(rows=["a"], more=True))
        same(code_of(stub("unary_unary", "read", ranges, rows), ranges(**{"from": "b", "to": "a"}), timeout=PATIENCE),
             grpc.StatusCode.INVALID_ARGUMENT)
        same(code_of(channel.unary_unary("/msg.Table/read"), b"\x0a\xff", timeout=PATIENCE), grpc.StatusCode.INVALID_ARGUMENT)
        same([list(r.rows) for r in stub("unary_stream", "watch", ranges, rows)(ab, timeout=PATIENCE)], [["a"], ["b"]])
        items = [rows(rows=["x"]), rows(rows=["y", "z"], more=True)]
        same(stub("stream_unary", "write", rows, empty)(iter(items), timeout=PATIENCE), empty())
        same(code_of(stub("stream_unary", "write", rows, empty), iter([rows()]), timeout=PATIENCE),
             grpc.StatusCode.INVALID_ARGUMENT)
        same(list(stub("stream_stream", "swap", rows, rows)(iter(items), timeout=PATIENCE)), items)
        uri = f"PYRO:table@{s.address}"
        same(tool("call", uri, "read", '{"from": "a", "to": "b"}'), ['{"rows":["a","b"],"more":false}'])
        same(tool("call", uri, "watch", '{"from": "a", "to": "b"}'),
             ['{"rows":["a"],"more":true}', '{"rows":["b"],"more":false}'])
        same(tool("call", "--json", uri, "swap", stdin='{"rows": ["1"], "more": true}\n'), ['{"rows":["1"],"more":true}'])
        assert any("@message Rows read(in Range range)" in line for line in tool("describe", uri))


def tool(*arguments, stdin=""):
    done = subprocess.run([BIN / "pyrite", *arguments], capture_output=True, text=True, timeout=PATIENCE, input=stdin)
    assert done.returncode == 0, done.stderr
    return [line.replace(": ", ":").replace(", ", ",") if line.startswith("{") else line for line in done.stdout.splitlines()]


@case
def symbols_are_found_by_their_full_names():
    with server() as (s, channel):
        s.do("add", "a")
        symbols = ["example.Server", "example.Server.add", "example.Server_add_request", "example.Server_add_request.x",
                   "streams.Item", "streams.Item.n", "pyrite.DaemonInfo.version",
                   "grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc.reflection.v1.ServerReflectionRequest",
                   "grpc.health.v1.HealthListResponse.StatusesEntry", V1ALPHA + ".ServerReflectionInfo"]
        wrong = ["", "example", "example.Server.sub", ".example.Server", "example.Server.", "Server", "streams.Wide",
                 "example.Server_add_request.z", "\x01\n", "x" * 100000]
        client = Reflection(channel)
        answers = client.ask(*({"file_containing_symbol": name} for name in symbols + wrong))
        same([a.WhichOneof("message_response") for a in answers],
             ["file_descriptor_response"] * len(symbols) + ["error_response"] * len(wrong))
        same({a.error_response.error_code for a in answers[len(symbols):]}, {5})
        first = descriptor_pb2.FileDescriptorProto.FromString(answers[0].file_descriptor_response.file_descriptor_proto[0])
        same(first.service[0].method[0].name, "add")


@case
def files_are_found_by_name_and_imports_come_once():
    with server() as (s, channel):
        s.do("add", "a")
        client = Reflection(channel)
        answers = client.ask({"file_containing_symbol": "example.Server"}, {"file_containing_symbol": "example.Server"},
                             {"file_by_filename": "example/Server-messages.proto"}, {"file_by_filename": "example.idl"})
        names = [[descriptor_pb2.FileDescriptorProto.FromString(data).name
                  for data in a.file_descriptor_response.file_descriptor_proto] for a in answers]
        same(names, [["example/Server.proto", "example/Server-messages.proto"], ["example/Server.proto"],
                     ["example/Server-messages.proto"], []])
        same(answers[3].error_response.error_message, "no file 'example.idl' here")


@case
def hosts_and_requests_are_given_back():
    with server() as (_, channel):
        answers = Reflection(channel).ask({"host": "here", "list_services": "*"}, {"host": "there"})
        same([a.valid_host for a in answers], ["here", "there"])
        same([a.original_request.host for a in answers], ["here", "there"])
        same(answers[0].original_request.list_services, "*")
        same(answers[1].error_response.error_code, 3)


@case
def nothing_has_extensions():
    with server() as (s, channel):
        s.do("add", "a")
        known, unknown, extension = Reflection(channel).ask(
            {"all_extension_numbers_of_type": "example.Server_add_request"}, {"all_extension_numbers_of_type": "example.Server"},
            {"file_containing_extension": {"containing_type": "example.Server_add_request", "extension_number": 100}})
        same(known.all_extension_numbers_response.base_type_name, "example.Server_add_request")
        same(list(known.all_extension_numbers_response.extension_number), [])
        same([unknown.error_response.error_code, extension.error_response.error_code], [5, 5])


@case
def a_stream_sees_objects_that_came_since():
    with server() as (s, channel):
        asked = queue.Queue()
        stub = channel.stream_stream(f"/{V1}/ServerReflectionInfo", reflection.ServerReflectionRequest.SerializeToString,
                                     reflection.ServerReflectionResponse.FromString)
        answers = stub(iter(asked.get, None), timeout=PATIENCE)
        request = reflection.ServerReflectionRequest(file_containing_symbol="example.Server")
        asked.put(request)
        same(next(answers).error_response.error_code, 5)
        s.do("add", "a")
        asked.put(request)
        same(len(next(answers).file_descriptor_response.file_descriptor_proto), 2)
        asked.put(None)
        same(list(answers), [])


@case
def open_streams_hold_no_thread():
    with server(1) as (s, channel):
        s.do("add", "a")
        waiting = queue.Queue()
        stub = channel.stream_stream(f"/{V1}/ServerReflectionInfo")
        streams = [stub(iter(waiting.get, None), timeout=PATIENCE) for _ in range(20)]
        same(check(channel), 1)
        same(channel.unary_unary("/example.Server/add")(b"\x08\x01\x10\x02", timeout=PATIENCE), b"\x08\x03")
        for stream in streams:
            stream.cancel()
            waiting.put(None)
        same(check(channel), 1)


@case
def many_questions_of_a_slow_reader_are_answered():
    with server() as (s, channel):
        requests = [{"file_containing_symbol": "pyrite.Daemon"}] * 2000
        stub = channel.stream_stream(f"/{V1}/ServerReflectionInfo", reflection.ServerReflectionRequest.SerializeToString,
                                     reflection.ServerReflectionResponse.FromString)
        answers = stub(iter([reflection.ServerReflectionRequest(**fields) for fields in requests]), timeout=PATIENCE)
        same(check(channel), 1)  # nobody reads the answers yet
        same(sum(len(a.file_descriptor_response.file_descriptor_proto) > 0 for a in answers), 2000)


@case
def what_is_no_request_ends_the_stream():
    wrong = [b"\xff", b"\x3a\xff", b"\x3a\x05ab", b"\x00\x00", b"\x3a\x02\xff\xfe", b"\x0a\x01\xff", b"\x0b", b"\x3a" + b"\xff" * 10,
             b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x39\x01", b"\x08" + b"\x80" * 10]
    with server() as (_, channel):
        stub = channel.stream_stream(f"/{V1}/ServerReflectionInfo")
        for data in wrong:
            same(code_of(list, stub(iter([data]), timeout=PATIENCE)), grpc.StatusCode.INVALID_ARGUMENT)
        unknown = b"\x18\x05" + b"\x3d\x01\x02\x03\x04" + b"\x39" + bytes(8) + b"\x9a\x06\x02hi" + b"\x3a\x00"
        same(len(list(stub(iter([unknown]), timeout=PATIENCE))), 1)  # fields of other kinds and numbers are stepped over
        same(len(list(stub(iter([b""]), timeout=PATIENCE))), 1)
        same(list(stub(iter([]), timeout=PATIENCE)), [])
        same(code_of(channel.unary_unary(f"/{HEALTH}/Check"), b"\x0a\xff", timeout=PATIENCE),
             grpc.StatusCode.INVALID_ARGUMENT)
        same(code_of(channel.unary_unary(f"/{HEALTH}/Ask"), b"", timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)
        same(check(channel), 1)


@case
def bytes_at_random_do_no_harm():
    """Beginnings of requests, requests with bytes changed, and bytes alone: each is answered, or ends its stream."""
    whole = reflection.ServerReflectionRequest(
        host="h" * 20, file_containing_extension=reflection.ExtensionRequest(containing_type="a.B", extension_number=7)).SerializeToString()
    whole += reflection.ServerReflectionRequest(file_containing_symbol="pyrite.Daemon").SerializeToString()
    chance = random.Random(7)
    cases = [whole[:n] for n in range(len(whole))]
    cases += [bytes(b if chance.random() > 0.1 else chance.randrange(256) for b in whole) for _ in range(150)]
    cases += [chance.randbytes(chance.randrange(40)) for _ in range(150)]
    ends = set()
    with server() as (_, channel):
        info, health_check = channel.stream_stream(f"/{V1}/ServerReflectionInfo"), channel.unary_unary(f"/{HEALTH}/Check")
        for data in cases:
            for call in lambda: len(list(info(iter([data]), timeout=PATIENCE))), lambda: health_check(data, timeout=PATIENCE):
                try:
                    call()
                    ends.add("answered")
                except grpc.RpcError as error:
                    ends.add(error.code())
        same(check(channel), 1)
    same(ends, {"answered", grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND})


@case
def who_may_not_inspect_learns_nothing():
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules"
        rules.write_text("allow * call *\n")
        with server(PYRITE_RULES=str(rules)) as (s, channel):
            s.do("add", "a")
            same(code_of(Reflection(channel).services), grpc.StatusCode.PERMISSION_DENIED)
            same(check(channel), 1)
            rules.write_text("allow * call *\nallow * inspect\n")
            assert "example.Server" in Reflection(channel).services()


@case
def an_open_stream_learns_nothing_more_once_rules_forbid_it():
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules"
        rules.write_text("allow * call *\nallow * inspect\n")
        with server(PYRITE_RULES=str(rules)) as (_, channel):
            asked = queue.Queue()
            stub = channel.stream_stream(f"/{V1}/ServerReflectionInfo", reflection.ServerReflectionRequest.SerializeToString,
                                         reflection.ServerReflectionResponse.FromString)
            answers = stub(iter(asked.get, None), timeout=PATIENCE)
            request = reflection.ServerReflectionRequest(list_services="")
            asked.put(request)
            assert next(answers).list_services_response.service
            rules.write_text("allow * call *\n")
            same(code_of(Reflection(channel).services), grpc.StatusCode.PERMISSION_DENIED)  # they are read again
            asked.put(request)
            same(code_of(lambda: next(answers)), grpc.StatusCode.PERMISSION_DENIED)
            asked.put(None)


@case
def a_daemon_that_ends_ends_its_streams():
    with server() as (s, channel):
        s.do("add", "a")
        waiting, codes = queue.Queue(), []
        watch = Watch(channel, "example.Server")
        same(watch.next(), 1)
        stub = channel.stream_stream(f"/{V1}/ServerReflectionInfo", reflection.ServerReflectionRequest.SerializeToString,
                                     reflection.ServerReflectionResponse.FromString)
        stream = stub(iter(waiting.get, None), timeout=PATIENCE)
        waiting.put(reflection.ServerReflectionRequest(list_services=""))
        next(stream)
        s.do("stop")
        same(watch.next(), 2)
        same(watch.next(), grpc.StatusCode.UNAVAILABLE)
        codes.append(code_of(list, stream))
        same(codes, [grpc.StatusCode.UNAVAILABLE])
        waiting.put(None)
        watch.thread.join(PATIENCE)


def generate(folder):
    subprocess.run(["protoc", "-I", HERE, "--python_out", folder, "health.proto", "reflection.proto"], check=True)
    sys.path.insert(0, str(folder))
    global health, reflection
    import health_pb2 as health
    import reflection_pb2 as reflection


def main():
    part, failed = "".join(sys.argv[1:2]), False
    with tempfile.TemporaryDirectory() as folder:
        generate(folder)
        for function in CASES:
            if part not in function.__name__:
                continue
            try:
                function()
                print("ok", function.__name__, flush=True)
            except Exception:
                traceback.print_exc()
                print("not ok", function.__name__, flush=True)
                failed = True
    return failed


sys.exit(main())
