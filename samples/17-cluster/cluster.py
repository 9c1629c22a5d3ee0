#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Three etcd members, two name servers, three workers and a client on this machine; then parts of it are killed in turn.

    cluster.py [--bin DIR] [--pause SECONDS]     DIR: where pyrite-ns and the sample's programs are; else they are found in PATH
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

begin = time.monotonic()


def tell(text):
    print("%6.2f s  %s" % (time.monotonic() - begin, text), flush=True)


def until(seconds, what, test):
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise TimeoutError("not within %d s: %s" % (seconds, what))
        time.sleep(0.02)


def free_ports(n):
    """Ports that nobody has just now."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Part:
    """A process of the cluster, which is killed and started again."""

    def __init__(self, cluster, name, command):
        self.cluster, self.name, self.command, self.process = cluster, name, command, None

    def start(self, **more):
        with open(self.cluster.folder + "/" + self.name + ".log", "ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log, env=self.cluster.environment, **({"stdout": log} | more))

    def kill(self):
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def is_running(self):
        return self.process is not None and self.process.poll() is None


class Etcd(Part):
    def __init__(self, cluster, i, ports):
        url = "http://127.0.0.1:%d"
        self.url, peer = url % ports[i], url % ports[i + 3]
        super().__init__(cluster, "etcd%d" % i, [
            "etcd", "--name", "etcd%d" % i, "--data-dir", "%s/etcd%d" % (cluster.folder, i), "--log-level", "error",
            "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", ",".join("etcd%d=" % j + url % ports[j + 3] for j in range(3))])

    def leads(self):
        """Whether this member leads; None: there is no leader, or no answer."""
        try:
            with urllib.request.urlopen(self.url + "/v3/maintenance/status", b"{}", timeout=1) as answer:
                status = json.load(answer)
            return status["leader"] == status["header"]["member_id"] if int(status.get("leader", 0)) else None
        except (OSError, ValueError):
            return None


class NameServer(Part):
    def __init__(self, cluster, i):
        self.port = 0
        super().__init__(cluster, "ns%d" % i, None)

    def start(self):
        self.command = [self.cluster.program("pyrite-ns"), "--port", str(self.port), "--discovery", "0", "--storage", "etcd",
                        "--etcd", ",".join(each.url.removeprefix("http://") for each in self.cluster.etcd)]
        super().start(stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        if ":" not in line:
            raise RuntimeError("%s does not begin" % self.name)
        self.port = int(line.rsplit(":", 1)[1])  # it keeps the one that it got first


class Ready(Part):
    """One that prints Ready when it is."""

    def start(self, **more):
        super().start(stdout=subprocess.PIPE, text=True, bufsize=1, **more)
        if self.process.stdout.readline() != "Ready\n":
            with open(self.cluster.folder + "/" + self.name + ".log", encoding="utf-8") as log:
                raise RuntimeError("%s does not begin: %s" % (self.name, log.read().strip()))


class Client(Ready):
    def start(self):
        super().start(stdin=subprocess.PIPE)

    def report(self):
        """What it has done since the last time."""
        self.process.stdin.write("\n")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the client has ended")
        for part in line.strip().split("; "):
            print("            " + part, flush=True)
        return line

    def end(self):
        self.process.stdin.close()
        if self.process.wait(10) != 0:
            raise RuntimeError("the client failed")


class Cluster:
    def __init__(self, folder, programs, pause):
        ports = free_ports(6)
        self.folder, self.programs, self.pause, self.environment = folder, programs, pause, dict(os.environ)
        self.etcd = [Etcd(self, i, ports) for i in range(3)]
        self.ns = [NameServer(self, i + 1) for i in range(2)]
        self.workers = [Ready(self, "worker%d" % i, [self.program("sample-cluster-worker"), str(i)]) for i in (1, 2, 3)]
        self.client = Client(self, "client", [self.program("sample-cluster-client")])

    def program(self, name):
        return os.path.join(self.programs, name) if self.programs else name

    def leader(self):
        return next((each for each in self.etcd if each.is_running() and each.leads()), None)

    def start_etcd(self):
        for each in self.etcd:
            if not each.is_running():
                each.start()
        until(20, "etcd has a leader", self.leader)

    def start(self):
        self.start_etcd()
        tell("etcd runs, %s leads" % self.leader().name)
        for each in self.ns:
            each.start()
        self.environment["PYRITE_NS_HOST"] = ",".join("127.0.0.1:%d" % each.port for each in self.ns)
        tell("name servers run: PYRITE_NS_HOST=" + self.environment["PYRITE_NS_HOST"])
        for each in self.workers:
            each.start()
        self.client.start()
        tell("3 workers and a client run")

    def end(self):
        """Each before what it needs, as those that are told to stop remove their names; etcd's data go with the folder."""
        for parts, how in (([self.client], signal.SIGTERM), (self.workers, signal.SIGTERM), (self.ns, signal.SIGTERM),
                           (self.etcd, signal.SIGKILL)):
            running = [part for part in parts if part.is_running()]
            for part in running:
                part.process.send_signal(how)
            for part in running:
                try:
                    part.process.wait(5)
                except subprocess.TimeoutExpired:
                    part.kill()


