#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pyrite-idl --idl: which .proto files it refuses, and what it makes of what protoc prints, whole or not."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "rules"))

from raw import Cases  # noqa: E402

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


# Messages that hold themselves, each in its way, and what the IDL says of them.
CIRCLES = (
    ("message M { M m = 1; repeated M ms = 2; map<int32, M> mm = 3; optional M o = 4; oneof x { M a = 5; string s = 6; } }",
     ("sequence<M, 1> m;", "sequence<M> ms;", "map<int32, M> mm;", "sequence<M, 1> o;", "sequence<M, 1> a;   // one of x", "@optional string s; // one of x")),
    ("message Tree { message Node { Tree left = 1; repeated Node more = 2; } Node root = 1; }",
     ("sequence<Tree, 1> left;", "sequence<Tree_Node> more;", "@optional Tree_Node root;")),
    ("message A { B b = 1; } message B { C c = 1; } message C { A a = 1; }", ("@optional B b;", "@optional C c;", "sequence<A, 1> a;")),
    ("message A { repeated B bs = 1; } message B { A a = 1; C c = 2; } message C { map<int32, A> as = 1; B b = 2; }",
     ("sequence<B> bs;", "@optional A a;", "@optional C c;", "map<int32, A> as;", "sequence<B, 1> b;")),
    ("message A { repeated B bs = 1; } message B { A a = 1; }", ("sequence<B> bs;", "@optional A a;")),
    ("message A { message B { message C { A a = 1; B b = 2; C c = 3; map<string, C> mc = 4; } C c = 1; } B b = 1; }",
     ("sequence<A, 1> a;", "sequence<A_B, 1> b;", "sequence<A_B_C, 1> c;", "@optional A_B b;")),
)
ODD = (
    'message Foo { int32 a = 1; } message foo { int32 b = 1; }',
    'message _M { int32 _x = 1; int32 y_ = 2; } enum _E { _A = 0; }',
    'enum E { option allow_alias = true; A = 0; B = 0; }',
    'message struct { int32 int = 1; string char = 2; bool register = 3; int32 union = 4; int32 errno = 5; int32 NULL = 6; bool has_n = 7; '
    'optional int32 n = 8; } service typedef { rpc in(struct) returns (struct); rpc out(stream struct) returns (struct); }',
    'import "google/protobuf/any.proto"; message M { map<string, google.protobuf.Any> m = 1; oneof o { google.protobuf.Any a = 2; int32 b = 3; } '
    'optional google.protobuf.Any c = 4; } service S { rpc F(google.protobuf.Any) returns (M); }',
    'import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/empty.proto"; message M { '
    'google.protobuf.Timestamp t = 1; google.protobuf.Struct s = 2; google.protobuf.Value v = 3; } service S { rpc F(google.protobuf.Empty) '
    'returns (M); }',
    'message M { int32 a = 536870911; int32 b = 18999; int32 c = 20000; reserved 5, 6; int32 d = 7; }',
    'enum E { Z = 0; Y = -1; } message M { map<bool, E> a = 1; map<uint64, bytes> b = 2; map<string, double> c = 3; }',
    '// a */ comment /* with // all \\\nmessage M { int32 a = 1; // trailing \\\n int32 b = 2; }',
    'message S_f_request { int32 a = 1; } message S_f_reply {} service S { rpc f(S_f_request) returns (S_f_reply); }',
    'message M {} service A { rpc F(M) returns (M); } service B { rpc F(M) returns (M); } service M_ { rpc A(M) returns (M); }',
)


def comes_over(folder, text):
    """Returns the IDL, which pyrite-idl reads and makes C and a .proto of."""
    proto(folder, text)
    done = run(folder, "--force", "--idl", "out", "x.proto")
    assert done.returncode == 0 and done.stderr == "", (text, done.stderr)
    done = run(folder, "--force", "--c", "out", "--proto", "out", *sorted(folder.glob("out/*.idl")))
    assert done.returncode == 0, (text, done.stderr)
    assert run(folder, "--format", "--check", "out/x.idl").returncode == 0, text
    if "google" not in text:  # whose types protoc has itself
        subprocess.run(["protoc", "-Iout", "--descriptor_set_out=set", "out/x.proto"], cwd=folder, check=True)
    return (folder / "out/x.idl").read_text()


@case
def a_message_that_holds_itself_is_a_list_of_one(folder):
    for text, parts in CIRCLES:
        idl = comes_over(folder, 'syntax = "proto3"; package p; ' + text)
        for part in parts:
            assert f"        {part}\n" in idl, (part, idl)


@case
def a_circle_without_end_is_walked_to_its_end(folder):
    n = 3000
    text = "".join(f"message M{i} {{ M{(i + 1) % n} a = 1; repeated M{i * 7 % n} b = 2; }}\n" for i in range(n))
    proto(folder, 'syntax = "proto3";' + text)
    done = run(folder, "--idl", "out", "x.proto")
    assert done.returncode == 0, done.stderr
    assert (folder / "out/x.idl").read_text().count(", 1> a;") == 1


@case
def odd_files_make_idl_that_is_read(folder):
    for text in ODD:
        comes_over(folder, 'syntax = "proto3"; package p.interface; ' + text)


@case
def names_that_would_be_one_in_idl_are_refused(folder):
    for text, said in (
            ("message A { message B {} } message A_B {}", "'p.A.B' and 'p.A_B' would both be 'A_B' in IDL"),
            ("message A { enum E { X = 0; } } enum F { A_X = 0; }", "'X' and 'A_X' would both be 'A_X' in IDL"),
            ("message A { enum E { X = 0; } } message A_X {}", "'X' and 'p.A_X' would both be 'A_X' in IDL"),
            ("message A { message S {} } service A_S { rpc F(A) returns (A); }", "'p.A.S' and 'A_S' would both be 'A_S' in IDL"),
            ("enum E { A = 0; B = 5; E_NUMBER_3 = 7; }", "'E_NUMBER_3' and 'p.E' would both be 'E_NUMBER_3' in IDL")):
        proto(folder, 'syntax = "proto3"; package p; ' + text)
        refused(folder, "x.proto: " + said, "--idl", "out", "x.proto")


@case
def the_files_here_come_back(folder):
    """IDL to .proto to IDL. Those with references have a fixed64, which is refused by name."""
    n = 0
    for idl in sorted(path for part in ("samples", "tests/golden") for path in (TESTS.parent / part).rglob("*.idl")):
        out = folder / f"{n}"
        back = out / "back"
        back.mkdir(parents=True, exist_ok=True)
        if run(idl.parent, "--proto", out, idl).returncode != 0:
            continue
        for made in sorted(out.glob("*.proto")):
            done = run(out, "--force", "-I", ".", "--idl", back, made.name)
            if done.returncode == 0:
                done = run(out, "--check", "-I", back, back / f"{made.stem}.idl")
                assert done.returncode == 0, (idl, done.stderr)
                n += 1
            else:
                assert "is a fixed64, which IDL has not" in done.stderr or "File not found" in done.stderr, (idl, done.stderr)
    assert n > 30, n


def in_folder(function):
    with tempfile.TemporaryDirectory() as folder:
        function(pathlib.Path(folder).resolve())


cases = Cases()
for function in CASES:
    cases.run(functools.update_wrapper(functools.partial(in_folder, function), function))
cases.end()
