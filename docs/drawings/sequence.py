# SPDX-License-Identifier: MIT
"""Sequences:

    sequence TITLE
    actor ID COLOUR Name / what it is     a column
    process ID ID: text                   an area around columns from one to the other
    ID -> ID: text / second line          an arrow; ID => ID is one over the network
    ID: text / second line                what it does by itself
    --- text                              from here on something else"""

import re

from svg import Picture, width

TOP, ROW, LINE = 84, 30, 17


class Actor:
    def __init__(self, style, lines):
        self.style, self.lines, self.x = style, lines, 0


def half_width(actor):
    """Of its box; its name is bold."""
    return max(width(line) * (1.08 if i == 0 else 1) for i, line in enumerate(actor.lines)) / 2


def parse(lines):
    title, actors, processes, steps = lines[0][1].partition(" ")[2], {}, [], []
    for number, line in lines[1:]:
        found = re.match(r"actor (\w+) ([nbgopy]) (.+)$", line)
        if found:
            actors[found[1]] = Actor(found[2], found[3].split(" / "))
            continue
        found = re.match(r"process (\w+) (\w+): (.+)$", line)
        if found:
            processes.append((found[1], found[2], found[3]))
            continue
        found = re.match(r"--- (.+)$", line)
        if found:
            steps.append(("divider", "", "", [found[1]]))
            continue
        found = re.match(r"(\w+) ([-=])> (\w+): (.+)$", line) or re.match(r"(\w+)(): (.+)$", line)
        if not found or found[1] not in actors:
            raise ValueError(f"{number}: {line!r} is nothing that a sequence has")
        if found[2]:
            steps.append((found[2], found[1], found[3], found[4].split(" / ")))
        else:
            steps.append(("self", found[1], "", found[3].split(" / ")))
    return title, actors, processes, steps


def place(actors, steps):
    """Columns as far apart as what stands between them needs. Returns the width of the picture."""
    names = list(actors)
    gaps = [half_width(actors[name]) + 18 for name in names]
    distance = [gaps[i] + gaps[i + 1] for i in range(len(names) - 1)]
    for kind, start, end, lines in steps:
        need = max(width(line, 12.5) for line in lines)
        i = names.index(start)
        if kind == "self":
            side = i if i < len(names) - 1 else i - 1
            distance[side] = max(distance[side], min(need / (2 if 0 < i < len(names) - 1 else 1) + 24, 250))
        elif kind != "divider" and abs(names.index(end) - i) == 1:
            side = min(i, names.index(end))
            distance[side] = max(distance[side], need + 34)
    x = half_width(actors[names[0]]) + 28
    for i, name in enumerate(names):
        actors[name].x = round(x)
        x += distance[i] if i < len(distance) else 0
    return round(x + gaps[-1] + 10)


def draw(lines):
    title, actors, processes, steps = parse([(n, text) for n, text in lines])
    steps = [step if step[0] != "divider" else ("divider", next(iter(actors)), "", step[3]) for step in steps]
    w = place(actors, steps)
    h = TOP + sum(ROW + LINE * (len(step[3]) - 1) for step in steps) + 26
    picture = Picture(w, h, title)
    for first, last, text in processes:
        left = actors[first].x - half_width(actors[first]) - 20
        right = actors[last].x + half_width(actors[last]) + 20
        picture.rectangle(left, 8, right - left, h - 16, "a")
        picture.text((left + right) / 2, 25, text, "s", "middle", 12.5)
    for actor in actors.values():
        picture.line([(actor.x, TOP - 8), (actor.x, h - 18)], "e" + actor.style, dashed=True)
        half = half_width(actor) + 10
        picture.box(actor.x - half, 34, 2 * half, 24 + 18 * (len(actor.lines) - 1), actor.style, actor.lines)
    y = TOP + 14
    for kind, start, end, text in steps:
        y = step(picture, actors, kind, start, end, text, y)
    return picture.svg()


def step(picture, actors, kind, start, end, text, y):
    actor = actors[start]
    if kind == "divider":
        picture.rectangle(12, y - 8, picture.w - 24, 20, "n", 3)
        picture.text(picture.w / 2, y + 6, text[0], "s", "middle", 12.5)
    elif kind == "self":
        half = max(width(line, 12.5) for line in text) / 2 + 8
        x = min(max(actor.x, half + 12), picture.w - half - 12)
        picture.rectangle(x - half, y - 9, 2 * half, 4 + LINE * len(text), actor.style, 4)
        for i, line in enumerate(text):
            picture.text(x, y + 5 + LINE * i, line, "", "middle", 12.5)
    else:
        x0, x1 = actor.x, actors[end].x
        back = LINE * len(text)
        for i, line in enumerate(text):
            half = width(line, 12.5) / 2 + 2
            picture.rectangle((x0 + x1) / 2 - half, y - 9 + LINE * i, 2 * half, 15, "back", 0)
            picture.text((x0 + x1) / 2, y + 3 + LINE * i, line, "", "middle", 12.5)
        at = y + back - 8
        picture.line([(x0, at), (x1, at)], "l" if kind == "-" else "eo", head=True)
    return y + ROW + LINE * (len(text) - 1)
