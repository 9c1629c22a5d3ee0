#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pictures from text: draw.py [--check] writes docs/figures/NAME.svg of each docs/drawings/NAME.txt; --check tells which are
not what their text says. The first word of a text is its kind:

    sequence   who does what in which order      (sequence.py)
    boxes      boxes in areas, and arrows        (boxes.py)
    layers     modules in layers; each arrow that tests/style/arrows.py allows leads down or stays in its layer (layers.py)
    matrix     which module may use which        (layers.py)

Lines that begin with # are comments."""

import pathlib
import sys

sys.dont_write_bytecode = True

import boxes
import layers
import sequence

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = HERE.parent / "figures"
KINDS = {"sequence": sequence.draw, "boxes": boxes.draw, "layers": layers.draw, "matrix": layers.matrix}


def lines_of(path):
    """The lines of a text, each with its number."""
    return [(number, line.rstrip()) for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
            if line.strip() and not line.startswith("#")]


def drawn(path):
    lines = lines_of(path)
    kind = lines[0][1].split()[0] if lines else ""
    if kind not in KINDS:
        raise ValueError(f"{path}:1: a kind is wanted ({', '.join(KINDS)}), not {kind!r}")
    try:
        return KINDS[kind](lines)
    except ValueError as error:
        raise ValueError(f"{path}:{error}") from None


def main():
    check, wrong = sys.argv[1:2] == ["--check"], []
    for path in sorted(HERE.glob("*.txt")):
        svg, target = drawn(path), FIGURES / (path.stem + ".svg")
        if check:
            if not target.is_file() or target.read_text(encoding="utf-8") != svg:
                wrong.append(target)
        else:
            target.write_text(svg, encoding="utf-8")
    for target in wrong:
        print(f"{target} is not what docs/drawings/{target.stem}.txt says: run docs/drawings/draw.py")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(str(error))
