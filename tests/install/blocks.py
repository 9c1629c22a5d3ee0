#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Takes the files that a page shows out of it: blocks.py PAGE.md OUT.

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


def main():
    page, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    for line, language, name, code in blocks(page.read_text()):
        if not name and language == "idl":
            name = f"block-{line}.idl"
        elif not name and language == "text":
            name = "output.txt"
        if name:
            (out / name).write_text(code)


if __name__ == "__main__":
    main()
