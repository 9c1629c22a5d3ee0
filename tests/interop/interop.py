#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients that know gRPC and the exported .proto alone call a Pyrite daemon. Prints "ok <case>" or "not ok <case>"."""

import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent import futures

import grpc
from google.protobuf import any_pb2, message_factory

from messages import generate

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PATIENCE = 20
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
MIB = 1 << 20


class Server:
    """A daemon in a process of its own; it ends when its standard input does."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BIN / "interop-server", *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def target(self):
        return self.address.replace("./u:", "unix:")

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code


class Client:
    """Calls operations by the name of their service, with the messages that the service's descriptor names."""

    def __init__(self, pb, target, compression=None):
        self.pb = pb
        self.channel = grpc.insecure_channel(target, OPTIONS, compression)

    def message(self, kind, /, **fields):
        return getattr(self.pb, kind)(**fields)

    def method(self, service, operation):
        for method in self.pb.DESCRIPTOR.services_by_name[service].methods:
            if method.name == operation:
                return method
        raise LookupError(f"{service} has no {operation}")

    def stub(self, service, operation):
        method = self.method(service, operation)
        request = message_factory.MessageFactory(method.input_type.file.pool).GetPrototype(method.input_type)
        reply = message_factory.MessageFactory(method.output_type.file.pool).GetPrototype(method.output_type)
        return request, self.channel.unary_unary(f"/{method.containing_service.full_name}/{operation}",
                                                 request.SerializeToString, reply.FromString)

    def call(self, operation, service="Calculator", at=None, timeout=PATIENCE, **fields):
        request, stub = self.stub(service, operation)
        return stub(request(**fields), timeout=timeout, metadata=[("pyrite-object", at)] if at else None)

    def start(self, operation, timeout=PATIENCE, **fields):
        request, stub = self.stub("Calculator", operation)
        return stub.future(request(**fields), timeout=timeout)

    def raw(self, path, request, timeout=PATIENCE, metadata=None):
        return self.channel.unary_unary(path)(request, timeout=timeout, metadata=metadata)


def fails(code, call, *arguments, **fields):
    """The error of a call that must end with this code."""
    try:
        reply = call(*arguments, **fields)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()}: {error.details()}"
        return error
    raise AssertionError(f"answered {reply}")


