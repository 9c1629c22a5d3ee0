#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""site.py ROOT BUILD OUT: writes the documentation as static HTML: the Markdown pages, the manual pages of a build, and
the reference of the public headers. No page loads anything from elsewhere; all of it works from file://.

Prints a line for each thing that is wrong, such as a link to a file that is not there, and ends with 1 if there is any.
The same sources give the same bytes."""

import html
import json
import pathlib
import posixpath
import re
import shutil
import sys

sys.dont_write_bytecode = True

import manual
import reference
import sources
import template
from text import Section, Text

SPECIAL = {"README.md": "index.html", "CHANGELOG.md": "changelog.html", "CONTRIBUTING.md": "contributing.html",
           "SECURITY.md": "security-policy.html"}
TITLES = {"CHANGELOG.md": "Changes", "CONTRIBUTING.md": "Contributing", "SECURITY.md": "Reporting vulnerabilities"}
WORKING = "Working on Pyrite"
REFERENCE = "C headers"
COMMANDS = "Commands"


class Page:
    """One page of the site."""

    def __init__(self, url, title, source=""):
        self.url = url
        self.title = title
        self.source = source  # the file it is made of, as the foot names it
        self.html = ""
        self.contents = []  # (title, anchor, level, is code)
        self.summary = ""
        self.is_code = False  # its title in the sidebar is a name


class Site:
    def __init__(self, root, build, out):
        self.root, self.build, self.out = root, build, out
        self.problems = []
        self.pictures = set()
        self.records = []  # of the search: title, url, page, kind, text
        self.pages = {}  # source -> Page, of Markdown
        self.sources = sources.Sources(root)
        self.headers = reference.read(root)
        self.header_names = {header.name for header in self.headers}
        self.symbols = reference.symbols(self.headers)
        self.version = re.search(r'PYR_VERSION\s+"([^"]+)"', (root / reference.LIBRARY / "pyrite.h").read_text())[1]
        for source in self.markdown():
            if self.url_of(source) in {page.url for page in self.pages.values()}:
                self.problem(source, "has the address of another page")
            self.pages[source] = Page(self.url_of(source), self.heading(source), source)
        self.groups = self.reading_list()

    # What there is, and where it goes.

    def markdown(self):
        found = [name for name in SPECIAL if (self.root / name).is_file()]
        docs = sorted(path.relative_to(self.root).as_posix() for path in (self.root / "docs").rglob("*.md"))
        return found + docs

    @staticmethod
    def url_of(source):
        if source in SPECIAL:
            return SPECIAL[source]
        url = source.removeprefix("docs/").removesuffix(".md")
        return re.sub(r"(^|/)README$", r"\1index", url) + ".html"

    def heading(self, source):
        found = re.search(r"(?m)^# (.+)$", (self.root / source).read_text(encoding="utf-8"))
        return TITLES.get(source) or (found[1].replace("`", "") if found else source)

    def reading_list(self):
        """The groups of the sidebar: (title, pages), as the contents of the documentation have them."""
        groups, current, listed = [], None, {"docs/contents.md"}
        for line in (self.root / "docs/contents.md").read_text(encoding="utf-8").split("\n"):
            heading = re.match(r"(?:### )?(\w[^\[]*?)(?:, in this order)?:?$", line)
            if heading and (line.endswith(":") or line.startswith("###")):
                groups.append((heading[1], []))
                current = groups[-1][1]
            if current is None or not re.match(r"\s*(\d+\.|[-*]|   )", line):
                continue
            for title, target in re.findall(r"\[([^\]]+)\]\(([^)#]+\.md)\)", line):
                target = posixpath.normpath(f"docs/{target}")
                if target in self.pages and target not in listed and target not in SPECIAL:
                    listed.add(target)
                    self.pages[target].title = title[0].upper() + title[1:]
                    current.append(self.pages[target])
        groups = [("Start here" if title.startswith("Read these") else title, pages) for title, pages in groups if pages]
        groups[0][1].insert(0, self.pages["README.md"])
        groups[0][1].insert(1, self.pages["docs/contents.md"])
        self.pages["README.md"].title, self.pages["docs/contents.md"].title = "Overview", "Contents"
        rest = [page for source, page in self.pages.items() if source not in listed and source not in SPECIAL]
        folders = {folder: [page for page in rest if page.source.startswith(f"docs/{folder}/")] for folder in ("cookbook", "internals")}
        more = [page for page in rest if not page.source.startswith(("docs/cookbook/", "docs/internals/"))]
        if more:
            groups.append(("More", more))
        if folders["cookbook"]:
            groups.append(("Cookbook", self.in_order(folders["cookbook"], "docs/cookbook/README.md")))
        about = [self.pages[name] for name in ("CONTRIBUTING.md",) if name in self.pages]
        groups.append((WORKING, about + self.in_order(folders["internals"], "docs/internals/modules.md")))
        groups.append(("Project", [self.pages[name] for name in ("CHANGELOG.md", "SECURITY.md") if name in self.pages]))
        return groups

    def in_order(self, pages, first):
        """The first one, then the others as it links to them."""
        path = self.root / first
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        place = {posixpath.normpath(posixpath.join(posixpath.dirname(first), target)): i
                 for i, target in reversed(list(enumerate(re.findall(r"\]\(([^)#]+\.md)", text))))}
        return sorted(pages, key=lambda page: (page.source != first, place.get(page.source, len(place) + 999), page.source))

    # Links.

    def problem(self, source, what):
        self.problems.append(f"{source}: {what}")

    def relative(self, source, url):
        """url, as a link on the page that is made of source."""
        return posixpath.relpath(url, posixpath.dirname(self.place_of(source)) or ".")

    def place_of(self, source):
        if source in self.pages:
            return self.pages[source].url
        if source.startswith(reference.LIBRARY):
            return "api/" + reference.page_name(posixpath.basename(source))
        if source.startswith("man/"):
            return source + ".html"
        return self.sources.url_of(source)

    def link(self, source, target):
        """Where a link of a source leads on the site."""
        path, _, anchor = target.partition("#")
        anchor = "#" + anchor if anchor else ""
        if not path:
            return anchor
        name = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if name in self.pages:
            return self.relative(source, self.pages[name].url) + anchor
        base = posixpath.basename(name)
        if posixpath.dirname(name) + "/" == reference.LIBRARY and base in self.header_names:
            return self.relative(source, "api/" + reference.page_name(base))
        if name.startswith("..") or not (self.root / name).exists():
            self.problem(source, f"links to {target}, which is not there")
            return "#"
        return self.relative(source, self.sources.need(name)) + anchor

    def symbol(self, name, source):
        symbol = self.symbols.get(name)
        return self.relative(source, symbol.url) if symbol else ""

    def picture(self, source, target, alt):
        name = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        path = self.root / name
        if not path.is_file():
            self.problem(source, f"shows {target}, which is not there")
            return ""
        self.pictures.add(name)
        url = self.relative(source, "figures/" + path.name)
        if path.suffix != ".svg":
            return f'<img src="{url}" alt="{alt}" loading="lazy">'
        box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', path.read_text(encoding="utf-8"))
        if not box:
            self.problem(name, "has no viewBox that begins at 0 0")
            return ""
        size = f'width="{round(float(box[1]))}" height="{round(float(box[2]))}" loading="lazy"'
        return "".join(f'<img class="{shade}" src="{url[:-4]}.{shade}.svg" alt="{alt}" {size}>' for shade in ("light", "dark"))

    # Making pages.

    def make_markdown(self, page):
        text = Text(page.source, (self.root / page.source).read_text(encoding="utf-8"), self)
        page.html = text.html
        page.contents = [(s.title, s.anchor, s.level, False) for s in text.sections if s.level in (2, 3)]
        page.summary = next((s.text() for s in text.sections if s.words), "")[:160]
        self.index(page, text.sections, 0)

    def index(self, page, sections, kind):
        for section in sections:
            self.records.append([section.title, f"{page.url}#{section.anchor}", page.title, kind, section.text()])

    def make_header(self, header):
        page = Page(header.url, header.name, header.source)
        made = reference.Page(header, self)
        page.html, page.contents, page.summary, page.is_code = made.html, made.contents, header.summary, True
        self.records.append([header.name, header.url, "C headers", 1, header.summary])
        for title, anchor, level, is_code in made.contents:
            if not is_code:
                self.records.append([title, f"{header.url}#{anchor}", header.name, 1, ""])
        return page

    def make_symbols(self):
        for name, symbol in sorted(self.symbols.items()):
            about = re.sub(r"\s+", " ", symbol.comment)
            code = re.sub(r"\s+", " ", symbol.declaration.code) if symbol.kind in ("function", "macro", "type") else symbol.kind
            self.records.append([name.removeprefix("enum "), symbol.url, symbol.header, 1, f"{code} {about}"])
            short = name.removeprefix("enum ").replace("::", "-")
            if symbol.kind not in ("member", "enumerator") and not name.startswith("enum "):
                self.write(f"api/{short}.html", template.redirect(short, posixpath.basename(symbol.url)))

    def make_manual(self):
        found = manual.pages(self.build)
        if not found:
            self.problem(str(self.build), "has no manual pages: build the target pyrite-man")
        pages = []
        for name, path in found.items():
            title = manual.title(name)
            page = Page(f"man/{name}.html", title, f"man/{name}")
            body, about, sections = manual.page(path, set(found))
            page.html = f'<h1 id="top">{title}</h1>\n{body}'
            page.contents = [(title.capitalize(), anchor, 2, False) for title, anchor in sections]
            page.summary, page.is_code = about.partition(" - ")[2], True
            words = Section(title, "top", 1)
            words.words = [html.unescape(re.sub(r"<[^>]+>", " ", body))]
            self.index(page, [words], 2)
            pages.append(page)
        return pages

    def overview(self, url, title, pages, text):
        """A page that lists others with what they are about."""
        page = Page(url, title)
        rows = "".join(f'<tr><td><a href="{posixpath.basename(p.url)}"><code>{p.title}</code></a></td><td>'
                       f"{html.escape(p.summary)}</td></tr>\n" for p in pages)
        page.html = (f'<h1 id="top">{title}</h1>\n<p>{text}</p>\n<div class="table" tabindex="0"><table>\n<tbody>\n{rows}'
                     "</tbody></table></div>\n")
        return page

    def symbol_list(self):
        page = Page("api/symbols.html", "All names")
        letters = {}
        for name, symbol in sorted(self.symbols.items(), key=lambda item: item[0].lower()):
            if symbol.kind not in ("member", "enumerator") and not name.startswith("enum "):
                noun = re.match(r"(?:pyr|PYR)(?:_|::)([a-zA-Z]+)", name)
                letters.setdefault(noun[1].lower() if noun else name, []).append((name, symbol))
        page.html = '<h1 id="top">All names</h1>\n<p>Functions, types and macros of the public headers, by noun.</p>\n<dl class="names">\n'
        for noun, entries in sorted(letters.items()):
            links = ", ".join(f'<a href="{posixpath.basename(s.url)}"><code>{name}</code></a>' for name, s in entries)
            page.html += f"<dt>{noun}</dt><dd>{links}</dd>\n"
        page.html += "</dl>\n"
        return page

    # Writing.

    def write(self, url, text):
        path = self.out / url
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def write_pictures(self):
        for name in sorted(self.pictures):
            path = self.root / name
            if path.suffix == ".svg":
                light, dark = template.shades(path.read_text(encoding="utf-8"))
                self.write(f"figures/{path.stem}.light.svg", light)
                self.write(f"figures/{path.stem}.dark.svg", dark)
            else:
                self.write("figures/" + path.name, path.read_bytes())

    def write_index(self):
        rows = ",\n".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in self.records)
        self.write("search-index.js", f"pyriteSearch([\n{rows}\n]);\n")

    def write_sources(self):
        """The files of the project that pages link to, with their code coloured."""
        for page in self.sources.pages(self):
            self.write(page.url, template.page(page, self, [], None, None))

    def make(self):
        shutil.rmtree(self.out, ignore_errors=True)
        for _, pages in self.groups:
            for page in pages:
                self.make_markdown(page)
        headers = [self.make_header(header) for header in self.headers]
        commands = self.make_manual()
        api = self.overview("api/index.html", "C headers", headers, "Include <code>&lt;pyrite/pyrite.h&gt;</code>, which includes "
                            "most of the others. <a href=\"symbols.html\">All names</a> lists what they declare. Each name has a "
                            "short link of its own, such as <code>api/pyr_ns_register.html</code>.")
        man = self.overview("man/index.html", "Commands", commands, "The manual pages, as <code>man</code> shows them.")
        self.make_symbols()
        self.groups[-2:-2] = [(REFERENCE, [api, *headers, self.symbol_list()]), (COMMANDS, [man, *commands])]
        order = [page for _, pages in self.groups for page in pages]
        for before, page, after in zip([None, *order], order, [*order[1:], None]):
            self.write(page.url, template.page(page, self, self.groups, before, after))
        self.write_sources()
        self.write_pictures()
        self.write_index()
        here = pathlib.Path(__file__).parent
        self.write("site.css", template.style((here / "site.css").read_text(encoding="utf-8")))
        for name in ("site.js", "icon.svg"):
            self.write(name, (here / name).read_bytes())
        return len(order)


def main():
    root, build, out = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    made = Site(root, build, out)
    count = made.make()
    for problem in made.problems:
        print(problem, file=sys.stderr)
    print(f"{count} pages, {len(made.records)} entries of the search, in {sys.argv[3]}")
    sys.exit(1 if made.problems else 0)


if __name__ == "__main__":
    main()
