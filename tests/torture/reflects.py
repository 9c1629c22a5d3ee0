#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A client of gRPC's reflection: for each line on stdin, the address of a daemon, asks it for its services and for a file, and
prints the status that the calls end with, 0 for what is expected. Prints "ready" first."""

import sys

import grpc

METHOD = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
# list_services = ""; file_containing_symbol = "things.Thing"
QUESTIONS = (b"\x3a\x00", b"\x22\x0cthings.Thing")
MALFORMED = 63  # no status of gRPC


def ask(address):
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            answers = list(channel.stream_stream(METHOD)(iter(QUESTIONS), timeout=10))
        except grpc.RpcError as error:
            return error.code().value[0]
    if len(answers) != 2:
        return MALFORMED
    # error_response, field 7, has the code of a status in its field 1
    for answer in answers:
        at = answer.find(b"\x3a", 2 + answer[1] if answer[:1] == b"\x12" else 0)
        if b"things" not in answer and at >= 0 and answer[at + 2] == 8:
            return answer[at + 3]
    return 0 if all(b"things" in answer for answer in answers) else MALFORMED


def main():
    print("ready", flush=True)
    for line in sys.stdin:
        print(ask(line.strip()), flush=True)


if __name__ == "__main__":
    main()
