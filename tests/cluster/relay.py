# SPDX-License-Identifier: MIT
"""A relay between two ends of TCP connections that does to them what networks do. It works on streams, so that a lost packet
is what its receiver sees of one: a pause of a retransmission, with all that follows behind it. A black hole takes no bytes
and gives none; the kernel still acknowledges those that fit into its buffers, which makes it harder to notice than a real
one. Loss of packets themselves is in loss.py, where the machine lets a user have a network of his own."""

import asyncio
import dataclasses
import os
import pathlib
import random
import socket
import struct
import threading

CHUNK = 65536
RETRANSMISSION = 0.2  # s, Linux' least
LOOK = 0.02           # s, between looks at whether a hole is still there


@dataclasses.dataclass
class Way:
    """What happens to bytes in one direction."""
    delay: float = 0.0  # s
    loss: float = 0.0   # of the chunks that are read
    hole: bool = False


@dataclasses.dataclass
class Fault:
    """Of the connections of one source."""
    there: Way = dataclasses.field(default_factory=Way)  # from who connects
    back: Way = dataclasses.field(default_factory=Way)


def both(**what):
    return Fault(Way(**what), Way(**what))


class Relays:
    """The thread that all relays of a program share."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.sources = {}  # pid: whose it is
        self.all = []

    def relay(self, target, listener):
        """From a socket that listens to a port of 127.0.0.1."""
        relay = Relay(self, target)
        self.all.append(relay)
        asyncio.run_coroutine_threadsafe(relay.open(listener), self.loop).result(10)
        return relay

    def source_of(self, peer):
        """Who has the other end of a connection from there: a connected socket of this machine is a file of somebody."""
        for pid, source in list(self.sources.items()):
            if inode_of(pid, peer):
                return source
        return None

    def close(self):
        async def cancel():
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for one in others:
                one.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(cancel(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


def inode_of(pid, peer):
    """The socket whose own address is peer, if the process has it open."""
    own = f"{struct.unpack('=I', socket.inet_aton(peer[0]))[0]:08X}:{peer[1]:04X}"
    try:
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        inodes = {f"socket:[{line.split()[9]}]" for line in lines if line.split()[1] == own}
        for fd in os.scandir(f"/proc/{pid}/fd"):
            if os.readlink(fd.path) in inodes:
                return True
    except OSError:
        pass  # it ended, or closed the file meanwhile
    return False


class Connection:
    def __init__(self, relay, source, near):
        self.relay, self.source, self.near, self.far = relay, source, near, None
        self.is_half_open = False

    def fault(self):
        if self.is_half_open:
            return both(hole=True)
        return self.relay.faults.get(self.source, self.relay.fault)

    async def run(self):
        try:
            reader, self.far = await asyncio.open_connection("127.0.0.1", self.relay.target)
        except OSError:
            reset(self.near[1])
            return
        await asyncio.gather(self.carry(self.near[0], self.far, "there"), self.carry(reader, self.near[1], "back"),
                             return_exceptions=True)

    async def carry(self, reader, writer, way):
        """One direction: each chunk leaves when it is due, and none before the one that came before it."""
        waiting = asyncio.Queue(maxsize=256)
        writing = asyncio.ensure_future(self.write(waiting, writer, way))
        try:
            await self.read(reader, waiting, way)
            await writing
        finally:
            writing.cancel()

    async def read(self, reader, waiting, way):
        try:
            while data := await reader.read(CHUNK):
                rule = getattr(self.fault(), way)
                late = RETRANSMISSION if random.random() < rule.loss else 0
                await waiting.put((self.relay.relays.loop.time() + rule.delay + late, data))
        except OSError:
            pass
        await waiting.put((0, b""))

    async def write(self, waiting, writer, way):
        while True:
            due, data = await waiting.get()
            pause = due - self.relay.relays.loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
            while getattr(self.fault(), way).hole:
                await asyncio.sleep(LOOK)
            try:
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()
            except OSError:
                data = b""
                if writer.is_closing():
                    return


def reset(writer):
    """The connection ends at once, for the other end with an error."""
    if writer is None or writer.is_closing():
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Relay:
    """fault: of connections whose source has none of its own in faults."""

    def __init__(self, relays, target):
        self.relays, self.target = relays, target
        self.fault, self.faults = Fault(), {}
        self.connections = set()
        self.port = None

    async def open(self, listener):
        self.port = listener.getsockname()[1]
        await asyncio.start_server(self.accept, sock=listener)

    async def accept(self, reader, writer):
        source = self.relays.source_of(writer.get_extra_info("peername")) if self.relays.sources else None
        connection = Connection(self, source, (reader, writer))
        self.connections.add(connection)
        try:
            await connection.run()
        except asyncio.CancelledError:
            pass  # all of it ends
        finally:
            self.connections.discard(connection)
            for end in (writer, connection.far):
                if end and not end.is_closing():
                    end.close()

    def set(self, fault, source=None):
        """Of all, or of one source: from now on, for connections that are there, too."""
        if source is None:
            self.fault = fault
        else:
            self.faults[source] = fault

    def heal(self):
        self.fault, self.faults = Fault(), {}

    def each(self, what):
        def run():
            for connection in list(self.connections):
                what(connection)
        self.relays.loop.call_soon_threadsafe(run)

    def reset(self):
        """Both ends of each connection get an RST."""
        self.each(lambda connection: (reset(connection.near[1]), reset(connection.far)))

    def half_open(self):
        """The target's end is gone; who connected hears nothing of that, nor of anything else."""
        def cut(connection):
            connection.is_half_open = True
            reset(connection.far)
        self.each(cut)
