#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Looks at folders of pages: pages.py DIR... Of HTML, that each element is closed in its order, is one that the pages
may have and has no attribute that they do not need, that ids are unique, and that every link leads to an id of a page
there. Of Markdown the same, after it was rendered. Prints what is wrong."""

import html.parser
import pathlib
import sys
import urllib.parse

import markdown_it

ELEMENTS = {
    "html": {"lang"}, "head": set(), "meta": {"charset", "name", "content"}, "title": set(), "style": set(), "body": set(),
    "nav": set(), "main": set(), "h1": set(), "h2": set(), "h3": {"id"}, "h4": {"id"}, "small": set(), "a": {"href"},
    "p": {"class"}, "ul": set(), "ol": set(), "li": set(), "table": set(), "tr": set(), "td": set(), "th": set(),
    "pre": {"class"}, "code": set(), "span": {"id"},
}
VOID = {"meta", "br"}
# What Markdown becomes: no <hr>, <em> or <img> among it, which only a comment could make.
RENDERED = {
    "h1": set(), "h2": set(), "h3": set(), "h4": set(), "a": {"href", "id"}, "p": set(), "ul": set(), "ol": set(), "li": set(),
    "table": set(), "thead": set(), "tbody": set(), "tr": set(), "td": set(), "th": set(), "pre": set(), "code": {"class"},
    "blockquote": set(),
}


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.path, self.open, self.ids, self.links, self.wrong = path, [], set(), [], []
        self.elements = ELEMENTS if path.suffix == ".html" else RENDERED
        text = path.read_bytes().decode("utf-8")
        if path.suffix == ".md":
            text = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
        elif not text.startswith("<!DOCTYPE html>"):
            self.say("no doctype")
        self.feed(text)
        self.close()
        if self.open:
            self.say(f"not closed: {self.open}")

    def say(self, text):
        self.wrong.append(f"{self.path.name}:{self.getpos()[0]}: {text}")

    def handle_starttag(self, tag, attrs):
        if tag not in self.elements:
            self.say(f"<{tag}>")
        for name, value in attrs:
            if name not in self.elements.get(tag, ()):
                self.say(f"<{tag} {name}>")
            if name == "id":
                if value in self.ids:
                    self.say(f"id {value} again")
                self.ids.add(value)
            if name == "href":
                self.links.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.say(f"</{tag}> out of order")


def look(folder):
    ids, links, wrong = {}, {}, []
    for path in sorted([*folder.glob("*.html"), *folder.glob("*.md")]):
        page = Page(path)
        ids[path.name], links[path.name] = page.ids, page.links
        wrong += page.wrong
    for name, hrefs in links.items():
        for href in hrefs:
            page, _, anchor = urllib.parse.unquote(href).partition("#")
            if (page or name) not in ids or (anchor and anchor not in ids[page or name]):
                wrong.append(f"{name}: {href} leads nowhere")
    if not ids or not any(links.values()):
        wrong.append("no pages, or no links")
    return [f"{folder}: {text}" for text in wrong]


def main():
    wrong = [text for folder in sys.argv[1:] for text in look(pathlib.Path(folder))]
    print("\n".join(wrong))
    sys.exit(1 if wrong or len(sys.argv) < 2 else 0)


main()
