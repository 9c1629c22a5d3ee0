#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""doxygen-filter.py HEADER: prints a public header with its comments marked for doxygen.

The headers have plain comments. One that stands right above declarations documents them, all of them up to the next
blank line; one behind a member documents that member; one that a blank line follows is a story, and doxygen's
documentation of the file."""

import re
import sys


def comments(text):
    """Splits text into (is_comment, part)."""
    at = 0
    for found in re.finditer(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', text, re.S):
        if found[0].startswith('"'):
            continue
        yield False, text[at:found.start()]
        yield True, found[0]
        at = found.end()
    yield False, text[at:]


def is_trailing(before):
    return bool(before[before.rfind("\n") + 1:].strip())


def marked(text):
    parts = list(comments(text))
    result = []
    for i, (is_comment, part) in enumerate(parts):
        before = "".join(result)
        body = part[2:-2].strip().replace("@", "\\@").replace("#", "\\#")
        body = re.sub(r"(?m)^(\s*\* )\.", r"\1\\.", body)  # no end of a list
        if not is_comment:
            result.append(part)
        elif is_trailing(before):
            result.append(f"/**< {body} */")
        elif re.match(r"\s*\n[ \t]*\n|\s*$", parts[i + 1][1]):
            result.append(part)
        else:
            result.append(f"/** {body} */")
            share(parts, i + 1, body)
    return "".join(result)


def share(parts, i, body):
    """Every further declaration up to the next blank line has the same documentation."""
    depth = 0
    for j in range(i, len(parts)):
        is_comment, part = parts[j]
        if is_comment:
            continue
        code, gap, rest = part.partition("\n\n")
        code += "\n" if gap else ""
        shared, at = "", 0
        for piece in re.split(r"(?<=\n)", code):
            starts = depth == 0 and re.match(r"[a-z#]", piece) and ends_declaration(parts, i, j, shared)
            has_own = not re.match(r"[^;]*[;}][ \t]*\n", code[at:]) and piece[:1] != "#"
            shared += (f"/** {body} */\n" if starts and not has_own else "") + piece
            at += len(piece)
            depth += piece.count("{") - piece.count("}")
        parts[j] = (False, shared + gap[1:] + rest)
        if gap:
            return


def ends_declaration(parts, first, last, code):
    text = "".join(part for is_comment, part in parts[first:last] if not is_comment) + code
    return text.rstrip().endswith(";") or (text.strip() and "#define" in text[text.rstrip().rfind("\n") + 1:])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    print(marked(text).replace("#define PYRITE_", "/** @file */\n/** The header is there. */\n#define PYRITE_", 1), end="")


main()
