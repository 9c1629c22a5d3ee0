#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What reflection tells of an interface is what pyrite-idl --proto writes of it, but for names of files: of each folder of
tests/golden the descriptors that protoc makes of its .proto are compared with those made of the tables. Prints "ok <folder>" or
"not ok <folder>"."""

import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

from google.protobuf import descriptor_pb2, descriptor_pool

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
GOLDEN = pathlib.Path(os.environ["PYRITE_SOURCE"]) / "tests/golden"
ANY = 'syntax = "proto3"; package google.protobuf; message Any { string type_url = 1; bytes value = 2; }'


class Set:
    """All messages, enums and services of a FileDescriptorSet, by their full names."""

    def __init__(self, data):
        self.files = descriptor_pb2.FileDescriptorSet.FromString(data).file
        self.messages, self.enums, self.services = {}, {}, {}
        for file in self.files:
            prefix = "." + file.package + ("." if file.package else "")
            self.add(prefix, file.message_type, file.enum_type)
            self.services.update((prefix + service.name, service) for service in file.service)

    def add(self, prefix, messages, enums):
        self.enums.update((prefix + enum.name, enum) for enum in enums)
        for message in messages:
            self.messages[prefix + message.name] = message
            self.add(prefix + message.name + ".", message.nested_type, message.enum_type)


def same(what, theirs, ours):
    assert theirs == ours, f"{what}: {theirs!r} in the .proto, {ours!r} by reflection"


class Comparison:
    """is_split: types of several packages are in one .proto, where parts of their modules are part of their names."""

    def __init__(self, theirs, ours, is_split):
        self.theirs, self.ours, self.is_split, self.seen = theirs, ours, is_split, set()

    def service(self, name):
        theirs, ours = self.theirs.services[name], self.ours.services[name]
        same(name, [m.name for m in theirs.method], [m.name for m in ours.method])
        for a, b in zip(theirs.method, ours.method):
            same(f"{name}.{a.name}", (a.client_streaming, a.server_streaming, a.input_type, a.output_type),
                 (b.client_streaming, b.server_streaming, b.input_type, b.output_type))
            self.message(a.input_type, b.input_type)
            self.message(a.output_type, b.output_type)

    def all(self):
        for name in self.theirs.services:
            self.service(name)
        for name in self.theirs.messages.keys() & self.ours.messages.keys():  # exceptions are in no method's messages
            self.message(name, name)

    def name(self, theirs, ours, is_free=False):
        if not (is_free or self.is_split or theirs.rpartition(".")[2].endswith("Entry")):
            same("a type", theirs, ours)

    def message(self, a_name, b_name):
        if (a_name, b_name) in self.seen:
            return
        self.seen.add((a_name, b_name))
        a, b = self.theirs.messages[a_name], self.ours.messages[b_name]
        is_wrapper = [(f.name, f.number) for f in a.field] == [("items", 1)]
        self.name(a_name, b_name, is_wrapper)
        same(a_name, [f.name for f in a.field], [f.name for f in b.field])
        same(a_name, [o.name for o in a.oneof_decl], [o.name for o in b.oneof_decl])
        same(a_name, [(r.start, r.end) for r in a.reserved_range], [(r.start, r.end) for r in b.reserved_range])
        same(a_name, a.options.map_entry, b.options.map_entry)
        same(a_name, [n.name for n in a.nested_type], [n.name for n in b.nested_type])
        for f, g in zip(a.field, b.field):
            same(f"{a_name}.{f.name}", self.shape(f), self.shape(g))
            if f.type == f.TYPE_MESSAGE:
                self.message(f.type_name, g.type_name)
            elif f.type == f.TYPE_ENUM:
                self.enum(f.type_name, g.type_name)

    @staticmethod
    def shape(field):
        oneof = field.oneof_index if field.HasField("oneof_index") else None
        return field.number, field.label, field.type, oneof, field.proto3_optional

    def enum(self, a_name, b_name):
        self.name(a_name, b_name)
        a, b = self.theirs.enums[a_name], self.ours.enums[b_name]
        same(a_name, [(v.name[len(a.name):], v.number) for v in a.value], [(v.name[len(b.name):], v.number) for v in b.value])
        same(a_name, a.options.allow_alias, b.options.allow_alias)


def of_protoc(folder, include):
    protos = sorted(path.name for path in folder.glob("*.proto"))
    out = include / "set"
    subprocess.run(["protoc", "-I", folder, "-I", include, "--include_imports", "--descriptor_set_out", out, *protos],
                   check=True)
    return Set(out.read_bytes()), len(protos) > 1


def check_pool(ours):
    """Each file comes after those it imports, and python's pool takes them."""
    pool, left = descriptor_pool.DescriptorPool(), list(ours.files)
    done = set()
    while left:
        ready = [file for file in left if done.issuperset(file.dependency)]
        assert ready, f"files that import each other: {[file.name for file in left]}"
        for file in ready:
            pool.Add(file)
            pool.FindFileByName(file.name)
        done.update(file.name for file in ready)
        left = [file for file in left if file.name not in done]


def main():
    failed = False
    ours = Set(subprocess.run([BIN / "golden-descriptors"], check=True, capture_output=True).stdout)
    with tempfile.TemporaryDirectory() as folder:
        include = pathlib.Path(folder)
        (include / "google/protobuf").mkdir(parents=True)
        (include / "google/protobuf/any.proto").write_text(ANY)
        subprocess.run([BIN / "pyrite-idl", "--proto", include, GOLDEN / "references/references.idl"], check=True)
        cases = [("the_files_form_a_pool", lambda: check_pool(ours))]
        n = 0
        for golden in sorted(path for path in GOLDEN.iterdir() if list(path.glob("*.proto"))):
            theirs, is_split = of_protoc(golden, include)
            comparison = Comparison(theirs, ours, is_split)
            n += len(theirs.services)
            cases.append((golden.name, comparison.all))
        cases.append(("all_services_were_compared", lambda: same("services", n, len(ours.services))))
        for name, function in cases:
            try:
                function()
                print("ok", name)
            except Exception:
                traceback.print_exc()
                print("not ok", name)
                failed = True
    return failed


sys.exit(main())
