# SPDX-License-Identifier: MIT
"""What goes over a connection, in units: the frames of a link, of HTTP/2, messages of Pyro, requests and answers of HTTP. A
parser takes the bytes of one direction, and gives for each unit its bytes, what stands in it, field by field, and what it
is about: units about the same thing keep their order."""

import json
import re
import struct

import hpack
import msgpack
import serpent
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

PREFACE = b"PYRITE/1 frames follow\r\n"
H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
H2_KINDS = ("data", "headers", "priority", "rst_stream", "settings", "push_promise", "ping", "goaway", "window_update",
            "continuation")


class Unit:
    def __init__(self, raw, about, fields, text, starts=True):
        """fields: {path: value}; text: for readers; starts: a message of its own, not a further frame of one."""
        self.raw, self.about, self.fields, self.text, self.starts = raw, about, fields, text, starts


class Schema:
    """What a release knew: the messages of links, and those that the operations of interfaces have."""

    def __init__(self, folder):
        self.message, self.methods = self.load(folder / "link.descriptors", "pyrite.Message")[0], {}
        for file in folder.glob("*.descriptors"):
            if file.stem == "link":
                continue
            make, found = self.load(file)
            for one in found.file:
                for service in one.service:
                    self.methods[f"{one.package}.{service.name}"] = [
                        (method.name, make(method.input_type[1:]), make(method.output_type[1:])) for method in service.method]

    @staticmethod
    def load(path, name=None):
        found = text_format.Parse(path.read_text(), descriptor_pb2.FileDescriptorSet())
        pool = descriptor_pool.DescriptorPool()
        for file in found.file:
            pool.Add(file)

        def make(kind):
            described = pool.FindMessageTypeByName(kind)
            if hasattr(message_factory, "GetMessageClass"):
                return message_factory.GetMessageClass(described)
            return message_factory.MessageFactory(pool).GetPrototype(described)

        return (make(name) if name else make), found


class Calls:
    """Which operations the numbers of a connection stand for."""
    BATCH, PARTS, WHOLE = 8, 2 | 4, 0

    def __init__(self, schema):
        self.schema, self.sessions, self.calls, self.links = schema, {}, {}, set()

    def note(self, role, frame, kind):
        if kind == "bind":
            self.sessions[role, frame.bind.session] = frame.bind.interface
        elif kind == "call":
            interface, _, name = frame.call.name.rpartition(".")
            methods = self.schema.methods.get(interface or self.sessions.get((role, frame.call.session)), ())
            at = frame.call.operation
            found = [one for one in methods if one[0] == name] if name else methods[at:at + 1]
            self.calls[role, frame.number] = found[0] if found and not frame.call.flags & self.BATCH else None

    def payload(self, role, frame, kind):
        """The message in a frame; None: it is not known."""
        body = getattr(frame, kind)
        to_caller = kind == "reply" or kind == "item" and body.to_caller
        caller = role if not to_caller else "server" if role == "client" else "client"
        method = self.calls.get((caller, frame.number))
        if method and not body.flags & self.PARTS:
            return (method[2] if to_caller else method[1]).FromString(body.payload)
        return None


def flatten(path, value, into):
    """{"call.session": 1, "bound.operations[0].name": ...}; what is absent or its default is not there."""
    for field, content in value.ListFields():
        name = f"{path}.{field.name}" if path else field.name
        if field.message_type and field.message_type.GetOptions().map_entry:
            into.update({f"{name}[{key!r}]": str(content[key]) for key in content})
            continue
        contents = content if field.label == field.LABEL_REPEATED else [content]
        for i, one in enumerate(contents):
            place = f"{name}[{i}]" if field.label == field.LABEL_REPEATED else name
            if field.message_type:
                into[place] = ()
                flatten(place, one, into)
            else:
                into[place] = one
    unknown = value.UnknownFields()
    for i in range(len(unknown)):
        into[f"{path}.unknown field {unknown[i].field_number}"] = repr(unknown[i].data)
    return into


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