def watch(cluster):
    """Lets the client work, and tells what it has done meanwhile."""
    time.sleep(cluster.pause)
    return cluster.client.report()


def a_worker_is_killed(cluster):
    tell("worker 2 is killed")
    cluster.workers[1].kill()
    yield watch(cluster)
    tell("worker 2 is started again")
    cluster.workers[1].start()
    yield watch(cluster)


def a_name_server_is_killed(cluster):
    tell("name server 1 is killed")
    cluster.ns[0].kill()
    yield watch(cluster)
    cluster.ns[0].start()
    tell("name server 1 is started again; name server 2 is killed")
    cluster.ns[1].kill()
    yield watch(cluster)
    cluster.ns[1].start()
    tell("name server 2 is started again")


def the_leader_of_etcd_is_killed(cluster):
    leader = cluster.leader()
    tell("%s, the leader of etcd, is killed" % leader.name)
    leader.kill()
    until(10, "etcd has another leader", cluster.leader)
    tell("%s leads" % cluster.leader().name)
    yield watch(cluster)
    leader.start()
    tell("%s is started again" % leader.name)


def all_of_etcd_is_killed(cluster):
    tell("all of etcd is killed")
    for each in cluster.etcd:
        each.kill()
    yield watch(cluster)
    cluster.start_etcd()
    tell("etcd is started again, %s leads" % cluster.leader().name)
    yield watch(cluster)


def play(cluster):
    """Returns how many calls and look-ups failed."""
    failed = 0
    cluster.start()
    watch(cluster)
    for scene in (a_worker_is_killed, a_name_server_is_killed, the_leader_of_etcd_is_killed, all_of_etcd_is_killed):
        for line in scene(cluster):
            failed += sum(int(part.split()[2]) for part in line.split("; ")[:2])
    cluster.client.end()
    tell("%s calls and look-ups failed" % (failed or "no"))
    return failed


def main():
    parser = argparse.ArgumentParser(description="Starts a cluster on this machine and kills parts of it in turn.")
    parser.add_argument("--bin", default="", help="where the programs are; default: in PATH")
    parser.add_argument("--pause", type=float, default=2, help="seconds between two events (2)")
    args = parser.parse_args()
    if not shutil.which("etcd"):
        sys.exit("cluster.py: there is no etcd: install Debian's package etcd-server")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="pyrite-cluster.") as folder:
        cluster = Cluster(folder, args.bin, args.pause)
        try:
            failed = play(cluster)
        except (OSError, RuntimeError, ValueError, IndexError) as problem:
            sys.exit("cluster.py: %s" % problem)
        finally:
            cluster.end()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
