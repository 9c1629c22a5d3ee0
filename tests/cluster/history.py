# SPDX-License-Identifier: MIT
"""Histories that ns-history writes: read, sorted by names, and checked. Each check returns texts, one for a violation.
A line of the harness, {"kind": "event", "what": "kill", "server": 0, "at": NS}, says that a name server ended there."""

import bisect
import collections
import json
import re

import linear

CHANGES = ("register", "remove")


class History:
    def __init__(self, lines):
        self.rows = [json.loads(line) for line in lines if line.strip()]
        for row in self.rows:
            if row.get("result") == "unknown" and "nothing was done" in row.get("message", ""):
                row["result"] = "fail"  # what it says is checked, too
        self.rows.sort(key=lambda row: row.get("begin", row.get("at", 0)))
        self.names = collections.defaultdict(list)
        self.registered = {}
        for row in self.rows:
            if "name" in row and row["kind"] != "watch":
                self.names[row["name"]].append(row)
            if row["kind"] == "register":
                self.registered[row["uri"]] = row
        self.ends = collections.defaultdict(list)  # of runs of each server
        for row in self.rows:
            if row["kind"] == "event" and row["what"] == "kill":
                self.ends[row["server"]].append(row["at"])

    def of_kind(self, *kinds):
        return [row for row in self.rows if row["kind"] in kinds]

    def run_of(self, server, at):
        """Which run of the server it was."""
        return bisect.bisect_right(self.ends[server], at)

    def seen(self):
        """When each registration was first seen by somebody who only looked, and its generation if that was told."""
        seen = {}
        for row in self.rows:
            if row["kind"] in ("lookup", "final") and row["result"] == "ok":
                at, generation = seen.get(row["uri"], (linear.NEVER, 0))
                seen[row["uri"]] = (min(at, row["end"]), generation or row.get("generation", 0))
            elif row["kind"] == "watch" and row["event"] == "put":
                at, _ = seen.get(row["uri"], (linear.NEVER, 0))
                seen[row["uri"]] = (min(at, row["at"]), row["revision"])
        return seen


def text_of(row):
    words = [f"{row['begin'] / 1e9:.6f}..{row['end'] / 1e9:.6f}", f"thread {row['thread']}", f"server {row['server']}",
             row["kind"], row["name"]]
    words += [f"{key}={row[key]}" for key in ("uri", "ttl", "replace", "force", "secret") if row.get(key)]
    words.append("-> " + row["result"])
    words += [f"{key}={row[key]}" for key in ("generation", "granted", "message") if row.get(key)]
    return " ".join(map(str, words))


def refused_by(row):
    """The generation that is told to who may not have a name."""
    found = re.search(r"\(generation (\d+)\)", row.get("message", "")) if row["result"] == "exists" else None
    return int(found[1]) if found else 0


def operation_of(row, seen):
    """None: it says nothing about the order."""
    if row["result"] == "fail" or row["kind"] == "lookup" or (row["kind"] == "final" and row["result"] == "unknown"):
        return None
    op = linear.Operation("read" if row["kind"] == "final" else row["kind"], row["begin"], row["end"], row["result"],
                          row.get("uri", ""), row.get("ttl", 0), row.get("replace", False), row.get("force", False),
                          row.get("secret", ""), row.get("granted", ""), row.get("generation", 0), refused_by(row), text_of(row))
    if op.result == "unknown":
        op.end = linear.NEVER
        if op.kind == "register" and op.uri in seen:
            op.end, op.generation = seen[op.uri]
            op.result = "ran"
    return op


def end_of_lease(row):
    """That of a registration that was, or may have been, made: any time after it, if nobody renews."""
    return linear.Operation("end", row["begin"] + row["ttl"] * 1_000_000, linear.NEVER, "unknown", row["uri"])


