#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pyrite-idl --idl: which .proto files it refuses, and what it makes of what protoc prints, whole or not."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

IDL = pathlib.Path(os.environ["PYRITE_BIN"]) / "pyrite-idl"
PATIENCE = 60
CASES = []

RICH = """syntax = "proto3";
package a.sequence;
// Colors
// of two lines.
enum Color { /* none */ NONE = 0; RED = 1; BLUE = 3; }
enum Far { FAR_0 = 0; FAR_1 = 100000; }
enum Twice { option allow_alias = true; ONE = 0; UNO = 0; }
enum Below { ZERO = 0; MINUS = -1; }
// A message.
message Outer {
  // Its number.
  int32 number = 3;
  message Inner { repeated string interface = 1; repeated Outer back = 2; }
  enum Kind { KIND_A = 0; }
  Inner inner = 1;
  optional uint64 maybe = 18999;
  oneof choice { bool yes = 20000; Color color = 20001; }
  map<string, Inner> many = 20002;
  Kind kind = 20003;
  Far far = 20004;
}
message Void {}
// A service.
service Things {
  // Gets.
  rpc Get(Outer) returns (Void);
  rpc Pour(stream Outer) returns (stream Void);
}
"""


def case(function):
    CASES.append(function)
    return function


def run(folder, *arguments, path=None):
    env = dict(os.environ, PATH=str(path)) if path is not None else None
    return subprocess.run([IDL, *arguments], cwd=folder, env=env, capture_output=True, text=True, errors="replace", timeout=PATIENCE)


def refused(folder, text, *arguments, path=None):
    """Ends with 1, says this, and writes no IDL."""
    done = run(folder, *arguments, path=path)
    assert done.returncode == 1 and text in done.stderr, (done.returncode, done.stderr)
    assert not list(folder.glob("out/*.idl")), list(folder.glob("out/*"))


def proto(folder, text, name="x.proto"):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / "out").mkdir(exist_ok=True)


