#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A port that is a script's own, whoever else runs on this machine. As a program: prints one, and keeps it until it is
told to end."""

import signal
import socket
import sys

kept = []


def port_of_ours():
    """A port of 127.0.0.1 where nobody listens, until this process ends: it stays bound, so that the system gives it to
    nobody, but a daemon that asks for it has it, and may have it again. Both set SO_REUSEADDR, which shares a port with
    whom does not listen."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    kept.append(keeper)
    return keeper.getsockname()[1]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(port_of_ours(), flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
