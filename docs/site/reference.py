# SPDX-License-Identifier: MIT
"""The reference: a page for each public header, with its stories, declarations and comments."""

import html
import re

import colour
import headers

LIBRARY = "runtime/include/pyrite/"
FOR_GENERATED_CODE = ("gen.h",)
FIRST = ("pyrite.h", "daemon.h", "serve.h", "proxy.h", "future.h", "stream.h", "names.h", "object.h", "context.h", "hooks.h",
         "tls.h", "key.h", "rules.h", "task.h", "timer.h", "loop.h", "pool.h", "any.h", "value.h", "settings.h", "coro.hpp")


class Symbol:
    def __init__(self, name, kind, header, anchor, declaration, comment):
        self.name, self.kind, self.header, self.anchor = name, kind, header, anchor
        self.declaration, self.comment = declaration, comment

    @property
    def url(self):
        return f"api/{page_name(self.header)}#{self.anchor}"


def page_name(header):
    return header.replace(".", "-") + ".html"


class Header:
    def __init__(self, name, text):
        self.name = name
        self.items = headers.read(text)
        self.source = LIBRARY + name
        self.url = "api/" + page_name(name)

    @property
    def summary(self):
        """The first sentence that tells what the header is for."""
        for item in self.items:
            text = re.sub(r"\s+", " ", re.sub(r"Part of <pyrite/pyrite\.h>, which includes this file\.\s*", "", item.comment))
            found = re.match(r"(.+?\.)(?:\s|$)", text)
            if found:
                return re.sub(r", which includes this file(?=\.)", "", found[1])
        return ""


def read(root):
    """All public headers, in the order of the sidebar."""
    found = {path.name: Header(path.name, path.read_text(encoding="utf-8")) for path in (root / LIBRARY).iterdir()
             if path.suffix in (".h", ".hpp") and path.name not in FOR_GENERATED_CODE}
    order = [name for name in FIRST if name in found] + sorted(set(found) - set(FIRST))
    return [found[name] for name in order]


def symbols(all_headers):
    """name -> symbol, of all declarations, enumerators and members ("pyr_error.code")."""
    result = {}
    for header in all_headers:
        for item in header.items:
            for made in item.declarations:
                taken = made.name in result
                if taken and made.kind != "function":
                    continue
                if taken:  # a function that has the name of its enum, which steps aside
                    result["enum " + made.name] = result[made.name]
                    result[made.name].anchor = "enum-" + made.name
                result[made.name] = Symbol(made.name, made.kind, header.name, made.name.replace("::", "-"), made, item.comment)
                for member in made.members:
                    name = member if made.kind == "enum" else f"{made.name}.{member}"
                    result[name] = Symbol(name, "enumerator" if made.kind == "enum" else "member", header.name, name, made,
                                          item.comment)
    return result


