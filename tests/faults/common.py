# SPDX-License-Identifier: MIT
"""What the scripts of failure and load share: a server and callers in processes of their own, and what /proc says."""

import atexit
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "rules"))

import raw  # noqa: E402
from raw import BIN, PREFACE, Client, Closed, field, frame, hello, message, uri, varint  # noqa: E402,F401

MIB = 1 << 20
PATIENCE = 20
LOST, EXHAUSTED, INVALID = 14, 8, 3
IS_SANITIZED = any(name in (BIN / "faults-server").read_bytes() for name in (b"libasan", b"libtsan"))  # memory and time are its
FOLDER = tempfile.mkdtemp(prefix="pyrite-faults-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


class Cases(raw.Cases):
    def end(self):
        """os._exit() runs no functions of atexit."""
        shutil.rmtree(FOLDER, ignore_errors=True)
        super().end()


def within(condition, seconds=PATIENCE):
    """Waits for a condition, which is looked at often. Returns whether it came true."""
    until = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.005)
    return bool(met)


def report(what, goal):
    """A figure beside its goal, for the log."""
    print(f"    {what} (goal: {goal})", flush=True)


def machine_times():
    """Ticks of all cores: stolen by the hypervisor, idle, all; and those of this process and its ended children."""
    times = [int(n) for n in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return times[7], times[3] + times[4], sum(times), sum(os.times()[:4]) * os.sysconf("SC_CLK_TCK")


def taken_by_others(before):
    """Percent of the machine since then: stolen, and used by other processes. For figures that depend on it."""
    stolen, idle, total, own = (now - then for now, then in zip(machine_times(), before))
    return 100 * stolen / total, 100 * max(0, total - stolen - idle - own) / total


def as_nobody(function, *what):
    """The integer that it returns, in a process of the user nobody. For root."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writer, str(function(*what)).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read()
    os.waitpid(pid, 0)
    return int(said)


class Server:
    """faults-server; object "target"."""

    def __init__(self, *options, max_fds=None, environment=None, program="faults-server"):
        def limit():
            if max_fds:
                resource.setrlimit(resource.RLIMIT_NOFILE, (max_fds, max_fds))

        begin = time.monotonic()
        self.process = subprocess.Popen([BIN / program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=dict(os.environ, **(environment or {})), preexec_fn=limit)
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the server did not start"
        self.began = time.monotonic() - begin
        self.uri = uri(self.address, "target")
        self.port = self.address.rpartition(":")[2]
        self.proc = pathlib.Path(f"/proc/{self.process.pid}")

    def status(self, name):
        lines = (self.proc / "status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(name + ":")))

    def rss(self):
        return self.status("VmRSS") * 1024

    def peak(self):
        return self.status("VmHWM") * 1024

    def forget_peak(self):
        (self.proc / "clear_refs").write_text("5")

    def threads(self):
        return self.status("Threads")

    def fds(self):
        """Open descriptors, without the few epolls and eventfds that gRPC core makes with its first connection."""
        count = 0
        for one in (self.proc / "fd").iterdir():
            try:
                count += not os.readlink(one).startswith("anon_inode:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def cpu(self):
        """Seconds of processor time so far."""
        fields = (self.proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, patience=PATIENCE):
        code = self.process.wait(patience)
        self.process.stdin.close()
        self.process.stdout.close()
        return code

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self):
        """It still lives, and ends as it should."""
        assert self.process.poll() is None, f"the server ended by itself: {self.process.returncode}"
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"exit code {code}"


class Caller:
    """faults-client, at work beside the script."""

    def __init__(self, what, at, *numbers, program="faults-client", environment=None):
        self.said = {}
        self.process = subprocess.Popen([BIN / program, what, at, *map(str, numbers)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=dict(os.environ, **(environment or {})))

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            return None
        name, value = line.split()
        self.said.setdefault(name, []).append(int(value))
        return name, int(value)

    def wait_for(self, name, least=None):
        while (said := self.read()) is not None:
            if said[0] == name and (least is None or said[1] >= least):
                return said[1]
        raise AssertionError(f"the client never said {name}: {self.said}")

    def finish(self, patience=60):
        """All that it said; a name said twice is a list."""
        while self.read() is not None:
            pass
        code = self.process.wait(patience)
        self.process.stdin.close()
        self.process.stdout.close()
        assert code == 0, f"client: exit code {code}, {self.said}"
        return {name: values[0] if len(values) == 1 else values for name, values in self.said.items()}


def call(what, at, *numbers):
    return Caller(what, at, *numbers).finish()


def crowd(at, clients, calls, how):
    done = subprocess.run([BIN / "faults-crowd", at, str(clients), str(calls), how], capture_output=True, text=True,
                          check=True, timeout=60)
    return int(done.stdout.split()[1])


class Target(Client):
    """A raw client of a faults-server."""

    def bind(self, session=1, name="target", interface="faults.Target", fingerprint=1):
        return super().bind(session, name, interface, fingerprint)

    def call_frame(self, what, payload=b"", session=1, number=None, **fields):
        name = f"faults.Target.{what}"
        body = dict(session=session, name=name, fingerprint=self.prints.get(name, 0), payload=payload)
        body.update(fields)
        return frame(number or next(self.numbers), call=body)


def linked(server, **fields):
    client = Target(server.address.replace("./u:", "unix:"))
    client.bind(**fields)
    return client
