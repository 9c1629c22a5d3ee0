# SPDX-License-Identifier: MIT
"""Plays one end of a recorded conversation to a program of this version, and compares its answers field by field. A field that
varies has to be present as in the recording; its new value replaces the recorded one in everything that follows."""

import contextlib
import hashlib
import hmac
import socket
import struct
import time
import traceback

import talks

OTHER = {"client": "server", "server": "client"}
PATIENCE = 20
LEAST_SECRET, RANDOM = 8, 16  # bytes of a value that is found again in what follows


class Different(Exception):
    pass


def prove(key, role, hellos):
    """docs/wire-protocol.md, Shared keys."""
    client, server = hellos["client"], hellos["server"]
    text = b"pyrite shared key 1\0" + bytes([1 if role == "server" else 2])
    text += hmac.digest(key, b"pyrite shared key id\0", hashlib.sha256)[:8] + client["hello.nonce"] + server["hello.nonce"]
    text += struct.pack("<4I", *(hello[f"hello.{end}_version"] for hello in (client, server) for end in ("min", "max")))
    return hmac.digest(key, text + bytes(33), hashlib.sha256)


class Connection:
    """One connection of a recording: what is to be sent on it, and what is to come."""

    def __init__(self, recording, number, role, schema):
        self.recording, self.number, self.role = recording, number, role
        first = next(raw for event in recording.events if event.connection == number and event.role == "client"
                     for raw, _ in event.units)
        calls = talks.Calls(schema)
        self.recorded = {who: talks.parser(first, who, calls) for who in OTHER}
        self.live = talks.parser(first, OTHER[role], calls)
        self.came, self.plug, self.hellos, self.has_ended = [], None, {}, False

    def framed(self, units):
        return self.live.framed(units)

    def units_of(self, event, swap):
        """The units of a recorded message. swap() replaces values that vary."""
        parser, found = self.recorded[event.role], []
        for raw, _ in event.units:
            raw = swap(raw)
            found += parser.feed(self.wrapped(raw) if isinstance(parser, talks.Link) and parser.began else raw)
        return found

    @staticmethod
    def wrapped(raw):
        """A frame as a message of its own."""
        return struct.pack("<I", len(raw)) + raw

    def pump(self, patience):
        """Takes what comes within that time. False when no more will come."""
        self.plug.settimeout(max(patience, 0.001))
        try:
            data = self.plug.recv(1 << 16)
        except (TimeoutError, BlockingIOError):
            return True
        except OSError:
            data = b""
        if not data:
            self.has_ended = True
            return False
        self.came += list(self.live.feed(data))
        return True