class Page:
    """Renders one header."""

    def __init__(self, header, site):
        self.header = header
        self.site = site
        self.known = site.symbols
        self.contents = []  # (title, anchor, level, is code)
        self.html = self.render()

    def link(self, name):
        return self.site.symbol(name, self.header.source)

    def render(self):
        parts = [f'<h1 id="{self.header.name}"><code>&lt;pyrite/{self.header.name}&gt;</code></h1>\n']
        for item in self.header.items:
            parts.append(self.item(item))
        return "".join(parts)

    def item(self, item):
        result = ""
        if item.title:
            anchor = re.sub(r"\W+", "-", item.title.lower()).strip("-")
            self.contents.append((item.title, anchor, 2, False))
            result += f'<h2 id="{anchor}">{html.escape(item.title)} <a class="anchor" href="#{anchor}" '
            result += 'aria-label="Link to this section">#</a></h2>\n'
        shared = item.title and len(item.declarations) > 0
        if not item.declarations or shared:
            result += self.prose(item.comment)
        if not item.declarations:
            return result
        declared = "".join(self.declared(made) for made in item.declarations)
        comment = "" if shared else self.prose(item.comment)
        return f'{result}<section class="declared">\n{declared}{comment}</section>\n'

    def declared(self, made):
        name = made.name
        symbol = self.known.get(f"{made.kind} {name}") if f"{made.kind} {name}" in self.known else self.known[name]
        if symbol.header != self.header.name or symbol.declaration is not made:
            return ""
        self.contents.append((name, symbol.anchor, 3, True))
        anchors = [(member, self.known[member if made.kind == "enum" else f"{name}.{member}"].anchor) for member in made.members]
        code = made.code.expandtabs(8) if "\n" in made.code else made.code
        language = "cpp" if made.kind == "class" else "c"

        def link(other):
            return "" if other == name else self.link(other)

        shown = colour.coloured(tidy(code), language, link, anchors)
        return (f'<div class="code decl" id="{symbol.anchor}" data-kind="{made.kind}"><pre tabindex="0"><code>{shown}</code></pre>'
                f'<a class="anchor" href="#{symbol.anchor}" aria-label="Link to {name}">#</a></div>\n')

    def prose(self, comment):
        """A comment as HTML: paragraphs, lists, and code that is indented by a tab."""
        result = ""
        for kind, lines in parts_of(comment):
            if kind == "code":
                code = "\n".join(line.removeprefix("\t") for line in lines)
                result += colour.block(code.expandtabs(8), "cpp" if "co_await" in code else "c", self.link)
            elif kind == "list":
                entries = re.split(r"(?:^|\n)\s*- ", "\n".join(lines))[1:]
                result += "<ul>\n" + "".join(f"<li>{self.line(entry)}</li>\n" for entry in entries) + "</ul>\n"
            else:
                result += f"<p>{self.line(' '.join(lines))}</p>\n"
        return result

    def line(self, text):
        """Running text: names become code and links."""
        pattern = re.compile(r"`([^`]+)`|(\bdocs/([\w-]+)\.md)|&lt;pyrite/([\w.]+)&gt;"
                             r"|((?:\b(?:struct|enum) )?\b(?:pyr|PYR)_\w+(?:\.\w+)?(?:\(\))?)|(\bI_\w+(?:\(\))?|\bPYRITE_\w+)")

        def made(found):
            if found[1]:
                return f"<code>{found[1]}</code>"
            if found[2]:
                return f'<a href="{self.site.link(LIBRARY + "x", "../../../" + found[2])}">{found[2]}</a>'
            if found[4]:
                return f'<a href="{page_name(found[4])}"><code>{found[0]}</code></a>' if found[4] in self.site.header_names else (
                    f"<code>{found[0]}</code>")
            if found[5]:
                target = self.link(re.sub(r"^(?:struct|enum) |\(\)$", "", found[5]))
                return f'<a href="{target}"><code>{found[5]}</code></a>' if target else f"<code>{found[5]}</code>"
            return f"<code>{found[6]}</code>"

        text = pattern.sub(made, html.escape(text.strip(), quote=False))
        return re.sub(r"(^|\. |\n)(Returns)(:? )", r"\1<strong>\2</strong>\3", text)


def parts_of(comment):
    """Paragraphs, lists and code of a comment, each as (kind, lines)."""
    parts, was_blank = [], True
    for line in comment.split("\n"):
        last = parts[-1][0] if parts else ""
        if not line.strip():
            if last == "code":
                parts[-1][1].append("")
            was_blank = True
            continue
        if line.startswith("\t"):
            kind = "code"
        elif re.match(r"\s*- ", line) or (last == "list" and line.startswith("  ")):
            kind = "list"
        else:
            kind = "text"
        if kind == last and not (kind == "text" and was_blank):
            parts[-1][1].append(line)
        else:
            parts.append((kind, [line]))
        was_blank = False
    for kind, lines in parts:
        while lines and not lines[-1]:
            lines.pop()
    return parts


def tidy(code):
    """Nothing behind lines, and one space before a comment of a line that stands alone."""
    code = re.sub(r"[ ]+\n", "\n", code).strip("\n")
    return re.sub(r";\s+/\*", "; /*", code) if "\n" not in code else code
