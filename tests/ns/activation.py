#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""activation.py: pyrite-ns serves a listening socket that its parent hands over as systemd does: descriptor 3, LISTEN_FDS,
LISTEN_PID. Prints "ok <case>" or "not ok <case>"."""

import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PATIENCE = 40
FIRST = 3
HANDS_OVER = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[1], sys.argv[1:])
"""


def listening(family, address, backlog=8):
    sock = socket.socket(family)
    sock.bind(address)
    if backlog:
        sock.listen(backlog)
    return sock


def start(sock, *options, n="1", is_its_own=True):
    """pyrite-ns with sock at descriptor 3. The program between keeps its process id, so it can tell it."""
    environment = dict(os.environ, LISTEN_FDS=n, LISTEN_PID="1")
    command = [str(BIN / "pyrite-ns"), "--storage", "memory", *options]
    if is_its_own:
        command = [sys.executable, "-c", HANDS_OVER, *command]

    def place():  # in the child: dup2() clears close-on-exec, unless it is there already
        if sock.fileno() == FIRST:
            os.set_inheritable(FIRST, True)
        else:
            os.dup2(sock.fileno(), FIRST)

    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=place, close_fds=False)


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, ""), (process.returncode, out, err)
    return out


def ask(address, *command):
    host, _, port = address.rpartition(":")
    where = ["--unix-socket", address[len("./u:"):]] if address.startswith("./u:") else ["--host", host, "--port", port]
    said = subprocess.run([str(BIN / "pyrite-nsc"), *where, *command], capture_output=True, text=True, timeout=PATIENCE)
    assert (said.returncode, said.stderr) == (0, ""), said
    return said.stdout.strip()


def is_served(sock, address):
    process = start(sock)
    try:
        assert process.stdout.readline() == f"NS running on {address}\n"
        assert process.stdout.readline() == f"URI = PYRO:Pyrite.NameServer@{address}\n"
        assert ask(address, "register", "a.name", "PYRO:x@h:1") == "Registered a.name"
        assert ask(address, "lookup", "a.name") == "PYRO:x@h:1"
    finally:
        end(process)


def a_tcp_socket_is_served():
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        is_served(sock, f"127.0.0.1:{sock.getsockname()[1]}")


def a_unix_socket_is_served_and_its_path_stays():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ns"
        with listening(socket.AF_UNIX, path) as sock:
            is_served(sock, f"./u:{path}")
            assert os.listdir(folder) == ["ns"]


def who_comes_between_two_runs_is_served_by_the_second():
    """As systemd starts it: at the first connection."""
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        is_served(sock, address)
        early = subprocess.Popen([str(BIN / "pyrite-nsc"), "--host", "127.0.0.1", "--port", address.split(":")[1], "ping"],
                                 stdout=subprocess.PIPE, text=True)
        try:
            connection_comes(sock)
            process = start(sock)
            try:
                assert early.communicate(timeout=PATIENCE)[0] == "Name server ping ok.\n"
            finally:
                end(process)
        finally:
            early.kill()


def connection_comes(sock):
    assert select.select([sock], [], [], PATIENCE)[0], "nobody came"


def complains(text, sock, *options, **how):
    process = start(sock, *options, **how)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (process.returncode, out) == (1, "") and text in err, (process.returncode, out, err)


def what_cannot_be_served_is_told():
    with listening(socket.AF_INET, ("127.0.0.1", 0), backlog=0) as sock:
        complains("pyrite-ns: DaemonError: descriptor 3 is not a listening socket", sock)
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        complains("LISTEN_FDS is not 1", sock, n="2")
        complains("leave out --host, --port", sock, "--port", "0")
    with listening(socket.AF_INET, ("0.0.0.0", 0)) as sock:
        complains("refusing to listen on 0.0.0.0:", sock)


def what_was_handed_to_another_process_is_left_alone():
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as sock:
        process = start(sock, "--port", "0", is_its_own=False)
        try:
            line = process.stdout.readline()
        finally:
            end(process)
        assert line.startswith("NS running on 127.0.0.1:") and line.split(":")[-1] != f"{sock.getsockname()[1]}\n", line


def main():
    failed = 0
    for case in (a_tcp_socket_is_served, a_unix_socket_is_served_and_its_path_stays,
                 who_comes_between_two_runs_is_served_by_the_second, what_cannot_be_served_is_told,
                 what_was_handed_to_another_process_is_left_alone):
        try:
            case()
            print(f"ok {case.__name__}")
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {case.__name__}\n    {error!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
