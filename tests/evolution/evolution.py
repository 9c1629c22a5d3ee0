#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""evolution.py: two versions of an interface. What pyrite-idl --breaking says of each change is what programs of both
versions do, whichever of them calls, on pool and serial daemons, over TCP and unix sockets."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"], "tests/evolution")
BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PATIENCE = 60
OTHER = {"old": "new", "new": "old"}


def run(*command, **environment):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=PATIENCE,
                          env=dict(os.environ, **environment))


@contextlib.contextmanager
def server(program, *options):
    with subprocess.Popen([str(BIN / program), "serve", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            uri = process.stdout.readline().strip()
            assert uri.startswith("PYRO:"), uri
            yield uri
        finally:
            process.stdin.close()
            status = process.wait(PATIENCE)
        assert status == 0, status


def tool(*options):
    return run(BIN / "pyrite-idl", "--breaking", SOURCE / "old/rules.idl", *options, SOURCE / "new/rules.idl")


def lines(text):
    """Without what differs from machine to machine, and without the source lines."""
    return [line.replace(f"{SOURCE}/", "") for line in text.splitlines() if not line.startswith("\t")]


def told_by(text):
    return {name.removesuffix("_inner") for name in re.findall(r"(?:breaks|goes|gone|fresh)_\w+", text)}


def operations(version):
    text = (SOURCE / version / "rules.idl").read_text()
    interface = text[text.index("interface Rules"):]
    names = re.findall(r"((?:breaks|goes|gone|fresh)_\w+)(?:\(|;)", interface)
    assert len(names) == len(set(names)) > 50, names
    return set(names)


# The tool

def the_tool_tells_every_rule_at_its_place():
    said = tool("--compatible")
    assert said.returncode == 1, said.returncode
    actual = "\n".join(lines(said.stderr) + sorted(lines(said.stdout))) + "\n"
    expected = SOURCE / "breaking.golden"
    if os.environ.get("PYRITE_UPDATE_GOLDEN"):
        expected.write_text(actual)
    assert actual == expected.read_text(), actual


def the_tool_tells_of_all_that_breaks_and_of_nothing_else():
    said = tool()
    assert said.returncode == 1 and said.stdout == "", said.stdout
    breaking = {name for name in operations("old") if name.startswith(("breaks_", "gone_"))}
    assert told_by(said.stderr) == breaking, told_by(said.stderr) ^ breaking


def nothing_breaks_where_nothing_changed():
    for version in OTHER:
        file = SOURCE / version / "rules.idl"
        said = run(BIN / "pyrite-idl", "--breaking", file, "--compatible", file)
        assert (said.returncode, said.stdout, said.stderr) == (0, "", ""), said


def compatible_changes_end_with_0():
    said = run(BIN / "pyrite-idl", "--breaking", SOURCE / "old/shop.idl", "--compatible", SOURCE / "new/shop.idl")
    assert said.returncode == 0 and said.stderr == "", said
    assert "shop.idl:21:14: compatible: shop.Shop.cancel: the operation is new\n" in said.stdout, said.stdout


def name_servers_and_their_clients_may_be_of_different_versions():
    """old/naming.idl is the oldest that is supported."""
    said = run(BIN / "pyrite-idl", "--breaking", SOURCE / "old/naming.idl",
               pathlib.Path(os.environ["PYRITE_SOURCE"]) / "runtime/idl/naming.idl")
    assert said.returncode == 0, said.stderr


def what_a_new_base_brings_is_listed():
    with tempfile.TemporaryDirectory() as folder:
        old, new = pathlib.Path(folder, "old.idl"), pathlib.Path(folder, "new.idl")
        bases = "interface Far { long far(); }; interface Near : Far { long near(); };"
        old.write_text(f"module m {{ {bases} interface I {{ long own(); }}; }};\n")
        new.write_text(f"module m {{ {bases} interface I : Near {{ long own(); }}; }};\n")
        said = run(BIN / "pyrite-idl", "--breaking", old, "--compatible", new)
        assert said.returncode == 0, said
        told = [line.split(": compatible: ")[1] for line in said.stdout.splitlines()]
        assert told == ["m.I: is a m.Far now", "m.I.far: the operation is new", "m.I: is a m.Near now",
                        "m.I.near: the operation is new"], told


def nothing_is_generated_from_what_breaks():
    with tempfile.TemporaryDirectory() as out:
        assert tool("--c", out).returncode == 1
        assert os.listdir(out) == []


def interfaces_and_bases_that_are_gone_break():
    with tempfile.TemporaryDirectory() as folder:
        old, new = pathlib.Path(folder, "old.idl"), pathlib.Path(folder, "new.idl")
        old.write_text("module m { interface A {}; interface B : A { void f(); }; interface C {}; };\n")
        new.write_text("module m { interface A {}; interface B { void f(); }; interface D {}; };\n")
        said = run(BIN / "pyrite-idl", "--breaking", old, new)
        assert said.returncode == 1
        assert f"{new}: error: m.C: the interface was removed\n" in said.stderr, said.stderr
        assert f"{new}:1:38: error: m.B: is no longer derived from m.A\n" in said.stderr, said.stderr


def the_tool_says_how_it_is_used():
    file = SOURCE / "old/rules.idl"
    for words, command in (("--breaking compares with one file", ["--breaking", file, file, file]),
                           ("--compatible needs --breaking", ["--check", "--compatible", file]),
                           ("nowhere.idl", ["--breaking", "nowhere.idl", file])):
        said = run(BIN / "pyrite-idl", *command)
        assert said.returncode == 1 and words in said.stderr, said.stderr


# The programs

def agree(client, uri):
    """Both ends, each by itself, say of every operation what the tool says."""
    said = run(BIN / f"evolution-{client}", "ask", uri)
    assert said.returncode == 0, said.stderr
    seen = set()
    for line in said.stdout.splitlines():
        name, by_client, by_server = line.split()
        name = re.sub(r"^(get|set)_", "", name.split(".")[-1])
        seen.add(name)
        expected = "ok"
        if name.startswith("breaks_"):
            expected = "FAILED_PRECONDITION"
        elif name.startswith(("gone_", "fresh_")):
            expected = "UNIMPLEMENTED"
        assert (by_client, by_server) == (expected, expected), line
    assert operations(client) <= seen, operations(client) - seen
    return said.stderr


def both_versions_agree_with_the_tool():
    with tempfile.TemporaryDirectory() as folder:
        for served, client in OTHER.items():
            for options in ([], ["threads=1"], [f"socket={folder}/{served}"]):
                with server(f"evolution-{served}", *options) as uri:
                    agree(client, uri)


def b2_refusals_tell_both_signatures_and_why():
    with server("evolution-new") as uri:
        said = agree("old", uri)
    for words in (
            "breaks_parameter_kind: yours (int32, int32) -> int32, theirs (int32, string) -> int32: "
            "parameter 'y' is int32 here, string there",
            "breaks_deep: yours (ev.S_breaks_deep) -> int32, theirs (ev.S_breaks_deep) -> int32: "
            "member 'x' of ev.S_breaks_deep_inner is int32 here, int64 there",
            "breaks_parameter_kind: the object has another version of it, (int32, string) -> int32: "
            "parameter 'y' is string here, int32 there",
            "no exposed operation or attribute 'gone_operation' on object 'rules' at 127.0.0.1:",
            "no exposed operation or attribute 'ev.Rules.gone_operation' on object 'rules' at 127.0.0.1:"):
        assert words in said, words + "\n" + said


def the_log_tells_at_the_bind_how_many_are_refused():
    with server("shop-old") as uri:
        said = run(BIN / "shop-new", "ask", uri, PYRITE_LOG="warning")
    assert re.search(r"object 'shop' at 127.0.0.1:\d+ has another version of shop.Shop: 1 of 3 operations cannot be "
                     r"called: no exposed operation or attribute 'cancel'", said.stderr), said.stderr


def values_travel_between_versions():
    said = {}
    for served, client in OTHER.items():
        with server(f"shop-{served}") as uri:
            result = run(BIN / f"shop-{client}", "ask", uri)
        assert result.returncode == 0, result.stderr
        said[client] = result.stdout.splitlines()
    assert said["old"] == [
        "pen x2 colour 1 note - days 3 voucher - by post",  # what the old one does not know is absent or the default
        "favourite 2",  # unknown enumerators stay numbers
        "sold out: gone",
        "late: ABORTED shop.Closed",  # an unknown exception is known by its name
    ], said["old"]
    assert said["new"][:3] == [
        "pen x2 colour 2",
        "favourite 1",
        "sold out: gone, again never",
    ], said["new"]
    assert re.fullmatch(r"cancel: no exposed operation or attribute 'cancel' on object 'shop' at 127.0.0.1:\d+",
                        said["new"][-1]), said["new"]


def main():
    failed = 0
    for case in (the_tool_tells_every_rule_at_its_place, the_tool_tells_of_all_that_breaks_and_of_nothing_else,
                 nothing_breaks_where_nothing_changed, compatible_changes_end_with_0,
                 name_servers_and_their_clients_may_be_of_different_versions, what_a_new_base_brings_is_listed,
                 nothing_is_generated_from_what_breaks, interfaces_and_bases_that_are_gone_break,
                 the_tool_says_how_it_is_used, both_versions_agree_with_the_tool,
                 b2_refusals_tell_both_signatures_and_why, the_log_tells_at_the_bind_how_many_are_refused,
                 values_travel_between_versions):
        try:
            case()
            print(f"ok {case.__name__}")
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {case.__name__}")
            print("    " + (str(error) or repr(error)).replace("\n", "\n    "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
