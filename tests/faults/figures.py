#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""figures.py [-n RUNS] [ROW...]: the figures of docs/reliability.md that need many runs, beside their goals. A row is the name of a
fault there, as f1; without any, all of them. Prints the median and the worst of each figure, and "ok <row>" or "not ok <row>"."""

import argparse
import collections
import inspect
import os
import shutil
import statistics
import sys
import traceback

import figure_rows
from common import FOLDER
from control import folder


class Figures:
    """What a row measured, in all of its runs."""

    def __init__(self):
        self.values, self.goals = collections.defaultdict(list), {}

    def at_most(self, what, value, goal, unit):
        """goal: None if there is none."""
        self.values[what].append(value)
        self.goals[what] = goal, unit

    def exactly(self, what, value, goal):
        """A number that is right or wrong, in each run."""
        assert value == goal, f"{what}: {value}, not {goal}"
        self.at_most(what, value, goal, "")

    def report(self, row):
        """Returns whether all goals are met."""
        met = True
        for what, values in self.values.items():
            goal, unit = self.goals[what]
            met = met and (goal is None or max(values) <= goal)
            digits = 0 if unit == "" else 1
            print(f"    {row} {what}: median {statistics.median(values):.{digits}f} {unit}, worst {max(values):.{digits}f} {unit}, "
                  f"{len(values)} runs ({'no goal' if goal is None else f'goal: {goal:g} {unit}'})", flush=True)
        return met


def rows():
    return {name: function for name, function in inspect.getmembers(figure_rows, inspect.isfunction)
            if name[0] == "f" and name[1:].isdigit()}


def run(name, function, n):
    figures = Figures()
    try:
        for _ in range(n):
            function(figures)
        met = figures.report(name)
    except Exception:  # pylint: disable=broad-except
        figures.report(name)
        met = False
        print("    " + "\n    ".join(traceback.format_exc().splitlines()))
    print(f"{'ok' if met else 'not ok'} {name}: {function.__doc__.splitlines()[0]}", flush=True)
    return met


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("rows", nargs="*", choices=[[], *sorted(rows())], metavar="ROW")
    options = parser.parse_args()
    results = [run(name, function, options.n) for name, function in rows().items() if not options.rows or name in options.rows]
    sys.stdout.flush()
    shutil.rmtree(FOLDER, ignore_errors=True)
    folder.cleanup()
    os._exit(0 if all(results) else 1)  # threads of grpc may hang on


if __name__ == "__main__":
    main()