def check_order(history):
    """Registrations and removals of each name are linearizable; so are the reads after all is quiet."""
    seen, wrong = history.seen(), []
    for name, rows in history.names.items():
        operations = [op for row in rows if (op := operation_of(row, seen))]
        operations += [end_of_lease(row) for row in rows
                       if row["kind"] == "register" and row["ttl"] and row["result"] in ("ok", "unknown")]
        verdict = linear.check(operations)
        if not verdict.good:
            wrong.append(f"{name}: no order explains it: {verdict.text}")
    return wrong


# ---- look-ups: perhaps old, never back in time at one server ----

def may_be_gone(rows, registration, until):
    """Whether anything may have removed it before then: a removal, the end of its lease, or of the lease of one that took its
    place."""
    return any((row["kind"] == "remove" or (row.get("ttl") and row["begin"] + row["ttl"] * 1_000_000 < until)) and
               row["begin"] < until and
               (row["result"] == "unknown" or row["result"] == "ok" and row["end"] > registration["begin"]) for row in rows)


class Replica:
    """One run of a server, and one name, as those who looked found it: what must be seen by whoever asks from now on."""

    def __init__(self, history, rows):
        self.history, self.rows = history, rows
        self.newest = None   # registration, looked up or acknowledged here
        self.removal = None  # the last one acknowledged here

    def note(self, row):
        """Something ended here."""
        if row["kind"] == "remove":
            if row["result"] == "ok":
                self.removal = row
            return
        one = row if row["kind"] == "register" else self.history.registered.get(row.get("uri"))
        if row["result"] != "ok" or not one or not one["generation"]:
            return
        if not self.newest or one["generation"] > self.newest["generation"]:
            self.newest = one

    def compare(self, row):
        """Returns what is wrong with a look-up that began now, or None."""
        if row["result"] == "missing":
            if self.newest and not may_be_gone(self.rows, self.newest, row["end"]):
                return f"is missing, though nobody removed\n    {text_of(self.newest)}"
            return None
        one = self.history.registered.get(row["uri"])
        if one is None or one["name"] != row["name"] or one["result"] in ("exists", "fail") or one["begin"] > row["end"]:
            return "leads to what nobody registered"
        if one["generation"] and row.get("generation") and one["generation"] != row["generation"]:
            return f"has another generation than was told to who registered it:\n    {text_of(one)}"
        if self.newest and one["generation"] and one["generation"] < self.newest["generation"]:
            return f"is older than what this server had told before:\n    {text_of(self.newest)}"
        if self.removal and one["result"] == "ok" and one["end"] < self.removal["begin"]:
            return f"was removed before, at this server:\n    {text_of(self.removal)}"
        return None


def check_lookups(history):
    wrong = []
    for rows in history.names.values():
        steps = []
        for row in rows:
            if row["kind"] in ("lookup", "final") and row["result"] in ("ok", "missing"):
                steps.append((row["begin"], 1, row))
            if row["result"] in ("ok", "missing"):
                steps.append((row["end"], 0, row))
        replicas = {}
        for at, begins, row in sorted(steps, key=lambda step: step[:2]):
            run = history.run_of(row["server"], at)
            if run != history.run_of(row["server"], row["begin"]):
                continue  # it was killed meanwhile
            replica = replicas.setdefault((row["server"], run), Replica(history, rows))
            if not begins:
                replica.note(row)
            elif (what := replica.compare(row)):
                wrong.append(f"{text_of(row)}\n  {what}")
    return wrong


def check_final(history):
    """All servers say the same once all is quiet."""
    told, wrong = {}, []
    for row in history.of_kind("final"):
        said = row.get("uri", row["result"])
        if row["result"] == "unknown" or row["result"] == "fail":
            wrong.append(f"at the end: {text_of(row)}")
        elif told.setdefault(row["name"], said) != said:
            wrong.append(f"at the end server {row['server']} says {said} of {row['name']}, another {told[row['name']]}")
    return wrong


# ---- watches: in order, nothing left out, or told so ----

