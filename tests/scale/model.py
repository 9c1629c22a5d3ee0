# SPDX-License-Identifier: MIT
"""What a cluster is made of: etcd's members, name servers, and processes that own names. Each operation takes what was
measured (costs.py); what is modelled are the queues, the groups in which logs are written, deadlines, and when owners act."""

import dataclasses
import random

from costs import BATCH, REVOKED_EACH_ROUND, ROUND, TLS_HANDSHAKE
from engine import Cores, Log

CALL_S = 5.0  # an owner waits for an answer of its name server (naming_renew.c)
SOON_S, LATE_S, MANY = 0.15, 0.5, 64  # how naming_kept.c paces registrations
LATE = 2e-6  # what a call costs whose time is over when its turn comes


@dataclasses.dataclass
class Setting:
    """The cluster and how it is set up."""
    hosts: int = 10000
    names: int = 100  # of each
    servers: int = 3
    members: int = 3  # of etcd; 0: no etcd
    storage: str = "etcd"  # or memory, sqlite
    ttl: float = 10.0
    jitter: float = 0.1  # a round of renewals comes earlier by up to this part of its period
    window: int = 4  # registrations again that an owner has under way at a time; 0: all. More while they are answered soon
    rate: float = 0.0  # such registrations a second of an owner; 0: any
    disk: float = 0.001  # s until a write is safe
    network: float = 0.0005  # s there and back
    cores: int = 4  # of a member of etcd
    tls: bool = False
    seed: int = 1


class Etcd:
    """A transaction goes through the leader and is safe when one more member has written it; the leader's log takes groups.
    A renewal is the leader's alone, and nothing is written."""

    def __init__(self, sim, costs, setting):
        self.sim, self.costs, self.setting = sim, costs, setting
        self.members = [Cores(sim, setting.cores) for _ in range(setting.members)]
        self.log = Log(sim, setting.disk + (setting.network if setting.members > 1 else 0))
        self.watchers = []  # name servers

    def txn(self, member, then, *arguments):
        if member != 0:
            self.members[member].take(self.costs.txn_asked - self.costs.txn_follower)
        self.members[0].take(self.costs.txn_leader, self.log.append, self.committed, then, arguments)

    def committed(self, then, arguments):
        for member in self.members[1:]:
            member.take(self.costs.txn_follower)
        self.tell(1)
        then(*arguments)

    def tell(self, n_changes):
        for server in self.watchers:
            self.members[server.member].take(n_changes * self.costs.watch_event)
            server.method.take(n_changes * self.costs.hear_event)

    def keepalive(self, member, then, *arguments):
        if member == 0:
            self.members[0].take(self.costs.keepalive, then, *arguments)
        else:
            self.members[member].take(self.costs.keepalive_asked, self.passed_on, then, arguments)

    def passed_on(self, then, arguments):
        self.members[0].take(self.costs.keepalive_passed_on, then, *arguments)

    def end_leases(self, n, names_each, heard):
        """So many have ended by now: the lessor ends some each round. heard(n_names) at each."""
        some = min(n, REVOKED_EACH_ROUND)
        self.members[0].take(some * self.costs.txn_leader)
        self.tell(some * names_each)
        heard(some * names_each)
        if n > some:
            self.sim.after(ROUND, self.end_leases, n - some, names_each, heard)


class NameServer:
    """One method thread. Requests whose time is over are not carried out any more."""

    def __init__(self, sim, costs, setting, number, etcd=None):
        self.sim, self.costs, self.setting, self.etcd = sim, costs, setting, etcd
        self.method = Cores(sim, 1)
        self.member = number % setting.members if etcd else 0
        self.log = Log(sim, setting.disk, costs.write) if setting.storage == "sqlite" else None
        self.is_up = True
        if etcd:
            etcd.watchers.append(self)

    def take(self, work, deadline, then, *arguments):
        """In its turn; not at all if that comes too late."""
        if not self.is_up:
            return
        if self.sim.now + self.method.wait() > deadline:
            self.method.take(LATE)
            return
        self.method.take(work, then, *arguments)

    def lookup(self, deadline, then, *arguments):
        self.take(self.costs.lookup, deadline, then, *arguments)

    def register(self, deadline, then, *arguments):
        work = self.costs.etcd_register if self.etcd else self.costs.register
        self.take(work, deadline, self.registered, then, arguments)

    def registered(self, then, arguments):
        if self.etcd:
            self.etcd.txn(self.member, then, *arguments)
        elif self.log:
            self.log.append(then, *arguments)
        else:
            then(*arguments)

    def renew(self, n_names, deadline, then, *arguments):
        work = self.costs.renewal(n_names, bool(self.etcd))
        self.take(work, deadline, self.renewed, then, arguments)

    def renewed(self, then, arguments):
        if self.etcd:
            self.etcd.keepalive(self.member, then, *arguments)
        else:
            then(*arguments)

    def arrive(self, n_names, then, *arguments):
        """Somebody connects, attends and renews; he waits for that."""
        work = self.costs.arrive + self.costs.renewal(n_names, bool(self.etcd)) + (TLS_HANDSHAKE if self.setting.tls else 0)
        self.take(work, float("inf"), then, *arguments)


