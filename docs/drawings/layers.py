# SPDX-License-Identifier: MIT
"""The runtime's modules, from the table of arrows that the tests hold (tests/style/arrows.py).

    layers TITLE
    layer COLOUR Name / what it is: module module ...       the highest first

    matrix TITLE
    layers FILE                             whose layers it has"""

import importlib
import pathlib
import re
import sys

from svg import Picture, width

ROOT = pathlib.Path(__file__).resolve().parents[2]


def allowed():
    """module -> the modules that it may use; those of the runtime."""
    sys.path.insert(0, str(ROOT / "tests/style"))
    table = importlib.import_module("arrows").ALLOWED
    outside = ("idl", "codegen", "nameserver", "nameserver/etcd")
    return {module: used for module, used in table.items() if module not in outside}


def parse(lines):
    title, layers, table = lines[0][1].partition(" ")[2], [], allowed()
    for number, line in lines[1:]:
        found = re.match(r"layer ([nbgopy]) (.+?): (.+)$", line)
        if not found:
            raise ValueError(f"{number}: {line!r} is no layer")
        layers.append((found[1], found[2].split(" / "), found[3].split()))
    check(layers, table)
    return title, layers, table


def check(layers, table):
    """Each module is in a layer, and no arrow leads up."""
    place = {module: i for i, (_, _, modules) in enumerate(layers) for module in modules}
    if set(place) != set(table):
        raise ValueError(f"1: other modules than in arrows.py: {sorted(set(place) ^ set(table))}")
    for module, used in table.items():
        for other in used:
            if place[other] < place[module]:
                raise ValueError(f"1: {module} may use {other}, which is in a higher layer")


def draw(lines):
    title, layers, _ = parse(lines)
    left, row = 250, 58
    right = max(left + sum(box_width(module) + 10 for module in modules) for _, _, modules in layers)
    picture = Picture(right + 16, len(layers) * row + 24, title)
    for i, (style, name, modules) in enumerate(layers):
        y = 12 + i * row
        picture.rectangle(8, y, right, row - 8, "a", 8)
        picture.text(22, y + 21, name[0], "t")
        picture.text(22, y + 39, name[1], "s", size=12.5)
        x = left
        for module in modules:
            picture.box(x, y + 8, box_width(module), row - 24, style, [module])
            x += box_width(module) + 10
    return picture.svg()


def box_width(module):
    return round(width(module)) + 26


def matrix(lines):
    title = lines[0][1].partition(" ")[2]
    source = pathlib.Path(__file__).resolve().parent / lines[1][1].split()[1]
    _, layers, table = parse([(n, line) for n, line in enumerate(source.read_text(encoding="utf-8").split("\n"), 1)
                              if line.strip() and not line.startswith("#")])
    order = sorted_modules(layers, table)
    style = {module: colour for colour, _, modules in layers for module in modules}
    cell, left, top = 21, 100, 96
    picture = Picture(left + cell * len(order) + 24, top + cell * len(order) + 16, title)
    for i, module in enumerate(order):
        x, y = left + i * cell, top + i * cell
        if i % 2 == 0:
            picture.rectangle(8, y, picture.w - 16, cell, "n band", 0)
        picture.text(left - 8, y + 15, module, "", "end", 12.5)
        picture.add(f'<text class="up" transform="translate({x + cell / 2 + 4:g},{top - 8}) rotate(-60)" font-size="12.5">{module}</text>')
    for i, module in enumerate(order):
        for used in sorted(table[module], key=order.index):
            picture.add(f'<circle cx="{left + order.index(used) * cell + cell / 2:g}" cy="{top + i * cell + cell / 2:g}" r="5.5"'
                        f' class="f{style[used]}"/>')
        picture.rectangle(left + i * cell + 5.5, top + i * cell + 5.5, 10, 10, style[module], 2)
    return picture.svg().replace("</style>", ".band{stroke:none}</style>", 1)


def sorted_modules(layers, table):
    """The highest first; within a layer, those that use others of it before these."""
    order = []
    for _, _, modules in layers:
        rest = list(modules)
        while rest:
            free = next(module for module in rest if not any(module in table[other] for other in rest if other != module))
            order.append(free)
            rest.remove(free)
    return order
