#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""client.py URI: the same calls as client.c, whatever the server is written in."""

import sys

import grpc

import bank_pb2
import status_pb2


class Account:
    def __init__(self, uri):
        name, address = uri.removeprefix("PYRO:").split("@")
        channel = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)])
        self.metadata = [("pyrite-object", name)]
        self.deposit = self.method(channel, "deposit")
        self.withdraw = self.method(channel, "withdraw")

    def method(self, channel, name):
        request = getattr(bank_pb2, f"Account_{name}_request")
        reply = getattr(bank_pb2, f"Account_{name}_reply")
        call = channel.unary_unary(f"/bank.Account/{name}", request.SerializeToString, reply.FromString)
        return lambda amount: call(request(amount=amount), metadata=self.metadata, timeout=10).ret


def no_funds(error):
    """The exception of the IDL in an error; None if it is another."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
    for detail in status_pb2.Status.FromString(details).details:
        if detail.type_url.endswith("/bank.NoFunds"):
            return bank_pb2.NoFunds.FromString(detail.value)
    return None


def main():
    account = Account(sys.argv[1])
    print(account.deposit(100))
    for amount in (120, 60):
        try:
            print(account.withdraw(amount))
        except grpc.RpcError as error:
            exception = no_funds(error)
            if not exception:
                raise
            print(f"NoFunds: {exception.missing} missing")


main()