class Owner:
    """A process with names, as naming_renew.c has it: a round of renewals each three tenths of the TTL; what a name server
    has forgotten is registered again; what got no answer in the next round again."""

    def __init__(self, sim, setting, server, tally, rng):
        self.sim, self.setting, self.server, self.tally, self.rng = sim, setting, server, tally, rng
        self.missing = 0  # names that the name server does not have
        self.waiting = set()  # registrations without an answer
        self.unsent = 0
        self.is_paced = False
        self.window = setting.window
        self.number = 0  # of the last registration

    def period(self):
        return self.setting.ttl * 0.3 * (1 - self.setting.jitter * self.rng.random())

    # At the beginning, a program registers its names one after the other, and each call may be made again.

    def boot(self):
        self.missing = self.setting.names
        self.register_next()

    def register_next(self):
        if self.missing == 0:
            self.sim.after(self.period(), self.round)
            return
        began = self.sim.now
        self.number += 1
        self.server.register(began + 2 * CALL_S, self.registered_next, began, self.number)
        self.sim.after(2 * CALL_S, self.try_next_again, self.number)

    def registered_next(self, began, number):
        if number != self.number:
            return
        self.missing -= 1
        self.number += 1
        self.tally.registered(self.sim.now, self.sim.now - began)
        self.sim.after(self.setting.network, self.register_next)

    def try_next_again(self, number):
        if number == self.number:
            self.tally.n_late += 1
            self.register_next()

    # Afterwards.

    def round(self):
        began = self.sim.now
        self.sim.after(self.period(), self.round)
        if self.waiting or self.unsent:
            return
        left = self.setting.names
        while left > 0:
            n = min(left, BATCH)
            left -= n
            self.server.renew(n, began + CALL_S, self.renewed, began, left == 0)

    def renewed(self, began, is_last):
        self.tally.renewed(self.sim.now, self.sim.now - began)
        if is_last and self.missing and not self.waiting and not self.unsent:
            self.register_again()

    def register_again(self):
        self.unsent = self.missing
        self.send()

    def send(self):
        """As many as may be."""
        while self.unsent and not self.is_paced and not (self.window and len(self.waiting) >= self.window):
            self.unsent -= 1
            self.number += 1
            self.waiting.add(self.number)
            self.server.register(self.sim.now + CALL_S, self.registered_again, self.sim.now, self.number)
            self.sim.after(CALL_S, self.late, self.number)
            if self.setting.rate:
                self.is_paced = True
                self.sim.after(1 / self.setting.rate, self.pace)

    def pace(self):
        self.is_paced = False
        self.send()

    def registered_again(self, began, number):
        """Perhaps he does not wait for it any more, and learns in the next round that the name is there."""
        if self.missing:
            self.missing -= 1
            self.tally.registered(self.sim.now, self.sim.now - began)
        if number in self.waiting:
            took = self.sim.now - began
            if self.window and took <= SOON_S and self.window < MANY:
                self.window += 1
            elif took > LATE_S and self.window > self.setting.window:
                self.window -= 1
            self.waiting.remove(number)
            self.send()

    def late(self, number):
        if number in self.waiting:
            self.tally.n_late += 1
            self.waiting.remove(number)
            self.send()


class Tally:
    """What happened in each tenth of a second."""

    STEP = 0.1

    def __init__(self):
        self.n_registered, self.n_late = 0, 0
        self.registrations, self.renewals = {}, {}
        self.register_times, self.renew_times = [], []

    def registered(self, now, took):
        self.n_registered += 1
        self.registrations[int(now / self.STEP)] = self.registrations.get(int(now / self.STEP), 0) + 1
        self.register_times.append(took)

    def renewed(self, now, took):
        self.renewals[int(now / self.STEP)] = self.renewals.get(int(now / self.STEP), 0) + 1
        self.renew_times.append(took)


def quantile(times, part):
    return sorted(times)[min(len(times) - 1, int(part * len(times)))] if times else 0.0


class Cluster:
    """All of it."""

    def __init__(self, sim, costs, setting):
        self.sim, self.setting = sim, setting
        self.rng = random.Random(setting.seed)
        self.tally = Tally()
        self.etcd = Etcd(sim, costs, setting) if setting.storage == "etcd" else None
        self.servers = [NameServer(sim, costs, setting, i, self.etcd) for i in range(setting.servers)]
        self.owners = [Owner(sim, setting, self.servers[i % setting.servers], self.tally, self.rng)
                       for i in range(setting.hosts)]
