# SPDX-License-Identifier: MIT
"""Plots of lines, with the colours and axes of tests/bench/plot.py: light or dark as the reader's screen."""

import math
import pathlib
import sys
from xml.sax.saxutils import escape

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
from plot import COLOURS, Axis, line, number, spread, style, text  # noqa: E402

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, LABELS = 860, 380, 64, 84, 330, 230


class Linear:
    """An axis from 0 on."""

    def __init__(self, values, a, b):
        self.high = max(values) * 1.04
        self.a, self.b = a, b

    def at(self, value):
        return self.a + (self.b - self.a) * value / self.high

    def ticks(self):
        step = 10.0 ** math.floor(math.log10(self.high))
        while self.high / step < 4:
            step /= 2
        return [i * step for i in range(int(self.high / step) + 1)]


def label(value, is_share):
    return number(value) if not is_share else f"{value:.0%}" if value >= 0.01 or value == 0 else f"{value:.2%}"


def plot(title, under, x_name, series, logarithmic=(True, True), is_share=False):
    """series: name -> [(x, y)], both above 0 on a logarithmic axis. Returns the picture."""
    right = WIDTH - LABELS
    points = [point for pairs in series.values() for point in pairs]
    x_axis = (Axis if logarithmic[0] else Linear)([x for x, _ in points], LEFT, right)
    y_axis = (Axis if logarithmic[1] else Linear)([y for _, y in points], BOTTOM, TOP)
    out = [text(16, 26, title, "t"), text(16, 47, under, "d"), text((LEFT + right) / 2, BOTTOM + 40, x_name, "d", "middle")]
    for tick in x_axis.ticks():
        out += [line(x_axis.at(tick), TOP, x_axis.at(tick), BOTTOM),
                text(x_axis.at(tick), BOTTOM + 18, number(tick), "d", "middle")]
    for tick in y_axis.ticks():
        out += [line(LEFT, y_axis.at(tick), right, y_axis.at(tick)),
                text(LEFT - 6, y_axis.at(tick) + 4, label(tick, is_share), "d", "end")]
    order = sorted(series, key=lambda name: y_axis.at(series[name][-1][1]))
    places = dict(zip(order, spread([y_axis.at(series[name][-1][1]) for name in order], TOP, BOTTOM, 17)))
    for i, (name, pairs) in enumerate(series.items()):
        kind = f"c{i % len(COLOURS)}"
        path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in pairs)
        out.append(f'<polyline points="{path}" class="l b {kind}"/>')
        if len(pairs) < 20:
            out += [f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="3.5" class="p {kind}"/>' for x, y in pairs]
        x_end, y_end = x_axis.at(pairs[-1][0]), y_axis.at(pairs[-1][1])
        is_near = x_end > right - 40
        out += [line(x_end + 5, y_end, right + 10, places[name] - 4, f"g {kind}") if is_near else
                line(right + 1, places[name] - 4, right + 11, places[name] - 4, f"l b {kind}"),
                text(right + 14, places[name], name, f"n b {kind}")]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
            f"<title>{escape(title)}: {escape(under)}</title>\n{style()}\n"
            f'<rect width="{WIDTH}" height="{HEIGHT}" class="bg"/>\n' + "\n".join(out) + "\n</svg>\n")
