#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The clients among Pyro4's examples, unchanged, as Debian has them: each is run with Pyro's own servers and with those in C,
and says the same with both, but for what tidy() of its case takes out (docs/pyro-clients.md names it). Needs Debian's
pyro4-examples; where it is not, the test fails and says so. Prints "ok <case>" or "not ok <case>".

    examples.py [CASE...]
"""

import concurrent.futures
import difflib
import gzip
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback

from programs import Examples, Program, same, until

EXAMPLES = pathlib.Path("/usr/share/doc/pyro4/examples")
LONG = 90  # seconds that a client may take
LIVE = []
CASES = []


class Running:
    """A program of Python whose output goes to a file."""

    def __init__(self, folder, file, ns_port, given=""):
        self.log = tempfile.NamedTemporaryFile("r")
        environment = {**os.environ, "PYRO_NS_HOST": "127.0.0.1", "PYRO_NS_PORT": ns_port, "PYTHONUNBUFFERED": "1"}
        with open(self.log.name, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen([sys.executable, file], cwd=folder, stdin=subprocess.PIPE, stdout=out, stderr=out,
                                            text=True, env=environment)
        LIVE.append(self.process)
        self.process.stdin.write(given)
        self.process.stdin.close()

    def said(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def wait_for(self, words):
        """Until it has said so, or ended."""
        until(lambda: re.search(words, self.said()) or self.process.poll() is not None)
        assert re.search(words, self.said()), f"ended: {self.said()}"

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Own:
    """Pyro's servers: the example's file, and pyro4-ns."""

    def __init__(self, folder):
        self.folder = folder
        self.ns = self.name_server()
        self.port = port_of(self.ns)

    def name_server(self):
        ns = Program("/usr/bin/pyro4-ns", "-n", "127.0.0.1", "-p", "0", "-x", until="URI", PYTHONUNBUFFERED="1")
        LIVE.append(ns.process)
        return ns

    def start(self, case):
        """What is to be ended, and the URI that the client is told."""
        server = Running(self.folder / case.folder, case.server, self.port)
        server.wait_for(case.ready)
        return server, (re.findall(r"PYRO:\S+", server.said()) or [""])[-1]


class Ours:
    """The servers in C, which all examples share, and pyrite-ns."""

    def __init__(self):
        self.ns = self.name_server()
        self.port = port_of(self.ns)
        self.examples = Examples("--names", PYRITE_NS_PORT=self.port)
        self.guarded = Examples("--guarded")
        LIVE.extend((self.examples.process, self.guarded.process))

    def name_server(self):
        ns = Program("pyrite-ns", "--port", "0", "--storage", "memory", "--discovery", "0", until="URI")
        LIVE.append(ns.process)
        return ns

    def start(self, case):
        if case.object == "Pyro.Daemon":
            return None, "PYRO:Pyro.Daemon@" + self.guarded.uris["probe"].split("@")[1]
        return None, self.examples.uris[case.object]

    def end(self):
        self.examples.end()
        self.guarded.end()
        self.ns.end(signal=True)


def port_of(name_server):
    return name_server.lines[-1].rsplit(":", 1)[1]


class Case:
    """A client and how it is run. Those that sleep most of the time are run together, the others one after the other."""

    sleeps = False
    server = "server.py"
    client = "client.py"
    ready = "Pyro daemon running"
    given = ""          # to its standard input; {} is the URI
    stop_at = None      # what it says when it is to be interrupted
    object = None
    words = ()          # what it must say, in this order
    status = 0

    def run(self, site):
        """What the client says, with that site's servers."""
        server, ns, uri = None, None, ""
        if self.server:
            server, uri = site.start(self)
        else:
            ns = site.name_server()
        client = Running(site_folder / self.folder, self.client, port_of(ns) if ns else site.port, self.given.format(uri))
        try:
            if self.stop_at:
                client.wait_for(self.stop_at)
                client.process.send_signal(signal.SIGINT)
            status = client.process.wait(LONG)
            said = client.said()
            assert status == self.status, f"exit code {status}: {said}"
            return said
        finally:
            client.end()
            if server:
                server.end()
            if ns:
                ns.process.terminate()
                ns.process.wait()

    def tidy(self, said):
        return said

    def check(self, said):
        """What only the servers in C must do."""

    def compare(self, own, ours):
        at = 0
        for word in self.words:
            found = ours.find(word, at)
            assert found >= 0, f"no {word!r} from {at} in: {ours}"
            at = found + len(word)
        self.check(ours)
        told = [self.tidy(plain(said)).splitlines() for said in (own, ours)]
        different = list(difflib.unified_diff(*told, "with Pyro's server", "with the one in C", lineterm=""))
        assert not different, "\n".join(different)


