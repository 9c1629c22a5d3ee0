# SPDX-License-Identifier: MIT
"""The two ends of a measurement: a server, a client, a tool that may watch one of them."""

import atexit
import contextlib
import functools
import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time

PATIENCE = 60  # s; under valgrind everything takes fifty times as long
SHORT, LONG = 1000, 4000  # calls


class Failed(Exception):
    pass


def first_line(process, what):
    """The address that a server prints: the last word of its first line."""
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    if not selector.select(PATIENCE):
        raise Failed(f"{what} printed nothing")
    return (process.stdout.readline().decode().split() or [""])[-1]


def program(options, name):
    """Where it is: ours, or a peer's."""
    places = [folder / name for folder in (options.bin, options.peers) if folder]
    found = [place for place in places if place.exists()]
    if not found:
        raise Failed(f"there is no {name}")
    return found[0]


class Process:
    """A process that prints an address and serves until it is told to end; gone when the block ends."""

    def __init__(self, command, cpus, env, folder, name):
        self.name = name
        self.said = open(pathlib.Path(folder) / f"{name}.err", "w+b")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.said, cwd=folder, env=env,
                                        preexec_fn=lambda: os.sched_setaffinity(0, cpus))

    def __enter__(self):
        try:
            self.address = first_line(self.process, self.name)
            if not self.address:
                raise Failed(f"{self.name} did not start: {self.errors()}")
        except BaseException:
            self.kill()
            raise
        return self

    def errors(self):
        self.said.seek(0)
        return self.said.read().decode(errors="replace").strip()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self):
        self.process.stdout.close()
        self.said.close()

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not end") from None
        errors = self.errors()
        self.close()
        if code not in (0, -signal.SIGTERM) and not kind:
            raise Failed(f"{self.name} ended with {code}: {errors}")


@functools.cache
def keys(pyrite, has_list):
    """A folder for PYRITE_KEYS, removed at the end. has_list: a certificate of another name is revoked."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    for words in ["init"], ["add", "bench"], *([["add", "other"], ["revoke", "other"]] if has_list else []):
        subprocess.run([pyrite, "keys", "--quiet", "--dir", folder, *words], check=True)
    return f"{folder}/bench"


def environment(row, options):
    own = dict(os.environ, **dict(row.env))
    if row.proof == "key":
        own["PYRITE_SHARED_KEY"] = "00112233445566778899aabbccddeeff"
    elif row.proof:
        own["PYRITE_KEYS"] = keys(program(options, "pyrite"), row.proof == "list")
    return own


@contextlib.contextmanager
def server_of(row, options, folder, prefix=()):
    socket = pathlib.Path(folder) / "socket"
    command = [*prefix, program(options, row.server[0]), *row.server[1:]]
    command += ["--socket", str(socket)] if row.over == "unix" else []
    try:
        with Process(command, {options.cpu}, environment(row, options), folder, row.server[0]) as server:
            yield server
    finally:
        socket.unlink(missing_ok=True)


@contextlib.contextmanager
def way_to(row, options, folder, server):
    """The address to call: the server's, or that of a relay which is delay_ms away from it."""
    if not row.delay_ms:
        yield server.address
        return
    found = re.search(r"(\d+)$", server.address)
    command = [program(options, "fault-relay"), "-d", str(row.delay_ms), f"127.0.0.1:{found[1]}"]
    others = os.sched_getaffinity(0) - {options.cpu} or {options.cpu}  # its work is not the ends'
    with Process(command, others, environment(row, options), folder, "fault-relay") as relay:
        yield server.address[:found.start()] + relay.address.rpartition(":")[2]


def run_client(row, options, folder, server, arguments, prefix=()):
    with way_to(row, options, folder, server) as address:
        command = [*prefix, program(options, row.client[0]), address, *row.client[1:], "--cpu", str(options.cpu),
                   "--server", str(server.process.pid), *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=PATIENCE,
                                  env=environment(row, options))
        except subprocess.TimeoutExpired:
            raise Failed(f"{row.name}: the client did not end") from None
    if done.returncode:
        raise Failed(f"{row.name}: {row.client[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return {key: float(value) for key, value in (pair.split("=") for pair in done.stdout.split())}


def measure(row, options, folder, arguments):
    """One line of results, as a dictionary."""
    with server_of(row, options, folder) as server:
        return run_client(row, options, folder, server, arguments)


# Tools that count, and what they counted

def prefix_of(tool, output):
    if tool == "strace":
        return ["strace", "-D", "-f", "-c", "-U", "calls,name", "-o", output]  # -D: the child is the program
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", "--log-file=/dev/null"]


def read_strace(output):
    """The summary, which strace writes when the program has ended."""
    deadline = time.monotonic() + PATIENCE
    while True:
        lines = re.findall(r"^ *(\d+) (\w+)$", pathlib.Path(output).read_text(), re.MULTILINE)
        if lines and lines[-1][1] == "total":
            return {name: int(n) for n, name in lines[:-1]}
        if time.monotonic() > deadline:
            raise Failed("strace wrote no summary")
        os.sched_yield()


def read_callgrind(output):
    found = re.search(r"^(?:summary|totals): (\d+)", pathlib.Path(output).read_text(), re.MULTILINE)
    if not found:
        raise Failed("callgrind wrote no summary")
    return {"instructions": int(found[1])}


def count_run(row, options, folder, tool, end, calls):
    output = os.path.join(folder, f"{tool}.{end}.{calls}")
    prefix = prefix_of(tool, output)
    with server_of(row, options, folder, prefix if end == "server" else ()) as server:
        run_client(row, options, folder, server, ["--ms", 0, "--calls", calls], prefix if end == "client" else ())
    return (read_strace if tool == "strace" else read_callgrind)(output)


def count(row, options, folder, tool, end, calls=(SHORT, LONG)):
    """What a call costs one end, by name: start and warm-up drop out of the difference of two runs."""
    try:
        short, long = (count_run(row, options, folder, tool, end, n) for n in calls)
    except FileNotFoundError as error:
        raise Failed(f"{error.filename} is not installed") from None
    n = calls[1] - calls[0]
    n += calls[1] // 10 - calls[0] // 10  # they warm up with a tenth of their calls
    return {name: (long[name] - short.get(name, 0)) / n for name in long}
