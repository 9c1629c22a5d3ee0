# SPDX-License-Identifier: MIT
"""Return addresses of calls, as file and line; and all calls of some functions that there are in a module."""

import functools
import os
import pathlib
import re
import subprocess

BIN = pathlib.Path(os.environ.get("PYRITE_BIN", "build/ci/bin"))
BUILD = pathlib.Path(os.environ.get("PYRITE_BUILD", "build/ci"))


@functools.cache
def path_of(module):
    """The file of a module, "libpyrite.so.0"."""
    for folder in (BIN, BUILD / "lib", BUILD / "runtime", BUILD):
        if (folder / module).exists():
            return folder / module
    return next(BUILD.rglob(module), None)


@functools.cache
def line_of(module, offset):
    """"file.c:12 (function)" of the call that returns to an offset in a module."""
    path = path_of(module)
    if not path:
        return f"{module}+{offset:x}"
    said = subprocess.run(["addr2line", "-f", "-e", path, hex(offset - 1)], capture_output=True, text=True, check=True).stdout
    function, line = said.splitlines()[:2]
    line = re.sub(r" \(discriminator \d+\)", "", line)
    return f"{'/'.join(line.split('/')[-2:])} ({function})"


@functools.cache
def calls_in(module, functions):
    """The offsets to which calls of these functions return, with the function."""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path_of(module)], capture_output=True, text=True, check=True).stdout
    names = "|".join(functions)
    call = re.compile(rf"\bcall\s.*<({names})@plt>")
    found, before = {}, None
    for line in code.splitlines():
        if before:
            address = re.match(r"\s*([0-9a-f]+):", line)
            if not address:
                continue
            found[int(address[1], 16)] = before
            before = None
        match = call.search(line)
        if match:
            before = match[1]
    return found
