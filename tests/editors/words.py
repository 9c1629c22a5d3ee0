#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The words that editors/ highlights are those that pyrite-idl knows: keywords, types, annotations, directives, and what it
does not support. Each list is read from the sources of pyrite-idl."""

import json
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
failed = 0


def check(name, found, expected):
    global failed
    problems = [f"{word}: {why}" for words, why in ((expected - found, "is missing"), (found - expected, "is not such a word"))
                for word in sorted(words)]
    if len(expected) < 2:
        problems.append(f"too few were found in the sources: {expected}")
    failed += bool(problems)
    print(("not ok " if problems else "ok ") + name)
    for problem in problems:
        print("    " + problem)


def table(file, name):
    """The texts in a table of C."""
    text = (SOURCE / "idl" / file).read_text()
    body = re.search(rf"{re.escape(name)}\[\] = \{{(.*?)\n?\t*\}};", text, re.DOTALL)
    return body[1]


def strings(text):
    return set(re.findall(r'"(\w+)"', text))


# What pyrite-idl knows.
KEYWORDS = strings(table("feed.c", "keywords"))
CONTEXTUAL = {word for word in re.findall(r'next == \'[<(]\' &&.*?strcmp\(token->text, "(\w+)"\)',
                                          (SOURCE / "idl/feed.c").read_text()) if word not in ("fixed", "context")}
BUILTIN = table("resolve.c", "struct builtin builtins")
TYPES = set(re.findall(r'"(\w+)", TYPE_', BUILTIN))
UNSUPPORTED = strings(table("feed.c", "unsupported_in_module")) | strings(table("feed.c", "unsupported_anywhere")) | set(
    re.findall(r'"(\w+)", 0', BUILTIN))
ANNOTATIONS = set(re.findall(r'\{ "(\w+)",', table("annotate.c", "struct rule rules")))
DIRECTIVES = strings(table("pp_directive.c", "words")) | set(re.findall(
    r'strcmp\(word->text, "(\w+)"\)', (SOURCE / "idl/pp_directive.c").read_text()))

# What is highlighted.
VIM = (SOURCE / "editors/vim/syntax/pyriteidl.vim").read_text()
TEXTMATE = json.loads((SOURCE / "editors/vscode/syntaxes/pyrite-idl.tmLanguage.json").read_text())["repository"]


def vim_keywords(*groups):
    return {word for group, words in re.findall(r"^syntax keyword (\w+) (.*)$", VIM, re.MULTILINE) if group in groups
            for word in words.split()}


def vim_group(pattern):
    return {word for words in re.findall(pattern, VIM) for word in words.split("\\|")}


def textmate(part, pattern, scope=""):
    return {word for rule in TEXTMATE[part]["patterns"] if rule.get("name", "").startswith(scope)
            for words in re.findall(pattern, rule["match"]) for word in words.split("|")}


PLAIN, AHEAD = r"^\\b\(\?:([\w|]+)\)\\b$", r"^\\b\(\?:([\w|]+)\)\\b\(\?="
KINDS = ("Structure", "Storage", "Keyword", "Label", "Boolean", "Type")
check("vim has the keywords and types", vim_keywords(*("pyriteidl" + kind for kind in KINDS)), KEYWORDS | TYPES)
check("vim has the words that are keywords in some places", vim_group(r'"\\<\\%\((\w+\\\|\w+)\\\)\\>\\ze'), CONTEXTUAL)
check("vim has what is not supported", vim_keywords("pyriteidlUnsupported"), UNSUPPORTED)
check("vim has the annotations", vim_group(r'pyriteidlAnnotation "@\\s\*\\%\(([\w\\|]+)\\\)'), ANNOTATIONS)
check("vim has the directives", vim_group(r'pyriteidlPreProc ".*\\%\(([\w\\|]+)\\\)'), DIRECTIVES)
check("the grammar has the keywords and types",
      textmate("words", PLAIN) - textmate("words", PLAIN, "invalid"), KEYWORDS | TYPES)
check("the grammar has the words that are keywords in some places", textmate("words", AHEAD), CONTEXTUAL)
check("the grammar has what is not supported", textmate("words", PLAIN, "invalid"), UNSUPPORTED)
check("the grammar has the annotations", textmate("annotations", r"\(\?:([\w|]+)\)", "storage"), ANNOTATIONS)
check("the grammar has the directives", textmate("directives", r"\(#\\s\*\(\?:([\w|]+)\)\)"), DIRECTIVES)
sys.exit(failed > 0)
