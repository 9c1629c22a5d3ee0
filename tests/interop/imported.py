#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""C stubs made of .proto files (pyrite-idl --idl) call services that know nothing of Pyrite, and a daemon's own; what IDL cannot
say is refused. Prints "ok <case>" or "not ok <case>"."""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import traceback

import grpc

import messages

HERE = pathlib.Path(__file__).resolve().parent
BIN = messages.BIN
PATIENCE = 20
CASES = []


def case(function):
    CASES.append(function)
    return function


def same(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


class Health:
    """A service in python, of health.proto alone."""

    def Check(self, request, context, reply):
        if request.service == "wrong":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        reply.status = 1
        return reply

    def Watch(self, request, context, reply):
        for status in 3, 1, 2:
            yield reply(status=status)

    def List(self, request, context, reply):
        for name in "", "a":
            reply.statuses[name].status = 1
        return reply


class Reflection:
    """The same of reflection.proto, as far as it goes."""

    def ServerReflectionInfo(self, requests, context, reply):
        for request in requests:
            answer = reply(valid_host=request.host, original_request=request)
            if request.WhichOneof("message_request") == "list_services":
                for name in "a.A", "b.B":
                    answer.list_services_response.service.add(name=name)
            elif request.file_containing_symbol == "a.A":
                answer.file_descriptor_response.file_descriptor_proto.extend([b"1", b"22"])
            else:
                answer.error_response.error_code = 5
            yield answer


def client(mode, command, uri, *arguments, code=0):
    done = subprocess.run([BIN / "imported-client", mode, command, uri, *arguments], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert done.returncode == code, f"ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout.splitlines()


@case
def stubs_call_a_service_of_python(world):
    for mode in "auto", "plain":
        uri = f"PYRO:health@127.0.0.1:{world.port}"
        same(client(mode, "check", uri, "a"), ["SERVING"])
        same(client(mode, "check", uri, "wrong", code=1)[0].split(":")[0], "NOT_FOUND")
        same(client(mode, "watch", uri), ["SERVICE_UNKNOWN", "SERVING", "NOT_SERVING"])
        same(sorted(client(mode, "list", uri)), ["'' SERVING", "'a' SERVING"])


@case
def stubs_call_a_daemon_over_both_protocols(world):
    uri = f"PYRO:grpc.health.v1.Health@{world.daemon}"
    for mode in "auto", "plain":
        same(client(mode, "check", uri), ["SERVING"])
        same(client(mode, "check", uri, "streams.Feed"), ["SERVING"])
        same(client(mode, "check", uri, "no.Such", code=1)[0].split(":")[0], "NOT_FOUND")
        same(sorted(client(mode, "list", uri)), ["'' SERVING", "'streams.Feed' SERVING"])


@case
def what_is_no_message_is_not_sent(world):
    uri = f"PYRO:health@127.0.0.1:{world.port}"
    for mode in "auto", "plain":
        same(client(mode, "nothing", uri, code=1),
             ["grpc.health.v1.Health.Check: parameter 'request' is NULL",
              "INVALID_ARGUMENT: grpc.health.v1.Health.Check: request.service is NULL"])


@case
def stubs_stream_both_ways(world):
    uri = f"PYRO:reflection@127.0.0.1:{world.port}"
    for mode in "auto", "plain":
        same(client(mode, "reflect", uri, "a.A"), ["a.A", "b.B", "2 files"])
        same(client(mode, "reflect", uri, "no.Such"), ["a.A", "b.B", "error 5"])


def convert(folder, text, code=1, name="x.proto"):
    (folder / name).write_text(text)
    done = subprocess.run([BIN / "pyrite-idl", "--idl", folder, folder / name], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == code, f"ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stderr


@case
def what_idl_cannot_say_is_refused(world):
    folder = world.folder
    for text, what in [
            ('syntax = "proto2"; message A { optional int32 x = 1; }', "only proto3 is"),
            ('syntax = "proto3"; package p; message A { sint32 x = 1; }', "field 'p.A.x' is a sint32"),
            ('syntax = "proto3"; message A { repeated fixed64 x = 1; }', "field 'A.x' is a fixed64"),
            ('syntax = "proto3"; message A { B x = 1; }', '"B" is not defined'),
            ('syntax = "proto3"; message {', "Expected message name")]:
        said = convert(folder, text)
        assert what in said, said
    assert not (folder / "x.idl").exists()


ALL = '''syntax = "proto3";
package all.kinds;
import "google/protobuf/any.proto";
import "other.proto";
// A tree.
message Tree {
  // Its name.
  string name = 1;
  repeated Tree children = 2;
  map<string, Inner> inner = 5;
  optional int64 count = 7;
  Inner one = 9;
  google.protobuf.Any any = 10;
  elsewhere.Thing thing = 11;
  Gaps gaps = 12;
  Far far = 13;
  bytes interface = 14;
  oneof choice { double d = 15; string s = 16; }
  message Inner { enum Kind { NONE = 0; SOME = 1; } repeated Kind kinds = 1; repeated uint32 numbers = 2; bool is = 3; float f = 4; }
}
enum Gaps { ZERO = 0; TWO = 2; }
enum Far { option allow_alias = true; HERE = 0; THERE = 1000; MINUS = -1; SAME = 0; }
service Forest { rpc Plant(Tree) returns (stream Tree.Inner); }
'''
OTHER = 'syntax = "proto3"; package elsewhere; message Thing { Thing.Part part = 1; message Part {} }'
ANY = 'syntax = "proto3"; package google.protobuf; message Any { string type_url = 1; bytes value = 2; }'


@case
def all_kinds_come_through(world):
    """What protoc makes of the .proto that pyrite-idl makes of the IDL has the same fields."""
    folder = world.folder
    (folder / "google/protobuf").mkdir(parents=True)
    (folder / "google/protobuf/any.proto").write_text(ANY)
    (folder / "other.proto").write_text(OTHER)
    convert(folder, ALL, code=0, name="all.proto")
    text = (folder / "all.idl").read_text()
    for line in ["/// A tree.", "/// Its name.", "struct Tree;", "@id(5) map<string, Tree_Inner> inner;", "@optional ::elsewhere::Thing thing;",
                 "sequence<octet> _interface;", "const int32 MINUS = -1;", "Gaps_NUMBER_1,", '#include "other.idl"', "any _any;",
                 "@message stream<Tree_Inner> Plant(in Tree request);"]:
        assert line in text, f"no {line!r} in {text}"
    out = folder / "again"
    out.mkdir()
    for idl in "other.idl", "all.idl":
        subprocess.run([BIN / "pyrite-idl", "--c", out, "--proto", out, folder / idl], check=True, stderr=subprocess.DEVNULL)
    (out / "google/protobuf").mkdir(parents=True)
    (out / "google/protobuf/any.proto").write_text(ANY)
    fields = [described(path, "all.proto") for path in (folder, out)]
    same(fields[1], fields[0])


def described(folder, name):
    """Of each message of a file: number, whether it is repeated, and the kind of each field, as it travels."""
    from google.protobuf import descriptor_pb2
    subprocess.run(["protoc", "-I", folder, "--descriptor_set_out", folder / "set", name], check=True)
    file = descriptor_pb2.FileDescriptorSet.FromString((folder / "set").read_bytes()).file[0]
    found = {}

    def add(prefix, message):
        full = prefix + message.name
        if not message.options.map_entry:
            found[full] = sorted((f.number, f.label, 5 if f.type == 14 else f.type) for f in message.field)
        for nested in message.nested_type:
            add(full + "_", nested)
    for message in file.message_type:
        add("", message)
    services = [(m.name, m.client_streaming, m.server_streaming) for s in file.service for m in s.method]
    return found, services


@case
def the_installed_idl_is_that_of_the_proto(world):
    """Both have the same fingerprints."""
    marks = []
    for idl in world.folder / "health.idl", pathlib.Path(os.environ["PYRITE_SOURCE"]) / "runtime/idl/health.idl":
        out = world.folder / f"c{len(marks)}"
        out.mkdir()
        subprocess.run([BIN / "pyrite-idl", "--c", out, idl], check=True)
        marks.append([line for line in (out / "health.c").read_text().splitlines() if "fingerprint" in line])
    same(*marks)


class World:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run([BIN / "pyrite-idl", "--idl", folder, HERE / "health.proto"], check=True)
        subprocess.run(["protoc", "-I", HERE, "--python_out", folder, "health.proto", "reflection.proto"], check=True)
        sys.path.insert(0, str(folder))
        import health_pb2
        import reflection_pb2
        self.server, self.port = messages.serve([health_pb2, reflection_pb2], {"Health": Health(), "ServerReflection": Reflection()})
        self.process = subprocess.Popen([BIN / "services-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        guard = threading.Timer(PATIENCE, self.process.kill)
        guard.start()
        self.daemon = self.process.stdout.readline().strip()
        guard.cancel()

    def end(self):
        self.server.stop(0).wait(PATIENCE)
        self.process.stdin.close()
        same(self.process.wait(PATIENCE), 0)
        self.process.stdout.close()


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        world = World(pathlib.Path(folder))
        for function in CASES + [lambda _: world.end()]:
            name = function.__name__.replace("<lambda>", "the_servers_end_well")
            try:
                function(world)
                print("ok", name, flush=True)
            except Exception:
                traceback.print_exc()
                print("not ok", name, flush=True)
                failed = True
    return failed


sys.exit(main())
