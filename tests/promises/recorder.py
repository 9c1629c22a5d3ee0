# SPDX-License-Identifier: MIT
"""Records a conversation: stands between the two programs, and keeps what each of them sends."""

import contextlib
import os
import pathlib
import socket
import subprocess
import threading

import recording
import talks

PATIENCE = 20
HERE, REAL = "talk.sock", "real.sock"  # in the folder where both programs run
BIN = pathlib.Path(os.environ["PYRITE_BIN"])
FOREIGN = pathlib.Path(__file__).resolve().parent / "foreign.py"


def command(words):
    """foreign.py is beside this file, all else in the build's folder of programs."""
    return ["/usr/bin/python3", str(FOREIGN), *words[1:]] if words[0] == FOREIGN.name else [str(BIN / words[0]), *words[1:]]


def start(words, folder):
    """A program, which ends with its standard input."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYRITE_")}
    return subprocess.Popen(command(words), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            env={**environment, "PYRITE_LOG": "off", "PYRITE_LOOKUP_TIMEOUT_MS": "60000",
                                 "XDG_CONFIG_HOME": str(folder)})


@contextlib.contextmanager
def server(words, folder):
    """A program that accepts connections once it has printed a line."""
    with start(words, folder) as process:
        try:
            assert process.stdout.readline(), f"{words} did not start"
            yield process
        finally:
            process.stdin.close()
            if words[0] == "pyrite-ns":
                process.terminate()
            code = process.wait(PATIENCE)
        assert code == 0, f"{words} ended with {code}"


def listen(folder, name):
    plug = socket.socket(socket.AF_UNIX)
    plug.bind(str(folder / name))
    plug.listen(16)
    plug.settimeout(PATIENCE)
    return plug


class Recorder:
    def __init__(self, made, folder, schema):
        self.made, self.folder, self.schema = made, folder, schema
        self.lock, self.threads, self.open = threading.Lock(), [], {}
        self.door = listen(folder, HERE)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        number = 0
        while True:
            try:
                near = self.door.accept()[0]
            except OSError:
                return  # stopped
            number += 1
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(str(self.folder / REAL))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.made.events.append(recording.Event("open", number))
                self.open[number] = (near, far)
            parsers = {}
            for role, source, sink in (("client", near, far), ("server", far, near)):
                self.threads.append(threading.Thread(target=self.pump, args=(number, role, source, sink, parsers), daemon=True))
                self.threads[-1].start()

    def pump(self, number, role, source, sink, parsers):
        while True:
            try:
                data = source.recv(1 << 16)
            except OSError:
                data = b""
            with self.lock:
                if number not in self.open:
                    return  # cut
                if data:
                    self.keep(number, role, data, parsers)
                else:
                    self.made.events.append(recording.Event("close", number, role))
            with contextlib.suppress(OSError):
                if not data:
                    return sink.shutdown(socket.SHUT_WR)
                sink.sendall(data)

    def keep(self, number, role, data, parsers):
        if not parsers:
            assert role == "client", "the accepting end spoke first"
            calls = talks.Calls(self.schema)
            parsers.update({who: talks.parser(data, who, calls) for who in ("client", "server")})
        first = True
        for unit in parsers[role].feed(data):
            if unit.starts and (first or isinstance(parsers[role], talks.Link)):
                self.made.events.append(recording.Event("sent", number, role))
            first = False
            if not unit.raw and unit.about != "end":
                continue  # it is in the bytes of the one before
            self.made.events[-1].units.append((unit.raw, unit.text))

    def cut(self):
        with self.lock:
            for number, plugs in self.open.items():
                self.made.events.append(recording.Event("cut", number))
                for plug in plugs:
                    plug.shutdown(socket.SHUT_RDWR)
            self.open.clear()

    def end(self):
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a connection is still open"
        self.door.close()


def talk(process, cut):
    """What a client prints. Where it prints "cut", cut() is called, and the client goes on."""
    prints = []
    for line in process.stdout:
        prints.append(line.rstrip("\n"))
        if prints[-1] == "cut":
            cut()
            process.stdin.write("\n")
            process.stdin.flush()
    code = process.wait(PATIENCE)
    assert code == 0, f"the client ended with {code}: {prints}"
    return prints


def record(made, folder, schema):
    """made: a recording with nothing but its programs, and what varies."""
    made.events, made.prints = [], []
    words = {**made.foreign, **made.programs}
    with server(words["server"], folder):
        recorder = Recorder(made, folder, schema)
        with start(words["client"], folder) as client:
            made.prints = talk(client, recorder.cut)
        recorder.end()
