# SPDX-License-Identifier: MIT
"""Recorded conversations as text: a head, a word and its value on each line; then what each end sent, in order.

    title a call and its answer
    server promises-server real.sock       the accepting end, if it is a Pyrite program
    client promises-client call URI        the connecting end, if it is one
    foreign server|client COMMAND          an end that is not Pyrite's; needed only to record the conversation again
    prints add 3                           what the client printed
    varies server hello.from               a field whose value differs each time; [] stands for any index, .* for anything
    proves HEX                             the shared key with which both ends prove who they are
    new server hello.window                a field that later versions send in addition
    most client credit.bytes 272           the most that the values of a field sum up to; their number and time vary
    ignores server window_update           units of the transport below, whose number and time vary
    open 1                                 a connection
    client 1                               a message that one end sent on it: a line of hexadecimal digits for each frame,
        # the frame, for readers           below a comment that shows the frame
        0a10...
    close client 1                         that end sends nothing more
    cut 1                                  the connection is lost
"""

import re
import shlex

HEAD = ("title", "server", "client", "foreign", "prints", "varies", "new", "most", "proves", "ignores")


class Event:
    def __init__(self, kind, connection, role=None, units=()):
        """kind: open, sent, close, cut; units: (bytes, text)."""
        self.kind, self.connection, self.role, self.units = kind, connection, role, list(units)


class Recording:
    def __init__(self, title=""):
        self.title, self.programs, self.foreign, self.written = title, {}, {}, []
        self.prints, self.varies, self.new, self.most, self.ignores, self.events = [], [], [], [], [], []
        self.key = None

    def varying(self, role, path):
        plain = re.sub(r"\[\d+\]", "[]", path)
        return any(role == who and re.fullmatch(pattern, plain) for who, pattern in self.varies)


def parse(path):
    made = Recording()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            take(made, line)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path.name}:{number}: {error}") from None
    return made


def take(made, line):
    word, _, rest = line.strip().partition(" ")
    if line.startswith("    "):
        if word != "#":
            made.events[-1].units.append((bytes.fromhex(line.strip().strip("-")), made.comment))
            made.comment = None
        else:
            made.comment = rest
    elif word in ("open", "cut"):
        made.events.append(Event(word, int(rest)))
    elif word == "close":
        made.events.append(Event(word, int(rest.split()[1]), rest.split()[0]))
    elif word in ("client", "server") and rest.isdigit():
        made.events.append(Event("sent", int(rest), word))
    elif word in HEAD:
        take_head(made, word, rest)
    elif word and word != "#":
        raise ValueError(f"{word!r} has no meaning here")


def take_head(made, word, rest):
    if word in ("client", "server"):
        made.programs[word] = shlex.split(rest)
    elif word == "foreign":
        role, _, command = rest.partition(" ")
        made.foreign[role] = shlex.split(command)
    elif word == "varies":
        role, _, path = rest.partition(" ")
        made.varies.append((role, re.escape(path).replace(r"\.\*", ".*")))
        made.written.append(rest)
    elif word == "new":
        made.new.append(tuple(rest.split(" ", 1)))
    elif word == "most":
        role, path, most = rest.split()
        made.most.append((role, path, int(most)))
    elif word == "ignores":
        made.ignores.append(tuple(rest.split(" ", 1)))
    elif word == "proves":
        made.key = bytes.fromhex(rest)
    elif word == "prints":
        made.prints.append(rest)
    else:
        made.title = rest


def write(path, made):
    lines = ["# SPDX-License-Identifier: MIT", f"title {made.title}"]
    lines += [f"{role} {shlex.join(made.programs[role])}" for role in ("server", "client") if role in made.programs]
    lines += [f"foreign {role} {shlex.join(command)}" for role, command in made.foreign.items()]
    lines += [f"varies {one}" for one in made.written]
    lines += [f"new {role} {path}" for role, path in made.new]
    lines += [f"most {role} {path} {most}" for role, path, most in made.most]
    lines += [f"ignores {role} {what}" for role, what in made.ignores]
    lines += [f"proves {made.key.hex()}"] if made.key else []
    lines += [f"prints {one}" for one in made.prints]
    for event in made.events:
        if event.kind == "sent":
            lines += ["", f"{event.role} {event.connection}"]
            for raw, text in event.units:
                lines += [f"    # {text}", f"    {raw.hex() or '-'}"]
        else:
            lines += ["", " ".join(filter(None, (event.kind, event.role, str(event.connection))))]
    path.write_text("\n".join(lines) + "\n")