def same(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


def details_of(error):
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            from rpc import status_pb2
            return status_pb2.Status.FromString(value)
    return None


CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def add_answers_3(c):
    same(c.call("add", x=1, y=2).ret, 3)
    same(c.call("add", x=-5, y=2).ret, -3)
    same(c.call("add").ret, 0)


@case
def results_and_outputs_come_together(c):
    reply = c.call("divide", x=17, y=5)
    same((reply.ret, reply.rest), (3, 2))


@case
def an_error_has_its_code_and_text(c):
    error = fails(grpc.StatusCode.INVALID_ARGUMENT, c.call, "divide", x=7, y=0)
    same(error.details(), "cannot divide 7 by zero")
    same(details_of(error), None)


@case
def an_error_text_keeps_its_characters(c):
    text = "100 % kö\u20ac\nnext \U0001F600 line"
    same(fails(grpc.StatusCode.ABORTED, c.call, "complain", text=text).details(), text)


@case
def a_long_error_text_is_cut_and_the_connection_lives(c):
    waiting = c.start("meet", n=2)
    for text in ("x" * 5000, "ä" * 1000, "%" * 2047):
        details = fails(grpc.StatusCode.ABORTED, c.call, "complain", text=text).details()
        assert text.startswith(details.removesuffix("...")) and 300 < len(details) <= 2048, details
    c.call("meet", n=2)
    waiting.result(PATIENCE)


@case
def a_typed_exception_comes_in_the_details(c):
    c.call("withdraw", amount=100)
    error = fails(grpc.StatusCode.ABORTED, c.call, "withdraw", amount=107)
    status = details_of(error)
    same(status.code, grpc.StatusCode.ABORTED.value[0])
    same(status.message, error.details())
    same(len(status.details), 1)
    same(status.details[0].type_url, "type.googleapis.com/interop.NoFunds")
    fields = c.pb.NoFunds.FromString(status.details[0].value)
    same((fields.missing, fields.account), (7, "könto"))


@case
def a_typed_exception_has_the_status_of_its_idl(c):
    error = fails(grpc.StatusCode.NOT_FOUND, c.call, "lose", text="gone")
    same(c.pb.NoText.FromString(details_of(error).details[0].value).text, "gone")


@case
def a_typed_exception_too_large_for_metadata_says_so(c):
    error = fails(grpc.StatusCode.NOT_FOUND, c.call, "lose", text="x" * 20000)
    same(details_of(error), None)
    assert "interop.NoText" in error.details() and "too large" in error.details(), error.details()


def full_item(c):
    item = c.message("Item", name="Gerät", weight=-(1 << 60), sold=True, color=2, blob=bytes(range(256)), note="")
    item.where.x, item.where.y = 0.5, -1e300
    for i in range(100):
        item.path.add(x=i, y=-i)
    item.tags.extend(["", "a", "\u20ac" * 50])
    item.counts.update({"": 0, "one": 1, "minus": -(1 << 31)})
    return item


@case
def structs_sequences_maps_strings_and_bytes_come_back(c):
    item = full_item(c)
    same(c.call("echo", item=item).ret, item)


@case
def a_value_of_any_type_is_packed_and_unpacked(c):
    what = any_pb2.Any()
    what.Pack(c.message("Point", x=1.5, y=-2))
    point = c.message("Point")
    assert c.call("doubled", what=what).ret.Unpack(point)
    same((point.x, point.y), (3, -4))
    other = any_pb2.Any()
    other.Pack(c.message("Item", name="unknown to it"))
    same(c.call("doubled", what=other).ret, other)
    same(c.call("doubled").ret, any_pb2.Any())
    what.value = b"\x09"
    assert "the any is not of type interop.Point: " in fails(grpc.StatusCode.INVALID_ARGUMENT, c.call, "doubled", what=what).details()


@case
def an_absent_optional_stays_absent(c):
    item = c.message("Item", name="x")
    assert not c.call("echo", item=item).ret.HasField("note")
    item.note = "here"
    same(c.call("echo", item=item).ret.note, "here")


@case
def an_empty_struct_comes_back_as_its_defaults(c):
    reply = c.call("echo", item=c.message("Item")).ret
    same((reply.name, reply.weight, len(reply.path), len(reply.counts)), ("", 0, 0, 0))


@case
def a_map_is_counted(c):
    words = ["a", "b", "a", "ä", "a"]
    reply = c.call("count", words=words)
    same(dict(reply.ret), {"a": 3, "b": 1, "ä": 1})
    same(reply.total, 5)


@case
def an_inherited_operation_answers_under_both_names(c):
    same(c.call("who").ret, "calculator")
    same(c.call("who", service="Base").ret, "calculator")


@case
def metadata_names_the_object(c):
    for name in ("one", "two", "three"):
        same(c.call("name", "Counter", at=name).ret, name)


@case
def several_objects_and_no_name_is_a_failed_precondition(c):
    error = fails(grpc.StatusCode.FAILED_PRECONDITION, c.call, "name", "Counter")
    same(error.details(), "3 objects of interop.Counter here: set pyrite-object")


@case
def the_default_object_answers_for_several(c):
    same(c.call("name", "Door").ret, "back")
    same(c.call("name", "Door", at="front").ret, "front")


@case
def an_unknown_object_is_not_found(c):
    error = fails(grpc.StatusCode.NOT_FOUND, c.call, "name", "Counter", at="four")
    assert error.details().startswith("no object 'four' at "), error.details()


@case
def an_object_of_another_interface_is_unimplemented(c):
    error = fails(grpc.StatusCode.UNIMPLEMENTED, c.call, "name", "Counter", at="front")
    assert "'front' (interop.Door) has no operation interop.Counter.name" in error.details(), error.details()


@case
def unknown_methods_are_unimplemented_and_named(c):
    for path, part in (("/interop.Calculator/subtract", "interop.Calculator.subtract"),
                       ("/interop.Nothing/add", "no object of interop.Nothing"),
                       ("/interop.Calculator/add/more", "'/interop.Calculator/add/more'"),
                       ("/add", "'/add'")):
        error = fails(grpc.StatusCode.UNIMPLEMENTED, c.raw, path, b"")
        assert part in error.details(), error.details()


@case
def b21_a_dotted_name_leads_into_no_object(c):
    for name in ("who.add", "add.__call__", "__class__.add"):
        error = fails(grpc.StatusCode.UNIMPLEMENTED, c.raw, "/interop.Calculator/" + name, b"")
        assert f"'/interop.Calculator/{name}'" in error.details(), error.details()


@case
def b20_b22_a_call_by_name_with_raw_bytes_has_a_raw_answer(c):
    request = b"\x08\x11\x10\x05"  # 17, 5
    answer = c.raw("/interop.Calculator/divide", request)
    same(answer, b"\x08\x03\x10\x02")
    same(c.pb.Calculator_divide_reply.FromString(answer), c.call("divide", x=17, y=5))
    same(answer, c.call("divide", x=17, y=5).SerializeToString())


def streaming(c, kind, operation):
    method = c.method("Calculator", operation)
    assert kind == ("stream" if method.client_streaming else "unary") + "_" + (
        "stream" if method.server_streaming else "unary"), kind
    factory = message_factory.MessageFactory(method.input_type.file.pool)
    request, reply = factory.GetPrototype(method.input_type), factory.GetPrototype(method.output_type)
    stub = getattr(c.channel, kind)(f"/interop.Calculator/{operation}", request.SerializeToString, reply.FromString)
    return request, stub


@case
def a_stream_of_results_is_a_streaming_method(c):
    request, stub = streaming(c, "unary_stream", "numbers")
    same([r.ret for r in stub(request(n=1000), timeout=PATIENCE)], list(range(1000)))
    same(list(stub(request(n=0), timeout=PATIENCE)), [])


@case
def an_exception_comes_after_the_items(c):
    request, stub = streaming(c, "unary_stream", "numbers")
    got, call = [], stub(request(n=10, fail_at=5), timeout=PATIENCE)
    try:
        for item in call:
            got.append(item.ret)
        raise AssertionError("no error")
    except grpc.RpcError as error:
        same(error.code(), grpc.StatusCode.ABORTED)
        assert any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata())
    same(got, list(range(5)))


