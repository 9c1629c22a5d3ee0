# SPDX-License-Identifier: MIT
"""The frame of a page: head, sidebar, contents, what comes before and after; the two shades of style and pictures."""

import html
import posixpath
import re

# Before anything is drawn, so that a page does not flash in the other shade.
EARLY = ('<script>(function(e){e.className="js";try{var t=localStorage.getItem("pyrite-shade");'
         'if(t==="dark"||t==="light")e.dataset.shade=t}catch(x){}})(document.documentElement)</script>')
MOON = ('<svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true"><path fill="currentColor" d="M6 1.2a7 7 0 1 0 8.8 8.8'
        'A6 6 0 0 1 6 1.2z"/></svg>')
BARS = ('<svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true"><path stroke="currentColor" stroke-width="1.8" '
        'd="M1 3.5h14M1 8h14M1 12.5h14"/></svg>')


LONG = 12  # pages of a group


def relative(page, url):
    return posixpath.relpath(url, posixpath.dirname(page.url) or ".")


def name_of(page):
    return f"<code>{html.escape(page.title)}</code>" if page.is_code else html.escape(page.title)


def sidebar(page, groups):
    """Long groups are folded, but for that of the page."""
    result = ""
    for title, pages in groups:
        rows = ""
        for other in pages:
            current = ' aria-current="page"' if other.url == page.url else ""
            rows += f'<li><a href="{relative(page, other.url)}"{current}>{name_of(other)}</a></li>\n'
        if len(pages) > LONG:
            is_open = " open" if any(other.url == page.url for other in pages) else ""
            result += f"<details{is_open}>\n<summary>{html.escape(title)}</summary>\n<ul>\n{rows}</ul>\n</details>\n"
        else:
            result += f"<h2>{html.escape(title)}</h2>\n<ul>\n{rows}</ul>\n"
    return result


def contents(page):
    if len(page.contents) < 2:
        return ""
    rows = "".join(f'<li class="l{level}"><a href="#{anchor}">{"<code>" if code else ""}{html.escape(title)}'
                   f'{"</code>" if code else ""}</a></li>\n' for title, anchor, level, code in page.contents)
    return f'<nav class="contents" aria-label="On this page">\n<h2><button type="button" id="here" aria-expanded="false">On this page</button></h2>\n<ul>\n{rows}</ul>\n</nav>\n'


def neighbours(page, before, after):
    if not before and not after:
        return ""
    result = '<nav class="neighbours" aria-label="Previous and next page">\n'
    if before:
        result += f'<a class="before" rel="prev" href="{relative(page, before.url)}"><small>Previous</small> {name_of(before)}</a>\n'
    if after:
        result += f'<a class="after" rel="next" href="{relative(page, after.url)}"><small>Next</small> {name_of(after)}</a>\n'
    return result + "</nav>\n"


def page(made, site, groups, before, after):
    base = relative(made, "site.css").removesuffix("site.css")
    title = "Pyrite" if made.url == "index.html" else f"{made.title} - Pyrite"
    about = f'<meta name="description" content="{html.escape(made.summary)}">\n' if made.summary else ""
    source = f"From <code>{html.escape(made.source)}</code>. " if made.source and not made.source.startswith("man/") else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title)}</title>
{about}{EARLY}
<link rel="icon" href="{base}icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{base}site.css">
<script src="{base}site.js" defer></script>
</head>
<body data-base="{base}">
<a class="skip" href="#main">Skip to the text</a>
<header>
<button type="button" id="menu" aria-label="Menu" aria-expanded="false" aria-controls="sidebar">{BARS}</button>
<a class="brand" href="{base}index.html"><img src="{base}icon.svg" alt="" width="22" height="22"> Pyrite <small>{site.version}</small></a>
<div class="search" role="search">
<input type="search" id="search" placeholder="Search" aria-label="Search" autocomplete="off" spellcheck="false" role="combobox" \
aria-expanded="false" aria-controls="found" aria-autocomplete="list">
<kbd aria-hidden="true">/</kbd>
<div id="found" role="listbox" aria-label="Results" hidden></div>
</div>
<button type="button" id="shade" aria-label="Dark mode" aria-pressed="false">{MOON}</button>
</header>
<div class="columns">
<nav id="sidebar" aria-label="Pages">
{sidebar(made, groups or site.groups)}</nav>
{contents(made)}<div class="middle">
<main id="main">
{made.html}</main>
{neighbours(made, before, after)}<footer>{source}Pyrite {site.version}, MIT licence.</footer>
</div>
</div>
</body>
</html>
"""


def redirect(name, target):
    """The page behind a short link."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={target}">
<title>{name} - Pyrite</title>
</head>
<body>
<p><a href="{target}">{name}</a></p>
</body>
</html>
"""


def style(text):
    """The style sheet: what stands in @dark { } holds where the system or the reader asks for dark."""
    found = re.search(r"@dark \{\n(.*?)\n\}\n", text, re.S)
    rules = found[1].strip()
    dark = (f"@media screen and (prefers-color-scheme: dark) {{\n:root:not([data-shade=light]) {{\n{rules}\n}}\n}}\n"
            f"@media screen {{\n:root[data-shade=dark] {{\n{rules}\n}}\n}}\n")
    return text[:found.start()] + dark + text[found.end():]


def shades(svg):
    """A picture for each shade: its rules for prefers-color-scheme never hold, or always."""
    found = re.search(r"@media\s*\(prefers-color-scheme:\s*dark\)\s*\{((?:[^{}]*\{[^{}]*\})*)\s*\}", svg)
    if not found:
        return svg, svg
    return svg[:found.start()] + svg[found.end():], svg[:found.start()] + found[1] + svg[found.end():]
