#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What releases promise besides messages: that IDL they took is still taken and has the same fingerprints, that code they
generated fits the library, and that their settings are known. With the arguments "freeze FOLDER", writes the facts of this
version there instead, and the IDL that they are about."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from wire import RELEASES, SOURCE, TOOL

failed = 0


def check(name, problems):
    global failed
    problems = list(problems)
    failed += bool(problems)
    print(("not ok " if problems else "ok ") + name)
    for problem in problems:
        print("    " + problem)


def fingerprints(folder):
    """{"fingerprint add/example.idl example.Server.add": 0x...} of the IDL in a folder; a file that is refused has an error."""
    found = {}
    for file in sorted(folder.glob("*/*.idl")):
        name = f"{file.parent.name}/{file.name}"
        with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as out:
            done = subprocess.run([TOOL, "--c", out, "-I", file.parent, file], capture_output=True, text=True)
            if done.returncode != 0:
                found[f"fingerprint {name}"] = done.stderr.splitlines()[0]
                continue
            text = pathlib.Path(out, file.stem + ".c").read_text()
        for what, value in re.findall(r'\.name = "([\w.]+)"[^}]*?\.fingerprint = (0x[0-9a-f]+)', text):
            found[f"fingerprint {name} {what}"] = value
    return found


def facts(idl, source=SOURCE):
    config = (source / "runtime/src/base/config.c").read_text()
    header = (source / "runtime/include/pyrite/pyrite.h").read_text()
    return {**{f"setting {name}": "known" for name in re.findall(r'"(PYRITE_\w+)"', config)},
            "PYR_GEN_ABI": re.search(r"#define PYR_GEN_ABI (\d+)", header)[1], **fingerprints(idl)}


def soname_of(source=SOURCE):
    return int(re.search(r"SOVERSION (\d+)", (source / "runtime/CMakeLists.txt").read_text())[1])


def read(folder):
    lines = (line.rpartition(" = ") for line in (folder / "facts").read_text().splitlines() if not line.startswith("#"))
    return {what: value for what, _, value in lines}


def breaks(frozen, now, soname_moved):
    for what, value in frozen.items():
        if what == "PYR_GEN_ABI" and soname_moved:
            continue  # programs of that release do not load this library
        if now.get(what) != value:
            error = next((text for name, text in now.items() if what.startswith(name + " ")), None)
            yield f"{what} was {value}, is {now.get(what, error)}"


def freeze(folder):
    shutil.rmtree(folder / "language", ignore_errors=True)
    for case in sorted((SOURCE / "tests/golden").iterdir()):
        for file in case.glob("*.idl") if case.is_dir() else ():
            (folder / "language" / case.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / "language" / case.name)
    lines = [f"{what} = {value}" for what, value in sorted(facts(folder / "language").items())]
    (folder / "facts").write_text("# SPDX-License-Identifier: MIT\n" + "\n".join(lines) + "\n")


def releases():
    for folder in RELEASES:
        soname = int(re.search(r"soname='libpyrite\.so\.(\d+)'", (folder / "pyrite.abi").read_text())[1])
        frozen, now = read(folder), facts(folder / "language")
        for name, start, least in (("settings", "setting ", 20), ("IDL and fingerprints", "fingerprint ", 100),
                                   ("the form of generated code", "PYR_GEN_ABI", 1)):
            some = {what: value for what, value in frozen.items() if what.startswith(start)}
            check(f"{folder.name}: {name}", [f"only {len(some)} are known"] if len(some) < least else breaks(
                some, now, soname_of() > soname))


def planted():
    folder = RELEASES[-1]
    frozen = read(folder)
    with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as name:
        copy = pathlib.Path(name, "language")
        shutil.copytree(folder / "language", copy)

        def found(file, before, after):
            text = (copy / file).read_text()
            assert before in text, text
            (copy / file).write_text(text.replace(before, after, 1))
            others = {what: value for what, value in frozen.items() if not what.startswith("fingerprint ")}
            problems = list(breaks(frozen, {**others, **fingerprints(copy)}, False))
            (copy / file).write_text(text)
            return problems

        first = found("add/example.idl", "add(", "sum(")
        check("an operation with another fingerprint is found", [] if any("example.Server.add" in one for one in first) else first or ["it is not"])
        first = found("add/example.idl", "interface", "interfase")
        check("IDL that is refused is found", [] if any("error" in one for one in first) else first or ["it is not"])
    for what, now in (("a setting that is gone", {what: value for what, value in frozen.items() if what != "setting PYRITE_HOST"}),
                      ("generated code that is refused", {**frozen, "PYR_GEN_ABI": "0"})):
        check(f"{what} is found", [] if len(list(breaks(frozen, now, False))) == 1 else ["it is not"])
    check("generated code may be refused by a library with another soname",
          breaks(frozen, {**frozen, "PYR_GEN_ABI": "0"}, True))


if __name__ == "__main__":
    if sys.argv[1:2] == ["freeze"]:
        freeze(pathlib.Path(sys.argv[2]))
    else:
        releases()
        planted()
        sys.exit(failed > 0)
