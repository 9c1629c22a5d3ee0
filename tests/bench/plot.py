# SPDX-License-Identifier: MIT
"""Plots as SVG, with nothing but the standard library: lines where something is varied, else a row of dots for each
contender. Axes are logarithmic. The picture has its own background, light or dark as the reader's."""

import math
from xml.sax.saxutils import escape

WIDTH, HEAD, ROW, PANEL = 960, 60, 24, 420  # of the picture, its title, a row of dots, the height of a panel
LABEL = 240  # the width of names, left of dots or right of lines
#           light      dark
COLOURS = (("#0060b0", "#58b0ff"), ("#c04800", "#ff9a4d"), ("#00805a", "#3ddba8"), ("#9b2d8f", "#f08be6"),
           ("#222222", "#f0f0f0"), ("#7a5c00", "#e6c34d"), ("#a01030", "#ff7c93"), ("#4b4bb0", "#a9a9ff"),
           ("#3d7a00", "#a3d95b"), ("#007a8a", "#5fdcec"), ("#806050", "#d3ab96"), ("#666677", "#a8a8bb"),
           ("#b0007a", "#ff80c8"), ("#2f5f00", "#c8f080"), ("#005070", "#80c8ff"), ("#904000", "#ffc080"))
ORDER = ("Pyrite, socket", "Pyrite, gRPC", "Pyrite, memory", "Pyrite, same process", "raw sockets", "core unary",
         "core stream", "omniORB", "Thrift", "ONC RPC", "sd-bus", "gRPC C++", "ZeroC Ice", "nng", "Cap'n Proto", "Pyro4")


def theme(number, background, ink, dim, grid):
    """The rules of one theme: 0 light, 1 dark. No variables: not every viewer of SVG knows them."""
    rules = [f"svg text{{fill:{ink}}}svg .d{{fill:{dim}}}.g{{stroke:{grid}}}.bg{{fill:{background}}}"]
    for i, colour in enumerate(pair[number] for pair in COLOURS):
        rules.append(f"svg .n.c{i},.p.c{i}{{fill:{colour}}}.l.c{i},.h.c{i}{{stroke:{colour}}}")
    return "".join(rules) + f".h{{fill:{background}}}"


def style():
    return ("<style>text{font:13px sans-serif}.t{font-size:17px;font-weight:bold}.b{font-weight:bold}"
            ".l{fill:none;stroke-width:1.5}.l.b{stroke-width:3.5}.h{stroke-width:2}"
            + theme(0, "#fff", "#1f2328", "#59636e", "#d1d9e0") + "@media(prefers-color-scheme:dark){"
            + theme(1, "#0d1117", "#f0f6fc", "#9198a1", "#3d444d") + "}</style>")


class Axis:
    """A logarithmic axis from a to b in the picture. Values are above 0."""

    def __init__(self, values, a, b):
        self.low, self.high = (edge(values) for edge in (min, max))
        self.low, self.high = self.low / 1.15, self.high * 1.15
        self.a, self.b = a, b

    def at(self, value):
        return self.a + (self.b - self.a) * math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self):
        ratio = self.high / self.low
        steps = (1, 1.5, 2, 3, 4, 5, 7) if ratio < 10 else (1, 2, 5) if ratio < 300 else (1,)
        for power in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1):
            for step in steps:
                if self.low <= step * 10.0 ** power <= self.high:
                    yield step * 10.0 ** power


def number(value):
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"


