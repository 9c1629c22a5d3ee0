# SPDX-License-Identifier: MIT
"""Files and folders of the project that pages link to: samples, scripts, the licence. Each becomes a page."""

import html

import colour
from text import Text

LARGEST = 40_000  # bytes of a file that is shown; a larger one is copied
LANGUAGES = {".c": "c", ".h": "c", ".hpp": "cpp", ".idl": "idl", ".py": "py", ".sh": "sh", ".bash": "sh", ".cmake": "cmake",
             ".proto": "proto", ".json": "json", ".js": "js", ".go": "go", ".yml": "yaml", ".yaml": "yaml", ".ini": "ini"}


class Page:
    def __init__(self, url, title, source):
        self.url, self.title, self.source = url, title, source
        self.html, self.contents, self.summary, self.is_code = "", [], "", True


class Sources:
    def __init__(self, root):
        self.root = root
        self.needed = []

    def url_of(self, name):
        path = self.root / name
        if path.is_dir():
            return f"source/{name}/index.html"
        if path.is_file() and path.stat().st_size > LARGEST:
            return f"source/{name}"
        return f"source/{name}.html"

    def need(self, name):
        if name not in self.needed:
            self.needed.append(name)
            path = self.root / name
            if path.is_dir():
                for inner in self.listed(name):
                    self.need(inner)
        return self.url_of(name)

    def listed(self, name):
        return sorted(f"{name}/{path.name}" for path in (self.root / name).iterdir()
                      if path.is_file() and not path.name.startswith("."))

    def pages(self, site):
        """What is needed, also by what is made here."""
        done = set()
        while len(done) < len(self.needed):
            name = next(name for name in self.needed if name not in done)
            done.add(name)
            path = self.root / name
            if path.is_file() and path.stat().st_size > LARGEST:
                site.write(self.url_of(name), path.read_bytes())
                continue
            page = Page(self.url_of(name), name, name)
            page.html = self.folder(name, site) if path.is_dir() else self.file(name, site)
            yield page

    def language(self, name):
        path = self.root / name
        if path.name == "CMakeLists.txt":
            return "cmake"
        if not path.suffix and path.read_bytes().startswith(b"#!"):
            first = path.read_text(encoding="utf-8", errors="replace").split("\n")[0]
            return "py" if "python" in first else "sh"
        return LANGUAGES.get(path.suffix, "")

    def code(self, name, site):
        text = (self.root / name).read_text(encoding="utf-8", errors="replace").rstrip("\n")
        return colour.block(text, self.language(name), lambda symbol: site.symbol(symbol, name))

    def file(self, name, site):
        if name.endswith(".md"):
            return Text(name, (self.root / name).read_text(encoding="utf-8"), site).html
        return f'<h1 class="path">{html.escape(name)}</h1>\n{self.code(name, site)}'

    def folder(self, name, site):
        """Its README, if it has one, and its files."""
        readme = f"{name}/README.md"
        result = f'<h1 class="path">{html.escape(name)}</h1>\n'
        if (self.root / readme).is_file():
            result = Text(readme, (self.root / readme).read_text(encoding="utf-8"), Beside(site, name)).html
        for inner in self.listed(name):
            if inner == readme:
                continue
            base = inner.rsplit("/", 1)[1]
            if self.url_of(inner) != f"source/{inner}.html":
                result += f'<h2 class="path"><a href="{base}">{base}</a></h2>\n'
            else:
                result += f'<h2 class="path" id="file-{base}"><a href="{base}.html">{base}</a></h2>\n{self.code(inner, site)}'
        return result


class Beside:
    """The site as the README of a folder sees it, whose page is that of the folder: the links are the same."""

    def __init__(self, site, folder):
        self.site = site
        self.folder = folder

    def __getattr__(self, name):
        return getattr(self.site, name)
