#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""validate.py: the model beside what happens, at a size that fits: OWNERS processes with NAMES names each and a name server that keeps
them in memory. What an operation takes on this machine is measured first, for a moment. Prints "ok <case>" or "not ok <case>"
and both figures; they may differ by the factor that each case names."""

import contextlib
import os
import pathlib
import selectors
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "rules"))
import ports  # noqa: E402
from costs import Costs  # noqa: E402
from engine import Cores, Simulation  # noqa: E402
from measure import Bench, NameServer, cpu_s, end  # noqa: E402
from model import Cluster, Setting  # noqa: E402

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
OWNERS, NAMES, TTL, WATCH_S, PATIENCE = 20, 500, 3.0, 3.0, 30
N_ALL = OWNERS * NAMES
SETTING = Setting(hosts=OWNERS, names=NAMES, servers=1, members=0, storage="memory", ttl=TTL, network=0.0)
failed = 0


def report(name, predicted, happened, factor, unit):
    """ok if neither is more than factor times the other."""
    global failed
    low, high = sorted((predicted, happened))
    good = low > 0 and high / low <= factor
    failed += not good
    print(f"{'ok' if good else 'not ok'} {name}: predicted {predicted:.3g} {unit}, happened {happened:.3g} {unit}, "
          f"{happened / predicted if predicted else 0:.2f} times as much, at most {factor:g} either way", flush=True)


def calibrate():
    """Costs as measure.py writes them, but of a moment; what this test does not use is left out."""
    bench, found = Bench(BIN), {}
    with NameServer(BIN, "memory") as ns:
        for mode in ("lookup", "register", "renew", "renew_one", "arrive"):
            for n in (1, 64):
                found[f"{mode}_{n}"] = bench.run("bench-names", ns.address, f"{mode}:{N_ALL}", "-n", n, "--calls", 500, "--ms",
                                                 100, "--server", ns.process.pid, stands_for="NS")
    for mode in ("renew", "renew_one"):  # they come neither one by one nor in crowds
        found[f"{mode}_64"]["server_us"] = (found[f"{mode}_1"]["server_us"] * found[f"{mode}_64"]["server_us"]) ** 0.5
    return Costs(measured={"ns_memory": found, "ns_sqlite": found})


class Owners:
    """The real ones; each has a daemon and a connection to the name server."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        env = {**os.environ, "PYRITE_NS_HOST": host, "PYRITE_NS_PORT": port, "PYRITE_LEASE_TTL_MS": str(int(TTL * 1000))}
        self.processes = [subprocess.Popen([BIN / "test-owner", "--stuck", *(f"owner{i:02}.{k:03}" for k in range(NAMES))],
                                           env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for i in range(OWNERS)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.processes)
        for process in self.processes:
            process.stdout.close()

    def wait(self):
        selector, until = selectors.DefaultSelector(), time.monotonic() + PATIENCE
        for process in self.processes:
            selector.register(process.stdout, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(until - time.monotonic())
            if not ready:
                raise TimeoutError("an owner has not registered its names")
            for key, _ in ready:
                if key.fileobj.readline() != b"Ready\n":
                    raise RuntimeError("an owner has failed")
                selector.unregister(key.fileobj)


def calls_of(ns, operation):
    """How often it was called and did well so far."""
    with urllib.request.urlopen(f"http://{ns.address}/metrics", timeout=PATIENCE) as answer:
        lines = [line for line in answer.read().decode().split("\n") if line.startswith("grpc_server_handled_total{")]
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines if f'grpc_method="{operation}"' in line and 'grpc_code="OK"' in line)


def n_names(ns):
    done = subprocess.run([BIN / "pyrite-nsc", "-n", "127.0.0.1", "-p", ns.address.rsplit(":", 1)[1], "--json", "list"],
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.stdout.count('"owner') if done.returncode == 0 else 0


def predict_registrations(costs):
    """Seconds of the name server's CPU: what all registrations take one by one, and as many at a time as there are owners;
    with the owners on the same cores it is something between."""
    one, many = (costs.measured["ns_memory"][f"register_{n}"]["server_us"] * 1e-6 for n in (1, 64))
    return N_ALL * (one * many) ** 0.5


def predict_renewals(costs):
    """Calls and CPU in WATCH_S."""
    sim = Simulation()
    cluster = Cluster(sim, costs, SETTING)
    for owner in cluster.owners:
        sim.at(cluster.rng.random() * owner.period(), owner.round)
    sim.run(WATCH_S)
    return len(cluster.tally.renew_times), cluster.servers[0].method.worked


def predict_return(costs):
    """Seconds until all names are there again. Owners notice in their next round that the connection is gone; the cores
    are theirs and the name server's."""
    sim = Simulation()
    cluster = Cluster(sim, costs, SETTING)
    cores = Cores(sim, min(2, os.cpu_count()))
    server = cluster.servers[0]
    both = costs.register + costs.measured["ns_memory"]["register_64"]["client_us"] * 1e-6
    server.register = lambda deadline, then, *arguments: cores.take(both, then, *arguments)
    for owner in cluster.owners:
        owner.missing = NAMES
        sim.at(cluster.rng.random() * TTL * 0.3, owner.round)
    while cluster.tally.n_registered < N_ALL and sim.events:
        sim.run(sim.now + 0.01)
    return sim.now


def watch_renewals(ns):
    before, spent = calls_of(ns, "renew"), cpu_s(ns.process.pid)
    until = time.monotonic() + WATCH_S
    while time.monotonic() < until:
        time.sleep(0.05)
    return calls_of(ns, "renew") - before, cpu_s(ns.process.pid) - spent


def main():
    costs = calibrate()
    port = str(ports.port_of_ours())
    arguments = ("--port", port, "--http")
    with contextlib.ExitStack() as stack:
        ns = stack.enter_context(NameServer(BIN, "memory", *arguments))
        before = cpu_s(ns.process.pid)
        stack.enter_context(Owners(ns.address)).wait()
        report("registrations_take_what_the_model_says", predict_registrations(costs), cpu_s(ns.process.pid) - before, 3,
               "s of CPU")
        calls, spent = predict_renewals(costs)
        real_calls, real_spent = watch_renewals(ns)
        report("renewals_come_as_often_as_the_model_says", calls, real_calls, 1.25, "calls")
        report("renewals_take_what_the_model_says", spent, real_spent, 3, "s of CPU")
        ns.process.kill()
        ns.process.wait(PATIENCE)
        began = time.monotonic()
        again = stack.enter_context(NameServer(BIN, "memory", *arguments))
        while calls_of(again, "register") < N_ALL and time.monotonic() < began + PATIENCE:
            time.sleep(0.02)
        took = time.monotonic() - began
        if n_names(again) != N_ALL:
            raise RuntimeError(f"{n_names(again)} of {N_ALL} names are back")
        report("all_names_are_back_when_the_model_says", predict_return(costs), took, 3, "s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