class Watcher:
    def __init__(self, history, server):
        self.history, self.server = history, server
        self.there = {}       # name: uri
        self.lists = True     # between resync and ready
        self.last = 0         # revision told; changes of several names may have the same
        self.last_of = {}     # the same of each name
        self.since = None     # from which revision on nothing is left out
        self.told = set()     # registrations since then, as (name, revision)
        self.wrong = []
        self.n_resyncs = 0

    def complain(self, row, what):
        self.wrong.append(f"watch at server {self.server}, {row['at'] / 1e9:.6f}, {row['event']} {row.get('name', '')} "
                          f"{row.get('uri', '')} revision {row['revision']}: {what}")

    def close(self):
        """Nothing may be missing in what was followed so far."""
        if self.since is None:
            return
        for one in self.history.registered.values():
            revision = one["generation"]
            if one["result"] == "ok" and self.since < revision <= self.last and \
                    (one["name"], revision) not in self.told:
                self.wrong.append(f"watch at server {self.server}, revisions {self.since} to {self.last}: never told of\n"
                                  f"    {text_of(one)}")
        self.since, self.told = None, set()

    def resync(self, row):
        self.close()
        self.there, self.lists, self.last, self.last_of = {}, True, 0, {}
        self.n_resyncs += 1

    def ready(self, row):
        self.lists = False
        if self.since is None:
            self.since = self.last = max(self.last, row["revision"])

    def put(self, row):
        one = self.history.registered.get(row["uri"])
        if one is None or one["name"] != row["name"] or one["result"] in ("exists", "fail"):
            self.complain(row, "nobody registered that")
        elif one["generation"] and one["generation"] != row["revision"]:
            self.complain(row, f"the generation told to who registered it is {one['generation']}")
        if not self.lists and (row["revision"] < self.last or row["revision"] <= self.last_of.get(row["name"], 0)):
            self.complain(row, f"revision {self.last} was told before")
        self.there[row["name"]] = row["uri"]
        self.last_of[row["name"]] = row["revision"]
        if not self.lists:
            self.told.add((row["name"], row["revision"]))
        self.last = max(self.last, row["revision"])

    def gone(self, row):
        if not self.lists and self.there.get(row["name"]) != row["uri"]:
            self.complain(row, f"there was {self.there.get(row['name'])}")
        if not self.lists and row["revision"] < self.last:
            self.complain(row, f"revision {self.last} was told before")
        self.there.pop(row["name"], None)
        self.last = max(self.last, row["revision"])

    def lost(self, row):
        pass  # what comes next goes on, or is a resync

    def at_the_end(self, final):
        self.close()
        for name, uri in final.items():
            if self.there.get(name, "") != uri:
                self.wrong.append(f"watch at server {self.server}: at the end {name} leads to {self.there.get(name)}, a look-up "
                                  f"there says {uri or 'nothing'}")
        return self.wrong


def check_watches(history):
    """Returns violations. Each server has one watcher at most."""
    watchers = {}
    for row in history.of_kind("watch"):
        watcher = watchers.setdefault(row["server"], Watcher(history, row["server"]))
        getattr(watcher, row["event"])(row)
    wrong = []
    for server, watcher in watchers.items():
        final = {row["name"]: row.get("uri", "") for row in history.of_kind("final")
                 if row["server"] == server and row["result"] in ("ok", "missing")}
        wrong += watcher.at_the_end(final)
    return wrong


CHECKS = {"changes_are_linearizable": check_order, "lookups_never_go_back": check_lookups,
          "servers_agree_at_the_end": check_final, "watches_leave_nothing_out": check_watches}


def summary(history):
    """What a history is made of, in one line."""
    rows = history.of_kind(*CHANGES, "lookup")
    counts = collections.Counter(row["result"] for row in rows)
    resyncs = sum(row["event"] == "resync" for row in history.of_kind("watch"))
    return (f"{len(rows)} operations of {len(history.names)} names: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) +
            f"; {len(history.of_kind('watch'))} events watched, {resyncs} resyncs")
