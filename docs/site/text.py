# SPDX-License-Identifier: MIT
"""Markdown as HTML: anchors as GitHub makes them, links between the sources made into links between pages."""

import html
import posixpath
import re

from markdown_it import MarkdownIt

import colour


def plain(token):
    """The text of an inline token."""
    return "".join(child.content if child.type in ("text", "code_inline") else " " if "break" in child.type else ""
                   for child in token.children)


def slug(text, seen):
    """The anchor that GitHub gives a heading."""
    base = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
    n = seen.get(base, 0)
    seen[base] = n + 1
    return f"{base}-{n}" if n else base


def breakable(inner):
    """HTML whose long names may be broken at an underscore: in a narrow column of a table, say."""
    return re.sub(r"(<[^>]*>)|_(?=\w{3})", lambda found: found[1] or "_<wbr>", inner)


class Section:
    """A heading and what follows it up to the next: what the search finds, and what "on this page" lists."""

    def __init__(self, title, anchor, level):
        self.title = title
        self.anchor = anchor
        self.level = level
        self.words = []

    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words)).strip()


class Text:
    """One rendered document."""

    def __init__(self, source, text, site):
        self.source = source  # its path in the project
        self.site = site
        self.sections = []
        self.in_table = False
        parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        tokens = parser.parse(text)
        self.mark(tokens)
        for rule in ("text", "fence", "code_block", "code_inline", "image", "link_open", "table_open", "table_close",
                     "heading_open", "heading_close"):
            method = getattr(self, rule)
            parser.renderer.rules[rule] = lambda tokens, i, options, env, method=method: method(tokens, i)
        self.renderer = parser
        self.html = parser.renderer.render(tokens, parser.options, {})
        self.title = self.sections[0].title if self.sections else posixpath.basename(source)

    def mark(self, tokens):
        """Gives headings their anchors, and collects sections."""
        seen = {}
        for token, following in zip(tokens, tokens[1:] + [None]):
            if token.type == "heading_open":
                title = plain(following)
                anchor = slug(title, seen)
                token.attrSet("id", anchor)
                self.sections.append(Section(title, anchor, int(token.tag[1])))
            elif token.type == "inline" and self.sections:
                self.sections[-1].words.append(plain(token))
            elif token.type in ("fence", "code_block") and self.sections:
                self.sections[-1].words.append(token.content)

    # Parts of the text that HTML is made of otherwise than by the library.

    def heading_open(self, tokens, i):
        token = tokens[i]
        return f'<{token.tag} id="{token.attrGet("id")}">'

    def heading_close(self, tokens, i):
        token = tokens[i]
        anchor = tokens[i - 2].attrGet("id")
        return f' <a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a></{token.tag}>\n'

    def fence(self, tokens, i):
        token = tokens[i]
        return colour.block(token.content.rstrip("\n"), token.info.split()[0] if token.info.strip() else "", self.link_symbol)

    def code_block(self, tokens, i):
        return colour.block(tokens[i].content.rstrip("\n"), "", self.link_symbol)

    def link_symbol(self, name):
        return self.site.symbol(name, self.source)

    def code_inline(self, tokens, i):
        content = tokens[i].content
        inside = any(t.type == "link_open" for t in tokens[:i]) and not any(
            t.type == "link_close" for t in tokens[max(j for j, t in enumerate(tokens[:i]) if t.type == "link_open"):i])
        inner = html.escape(content) if inside else colour.linked(content, self.link_symbol)
        inner = breakable(inner) if self.in_table else inner
        return "<code>" + re.sub(r"(?<![\w-])(--[a-z][a-z-]*)", r'<span class="o">\1</span>', inner) + "</code>"

    def text(self, tokens, i):
        text = html.escape(tokens[i].content, quote=False)
        return re.sub(r"\w{14,}", lambda found: breakable(found[0]), text) if self.in_table else text

    def image(self, tokens, i):
        token = tokens[i]
        alt = html.escape(token.content)
        return self.site.picture(self.source, token.attrGet("src"), alt)

    def link_open(self, tokens, i):
        token = tokens[i]
        target = token.attrGet("href")
        outside = re.match(r"[a-z]+:", target)
        attributes = ' rel="noreferrer" class="external"' if outside else ""
        return f'<a href="{html.escape(target if outside else self.site.link(self.source, target))}"{attributes}>'

    def table_open(self, tokens, i):
        self.in_table = True
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, tokens, i):
        self.in_table = False
        return "</table></div>\n"
