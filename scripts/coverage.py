#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints gcovr's summaries beside their goals: coverage.py (FOLDER.json LINES BRANCHES)...

LINES and BRANCHES are percentages; 0 is no goal. Lists the files below a goal, and exits with 1 if a folder misses one, or
has no line that ran: then nothing was measured.
"""

import json
import pathlib
import sys


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def figures(entry):
    """(percent of lines, percent of branches)"""
    return tuple(percent(entry[f"{kind}_covered"], entry[f"{kind}_total"]) for kind in ("line", "branch"))


def row(name, figure, entry, goal):
    cells = [f"{value:6.1f} %{f' / {wanted:g} %' if wanted else '':8}" for value, wanted in zip(figure, goal)]
    missed = [f"{entry[f'{kind}_total'] - entry[f'{kind}_covered']:6}" for kind in ("line", "branch")]
    return f"{name:34} {cells[0]} {missed[0]}   {cells[1]} {missed[1]}"


def is_missed(figure, goal):
    return any(value < wanted for value, wanted in zip(figure, goal))


def main():
    given = iter(sys.argv[1:])
    missed, below = [], []
    print(f"{'':34} {'lines / goal':>16} missed   {'branches / goal':>16} missed")
    for path, *goal in zip(given, given, given):
        folder, goal = pathlib.Path(path).stem, [float(wanted) for wanted in goal]
        summary = json.loads(pathlib.Path(path).read_text())
        figure = figures(summary)
        print(row(folder, figure, summary, goal))
        if is_missed(figure, goal) or summary["line_covered"] == 0:
            missed.append(folder)
        below += [row(entry["filename"], figures(entry), entry, (0, 0)) for entry in summary["files"]
                  if is_missed(figures(entry), goal)]
    if below:
        print("\nFiles below the goal of their folder", *sorted(below), sep="\n")
    print(f"\nThe goal is missed by: {', '.join(missed)}" if missed else "\nEvery goal is met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
