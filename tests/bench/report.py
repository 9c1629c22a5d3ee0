#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measurements as JSON, as tables of docs/performance.md, and as plots. `report.py FILE.json ROOT` makes tables and
plots of the project at ROOT anew from what was measured before."""

import json
import os
import pathlib
import platform
import re
import statistics
import sys
import time

sys.dont_write_bytecode = True

import plot  # noqa: E402
from rows import GOALS, GROUPS, UNITS  # noqa: E402

FOLDER = "docs/figures"
PAGE = "docs/performance.md"
BEGIN, END = "<!-- figures: written by scripts/bench --publish -->", "<!-- end of figures -->"
# Columns beside the figure
MORE = {"serial": ("rate", "p50", "p99"), "core": ("rate", "p50", "p99"), "connect": ("cpu",), "start": ("cpu",),
        "beside": ("p50", "rate"), "client": ("threads",)}
HEADS = {"cpu": "CPU us", "rate": "calls/s", "mb": "MB/s", "p50": "p50 us", "p99": "p99 us", "rss": "KiB", "session": "KiB",
         "client": "KiB", "threads": "threads"}


def cpu_us(run):
    return run["client_us"] + run["server_us"]


def median(runs, figure):
    return statistics.median(run[figure] for run in runs)


def values_of(row, runs):
    if "threads" in runs[0]:
        return {"client": median(runs, "rss_kib"), "threads": median(runs, "threads")}
    if "rss_kib" in runs[0]:
        return {"session" if row.group == "sessions" else "rss": median(runs, "rss_kib")}
    values = {"cpu": statistics.median(map(cpu_us, runs)), "rate": median(runs, "rate"), "p50": median(runs, "p50_us"),
              "p99": median(runs, "p99_us")}
    if row.n_bytes:
        values["mb"] = values["rate"] * row.n_bytes / 1e6
    return values


# Ratios

def ratios(results):
    """Of what was measured in the same round, then their median."""
    by_name = {row.name: runs for row, runs in results.items()}
    for goal in GOALS:
        value = cpu_us if goal.figure == "cpu" else lambda run: run["rate"]
        found = [value(mine) / value(theirs)
                 for mine, theirs in zip(by_name.get(goal.row, []), by_name.get(goal.to, []))]
        if found:
            yield {"row": goal.row, "to": goal.to, "figure": goal.figure, "goal": goal.limit,
                   "median": statistics.median(found), "least": min(found), "most": max(found)}


def is_met(ratio):
    return ratio["median"] <= ratio["goal"] if ratio["figure"] == "cpu" else ratio["median"] >= ratio["goal"]


def goal_of(ratio):
    return f"{'at most' if ratio['figure'] == 'cpu' else 'at least'} {ratio['goal']:g}"


def shown_ratio(ratio):
    return f"{ratio['row']} : {ratio['to']}, {'CPU a call' if ratio['figure'] == 'cpu' else 'calls/s'}"


def ratio_table(found):
    yield "| Ratio, of the same round | Median | Rounds | Goal |"
    yield "|---|---:|---|---|"
    for ratio in found:
        goal = f"{goal_of(ratio)}: {'met' if is_met(ratio) else '**missed**'}" if ratio["goal"] else ""
        yield (f"| {shown_ratio(ratio)} | {ratio['median']:.2f} | {ratio['least']:.2f} to {ratio['most']:.2f} | "
               f"{goal} |")


# JSON

def machine():
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*: (.*)", cpuinfo, re.MULTILINE)
    return {"cpu": name[1] if name else platform.machine(), "cores": os.cpu_count(),
            "linux": ".".join(platform.release().split(".")[:2]), "date": time.strftime("%Y-%m-%d")}


def collect(results, options, with_runs):
    rows = []
    for row, runs in results.items():
        point = {"group": row.group, "who": row.who, "work": row.work, "over": row.over, "x": row.x,
                 "median": {figure: float(f"{value:.4g}") for figure, value in values_of(row, runs).items()}}
        rows.append(point | ({"runs": runs} if with_runs else {}))
    all_runs = [run for runs in results.values() for run in runs if "steal" in run]
    disturbed = {key: round(median(all_runs, key), 1) for key in ("steal", "foreign")} if all_runs else {}
    return {"machine": machine() | disturbed, "rounds": options.rounds, "ms": options.ms,
            "ratios": list(ratios(results)), "rows": rows}


def write_json(path, results, options):
    path.write_text(json.dumps(collect(results, options, True), indent=1) + "\n")


# Tables

def shown(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def columns_of(group, points):
    works = list(dict.fromkeys((point["over"], point["work"]) for point in points))
    works.sort(key=lambda column: column[0] == "unix")
    for over, work in works:
        for figure in (group.figure, *MORE.get(group.key, ())):
            is_alone = len({work for _, work in works}) == 1
            yield over, work, figure, f"{over}: {HEADS[figure] if is_alone else work}"


def table(group, points):
    columns = list(columns_of(group, points))
    values = {(point["who"], point["over"], point["work"]): point["median"] for point in points}
    yield "| | " + " | ".join(head for *_, head in columns) + " |"
    yield "|---|" + "---:|" * len(columns)
    for who in dict.fromkeys(point["who"] for point in points):
        cells = (shown(values.get((who, over, work), {}).get(figure)) for over, work, figure, _ in columns)
        bold = "**" if who.startswith("Pyrite") else ""
        yield f"| {bold}{who}{bold} | " + " | ".join(cells) + " |"


def sections(data):
    host = data["machine"]
    yield (f"{host['cores']} cores, {host['cpu']}, Linux {host['linux']}; {host['date']}. Medians of {data['rounds']} "
           f"{'rounds' if data['rounds'] > 1 else 'round'}, {data['ms']} ms each; median steal {host.get('steal', 0):g} %, "
           f"median foreign load {host.get('foreign', 0):g} %. The same as [JSON](figures/bench.json).\n")
    yield from ratio_table(data["ratios"])
    for group in GROUPS:
        points = [point for point in data["rows"] if point["group"] == group.key]
        if not points:
            continue
        yield f"\n### {group.title}\n"
        yield f"{UNITS[group.figure][0].upper()}{UNITS[group.figure][1:]}.\n"
        yield f"![{group.title}: {UNITS[group.figure]}](figures/{group.key}.svg)\n"
        yield from table(group, points)


def draw(root, data):
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for group in GROUPS:
        points = [point for point in data["rows"] if point["group"] == group.key]
        if points:
            (folder / f"{group.key}.svg").write_text(plot.svg(group, UNITS[group.figure], points))
    page = root / PAGE
    text = page.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    page.write_text(text[:start] + "\n" + "\n".join(sections(data)) + "\n" + text[end:])


def publish(root, results, options):
    data = collect(results, options, False)
    draw(root, data)
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in data.pop("rows"))
    head = json.dumps(data, ensure_ascii=False)[:-1]
    (root / FOLDER / "bench.json").write_text(f'{head}, "rows": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    draw(pathlib.Path(sys.argv[2]), json.loads(pathlib.Path(sys.argv[1]).read_text()))