@case
def a_stream_that_is_not_read_bounds_its_method(c):
    request, stub = streaming(c, "unary_stream", "numbers")
    call = stub(request(n=100000000), timeout=PATIENCE)
    same(next(call).ret, 0)
    before, now = -1, 0
    while before != now:
        before, now = now, c.call("seen").ret
    assert now < 10000000, now
    call.cancel()


@case
def a_stream_of_parameters_is_a_streaming_method(c):
    request, stub = streaming(c, "stream_unary", "joined")
    same(stub(iter([request(parts=b"a"), request(parts=b""), request(parts=b"bc" * 100000)]), timeout=PATIENCE).ret,
         b"a" + b"bc" * 100000)
    same(stub(iter([]), timeout=PATIENCE).ret, b"")


@case
def other_parameters_come_in_a_message_of_their_own_first(c):
    request, stub = streaming(c, "stream_unary", "total")
    items = [request(start=100)] + [request(numbers=i) for i in range(1, 2001)]
    same(stub(iter(items), timeout=PATIENCE).ret, 100 + 1000 * 2001)
    same(stub(iter([request(start=7)]), timeout=PATIENCE).ret, 7)


@case
def streams_go_both_ways_at_once(c):
    request, stub = streaming(c, "stream_stream", "upper")
    words = queue.Queue()
    call = stub(iter(words.get, None), timeout=PATIENCE)
    for word in ("one", "two", "three"):
        words.put(request(words=word))
        same(next(call).ret, word.upper())
    words.put(None)
    same(list(call), [])


