#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page, in a headless Chromium: objects, forms of every type, errors, streams, numbers, names, keys, phone and dark.
page.py --pictures FOLDER makes those of docs/http.md."""

import pathlib
import shutil
import subprocess
import sys
import time

from browser import Browser, seconds
from place import BIN, PATIENCE, Server, cases_of, has, run, same, until

server = None
browser = None
NAMES = 10000  # beside the name server's own


def op(name):
    return f'[data-name="shop.Cart.{name}"]'


def open_object(identity="cart"):
    browser.open("about:blank")
    browser.open(f"http://{server.address}/#/object/{identity}")
    browser.wait("details.operation")


def unfold(name):
    browser.run("document.querySelector(arguments[0]).open = true;", op(name))


def call(name, result="good"):
    browser.click(op(name) + " button[type=submit]")
    browser.wait(f"{op(name)} .result.{result}")
    return browser.text(f"{op(name)} .result pre")


def objects_are_listed_and_searched():
    browser.open(f"http://{server.address}/")
    browser.wait("#object-count", "501 objects")
    same(browser.count("#object-list li"), 200)
    browser.type("#object-search", "cart/00477")
    browser.wait("#object-count", "1 of 501 objects")
    browser.click("#object-list a")
    browser.wait("#object h2", "cart/00477")


def an_object_is_described_with_its_docs():
    open_object()
    has(browser.text("#object"), "What somebody wants to buy.")
    has(browser.text(op("add") + " summary"), "(int32, int32) -> int32")
    unfold("add")
    has(browser.text(op("add")), "It wraps around.")
    browser.run("[...document.querySelectorAll('summary')].find(e => e.textContent === 'IDL').click();")
    has(browser.text("#object"), "int32 add(in int32 x, in int32 y);")


def a_form_of_numbers_calls():
    open_object()
    unfold("add")
    x, y = (f"{op('add')} .field:nth-of-type({i}) input" for i in (1, 2))
    browser.type(x, "20")
    browser.type(y, "22")
    same(call("add").strip(), "42")


def a_form_of_a_struct_calls():
    open_object()
    unfold("put")
    fields = browser.run("return [...document.querySelectorAll(arguments[0])].map(e => e.id);", op("put") + " fieldset fieldset input, "
                         + op("put") + " fieldset fieldset select")
    name, cents, size, note, box = fields[0], fields[1], fields[2], fields[3], None
    same(len(fields), 5)  # the last is the box that says whether note is there
    browser.type(f"#{name}", "tea \u20ac")
    browser.type(f"#{cents}", "9007199254740993")
    browser.type(f"#{size}", "LARGE")
    same(browser.run("return document.getElementById(arguments[0]).disabled;", note), True)
    browser.click(op("put") + " .item input[type=checkbox]")
    browser.type(f"#{note}", "green")
    same(call("put").strip(), "null")
    same(server.call("cart/find", ["tea \u20ac"])[1], {"name": "tea \u20ac", "cents": "9007199254740993", "size": "LARGE", "note": "green"})


def lists_and_unions_have_forms():
    open_object()
    unfold("count_names")
    for text in ("a", "b", "a"):
        browser.run("[...document.querySelectorAll(arguments[0])].find(e => e.textContent === '+ item').click();", op("count_names") + " button")
        browser.type(op("count_names") + " .item:last-child input", text)
    same(eval(call("count_names")), {"a": 2, "b": 1})
    unfold("total")
    browser.type(op("total") + " select", "cents")
    browser.type(op("total") + " input[type=number]", "5")
    has(call("total"), '"ret"')


def arguments_may_be_json():
    open_object()
    unfold("echo")
    browser.run("[...document.querySelectorAll(arguments[0])].find(e => e.textContent === 'as JSON').click();", op("echo") + " button")
    browser.run("document.querySelector(arguments[0]).value = JSON.stringify({ text: '<b>bold</b>' });", op("echo") + " textarea")
    same(call("echo").strip(), '"<b>bold</b>"')
    same(browser.count(op("echo") + " .result b"), 0)


def defaults_stand_in_forms():
    open_object()
    unfold("scale")
    browser.type(op("scale") + " .field:nth-of-type(1) input", "2")
    same(call("scale").strip(), '"50m 2"')


def errors_show_exception_and_trace():
    open_object()
    unfold("pay")
    call("pay", "bad")
    said = browser.text(op("pay") + " .result")
    has(said, "ABORTED")
    has(said, '"@type": "shop.NoFunds"')
    has(said, "in shop.Cart.pay of 'cart'")


def a_stream_is_shown_as_it_comes():
    open_object()
    unfold("numbers")
    for i, text in enumerate(("1", "3", "60000"), 1):
        browser.type(f"{op('numbers')} .field:nth-of-type({i}) input", text)
    browser.click(op("numbers") + " button[type=submit]")
    browser.wait(op("numbers") + " .result h3", "open, 1 item")
    browser.run("[...document.querySelectorAll(arguments[0])].find(e => e.textContent === 'Stop').click();", op("numbers") + " button")
    browser.wait(op("numbers") + " .result", "stopped")
    until(lambda: server.call("cart/cancelled")[1] > 0, "the stream is cancelled")


def numbers_are_drawn():
    browser.open(f"http://{server.address}/#/numbers")
    browser.wait("#plots figure")
    for _ in range(50):
        server.call("cart/add", [1, 2])
    browser.wait("#operation-rows", "shop.Cart.add")
    until(lambda: browser.count("#plots svg path") >= 4, "lines are drawn")
    same(browser.count("#plots figure"), 6)


def keys_are_enough():
    browser.open("about:blank")
    browser.open(f"http://{server.address}/#/objects")
    browser.wait("#object-list a")
    browser.press("/")
    same(browser.run("return document.activeElement.id;"), "object-search")
    browser.type("#object-search", "cart/00007")
    browser.wait("#object-count", "1 of")
    browser.press("\ue004", "\ue007")  # tab, enter
    browser.wait("#object h2", "cart/00007")
    browser.run("document.querySelector(arguments[0]).focus();", op("get_owner") + " summary")
    browser.press("\ue007")
    browser.run("document.querySelector(arguments[0]).focus();", op("get_owner") + " button[type=submit]")
    browser.press("\ue007")
    browser.wait(op("get_owner") + " .result.good", "Ada")


def it_fits_a_phone():
    browser.emulate(360, 740, False)
    for page in ("objects", "object/cart", "numbers"):
        browser.open("about:blank")
        browser.open(f"http://{server.address}/#/{page}")
        browser.wait({"objects": "#object-list a", "object/cart": "details.operation", "numbers": "#plots figure"}[page])
        browser.run("document.querySelectorAll('details').forEach(e => { e.open = true; });")
        same(browser.run("return document.documentElement.scrollWidth <= 360;"), True)
    browser.emulate(1200, 800, False)


def dark_mode_is_dark():
    shade = "return getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)[0];"
    browser.emulate(1200, 800, True)
    same(browser.run(shade) < 60, True)
    browser.emulate(1200, 800, False)
    same(browser.run(shade) > 200, True)


def its_policy_lets_nothing_else_in():
    open_object()
    said = browser.run("""const script = document.createElement("script");
        script.textContent = "window.wasRun = true";
        document.body.append(script);
        return [window.wasRun === undefined, performance.getEntriesByType("resource").every((e) => new URL(e.name).host === location.host
            || e.name.startsWith("data:"))];""")
    same(said, [True, True])


def types_and_names_without_bound_do_not_hold_it_up():
    browser.open(f"http://{server.address}/")
    browser.wait("#object-count", "501 objects")
    nested = "const nested = (depth) => depth ? { type: 'array', minItems: 32, items: nested(depth - 1) } : { type: 'integer' };"
    form = browser.run(nested + "return new Forms({}).entry(nested(3)).element.querySelectorAll('*').length;")
    assert 32 < form < 10000, form
    endless = """const entry = { name: 'x', uri: 'PYRO:x@a:1', tags: [] };
        const page = JSON.stringify({ entries: Array(1000).fill(entry), next: 'x' });
        window.fetch = async () => new Response(page);
        return Promise.race([loadNames().then(() => names.length), new Promise((done) => setTimeout(done, 10000, 'endless'))]);"""
    same(browser.run(endless), 100000)


def nothing_is_complained_of():
    allowed = ("409", "Content Security Policy")  # what the cases above asked for
    same([line for line in browser.complaints() if not any(part in line for part in allowed)], [])


class NameServer:
    def __enter__(self):
        self.process = subprocess.Popen([f"{BIN}/pyrite-ns", "--http", "--port", "0", "--discovery", "0", "--storage", "memory"],
                                        stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if "127.0.0.1:" in line:
                self.address = "127.0.0.1:" + line.split("127.0.0.1:")[1].split()[0].rstrip(".,")
                break
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def fill(self, n):
        """Registers so many by HTTP."""
        import http.client
        import json
        host, port = self.address.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        terms = {"ttl_ms": 0, "replace": False, "tags": ["class:shop", "zone:\u00e5"]}
        for i in range(n):
            body = json.dumps({"name": f"shop.cart.{i:05}", "uri": f"PYRO:cart{i}@127.0.0.1:4000", "terms": terms, "claim": {}})
            connection.request("POST", "/v1/objects/Pyrite.NameServer/register", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise AssertionError(text)
        connection.close()

    def register(self, name, terms):
        import http.client
        import json
        connection = http.client.HTTPConnection(*self.address.split(":"), timeout=PATIENCE)
        body = json.dumps({"name": name, "uri": f"PYRO:{name}@127.0.0.1:1", "terms": terms, "claim": {}})
        connection.request("POST", "/v1/objects/Pyrite.NameServer/register", body, {"Content-Type": "application/json"})
        same(connection.getresponse().status, 200)
        connection.close()


def ten_thousand_names_are_shown_within_a_second():
    with NameServer() as place:
        place.fill(NAMES)
        browser.open(f"http://{place.address}/")
        browser.wait("nav [data-page=names]:not([hidden])")
        took = seconds(lambda: (browser.click("nav [data-page=names]"), browser.wait("#name-count", f"{NAMES + 1} names")))
        print(f"notice: {NAMES} names: {took:.2f} s")
        same(took < 1, True)
        took = seconds(lambda: (browser.type("#name-search", "cart.0777"), browser.wait("#name-count", f"10 of {NAMES + 1}")))
        same(took < 1, True)
        has(browser.text("#name-rows"), "PYRO:cart7770@127.0.0.1:4000")
        has(browser.text("#name-rows"), "class:shop, zone:\u00e5")
        has(browser.text("#name-rows tr"), "persistent")
        terms = {"ttl_ms": 60000, "replace": False, "tags": []}
        place.register("z", terms)
        browser.open("about:blank")
        browser.open(f"http://{place.address}/#/names")
        browser.wait("#name-count", f"{NAMES + 2} names")
        browser.type("#name-search", "pyro:z@")
        browser.wait("#name-rows", "60 s")


def pictures(folder):
    for name, price, size in (("rent", "120000", "LARGE"), ("tea", "350", "SMALL")):
        server.call("cart/put", [{"name": name, "cents": price, "size": size}])
    open_object()
    for name in ("add", "pay"):
        unfold(name)
    browser.type(f"{op('add')} .field:nth-of-type(1) input", "20")
    browser.type(f"{op('add')} .field:nth-of-type(2) input", "22")
    call("add")
    call("pay", "bad")
    browser.run("window.scrollTo(0, 0);")
    browser.picture(folder / "page-object.png")
    browser.emulate(1200, 800, True)
    browser.open(f"http://{server.address}/#/numbers")
    for i in range(20):
        for _ in range(150 + 40 * (i % 7)):
            server.call("cart/add", [1, 2])
        server.call("cart/pay", [1])
        server.call("cart/lines")
        time.sleep(1.5)
    browser.picture(folder / "page-numbers.png")
    browser.emulate(390, 700, False)
    open_object()
    unfold("put")
    browser.picture(folder / "page-phone.png")
    browser.emulate(1200, 800, False)
    with NameServer() as place:
        place.fill(300)
        browser.open(f"http://{place.address}/#/names")
        browser.emulate(1200, 600, False)
        browser.wait("#name-count", "301 names")
        browser.picture(folder / "page-names.png")


def main():
    global server, browser
    if not shutil.which("chromedriver"):
        print("notice: no chromedriver here, the page was not looked at")
        return 0
    with Server("objects=500") as server, Browser() as browser:
        if sys.argv[1:2] == ["--pictures"]:
            pictures(pathlib.Path(sys.argv[2]))
            return 0
        return run([case for case in cases_of(globals()) if case not in (open_object,)])


if __name__ == "__main__":
    sys.exit(main())