def plain(said):
    """Without addresses, the names of things that have none, and the lines of code in traces."""
    said = re.sub(r"(?m)^ \+--- This exception(.*\n)(?: \|.*\n)* \+--- End", r" +--- This exception\1 +--- End", said)
    said = re.sub(r"(?m)^(Traceback .*\n)(?:  .*\n)+", r"\1", said)
    said = re.sub(r"@[\w.]+:\d+|\('[\w.]+', \d+\)", "@ADDRESS", said)
    return re.sub(r"obj_\w+|0x[0-9a-f]+", "OBJECT", said)


def case(kind):
    CASES.append(kind())
    return kind


@case
class Timeout(Case):
    folder, object, ready, sleeps = "timeout", "example.timeout", "Server ready", True
    stop_at, status = "ctrl-break", -signal.SIGINT  # the daemon that answers nothing
    words = ["2 seconds"] * 2 + ["TimeoutError! As expected!"] * 2 + ["3 seconds", "frozen", "TimeoutError! As expected!",
                                                                       "KeyboardInterrupt"]


class AsyncCase(Case):
    folder, object, given, sleeps = "async", "example.async", "{}\n", True


@case
class Async(AsyncCase):
    words = ["result= 20", "available? False", "resultvalue= 20", "100", "150", "resultvalue= 20", "ZeroDivisionError(",
             "waiting= False", "waiting= True", "resultvalue= 20", "result= 14", "result= 16", "result= 20", "result= 25",
             "result= 33", "done."]


@case
class AsyncBatch(AsyncCase):
    client = "client_batch.py"
    words = ["available? False", "[20, 11, 277]", "[21, 12, 278]", "[22, 13, 279]", "[23, 14, 280]", "ZeroDivisionError(",
             "wait= False", "wait= True", "[20, 11, 277]", "done."]


@case
class AsyncCallchain(AsyncCase):
    client = "client_callchain.py"
    words = ["ERRORHANDLER:  integer division", "expected error", "value=20", "value=21", "value=22", "final value= 23",
             "final value= 23", "a=30, b=1", "a=31, b=2, extra=42", "final value= 36", "final value= 26", "done."]


@case
class Oneway(Case):
    folder, object, sleeps = "oneway", "example.oneway", True
    words = ["no, trying again", "yes!", "The result :)"]

    def tidy(self, said):
        return re.sub(r"(?:server done\?\nno, trying again\n)+", "NOT YET\n", said)


@case
class Callback(Case):
    folder, object, sleeps = "callback", "example.callback", True
    words = ["waiting"] + ["reports work is done"] * 5 + ["done!"]

    def tidy(self, said):
        return re.sub(r"worker \d", "worker N", said)

    def check(self, said):
        same(sorted(re.findall(r"worker (\d)", said)), list("12345"))


@case
class Streaming(Case):
    folder, object, given, sleeps = "streaming", "example.streamer", "{}\n", True
    words = ["[1, 2, 3, 4, 5, 6, 7, 8, 9]"] * 3 + ["slow", "1\n2\n3\n4\n5\n6\n7\n8\n9"]


@case
class Attributes(Case):
    folder, object, given = "attributes", "example.attributes", "{}\n"
    words = ["p.prop_value= 42", "p.prop_value= 542", "value:  542", "yep"] + ["no exposed attribute"] * 4 + [
        "{'name': 'value'}"] * 2 + ["'dict' object has no attribute"]


@case
class Autoproxy(Case):
    folder, object, given = "autoproxy", "example.autoproxy", "{}\n"
    words = ["Speaking"]


