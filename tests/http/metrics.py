#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""/metrics, read by Prometheus's own parser: what it counts, and that its numbers fit each other."""

import sys
import tempfile

from prometheus_client.parser import text_string_to_metric_families

from place import Server, cases_of, run, same, until

server = None


def scrape(place=None):
    """Name and labels of each sample -> its value."""
    status, headers, text = (place or server).ask("GET", "/metrics")
    same((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, *sorted(sample.labels.items())
            same(key in samples, False)  # each series once
            samples[key] = sample.value
    return samples


def of(samples, name, method, **more):
    labels = {"grpc_service": "shop.Cart", "grpc_method": method, **more}
    return sum(value for (found, *pairs), value in samples.items()
               if found == name and labels.items() <= dict(pairs).items())


def calls_are_counted_by_operation_and_code():
    before = scrape()
    for _ in range(3):
        server.call("cart/add", [1, 2])
    server.call("cart/pay", [1])
    server.call("cart/fail", [8, "x"])
    server.call("cart/fail", [8, "x"])
    after = scrape()

    def more(name, method, **labels):
        return of(after, name, method, **labels) - of(before, name, method, **labels)
    same(more("grpc_server_started_total", "add"), 3)
    same(more("grpc_server_handled_total", "add", grpc_code="OK"), 3)
    same(more("grpc_server_handled_total", "pay", grpc_code="ABORTED"), 1)
    same(more("grpc_server_handled_total", "pay", grpc_code="OK"), 0)
    same(more("grpc_server_handled_total", "fail", grpc_code="RESOURCE_EXHAUSTED"), 2)


def what_is_refused_before_it_runs_is_not_counted():
    before = of(scrape(), "grpc_server_started_total", "add")
    server.call("cart/add", ["a", "b"])
    server.call("nothing/add", [1, 2])
    same(of(scrape(), "grpc_server_started_total", "add"), before)


def times_make_a_histogram():
    server.call("cart/wait", [30])
    samples = scrape()
    buckets = sorted((float(dict(pairs)["le"]), value) for (name, *pairs), value in samples.items()
                     if name == "grpc_server_handling_seconds_bucket" and dict(pairs)["grpc_method"] == "wait")
    same(len(buckets), 22)
    same(buckets[-1][0], float("inf"))
    same([value for _, value in buckets], sorted(value for _, value in buckets))
    same(buckets[-1][1], of(samples, "grpc_server_handling_seconds_count", "wait"))
    same(of(samples, "grpc_server_handling_seconds_sum", "wait") >= 0.03, True)
    same([value for bound, value in buckets if bound == 0.025], [0])


def streams_and_oneways_are_counted_once():
    before = scrape()
    server.ask("GET", "/v1/objects/cart/numbers?from=1&n=3&pause_ms=0")
    server.call("cart/note", ["x"])
    server.call("cart/sum", {"label": "", "numbers": [1]})
    def ended(samples, method, kind):
        return of(samples, "grpc_server_handling_seconds_count", method, grpc_type=kind)
    for method, kind in (("numbers", "server_stream"), ("note", "unary"), ("sum", "client_stream")):
        until(lambda: ended(scrape(), method, kind) == ended(before, method, kind) + 1, f"{method} is counted")


def a_running_call_has_begun_and_not_ended():
    import socket
    with server.connect() as s:
        s.sendall(b"POST /v1/objects/cart/wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 7\r\n\r\n[60000]")
        def running():
            samples = scrape()
            return of(samples, "grpc_server_started_total", "wait") - of(samples, "grpc_server_handling_seconds_count", "wait")
        until(lambda: running() == 1, "it runs")
        s.shutdown(socket.SHUT_RDWR)
    until(lambda: running() == 0, "it ended")


def the_daemon_and_its_process_are_told():
    samples = scrape()
    same(samples["pyrite_objects",], 3)
    same(samples["pyrite_method_threads",], 8)
    same(samples["pyrite_http_connections",] >= 1, True)
    same(samples["process_resident_memory_bytes",] > 1 << 20, True)
    same(samples["process_open_fds",] > 3, True)
    same(("pyrite_info", ("version", "0.2.0")) in samples, True)


def what_may_not_be_seen_is_not_told():
    with tempfile.NamedTemporaryFile("w") as rules:
        rules.write("allow * call *\n")
        rules.flush()
        with Server(f"rules={rules.name}") as other:
            same(other.ask("GET", "/metrics")[0], 403)


def main():
    global server
    with Server("objects=2") as server:
        return run(cases_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
