# SPDX-License-Identifier: MIT
"""Code as HTML with its syntax coloured. Names of the public headers become links."""

import html
import re

from pygments.lexer import RegexLexer, words
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Token


class Idl(RegexLexer):
    """Pyrite's IDL, as docs/idl-reference.md describes it."""

    tokens = {
        "root": [
            (r"\s+", Text),
            (r"(?s)/\*.*?\*/", Comment.Multiline),
            (r"//.*", Comment.Single),
            (r"#.*", Comment.Preproc),
            (r'"(\\.|[^"\\])*"', String),
            (r"'(\\.|[^'\\])*'", String),
            (r"@\w+", Name.Decorator),
            (words(("module", "interface", "struct", "union", "enum", "exception", "typedef", "const", "switch", "case",
                    "default", "attribute", "readonly", "raises", "in", "out", "inout", "oneway", "optional", "import"),
                   suffix=r"\b"), Keyword),
            (words(("boolean", "char", "octet", "short", "long", "unsigned", "float", "double", "string", "any", "void",
                    "Object", "sequence", "map", "stream", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
                    "uint64"), suffix=r"\b"), Keyword.Type),
            (r"-?\d[\w.]*", Number),
            (r"\w+(?=\s*\()", Name.Function),
            (r"\w+", Name),
            (r".", Punctuation),
        ]
    }


# The first that holds a token decides its class in site.css.
CLASSES = ((Comment.Preproc, "p"), (Comment.PreprocFile, "s"), (Comment, "c"), (Keyword.Type, "t"), (Keyword, "k"), (String, "s"),
           (Number, "m"), (Name.Function, "f"), (Name.Decorator, "p"), (Name.Tag, "k"), (Token.Generic.Prompt, "c"),
           (Name.Builtin, "f"), (Name.Variable, "t"), (Operator.Word, "k"))
LEXERS = {"c": "c", "h": "c", "cpp": "cpp", "hpp": "cpp", "sh": "bash", "bash": "bash", "console": "console", "py": "python",
          "python": "python", "cmake": "cmake", "json": "json", "js": "javascript", "proto": "protobuf",
          "protobuf": "protobuf", "make": "make", "yaml": "yaml", "yml": "yaml", "ini": "ini", "toml": "toml", "go": "go",
          "html": "html", "xml": "xml", "sql": "sql", "http": "http", "rust": "rust"}
LABELS = {"c": "C", "h": "C", "cpp": "C++", "idl": "IDL", "sh": "shell", "bash": "shell", "console": "shell", "python": "Python",
          "py": "Python", "cmake": "CMake", "json": "JSON", "protobuf": "protobuf", "proto": "protobuf", "make": "make",
          "go": "Go", "js": "JavaScript"}
NAME = re.compile(r"\b(?:pyr|PYR)_[A-Za-z0-9_]+\b")


def token_class(token):
    return next((name for kind, name in CLASSES if token in kind), "")


def lexer_of(language):
    if language == "idl":
        return Idl(stripnl=False, ensurenl=False)
    if language in LEXERS:
        return get_lexer_by_name(LEXERS[language], stripnl=False, ensurenl=False)
    return None


def linked(text, link):
    """text with the names that link() knows made into links."""
    result, at = "", 0
    for found in NAME.finditer(text):
        target = link(found[0])
        if target:
            result += html.escape(text[at:found.start()]) + f'<a href="{target}">{found[0]}</a>'
            at = found.end()
    return result + html.escape(text[at:])


def coloured(code, language, link=lambda name: None, anchors=()):
    """Code as HTML. anchors: (text, id) of names that get an id, in the order in which they occur."""
    lexer = lexer_of(language)
    if lexer is None:
        return html.escape(code)
    runs = []
    for token, text in lexer.get_tokens(code + "\n"):  # comments of a shell end with their line
        name = token_class(token)
        if name == "m" and LABELS.get(language) == "shell":  # parts of addresses, mostly
            name = ""
        if runs and runs[-1][0] == name:
            runs[-1][1] += text
        else:
            runs.append([name, text])
    runs[-1][1] = runs[-1][1].removesuffix("\n")
    anchors = list(anchors)
    result = ""
    for name, text in runs:
        inner = anchored(text, link, anchors if name != "c" else [])
        result += f'<span class="{name}">{inner}</span>' if name and text.strip() else inner
    return result


def anchored(text, link, anchors):
    result = ""
    while anchors:
        found = re.search(rf"(?<!\w){re.escape(anchors[0][0])}(?!\w)", text)
        if not found:
            break
        result += linked(text[:found.start()], link) + f'<b id="{anchors[0][1]}">{found[0]}</b>'
        text = text[found.end():]
        anchors.pop(0)
    return result + linked(text, link)


def block(code, language, link=lambda name: None):
    """A block of code with its language and, where there is a script, a button that copies it."""
    label = LABELS.get(language, "")
    caption = f' data-language="{label}"' if label else ""
    # Blocks that scroll can be reached with the keyboard.
    return f'<div class="code"{caption}><pre tabindex="0"><code>{coloured(code, language, link)}</code></pre></div>\n'