@case
class Banks(Case):
    folder, object, ready = "banks", "example.banks.abn", "ready for customers"
    words = ["doing business", "700.75", "'unknown account'", "'unknown account'", "The accounts", "Irmen :", "Suzy :"]

    def tidy(self, said):
        """Which bank comes first is the order of the list of names."""
        said = re.sub(r"(?m)^Contacting bank.*\n", "", said).replace("\nThe accounts", "\n\nThe accounts")
        return "\n".join(sorted(part.strip() for part in said.split("\n\n")))

    def check(self, said):
        same(sorted(re.findall("Contacting bank: (.*)", said)), ["example.banks.abn", "example.banks.rabobank"])
        same([said.count(words) for words in ("-99.25", " 300.75", "=300.75", "Failed: insufficent balance")], [4, 2, 2, 2])


@case
class Exceptions(Case):
    folder, object, status = "exceptions", "example.exceptions", 1
    words = ["0.2222222222222222", "DIVIDE BY ZERO", "DIVIDE BY ZERO: division by zero", "VALUERROR: a valueerror! Great!",
             "VALUERROR: a valueerror! Great!", "ANOTHER ERROR: a runtime error!", "UNSERIALIZABLE ERROR",
             "CAUGHT ERROR  >>> unsupported operand", "TypeError: unsupported operand", "remotely", "excepthook",
             "TypeError: unsupported operand", "remotely"]

    def tidy(self, said):
        """A result that is an exception is raised in C, and every error can be sent."""
        said = re.sub(r"(?m)^(ValueError\('.*'\), |VALUERROR: )", "ERROR: ", said)
        return re.sub(r"UNSERIALIZABLE ERROR: .*", "UNSERIALIZABLE", said)


@case
class Handshake(Case):
    folder, object, ready, given = "handshake", "Pyro.Daemon", "When asked", "{}\npancakes\n"
    words = ["connecting", "how are you doing", "Connection ok!", "done."]

    def tidy(self, said):
        return said.replace("['how', 'are', 'you', 'doing']", "how are you doing")


@case
class HandshakeRefused(Case):
    folder, object, ready, given, status = "handshake", "Pyro.Daemon", "When asked", "{}\nwaffles\n", 1
    words = ["connecting", "CommunicationError", "rejected: wrong secret code, connection refused"]


@case
class Instancemode(Case):
    folder, object = "instancemode", "instance.single"

    def tidy(self, said):
        """The numbers are those of places in memory in Python; a session's come with the correlation id."""
        return re.sub(r"(?m)^(?:\d+|\(\d+, '.*'\))$", "N", said)

    def check(self, said):
        n = [int(number) for number in re.findall(r"(?m)^\d+$", said)]
        same(len(n), 15)
        same([len(set(n[:3])), len(set(n[3:6])), len(set(n[6:9])), len(set(n[9:]))], [3, 1, 1, 1])
        assert n[3] != n[6], n


@case
class Resourcetracking(Case):
    folder, object, given = "resourcetracking", "service", "{}\n\n"
    words = ["currently allocated resources: []", "allocating", "allocating", "allocated resources: []", "done."]

    def tidy(self, said):
        return re.sub(r"resource\.\.\. \w+", "resource", said)


@case
class WarehousePhase2(Case):
    folder, server, client = "warehouse/phase2", "warehouse.py", "visit.py"
    object, given = "example.warehouse", "{}\nlamp\ncouch\ncouch\nlamp\n"
    words = ["Janet", "'couch']", "'couch', 'lamp']", "Henry", "'laptop', 'lamp']", "'lamp', 'couch']", "Thank you"]


@case
class WarehousePhase3(WarehousePhase2):
    folder, given = "warehouse/phase3", "lamp\ncouch\ncouch\nlamp\n"


@case
class Shoppingcart(Case):
    folder, server, client, object, status = "shoppingcart", "shopserver.py", "clients.py", "example.shop", 1
    words = ["['Harry', 'Sally', 'shoplifter']", "contains: []", "contains: []", "Harry is leaving", "Sally is leaving",
             "attempt to steal a full cart prevented", "DaemonError: unknown object"]

    def tidy(self, said):
        """The goods are picked at random; a receipt has its own looks."""
        said = re.sub(r"(buys|takes) \w+", r"\1", said)
        return re.sub(r"(?m)^(Receipt.*|\s+[\w:]+  \d+\.\d\d|)\n", "", said)

    def check(self, said):
        receipts = re.findall(r"got this receipt:\n((?:Receipt.*\n|\s.*\n)+)", said)
        same(len(receipts), 2)
        for who, receipt in zip(("Harry", "Sally"), receipts):
            lines = re.findall(r"([\w:]+) +(\d+\.\d\d)", receipt)
            same([item for item, _ in lines], re.findall(who + r" buys (\w+)", said) + ["total:"])
            same(round(sum(float(price) for _, price in lines[:-1]), 2), float(lines[-1][1]))