def stand_in(folder, script):
    """A folder whose protoc is this script, for PATH."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/protoc").write_text(f"#!/bin/sh\nPATH={os.environ['PATH']}\n{script}\n")
    (folder / "bin/protoc").chmod(0o700)
    return folder / "bin"


@case
def everything_that_idl_has_comes_over(folder):
    proto(folder, RICH)
    done = run(folder, "--idl", "out", "x.proto")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    text = (folder / "out/x.idl").read_text()
    for part in ("module a", "module _sequence", "/// Colors\n", "/// of two lines.\n", "enum Color", "Color_NUMBER_2",
                 "// Far travels as a number.", "const int32 FAR_1 = 100000;", "const int32 UNO = 0;", "const int32 MINUS = -1;",
                 "/// A message.", "/// Its number.", "@id(3) int32 number;", "sequence<string> _interface", "struct Outer;",
                 "@id(18999) @optional uint64 maybe;", "// one of choice", "map<string, Outer_Inner> many;", "int32 far;", "/// A service.", "/// Gets.",
                 "@message _Void Get(in Outer request);", "@message stream<_Void> Pour(in stream<Outer> requests);"):
        assert part in text, (part, text)
    assert run(folder, "--check", "out/x.idl").returncode == 0
    assert run(folder, "--format", "--check", "out/x.idl").returncode == 0


@case
def what_idl_does_not_have_is_refused_by_name(folder):
    for text, said in (
            ('syntax = "proto2"; message M {}', "x.proto: syntax 'proto2' is not supported: only proto3 is"),
            ('syntax = "proto3"; message M { fixed64 f = 1; }', "x.proto: field 'M.f' is a fixed64, which IDL has not"),
            ('syntax = "proto3"; message M { map<string, sint32> f = 1; }', "is a sint32, which IDL has not"),
            ('syntax = "proto3"; import "old.proto"; message M { Old o = 1; }', "old.proto: syntax 'proto2'"),
            ('syntax = "proto3"; import "old.proto"; service S { rpc F(Old) returns (Old); }', "old.proto: syntax 'proto2'")):
        proto(folder, 'syntax = "proto2"; message Old {}', "old.proto")
        proto(folder, text)
        refused(folder, said, "--idl", "out", "x.proto")


@case
def two_files_of_one_name_are_refused(folder):
    proto(folder, 'syntax = "proto3"; package p; message P {}', "sub/x.proto")
    proto(folder, 'syntax = "proto3"; import "sub/x.proto"; message M { p.P f = 1; }')
    refused(folder, "sub/x.proto and x.proto would both be x.idl", "--idl", "out", "x.proto")


@case
def files_are_found_in_folders_as_protoc_finds_them(folder):
    proto(folder, 'syntax = "proto3"; message P {}', "sub/p.proto")
    proto(folder, 'syntax = "proto3"; import "sub/p.proto"; message M { P f = 1; }', "sub/m.proto")
    refused(folder, "sub/p.proto", "--idl", "out", "sub/m.proto")
    for dirs in (["-I", "."], ["-I", f"{folder}/"], ["-I", f"{folder}//", "-I", "/"]):
        name = folder / "sub/m.proto" if len(dirs[1]) > 1 else "./sub/m.proto"
        done = run(folder, "--idl", "out", *dirs, name)
        assert done.returncode == 0, done.stderr
        assert '#include "p.idl"' in (folder / "out/m.idl").read_text()
        shutil.rmtree(folder / "out")
        (folder / "out").mkdir()
    refused(folder, "no-such.proto", "--idl", "out", "/no-such.proto")


@case
def types_of_another_package_have_its_name(folder):
    proto(folder, 'syntax = "proto3"; package q.enum; message P {}', "p.proto")
    proto(folder, 'syntax = "proto3"; package r; import "p.proto"; message M { q.enum.P f = 1; map<int32, q.enum.P> g = 2; }')
    done = run(folder, "--idl", "out", "x.proto")
    assert done.returncode == 0, done.stderr
    text = (folder / "out/x.idl").read_text()
    assert "@optional ::q::_enum::P f;" in text and "map<int32, ::q::_enum::P> g;" in text, text
    assert run(folder, "--check", "-I", "out", "out/x.idl").returncode == 0


@case
def without_protoc_it_says_what_is_missing(folder):
    proto(folder, 'syntax = "proto3";')
    refused(folder, "protoc: No such file or directory: a .proto is read by it (protobuf-compiler)", "--idl", "out", "x.proto",
            path=folder / "nowhere")


@case
def what_protoc_prints_may_be_anything(folder):
    proto(folder, 'syntax = "proto3";')
    for script, said in (("echo no descriptors", "x.proto: protoc wrote no set of descriptors"),
                         ("printf '\\012\\377\\377\\377\\377\\377\\377\\377\\377\\377\\001'", "x.proto: protoc wrote no set of descriptors"),
                         ("echo it is wrong >&2; exit 1", "it is wrong"),
                         ("head -c 300000000 /dev/zero", "protoc: its descriptors are too large")):
        refused(folder, said, "--idl", "out", "x.proto", path=stand_in(folder, script))


@case
def descriptors_that_are_cut_off_are_refused_or_make_idl(folder):
    proto(folder, RICH)
    subprocess.run(["protoc", "--include_imports", "--include_source_info", "--descriptor_set_out=set", "x.proto"], cwd=folder, check=True)
    whole = (folder / "set").read_bytes()
    n_refused = 0
    path = stand_in(folder, "exec cat cut")
    for n in range(1, len(whole), max(len(whole) // 60, 1)):
        # The set holds one file: that is cut, and its length says so.
        body = whole[3:][:n] if whole[1] >= 128 else whole[2:][:n]
        length = bytes([len(body) & 127 | 128, len(body) >> 7]) if len(body) > 127 else bytes([len(body)])
        (folder / "cut").write_bytes(whole[:1] + length + body)
        done = run(folder, "--force", "--idl", "out", "x.proto", path=path)
        assert done.returncode in (0, 1), (n, done)
        assert (done.returncode == 0) == (done.stderr == ""), (n, done)
        n_refused += done.returncode
    assert n_refused > 30, n_refused


@case
def bytes_that_are_flipped_end_in_a_message_or_idl(folder):
    proto(folder, RICH)
    subprocess.run(["protoc", "--include_imports", "--include_source_info", "--descriptor_set_out=set", "x.proto"], cwd=folder, check=True)
    whole = (folder / "set").read_bytes()
    path = stand_in(folder, "exec cat cut")
    for n in range(3, len(whole), max(len(whole) // 120, 1)):
        (folder / "cut").write_bytes(whole[:n] + bytes([whole[n] ^ 1 << n % 8]) + whole[n + 1:])
        done = run(folder, "--force", "--idl", "out", "x.proto", path=path)
        assert done.returncode in (0, 1), (n, done)
        assert done.returncode == 0 or done.stderr, (n, done)


@case
def options_that_do_not_go_together_are_named(folder):
    proto(folder, 'syntax = "proto3";')
    (folder / "x.idl").write_text("struct S { long x; };")
    for said, arguments in (("'x.idl' is no .proto, which --idl reads", ("--idl", "out", "x.idl")),
                            ("'x.proto' is a .proto, which --idl makes IDL of", ("--c", "out", "x.proto")),
                            ("--idl goes with -I and --force alone", ("--idl", "out", "--c", "out", "x.proto")),
                            ("--idl goes with -I and --force alone", ("--idl", "out", "--check", "x.proto"))):
        refused(folder, said, *arguments)


def main():
    failed = False
    for function in CASES:
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(pathlib.Path(folder).resolve())
                print("ok", function.__name__, flush=True)
            except Exception:
                traceback.print_exc()
                print("not ok", function.__name__, flush=True)
                failed = True
    return failed


sys.exit(main())
