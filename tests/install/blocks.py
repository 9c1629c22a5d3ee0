#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Takes the files that pages show out of them: blocks.py PAGE.md... OUT. Those of a page go to a folder with its name.

A block of code belongs to a file when the line before it ends with the file's name in backquotes and a colon. Other
blocks of IDL are written as block-<line>.idl, a block of text as output.txt.
"""

import pathlib
import re
import sys


def blocks(text):
    """(line, language, file name or "", code) of each block."""
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
        before = text[: found.start()].rstrip().splitlines()[-1:]
        name = re.search(r"`([\w.-]+)`:$", before[0]) if before else None
        yield text.count("\n", 0, found.start()) + 1, found[1], name[1] if name else "", found[2]


def take_apart(page, out):
    out.mkdir(parents=True)
    for line, language, name, code in blocks(page.read_text()):
        if not name and language == "idl":
            name = f"block-{line}.idl"
        elif not name and language == "text":
            name = "output.txt"
        if name:
            (out / name).write_text(code)


def main():
    *pages, out = map(pathlib.Path, sys.argv[1:])
    for page in pages:
        take_apart(page, out / page.stem)


if __name__ == "__main__":
    main()
