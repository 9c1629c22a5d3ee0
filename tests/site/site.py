#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The documentation as HTML: it builds without a warning and to the same bytes, each link leads somewhere, each name of the
library is found, and nothing is loaded from elsewhere."""

import html.parser
import json
import os
import pathlib
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
BUILD = os.environ["PYRITE_BUILD"]
LARGEST = 300_000  # bytes of a page
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
LOADS = {"img": ("src", "srcset"), "script": ("src",), "link": ("href",), "iframe": ("src",), "source": ("src", "srcset"),
         "video": ("src", "poster"), "audio": ("src",), "object": ("data",), "embed": ("src",), "image": ("href", "xlink:href"),
         "use": ("href", "xlink:href")}


class Page(html.parser.HTMLParser):
    """What a page has: anchors, links, what it loads, and whether its elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.problems, self.open, self.sidebar = [], [], [], [], [], []
        self.in_sidebar = False
        self.feed(text)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
            if self.in_sidebar:
                self.sidebar.append(values["href"])
        self.loads += [values[name] for name in LOADS.get(tag, ()) if name in values]
        self.in_sidebar = self.in_sidebar or values.get("id") == "sidebar"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag == "nav":
            self.in_sidebar = False
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.problems.append(f"</{tag}> at {self.getpos()} closes nothing")