class Player:
    def __init__(self, recording, role, schema, opens, is_cut=None):
        """opens(): the socket of the next connection; is_cut(): the connection is lost."""
        self.recording, self.role, self.opens, self.is_cut = recording, role, opens, is_cut
        self.schema, self.connections, self.now, self.sums = schema, {}, {}, {}
        self.problems = []

    def swap(self, raw):
        for then, now in self.now.items():
            raw = raw.replace(then, now)
        return raw

    def ignored(self, role, unit):
        """Whether its number and time vary: all units of its kind, or those of which the recording tells a sum."""
        return unit.about in [kind for who, kind in self.recording.ignores if who == role] or any(
            who == role and path in unit.fields for who, path, _ in self.recording.most)

    def count(self, connection, who):
        """Removes units whose number and time vary, and checks sums."""
        for role, path, most in self.recording.most:
            if role == who:
                self.sums[path] = self.sums.get(path, 0) + sum(unit.fields.get(path, 0) for unit in connection.came)
                if self.sums[path] > most:
                    raise Different(f"{path}: {self.sums[path]} in all, at most {most}")
        connection.came = [unit for unit in connection.came if not self.ignored(who, unit)]

    def play(self):
        try:
            for event in self.recording.events:
                self.step(event)
            for connection in self.connections.values():
                self.drain(connection)
        except Different as problem:
            self.problems.append(str(problem))
        except Exception:
            self.problems += traceback.format_exc().splitlines()
        finally:
            for connection in self.connections.values():
                if connection.plug:
                    connection.plug.close()
        return self.problems

    def step(self, event):
        if event.kind == "open":
            connection = Connection(self.recording, event.connection, self.role, self.schema)
            connection.plug = self.opens()
            self.connections[event.connection] = connection
            return
        connection = self.connections[event.connection]
        if event.kind == "cut":
            connection.plug.close()
            connection.plug = None
            if self.is_cut:
                self.is_cut()
        elif event.kind == "close":
            if event.role == self.role:
                self.drain(connection, until_end=False)
                with contextlib.suppress(OSError):  # the other end was quicker
                    connection.plug.shutdown(socket.SHUT_WR)
        elif event.role == self.role:
            self.send(connection, connection.units_of(event, self.swap))
        else:
            for unit in connection.units_of(event, lambda raw: raw):
                self.expect(connection, unit)

    def send(self, connection, units):
        for unit in units:
            self.note(connection, self.role, unit.fields)
            if self.recording.key and "auth.proof" in unit.fields:
                unit.raw = unit.raw.replace(unit.fields["auth.proof"], prove(self.recording.key, self.role, connection.hellos))
        try:
            connection.plug.sendall(connection.framed(units))
        except OSError as error:
            if units[0].about == "end" or all(self.ignored(self.role, unit) for unit in units):
                return  # the other end, which has said its own, did not wait for it
            raise Different(f"connection {connection.number} could not be written: {error}") from None

    @staticmethod
    def note(connection, role, fields):
        if "hello.min_version" in fields:
            connection.hellos[role] = fields

    def expect(self, connection, unit):
        """The next unit about the same call or session has to be this one."""
        who = OTHER[self.role]
        if self.ignored(who, unit):
            return
        until = time.monotonic() + PATIENCE
        while not (found := next((one for one in connection.came if one.about == unit.about), None)):
            if time.monotonic() > until or not connection.pump(until - time.monotonic()):
                others = [one.text for one in connection.came if not self.ignored(who, one)]
                raise Different(f"did not come: {unit.text}\n    came: {others}")
        connection.came.remove(found)
        self.note(connection, who, found.fields)
        self.compare(connection, unit, found)

    def compare(self, connection, unit, found):
        who = OTHER[self.role]
        then, now = unit.fields, found.fields
        varying = {path for path in then.keys() & now.keys() if self.recording.varying(who, path)}
        for path in sorted(varying):
            self.learn(then[path], now[path])
        for path in sorted((then.keys() | now.keys()) - varying):
            before, after = then.get(path), now.get(path)
            if before is None and (who, path) in self.recording.new:
                continue
            if isinstance(before, bytes):
                before = self.swap(before)
            if self.recording.key and path == "auth.proof":
                before = prove(self.recording.key, who, connection.hellos)
            if before != after:
                self.problems.append(f"{path}: {after!r}, was {before!r}\n    in: {found.text}\n    was: {unit.text}")

    def learn(self, then, now):
        if isinstance(then, str):
            then, now = then.encode(), str(now).encode()
        if isinstance(then, bytes) and LEAST_SECRET <= len(then) == len(now):
            if then[RANDOM:] == now[RANDOM:]:  # a byte behind the random ones tells more of a reference
                then, now = then[:RANDOM], now[:RANDOM]
            self.now[then] = now

    def drain(self, connection, until_end=True):
        """Checks that nothing else comes until the other end closes the connection."""
        until = time.monotonic() + PATIENCE
        while until_end and connection.plug and not connection.has_ended and time.monotonic() < until:
            connection.pump(until - time.monotonic())
        self.count(connection, OTHER[self.role])
        if connection.came:
            raise Different(f"was not there: {[unit.text for unit in connection.came]}")
        if until_end and connection.plug and not connection.has_ended:
            raise Different(f"connection {connection.number} was not closed")
