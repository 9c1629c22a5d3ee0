#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The checks of histories, checked: made-up histories that are right pass, and each kind of violation that is planted in
one is found. Prints "ok <case>" or "not ok <case>"."""

import copy
import os
import random
import sys
import time

import history
import linear

LONG = 3600000
SERVERS = 2
PLANTS = 15  # of each kind


class Maker:
    """A registry that obeys, two servers with replicas of it that lag, and clients that sometimes get no answer."""

    def __init__(self, n, threads=6, keys=3, turn=60, lost=0.08):
        self.n, self.threads, self.keys, self.turn, self.lost = n, threads, keys, turn, lost
        self.state, self.log, self.rows = {}, [{}], []
        self.replicas = [0] * SERVERS
        self.generation, self.together = 0, set()  # names that changed with that

    def choose(self, i, thread, at):
        row = {"kind": "lookup", "thread": thread, "server": thread % SERVERS, "begin": at,
               "name": f"h.{i // self.turn}.{random.randrange(self.keys)}"}
        dice = random.random()
        if dice < 0.45:
            row.update(kind="register", uri=f"PYRO:o{i}@h:1", ttl=random.choice((0, LONG)), replace=random.random() < 0.5,
                       force=random.random() < 0.1, generation=0, granted="")
        elif dice < 0.7:
            row.update(kind="remove", force=random.random() < 0.2)
        if row["kind"] != "lookup" and (row.get("ttl") or random.random() < 0.4):
            row["secret"] = f"s{thread}"
        return row

    def decide(self, row):
        """Runs it now. Returns its result."""
        name, holder = row["name"], self.state.get(row["name"])
        op = history.operation_of(dict(row, end=0, result="ok"), {})
        if row["kind"] == "register":
            if not linear.may_register(holder, op):
                return "exists"
            self.count(name)
            row.update(generation=self.generation, granted=row.get("secret") or f"r{self.generation}")
            self.put(row, linear.Holder(row["ttl"] > 0, row["granted"], row["uri"]))
        else:
            if holder is None:
                return "missing"
            if holder.leased and not op.force and op.secret != holder.secret:
                return "exists"
            self.count(name)
            self.put(row, None)
        return "ok"

    def count(self, name):
        """The next change; some go together with the one before, which is of another name."""
        if not self.together or name in self.together or random.random() < 0.7:
            self.generation, self.together = self.generation + 1, set()
        self.together.add(name)

    def put(self, row, holder):
        name, before = row["name"], self.state.get(row["name"])
        self.state = dict(self.state, **{name: holder})
        self.log.append(self.state)
        for server in range(SERVERS):
            self.rows.append({"kind": "watch", "server": server, "event": "put" if holder else "gone", "at": row["point"],
                              "revision": self.generation, "name": name, "uri": (holder or before).uri})

    def look(self, row):
        server = row["server"]
        self.replicas[server] = random.randint(max(self.replicas[server], len(self.log) - 3), len(self.log) - 1)
        holder = self.log[self.replicas[server]].get(row["name"])
        row.update(uri=holder.uri) if holder else None
        row["result"] = "ok" if holder else "missing"

    def run(self, row):
        if row["kind"] == "lookup":
            return self.look(row)
        if row.get("never"):
            row["result"] = "unknown"
            return None
        row["result"] = self.decide(row)
        if row.get("unanswered"):
            row.update(result="unknown", generation=0, granted="")
        else:
            self.replicas[row["server"]] = len(self.log) - 1
        return None

    def make(self):
        self.rows = [{"kind": "watch", "server": s, "event": e, "at": 0, "revision": 0}
                     for s in range(SERVERS) for e in ("resync", "ready")]
        free, todo = [1000] * self.threads, []
        for i in range(self.n):
            thread = random.randrange(self.threads)
            begin = free[thread] + random.randrange(50)
            row = self.choose(i, thread, begin)
            row["end"] = free[thread] = begin + 2 + random.randrange(200)
            row["point"] = random.randint(begin + 1, row["end"] - 1)
            if row["kind"] != "lookup" and random.random() < self.lost:
                row["unanswered"], row["never"] = True, random.random() < 0.5
                row["point"] += random.randrange(2000)
            todo.append(row)
        for row in sorted(todo, key=lambda row: row["point"]):
            self.run(row)
        at = max(row["point"] for row in todo) + 10000
        final = [{"kind": "final", "thread": 0, "server": s, "name": name, "begin": at, "end": at + 1,
                  "result": "ok" if self.state.get(name) else "missing", "uri": getattr(self.state.get(name), "uri", "")}
                 for name in sorted({row["name"] for row in todo}) for s in range(SERVERS)]
        return self.rows + todo + final


class Told(history.History):
    def __init__(self, rows):
        rows = copy.deepcopy(rows)
        super().__init__([])
        self.rows = sorted(rows, key=lambda row: row.get("begin", row.get("at", 0)))
        for row in self.rows:
            if row["kind"] not in ("watch", "event"):
                self.names[row["name"]].append(row)
            if row["kind"] == "register":
                self.registered[row["uri"]] = row


# ---- violations: each changes rows, and says which check has to find it; None if there is no place for it ----

def pick(rows, condition):
    found = [i for i, row in enumerate(rows) if condition(row)]
    return random.choice(found) if found else None


def lose_what_was_acknowledged(rows):
    """A registration that stands at the end is gone, everywhere."""
    final = pick(rows, lambda row: row["kind"] == "final" and row["result"] == "ok")
    if final is None:
        return None
    name, uri = rows[final]["name"], rows[final]["uri"]
    made = next(row for row in rows if row["kind"] == "register" and row["uri"] == uri)
    if made["result"] == "unknown" or history.may_be_gone([row for row in rows if row.get("name") == name], made, LONG):
        return None
    for row in rows:
        if row["kind"] == "final" and row["name"] == name:
            row.update(result="missing", uri="")
    return "changes_are_linearizable"


def give_to_two(rows):
    """An owner who was refused is told that the leased name is his, as before the one who has it."""
    i = pick(rows, lambda row: row["kind"] == "register" and row["result"] == "exists" and row["ttl"] and not row["force"])
    if i is None or not any(row["kind"] == "register" and row["name"] == rows[i]["name"] and row["result"] == "ok" and
                            row["end"] < rows[i]["begin"] for row in rows):
        return None
    rows[i].update(result="ok", generation=1, granted=rows[i]["secret"])
    return "changes_are_linearizable"


def go_back_in_generations(rows):
    ok = [row for row in rows if row["kind"] == "register" and row["result"] == "ok"]
    for _ in range(100):
        a, b = random.sample(ok, 2)
        if a["name"] == b["name"] and a["end"] < b["begin"]:
            a["generation"], b["generation"] = b["generation"], a["generation"]
            return "changes_are_linearizable"
    return None


def refuse_what_is_free(rows):
    """The first thing that happens to a name is refused."""
    i = pick(rows, lambda row: row["kind"] == "remove" and row["result"] == "missing")
    if i is None or any(row["result"] == "unknown" and row["name"] == rows[i]["name"] for row in rows if "result" in row):
        return None
    before = [row for row in rows if row.get("name") == rows[i]["name"] and row["kind"] == "register" and
              row["begin"] <= rows[i]["end"]]
    if before:
        return None
    rows[i]["result"] = "ok"
    return "changes_are_linearizable"


def bring_back_what_was_removed(rows):
    """A look-up finds at the server that removed it what was there before."""
    i = pick(rows, lambda row: row["kind"] == "remove" and row["result"] == "ok")
    before = [row for row in rows if row["kind"] == "register" and row["name"] == rows[i]["name"] and row["result"] == "ok" and
              row["end"] < rows[i]["begin"]]
    if not before:
        return None
    rows.append({"kind": "lookup", "thread": 0, "server": rows[i]["server"], "name": rows[i]["name"], "result": "ok",
                 "uri": random.choice(before)["uri"], "begin": rows[i]["end"] + 1, "end": rows[i]["end"] + 2})
    return "lookups_never_go_back"


def look_back(rows):
    """A look-up finds the older of two, at the server that acknowledged the newer."""
    ok = sorted((row for row in rows if row["kind"] == "register" and row["result"] == "ok"), key=lambda row: row["generation"])
    for newer in random.sample(ok, len(ok)):
        older = [row for row in ok if row["name"] == newer["name"] and row["generation"] < newer["generation"]]
        if older:
            rows.append({"kind": "lookup", "thread": 0, "server": newer["server"], "name": newer["name"], "result": "ok",
                         "uri": older[-1]["uri"], "begin": newer["end"] + 1, "end": newer["end"] + 2})
            return "lookups_never_go_back"
    return None


def find_what_was_refused(rows):
    i = pick(rows, lambda row: row["kind"] == "register" and row["result"] == "exists")
    if i is None:
        return None
    rows.append({"kind": "lookup", "thread": 0, "server": 0, "name": rows[i]["name"], "result": "ok", "uri": rows[i]["uri"],
                 "begin": rows[i]["end"] + 1, "end": rows[i]["end"] + 2})
    return "lookups_never_go_back"


def disagree(rows):
    i = pick(rows, lambda row: row["kind"] == "final" and row["result"] == "ok" and row["server"] == 1)
    if i is None:
        return None
    rows[i].update(result="missing", uri="")
    return "servers_agree_at_the_end"


def told(rows, condition):
    """A put that is told to all who watch, of a registration that was acknowledged."""
    known = {row["uri"] for row in rows if row["kind"] == "register" and row["result"] == "ok"}
    return pick(rows, lambda row: row["kind"] == "watch" and row["event"] == "put" and row["uri"] in known and condition(row))


def told_at(rows, server):
    """Changes that are told there, in their order, as places in rows."""
    found = [i for i, row in enumerate(rows) if row["kind"] == "watch" and row["server"] == server and "name" in row]
    return sorted(found, key=lambda i: rows[i]["at"])


def next_to_each_other(rows, condition):
    """Two changes of which one is told right after the other, as places in rows, or None."""
    places = told_at(rows, random.randrange(SERVERS))
    pairs = [(a, b) for a, b in zip(places, places[1:]) if condition(rows[a], rows[b])]
    return random.choice(pairs) if pairs else None


def swap(rows, pair):
    a, b = pair
    rows[a], rows[b] = dict(rows[b], at=rows[a]["at"]), dict(rows[a], at=rows[b]["at"])


def leave_a_change_out(rows):
    last = max(row["revision"] for row in rows if row["kind"] == "watch")
    i = told(rows, lambda row: row["revision"] < last - 1)
    del rows[i]
    return "watches_leave_nothing_out"


def leave_one_of_several_out(rows):
    """Of names that changed together one is not told."""
    known = {row["uri"] for row in rows if row["kind"] == "register" and row["result"] == "ok"}
    pair = next_to_each_other(rows, lambda a, b: a["revision"] == b["revision"] and b["event"] == "put" and b["uri"] in known)
    if pair is None:
        return None
    del rows[pair[1]]
    return "watches_leave_nothing_out"


def tell_twice(rows):
    i = told(rows, lambda row: True)
    rows.append(dict(rows[i], at=rows[i]["at"] + 50000))
    return "watches_leave_nothing_out"


def tell_twice_at_once(rows):
    i = told(rows, lambda row: True)
    rows.insert(i + 1, dict(rows[i]))
    return "watches_leave_nothing_out"


def tell_one_of_several_twice(rows):
    """Of names that changed together the first is told again after the second."""
    pair = next_to_each_other(rows, lambda a, b: a["revision"] == b["revision"] and a["event"] == "put")
    if pair is None:
        return None
    rows.insert(pair[1] + 1, dict(rows[pair[0]], at=rows[pair[1]]["at"]))
    return "watches_leave_nothing_out"


def tell_a_removal_twice(rows):
    i = pick(rows, lambda row: row["kind"] == "watch" and row["event"] == "gone")
    rows.insert(i + 1, dict(rows[i]))
    return "watches_leave_nothing_out"


def tell_out_of_order(rows):
    """Two changes of one name are told in the wrong order."""
    places = told_at(rows, random.randrange(SERVERS))
    puts = [i for i in places if rows[i]["event"] == "put"]
    pairs = [(a, next((b for b in puts if rows[b]["name"] == rows[a]["name"] and rows[b]["revision"] > rows[a]["revision"]), None))
             for a in puts]
    pairs = [pair for pair in pairs if pair[1] is not None and rows[pair[0]]["at"] < rows[pair[1]]["at"]]
    if not pairs:
        return None
    swap(rows, random.choice(pairs))
    return "watches_leave_nothing_out"


def tell_names_out_of_order(rows):
    """Two changes of different names are, of which one was told right after the other."""
    pair = next_to_each_other(rows, lambda a, b: a["name"] != b["name"] and a["revision"] < b["revision"] and a["at"] < b["at"])
    if pair is None:
        return None
    swap(rows, pair)
    return "watches_leave_nothing_out"


def leave_the_last_removal_out(rows):
    names = {row["name"] for row in rows if row["kind"] == "final" and row["result"] == "missing"}
    gone = [row for row in rows if row["kind"] == "watch" and row["event"] == "gone" and row["name"] in names]
    if not gone:
        return None
    name = random.choice(gone)["name"]
    rows.remove([row for row in gone if row["name"] == name and row["server"] == 0][-1])
    return "watches_leave_nothing_out"


VIOLATIONS = (lose_what_was_acknowledged, give_to_two, go_back_in_generations, refuse_what_is_free,
              bring_back_what_was_removed, look_back, find_what_was_refused, disagree, leave_a_change_out,
              leave_one_of_several_out, tell_twice, tell_twice_at_once, tell_one_of_several_twice, tell_a_removal_twice,
              tell_out_of_order, tell_names_out_of_order, leave_the_last_removal_out)


# ---- cases ----

def check(name, function):
    try:
        function()
        print(f"ok {name}", flush=True)
        return True
    except AssertionError as error:
        print(f"not ok {name}\n    {error}", flush=True)
        return False


def right_ones_pass():
    for _ in range(60):
        rows = Maker(300).make()
        for name, one in history.CHECKS.items():
            wrong = one(Told(rows))
            assert not wrong, f"{name}: {wrong[0]}"


def many_are_decided():
    """10,000 operations, a twentieth without an answer; and 4,000 of names that stay, all answered."""
    wrong = history.check_order(Told(Maker(10000, threads=8, keys=4, turn=200, lost=0.05).make()))
    wrong += history.check_order(Told(Maker(4000, threads=8, keys=4, turn=1 << 30, lost=0).make()))
    assert not wrong, wrong[0]


def is_found(plant):
    planted = 0
    for _ in range(20 * PLANTS):
        rows = Maker(300).make()
        expected = plant(rows)
        if expected:
            planted += 1
            assert history.CHECKS[expected](Told(rows)), f"planted and not found: {plant.__doc__ or plant.__name__}"
        if planted == PLANTS:
            break
    assert planted == PLANTS, f"only {planted} could be planted"


def lease_must_last():
    """A lease that nobody renewed ends, but not before its time."""
    def ends_after(ms):
        rows = [{"kind": "register", "thread": 0, "server": 0, "name": "h", "uri": "u", "ttl": 1000, "replace": False,
                 "secret": "s0", "result": "ok", "generation": 1, "granted": "s0", "begin": 0, "end": 10},
                {"kind": "remove", "thread": 1, "server": 1, "name": "h", "result": "missing", "begin": ms * 1000000 - 10,
                 "end": ms * 1000000}]
        return history.check_order(Told(rows))
    assert ends_after(900), "it ended too early, which was not found"
    assert not ends_after(1100), "it ended in time, which was refused"


def main():
    seed = int(os.environ.get("PYRITE_SEED", time.time_ns()))
    random.seed(seed)
    good = check("histories_that_are_right_pass", right_ones_pass)
    good &= check("ten_thousand_operations_are_decided", many_are_decided)
    good &= check("leases_may_end_but_not_before_their_time", lease_must_last)
    for plant in VIOLATIONS:
        good &= check(f"finds_{plant.__name__}", lambda plant=plant: is_found(plant))
    print(f"seed {seed}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
