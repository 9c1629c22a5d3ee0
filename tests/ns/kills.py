#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kills.py N: pyrite-ns is killed N times at random points while clients register, replace and remove names; after each
start everything that was acknowledged is there. Prints "ok <case>" or "not ok <case>"."""

import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import grpc

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
IDL = pathlib.Path(os.environ["PYRITE_SOURCE"]) / "runtime/idl/naming.idl"
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
WRITERS, ACKS, PATIENCE = 6, 60, 20
REMOVED = None


class NameServer:
    """One run of pyrite-ns on the database."""

    def __init__(self, database):
        self.process = subprocess.Popen([BIN / "pyrite-ns", "--port", "0", "--storage", f"sqlite:{database}"],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("NS running on "), f"it said {line!r}"
        self.address = line.split()[-1]
        self.channel = grpc.insecure_channel(self.address, OPTIONS)

    def call(self, operation, **fields):
        request = getattr(pb, f"NameServer_{operation}_request")
        reply = getattr(pb, f"NameServer_{operation}_reply")
        stub = self.channel.unary_unary(f"/pyrite.NameServer/{operation}", request.SerializeToString, reply.FromString)
        return stub(request(**fields), timeout=PATIENCE)

    def names(self):
        found, after = {}, ""
        while True:
            page = self.call("list", prefix="k", after=after).ret
            found.update((entry.name, entry.uri) for entry in page.entries)
            after = page.next
            if not after:
                return found

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def end(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.channel.close()
        return code


class Writer:
    """One client: changes its own names one after the other, and knows what was acknowledged. The change that the kill
    met may be there or not."""

    def __init__(self, number):
        self.number = number
        self.known = {}
        self.doubt = None  # (name, uri before, uri after) of the change without an answer
        self.n_names = 0
        self.n_acks = 0

    def choose(self):
        living = [name for name, uri in self.known.items() if uri]
        kind = random.random()
        if living and kind < 0.15:
            return random.choice(living[-20:]), REMOVED
        if living and kind < 0.3:
            return random.choice(living[-20:]), f"PYRO:again{self.n_acks}@h:1"
        self.n_names += 1
        return f"k{self.number}.{self.n_names}", f"PYRO:o{self.n_names}@h:1"

    def write_until_it_dies(self, server, acknowledged):
        while True:
            name, uri = self.choose()
            self.doubt = (name, self.known.get(name), uri)
            try:
                if uri is REMOVED:
                    server.call("remove", name=name)
                else:
                    server.call("register", name=name, uri=uri, terms=pb.NameTerms(replace=True))
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    raise
                return
            self.known[name] = uri
            self.doubt = None
            self.n_acks += 1
            acknowledged.release()

    def compare(self, found):
        """Raises what is wrong; what was in doubt is known from now on."""
        if self.doubt:
            name, before, after = self.doubt
            assert found.get(name) in (before, after), f"{name}: {found.get(name)}, neither {before} nor {after}"
            self.known[name] = found.get(name)
        for name, uri in self.known.items():
            assert found.get(name) == uri, f"{name}: {found.get(name)}, but {uri} was acknowledged"


def write_and_kill(server, writers):
    """All writers at once; the kill comes after some acknowledgements, somewhere within a transaction."""
    acknowledged = threading.Semaphore(0)
    failures = []

    def work(writer):
        try:
            writer.write_until_it_dies(server, acknowledged)
        except Exception as error:  # told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for _ in range(random.randrange(ACKS)):
        assert acknowledged.acquire(timeout=PATIENCE), "no answers"
    until = time.monotonic() + random.random() / 100
    while time.monotonic() < until:
        pass
    server.kill()
    for thread in threads:
        thread.join(PATIENCE)
    if failures:
        raise failures[0]


def run_and_kill(database, writers):
    server = NameServer(database)
    try:
        found = server.names()
        for writer in writers:
            writer.compare(found)
        expected = sum(uri is not REMOVED for writer in writers for uri in writer.known.values())
        assert len(found) == expected, f"{len(found)} names, expected {expected}"
        write_and_kill(server, writers)
    finally:
        server.kill()
        server.channel.close()


def integrity(database):
    connection = sqlite3.connect(database)
    verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    assert verdict == "ok", verdict


def check(name, function):
    try:
        function()
        print(f"ok {name}", flush=True)
        return True
    except Exception as error:
        print(f"not ok {name}\n    {type(error).__name__}: {error}", flush=True)
        return False


def main():
    n = int(sys.argv[1])
    seed = int(os.environ.get("PYRITE_SEED", time.time_ns()))
    random.seed(seed)
    with tempfile.TemporaryDirectory(prefix="pyrite.") as folder:
        subprocess.run([BIN / "pyrite-idl", "--proto", folder, IDL], check=True)
        subprocess.run(["protoc", "-I", folder, "--python_out", folder, "naming.proto"], check=True)
        sys.path.insert(0, folder)
        global pb
        import naming_pb2 as pb
        database = pathlib.Path(folder) / "ns.db"
        writers = [Writer(i) for i in range(WRITERS)]

        def kill_often():
            for i in range(n):
                run_and_kill(database, writers)
                if i % 4 == 0:
                    integrity(database)

        def is_all_there():
            server = NameServer(database)
            try:
                for writer in writers:
                    writer.compare(server.names())
            finally:
                code = server.end()
            assert code == 0, f"exit code {code}"
            integrity(database)

        good = check(f"nothing_acknowledged_is_lost_in_{n}_kills", kill_often)
        good = check("everything_is_there_at_the_end", is_all_there) and good
        print(f"{sum(w.n_acks for w in writers)} changes acknowledged, seed {seed}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
