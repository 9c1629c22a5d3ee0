# SPDX-License-Identifier: MIT
"""The raw ends of a link: frames as protobuf messages of link.proto over one gRPC stream, and programs to meet them."""

import os
import pathlib
import queue
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent import futures

import grpc

BIN = pathlib.Path(os.environ["PYRITE_BIN"])
SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
PATIENCE = 20
PATH = "/pyrite.Link/Open"
LANE = os.environ.get("RULES_LANE", "grpc")  # how the raw ends' frames travel: "grpc", "socket"
PREFACE = b"PYRITE/1 frames follow\r\n"
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
           ("grpc.use_local_subchannel_pool", 1), ("grpc.so_reuseport", 0),
           ("grpc.http2.min_ping_interval_without_data_ms", 5000)]
CRITICAL_TYPES = 100  # the first body that no version knows


def generate():
    """Messages of link.proto, as a python module."""
    source = SOURCE / "runtime" / "src" / "wire"
    with tempfile.TemporaryDirectory(prefix="pyrite-rules-") as folder:
        subprocess.run(["protoc", "-I", source, "--python_out", folder, "link.proto"], check=True)
        sys.path.insert(0, folder)
        import link_pb2
        sys.path.remove(folder)
    return link_pb2


pb = generate()


def frame(number=0, critical=False, **body):
    """frame(7, call=dict(session=1)) and the like; a body may also be a message."""
    result = pb.Frame(number=number, critical=critical)
    for name, value in body.items():
        target = getattr(result, name)
        target.SetInParent()
        if isinstance(value, dict):
            for key, item in value.items():
                field = getattr(target, key)
                if isinstance(item, list):
                    field.extend(item)
                else:
                    setattr(target, key, item)
        else:
            target.CopyFrom(value)
    return result


def message(*frames):
    return pb.Message(frames=frames).SerializeToString()


def hello(**fields):
    return frame(hello=dict({"min_version": 1, "max_version": 1, "max_calls": 16384, "agent": "raw"}, **fields))


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, payload):
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def text_arguments(*texts):
    return b"".join(field(i + 1, t.encode()) for i, t in enumerate(texts))


def int_arguments(*numbers):
    return b"".join(varint((i + 1) << 3) + varint(n & (1 << 64) - 1) for i, n in enumerate(numbers) if n)


def result_int(payload):
    """The first field of a reply, a varint."""
    if not payload:
        return 0
    value = shift = 0
    for byte in payload[1:]:
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            break
    return value


class Closed(Exception):
    pass


class End:
    """What both raw ends share: frames that came, and a queue of messages to send."""

    def __init__(self):
        self.out = queue.Queue()
        self.frames = []
        self.ended = False
        self.status = None
        self.changed = threading.Condition()

    def outgoing(self):
        while (item := self.out.get()) is not None:
            yield item

    def took(self, data):
        parsed = pb.Message.FromString(data)
        with self.changed:
            self.frames.extend(parsed.frames)
            self.changed.notify_all()

    def over(self, status=None):
        with self.changed:
            self.ended = True
            self.status = status
            self.changed.notify_all()

    def send(self, *frames):
        self.out.put(message(*frames))

    def send_raw(self, data):
        self.out.put(data)

    def half_close(self):
        self.out.put(None)

    def find(self, want):
        return next((f for f in self.frames if want(f)), None)

    def wait(self, want, patience=PATIENCE):
        """The first frame of which want is true. An answer that is sure to come: patience is for a loaded machine."""
        with self.changed:
            self.changed.wait_for(lambda: self.find(want) or self.ended, patience)
            found = self.find(want)
            if not found:
                names = [f.WhichOneof("body") for f in self.frames]
                raise Closed(f"no such frame; came: {names}, ended: {self.ended} {self.status}")
            return found

    def answer(self, number, patience=PATIENCE):
        """The Reply or the Error of a call."""
        return self.wait(lambda f: f.number == number and f.WhichOneof("body") in ("reply", "error"), patience)

    def reply(self, number):
        found = self.answer(number)
        assert found.WhichOneof("body") == "reply", found
        return found.reply

    def error(self, number):
        found = self.answer(number)
        assert found.WhichOneof("body") == "error", found
        return found.error

    def goaway(self):
        return self.wait(lambda f: f.HasField("goaway")).goaway

    def bound(self, session):
        return self.wait(lambda f: f.HasField("bound") and f.bound.session == session).bound

    def forget(self, number):
        with self.changed:
            self.frames = [f for f in self.frames if f.number != number]

    def wait_end(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.ended, PATIENCE), "the link goes on"

    def fence(self, data=7):
        """All that was sent before has been handled."""
        self.send(frame(ping=dict(data=data)))
        self.wait(lambda f: f.HasField("pong") and f.pong.data == data)


