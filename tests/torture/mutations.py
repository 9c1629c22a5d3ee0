#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Files whose bytes were flipped or cut off: a program refuses them with a message, or works: mutations.py [N].
Each file gets N mutations (default 40), the same ones each time. Prints "ok <case>" or "not ok <case>"."""

import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ.get("PYRITE_BIN", "build/ci/bin"))
N = int(sys.argv[1]) if len(sys.argv) > 1 else 40
NAMES = 60
PATIENCE = 20

RULES = """group web cert:client key:web uid:0
deny cert:client call things.Thing.refuse
allow group:web call things.Thing.* at thing*
allow * call * at other
allow group:web,cert:ops-* inspect
allow * ns:lookup
"""


def mutations(data, seed):
    """N variants: half of them cut off, at offsets spread over the file, and half with 1 to 8 bytes flipped."""
    r = random.Random(seed)
    for i in range(N // 2):
        yield f"cut at {i * len(data) // (N // 2)}", data[:i * len(data) // (N // 2)]
    for _ in range(N - N // 2):
        flipped = bytearray(data)
        places = [r.randrange(len(data)) for _ in range(r.randint(1, 8))]
        for at in places:
            flipped[at] ^= 1 << r.randrange(8)
        yield f"flipped at {places}", bytes(flipped)


def check(command, allowed=(0, 1, 2), **env):
    """Runs it to its end. Returns what is wrong, or its exit code as text."""
    try:
        done = subprocess.run(command, env=dict(os.environ, **env), capture_output=True, text=True, errors="replace",
                              timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return "hangs"
    if done.returncode not in allowed:
        return f"ends with {done.returncode}: {done.stderr[-500:]}"
    if done.returncode != 0 and not done.stderr.strip():
        return f"ends with {done.returncode} and says nothing"
    return str(done.returncode)


def serve(database):
    """Starts a name server on it, and if it runs asks for all names and stops it. As check()."""
    server = subprocess.Popen([BIN / "pyrite-ns", "--port", "0", "--discovery", "0", "-s", f"sqlite:{database}"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    try:
        line = server.stdout.readline()
        if line.startswith("NS running on "):
            env = {"PYRITE_NS_HOST": line.split()[3]}
            found = check([BIN / "pyrite-nsc", "list"], **env)
            added = check([BIN / "pyrite-nsc", "register", "another", "PYRO:o@h:1"], **env)
            server.send_signal(signal.SIGTERM)
            _, said = server.communicate(timeout=PATIENCE)
            wrong = [text for text in (found, added) if text not in "012"]
            if wrong or server.returncode not in (0, 1):
                return f"serves, and then: {wrong} exit code {server.returncode}: {said[-500:]}"
            return "serves"
        _, said = server.communicate(timeout=PATIENCE)
        return "refuses" if server.returncode == 1 and said.strip() else f"ends with {server.returncode}: {said[-500:]}"
    except subprocess.TimeoutExpired:
        return "hangs"
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


def make_database(folder):
    database = folder / "whole.db"
    server = subprocess.Popen([BIN / "pyrite-ns", "--port", "0", "--discovery", "0", "-s", f"sqlite:{database}"],
                              stdout=subprocess.PIPE, text=True)
    env = dict(os.environ, PYRITE_NS_HOST=server.stdout.readline().split()[3])
    for i in range(NAMES):
        subprocess.run([BIN / "pyrite-nsc", "register", f"name.{i}", f"PYRO:o{i}@h:{i + 1}"], env=env, check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([BIN / "pyrite-nsc", "setmeta", f"name.{i}", "wet", "cold"], env=env, check=True, stdout=subprocess.DEVNULL)
    server.terminate()
    assert server.wait(PATIENCE) == 0
    return database.read_bytes()


def told(name, outcomes, bad):
    if not set(outcomes) - {"serves", "end with 0"}:
        bad.append("nothing was refused: the file may not have been read")
    print(f"    {sum(outcomes.values())} mutations: " + ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items())))
    for case in bad[:10]:
        print("   ", case)
    print(f"{'not ok' if bad else 'ok'} {name}", flush=True)
    return bool(bad)


def databases(folder):
    data, path = make_database(folder), folder / "mutated.db"
    outcomes, bad = collections.Counter(), []
    for what, bytes_ in mutations(data, 1):
        for file in folder.glob("mutated.db*"):
            file.unlink()
        path.write_bytes(bytes_)
        outcome = serve(path)
        if outcome not in ("serves", "refuses"):
            bad.append(f"{what}: {outcome}")
            shutil.copy(path, f"/tmp/pyrite-bad-{len(bad)}.db") if os.environ.get("PYRITE_KEEP") else None
        outcomes[outcome if outcome in ("serves", "refuses") else "bad"] += 1
    return told("a_damaged_database_is_refused_or_served", outcomes, bad)


def files(folder):
    keys = folder / "keys"
    for words in ("init",), ("server", "server"):
        subprocess.run([BIN / "pyrite", "keys", "-q", "-d", keys, *words], check=True)
    (folder / "rules").write_text(RULES)
    (folder / "key").write_text("web:00112233445566778899aabbccddeeff\n# old\nffeeddccbbaa99887766554433221100\n")
    (folder / "config" / "pyrite").mkdir(parents=True)
    (folder / "config" / "pyrite" / "ns").write_text(f"# where\n./u:{folder}/socket\n")
    for file in (folder / "key", folder / "rules", folder / "config" / "pyrite" / "ns"):
        file.chmod(0o600)
    start = [BIN / "pyrite-ns", "--check-config", "--storage", "memory", "--port", "0", "--discovery", "0"]
    cases = [("rules", folder / "rules", start, {"PYRITE_RULES": str(folder / "rules")}),
             ("rules_that_are_explained", folder / "rules",
              [BIN / "pyrite", "rules", "check", folder / "rules"], {}),
             ("a_shared_key", folder / "key", start, {"PYRITE_SHARED_KEY_FILE": str(folder / "key")}),
             ("the_place_of_name_servers", folder / "config" / "pyrite" / "ns", [BIN / "pyrite-nsc", "ping"],
              {"XDG_CONFIG_HOME": str(folder / "config")})]
    cases += [(name.replace(".", "_"), keys / "server" / name, start, {"PYRITE_KEYS": str(keys / "server")})
              for name in ("ca.pem", "cert.pem", "key.pem", "crl.pem") if (keys / "server" / name).exists()]
    n_bad = 0
    for name, path, command, env in cases:
        data, outcomes, bad = path.read_bytes(), collections.Counter(), []
        codes = (0, 1, 2, 3) if command[1] == "ping" else (0, 1, 2)  # 3: there is no name server
        whole = check(command, codes, **env)
        if whole != "0":
            bad.append(f"unchanged: {whole}")
        for what, bytes_ in mutations(data, name):
            path.write_bytes(bytes_)
            outcome = check(command, codes, **env)
            if not outcome.isdigit():
                bad.append(f"{what}: {outcome}")
            outcomes[f"end with {outcome}" if outcome.isdigit() else "bad"] += 1
        path.write_bytes(data)
        n_bad += told(f"{name}_with_damage_is_refused_or_used", outcomes, bad)
    return n_bad


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        n_bad = databases(folder)
        server = subprocess.Popen([BIN / "pyrite-ns", "--unix-socket", folder / "socket", "--discovery", "0", "--storage", "memory"],
                                  stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout.readline(), "no name server"
            n_bad += files(folder)
        finally:
            server.terminate()
            n_bad += server.wait(PATIENCE) != 0
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
