"""Draws what was measured, as SVG: logarithmic axes, a line a program."""

import json
import math
from html import escape

from harness import RESULTS

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 600, 340, 70, 40, 190, 50
COLOURS = ["#1b6ac9", "#c4501b", "#6b6b6b", "#2b8a3e"]
DASHES = {"p99": "5 3"}


def powers(low, high):
    return [10.0 ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def label(value):
    return f"{value:g}" if value < 1e6 else f"{value / 1e6:g}M"


def chart(file, title, horizontal, vertical, lines, ticks):
    """lines: (name, style, points), points in the axes' units."""
    values = [y for _, _, points in lines for _, y in points]
    marks = powers(min(values), max(values))
    low, high = math.log10(marks[0]), math.log10(marks[-1])
    first, last = math.log10(ticks[0]), math.log10(ticks[-1])

    def x(value):
        return LEFT + (math.log10(value) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           f'font-size="11"><title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>']
    for mark in marks:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{label(mark)}</text>')
    for tick in ticks:
        out.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{label(tick)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(horizontal)}</text>'
               f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
               f'{escape(vertical)}</text>')
    names = list(dict.fromkeys(name for name, _, _ in lines))
    for number, (name, style, points) in enumerate(lines):
        colour = COLOURS[names.index(name)]
        dash = f' stroke-dasharray="{DASHES[style]}"' if style in DASHES else ""
        way = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)
        height = TOP + 8 + 18 * number
        out.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        out.append(f'<line x1="{WIDTH - RIGHT + 12}" x2="{WIDTH - RIGHT + 32}" y1="{height}" y2="{height}" '
                   f'stroke="{colour}" stroke-width="2"{dash}/>'
                   f'<text x="{WIDTH - RIGHT + 38}" y="{height + 4}">{escape((name + " " + style).strip())}</text>')
    (RESULTS / file).write_text("\n".join([*out, "</svg>"]) + "\n")


def plot():
    """Draws what the results hold."""
    rows = json.loads((RESULTS / "curves.json").read_text())
    titles = {"jwks": "JWKS through nginx, kept connections", "fleet": "Fleet sessions through nginx, kept connections"}
    for route, title in titles.items():
        mine = [row for row in rows if row["route"] == route]
        names = list(dict.fromkeys(row["name"] for row in mine))
        clients = sorted({row["clients"] for row in mine})

        def line(name, key):
            return [(row["clients"], row[key]) for row in mine if row["name"] == name]

        chart(f"throughput-{route}.svg", title, "connections", "requests a second",
              [(name, "", line(name, "rate")) for name in names], clients)
        chart(f"latency-{route}.svg", title, "connections", "milliseconds",
              [(name, key, line(name, key)) for name in names for key in ("p50", "p99")], clients)
    growth = RESULTS / "growth.json"
    if growth.exists():
        rows = json.loads(growth.read_text())
        chart("growth.svg", "Cost against store size", "records", "microseconds a request",
              [(name, "", [(int(size), value) for size, value in points.items()]) for name, points in rows.items()],
              sorted({int(size) for points in rows.values() for size in points}))