class Wire:
    """A socket that carries messages: the preface, then each with its length before it. A length of 0 is the end."""

    def __init__(self, plug, end):
        self.plug, self.end = plug, end
        self.plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def take(self, n):
        data = b""
        while len(data) < n:
            part = self.plug.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def read(self):
        """Until the end. Returns whether it came in good order."""
        try:
            if self.take(len(PREFACE)) != PREFACE:
                return False
            while length := struct.unpack("<I", self.take(4))[0]:
                self.end.took(self.take(length))
            return True
        except (EOFError, OSError):
            return False

    def write(self):
        try:
            self.plug.sendall(PREFACE)
            while (item := self.end.out.get()) is not None:
                self.plug.sendall(struct.pack("<I", len(item)) + item)
            self.plug.sendall(struct.pack("<I", 0))
            self.plug.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other end was quicker

    def cut(self):
        try:
            self.plug.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def connect(address):
    if address.startswith("unix:"):
        plug = socket.socket(socket.AF_UNIX)
        plug.connect(address.removeprefix("unix:"))
        return plug
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), PATIENCE)


class Client(End):
    """The connecting end."""

    OPERATIONS = ("who", "add", "echo", "pass", "post", "open", "shut", "log", "hold", "hold_soon", "answer", "refuse",
                  "drop", "held", "at_once", "time_left", "caller", "fail", "raise", "miss", "relay", "returns", "bare",
                  "nobody", "stop")

    def __init__(self, address, first=None, read=True, channel=None):
        super().__init__()
        self.numbers = iter(range(1000, 1 << 30))
        self.wire = None
        if LANE == "socket" and not channel:
            self.open_wire(address, read)
        else:
            self.open_stream(address, read, channel)
        self.send(*([hello()] if first is None else first))

    def open_wire(self, address, read):
        self.wire = Wire(connect(address), self)
        threading.Thread(target=self.wire.write, daemon=True).start()
        self.reader = threading.Thread(target=lambda: self.over(self.wire.read() and grpc.StatusCode.OK), daemon=True)
        if read:
            self.reader.start()

    def open_stream(self, address, read, channel):
        self.channel = channel or grpc.insecure_channel(address, OPTIONS)
        open_link = self.channel.stream_stream(PATH, request_serializer=None, response_deserializer=None)
        self.call = open_link(self.outgoing())
        self.reader = threading.Thread(target=self.read, daemon=True)
        if read:
            self.reader.start()

    def read(self):
        try:
            for data in self.call:
                self.took(data)
            self.over(self.call.code())
        except grpc.RpcError as error:
            self.over(error.code())

    def bind(self, session=1, name="work", interface="e2e.Work", fingerprint=1):
        """Binds and waits. A fingerprint that no interface has: operations go by name."""
        self.send(frame(bind=dict(session=session, object=name, interface=interface, fingerprint=fingerprint)))
        bound = self.bound(session)
        self.prints = {o.name: o.fingerprint for o in bound.operations}
        return bound

    def call_frame(self, what, payload=b"", session=1, number=None, **fields):
        scope = "Base" if what == "who" else "Work"
        name = f"e2e.{scope}.{what}"
        body = dict(session=session, name=name, fingerprint=self.prints.get(name, 0), payload=payload)
        body.update(fields)
        return frame(number or next(self.numbers), call=body)

    def start(self, what, payload=b"", **fields):
        made = self.call_frame(what, payload, **fields)
        self.send(made)
        return made.number

    def run(self, what, payload=b"", **fields):
        return self.reply(self.start(what, payload, **fields)).payload

    def log(self):
        payload = self.run("log")
        return payload[2:].decode() if payload and payload[1] < 0x80 else payload[3:].decode()

    def close(self):
        self.half_close()
        self.cut()

    def cut(self):
        """Its connection is lost, without a word."""
        if self.wire:
            self.wire.cut()
        else:
            self.call.cancel()
            self.channel.close()


