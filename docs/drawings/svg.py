# SPDX-License-Identifier: MIT
"""Shapes as SVG, in colours for light and for dark."""

import html

# name: fill, edge; in light and in dark
SHADES = {
    "n": (("#f4f6f8", "#8c96a1"), ("#1e242c", "#6b7683")),
    "b": (("#e3effc", "#2f6fb3"), ("#16304d", "#6cb0f5")),
    "g": (("#e2f4e8", "#2b7d4a"), ("#143522", "#6fd095")),
    "o": (("#fdeedd", "#b0671a"), ("#40290f", "#f0b06a")),
    "p": (("#f3e8fb", "#8145b0"), ("#321c45", "#cc9cf2")),
    "y": (("#fbf5d5", "#927a12"), ("#39320e", "#e2cb62")),
}
TEXT = (("#1f2328", "#56606b", "#ffffff", "#c9d1d9"), ("#e6eaef", "#a3adb8", "#12151a", "#39424d"))
SIZE = 14


def rules(i):
    text, soft, back, line = TEXT[i]
    colours = "".join(f".{name}{{fill:{both[i][0]};stroke:{both[i][1]}}}.e{name}{{stroke:{both[i][1]}}}.f{name}{{fill:{both[i][1]}}}"
                      for name, both in SHADES.items())
    return f"text{{fill:{text}}}.s{{fill:{soft}}}.back{{fill:{back}}}.a{{fill:none;stroke:{line}}}.l{{stroke:{soft}}}.h{{fill:{soft}}}" + colours


def width(text, size=SIZE):
    """About how wide a text is in a wide sans-serif."""
    narrow = sum(text.count(letter) for letter in "iljt.,:;'!|()[]/ fr")
    wide = sum(text.count(letter) for letter in "mwMWQO@%")
    return (0.6 * len(text) - 0.22 * narrow + 0.27 * wide) * size


class Picture:
    def __init__(self, w, h, title):
        self.w, self.h, self.title, self.parts = w, h, title, []

    def add(self, part):
        self.parts.append(part)

    def text(self, x, y, text, style="", anchor="start", size=SIZE):
        attributes = f' class="{style}"' if style else ""
        scale = f' font-size="{size}"' if size != SIZE else ""
        where = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.add(f'<text x="{x:g}" y="{y:g}"{attributes}{where}{scale}>{html.escape(text, quote=False)}</text>')

    def rectangle(self, x, y, w, h, style, round_by=6):
        self.add(f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{round_by}" class="{style}"/>')

    def line(self, points, style="l", dashed=False, head=False):
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.add(f'<polyline points="{path}" class="{style}" fill="none" stroke-width="1.5"{dashes}/>')
        if head:
            self.head(points[-2], points[-1], style)

    def head(self, before, end, style):
        (x0, y0), (x, y) = before, end
        length = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5 or 1
        dx, dy = (x - x0) / length, (y - y0) / length
        corners = ((x, y), (x - 9 * dx - 4.5 * dy, y - 9 * dy + 4.5 * dx), (x - 9 * dx + 4.5 * dy, y - 9 * dy - 4.5 * dx))
        fill = "h" if style == "l" else "f" + style[1:]
        self.add(f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in corners)}" class="{fill}"/>')

    def box(self, x, y, w, h, style, lines):
        """A box with lines of text in its middle, the first of them bold."""
        self.rectangle(x, y, w, h, style)
        top = y + h / 2 - (len(lines) - 1) * 9 + 5
        for i, line in enumerate(lines):
            if width(line, SIZE if i == 0 else SIZE - 1.5) > w - 6:
                raise ValueError(f"{line!r} is wider than its box")
            self.text(x + w / 2, top + i * 18, line, "t" if i == 0 else "s", "middle", SIZE if i == 0 else SIZE - 1.5)

    def svg(self):
        style = f"text{{font:{SIZE}px system-ui,'DejaVu Sans',sans-serif}}text[font-size]{{font-size:12.5px}}.t{{font-weight:600}}"
        style += f"{rules(0)}@media(prefers-color-scheme:dark){{{rules(1)}}}"
        return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.w:g} {self.h:g}" role="img">',
                          f"<title>{html.escape(self.title)}</title>", f"<style>{style}</style>",
                          f'<rect width="{self.w:g}" height="{self.h:g}" class="back"/>', *self.parts, "</svg>", ""])