@case
def a_garbled_item_is_an_invalid_argument(c):
    stub = c.channel.stream_unary("/interop.Calculator/joined")
    fails(grpc.StatusCode.INVALID_ARGUMENT, stub, iter([b"\xff"]), timeout=PATIENCE)


@case
def an_item_beyond_the_limit_is_refused(c):
    request, stub = streaming(c, "stream_unary", "joined")
    error = fails(grpc.StatusCode.RESOURCE_EXHAUSTED, stub, iter([request(), request(parts=bytes(9 * MIB))]),
                  timeout=PATIENCE)
    assert "8388608" in error.details(), error.details()


@case
def a_deadline_ends_the_call_on_both_sides(c):
    start = time.monotonic()
    hanging = c.start("hang", timeout=3)
    c.call("await", hang=True)
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, hanging.result, PATIENCE)
    assert 2.9 < time.monotonic() - start < PATIENCE
    assert c.call("saw_end").ret


@case
def the_method_knows_the_time_left(c):
    left = c.call("time_left", timeout=5).ret
    assert 3000 < left <= 5500, left  # core rounds what travels up
    request, stub = c.stub("Calculator", "time_left")
    same(stub(request()).ret, (1 << 63) - 1)


@case
def a_cancel_is_seen_by_the_method(c):
    hanging = c.start("hang")
    c.call("await", hang=True)
    seen = c.start("saw_end")
    hanging.cancel()
    assert seen.result(PATIENCE).ret
    same(hanging.code(), grpc.StatusCode.CANCELLED)


@case
def twenty_calls_are_in_the_daemon_at_once(c):
    calls = [c.start("meet", n=20) for _ in range(20)]
    same(sorted(call.result(PATIENCE).ret for call in calls), list(range(20)))


@case
def a_thousand_calls_of_eight_threads_each_get_their_answer(c):
    def some(first):
        return all(c.call("add", x=first, y=i).ret == first + i for i in range(125))
    with futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(some, range(0, 8000, 1000)))


