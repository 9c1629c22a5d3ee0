# SPDX-License-Identifier: MIT
"""Boxes:

    boxes WIDTH HEIGHT TITLE
    area X Y W H: text                       something that holds boxes
    box ID COLOUR X Y W H: Name / what it is
    text X Y: words                          words alone
    arrow ID ID: words                       from edge to edge, straight if that goes"""

import re

from svg import Picture, width


def draw(lines):
    found = re.match(r"boxes (\d+) (\d+) (.+)$", lines[0][1])
    if not found:
        raise ValueError(f"{lines[0][0]}: width, height and title are wanted")
    picture, known = Picture(int(found[1]), int(found[2]), found[3]), {}
    for number, line in lines[1:]:
        try:
            draw_line(picture, known, line)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{number}: {error}") from None
    return picture.svg()


def draw_line(picture, known, line):
    found = re.match(r"(area|box|text|arrow) (.*?): (.+)$", line)
    if not found:
        raise ValueError(f"{line!r} is nothing that boxes have")
    kind, where, words = found[1], found[2].split(), found[3]
    if kind == "area":
        x, y, w, h = map(float, where)
        picture.rectangle(x, y, w, h, "a", 10)
        picture.text(x + 12, y + 20, words, "s", size=12.5)
    elif kind == "box":
        known[where[0]] = tuple(map(float, where[2:]))
        picture.box(*known[where[0]], where[1], words.split(" / "))
    elif kind == "text":
        picture.text(float(where[0]), float(where[1]), words, "s", size=12.5)
    else:
        arrow(picture, known[where[0]], known[where[1]], words)


def arrow(picture, start, end, words):
    """From the middle of a side to that of the side it faces; with a bend where they are not level."""
    (x0, y0, w0, h0), (x1, y1, w1, h1) = start, end
    if x1 >= x0 + w0 or x0 >= x1 + w1:
        right = x1 >= x0 + w0
        a, b = (x0 + w0 if right else x0), (x1 if right else x1 + w1)
        low, high = max(y0, y1), min(y0 + h0, y1 + h1)
        ya, yb = ((low + high) / 2,) * 2 if high - low > 12 else (y0 + h0 / 2, y1 + h1 / 2)
        points = [(a, ya), (b, yb)] if ya == yb else [(a, ya), ((a + b) / 2, ya), ((a + b) / 2, yb), (b, yb)]
        x, y = (a + b) / 2, min(ya, yb) - 6 if ya == yb else (ya + yb) / 2
    else:
        down = y1 >= y0 + h0
        a, b = (y0 + h0 if down else y0), (y1 if down else y1 + h1)
        low, high = max(x0, x1), min(x0 + w0, x1 + w1)
        xa = (low + high) / 2
        points = [(xa, a), (xa, b)]
        x, y = xa + width(words, 12.5) / 2 + 8, (a + b) / 2 + 4
    picture.line(points, head=True)
    if words != "-":
        picture.text(x, y, words, "s", "middle", 12.5)
