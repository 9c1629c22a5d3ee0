#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients of HTTP that are broken, slow, greedy or sent by somebody else's web page."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile

from place import BIN, PATIENCE, Server, cases_of, has, read_all, run, same, status_of, until

server = None
HEAD = b"Host: localhost\r\nConnection: close\r\n"
JSON = b"Content-Type: application/json\r\n"


def get(target=b"/v1/objects", headers=HEAD, version=b"HTTP/1.1"):
    return status_of(server.raw(b"GET %s %s\r\n%s\r\n" % (target, version, headers)))


def post(body, headers=HEAD + JSON, target=b"/v1/objects/cart/echo"):
    return server.raw(b"POST %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (target, headers, len(body), body))


def refuses(data, *statuses):
    found = status_of(server.raw(data, ends=True))
    if found not in statuses:
        raise AssertionError(f"{data[:80]!r} is answered with {found}, expected {statuses}")


def works():
    same(server.call("cart/add", [1, 2]), (200, 3))


# ---- what is no request ----


def malformed_requests_are_refused():
    for line in (b"GET\r\n\r\n", b"GET \r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"GET /v1/objects\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET / HTTX/1.1\r\n\r\n", b"GET /v1/objects HTTP/1.1\r\nHost localhost\r\n\r\n",
                 b"GET /v1/objects HTTP/1.1\r\n Host: localhost\r\n\r\n", b"GET / HTTP/1.1 extra\r\n" + HEAD + b"\r\n",
                 b"POST /v1/objects/cart/add HTTP/1.1\r\n" + HEAD + JSON + b"Content-Length: -1\r\n\r\n",
                 b"POST /v1/objects/cart/add HTTP/1.1\r\n" + HEAD + JSON + b"Content-Length: 99999999999999999999999\r\n\r\n",
                 b"POST /v1/objects/cart/add HTTP/1.1\r\n" + HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"):
        refuses(line, 0, 400, 404, 405, 413, 414, 505)
    works()


def targets_that_are_malformed_are_400():
    for target in (b"v1/objects", b"/v1/%", b"/v1/%4", b"/v1/%zz", b"/v1/objects/a%00b", b"/v1/objects/%ff", b"/v1/objects/%c0%af",
                   b"/" + b"a/" * 9):
        same(get(target), 400 if target[:3] != b"/a/" else 400)


def a_path_does_not_climb():
    for target in (b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/v1/../metrics/x", b"//etc/passwd", b"/app.js/../style.css"):
        same(get(target), 404)


def absolute_targets_are_understood():
    same(get(b"http://localhost/v1/objects"), 200)
    same(get(b"http://evil.example/v1/objects", b"Host: evil.example\r\nConnection: close\r\n"), 421)


def a_long_target_is_414_and_long_headers_are_431():
    same(get(b"/v1/objects?" + b"a" * 40000) in (414, 431), True)
    same(get(headers=HEAD + b"X-Long: " + b"a" * 40000 + b"\r\n") in (413, 431), True)
    same(get(headers=HEAD + b"X-Many: a\r\n" * 4000) in (413, 431), True)
    works()


def a_large_body_is_413():
    said = server.raw(b"POST /v1/objects/cart/echo HTTP/1.1\r\n" + HEAD + JSON + b"Content-Length: 16777217\r\n\r\n[")
    same(status_of(said), 413)
    has(said, b"a body of more than 16777216 bytes")
    chunk = b"%x\r\n" % 65536 + b" " * 65536 + b"\r\n"
    said = server.raw(b"POST /v1/objects/cart/echo HTTP/1.1\r\n" + HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 260 +
                      b"0\r\n\r\n")
    same(status_of(said), 413)
    works()


def a_body_without_end_is_cut():
    with server.connect() as s:
        s.sendall(b"POST /v1/objects/cart/echo HTTP/1.1\r\n" + HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"%x\r\n" % 65536 + b" " * 65536 + b"\r\n"
        try:
            for _ in range(2000):
                s.sendall(chunk)
            raise AssertionError("125 MiB were taken")
        except (BrokenPipeError, ConnectionResetError):
            pass
    works()


def what_is_no_json_is_400():
    for body in (b"{", b"[1", b"\"", b"{\"text\": }", b"{\"text\" 1}", b"[\"a\"] x", b"[\"\xff\"]", b"[\"\\ud800\"]", b"nul", b"7",
                 b"[\"a\"]\0", b"[" * 1000, b"{\"text\": \"a\", \"text\": \"b\"}", b"[1e999999]"):
        same(status_of(post(body)), 400)
    works()


def a_body_that_stops_leaves_nothing():
    for _ in range(20):
        with server.connect() as s:
            s.sendall(b"POST /v1/objects/cart/echo HTTP/1.1\r\n" + HEAD + JSON + b"Content-Length: 1000\r\n\r\n[\"abc")
    until(lambda: server.threads() < 20, "connections end")
    works()


def two_lengths_are_no_way_in():
    inner = b"GET /metrics HTTP/1.1\r\n" + HEAD + b"\r\n"
    said = server.raw(b"POST /v1/objects/cart/add HTTP/1.1\r\n" + HEAD + JSON + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s" %
                      (len(inner), inner))
    same(said.count(b"HTTP/1.1 "), 1)


def a_length_beside_chunks_is_no_way_in():
    said = server.raw(b"POST /v1/objects/cart/add HTTP/1.1\r\n" + HEAD + JSON +
                      b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n" + HEAD + b"\r\n")
    same(said.count(b"HTTP/1.1 "), 1)


def headers_are_not_split_by_what_is_echoed():
    said = server.raw(b"GET /v1/objects HTTP/1.1\r\n" + HEAD + b"X-Correlation-Id: a\tb\r\n\r\n")
    same(b"a\tb" in said, False)
    said = server.raw(b"GET /v1/objects/%0d%0aSet-Cookie:x=1 HTTP/1.1\r\n" + HEAD + b"\r\n")
    same(status_of(said), 404)
    same(b"\nSet-Cookie" in said.split(b"\r\n\r\n")[0], False)


def a_long_correlation_id_is_replaced():
    _, headers, _ = server.ask("GET", "/v1/objects", headers={"X-Correlation-Id": "a" * 129})
    same(len(headers["X-Correlation-Id"]), 36)


def methods_that_nobody_knows_are_refused():
    for method in (b"PUT", b"PATCH", b"DELETE", b"TRACE", b"CONNECT"):
        refuses(method + b" /v1/objects HTTP/1.1\r\n" + HEAD + b"\r\n", 405)


def too_many_parameters_are_400():
    same(get(b"/pyro/cart/add?" + b"&".join([b"x=1"] * 300)), 400)
    same(get(b"/pyro/cart/add?" + b"&".join([b"x=1"] * 5000)) in (0, 414, 431), True)
    works()


# ---- types ----


def another_content_type_is_415():
    for kind in (b"", b"Content-Type: text/plain\r\n", b"Content-Type: application/x-www-form-urlencoded\r\n",
                 b"Content-Type: application/jsonp\r\n", b"Content-Type: multipart/form-data; boundary=x\r\n",
                 b"Content-Type: application/json\r\nContent-Type: text/plain\r\n"):
        same(status_of(post(b"[\"a\"]", HEAD + kind)), 415)
    same(status_of(post(b"[\"a\"]", HEAD + b"Content-Type: application/json; charset=utf-8\r\n")), 200)
    same(status_of(post(b"[\"a\"]", HEAD + b"content-type: Application/JSON\r\n")), 200)


# ---- web pages ----


def a_name_that_leads_here_is_421():
    for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost", "0x7f.1"):
        same(server.ask("GET", "/v1/objects", headers={"Host": host})[0], 421)
    for host in ("localhost", "LOCALHOST:80", "a.localhost", "127.0.0.1", "[::1]:9", "10.0.0.7"):
        same(server.ask("GET", "/v1/objects", headers={"Host": host})[0], 200)


def a_host_that_is_malformed_is_400():
    for host in (b"Host: \r\n", b"Host: [::1\r\n", b"Host: a b:x\r\n", b"Host: localhost\r\nHost: localhost\r\n", b"",
                 b"Host: localhost:80:90\r\n", b"Host: :80\r\n"):
        same(get(headers=host + b"Connection: close\r\n") in (400, 421), True)


def a_page_of_another_origin_is_403():
    own = f"http://{server.address}"
    for origin in ("http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1:1", "file://", own + ".evil.example"):
        same(server.call("cart/add", [1, 2], Origin=origin)[0], 403)
        same(server.ask("OPTIONS", "/v1/objects/cart/add", headers={"Origin": origin})[0], 403)
    same(server.call("cart/add", [1, 2], Origin=own), (200, 3))


def a_page_of_another_site_is_403():
    for site in ("cross-site", "same-site"):
        for path in ("/pyro/cart/add?x=1&y=2", "/v1/objects", "/v1/objects/cart/numbers?from=1&n=1&pause_ms=0"):
            same(server.ask("GET", path, headers={"Sec-Fetch-Site": site})[0], 403)
    same(server.ask("GET", "/pyro/cart/add?x=1&y=2", headers={"Sec-Fetch-Site": "same-origin"})[0], 200)


def a_page_that_a_browser_does_not_tell_of_is_403():
    # To these addresses, which lead here as well, browsers tell neither origin nor site of a GET.
    for host in ("0.0.0.0", "10.0.0.7", "[::]", "[::ffff:127.0.0.1]"):
        for path in ("/pyro/cart/add?x=1&y=2", "/v1/objects/cart/numbers?from=1&n=1&pause_ms=0"):
            same(server.ask("GET", path, headers={"Host": f"{host}:{server.port}"})[0], 403)
        same(server.ask("POST", "/pyro/cart/add?x=1&y=2", headers={"Host": host})[0], 403)
        same(server.ask("GET", "/pyro/cart/add?x=1&y=2", headers={"Host": host, "Sec-Fetch-Site": "none"})[0], 200)
    for host in ("localhost", "127.0.0.1", "a.localhost:9", "[::1]:9"):
        same(server.ask("GET", "/pyro/cart/add?x=1&y=2", headers={"Host": host})[0], 200)


def no_answer_may_be_read_by_other_origins():
    for path in ("/v1/objects", "/v1/objects/cart", "/nothing"):
        _, headers, _ = server.ask("GET", path)
        same([name for name in headers if name.lower().startswith("access-control")], [])
        same(headers["X-Content-Type-Options"], "nosniff")
        has(headers["Content-Security-Policy"], "frame-ancestors 'none'")


# ---- who may come ----


def it_is_off_unless_it_is_turned_on():
    with Server("faces=") as other:
        same(status_of(other.raw(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n", ends=True)), 0)
    with Server("faces=grpc", environment={"PYRITE_FACES": "+http"}) as other:
        same(status_of(other.raw(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n", ends=True)), 0)


def rules_decide_as_for_anybody():
    with tempfile.NamedTemporaryFile("w") as rules:
        rules.write("allow * call shop.Cart.add\n")
        rules.flush()
        with Server(f"rules={rules.name}") as other:
            same(other.call("cart/add", [1, 2]), (200, 3))
            for path in ("/v1/openapi.json", "/metrics", "/pyro/cart/$meta"):
                same(other.ask("GET", path)[0], 403)
            status, error = other.call("cart/echo", ["x"])
            same((status, error["status"]), (403, "PERMISSION_DENIED"))
            same(other.ask("GET", "/v1/objects")[0], 403)
            same(other.ask("GET", "/v1/objects/cart")[0], 403)


def a_certificate_is_who_calls():
    with tempfile.TemporaryDirectory() as folder:
        def keys(*arguments):
            subprocess.run([f"{BIN}/pyrite", "keys", "--dir", folder, *arguments], check=True, capture_output=True)
        keys("init")
        keys("add", "server")
        keys("client", "alice")
        with Server(environment={"PYRITE_KEYS": f"{folder}/server"}) as other:
            context = ssl.create_default_context(cafile=f"{folder}/server/ca.pem")
            connection = http.client.HTTPSConnection(other.host, other.port, timeout=PATIENCE, context=context)
            try:
                connection.request("GET", "/v1/objects")
                raise AssertionError(connection.getresponse().status)
            except (ssl.SSLError, ConnectionError, http.client.HTTPException):
                connection.close()  # who shows no certificate
            context.load_cert_chain(f"{folder}/alice/cert.pem", f"{folder}/alice/key.pem")
            def ask(method, path, body=None):
                connection = http.client.HTTPSConnection(other.host, other.port, timeout=PATIENCE, context=context)
                connection.request(method, path, body, {"Content-Type": "application/json"})
                answer = json.loads(connection.getresponse().read())
                connection.close()
                return answer
            same(ask("POST", "/v1/objects/cart/who", "[]")["ret"], "cert:alice")
            same(ask("GET", "/pyro/cart/add?x=1&y=2"), 3)
            leaving = context.wrap_socket(other.connect(), server_hostname=other.host)
            leaving.sendall(b"POST /v1/objects/cart/wait HTTP/1.1\r\n" + HEAD + JSON + b"Content-Length: 7\r\n\r\n[60000]")
            until(lambda: int(ask("GET", "/v1/objects")["objects"][0]["calls"]) >= 3, "it runs")
            leaving.close()
            until(lambda: ask("POST", "/v1/objects/cart/cancelled", "[]") == 1, "it is cancelled")


def a_shared_key_shuts_http_out():
    with Server("key=00112233445566778899aabbccddeeff") as other:
        status, error = other.call("cart/add", [1, 2])
        same(status, 403)
        has(error["message"], "shared key")


def who_is_refused_is_in_the_audit_log():
    with tempfile.TemporaryDirectory() as folder, Server(f"audit={folder}/log") as other:
        same(other.call("cart/add", [1, 2], Origin="http://evil.example")[0], 403)
        until(lambda: os.path.getsize(f"{folder}/log") > 0, "a line is written")
        with open(f"{folder}/log") as file:
            line = json.loads(file.readline())
        same((line["action"], line["decision"]), ("connect", "refused"))
        has(line["why"], "web page of another site")


# ---- greed ----


def connections_have_a_bound():
    idle = [server.connect() for _ in range(128)]
    try:
        for s in idle:
            s.sendall(b"GET /v1/obj")
        until(lambda: server.threads() > 128, "the connections stand")
        said = server.raw(b"GET /v1/objects HTTP/1.1\r\n" + HEAD + b"\r\n")
        same(status_of(said), 503)
        has(said, b"Retry-After: 1")
    finally:
        for s in idle:
            s.close()
    until(lambda: server.call("cart/add", [1, 2]) == (200, 3), "there is room again")


def a_client_that_does_not_read_holds_up_nobody():
    with server.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /v1/objects/cart/numbers?from=1&n=10000000&pause_ms=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        works()
    until(lambda: server.threads() < 20, "its connection ends")


def answers_are_bounded_as_messages_are():
    with Server("max_message=100000") as other:
        status, error = other.call("cart/echo", ["a" * 200000])
        same((status, error["status"]), (429, "RESOURCE_EXHAUSTED"))
        same(other.call("cart/echo", ["a" * 50000])[0], 200)


def nothing_is_left_open():
    works()
    until(lambda: server.threads() < 20, "connections end")
    before = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    for _ in range(300):
        works()
    until(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= before, "descriptors are closed")
    until(lambda: server.threads() < 20, "threads end")


def main():
    global server
    with Server() as server:
        return run(cases_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
