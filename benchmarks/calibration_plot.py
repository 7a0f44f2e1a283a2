"""The calibration study as a plot: the outcomes of the proposals, as stacked bars in SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Group = tuple[str, Mapping[str, float], float, float]
"""The true change, shares by outcome, and the shares that the two other gates block."""
LEFT, TOP, HEIGHT, PANEL, GAP = 64, 74, 200, 268, 26
BAR = 15
ORDER = ("failed", "inconclusive", "warned", "passed")
STYLE = """
.back { fill: #ffffff } text { fill: #24292f; font: 12px system-ui, sans-serif }
.title { font-size: 15px; font-weight: 600 } .panel { font-weight: 600 } .small { font-size: 11px }
.grid { stroke: #d0d7de; stroke-width: 1 }
.failed { fill: #cf4a1b } .inconclusive { fill: #e3a008 }
.warned { fill: #7cc0ea } .passed { fill: #1f6fb2 }
@media (prefers-color-scheme: dark) {
.back { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d }
.failed { fill: #e8683a } .inconclusive { fill: #d9a021 }
.warned { fill: #8fd0f5 } .passed { fill: #3f8fd2 } }
"""
NAMES = {
    "failed": "failed (blocked)",
    "inconclusive": "inconclusive (blocked)",
    "warned": "warned (let through)",
    "passed": "passed (let through)",
}


def plot(panels: Sequence[tuple[str, Sequence[Group]]], proposals: int) -> str:
    """Return an SVG with a panel for each number of rows, and three bars for each true change."""
    width = LEFT + len(panels) * (PANEL + GAP)
    height = TOP + HEIGHT + 96
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="title">',
        '<title id="title">Outcomes of simulated proposals, by number of rows, true change '
        "and gate</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{width}" height="{height}"/>',
        f'<text class="title" x="{LEFT}" y="24">'
        f"Outcomes of {proposals:,} proposals whose true change is known "
        "(margin 5 points)</text>",
        *_legend(),
        *_axis(width),
    ]
    for number, (name, groups) in enumerate(panels):
        parts += _panel(LEFT + number * (PANEL + GAP), name, groups)
    note = "G: this gate. M: blocks if the mean dropped. B: blocks below a fixed bar of 80 %."
    parts.append(f'<text x="{LEFT}" y="{height - 14}">{note}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> Iterator[str]:
    for number, name in enumerate(reversed(ORDER)):
        x = LEFT + number * 168
        yield f'<rect class="{name}" x="{x}" y="36" width="12" height="12"/>'
        yield f'<text x="{x + 18}" y="46">{NAMES[name]}</text>'


def _axis(width: int) -> Iterator[str]:
    for share in (0, 25, 50, 75, 100):
        y = TOP + HEIGHT * (1 - share / 100)
        yield f'<line class="grid" x1="{LEFT}" x2="{width - GAP}" y1="{y}" y2="{y}"/>'
        yield f'<text class="small" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{share} %</text>'


def _panel(left: int, name: str, groups: Sequence[Group]) -> Iterator[str]:
    step = PANEL / len(groups)
    bottom = TOP + HEIGHT
    for number, (change, outcomes, dropped, below) in enumerate(groups):
        x = left + number * step + (step - 3 * (BAR + 3)) / 2
        simple = [{"failed": share, "passed": 1 - share} for share in (dropped, below)]
        for place, (letter, shares) in enumerate(zip("GMB", (outcomes, *simple), strict=True)):
            start = x + place * (BAR + 3)
            yield from _bar(start, shares)
            middle = start + BAR / 2
            yield (
                f'<text class="small" x="{middle:.1f}" y="{bottom + 14}" '
                f'text-anchor="middle">{letter}</text>'
            )
        centre = left + (number + 0.5) * step
        yield f'<text x="{centre:.1f}" y="{bottom + 32}" text-anchor="middle">{change}</text>'
    middle = left + PANEL / 2
    yield (
        f'<text class="panel" x="{middle:.1f}" y="{bottom + 52}" text-anchor="middle">'
        f"{name}, true change in points</text>"
    )


def _bar(x: float, shares: Mapping[str, float]) -> Iterator[str]:
    y = float(TOP + HEIGHT)
    for name in ORDER:
        tall = HEIGHT * shares.get(name, 0.0)
        if tall > 0:
            y -= tall
            yield (
                f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{BAR}" height="{tall:.1f}"/>'
            )
