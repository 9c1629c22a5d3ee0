#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""measure.py BIN [--part PART]... [--out FILE]: what name servers and etcd take for each operation, here and now. BIN has pyrite-ns and
the programs bench-*; etcd and etcdctl are Debian's. Writes costs.json, which the model reads; with --part, that part of it
alone is measured anew. Each entry has the command that it came from, in which NS and ETCD stand for the addresses."""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
PATIENCE = 30  # s
MILLION = 1_000_000


class Failed(Exception):
    pass


def cpu_s(pid):
    """What a process has spent so far, with all its threads."""
    return time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3)


def resident_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"))[1]) / 1024


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(what, condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise Failed(f"{what}: not within {PATIENCE} s")
        time.sleep(0.02)


def end(processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Etcd:
    """So many members on this machine."""

    def __init__(self, n, folder, extra=()):
        self.ports = free_ports(2 * n)
        self.clients = [f"127.0.0.1:{port}" for port in self.ports[:n]]
        peers = [f"http://127.0.0.1:{port}" for port in self.ports[n:]]
        cluster = ",".join(f"m{i}={peer}" for i, peer in enumerate(peers))
        self.processes, self.folder = [], pathlib.Path(folder)
        for i in range(n):
            with open(self.folder / f"m{i}.log", "wb") as log:
                self.processes.append(subprocess.Popen(
                    ["etcd", "--name", f"m{i}", "--data-dir", self.folder / f"m{i}", "--initial-cluster", cluster,
                     "--listen-client-urls", f"http://{self.clients[i]}", "--advertise-client-urls", f"http://{self.clients[i]}",
                     "--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i],
                     "--quota-backend-bytes", str(8 << 30), *extra], stdout=log, stderr=log))

    def __enter__(self):
        try:
            wait_for("etcd", lambda: self.ctl("endpoint", "health").returncode == 0)
            status = json.loads(self.ctl("endpoint", "status", "-w", "json").stdout)
        except BaseException:
            end(self.processes)
            raise
        self.leader = next(i for i, one in enumerate(status) if one["Status"]["leader"] == one["Status"]["header"]["member_id"])
        return self

    def __exit__(self, *_):
        end(self.processes)

    def ctl(self, *arguments):
        return subprocess.run(["etcdctl", "--endpoints", ",".join(self.clients), *arguments], capture_output=True, text=True,
                              env={**os.environ, "ETCDCTL_API": "3"}, timeout=PATIENCE, check=False)

    def database_mib(self):
        status = json.loads(self.ctl("endpoint", "status", "-w", "json").stdout)
        return status[0]["Status"]["dbSize"] / (1 << 20)


class NameServer:
    def __init__(self, bin_, storage, *more):
        self.process = subprocess.Popen([bin_ / "pyrite-ns", "--port", "0", "--discovery", "0", "--storage", storage, *more],
                                        stdout=subprocess.PIPE, text=True)
        self.since = time.monotonic()

    def __enter__(self):
        line = self.process.stdout.readline()
        if not line.startswith("NS running on "):
            end([self.process])
            raise Failed(f"pyrite-ns said {line!r}")
        self.start_s = time.monotonic() - self.since
        self.address = line.split()[-1]
        return self

    def __exit__(self, *_):
        end([self.process])
        self.process.stdout.close()


class Bench:
    def __init__(self, bin_):
        self.bin = bin_

    def run(self, program, address, *arguments, stands_for):
        """The figures that a program prints, and what it was."""
        done = subprocess.run([self.bin / program, address, *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{program} {' '.join(map(str, arguments))}: {done.stderr}")
        shown = [word if not isinstance(word, int) or word < 1000 or arguments[i - 1] != "--server" else "PID"
                 for i, word in enumerate(arguments)]
        entry = {"command": " ".join(map(str, [program, stands_for, *shown]))}
        entry.update((key, float(value)) for key, value in re.findall(r"(\w+)=([0-9.]+)", done.stdout)
                     if key not in ("steal", "foreign"))
        return entry


def near_median(rounds, key):
    return sorted(rounds, key=lambda entry: entry[key])[len(rounds) // 2]


def measure_names(bench, storage, rounds=3):
    """Of a name server: each operation alone, where it waits, and with many in flight, where it is busy."""
    ret = {}
    with NameServer(bench.bin, storage) as ns:
        for mode in ("lookup", "register", "renew", "renew_one", "arrive"):
            for n in (1, 64):
                ret[f"{mode}_{n}"] = near_median([
                    bench.run("bench-names", ns.address, f"{mode}:10000", "-n", n, "--ms", 700, "--server", ns.process.pid,
                              stands_for="NS") for _ in range(rounds)], "server_us")
    return ret


def measure_watchers(bench):
    """Each change at each watcher."""
    ret = {}
    for n, n_connections in ((500, 100), (2000, 100), (8000, 100), (500, 500), (2000, 2000), (6000, 6000)):
        with NameServer(bench.bin, "memory") as ns:
            before = cpu_s(ns.process.pid)
            entry = bench.run("bench-watchers", ns.address, n, "-n", n_connections, "--ms", 4000, "--server", ns.process.pid,
                              stands_for="NS")
            entry["server_us_each"] = (cpu_s(ns.process.pid) - before) * 1e6 / (n * entry["changes"])
            ret[f"watchers_{n}_over_{n_connections}"] = entry
    return ret


def measure_million(bench, folder):
    ret = {}
    storage = f"sqlite:{folder}/million.db"
    with NameServer(bench.bin, storage, "--max-names", "1100000") as ns:
        ret["register_million"] = bench.run("bench-names", ns.address, f"lookup:{MILLION}", "-n", 64, "--server", ns.process.pid,
                                            stands_for="NS")
        ret["register_million"]["resident_mib"] = resident_mib(ns.process.pid)
    with NameServer(bench.bin, storage, "--max-names", "1100000") as ns:
        ret["start_million"] = {"command": "pyrite-ns --max-names 1100000", "seconds": ns.start_s,
                                "resident_mib": resident_mib(ns.process.pid)}
    return ret


def measure_etcd_alone(bench, folder):
    """One member: what the work itself takes, without others to agree with."""
    ret = {}
    with Etcd(1, folder) as etcd:
        pid = etcd.processes[0].pid
        for mode in ("txn", "keepalive:1000", "grant", "watch:1", "watch:8", "watch:32"):
            for n in (1, 64):
                ret[f"{mode.replace(':', '_')}_{n}"] = bench.run("bench-etcd", etcd.clients[0], mode, "-n", n, "--ms", 1500,
                                                                 "--server", pid, stands_for="ETCD")
        for n in (1000, 2000):
            ret[f"expire_{n}"] = bench.run("bench-etcd", etcd.clients[0], f"expire:{n}", stands_for="ETCD")
    return ret


def measure_etcd_three(bench, folder):
    """CPU of leader and follower, for clients of either. All three and the client share the machine's cores, so times
    taken here are worse than those of three machines."""
    ret = {"fsync": measure_disk(folder)}
    with Etcd(3, folder) as etcd:
        follower = (etcd.leader + 1) % 3
        for at, name in ((etcd.leader, "leader"), (follower, "follower")):
            for mode, n, calls in (("txn", 1, 1000), ("txn", 64, 8000), ("keepalive:100", 1, 4000), ("keepalive:100", 64, 10000),
                                   ("grant", 64, 8000)):
                before = [cpu_s(process.pid) for process in etcd.processes]
                entry = bench.run("bench-etcd", etcd.clients[at], mode, "-n", n, "--calls", calls, "--ms", 1, stands_for="ETCD")
                spent = [(cpu_s(process.pid) - was) * 1e6 / (calls * 1.1) for process, was in zip(etcd.processes, before)]
                entry.update(leader_us=round(spent[etcd.leader], 1), asked_us=round(spent[at], 1),
                             follower_us=round(sum(spent[i] for i in range(3) if i != etcd.leader) / 2, 1))
                del entry["server_us"]
                ret[f"{mode.split(':')[0]}_{n}_at_{name}"] = entry
    return ret


def measure_disk(folder):
    """How long a small write to the log takes until it is safe."""
    times = []
    with open(pathlib.Path(folder) / "fsync", "wb", buffering=0) as file:
        for _ in range(200):
            began = time.monotonic()
            file.write(b"x" * 2300)
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - began) * 1000)
    times.sort()
    return {"command": "write(2) of 2,300 bytes and fdatasync(2), 200 times", "p50_ms": round(times[100], 3),
            "p99_ms": round(times[198], 3)}


def measure_etcd_million(bench, folder):
    ret = {}
    with Etcd(1, folder) as etcd:
        pid = etcd.processes[0].pid
        ret["fill"] = bench.run("bench-etcd", etcd.clients[0], f"fill:{MILLION}", stands_for="ETCD")
        for page in (1000, 10000):
            before = cpu_s(pid)
            ret[f"range_{page}"] = bench.run("bench-etcd", etcd.clients[0], f"range:{page}", stands_for="ETCD")
            ret[f"range_{page}"]["server_s"] = cpu_s(pid) - before
        ret["size"] = {"command": "etcdctl endpoint status", "database_mib": etcd.database_mib(),
                       "resident_mib": resident_mib(pid)}
    return ret


def measure_names_in_etcd(bench, folder, rounds=3):
    """Of a name server over one member of etcd; etcd_us is what that spends."""
    ret = {}
    with Etcd(1, folder) as etcd, NameServer(bench.bin, "etcd", "--etcd", etcd.clients[0]) as ns:
        for mode, n in (("lookup", 64), ("register", 1), ("register", 64), ("renew", 64), ("renew_one", 1), ("renew_one", 64)):
            found = []
            for _ in range(rounds):
                before = cpu_s(etcd.processes[0].pid)
                entry = bench.run("bench-names", ns.address, f"{mode}:1000", "-n", n, "--calls", 4000, "--ms", 1, "--server",
                                  ns.process.pid, stands_for="NS")
                entry["etcd_us"] = (cpu_s(etcd.processes[0].pid) - before) * 1e6 / (4000 * 1.1)
                found.append(entry)
            ret[f"{mode}_{n}"] = near_median(found, "server_us")
    return ret


PARTS = {
    "ns_sqlite": lambda bench, folder: measure_names(bench, f"sqlite:{folder}/ns.db"),
    "ns_memory": lambda bench, folder: measure_names(bench, "memory"),
    "ns_etcd": measure_names_in_etcd,
    "ns_watchers": lambda bench, folder: measure_watchers(bench),
    "ns_million": measure_million,
    "etcd_alone": measure_etcd_alone,
    "etcd_three": measure_etcd_three,
    "etcd_million": measure_etcd_million,
}


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    etcd = subprocess.run(["etcd", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    return {"cpu": model[1] if model else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release(), "etcd": etcd}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "costs.json")
    options = parser.parse_args()
    costs = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    costs["machine"] = machine()
    for part in options.part or PARTS:
        print(f"{part} ...", file=sys.stderr, flush=True)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pyrite."))
            costs[part] = PARTS[part](Bench(options.bin.resolve()), folder)
        options.out.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
