#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How long `pyrite call` takes from its start to the answer, beside a program that does nothing and `pyrite --version`.

    startup.py BIN [ROUNDS]    where the programs are; each is run in turn. Prints medians, in milliseconds
"""

import pathlib
import statistics
import subprocess
import sys
import time

CALLS = {"true": ["/bin/true"], "--version": ["--version"], "describe": ["describe", "URI"],
         "call": ["call", "URI", "text", "hello"]}


def timed(command):
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout}")
    return (time.perf_counter() - begin) * 1000


def main(folder, rounds=41):
    server = subprocess.Popen([folder / "pyrite-echoserver"], stdout=subprocess.PIPE, text=True)
    try:
        uri = next(word for word in server.stdout.readline().split() if word.startswith("PYRO:"))
        times = {name: [] for name in CALLS}
        for _ in range(rounds):
            for name, words in CALLS.items():
                words = [uri if word == "URI" else word for word in words]
                times[name].append(timed(words if name == "true" else [folder / "pyrite", *words]))
    finally:
        server.terminate()
        server.wait()
    for name, taken in times.items():
        print(f"{name:10} {statistics.median(taken):6.1f} ms, the least {min(taken):.1f}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:3]))
