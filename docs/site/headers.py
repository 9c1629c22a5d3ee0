# SPDX-License-Identifier: MIT
"""Reads a public header: its stories, and its declarations with their comments.

A comment that stands right above declarations documents them, all of them up to the next blank line; one that a blank
line follows is a story. docs/doxygen-filter.py knows the same rules."""

import re

HIDDEN = re.compile(r"(?i)pyr__")  # for generated code, and for inline functions of the headers


class Declaration:
    def __init__(self, kind, name, code, members=()):
        self.kind = kind  # function, macro, struct, enum, type, class
        self.name = name
        self.code = code  # as it is shown
        self.members = list(members)  # of a struct or an enum


class Item:
    """A comment with the declarations it is about, or a story if there are none."""

    def __init__(self, comment, declarations):
        self.comment = comment
        self.declarations = declarations
        self.title = ""
        found = re.match(r"---- (.+?) ----\s*", comment)
        if found:
            self.title = found[1]
            self.comment = comment[found.end():]


def body_of(comment):
    """The text of a comment, without its stars."""
    lines = comment[2:-2].split("\n")
    return "\n".join(re.sub(r"^ ?\* ?", "", line).rstrip() if i else line.strip() for i, line in enumerate(lines)).strip("\n ")


def without_comments(code):
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda found: re.sub(r"[^\n]", " ", found[0]), code, flags=re.S)


def shown(code):
    """A function's declaration as a program sees it: no body, and nothing that is for the compiler alone."""
    bare = without_comments(code)
    end = bare.find("{")
    if end >= 0:
        code = code[:end].rstrip() + ";"
    code = re.sub(r"\bstatic inline\s+", "", code)
    code = re.sub(r"\s*\bPYR_PRINTF\([^)]*\)", "", code)
    code = re.sub(r"\bPYR_MUST_CHECK\s+(?=\w)", "", code)
    code = re.sub(r"\s*\bPYR_MUST_CHECK\b", "", code)
    return wrapped(re.sub(r"\s*\n\s*", " ", code) if "/*" not in code else code)


def wrapped(code, width=84):
    """A declaration on one line if it fits, else its parameters below each other's first."""
    comment = ""
    found = re.match(r"(.*?;)(\s*/\*.*)$", code, re.S)
    if found:
        code, comment = re.sub(r"\s*\n\s*", " ", found[1]), " " + re.sub(r"\s+", " ", found[2].strip())
    if len(code) > width and "(" in code:
        head, _, parameters = code.partition("(")
        line, lines, indent = head + "(", [], " " * (len(head) + 1 if len(head) < 40 else 8)
        for part in re.findall(r"(?:[^,()]|\([^()]*\))+[,)]*;?", parameters):
            if len(line) + len(part.strip()) > width and line.strip():
                lines.append(line.rstrip())
                line = indent
            line += part.strip() + " "
        code = "\n".join([*lines, line.rstrip()])
    return code + comment if "\n" not in code + comment and len(code + comment) <= width + 20 else (
        comment.strip() + "\n" + code if comment else code)


def declaration(code):
    """What a piece of code declares; None if it is nothing that a program uses."""
    bare = without_comments(code).strip()
    found = re.match(r"#\s*define\s+(\w+)", bare)
    if found:
        return None if HIDDEN.match(found[1]) or found[1].startswith("PYRITE_") else Declaration("macro", found[1], short_macro(code))
    found = re.match(r"(?:class|struct) (\w+)\s*\n?\{", bare)
    if found and "pyr_" not in found[1]:
        return Declaration("class", "pyr::" + found[1], code)
    found = re.match(r"(struct|enum) (\w+)\s*(\{|;)", bare)
    if found:
        if HIDDEN.match(found[2]) or found[3] == ";":
            return None
        return Declaration(found[1], found[2], code, members_of(bare, found[1]))
    if bare.startswith("typedef"):
        found = re.search(r"\(\*(\w+)\)", bare) or re.search(r"(\w+)\s*;\s*$", bare)
        struct = re.match(r"typedef struct \w+\s*\{", bare)
        return Declaration("struct" if struct else "type", found[1], code, members_of(bare, "struct") if struct else ())
    found = re.search(r"(\w+)\s*\(", re.sub(r"PYR_PRINTF|__attribute__", "", bare))
    if found and not HIDDEN.match(found[1]):
        return Declaration("function", found[1], shown(code))
    return None