def build(out):
    return subprocess.run([SOURCE / "scripts/site", "--build", BUILD, "--out", out], capture_output=True, text=True)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class Tests:
    def __init__(self, folder):
        self.first = build(folder / "one")
        self.second = build(folder / "two")
        self.folder = folder
        self.files = files(folder / "one")
        self.pages = {url: Page(data.decode()) for url, data in self.files.items() if url.endswith(".html")}
        text = self.files.get("search-index.js", b"pyriteSearch([]);").decode()
        self.records = json.loads(text.removeprefix("pyriteSearch(").rstrip().removesuffix(");"))

    def it_builds_without_a_warning(self):
        if self.first.returncode != 0 or self.first.stderr:
            yield f"exit status {self.first.returncode}: {self.first.stderr}"
        if len(self.pages) < 100:
            yield f"only {len(self.pages)} pages"

    def the_same_sources_give_the_same_bytes(self):
        other = files(self.folder / "two")
        for url in sorted(set(self.files) | set(other)):
            if self.files.get(url) != other.get(url):
                yield url

    def every_link_and_anchor_leads_somewhere(self):
        for url, page in self.pages.items():
            for link in page.links:
                yield from self.dead(url, link)

    def every_result_of_the_search_leads_somewhere(self):
        for record in self.records:
            yield from self.dead("index.html", record[1])

    def dead(self, url, link):
        if re.match(r"https?:|mailto:", link):
            return
        path, _, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(url), path)) if path else url
        if target not in self.files:
            yield f"{url}: {link} leads to no file"
        elif anchor and target in self.pages and anchor not in self.pages[target].ids:
            yield f"{url}: {link} leads to no anchor"

    def every_page_is_in_the_sidebar(self):
        listed = {posixpath.normpath(link) for link in self.pages["index.html"].sidebar}
        for path in sorted((SOURCE / "docs").rglob("*.md")):
            url = re.sub(r"(^|/)README\.md$", r"\1index.md", path.relative_to(SOURCE / "docs").as_posix())[:-3] + ".html"
            if url not in listed:
                yield f"{path}: {url} is not in the sidebar"
        for url in self.pages:
            if re.match(r"man/|api/\w+-(h|hpp)\.html", url) and url not in listed:
                yield f"{url} is not in the sidebar"

    def every_public_name_is_found(self):
        found = {record[0] for record in self.records}
        exported = set(re.findall(r"\bpyr_(?!_)\w+", (SOURCE / "runtime/pyrite.map").read_text()))
        if len(exported) < 100:
            yield f"pyrite.map has only {len(exported)} names"
        for name in sorted(exported - found):
            yield f"{name} of pyrite.map"
        for name in sorted(self.named_by_doxygen() - found):
            yield f"{name}, which doxygen knows"

    def named_by_doxygen(self):
        """What doxygen, which reads the headers on its own, finds in them."""
        settings = (SOURCE / "docs/Doxyfile").read_text()
        settings += f"OUTPUT_DIRECTORY = {self.folder}/doxygen\nGENERATE_HTML = NO\nGENERATE_XML = YES\nWARN_AS_ERROR = NO\n"
        subprocess.run(["doxygen", "-"], input=settings, text=True, cwd=SOURCE, check=True, capture_output=True)
        index = (self.folder / "doxygen/xml/index.xml").read_text()
        names = set(re.findall(r'<member [^>]*kind="(?:function|define|typedef|enum|enumvalue)"><name>(\w+)</name>', index))
        names |= set(re.findall(r'<compound [^>]*kind="struct"><name>(\w+)</name>', index))
        return {name for name in names if re.match(r"(?i)pyr_(?!_)", name)}

    def every_name_has_a_short_link(self):
        for name in sorted(set(re.findall(r"\bpyr_[a-z]\w+", (SOURCE / "runtime/pyrite.map").read_text()))):
            if f"api/{name}.html" not in self.pages:
                yield f"api/{name}.html"

    def elements_are_closed_and_ids_are_unique(self):
        for url, page in self.pages.items():
            for problem in page.problems:
                yield f"{url}: {problem}"
            for anchor in {anchor for anchor in page.ids if page.ids.count(anchor) > 1}:
                yield f"{url}: more than one {anchor!r}"

    def tidy_has_nothing_to_say(self):
        if not shutil.which("tidy"):
            yield "no tidy here: scripts/deps installs it"
            return
        # Attributes of WAI-ARIA and rows that may be empty are beyond tidy's tables.
        quiet = ["-q", "-e", "--show-info", "no", "--drop-empty-elements", "no", "--warn-proprietary-attributes", "no"]
        urls = [url for url in self.pages if "http-equiv" not in self.files[url].decode()[:200]]
        said = subprocess.run(["tidy", *quiet, *urls], cwd=self.folder / "one", capture_output=True, text=True)
        yield from said.stderr.splitlines()[:20]

    def nothing_is_loaded_from_elsewhere(self):
        for url, page in self.pages.items():
            for target in page.loads:
                if re.match(r"[a-z]+:|//", target):
                    yield f"{url}: loads {target}"
                else:
                    yield from self.dead(url, target)
        for url, data in self.files.items():
            if url.endswith((".css", ".svg")) and re.search(rb"@import|url\(|href=", data):
                yield f"{url}: loads something"
            if url in ("site.js",) and re.search(rb"https?:|fetch\(|XMLHttpRequest", data):
                yield f"{url}: loads something"

    def no_page_is_large(self):
        for url in self.pages:
            if len(self.files[url]) > LARGEST:
                yield f"{url}: {len(self.files[url])} bytes, {LARGEST} are allowed"

    def the_drawings_are_what_their_texts_say(self):
        run = subprocess.run([SOURCE / "docs/drawings/draw.py", "--check"], capture_output=True, text=True)
        if run.returncode != 0:
            yield run.stdout + run.stderr

    def what_the_pages_on_the_inside_name_exists(self):
        """Files and functions in backticks."""
        code = "\n".join(path.read_text(errors="replace") for folder in ("runtime", "nameserver") for path in
                         (SOURCE / folder).rglob("*.[ch]"))
        functions = set(re.findall(r"\b(\w+)\(", code))
        folders = (SOURCE, SOURCE / "runtime/src", SOURCE / "runtime", SOURCE / "nameserver")
        page = SOURCE / "docs/architecture.md"
        text = re.sub(r"(?s)```.*?```", "", page.read_text())
        for name in re.findall(r"`([\w./-]+\.(?:c|h|py|txt|proto|idl)|[\w-]+/[\w./-]*)`", text):
            if not any((folder / name).exists() for folder in folders):
                yield f"{page.name}: no {name}"
        for name in re.findall(r"`(\w+)\(\)`", text):
            if name not in functions:
                yield f"{page.name}: no {name}()"

    def a_link_that_is_dead_is_told(self):
        root = self.folder / "root"
        root.mkdir()
        for name in ("docs", "runtime", "README.md", "samples", "LICENSE"):
            (root / name).symlink_to(SOURCE / name)
        (root / "CHANGELOG.md").write_text("# Changes\n\n[x](docs/none.md)\n")
        run = subprocess.run(["/usr/bin/python3", SOURCE / "docs/site/site.py", root, BUILD, self.folder / "bad"],
                             capture_output=True, text=True)
        if run.returncode != 1 or "CHANGELOG.md: links to docs/none.md, which is not there" not in run.stderr:
            yield f"exit status {run.returncode}: {run.stderr}"


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tests = Tests(pathlib.Path(folder))
        for name in [name for name in vars(Tests) if "_" in name.strip("_") and name not in ("named_by_doxygen",)]:
            problems = list(getattr(tests, name)())
            print(("not ok " if problems else "ok ") + name)
            for problem in problems[:20]:
                print("    " + problem)
            failed += bool(problems)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
