#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The messages of this version against those of each release: of links (link.proto), and those that follow from the
installed IDL files. With the arguments "freeze FOLDER", writes the descriptors of this version there instead."""

import os
import pathlib
import subprocess
import sys
import tempfile

import descriptors

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
TOOL = pathlib.Path(os.environ["PYRITE_BIN"], "pyrite-idl")
PROMISES = SOURCE / "tests/promises"
WIRE, IDL = SOURCE / "runtime/src/wire", SOURCE / "runtime/idl"
RELEASES = sorted((p for p in PROMISES.iterdir() if p.name[0].isdigit()), key=lambda p: [int(n) for n in p.name.split(".")])
failed = 0


def check(name, problems):
    global failed
    problems = list(problems)
    failed += bool(problems)
    print(("not ok " if problems else "ok ") + name)
    for problem in problems:
        print("    " + problem)


def freeze(folder):
    for file in folder.glob("*.descriptors"):
        file.unlink()
    descriptors.write(folder / "link.descriptors", "link.proto", folder.name, descriptors.of_protos(WIRE, "link.proto"))
    for file in (*sorted(IDL.glob("*.idl")), PROMISES / "talk.idl"):
        descriptors.write(folder / f"{file.stem}.descriptors", f"The messages of {file.name}", folder.name,
                          descriptors.of_idl(TOOL, file))


def idl_breaks(old, new):
    if not new.is_file():
        return [f"{new.name} was removed"]
    done = subprocess.run([TOOL, "--breaking", old, new], capture_output=True, text=True)
    return [] if done.returncode == 0 else done.stderr.splitlines() or ["pyrite-idl failed"]


def releases():
    check("there is a release", [] if RELEASES else ["tests/promises has none"])
    for folder in RELEASES:
        frozen = sorted(folder.glob("idl/*.idl"))
        check(f"{folder.name} has all that it promises", [] if frozen and (folder / "link.descriptors").is_file() and all(
            (folder / f"{file.stem}.descriptors").is_file() for file in frozen) else ["a file is missing"])
        check(f"links of {folder.name} are understood", descriptors.breaks(
            descriptors.read(folder / "link.descriptors"), descriptors.of_protos(WIRE, "link.proto")))
        for file in frozen:
            check(f"{file.name} of {folder.name} is kept", idl_breaks(file, IDL / file.name))
            if (IDL / file.name).is_file():
                check(f"messages of {file.name} of {folder.name} are kept", descriptors.breaks(
                    descriptors.read(folder / f"{file.stem}.descriptors"), descriptors.of_idl(TOOL, IDL / file.name)))


# What is found: a change of link.proto, or of a file with all that link.proto has not, and what is said of it.

OTHER = """syntax = "proto3";
package other;
enum Kind { NONE = 0; SOME = 1; MORE = 2; reserved 5 to 7; reserved "GONE"; }
enum Spare { SPARE = 0; }
message Inner { message Deep { int32 x = 1; } optional int32 there = 1; map<string, int32> counts = 2;
  repeated int32 list = 3 [packed = false]; reserved 10 to 20, 30; reserved "lost"; }
