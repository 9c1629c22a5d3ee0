#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the README's example into a folder, and compares it with the sample: readme.py README.md SAMPLE OUT."""

import pathlib
import re
import sys

FILES = {"example.idl": ("idl", 0), "server.c": ("c", 0), "client.c": ("c", 1)}


def code_lines(text):
    """Lines of code without comments and blank lines, as a tuple."""
    text = re.sub(r"/\*(?!\*).*?\*/|//[^\n]*", "", text, flags=re.S)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def main():
    readme, sample, out = map(pathlib.Path, sys.argv[1:])
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", readme.read_text(), re.M | re.S)
    for name, (language, index) in FILES.items():
        text = [code for kind, code in blocks if kind == language][index]
        (out / name).write_text(text)
        if code_lines(text) != code_lines((sample / name).read_text()):
            sys.exit(f"{name} of {sample} is not the README's")


if __name__ == "__main__":
    main()
