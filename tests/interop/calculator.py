#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The servant of interop.idl in python: calculator.py FOLDER serves it, with the messages that stand in the folder,
until its standard input ends. Prints the port."""

import pathlib
import sys
import threading

import grpc

import messages

NO_TEXT_MAX = 3000


class Calculator:
    def __init__(self, pb):
        self.pb = pb
        self.seen = {}  # metadata of the last call of echo of metadata: add()
        self.entered = threading.Semaphore(0)  # hang() runs
        self.ended = threading.Semaphore(0)  # and its caller is gone
        self.left = None  # seconds that hang() had
        self.notes = []

    def who(self, request, context, reply):
        reply.ret = "python"
        return reply

    def add(self, request, context, reply):
        self.seen = dict(context.invocation_metadata())
        reply.ret = request.x + request.y
        return reply

    def divide(self, request, context, reply):
        if request.y == 0:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"cannot divide {request.x} by zero")
        reply.ret, reply.rest = divmod(request.x, request.y)
        return reply

    def withdraw(self, request, context, reply):
        if request.amount > 1000:  # one that withdraw() does not declare
            messages.raise_typed(context, grpc.StatusCode.DATA_LOSS, "odd", self.pb.NoText(text="odd"))
        if request.amount > 100:
            messages.raise_typed(context, grpc.StatusCode.ABORTED, "no funds",
                                 self.pb.NoFunds(missing=request.amount - 100, account="kö"))
        return reply

    def complain(self, request, context, reply):
        code = {"unavailable": grpc.StatusCode.UNAVAILABLE, "late": grpc.StatusCode.DEADLINE_EXCEEDED}
        if request.text == "raise":
            raise ValueError("a bug")
        if request.text == "foreign":
            messages.raise_typed(context, grpc.StatusCode.ABORTED, "of others", self.pb.Point(x=1), name="other.Kind")
        if request.text == "second":
            messages.raise_typed(context, grpc.StatusCode.ABORTED, "two", self.pb.NoFunds(missing=1, account="x"),
                                 name="google.rpc.DebugInfo")
        if request.text == "garbled":
            context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\x0a\x80\x80"),))
        context.abort(code.get(request.text, grpc.StatusCode.ABORTED), request.text)

    def lose(self, request, context, reply):
        messages.raise_typed(context, grpc.StatusCode.NOT_FOUND, "lost",
                             self.pb.NoText(text=request.text * (NO_TEXT_MAX if request.text == "y" else 1)))

    def blob(self, request, context, reply):
        times = request.n // len(request.data) + 1
        reply.ret = (request.data * times)[:request.n]
        return reply

    def time_left(self, request, context, reply):
        left = context.time_remaining()
        reply.ret = -1 if left is None or left > 1 << 40 else int(left * 1000)
        return reply

    def hang(self, request, context, reply):
        gone = threading.Event()
        context.add_callback(gone.set)
        self.left = context.time_remaining()
        self.entered.release()
        gone.wait(30)
        self.ended.release()
        return reply

    def note(self, request, context, reply):
        self.notes.append(request.text)
        return reply


class Flow:
    def __init__(self, pb):
        self.pb = pb
        self.gone = threading.Semaphore(0)  # a caller of up_to() left

    def up_to(self, request, context, reply):
        context.add_callback(self.gone.release)
        for i in range(request.n):
            yield reply(ret=i)
        if request.n % 2:
            messages.raise_typed(context, grpc.StatusCode.ABORTED, "odd", self.pb.NoFunds(missing=request.n, account="x"))

    def sum(self, requests, context, reply):
        for request in requests:
            reply.ret += request.numbers
            reply.n += 1
            if request.numbers < 0:
                context.abort(grpc.StatusCode.OUT_OF_RANGE, "negative")
        return reply

    def echo(self, requests, context, reply):
        for request in requests:
            yield reply(ret=request.blocks)

    def scale(self, requests, context, reply):
        factor = next(requests).factor
        for request in requests:
            yield reply(ret=request.numbers * factor)


def main():
    sys.path.insert(0, str(pathlib.Path(sys.argv[1])))
    import interop_pb2 as pb
    _, port = messages.serve(pb, {"Calculator": Calculator(pb)})
    print(port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