service Work { rpc Do(Inner) returns (Inner); rpc Stop(Inner) returns (Inner); }
service Rest { rpc Do(Inner) returns (Inner); }
"""
LINK_CHANGES = (
    ("a message that was removed", "message Lost {\n  bytes reference = 1;\n}", "", "message pyrite.Lost was removed",
     ("    Lost lost = 20;", "")),
    ("a field that was removed", "  uint32 total = 12;", "", "Call: field total = 12: it was removed"),
    ("a field of the frame that was removed", "    Resumed resumed = 19;", "", "Frame: field resumed = 19: it was removed"),
    ("a field with another number", "  bytes token = 13; ", "  bytes token = 16; ", "Call: field token = 13: it was removed"),
    ("a number that is used again", "  bytes token = 13; ", "  bytes secret = 13; ", "Call: field token = 13: its name was"),
    ("fields that changed places", "  uint64 received = 3; ", "  uint64 consumed = 3; ",
     "Resume: field received = 3: its name was", ("  uint64 consumed = 4; ", "  uint64 received = 4; ")),
    ("a field of another type", "  uint64 time_left = 6; ", "  uint32 time_left = 6; ",
     "Call: field time_left = 6: its type was uint64, is uint32"),
    ("a field of another encoding", "  uint64 fingerprint = 2;", "  fixed64 fingerprint = 2;",
     "OperationShape: field fingerprint = 2: its type was uint64, is fixed64"),
    ("a field of another message", "  repeated Mark marks = 3; ", "  repeated Number marks = 3; ",
     "Goaway: field marks = 3: its type was message .pyrite.Mark, is message .pyrite.Number"),
    ("a field that is repeated no more", "  repeated string raises = 7;", "  string raises = 7;",
     "OperationShape: field raises = 7: its label was repeated, is singular"),
    ("a field that left its oneof", "    Auth auth = 21;\n  }", "  }\n  Auth auth = 21;",
     "Frame: field auth = 21: its oneof was body, is None"),
    ("a reserved number that is free again", "  reserved 4;\n", "", "End: numbers 4 to 4 were reserved"),
    ("a reserved number that is used", "  reserved 4;\n", "  string why = 4;\n", "End: number 4 was reserved, is used"),
    ("a method that was renamed", "rpc Open(", "rpc Start(", "Link: method Open was removed"),
    ("a method that streams no more", "rpc Open(stream Message)", "rpc Open(Message)",
     "Link: method Open: its client streaming was True, is False"),
    ("another package", "package pyrite;", "package pyrite2;", "message pyrite.Frame was removed"),
)
OTHER_CHANGES = (
    ("an enum that was removed", "enum Spare { SPARE = 0; }", "", "enum other.Spare was removed"),
    ("a value of an enum that was removed", " MORE = 2;", "", "Kind: value MORE = 2: it was removed"),
    ("a value of an enum with another number", " MORE = 2;", " MORE = 3;", "Kind: value MORE was 2, is 3"),
    ("a value of an enum that means something else", " MORE = 2;", " LESS = 2;", "Kind: value MORE = 2: its number means"),
    ("values of an enum in another order", "SOME = 1; MORE = 2;", "SOME = 2; MORE = 1;", "Kind: value SOME was 1, is 2"),
    ("a reserved value that is used", "reserved 5 to 7;", "reserved 5 to 6; AGAIN = 7;", "Kind: number 7 was reserved, is used"),
    ("a reserved name of an enum that is free again", ' reserved "GONE";', "", "Kind: the name GONE was reserved"),
    ("part of a reserved range that is free again", "10 to 20,", "10 to 15, 17 to 20,", "Inner: numbers 10 to 20 were reserved"),
    ("a reserved name that is used", ' reserved "lost";', " int32 lost = 31;", "Inner: the name lost was reserved"),
    ("a message within another that was removed", "message Deep { int32 x = 1; }", "", "message other.Inner.Deep was removed"),
    ("a field whose absence is told no more", "optional int32 there", "int32 there",
     "Inner: field there = 1: its label was optional, is singular"),
    ("a map of another type", "map<string, int32>", "map<string, int64>", "CountsEntry: field value = 2: its type was int32"),
    ("another packing", " [packed = false]", "", "Inner: field list = 3: its packing was False, is None"),
    ("a service that was removed", "service Rest { rpc Do(Inner) returns (Inner); }", "", "service other.Rest was removed"),
    ("a method with another argument", "rpc Stop(Inner)", "rpc Stop(Inner.Deep)", "Work: method Stop: its input type was"),
    ("a method with another result", "rpc Do(Inner) returns (Inner); rpc Stop", "rpc Do(Inner) returns (Inner.Deep); rpc Stop",
     "Work: method Do: its output type was"),
)
FINE = (
    ("a new field", "  uint64 data = 1;\n}\n\nmessage Pong", "  uint64 data = 1;\n  uint32 more = 2;\n}\n\nmessage Pong"),
    ("a new frame", "    Auth auth = 21;", "    Auth auth = 21;\n    Lost found = 22;"),
    ("a new message", "message Lost {", "message Found { int32 x = 1; }\nmessage Lost {"),
    ("a field whose number and name are reserved instead", "  uint64 data = 1;\n}\n\nmessage Pong",
     '  reserved 1;\n  reserved "data";\n}\n\nmessage Pong'),
    ("more reserved numbers", "  reserved 4;\n", "  reserved 4 to 9;\n"),
)


def changed(text, *changes):
    for before, now in changes:
        assert text.count(before) >= 1, f"{before!r} is not in the file any more"
        text = text.replace(before, now, 1)
    return text


def compared(old, new):
    with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as folder:
        sets = []
        for part, text in (("old", old), ("new", new)):
            pathlib.Path(folder, part).mkdir()
            pathlib.Path(folder, part, "x.proto").write_text(text)
            sets.append(descriptors.of_protos(pathlib.Path(folder, part), "x.proto"))
        return list(descriptors.breaks(*sets))


def planted():
    link = (WIRE / "link.proto").read_text()
    for text, changes in ((link, LINK_CHANGES), (OTHER, OTHER_CHANGES)):
        for name, before, now, expected, *more in changes:
            found = compared(text, changed(text, (before, now), *more))
            check(f"it finds {name}", [] if any(expected in one for one in found) else [f"found: {found}", f"not: {expected}"])
    for name, before, now in FINE:
        check(f"it accepts {name}", compared(link, changed(link, (before, now))))
    planted_idl()


def planted_idl():
    """pyrite-idl --breaking has tests of its own (tests/evolution): here, that its answer counts."""
    text = (IDL / "naming.idl").read_text()
    with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as folder:
        new = pathlib.Path(folder, "naming.idl")
        check("it finds an IDL file that was removed", [] if idl_breaks(IDL / "naming.idl", new) else ["nothing was found"])
        new.write_text(changed(text, ("interface NameServer", "interface Names")))
        check("it finds an interface that was removed",
              [] if any("NameServer: the interface was removed" in one for one in idl_breaks(IDL / "naming.idl", new))
              else ["nothing was found"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["freeze"]:
        freeze(pathlib.Path(sys.argv[2]))
    else:
        releases()
        planted()
        sys.exit(failed > 0)