@case
def a_message_of_7_mib_goes_both_ways(c):
    data = bytes(range(251)) * (7 * MIB // 251)
    same(c.call("blob", n=len(data), data=data).ret, data)


@case
def a_message_beyond_the_limit_fails_alone(c):
    waiting = c.start("meet", n=2)
    fails(grpc.StatusCode.RESOURCE_EXHAUSTED, c.call, "blob", n=1, data=bytes(9 * MIB))
    error = fails(grpc.StatusCode.RESOURCE_EXHAUSTED, c.call, "blob", n=9 * MIB, data=b"x")
    assert "MessageTooLarge: a reply of" in error.details() and str(8 * MIB) in error.details(), error.details()
    c.call("meet", n=2)
    waiting.result(PATIENCE)


@case
def a_garbled_request_is_an_invalid_argument(c):
    for garbage in (b"\xff", b"\xff" * 50, b"\x08", b"\x0a\x05ab", b"\x0d\x01\x02", b"\x0b" * 200):
        fails(grpc.StatusCode.INVALID_ARGUMENT, c.raw, "/interop.Calculator/add", garbage)
    for garbage in (b"\x0a\x02\xff\xfe", b"\x0a\x03a\0b"):
        fails(grpc.StatusCode.INVALID_ARGUMENT, c.raw, "/interop.Calculator/complain", garbage)
    same(c.call("add", x=1, y=1).ret, 2)


@case
def a_call_without_a_message_is_refused_and_nothing_runs(c):
    stub = c.channel.stream_unary("/interop.Calculator/add")
    error = fails(grpc.StatusCode.INTERNAL, stub, iter(()), timeout=PATIENCE)
    assert "without a request message" in error.details(), error.details()


@case
def unknown_fields_are_passed_over(c):
    same(c.raw("/interop.Calculator/add", b"\x08\x01\x10\x02\xfa\x06\x03new"), b"\x08\x03")


@case
def a_oneway_is_acknowledged_and_its_error_goes_nowhere(c):
    before = c.call("notes").ret
    c.call("note", text="x")
    until = time.monotonic() + PATIENCE
    while c.call("notes").ret == before and time.monotonic() < until:
        pass
    same(c.call("notes").ret, before + 1)


@case
def compressed_requests_are_refused_without_inflating_them(c):
    packed = Client(c.pb, c.target, grpc.Compression.Gzip)
    fails(grpc.StatusCode.UNIMPLEMENTED, packed.call, "blob", n=1, data=bytes(MIB))
    packed.channel.close()
    same(c.call("add", x=1, y=1).ret, 2)


@case
def the_method_knows_its_caller(c):
    peer = c.call("address_of_caller").ret
    assert peer.startswith("127.0.0.1:") or peer.startswith("./u:/"), peer


@case
def a_client_that_vanishes_with_calls_in_flight_hurts_nobody(c):
    for _ in range(20):
        other = Client(c.pb, c.target)
        calls = [other.start("hang" if i % 4 == 0 else "add") for i in range(16)]
        other.call("await", hang=True)
        other.channel.close()
        assert all(call.code() is not None for call in calls)
    assert c.call("saw_end").ret
    same(c.call("add", x=2, y=2).ret, 4)


@case
def connections_that_are_gone_leave_no_descriptors(c):
    def descriptors():
        return len(os.listdir(f"/proc/{c.process.pid}/fd"))
    c.call("add")
    before = descriptors()  # with some of the case before this, perhaps, which go as well
    others = [Client(c.pb, c.target) for _ in range(50)]
    for other in others:
        other.call("add")
    assert descriptors() >= 50
    for other in others:
        other.channel.close()
    until = time.monotonic() + PATIENCE
    while descriptors() > before and time.monotonic() < until:
        c.call("add")
    assert descriptors() <= before, f"{descriptors()} descriptors, {before} before"


@case
def a_daemon_that_stops_answers_what_runs_and_ends_the_rest(c):
    server = Server()
    other = Client(c.pb, server.target())
    running, hanging = other.start("work", ms=500), other.start("hang")
    other.call("await", hang=True, work=True)
    start = time.monotonic()
    same(server.end(), 0)
    assert time.monotonic() - start < 4, "the drain is 2 s"
    running.result(PATIENCE)
    fails(grpc.StatusCode.UNAVAILABLE, hanging.result, PATIENCE)
    other.channel.close()


@case
def a_daemon_stops_in_the_middle_of_many_calls(c):
    server = Server("60000")
    others = [Client(c.pb, server.target()) for _ in range(4)]
    answered = threading.Semaphore(0)
    codes = set()

    def call(other):
        while True:
            try:
                other.call("add", x=1, y=1)
                answered.release()
            except grpc.RpcError as error:
                codes.add(error.code())
                return
    threads = [threading.Thread(target=call, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for _ in range(100):
        assert answered.acquire(timeout=PATIENCE)
    same(server.end(), 0)  # soon: nothing runs, so the drain of a minute is not waited for
    for thread in threads:
        thread.join()
    same(codes, {grpc.StatusCode.UNAVAILABLE})
    for other in others:
        other.channel.close()


def run(pb, server, suffix):
    failed = 0
    for function in CASES:
        client = Client(pb, server.target())
        client.target = server.target()
        client.process = server.process
        name = function.__name__ + suffix
        try:
            function(client)
            print(f"ok {name}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {name}")
            print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
        client.channel.close()
    code = server.end()
    print(f"{'not ok' if code else 'ok'} the_daemon_ends_cleanly{suffix}", flush=True)
    if code:
        print(f"    its exit status is {code}", flush=True)
    return failed + (code != 0)


def main():
    guard = threading.Timer(280, os._exit, (3,))
    guard.daemon = True
    guard.start()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        generate(folder)
        import interop_pb2 as pb
        failed = run(pb, Server(), "")
        failed += run(pb, Server("2000", str(folder / "socket")), "_over_a_unix_socket")
    sys.stdout.flush()
    os._exit(failed != 0)


main()
