#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Whether each message that docs/troubleshooting.md quotes is one that the sources can print.

Each word of a message has to belong to a format of the sources that fits there as a whole, or as far as "..." lets it: its
words in order, and anything where the format fills something in. Words that only an example has (addresses, names, numbers) need
not.
"""

import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
PAGE = SOURCE / "docs/troubleshooting.md"
FOLDERS = ("runtime/src", "runtime/include", "nameserver", "tools", "idl", "codegen")

# What others say, and who
OTHERS = {
    "the C library": ["Connection refused", "Connection reset by peer", "Address already in use", "No such file or directory"],
    "the loader": ["error while loading shared libraries: libpyrite.so.0: cannot open shared object file"],
    "the compiler": ["fatal error: pyrite/pyrite.h: No such file or directory", "undefined reference to"],
    "gRPC": ["Socket closed", "DNS resolution failed for", "Trying to connect an http1.x server"],
    "OpenSSL": ["hostname mismatch"],
    "etcd": ["etcdserver: mvcc: database space exceeded"],
}
CLASSES = {"CommunicationError", "ConnectionClosed", "TimeoutError", "MessageTooLarge", "ProtocolError", "NamingError",
           "DaemonError", "SecurityError", "error", "warning"}
# What programs fill in: names of the page's examples, and kinds of things
EXAMPLES = {"x", "s", "y", "z", "a", "b", "A", "bank", "shop", "price", "path", "host", "token", "unknown", "later", "permit", "abc",
            "Point", "string", "int32", "add", "call", "another", "certificate", "uri", "parameter", "etcd", "int"}
STRING = re.compile(r'(?:"(?:[^"\\\n]|\\.)*"\s*(?:PRI\w+\s*|MACRO\s*)?)+')


def literals():
    """The strings of the sources, one a line; what printf fills in is a %."""
    for folder in FOLDERS:
        for path in sorted((SOURCE / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".l", ".y"):
                for found in STRING.finditer(path.read_text(encoding="utf-8", errors="replace")):
                    text = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', found[0]))
                    text = re.sub(r"%[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|z|j)?[a-zA-Z]?", "%", text.replace("%%", " "))
                    yield from (" ".join(line.replace('\\"', '"').split()) for line in text.split("\\n"))


def quoted():
    """(line, message) of each message that begins a paragraph of the page."""
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(r"`.*`.*\\$", line):
            for message in re.findall(r"`((?:[^`\\]|\\`)+)`", line):
                yield number, message.replace("\\`", "`")


def words_of(text):
    return [word for word in (word.strip(".,;:()'`\"") for word in text.split()) if word]


def is_example(word):
    return bool(re.search(r"[\d/@{}|<>_-]|\.\w|\w:\w", word)) or word in EXAMPLES or word in CLASSES


ANY = r"(?:\S+ )*?"


def piece(part):
    """A regular expression of one word of a format: its own, or what it fills in, with what stands before and behind it."""
    if "%" not in part:
        return f"({re.escape(part)}) "
    if not part.strip("%"):
        return ANY
    own = r"\S*".join(map(re.escape, part.split("%")))
    return f"{ANY if part[0] == '%' else ''}({own}) {ANY if part[-1] == '%' else ''}"


def pattern(form, is_cut_before, is_cut_behind):
    """Regular expressions of a format; each of its own words is a group."""
    parts = [piece(part) for part in form]
    end = "$" if "%" in form[-1] else ""
    whole = "".join(parts) + end
    cuts = []
    if is_cut_behind:
        cuts += ["".join(parts[:k]) + "$" for k in range(len(parts) - 1, 1, -1)]
    if is_cut_before:
        cuts += ["^ " + "".join(parts[k:]) + end for k in range(1, len(parts) - 1)]
    return [whole, *cuts]


def covered_by(form, text, is_cut_before, is_cut_behind):
    """Places in a text where the words of its own stand that a format has, if it fits."""
    for expression in pattern(form, is_cut_before, is_cut_behind):
        found = re.search(rf"(?<= ){expression}" if expression[0] != "^" else expression, text)
        if found and (found.re.groups > 1 or len(form) > 1 and found.re.groups == 1 and found[1] not in COMMON
                      or found[0].strip() == text.strip()):
            return {found.start(n) for n in range(1, found.re.groups + 1)}
    return set()


def uncovered(fragment, forms, is_cut_before, is_cut_behind):
    """Words of a fragment of a message that no format has."""
    text, covered = f" {' '.join(words_of(fragment))} ", set()
    for form in forms:
        own = [part for part in form if "%" not in part]
        needed = own if not (is_cut_before or is_cut_behind) else own[:2] if not is_cut_before else own[-2:]
        if own and (is_cut_before and is_cut_behind or all(f" {part} " in text for part in needed)):
            covered |= covered_by(form, text, is_cut_before, is_cut_behind)
    return [found[0] for found in re.finditer(r"\S+", text) if found.start() not in covered and not is_example(found[0])]


# Words that a format with one word of its own does not cover: nearly every message has them.
COMMON = {"a", "the", "of", "in", "at", "is", "and", "it", "to", "not", "no", "for", "was", "has"}


def unknown(message, forms):
    fragments = re.split(r"\s*\.\.\.\s*", message)
    last = len(fragments) - 1
    return [word for i, fragment in enumerate(fragments) for word in uncovered(fragment, forms, i > 0, i < last)]


def main():
    texts = list(literals()) + [text for texts in OTHERS.values() for text in texts]
    forms = [list(form) for form in {tuple(words_of(text)) for text in texts} if form]
    messages = list(quoted())
    wrong = [f"{PAGE.name}:{number}: no source says {' '.join(words)!r} in: {message}"
             for number, message in messages if (words := unknown(message, forms))]
    print("\n".join(wrong))
    if len(messages) < 80:
        wrong.append("")
    print(f"{'not ok' if wrong else 'ok'} each of {len(messages)} messages that troubleshooting.md quotes is in the sources")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