class Program:
    """A program of the tests, whose first line of output is its address."""

    def __init__(self, name, *arguments, environment=None):
        self.process = subprocess.Popen([BIN / name, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=dict(os.environ, **(environment or {})))
        self.address = self.process.stdout.readline().strip()

    def stop(self):
        """Asks it to end. Its exit status says whether it did so, and without a leak."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(PATIENCE)
        rest = self.process.stdout.read()
        self.process.stdin.close()
        self.process.stdout.close()
        return code, rest


class Driver:
    """rules-client; each command's answer comes as one line."""

    def __init__(self, *arguments, **more):
        self.program = Program("rules-client", *arguments, **more)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.program.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def tell(self, command):
        self.program.process.stdin.write(command + "\n")
        self.program.process.stdin.flush()

    def hear(self, patience=PATIENCE):
        return self.lines.get(timeout=patience)

    def ask(self, command, patience=PATIENCE):
        self.tell(command)
        return self.hear(patience)

    def end(self):
        self.program.process.stdin.close()
        code = self.program.process.wait(PATIENCE)
        assert code == 0, f"rules-client ended with {code}"


class Server:
    """The accepting end: one thread for each link, which runs talk(link). A link ends when talk returns."""

    def __init__(self, talk):
        self.talk = talk
        self.links = []
        self.failure = None
        if LANE == "socket":
            self.listen()
        else:
            self.start_core()
        self.address = f"127.0.0.1:{self.port}"

    def listen(self):
        self.plug = socket.create_server(("127.0.0.1", 0))
        self.port = self.plug.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                plug, _ = self.plug.accept()
            except OSError:
                return  # stopped
            link = End()
            wire = Wire(plug, link)
            self.links.append(link)
            threading.Thread(target=lambda w=wire, e=link: e.over(w.read()), daemon=True).start()
            threading.Thread(target=wire.write, daemon=True).start()
            threading.Thread(target=self.converse, args=(link,), daemon=True).start()

    def start_core(self):
        self.core = grpc.server(futures.ThreadPoolExecutor(8), options=OPTIONS)
        handler = grpc.stream_stream_rpc_method_handler(self.serve)
        self.core.add_generic_rpc_handlers([self.Service(handler)])
        self.port = self.core.add_insecure_port("127.0.0.1:0")
        self.core.start()

    class Service(grpc.GenericRpcHandler):
        def __init__(self, handler):
            self.handler = handler

        def service(self, details):
            return self.handler if details.method == PATH else None

    def serve(self, incoming, context):
        link = End()
        self.links.append(link)
        context.add_callback(link.over)
        threading.Thread(target=self.read, args=(link, incoming), daemon=True).start()
        threading.Thread(target=self.converse, args=(link,), daemon=True).start()
        yield from link.outgoing()

    def read(self, link, incoming):
        try:
            for data in incoming:
                link.took(data)
        except Exception:  # grpc raises nothing more precise when a stream is cut
            pass
        link.over()

    def converse(self, link):
        try:
            self.talk(link)
        except Exception as error:
            self.failure = error
        link.half_close()

    def stop(self):
        for link in self.links:
            link.half_close()
        if LANE == "socket":
            self.plug.shutdown(socket.SHUT_RDWR)
            self.plug.close()
        else:
            self.core.stop(0).wait(PATIENCE)


def uri(address, name="work"):
    return f"PYRO:{name}@{address}"


class Cases:
    """Runs functions whose names are sentences. Prints "ok <case>" or "not ok <case>" and why."""

    def __init__(self):
        self.failed = 0
        self.only = sys.argv[1:]

    def run(self, case, *arguments):
        name = case.__name__.replace("_", " ")
        if self.only and not any(part in case.__name__ for part in self.only):
            return
        begin = time.monotonic()
        try:
            case(*arguments)
            print(f"ok {name}", flush=True)
        except Exception:
            self.failed += 1
            print(f"not ok {name}")
            print("".join("    " + line + "\n" for line in traceback.format_exc().splitlines()), flush=True)
        if os.environ.get("PYRITE_TIMES"):
            print(f"    {time.monotonic() - begin:.2f} s")

    def end(self):
        sys.stdout.flush()
        os._exit(1 if self.failed else 0)  # threads of grpc may hang on
