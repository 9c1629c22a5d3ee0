# SPDX-License-Identifier: MIT
"""A fault-relay, as a process that a script controls."""

import itertools
import pathlib
import socket
import subprocess
import tempfile

numbers = itertools.count(1)
folder = tempfile.TemporaryDirectory(prefix="pyrite-relay-")


class Relay:
    """What main.c takes as lines, as calls: relay("delay", 100, "there")."""

    def __init__(self, bin_dir, target):
        path = pathlib.Path(folder.name, f"control{next(numbers)}")
        own = ["-l", f"./u:{folder.name}/relay{next(numbers)}"] if target.startswith("./u:") else []
        self.process = subprocess.Popen([pathlib.Path(bin_dir) / "fault-relay", "-c", path, *own, target], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the relay did not start"
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(10)
        self.control.connect(str(path))
        self.lines = self.control.makefile("rw")

    def __call__(self, *words):
        self.lines.write(" ".join(map(str, words)) + "\n")
        self.lines.flush()
        answer = self.lines.readline().strip()
        assert answer and not answer.startswith("error"), f"{words}: {answer}"
        return answer

    def counts(self):
        """Connections that came, those that are there, and bytes passed there and back."""
        return [int(word) for word in self("count").split()]

    def close(self):
        self.lines.close()
        self.control.close()
        self.process.stdin.close()
        assert self.process.wait(10) == 0, "the relay failed"
        self.process.stdout.close()