class Link:
    """Frames on a socket: the preface, then messages with their length before them; one of length 0 is the end."""

    def __init__(self, role, calls):
        self.role, self.calls, self.rest, self.began = role, calls, b"", False

    def feed(self, data):
        self.rest += data
        if not self.began and self.rest.startswith(PREFACE):
            self.began = True
            yield Unit(self.rest[:len(PREFACE)], "preface", {"preface": self.rest[:len(PREFACE)]}, "preface")
            self.rest = self.rest[len(PREFACE):]
        elif not self.began and not PREFACE.startswith(self.rest):
            yield Unit(self.rest, "another protocol", {"bytes": self.rest}, f"another protocol: {self.rest!r}")
            self.rest = b""
        while self.began and len(self.rest) >= 4:
            size = struct.unpack_from("<I", self.rest)[0]
            if len(self.rest) < 4 + size:
                return
            body, self.rest = self.rest[4:4 + size], self.rest[4 + size:]
            yield from self.frames(body)

    def frames(self, body):
        at = 0
        if not body:
            yield Unit(b"", "end", {"end": True}, "end of the link")
        while at < len(body):
            start = at
            tag, at = varint(body, at)
            assert tag == 0x0a, f"no frame, but field {tag >> 3} of wire type {tag & 7}"
            size, at = varint(body, at)
            at += size
            frame = self.calls.schema.message.FromString(body[start:at]).frames[0]
            yield self.unit(frame, body[start:at], start == 0)

    def unit(self, frame, raw, starts):
        kind = frame.WhichOneof("body") or "nothing"
        fields, text = flatten("", frame, {}), text_format.MessageToString(frame, as_one_line=True)
        self.calls.note(self.role, frame, kind)
        payload = self.calls.payload(self.role, frame, kind) if f"{kind}.payload" in fields else None
        if payload is not None:
            del fields[f"{kind}.payload"]
            flatten(f"{kind}.payload", payload, fields)
            at = text.index("payload: ")
            text = text[:at] + "payload { " + text_format.MessageToString(payload, as_one_line=True) + " } }"
        return Unit(raw, self.about(frame, kind), fields, text, starts)

    @staticmethod
    def about(frame, kind):
        """The frames of a call keep their order, and so do those of a session; credit and cancellation stand apart."""
        if kind in ("bind", "bound", "unbind"):
            return f"session {getattr(frame, kind).session}"
        if kind in ("item", "end") and getattr(frame, kind).to_caller or kind in ("reply", "error", "resumed"):
            return f"answers {frame.number}"
        return f"{kind} {frame.number}" if kind in ("credit", "cancel") else f"calls {frame.number}" if frame.number else kind

    @staticmethod
    def framed(units):
        """The bytes of units that make one message."""
        if units[0].about in ("preface", "another protocol"):
            return units[0].raw
        body = b"".join(unit.raw for unit in units)
        return struct.pack("<I", len(body)) + body


class Http2:
    """Frames of HTTP/2. Those of a link that travels in it are a Message of link.proto in each message of gRPC."""
    LINK = "/pyrite.Link/Open"

    def __init__(self, role, calls):
        self.role, self.calls = role, calls
        self.rest, self.wants_preface = b"", role == "client"
        self.headers = hpack.Decoder()

    def feed(self, data):
        self.rest += data
        if self.wants_preface and len(self.rest) >= len(H2_PREFACE):
            self.wants_preface = False
            yield Unit(self.rest[:len(H2_PREFACE)], "preface", {"preface": self.rest[:len(H2_PREFACE)]}, "preface")
            self.rest = self.rest[len(H2_PREFACE):]
        while not self.wants_preface and len(self.rest) >= 9:
            size = 9 + int.from_bytes(self.rest[:3], "big")
            if len(self.rest) < size:
                return
            raw, self.rest = self.rest[:size], self.rest[size:]
            yield from self.units(raw)

    def units(self, raw):
        kind = H2_KINDS[raw[3]] if raw[3] < len(H2_KINDS) else f"kind {raw[3]}"
        stream, payload = int.from_bytes(raw[5:9], "big"), raw[9:]
        fields = {f"{kind}.flags": raw[4], f"{kind}.stream": stream}
        if kind == "headers":
            for name, value in self.headers.decode(payload):
                fields[f"headers.{name}"] = value
            if fields.get("headers.:path") == self.LINK:
                self.calls.links.add(stream)
        elif kind == "data" and stream in self.calls.links and payload:
            yield from self.linked(raw, payload)
            return
        elif payload:
            fields[f"{kind}.payload"] = payload
        text = " ".join(f"{name.split('.', 1)[1]}={value!r}" for name, value in fields.items())
        about = f"stream {stream}" if stream and kind not in ("window_update", "rst_stream") else kind
        if stream in self.calls.links and "headers.grpc-status" in fields:
            about = "trailers"
        if stream in self.calls.links and kind == "data":  # an empty one: END_STREAM
            about = "end_stream"
        yield Unit(raw, about, fields, f"{kind} {text}")

    def linked(self, raw, payload):
        """A unit for each frame of a link's message; the first has the bytes of them all."""
        assert payload[0] == 0 and int.from_bytes(payload[1:5], "big") == len(payload) - 5, "a message in parts"
        units = list(Link(self.role, self.calls).frames(payload[5:]))
        text = "data " + "; ".join(unit.text for unit in units)
        for i, unit in enumerate(units):
            yield Unit(b"" if i else raw, f"link {unit.about}", unit.fields, unit.text if i else text, i == 0)

    @staticmethod
    def framed(units):
        return b"".join(unit.raw for unit in units)


