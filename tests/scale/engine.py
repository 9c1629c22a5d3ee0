# SPDX-License-Identifier: MIT
"""Discrete events: a clock, processors with a queue before them, a log that is written in groups. Times are seconds."""

import heapq
import itertools
import math


class Simulation:
    def __init__(self):
        self.now = 0.0
        self.events = []
        self.order = itertools.count()

    def at(self, when, do, *arguments):
        heapq.heappush(self.events, (when, next(self.order), do, arguments))

    def after(self, seconds, do, *arguments):
        self.at(self.now + seconds, do, *arguments)

    def run(self, until=math.inf):
        """All that happens until then; it is then."""
        while self.events and self.events[0][0] <= until:
            self.now, _, do, arguments = heapq.heappop(self.events)
            do(*arguments)
        if until < math.inf:
            self.now = until


class Cores:
    """So many cores that work off one queue, first come, first served."""

    def __init__(self, sim, n):
        self.sim = sim
        self.free_at = [0.0] * n  # a heap
        self.worked = 0.0

    def take(self, seconds, then=None, *arguments):
        """then(*arguments) comes when the work has been done. Returns when that is."""
        finish = max(self.free_at[0], self.sim.now) + seconds
        heapq.heapreplace(self.free_at, finish)
        self.worked += seconds
        if then:
            self.sim.at(finish, then, *arguments)
        return finish

    def wait(self):
        """How long work that came now would wait."""
        return max(0.0, self.free_at[0] - self.sim.now)

    def share(self, since_worked, since):
        """Of all cores, the part that was busy since then."""
        span = self.sim.now - since
        return min(1.0, (self.worked - since_worked) / span / len(self.free_at)) if span > 0 else 0.0


class Log:
    """What is written while a write is under way goes with the next: a write takes `seconds`, and more for each entry."""

    def __init__(self, sim, seconds, each=0.0, most=math.inf):
        self.sim, self.seconds, self.each, self.most = sim, seconds, each, most
        self.waiting = []
        self.is_busy = False

    def append(self, then, *arguments):
        self.waiting.append((then, arguments))
        if not self.is_busy:
            self.write()

    def write(self):
        n = int(min(len(self.waiting), self.most))
        group, self.waiting = self.waiting[:n], self.waiting[n:]
        self.is_busy = True
        self.sim.after(self.seconds + self.each * n, self.written, group)

    def written(self, group):
        self.is_busy = False
        if self.waiting:
            self.write()
        for then, arguments in group:
            then(*arguments)
