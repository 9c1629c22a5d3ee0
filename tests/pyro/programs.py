# SPDX-License-Identifier: MIT
"""Programs that the tests of Pyro's clients start, and what they check."""

import os
import pathlib
import subprocess
import time

import Pyro4

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PATIENCE = 20


class Program:
    """One that prints lines until it is ready, and ends when its standard input does, or by a signal."""

    def __init__(self, name, *arguments, until, **environment):
        self.process = subprocess.Popen([BIN / name, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})
        self.lines = []
        while not self.lines or not self.lines[-1].startswith(until):
            self.lines.append(self.process.stdout.readline().strip())
            assert self.lines[-1], f"{name} ended"

    def end(self, signal=False):
        self.process.stdin.close()
        if signal:
            self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        assert code == 0, f"exit code {code}"


class Examples(Program):
    """The servers of the examples: where their objects are."""

    def __init__(self, *arguments, **environment):
        super().__init__("pyro-examples", *arguments, until="Ready", **environment)
        self.uris = dict(line.split() for line in self.lines[:-1])

    def proxy(self, name, **attributes):
        proxy = Pyro4.Proxy(self.uris[name])
        for attribute, value in attributes.items():
            setattr(proxy, attribute, value)
        return proxy


def same(actual, expected):
    assert actual == expected, f"{actual!r}, expected {expected!r}"


def fails(kind, text, call, *arguments, **named):
    """The exception of a call, which must be of this kind and have this text in its own."""
    try:
        result = call(*arguments, **named)
    except kind as error:
        assert type(error) is kind, f"{type(error)}: {error}"
        assert text in str(error), f"{error}, expected {text}"
        return error
    raise AssertionError(f"answered {result!r}")


def until(condition):
    """Waits until that is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "does not become so"
        time.sleep(0.002)
