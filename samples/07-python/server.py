#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The account in python: gRPC and the messages of bank.proto alone. Prints its URI, serves until Ctrl-C."""

import signal
import sys
from concurrent import futures

import grpc

import bank_pb2
import status_pb2


class Account:
    def __init__(self):
        self.balance = 0

    def deposit(self, request, context):
        if request.amount <= 0:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an amount is positive")
        self.balance += request.amount
        return bank_pb2.Account_deposit_reply(ret=self.balance)

    def withdraw(self, request, context):
        if request.amount > self.balance:
            raise_typed(context, "no funds", bank_pb2.NoFunds(missing=request.amount - self.balance))
        self.balance -= request.amount
        return bank_pb2.Account_withdraw_reply(ret=self.balance)


def raise_typed(context, text, exception):
    """An exception of the IDL: its fields are a detail of the status."""
    status = status_pb2.Status(code=grpc.StatusCode.ABORTED.value[0], message=text)
    status.details.add(type_url="type.googleapis.com/" + exception.DESCRIPTOR.full_name,
                       value=exception.SerializeToString())
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.ABORTED, text)


def main():
    account = Account()
    methods = {
        "deposit": grpc.unary_unary_rpc_method_handler(
            account.deposit, bank_pb2.Account_deposit_request.FromString,
            bank_pb2.Account_deposit_reply.SerializeToString),
        "withdraw": grpc.unary_unary_rpc_method_handler(
            account.withdraw, bank_pb2.Account_withdraw_request.FromString,
            bank_pb2.Account_withdraw_reply.SerializeToString),
    }
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bank.Account", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"PYRO:account@127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


main()