class Pyro:
    """Messages of Pyro's protocols 48 and 502."""
    HEADS = {48: ("!4sHHHHiHHHH", ("tag", "version", "kind", "flags", "seq", "size", "serializer", "annotations", "reserved",
                                   "checksum")),
             502: ("!4sHBBHHII16sHH", ("tag", "version", "kind", "serializer", "flags", "seq", "size", "annotations",
                                       "correlation", "reserved", "checksum"))}

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while len(self.rest) >= 6:
            form, names = self.HEADS[struct.unpack_from("!H", self.rest, 4)[0]]
            n = struct.calcsize(form)
            if len(self.rest) < n:
                return
            head = dict(zip(names, struct.unpack_from(form, self.rest)))
            size = n + head["annotations"] + head["size"]
            if len(self.rest) < size:
                return
            raw, self.rest = self.rest[:size], self.rest[size:]
            yield self.unit(raw, n, head)

    def unit(self, raw, n, head):
        fields = {f"header.{name}": value for name, value in head.items()}
        at, end = n, n + head["annotations"]
        while at < end:
            name, size = struct.unpack_from("!4sH", raw, at)
            fields[f"annotation.{name.decode()}"] = raw[at + 6:at + 6 + size]
            at += 6 + size
        self.spread("payload", self.value(head["serializer"], raw[end:]), fields)
        return Unit(raw, "messages", fields, " ".join(f"{name}={value!r}" for name, value in fields.items()))

    @staticmethod
    def value(serializer, data):
        if not data:
            return None
        if serializer == 1:
            return serpent.loads(data)
        return json.loads(data) if serializer == 2 else msgpack.unpackb(data) if serializer == 6 else data

    def spread(self, path, value, fields):
        if isinstance(value, dict):
            for name, one in value.items():
                self.spread(f"{path}.{name}", one, fields)
        elif isinstance(value, (list, tuple)) and value:
            for i, one in enumerate(value):
                self.spread(f"{path}[{i}]", one, fields)
        else:
            fields[path] = sorted(value) if isinstance(value, set) else value

    framed = staticmethod(Http2.framed)


class Http:
    """Requests and answers of HTTP/1.1 with a Content-Length."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head, _, body = self.rest.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            size = int(headers.get("content-length", 0))
            if len(body) < size:
                return
            raw, self.rest = self.rest[:len(head) + 4 + size], body[size:]
            fields = {"first line": first, **{f"header.{name}": value for name, value in headers.items()}}
            if headers.get("content-type", "").startswith("application/json") and size:
                Pyro.spread(self, "body", json.loads(body[:size]), fields)
            elif size:
                fields["body"] = body[:size]
            yield Unit(raw, "messages", fields, re.sub(r"[^ -~]+", " | ", raw.decode(errors="replace")))

    spread = Pyro.spread
    framed = staticmethod(Http2.framed)


def parser(first, role, calls):
    """Of what one end says on a connection, by the first bytes that its client sends."""
    if first.startswith(b"PYRITE"):
        return Link(role, calls)
    if first.startswith(b"PRI "):
        return Http2(role, calls)
    return Pyro() if first.startswith(b"PYRO") else Http()
