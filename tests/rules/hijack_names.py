#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Everything that somebody may try to take over, change or remove the names of others, by everybody who may try it: each of these
cases has one status that is right. Prints "ok <case>" or "not ok <case>"."""

import json
import os
import pathlib
import pwd
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
PERSISTENT = {"ttl_ms": 0}
GUESS = "AAAAAAAAAAAAAAAAAAAAAA=="  # a secret of 16 bytes, in base64
OWN, SHARED, LEASED = "PYRO:bank@127.0.0.1:1", "PYRO:crowd@127.0.0.1:1", "PYRO:lease@127.0.0.1:1"
THEIRS = "PYRO:mallory@127.0.0.1:2"

# What is tried, and how it ends for who is let in but owns nothing: a status, or what is returned.
TRIES = (
    ("registers_it", ("register", "bank", THEIRS, PERSISTENT, {}), "PERMISSION_DENIED"),
    ("replaces_it", ("register", "bank", THEIRS, dict(PERSISTENT, replace=True), {}), "PERMISSION_DENIED"),
    ("forces_it", ("register", "bank", THEIRS, PERSISTENT, {"force": True}), "PERMISSION_DENIED"),
    ("replaces_it_by_force", ("register", "bank", THEIRS, dict(PERSISTENT, replace=True), {"force": True}), "PERMISSION_DENIED"),
    ("leases_it", ("register", "bank", THEIRS, {"ttl_ms": 5000}, {}), "PERMISSION_DENIED"),
    ("guesses_its_secret", ("register", "bank", THEIRS, PERSISTENT, {"secret": GUESS}), "PERMISSION_DENIED"),
    ("shares_it", ("register", "bank", THEIRS, dict(PERSISTENT, shared=True), {}), "PERMISSION_DENIED"),
    ("joins_a_shared_one", ("register", "crowd", THEIRS, dict(PERSISTENT, shared=True), {}), "PERMISSION_DENIED"),
    ("removes_it", ("remove", "bank", {}), "PERMISSION_DENIED"),
    ("removes_it_by_force", ("remove", "bank", {"force": True}), "PERMISSION_DENIED"),
    ("gives_it_up", ("remove", "bank", {"give_up": True}), "PERMISSION_DENIED"),
    ("removes_a_share", ("remove_share", "crowd", SHARED, {}), "PERMISSION_DENIED"),
    ("removes_all_that_begin_so", ("remove_prefix", "ban", "", {}), "nothing removed"),
    ("removes_all_that_match", ("remove_matching", "b.*", "", {}), "nothing removed"),
    ("changes_its_metadata", ("set_metadata", "bank", ["mine"], {}), "PERMISSION_DENIED"),
    ("changes_its_metadata_by_force", ("set_metadata", "bank", ["mine"], {"force": True}), "PERMISSION_DENIED"),
    ("says_whose_it_is", ("assign", "bank", "cert:mallory", {}), "PERMISSION_DENIED"),
    ("says_so_by_force", ("assign", "bank", "cert:mallory", {"force": True}), "PERMISSION_DENIED"),
    ("replaces_the_name_servers_own", ("register", "Pyrite.NameServer", THEIRS, dict(PERSISTENT, replace=True), {"force": True}),
     "PERMISSION_DENIED"),
    ("removes_the_name_servers_own", ("remove", "Pyrite.NameServer", {"force": True}), "PERMISSION_DENIED"),
    ("renews_a_lease_by_a_guess", ("renew", GUESS, ["lease"]), "lost"),
)


class World:
    """A name server with names of alice's, and those who are not alice."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        for where, names in (("keys", ("server", "alice", "mallory")), ("others", ("stranger",))):
            self.keys(where, "init")
            for name in names:
                self.keys(where, "add", name)
        self.address = self.start(PYRITE_KEYS=str(folder / "keys" / "server"))

    def keys(self, where, *words):
        subprocess.run([BIN / "pyrite", "keys", "--quiet", "--dir", self.folder / where, *words], check=True)

    def start(self, *options, **environment):
        process = subprocess.Popen([BIN / "pyrite-ns", "--port", "0", "--storage", "memory", *options], stdout=subprocess.PIPE,
                                   text=True, env=dict(os.environ, **environment))
        self.processes.append(process)
        return process.stdout.readline().split()[-1].rpartition("@")[2]

    def call(self, who, *words, address=None, prefix=()):
        """A status, "nothing removed", "lost", or what was returned."""
        environment = {"PYRITE_KEYS": str(self.folder / who)} if who else {}
        done = subprocess.run([*prefix, BIN / "pyrite", "call", "--json", "--timeout", "5000",
                               f"PYRO:Pyrite.NameServer@{address or self.address}",
                               *(word if isinstance(word, str) else json.dumps(word) for word in words)],
                              env=dict(os.environ, **environment), capture_output=True, text=True, timeout=20)
        if done.returncode:
            said = done.stderr or done.stdout
            # behind it gcov may say that another user cannot write its counters
            return json.JSONDecoder().raw_decode(said, said.index("{"))[0]["status"]
        result = json.loads(done.stdout or "null")
        if isinstance(result, dict) and "lost" in result:
            return "lost" if result["lost"] == ["lease"] and not result["revoked"] else result
        if isinstance(result, dict) and "removed" in result:
            return "nothing removed" if int(result["removed"]) == 0 else result
        return result

    def prepare(self, who, **where):
        for name, uri, terms in (("bank", OWN, dict(PERSISTENT, tags=["alice"])), ("crowd", SHARED, dict(PERSISTENT, shared=True)),
                                 ("lease", LEASED, {"ttl_ms": 600000})):
            granted = self.call(who, "register", name, uri, terms, {}, **where)
            assert isinstance(granted, dict), granted

    def as_before(self, who, **where):
        entry = self.call(who, "lookup_entry", "bank", **where)
        return (isinstance(entry, dict) and (entry["uri"], entry["tags"]) == (OWN, ["alice"]) and self.call(who, "lookup", "lease", **where) == LEASED
                and self.call(who, "lookup", "crowd", **where) == SHARED)

    def end(self):
        for process in self.processes:
            process.terminate()
            assert process.wait(20) == 0
            process.stdout.close()


