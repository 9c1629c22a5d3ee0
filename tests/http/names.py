#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Names in requests: at the daemon that has the object, and at a name server, which leads there."""

import json
import subprocess
import sys
import tempfile

from place import BIN, PATIENCE, Server, cases_of, has, run, same, status_of


class NameServer(Server):
    """A name server with HTTP."""

    def __init__(self):
        self.process = subprocess.Popen([f"{BIN}/pyrite-ns", "--http", "--port", "0", "--discovery", "0", "--storage", "memory"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.socket = None
        for line in self.process.stdout:
            if "127.0.0.1:" in line:
                self.host = "127.0.0.1"
                self.port = int(line.split("127.0.0.1:")[1].split()[0].rstrip(".,"))
                self.address = f"{self.host}:{self.port}"
                break

    def register(self, name, uri):
        terms = {"ttl_ms": 0, "replace": True, "tags": []}
        status, said = self.call("Pyrite.NameServer/register", {"name": name, "uri": uri, "terms": terms, "claim": {}})
        same((said, status), (said, 200))


names = None
server = None


def follow(path, *arguments):
    said = subprocess.run(["curl", "-sSL", "--max-time", str(PATIENCE), *arguments, f"http://{names.address}{path}"], capture_output=True,
                          text=True, check=True)
    return said.stdout


def a_name_leads_to_the_daemon_that_has_the_object():
    status, headers, _ = names.ask("POST", "/v1/names/a.cart/add", "[1, 2]", {"Content-Type": "application/json"})
    same((status, headers["Location"]), (307, f"http://{server.address}/v1/objects/cart%2F00001/add"))
    same(follow("/v1/names/a.cart/add", "--json", '{"x": 20, "y": 22}'), "42\n")
    same(json.loads(follow("/v1/names/a.cart"))["id"], "cart/00001")
    has(follow("/v1/names/a.cart/numbers?from=1&n=2&pause_ms=0"), "data: 2")


def pyro_s_forms_follow_names_too():
    same(follow("/pyro/a.cart/add?x=1&y=2"), "3\n")
    same(follow("/pyro/a.cart/echo", "-d", "text=posted"), '"posted"\n')


def the_name_server_s_own_name_is_called_at_once():
    status, value = names.call("Pyrite.NameServer/count")
    same((status, value >= 2), (200, True))
    status, _, _ = names.ask("POST", "/v1/names/Pyrite.NameServer/ping", "", {"Content-Type": "application/json"})
    same(status, 200)


def what_has_no_name_is_404():
    status, _, error = names.ask("GET", "/v1/names/nobody")
    same(status, 404)
    has(error["message"], "nobody")
    same(server.ask("GET", "/v1/names/a.cart")[0], 404)
    same(names.ask("GET", "/pyro/nobody/add?x=1&y=2")[0], 404)


def what_leads_to_a_socket_is_not_for_http():
    names.register("b.cart", "PYRO:cart@./u:/run/cart.sock")
    status, headers, error = names.ask("GET", "/v1/names/b.cart")
    same((status, "Location" in headers), (404, False))
    has(error["message"], "not for HTTP")


def a_location_is_one_line():
    odd = "PYRO:c%0d%0aSet-Cookie:x@127.0.0.1:1"
    names.register("c.cart", odd)
    said = names.raw(b"GET /v1/names/c.cart/x%0d%0aA:%20b?q=%0d%0a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    same(status_of(said), 307)
    same([line for line in said.split(b"\r\n\r\n")[0].split(b"\r\n") if line.startswith((b"Set-Cookie", b"A:"))], [])


def a_name_that_its_own_daemon_holds_needs_no_name_server():
    environment = {"PYRITE_NS_HOST": names.host, "PYRITE_NS_PORT": str(names.port)}
    with Server("name=here.cart", environment=environment) as other:
        same(other.ask("POST", "/v1/names/here.cart/add", "[1, 2]", {"Content-Type": "application/json"})[2], 3)
        same(other.ask("GET", "/pyro/here.cart/add?x=1&y=2")[2], 3)
        same(other.ask("GET", "/v1/objects")[2]["objects"][0]["names"], ["here.cart"])
        metrics = other.ask("GET", "/metrics")[2]
        has(metrics, "pyrite_leases 1\n")


def main():
    global names, server
    with NameServer() as names, Server("objects=2") as server:
        names.register("a.cart", f"PYRO:cart/00001@{server.address}")
        return run(cases_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