@case
class Batchedcalls(Case):
    folder, object, given = "batchedcalls", "example.batched", "{}\n"
    words = ["that took", "total time taken", "no result values", "total time taken", "[0, 42, 30, 2", "100//3 = 0",
             "100//-4 = 100", "A divide by zero", "ZeroDivisionError: integer division or modulo by zero", "remotely"]

    def tidy(self, said):
        """A double comes as a float."""
        return re.sub(r"\d+(\.\d+)? (seconds|times)|\(\d+ calls/sec\)", "N", said).replace(", 2.0,", ", 2,")


@case
class NsMetadata(Case):
    folder, server, client = "ns-metadata", None, "example.py"
    words = ["all storage", "example.resource.", "all FAST printers", "laserprinter", "after photoprinter upgrade",
             "photoprinter", "PYROMETA", "PYRO:Pyro.NameServer@127.0.0.1:", "slow"]

    def tidy(self, said):
        """Names and tags have no order; pyrite-ns is a name server of Pyro5 and of Pyrite, too."""
        said = re.sub(r"Pyrite.NameServer\n.*\n.*\n|(, )?class:Pyro5.nameserver.NameServer", "", said)
        said = said.replace("performance:slow,resource:printer", "resource:printer,performance:slow")
        said = re.sub("meta: (.*)", lambda m: "meta: " + ", ".join(sorted(m[1].split(", "))), said)
        return "\n\n".join(sorted("\n".join(sorted(part.split("\n"))) for part in re.split(r"\n\n+", said)))


@case
class Nameserverstress(Case):
    folder, server, client, stop_at = "nameserverstress", None, "stress.py", r"(\d ){100}"

    def tidy(self, said):
        return "\n".join(re.findall(r"Removing|Starting|trasher running|Break|Trasher exiting|cleaned up", said))

    def check(self, said):
        assert int(re.search(r"cleaned up (\d+) names", said)[1]) > 0, said
        same((said.count("trasher running"), said.count("Trasher exiting")), (5, 5))


def judge(kind, outcomes):
    """Whether the case fails; says which it is."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(kind).__name__).lower()
    try:
        kind.compare(*(outcome() for outcome in outcomes))
        print("ok", name, flush=True)
        return False
    except Exception:
        print("not ok", name, flush=True)
        print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
        return True


def run(sites):
    only = sys.argv[1:]
    chosen = [kind for kind in CASES if not only or type(kind).__name__ in only]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        sleepers = [(kind, [pool.submit(kind.run, site).result for site in sites]) for kind in chosen if kind.sleeps]
        for kind, outcomes in sleepers:
            failed += judge(kind, outcomes)
    for kind in chosen:
        if not kind.sleeps:
            failed += judge(kind, [lambda site=site: kind.run(site) for site in sites])
    return failed


def unpack(folder):
    """A copy of the examples, of which Debian compresses the longer ones."""
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    for file in folder.rglob("*.py.gz"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))


def kill_all():
    for process in LIVE:
        if process.poll() is None:
            process.kill()
            process.wait()


def give_up():
    kill_all()
    os._exit(3)


if not (EXAMPLES / "attributes/client.py").exists():
    print("not ok the_examples_are_there: apt-get install pyro4-examples")
    sys.exit(1)
guard = threading.Timer(240, give_up)
guard.daemon = True
guard.start()
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background may have off
with tempfile.TemporaryDirectory() as temporary:
    site_folder = pathlib.Path(temporary)
    unpack(site_folder)
    try:
        ours = Ours()
        n_failed = run([Own(site_folder), ours])
        ours.end()
    finally:
        kill_all()
sys.exit(n_failed != 0)