def check(name, actual, expected):
    right = actual == expected
    print(f"{'ok' if right else 'not ok'} {name}" + ("" if right else f"\n    {actual}, not {expected}"), flush=True)
    return right


def by_certificates(world):
    """Another owner; one of another CA; one without TLS."""
    world.prepare("keys/alice")
    for who, refusal in (("keys/mallory", None), ("others/stranger", "UNAUTHENTICATED"), ("", "FAILED_PRECONDITION")):
        for what, words, status in TRIES:
            yield check(f"{who.rpartition('/')[2] or 'one without TLS'}_{what}", world.call(who, *words), refusal or status)
    yield check("after_all_that_alices_names_are_as_before", world.as_before("keys/alice"), True)


def by_users(world, place):
    """Another user of this host, at a unix socket, where rules make users owners; root alone can be another."""
    if os.getuid() != 0:
        print("notice: another user was not tried, which needs root")
        return
    place.chmod(0o755)
    path = place / "socket"
    rules = place / "rules"
    rules.write_text("allow * inspect\n" + "".join(
        f"allow * {action} *\n" for action in ("call", "register", "replace", "remove", "metadata")))
    where = {"address": world.start("--unix-socket", str(path), PYRITE_RULES=str(rules))}
    os.chmod(path, 0o777)
    user = pwd.getpwnam("nobody")
    other = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    world.prepare("", **where)
    for what, words, status in TRIES:
        yield check(f"another_user_{what}", world.call("", *words, prefix=other, **where), status)
    yield check("after_all_that_roots_names_are_as_before", world.as_before("", **where), True)


def main():
    os.environ.pop("PYRITE_KEYS", None)
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(prefix="pyrite-hijack-") as place:
        world = World(pathlib.Path(name))
        try:
            results = [*by_certificates(world), *by_users(world, pathlib.Path(place))]
        finally:
            world.end()
    print(f"    {sum(results)} of {len(results)} cases end as they should")
    sys.exit(0 if all(results) else 1)


main()
