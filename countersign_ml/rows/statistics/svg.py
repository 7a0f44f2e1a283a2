"""The frame of all our pictures: no script, font file or URL; light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """
svg { color-scheme: light dark; }
.paper { fill: #ffffff; } .ink { fill: #1f2328; } .soft { fill: #59636e; }
.bar { fill: #0969da; } .rest { fill: #9a6700; } .axis { stroke: #818b98; stroke-width: 1; }
.line { fill: none; stroke: #0969da; stroke-width: 2; stroke-linejoin: round; }
.hollow { fill: #ffffff; stroke: #0969da; stroke-width: 2; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
text { font: 12px system-ui, sans-serif; }
.title { font-size: 18px; font-weight: 600; } .head { font-size: 13px; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; } .ink { fill: #e6edf3; } .soft { fill: #9198a1; }
  .bar { fill: #4493f8; } .rest { fill: #d29922; } .axis { stroke: #656c76; }
  .line { stroke: #4493f8; } .hollow { fill: #0d1117; stroke: #4493f8; } .grid { stroke: #3d444d; }
}
"""
MARGIN = 24


def picture(title: str, told: str, marks: Iterable[str], *, width: int, height: int) -> str:
    """Return a whole SVG: background, title, one line of summary, and the marks."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{text(title)}">',
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
            f'<text class="ink title" x="{MARGIN}" y="34">{text(cut(title, 80))}</text>',
            f'<text class="soft" x="{MARGIN}" y="56">{text(told)}</text>',
            *marks,
            "</svg>\n",
        ]
    )


def cut(words: str, letters: int) -> str:
    """Return words of at most so many letters."""
    return words if len(words) <= letters else words[: letters - 1] + "…"


def text(words: str) -> str:
    """Return text for XML, which knows no control characters."""
    return escape("".join(char if char.isprintable() else " " for char in words), quote=True)