def size(n):
    for limit, letter in ((1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")):
        if n >= limit:
            return f"{n // limit} {letter}B"
    return f"{n} B"


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, kind="g"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def colours(names):
    """A number of COLOURS for each name, the same in every plot: a variant has that of what it is one of."""
    ret = {}
    for name in names:
        known = [i for i, start in enumerate(ORDER) if name.startswith(start)]
        ret[name] = known[0] if known else len(ret) % len(COLOURS)
    return ret


def kind_of(name, number_of):
    return f"c{number_of[name]}" + (" b" if name.startswith("Pyrite") else "")


# Dots

def dots(points, figure):
    """A row for each contender, the best first; TCP is a full dot, a unix socket a ring."""
    works = {point["work"] for point in points}
    rows = {}
    for point in points:
        name = point["who"] + (f": {point['work']}" if len(works) > 1 else "")
        rows.setdefault(name, {})[point["over"]] = point["median"][figure]
    order = sorted(rows, key=lambda name: min(rows[name].values()), reverse=figure == "rate")
    number_of = colours(list(rows))
    left = LABEL + 60
    axis = Axis([value for row in rows.values() for value in row.values()], left, WIDTH - 90)
    height = HEAD + 24 + ROW * len(rows)
    out = []
    for tick in axis.ticks():
        out += [line(axis.at(tick), HEAD, axis.at(tick), height - 20),
                text(axis.at(tick), height - 4, number(tick), "d", "middle")]
    for i, name in enumerate(order):
        y = HEAD + ROW * (i + 0.5)
        kind = kind_of(name, number_of)
        out.append(text(left - 12, y + 4, name, f"n {kind}", "end"))
        ends = [axis.at(value) for value in rows[name].values()]
        out.append(line(min(ends), y, max(ends), y, f"l {kind}"))
        for over, value in sorted(rows[name].items()):
            out.append(f'<circle cx="{axis.at(value):.1f}" cy="{y:.1f}" r="5.5" class="{"hp"[over == "TCP"]} {kind}"/>')
        out.append(text(max(ends) + 12, y + 4, " / ".join(number(value) for _, value in sorted(rows[name].items())), "d"))
    return out, height + 8, "● TCP   ○ unix socket" if any(len(row) > 1 for row in rows.values()) else ""


# Lines

def spread(wishes, low, high, gap=15):
    """Places for labels: near where they wish to be, gap apart."""
    places = []
    for wish in sorted(wishes):
        places.append(max(wish, places[-1] + gap if places else low))
    for i in reversed(range(len(places))):
        limit = high if i == len(places) - 1 else places[i + 1] - gap
        places[i] = min(places[i], limit)
    return places


def series_of(points, figure, by_work):
    series = {}
    for point in points:
        name = point["who"] + (", proxies" if by_work and "prox" in point["work"] else ", objects" if by_work else "")
        series.setdefault(name, []).append((point["x"], point["median"][figure]))
    return {name: sorted(pairs) for name, pairs in series.items()}


def panel(title, series, axes, top, right, in_bytes, number_of):
    x_axis, y_axis = axes
    out = [text(x_axis.a, top - 10, title, "b")]
    for x in sorted({x for pairs in series.values() for x, _ in pairs}):
        out += [line(x_axis.at(x), y_axis.a, x_axis.at(x), y_axis.b),
                text(x_axis.at(x), y_axis.a + 18, size(x) if in_bytes else f"{x:,}", "d", "middle")]
    for y in y_axis.ticks():
        out += [line(x_axis.a, y_axis.at(y), x_axis.b, y_axis.at(y)),
                text(x_axis.a - 6, y_axis.at(y) + 4, number(y), "d", "end")]
    order = sorted(series, key=lambda name: y_axis.at(series[name][-1][1]))
    places = spread([y_axis.at(series[name][-1][1]) for name in order], top + 4, y_axis.a)
    for name, place in zip(order, places):
        kind = kind_of(name, number_of)
        path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in series[name])
        out.append(f'<polyline points="{path}" class="l {kind}"/>')
        out += [f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="3" class="p {kind}"/>'
                for x, y in series[name]]
        x_end, y_end = x_axis.at(series[name][-1][0]), y_axis.at(series[name][-1][1])
        out += [line(x_end + 4, y_end, right - 4, place, f"g {kind}"), text(right, place + 4, name, f"n {kind}")]
    return out


def lines(group, points, figure):
    """A panel for TCP and, below, one for unix sockets. Both have the same axes. Serial daemons are in the table alone."""
    points = [point for point in points if "serial daemon" not in point["who"]]
    overs = [over for over in ("TCP", "unix") if any(point["over"] == over for point in points)]
    by_work = group.key == "growth"
    number_of = colours(list(series_of(points, figure, by_work)))
    right = WIDTH - LABEL
    out, top = [], HEAD + 20
    for over in overs:
        series = series_of([point for point in points if point["over"] == over], figure, by_work)
        bottom = top + PANEL - 90
        axes = (Axis([point["x"] for point in points], 60, right - 30),
                Axis([point["median"][figure] for point in points], bottom, top))
        out += panel("TCP" if over == "TCP" else "unix socket", series, axes, top, right, group.x == "bytes", number_of)
        out.append(text((60 + right - 30) / 2, bottom + 36, group.x, "d", "middle"))
        top += PANEL - 20
    return out, top - 6, ""


def svg(group, unit, points):
    figure = group.figure
    points = [point for point in points if point["median"].get(figure, 0) > 0]
    out, height, key = lines(group, points, figure) if group.x else dots(points, figure)
    better = "more is better" if figure in ("rate", "mb") else "less is better"
    head = [text(16, 24, group.title, "t"), text(16, 43, f"{unit}; {better}", "d"),
            text(WIDTH - 16, 24, key, "d", "end")]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">\n'
            f"<title>{escape(group.title)}: {escape(unit)}</title>\n{style()}\n"
            f'<rect width="{WIDTH}" height="{height:.0f}" class="bg"/>\n'
            + "\n".join(head + out) + "\n</svg>\n")
