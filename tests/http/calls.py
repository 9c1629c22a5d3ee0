#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Calls over HTTP, with Python's http.client and curl: values, errors, streams, headers, Pyro's forms."""

import json
import os
import subprocess
import sys
import tempfile
import threading

from place import PATIENCE, Server, cases_of, has, read_all, run, same, status_of, until

server = None
JSON = {"Content-Type": "application/json"}


def curl(*arguments):
    said = subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE), *arguments], capture_output=True, text=True, check=True)
    return said.stdout


def events(text):
    """(name, value) of each event."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if lines:
            found.append((lines.get("event", "item"), json.loads(lines["data"])))
    return found


# ---- calls ----


def an_operation_is_called_with_an_object_or_a_list():
    same(server.call("cart/add", {"x": 1, "y": 2}), (200, 3))
    same(server.call("cart/add", [40, 2]), (200, 42))
    same(server.call("cart/shop.Cart.add", [1, 1]), (200, 2))
    same(server.call("cart/echo", ["\u20ac \"x\" \n"]), (200, "\u20ac \"x\" \n"))


def attributes_are_operations():
    same(server.call("cart/set_owner", ["Grace"]), (200, None))
    same(server.call("cart/get_owner"), (200, "Grace"))


def values_of_every_type_go_both_ways():
    line = {"name": "rent", "cents": "9007199254740993", "size": "LARGE", "note": "late"}
    same(server.call("cart/put", {"line": line}), (200, None))
    same(server.call("cart/lines"), (200, [line]))
    same(server.call("cart/find", ["rent"]), (200, line))
    same(server.call("cart/total", {"discount": {"cents": 3}}), (200, {"ret": "9007199254740990", "n": 1}))
    same(server.call("cart/bytes", ["AAEC/w=="]), (200, "AAEC/w=="))
    same(server.call("cart/count_names", [["a", "b", "a"]]), (200, {"a": 2, "b": 1}))


def curl_calls_too():
    address = f"http://{server.address}/v1/objects/cart/add"
    same(curl("-H", "Content-Type: application/json", "-d", '{"x": 20, "y": 22}', address), "42\n")
    same(curl("--json", "[1, 2]", address), "3\n")
    same(curl("-0", "--json", "[1, 2]", address), "3\n")
    same(curl("-H", "Transfer-Encoding: chunked", "--json", "[1, 2]", address), "3\n")
    same(curl("-H", "Expect: 100-continue", "--json", "[2, 2]", address), "4\n")
    has(curl("-I", f"http://{server.address}/v1/objects"), "HTTP/1.1 200 OK")


def requests_share_a_connection_and_no_session():
    import http.client
    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    for i in range(20):
        connection.request("POST", "/v1/objects/cart/add", json.dumps([i, 1]), JSON)
        same(json.loads(connection.getresponse().read()), i + 1)
    connection.close()


def requests_in_a_row_are_answered_in_order():
    one = b"POST /v1/objects/cart/add HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 6\r\n%s\r\n[%d, 1]"
    said = server.raw(one % (b"", 1) + one % (b"", 2) + one % (b"Connection: close\r\n", 3))
    same([part.split(b"\r\n\r\n")[1][:2] for part in said.split(b"HTTP/1.1 200")[1:]], [b"2\n", b"3\n", b"4\n"])


def a_oneway_is_answered_at_once():
    same(server.call("cart/note", ["x"]), (200, None))


def a_serial_daemon_serves_http():
    with Server("threads=1") as other:
        same([other.call("cart/add", [i, 1]) for i in range(5)], [(200, i + 1) for i in range(5)])
        same(other.call("cart/wait", [10000], Pyrite_Timeout="30")[0], 504)
        status, _, text = other.ask("GET", "/v1/objects/cart/numbers?from=1&n=3&pause_ms=0")
        same(events(text), [("item", 1), ("item", 2), ("item", 3), ("end", {})])
        same(other.ask("GET", "/v1/objects/cart")[0], 200)


def a_unix_socket_serves_http():
    with tempfile.TemporaryDirectory() as folder, Server(f"socket={folder}/s") as other:
        url = "http://localhost/v1/objects/cart/"
        same(curl("--unix-socket", other.socket, "--json", "[1, 2]", url + "add"), "3\n")
        same(json.loads(curl("--unix-socket", other.socket, "--json", "[]", url + "who"))["ret"], f"uid:{os.getuid()}")


# ---- errors ----


def errors_have_a_body_that_names_the_place():
    status, error = server.call("cart/pay", [7])
    same((status, error["code"], error["status"]), (409, 10, "ABORTED"))
    same((error["object"], error["operation"]), ("cart", "shop.Cart.pay"))
    same(error["exception"], {"@type": "shop.NoFunds", "missing": "7"})
    has(error["trace"][0], "shop.Cart.pay of 'cart' at")
    status, error = server.call("cart/find", ["nothing"])
    same((status, error["exception"]), (404, {"@type": "shop.NoSuch", "name": "nothing"}))


def status_codes_are_those_of_grpc_gateway():
    table = {1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 13: 500,
             14: 503, 15: 500, 16: 401}
    for code, status in table.items():
        found, error = server.call("cart/fail", [code, "so"])
        same((found, error["code"], error["message"]), (status, code, "so"))


def what_does_not_fit_is_400_and_named():
    status, error = server.call("cart/add", {"x": 1, "y": "two"})
    same((status, error["message"]), (400, "shop.Cart.add: parameter 'y': expected an integer, got two"))
    same(error["object"], "cart")
    status, error = server.call("cart/put", {"line": {"name": 7}})
    same((status, error["message"]), (400, "shop.Cart.put: line.name: expected a string, got 7"))


def unknown_things_are_404():
    same(server.call("nobody/add", [1, 2])[0], 404)
    same(server.call("cart/subtract", [1, 2])[0], 404)
    same(server.ask("GET", "/v1/objects/nobody")[0], 404)
    same(server.ask("GET", "/v2")[0], 404)
    same(server.ask("GET", "/v1/objects/cart/add/more/and/more")[0], 404)
    same(server.ask("GET", "/v1/objects/")[0], 404)


# ---- what headers say ----


def a_deadline_is_kept():
    for header in ({"Pyrite_Timeout": "30"}, {"Grpc_Timeout": "30m"}):
        status, error = server.call("cart/wait", [10000], **header)
        same((status, error["status"]), (504, "DEADLINE_EXCEEDED"))
    same(server.call("cart/slow")[0], 504)
    status, value = server.call("cart/who", Pyrite_Timeout="5000")
    same(status, 200)
    same(0 < int(value["left_ms"]) <= 5000, True)
    same(server.call("cart/who")[1]["left_ms"], "-1")
    for wrong in ({"Pyrite_Timeout": "soon"}, {"Grpc_Timeout": "10"}, {"Grpc_Timeout": "123456789m"}):
        same(server.call("cart/who", **wrong)[0], 400)


def ids_are_passed_on():
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {**JSON, "X-Correlation-Id": "order-7", "traceparent": trace}
    status, answered, value = server.ask("POST", "/v1/objects/cart/who", "[]", headers)
    same((status, answered["X-Correlation-Id"]), (200, "order-7"))
    same((value["correlation_id"], value["traceparent"]), ("order-7", trace))
    status, answered, value = server.ask("POST", "/v1/objects/cart/who", "[]", {**JSON, "traceparent": "nonsense"})
    same((value["correlation_id"], value["traceparent"]), (answered["X-Correlation-Id"], ""))
    same(len(answered["X-Correlation-Id"]), 36)


def head_and_options_are_answered():
    status, headers, body = server.ask("HEAD", "/v1/objects")
    same((status, body), (200, ""))
    same(int(headers["Content-Length"]) > 10, True)
    status, headers, body = server.ask("OPTIONS", "/v1/objects/cart/add")
    same((status, headers["Allow"]), (204, "POST, GET, OPTIONS"))
    same(headers.get("Access-Control-Allow-Origin"), None)
    status, headers, _ = server.ask("DELETE", "/v1/objects/cart")
    same((status, headers["Allow"]), (405, "GET, HEAD, OPTIONS"))
    same(server.ask("GET", "/v1/objects/cart/add?x=1&y=2")[0], 405)


# ---- what there is ----


def objects_are_listed_and_described():
    status, _, value = server.ask("GET", "/v1/objects")
    same((status, [o["id"] for o in value["objects"]], value["next"]), (200, ["cart"], ""))
    same(value["objects"][0]["interface"], "shop.Cart")
    status, _, value = server.ask("GET", "/v1/objects/cart")
    same((status, value["id"]), (200, "cart"))
    add = [o for o in value["operations"] if o["name"] == "shop.Cart.add"][0]
    same((add["signature"], add["idempotent"]), ("(int32, int32) -> int32", True))
    has(value["idl"], "int32 add(in int32 x, in int32 y);")
    same(server.ask("GET", "/v1/objects?limit=3")[0], 400)


def lists_have_pages():
    with Server("objects=300") as many:
        _, _, first = many.ask("GET", "/v1/objects")
        same((len(first["objects"]), first["next"]), (256, "cart/00254"))
        _, _, second = many.ask("GET", "/v1/objects?after=cart%2F00254")
        same((len(second["objects"]), second["next"]), (45, ""))
        same(many.ask("GET", "/v1/objects/cart%2F00007")[2]["id"], "cart/00007")
        same(many.call("cart%2F00007/add", [1, 2]), (200, 3))


# ---- streams ----


def a_stream_comes_as_events():
    status, headers, text = server.ask("GET", "/v1/objects/cart/numbers?from=1&n=3&pause_ms=0")
    same((status, headers["Content-Type"]), (200, "text/event-stream"))
    same(events(text), [("item", 1), ("item", 2), ("item", 3), ("end", {})])
    status, _, text = server.ask("POST", "/v1/objects/cart/numbers", "[5, 2, 0]", JSON)
    same(events(text), [("item", 5), ("item", 6), ("end", {})])
    same(server.ask("GET", "/v1/objects/cart/numbers?from=1&n=3&pause_ms=0", headers={"Last-Event-ID": "2"})[0], 204)
    same(server.ask("POST", "/v1/objects/cart/numbers", "[5, 2, 0]", {**JSON, "Accept": "application/json"})[0], 406)


def items_come_one_by_one():
    with server.connect() as s:
        s.sendall(b"GET /v1/objects/cart/numbers?from=1&n=2&pause_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = b""
        while b"data: 1\n\n" not in data:
            data += s.recv(65536)
        same(b"data: 2" in data, False)


def a_stream_that_fails_ends_with_an_error():
    _, _, text = server.ask("GET", "/v1/objects/cart/numbers?from=1&n=-4&pause_ms=0")
    (name, error), = events(text)
    same((name, error["exception"]), ("error", {"@type": "shop.NoFunds", "missing": "4"}))
    status, _, text = server.ask("GET", "/v1/objects/cart/numbers?from=1&n=2&pause_ms=10000", headers={"Pyrite-Timeout": "100"})
    same([(name, value["status"] if name == "error" else value) for name, value in events(text)],
         [("item", 1), ("error", "DEADLINE_EXCEEDED")])


def a_stream_is_written_from_a_list():
    same(server.call("cart/sum", {"label": "x", "numbers": ["1", 2, 3]}), (200, "6"))
    same(server.call("cart/sum", {"label": "x"}), (200, "0"))
    same(server.call("cart/sum", {"label": "x", "numbers": 3})[0], 400)
    same(server.call("cart/sum", {"label": "x", "numbers": ["a"]})[0], 400)
    same(server.call("cart/sum", {"label": "x", "numbers": [1], "more": 2})[0], 400)


def streams_go_both_ways_at_once():
    def shout(words):
        return events(server.ask("POST", "/v1/objects/cart/shout", json.dumps({"words": words}), JSON)[2])
    same(shout(["a", "b c"]), [("item", "A"), ("item", "B C"), ("end", {})])
    same(shout([]), [("end", {})])
    many = shout(["x" * 1000] * 3000)  # more than either way has room for
    same((len(many), many[-1]), (3001, ("end", {})))
    *_, (name, error) = shout(["a", 7])
    same((name, error["status"]), ("error", "INVALID_ARGUMENT"))
    has(error["message"], "expected a string, got 7")
    same(server.ask("POST", "/v1/objects/cart/shout", '{"words": 7}', JSON)[0], 200)
    same(server.ask("POST", "/v1/objects/cart/shout", "[]", JSON)[0], 400)


def who_leaves_streams_both_ways_leaves_nothing_behind():
    body = json.dumps({"words": ["x" * 1000] * 10000}).encode()
    for _ in range(5):
        with server.connect() as s:
            s.sendall(b"POST /v1/objects/cart/shout HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body)
            s.recv(1000)
    until(lambda: server.threads() < 20, "threads end")


# ---- leaving ----


def count():
    return server.call("cart/cancelled")[1]


def calls():
    return int(server.ask("GET", "/v1/objects")[2]["objects"][0]["calls"])


WAIT = (b"POST /v1/objects/cart/wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 7\r\n\r\n[60000]")


def who_leaves_cancels_the_call():
    before, begun = count(), calls()
    with server.connect() as s:
        s.sendall(WAIT)
        until(lambda: calls() > begun, "the call runs")
    until(lambda: count() == before + 1, "the call is cancelled")


def who_leaves_at_once_leaves_nothing_behind():
    before, begun = count(), calls()
    for _ in range(20):
        with server.connect() as s:
            s.sendall(WAIT)
    until(lambda: server.threads() < 20, "the connections end")
    same(count() - before <= calls() - begun, True)


def who_leaves_a_stream_cancels_it():
    before = count()
    with server.connect() as s:
        s.sendall(b"GET /v1/objects/cart/numbers?from=1&n=9&pause_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = b""
        while b"data: 1" not in data:
            data += s.recv(65536)
    until(lambda: count() > before, "the stream is cancelled")


def many_clients_are_served_side_by_side():
    results = []
    def one(i):
        results.append(server.call("cart/add", [i, i]) == (200, 2 * i))
    threads = [threading.Thread(target=one, args=(i,)) for i in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(results, [True] * 64)


def a_stop_answers_what_runs():
    import http.client
    with Server() as other:
        idle = other.connect()
        connection = http.client.HTTPConnection(other.host, other.port, timeout=PATIENCE)
        connection.request("POST", "/v1/objects/cart/wait", "[300]", JSON)
        until(lambda: other.ask("GET", "/v1/objects")[2]["objects"][0]["calls"] == "1", "the call runs")
        other.process.terminate()
        answer = connection.getresponse()
        same((answer.status, answer.headers["Connection"]), (200, "close"))
        same(read_all(idle), b"")
        other.process.wait(PATIENCE)
        same(other.process.returncode, 0)


def a_stop_ends_what_does_not_end():
    import http.client
    with Server("drain_ms=100") as other:
        connection = http.client.HTTPConnection(other.host, other.port, timeout=PATIENCE)
        connection.request("POST", "/v1/objects/cart/wait", "[60000]", JSON)
        until(lambda: other.ask("GET", "/v1/objects")[2]["objects"][0]["calls"] == "1", "the call runs")
        other.process.terminate()
        other.process.wait(PATIENCE)
        same(other.process.returncode, 0)


# ---- Pyro's forms ----


def t9_pyro_s_forms_are_typed_by_the_table():
    status, headers, value = server.ask("GET", "/pyro/cart/add?x=1&y=2", headers={"X-Pyro-Correlation-Id": "c1"})
    same((status, value, headers["X-Pyro-Correlation-Id"]), (200, 3, "c1"))
    same(server.ask("GET", "/pyro/cart/echo?text=a+b%20%E2%82%AC")[2], "a b \u20ac")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    same(server.ask("POST", "/pyro/cart/add", "x=20&y=22", form)[2], 42)
    same(curl("-d", "text=posted", f"http://{server.address}/pyro/cart/echo"), '"posted"\n')
    same(server.ask("GET", "/pyro/cart/owner")[0], 200)
    status, _, value = server.ask("GET", "/pyro/cart/$meta")
    same((status, "add" in value["methods"], value["attributes"]), (200, True, ["owner"]))
    status, _, value = server.ask("GET", "/pyro/cart/echo?text=ow", headers={"X-Pyro-Options": "oneway"})
    same((status, value), (200, ""))


def t9_pyro_s_forms_tell_what_is_wrong():
    same(server.ask("GET", "/pyro/nobody/add?x=1&y=2")[0], 404)
    same(server.ask("GET", "/pyro/cart/subtract?x=1")[0], 404)
    same(server.ask("GET", "/pyro/cart/add?x=1&y=two")[0], 400)
    same(server.ask("GET", "/pyro/cart/add?x=1&y=2&z=3")[2]["message"], "shop.Cart.add has no parameter 'z'")
    same(server.ask("GET", "/pyro/cart/add?x=1&x=2")[0], 400)
    same(server.ask("PUT", "/pyro/cart/add")[0], 405)
    same(server.ask("POST", "/pyro/cart/add", "{}", JSON)[0], 415)


def main():
    global server
    with Server() as server:
        return run(cases_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
