# SPDX-License-Identifier: MIT
"""Descriptors of .proto files, and what a change of them breaks for programs that have the old ones. The rules are those of
protobuf's binary format: names are kept as well, so that a number that means something else is told from a renaming."""

import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, text_format

FIELD = descriptor_pb2.FieldDescriptorProto
HEAD = "# SPDX-License-Identifier: MIT\n# {} as {} has it: a FileDescriptorSet.\n"


def of_protos(folder, *names):
    """The descriptors of these files in folder, as protoc writes them."""
    with tempfile.NamedTemporaryFile(prefix="pyrite-promises-") as out:
        done = subprocess.run(["protoc", "-I", folder, f"--descriptor_set_out={out.name}", "--include_imports", *names],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())


def of_idl(tool, file):
    """The descriptors of the messages that follow from an IDL file."""
    with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as folder:
        done = subprocess.run([tool, "--proto", folder, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return of_protos(folder, *sorted(p.name for p in pathlib.Path(folder).glob("*.proto")))


def write(path, what, release, descriptors):
    path.write_text(HEAD.format(what, release) + text_format.MessageToString(descriptors))


def read(path):
    return text_format.Parse(path.read_text(), descriptor_pb2.FileDescriptorSet())


def types(descriptors):
    """Messages, enums and services by their full names; all of one package."""
    found = ({}, {}, {})

    def add(scope, holder):
        for message in holder.message_type if hasattr(holder, "message_type") else holder.nested_type:
            found[0][f"{scope}{message.name}"] = message
            add(f"{scope}{message.name}.", message)
        for enum in holder.enum_type:
            found[1][f"{scope}{enum.name}"] = enum

    for file in descriptors.file:
        scope = file.package + "." if file.package else ""
        add(scope, file)
        for service in file.service:
            found[2][scope + service.name] = service
    return found


def ranges(message, enum=False):
    """Reserved numbers; of an enum the ranges have their last number in them."""
    return [range(one.start, one.end + enum) for one in message.reserved_range]


def is_reserved(number, spans):
    return any(number in span for span in spans)


def type_of(field):
    name = FIELD.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"{name} {field.type_name}" if field.type_name else name


def group_of(message, field):
    """The oneof that a field is in."""
    if field.HasField("oneof_index") and not field.proto3_optional:
        return message.oneof_decl[field.oneof_index].name
    return None


def label_of(field):
    if field.label == FIELD.LABEL_REPEATED:
        return "repeated"
    return "required" if field.label == FIELD.LABEL_REQUIRED else "optional" if field.proto3_optional else "singular"


def field_breaks(old_message, old, new_message, new):
    for what, of in (("name", lambda _, f: f.name), ("type", lambda _, f: type_of(f)), ("label", lambda _, f: label_of(f)),
                     ("oneof", group_of), ("packing", lambda _, f: f.options.packed if f.options.HasField("packed") else None),
                     ("JSON name", lambda _, f: f.json_name)):
        before, now = of(old_message, old), of(new_message, new)
        if before != now:
            yield f"its {what} was {before}, is {now}"


def reserved_breaks(old, new, used, enum=False):
    """Numbers and names that were given up stay so."""
    now = ranges(new, enum)
    for span in ranges(old, enum):
        ends = (span.start, span.stop - 1)
        if not all(any(one.start <= end < one.stop for one in now) for end in ends) or not any(
                one.start <= span.start and span.stop <= one.stop for one in now):
            again = sorted(number for number in used if number in span)
            yield f"number {again[0]} was reserved, is used" if again else f"numbers {ends[0]} to {ends[1]} were reserved"
    for name in old.reserved_name:
        if name not in new.reserved_name:
            yield f"the name {name} was reserved"


def message_breaks(old, new):
    now = {field.number: field for field in new.field}
    for field in old.field:
        if field.number in now:
            for problem in field_breaks(old, field, new, now[field.number]):
                yield f"field {field.name} = {field.number}: {problem}"
        elif not (is_reserved(field.number, ranges(new)) and field.name in new.reserved_name):
            yield f"field {field.name} = {field.number}: it was removed, and number and name are not reserved"
    yield from reserved_breaks(old, new, now)


def enum_breaks(old, new):
    now = {value.name: value.number for value in new.value}
    spans = ranges(new, enum=True)
    for value in old.value:
        if value.name in now:
            if now[value.name] != value.number:
                yield f"value {value.name} was {value.number}, is {now[value.name]}"
        elif value.number in now.values():
            yield f"value {value.name} = {value.number}: its number means something else"
        elif not (is_reserved(value.number, spans) and value.name in new.reserved_name):
            yield f"value {value.name} = {value.number}: it was removed, and number and name are not reserved"
    yield from reserved_breaks(old, new, now.values(), enum=True)


def service_breaks(old, new):
    now = {method.name: method for method in new.method}
    for method in old.method:
        if method.name not in now:
            yield f"method {method.name} was removed"
            continue
        for what in ("input_type", "output_type", "client_streaming", "server_streaming"):
            before, after = getattr(method, what), getattr(now[method.name], what)
            if before != after:
                yield f"method {method.name}: its {what.replace('_', ' ')} was {before}, is {after}"


def breaks(old, new):
    """What of the new descriptors breaks programs that have the old ones, a line for each."""
    for kind, rules, before, now in zip(("message", "enum", "service"), (message_breaks, enum_breaks, service_breaks),
                                        types(old), types(new)):
        for name, one in before.items():
            if name not in now:
                yield f"{kind} {name} was removed"
            else:
                yield from (f"{name}: {problem}" for problem in rules(one, now[name]))
    syntax = {file.name: file.syntax for file in new.file}
    for file in old.file:
        if syntax.get(file.name, file.syntax) != file.syntax:
            yield f"{file.name}: its syntax was {file.syntax}, is {syntax[file.name]}"
