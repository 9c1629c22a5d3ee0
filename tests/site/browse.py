#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The documentation as HTML, read from files in a headless Chromium: search, the switch between light and dark, the menu,
contrast, and what a phone shows. browse.py --pictures FOLDER takes pictures of some pages."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tests/http"))

from browser import Browser  # noqa: E402
from place import cases_of, has, run, same, until  # noqa: E402

ENTER, ESCAPE = "\ue007", "\ue00c"
browser = None
site = None
# The contrast of each text with what is behind it, by the formula of WCAG 2; those below 4.5.
CONTRAST = """
function parts(c) { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; }
function light(c) { return c.slice(0, 3).map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; })
	.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0); }
function behind(e) { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; }
	return [255, 255, 255, 1]; }
const low = new Set();
for (const e of document.querySelectorAll("body *")) {
	if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.offsetParent || +getComputedStyle(e).opacity === 0)
		continue;
	const a = light(parts(getComputedStyle(e).color)), b = light(behind(e));
	const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
	if (ratio < 4.5)
		low.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
}
return [...low];
"""


def open_page(url, width=1280, height=900, dark=False):
    browser.emulate(width, height, dark)
    browser.open(f"file://{site}/{url}")
    browser.wait("main h1")


def forget():
    browser.run("localStorage.clear();")


def background():
    return browser.run("return getComputedStyle(document.body).backgroundColor;")


def page_name():
    return browser.run("return location.href.split('/').slice(-2).join('/');")


def the_search_finds_a_function_and_opens_it():
    open_page("index.html")
    browser.press("/")
    browser.type("#search", "pyr_ns_register")
    browser.wait("#found a[aria-selected=true]", "pyr_ns_register")
    browser.press(ENTER)
    until(lambda: page_name() == "api/names-h.html#pyr_ns_register", "the page of names.h")
    has(browser.text("#pyr_ns_register"), "int pyr_ns_register(")
    top = browser.run("return document.getElementById('pyr_ns_register').getBoundingClientRect().top;")
    if not 0 <= top < 300:
        raise AssertionError(f"the function is at {top} px")


def the_search_finds_words_of_pages():
    open_page("api/index.html")
    browser.click("#search")
    browser.type("#search", "lease expires")
    browser.wait("#found a mark")
    browser.press(ESCAPE)
    until(lambda: browser.run("return document.getElementById('found').hidden;"), "the results to be gone")


def a_short_link_leads_to_the_function():
    browser.open(f"file://{site}/api/pyr_daemon_run.html")
    until(lambda: page_name() == "api/pyrite-h.html#pyr_daemon_run", "the page of pyrite.h")


def the_shade_follows_the_system_and_the_switch():
    open_page("index.html")
    forget()
    open_page("index.html", dark=False)
    bright = background()
    open_page("index.html", dark=True)
    dark = background()
    if bright == dark:
        raise AssertionError(f"{bright} in both")
    browser.click("#shade")
    same(background(), bright)
    open_page("calls.html", dark=True)  # another page, which remembers
    same(background(), bright)
    browser.click("#shade")
    same(background(), dark)
    forget()


def pictures_have_the_shade_of_the_page():
    open_page("performance.html", dark=True)
    forget()
    open_page("performance.html", dark=True)
    shown = ("return [...document.querySelectorAll('main img[src$=svg]')].filter(e => e.offsetParent)"
             ".map(e => e.src.match(/\\.(light|dark)\\.svg$/)[1]);")
    same(set(browser.run(shown)), {"dark"})
    browser.click("#shade")
    same(set(browser.run(shown)), {"light"})
    forget()


def all_text_has_enough_contrast():
    for url in ("index.html", "api/names-h.html", "man/pyrite-ns.1.html", "performance.html", "architecture.html"):
        for dark in (False, True):
            open_page(url, dark=dark)
            same((url, dark, browser.run(CONTRAST)), (url, dark, []))


def results_of_the_search_have_enough_contrast():
    for dark in (False, True):
        open_page("index.html", dark=dark)
        browser.click("#search")
        browser.type("#search", "lease")
        browser.wait("#found a[aria-selected=true] mark")
        same((dark, browser.run(CONTRAST)), (dark, []))


def a_phone_scrolls_in_one_direction():
    for path in sorted(pathlib.Path(site).rglob("*.html")):
        url = path.relative_to(site).as_posix()
        if url.startswith("source/") or (url.startswith("api/") and not url.endswith(("-h.html", "index.html", "symbols.html"))):
            continue
        open_page(url, 390, 800)
        width = browser.run("return document.documentElement.scrollWidth;")
        if width > 390:
            raise AssertionError(f"{url} is {width} px wide")


def a_phone_has_a_menu():
    open_page("calls.html", 390, 800)
    same(browser.run("return document.getElementById('sidebar').offsetParent === null;"), True)
    browser.click("#menu")
    has(browser.text("#sidebar"), "Tutorial")
    browser.click("#sidebar a[href='tutorial.html']")
    browser.wait("main h1", "Tutorial")


def a_phone_unfolds_what_is_on_the_page():
    open_page("names.html", 390, 800)
    same(browser.run("return document.querySelector('.contents ul').offsetParent === null;"), True)
    browser.click("#here")
    browser.click(".contents a[href='#shared-names']")
    until(lambda: page_name().endswith("names.html#shared-names"), "the section")


def code_can_be_copied():
    open_page("tutorial.html")
    code = browser.count(".code")
    same(browser.count(".code .copy"), code)
    browser.click(".code .copy")
    until(lambda: browser.text(".code .copy") != "Copy", "the button to tell")


def the_console_has_nothing_to_say():
    same(browser.complaints(), [])


def pictures(folder):
    for name, url, width, height, dark in (
            ("index", "index.html", 1440, 1000, False), ("index-dark", "index.html", 1440, 1000, True),
            ("phone", "index.html", 390, 844, False), ("reference", "api/names-h.html", 1440, 1000, False),
            ("architecture", "architecture.html", 1280, 2600, False), ("architecture-dark", "architecture.html", 1280, 2600, True),
            ("performance-dark", "performance.html", 1280, 2000, True), ("phone-reference", "api/pyrite-h.html", 390, 844, True)):
        if (pathlib.Path(site) / url).is_file():
            open_page(url, width, height, dark)
            browser.run("document.querySelectorAll('img').forEach(e => e.loading = 'eager');")
            until(lambda: browser.run("return [...document.images].every(e => e.complete || !e.offsetParent);"), "the pictures")
            browser.picture(f"{folder}/{name}.png")


def main():
    global browser, site
    if not shutil.which("chromedriver"):
        print("notice: no chromedriver here, the pages were not looked at")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        site = folder + "/site"
        subprocess.run([SOURCE / "scripts/site", "--build", os.environ["PYRITE_BUILD"], "--out", site], check=True,
                       stdout=subprocess.DEVNULL)
        with Browser() as browser:
            if sys.argv[1:2] == ["--pictures"]:
                pictures(sys.argv[2])
                return 0
            return run(cases_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