def short_macro(code):
    lines = code.split("\n")
    return code if len(lines) < 4 else lines[0].rstrip("\\ \t")


def members_of(bare, kind):
    inner = bare[bare.index("{") + 1:bare.rindex("}")]
    if kind == "enum":
        return re.findall(r"(?:^|,)\s*(\w+)", inner)
    found = []
    for part in inner.split(";"):
        member = re.search(r"\(\*(\w+)\)", part) or re.search(r"(\w+)\s*(?:\[[^]]*\])?\s*$", part)
        if member:
            found.append(member[1])
    return found


def pieces(lines):
    """Splits the lines of a header into comments, declarations and blank lines, each as (kind, text)."""
    i = 0
    while i < len(lines):
        line = lines[i]
        start = i
        if not line.strip():
            yield "blank", ""
        elif line.startswith("/*"):
            while "*/" not in lines[i]:
                i += 1
            if lines[i].split("*/", 1)[1].strip():
                yield "code", "\n".join(lines[start:i + 1])
            else:
                yield "comment", "\n".join(lines[start:i + 1])
        elif line.startswith("#"):
            while lines[i].endswith("\\"):
                i += 1
            yield "code", "\n".join(lines[start:i + 1])
        else:
            while not ends(lines[start:i + 1]) and i + 1 < len(lines):
                i += 1
            yield "code", "\n".join(lines[start:i + 1])
        i += 1


def ends(lines):
    """Whether a declaration ends with these lines, its comment included."""
    code = "\n".join(lines)
    if code.count("/*") != code.count("*/"):
        return False
    bare = without_comments(code)
    if re.match(r'(extern "C"|namespace \w+$)', bare.strip()):
        return True
    return bare.count("{") == bare.count("}") and bare.count("(") == bare.count(")") and bare.rstrip()[-1:] in (";", "}")


def without_conditions(text):
    """A header without what makes it compile everywhere: guards, C++, visibility, includes."""
    text = re.sub(r"(?m)^#if(?:def __cplusplus|\s+defined\(__GNUC__\))\n(?:extern \"C\" \{|\}|#pragma [^\n]*)\n#endif\n", "", text)
    text = re.sub(r"(?m)^\s*#\s*include [^\n]*\n", "", text)
    text = re.sub(r"(?m)^(?:namespace \w+\n\{|\} // namespace \w+|extern \"C\" \{|#pragma [^\n]*|#ifndef PYRITE_\w+_?HP?P?)\n", "", text)
    return re.sub(r"(?m)^#(?:if|ifdef|ifndef|else|elif|endif)\b[^\n]*\n", "", text)


def read(text):
    """The items of a header, in its order."""
    items, comment, declarations, seen = [], None, [], set()

    def flush():
        nonlocal comment, declarations
        if comment is not None and (declarations or not had_code):
            items.append(Item(comment, declarations))
        elif comment is None and declarations:
            items.append(Item("", declarations))
        comment, declarations = None, []

    had_code = False
    text = "\n".join(line for line in without_conditions(text).split("\n") if "SPDX-License" not in line)
    for kind, piece in pieces(text.split("\n")):
        if kind == "blank" or (kind == "comment" and (comment is not None or declarations)):
            flush()
            had_code = False
        if kind == "comment":
            comment, had_code = body_of(piece), False
        elif kind == "code":
            had_code = True
            made = declaration(piece)
            if made and made.name not in seen:
                seen.add(made.name)
                declarations.append(made)
    flush()
    return items
