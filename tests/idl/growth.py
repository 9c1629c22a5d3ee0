#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The time of pyrite-idl grows with the file, not with its square: a file and one four times as large, in the same run. A square
would take 16 times as long; CPU time is measured, the least of several runs, and twice the four times are allowed."""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "rules"))

from raw import BIN, Cases  # noqa: E402

RUNS = 3
BASE = 0.02  # seconds: the start of a process
PROTO = 'syntax = "proto3";\n'


def number(i):
    """Of a field: 19000 to 19999 are protobuf's own."""
    return i + 1 if i < 18000 else i + 3000


def lines(form, n):
    return "".join(form.replace("#", str(i)).replace("$", str(number(i))) for i in range(n))


def cpu_time(folder, *arguments):
    """Of the process and its children."""
    pid = os.posix_spawn(BIN / "pyrite-idl", ["pyrite-idl", "--force", *arguments], dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"))
    _, status, used = os.wait4(pid, 0)
    assert status == 0, (arguments, status)
    return used.ru_utime + used.ru_stime


def prepare(folder, text, extension):
    """Writes the file, and the protoc that prints its descriptors, whose own time is none of pyrite-idl's."""
    path = folder / f"x{len(text)}.{extension}"
    path.write_text(text)
    if extension == "proto":
        made = path.with_suffix(".set")
        subprocess.run(["protoc", "--include_source_info", f"-I{folder}", f"--descriptor_set_out={made}", path], check=True)
        return path, f"#!/bin/sh\nexec cat {made}\n"
    return path, ""


def is_linear(folder, make, n, extension, options):
    files = [prepare(folder, make(times * n), extension) for times in (1, 4)]
    times = [[], []]
    for _ in range(RUNS):
        for (path, script), list_of in zip(files, times):
            if script:
                (folder / "protoc").write_text(script)
                (folder / "protoc").chmod(0o700)
            list_of.append(cpu_time(folder, *options(path), str(path)))
        if min(times[1]) < 8 * (min(times[0]) + BASE):
            return
    raise AssertionError(f"{n}: {min(times[0]):.3f} s, {4 * n}: {min(times[1]):.3f} s")


GROWTH = (
    ("messages of a proto", lambda n: PROTO + lines("message M# { int32 a = 1; }\n", n), 2500, "proto", "--idl"),
    ("messages in a circle", lambda n: PROTO + f"message L {{ M0 a = 1; }}\nmessage M{n} {{ M0 a = 1; }}\n"
                             + "".join(f"message M{i} {{ M{i + 1} a = 1; }}\n" for i in range(n)), 2500, "proto", "--idl"),
    ("fields of a message", lambda n: PROTO + "message M {\n" + lines("// Text.\noptional int32 f# = $;\n", n) + "}\n", 4000, "proto", "--idl"),
    ("oneofs of a message", lambda n: PROTO + "message M {\n" + lines("oneof o# { int32 f# = $; }\n", n) + "}\n", 4000, "proto", "--idl"),
    ("methods of a service", lambda n: PROTO + "message M {}\nservice S {\n" + lines("rpc f#(M) returns (M);\n", n) + "}\n", 4000, "proto", "--idl"),
    ("values of a proto's enum", lambda n: PROTO + "enum E {\n" + lines("// Text.\nE# = #;\n", n) + "}\n", 4000, "proto", "--idl"),
    ("members of a struct", lambda n: "struct M {\n" + lines("long f#;\n", n) + "};\n", 2500, "idl", "--c"),
    ("structs of one name, each in its module", lambda n: lines("module m# { struct s {}; };\n", n), 1000, "idl", "--c"),
    ("interfaces, old and new,", lambda n: lines("interface I# {};\n", n), 4000, "idl", "--breaking"),
    ("parameters", lambda n: "interface I { void f(" + ",\n".join(f"in long f{i}" for i in range(n)) + "); };\n", 2500, "idl", "--c"),
    ("values of an enum", lambda n: "enum E {\n" + ",\n".join(f"e{i}" for i in range(n)) + "\n};\n", 2500, "idl", "--c"),
    ("labels of a case", lambda n: "union U switch (long) {\n" + lines("case #:\n", n) + "long a; };\n", 10000, "idl", "--c"),
)


def case_of(name, make, n, extension, option):
    def case():
        with tempfile.TemporaryDirectory() as path:
            is_linear(pathlib.Path(path), make, n, extension, lambda file: [option, str(file) if option == "--breaking" else path])

    case.__name__ = f"the time of {name} is in proportion"
    return case


cases = Cases()
for growth in GROWTH:
    cases.run(case_of(*growth))
cases.end()
