# SPDX-License-Identifier: MIT
"""Manual pages as HTML, by mandoc."""

import re
import subprocess


def pages(build):
    """"pyrite-ns.1" -> path, of the manual pages of a build: overviews, then commands."""
    found = sorted((build / "man").glob("*.[1-9]"), key=lambda path: (path.suffix == ".1", path.name))
    return {path.name: path for path in found}


def title(name):
    """pyrite-ns(1)."""
    stem, _, section = name.rpartition(".")
    return f"{stem}({section})"


def linked(text, names):
    return re.sub(r"<b>([\w-]+)</b>\((\d)\)", lambda found: (
        f'<a href="{found[1]}.{found[2]}.html">{found[0]}</a>' if f"{found[1]}.{found[2]}" in names else found[0]), text)


def page(path, names):
    """HTML, the line behind NAME, and the sections as (title, anchor). Links lead to those of names."""
    run = subprocess.run(["mandoc", "-T", "html", "-O", "fragment,man=%N.%S.html", path], capture_output=True, text=True, check=True)
    text = re.sub(r'<table class="(?:head|foot)">.*?</table>', "", run.stdout, flags=re.S)
    text = re.sub(r"<h2 class=\"Ss\"(.*?)</h2>", r'<h3 class="Ss"\1</h3>', text, flags=re.S)
    text = re.sub(r"<h1 class=\"Sh\"(.*?)</h1>", r'<h2 class="Sh"\1</h2>', text, flags=re.S)
    text = re.sub(r'<a class="Xr" href="([^"]+)\.html">(.*?)</a>',
                  lambda found: found[0] if found[1] in names else found[2], text)
    text = "".join(part if part.startswith("<a") else linked(part, names) for part in re.split(r"(<a\b.*?</a>)", text, flags=re.S))
    # Lines that begin with blanks are kept by the element that holds them.
    text = re.sub(r"<pre>.*?</pre>", lambda found: found[0].replace("<br/>\n", ""), text, flags=re.S)
    text = re.sub(r'(?m)<p class="Pp">\s*<br/>\s*</p>\n|^<br/>\n', "", text)
    sections = [(re.sub(r"<[^>]+>", "", found[2]).replace("\n", " ").strip(), found[1])
                for found in re.finditer(r'<h2 class="Sh" id="([^"]+)">(.*?)</h2>', text, re.S)]
    about = re.search(r'id="NAME".*?</h2>(.*?)</section>', text, re.S)
    about = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", about[1])).strip() if about else ""
    return text.strip(), about, sections
