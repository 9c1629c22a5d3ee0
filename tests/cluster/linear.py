# SPDX-License-Identifier: MIT
"""Whether what clients saw of one name can be explained by one order in which the name server's rules (registry.h) were
applied, each operation at some moment between its call and its answer. The search is that of Wing and Gong, with Lowe's
memory of what has been tried. Operations without an answer may have run at any time after their call, or never."""

import bisect
import dataclasses
import time

NEVER = 1 << 62
STEPS, SECONDS = 400_000, 30  # of the search for one name; more is not decided, and told


@dataclasses.dataclass(frozen=True)
class Holder:
    """What stands under the name."""
    leased: bool
    secret: str
    uri: str
    generation: int = 0  # 0: not known


@dataclasses.dataclass(frozen=True)
class State:
    holder: object = None
    generation: int = 0  # of the last registration that told it


@dataclasses.dataclass
class Operation:
    kind: str  # "register", "remove", "read", "end" (of a lease)
    begin: int
    end: int
    result: str = "ok"  # "ok", "exists", "missing"; "ran": it is known to have succeeded; "unknown"
    uri: str = ""
    ttl: int = 0
    replace: bool = False
    force: bool = False
    secret: str = ""   # the claim's
    granted: str = ""  # what the registration has from then on
    generation: int = 0
    refused_by: int = 0  # the generation that a refusal speaks of
    text: str = ""

    @property
    def is_optional(self):
        return self.result == "unknown"

    @property
    def effect(self):
        """What is equal in operations that may stand in for each other."""
        return self.kind, self.uri, self.secret, self.force


# ---- the rules: the state after an operation, None if it cannot have had its result ----

def may_register(holder, op):
    if holder is None or op.force or (op.secret and op.secret == holder.secret):
        return True
    if holder.leased:
        return False
    return op.replace or (op.ttl == 0 and op.uri == holder.uri)


def after_register(state, op):
    allowed = may_register(state.holder, op)
    if op.result == "exists":
        told = op.refused_by and state.holder and state.holder.generation
        return None if allowed or (told and told != op.refused_by) else state
    if not allowed or (op.generation and op.generation <= state.generation):
        return None
    return State(Holder(op.ttl > 0, op.granted or op.secret or op.uri, op.uri, op.generation), op.generation or state.generation)


def after_remove(state, op):
    holder = state.holder
    if op.result == "missing" or holder is None:
        return state if op.result == "missing" and holder is None else None
    allowed = not holder.leased or op.force or (op.secret and op.secret == holder.secret)
    if op.result == "exists":
        return None if allowed else state
    return State(None, state.generation) if allowed else None


def after_read(state, op):
    if not state.holder or not op.uri:
        return state if not state.holder and not op.uri else None
    is_same = op.uri == state.holder.uri and 0 in (op.generation - state.holder.generation, op.generation, state.holder.generation)
    return state if is_same else None


def after_end(state, op):
    return State(None, state.generation) if state.holder and state.holder.uri == op.uri else None


RULES = {"register": after_register, "remove": after_remove, "read": after_read, "end": after_end}


def after(state, op):
    return RULES[op.kind](state, op)


# ---- the search ----

@dataclasses.dataclass
class Verdict:
    good: bool
    text: str = ""
    steps: int = 0


class Search:
    """Those that must have run are sorted by their calls; all below base are placed, and those of mask beyond it. used:
    those that may have run and did."""

    def __init__(self, operations):
        self.must = sorted((op for op in operations if not op.is_optional), key=lambda op: op.begin)
        self.may = sorted((op for op in operations if op.is_optional), key=lambda op: op.begin)
        self.generations = sorted({op.generation for op in self.must if op.kind == "register"} - {0})
        self.tried = {}
        self.best = (-1, None)
        self.steps = 0

    def next_ones(self, base, mask):
        """Those that may come next, soonest answered first, and until when others may be called before them."""
        found, until = [], NEVER
        for i in range(base, len(self.must)):
            if mask >> (i - base) & 1:
                continue
            op = self.must[i]
            if op.begin > until:
                break
            found.append(i)
            until = min(until, op.end)
        found.sort(key=lambda i: self.must[i].end)
        return found, until

    def moves(self, place):
        base, mask, used, state = place
        found, until = self.next_ones(base, mask)
        at = bisect.bisect_right(self.generations, state.generation)
        due = self.generations[at] if at < len(self.generations) else 0  # none may be left behind
        for i in found:
            if self.must[i].kind == "register" and self.must[i].generation not in (0, due):
                continue
            if (then := after(state, self.must[i])) is not None:
                yield self.placed(base, mask | 1 << (i - base), used, then)
        equals = set()
        for i, op in enumerate(self.may):
            if op.begin > until:
                break
            if used >> i & 1 or (then := after(state, op)) is None or then == state or (then, op.effect) in equals:
                continue
            equals.add((then, op.effect))
            yield base, mask, used | 1 << i, then

    @staticmethod
    def placed(base, mask, used, state):
        while mask & 1:
            mask >>= 1
            base += 1
        return base, mask, used, state

    def is_new(self, place):
        """Whoever came here with fewer of those that may have run can do whatever this one can."""
        base, mask, used, state = place
        before = self.tried.setdefault((base, mask, state), [])
        if any(one & used == one for one in before):
            return False
        before.append(used)
        return True

    def run(self):
        start = (0, 0, 0, State())
        stack = [self.moves(start)]
        until = time.monotonic() + SECONDS
        if not self.must:
            return Verdict(True)
        while stack:
            place = next(stack[-1], None)
            if place is None:
                stack.pop()
                continue
            if place[0] == len(self.must):
                return Verdict(True, steps=self.steps)
            if not self.is_new(place):
                continue
            self.steps += 1
            if self.steps > STEPS or time.monotonic() > until:
                return Verdict(False, f"not decided after {self.steps} steps\n" + self.explain(), self.steps)
            self.best = max(self.best, (place[0] + place[1].bit_count(), place), key=lambda one: one[0])
            stack.append(self.moves(place))
        return Verdict(False, self.explain(), self.steps)

    def explain(self):
        """How far it went, and what cannot come next."""
        n, place = self.best
        base, mask, _, state = place or (0, 0, 0, State())
        lines = [f"{max(n, 0)} of {len(self.must)} operations can be put in order; then the name is {state}, and none of these "
                 "can come:"]
        lines += [f"    {self.must[i].text or self.must[i]}" for i in self.next_ones(base, mask)[0]]
        lines += [f"  before: {op.text or op}" for op in self.must[max(0, base - 8):base]]
        return "\n".join(lines)


def check(operations):
    return Search(operations).run()
