"""The statistics of a dataset as one SVG: no script, font or URL; light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from countersign_ml.rows.statistics.stats_measure import DataStats, FieldShares, Lengths
from countersign_ml.rows.statistics.svg import MARGIN, cut, picture, text

PANEL, GAP = 400, 40
PLOT, BAR, TOP = 120, 20, 76
FIELDS, VALUES, LETTERS = 8, 8, 22


def render(stats: DataStats, title: str) -> str:
    """Return the picture: histograms of lengths, then the values of fields with more than one."""
    panels: list[tuple[int, list[str]]] = []
    for name, lengths in (
        ("Prompt, characters", stats.prompt_characters),
        ("Answer, characters", stats.answer_characters),
        ("Prompt, tokens", stats.prompt_tokens),
        ("Answer, tokens", stats.answer_tokens),
    ):
        if lengths is not None and lengths.histogram.counts:
            panels.append((PLOT + 62, list(_histogram(name, lengths))))
    several = [field for field in stats.fields if field.values > 1]
    shown = sorted(several, key=lambda field: (field.values, field.field))
    if stats.languages is not None:
        shown.insert(0, stats.languages)
    for field in shown[:FIELDS]:
        panels.append((30 + BAR * min(VALUES + 1, field.values), list(_values(field))))
    placed, height = _placed(panels)
    width = 2 * PANEL + GAP + 2 * MARGIN
    told = (
        f"{stats.rows:,} rows; {stats.duplicate_answer_share:.1%} repeat an answer, "
        f"{stats.duplicate_question_share:.1%} a question, "
        f"{stats.same_prefix_share:.1%} begin alike"
    )
    return picture(title, told, placed, width=width, height=height)


def _placed(panels: Sequence[tuple[int, list[str]]]) -> tuple[list[str], int]:
    """Place panels in two columns, each in the shorter one."""
    ends = [TOP, TOP]
    placed = []
    for height, marks in panels:
        column = 0 if ends[0] <= ends[1] else 1
        x = MARGIN + column * (PANEL + GAP)
        placed.append(f'<g transform="translate({x} {ends[column]})">{"".join(marks)}</g>')
        ends[column] += height + 18
    return placed, max(ends) + 8


def _histogram(name: str, lengths: Lengths) -> Iterator[str]:
    histogram = lengths.histogram
    bars = [(str(count), count, "bar") for count in histogram.counts]
    if histogram.over:
        bars.append((str(histogram.over), histogram.over, "rest"))
    most = max(count for _, count, _ in bars)
    wide = PANEL / len(bars)
    yield f'<text class="ink head" x="0" y="14">{text(name)}</text>'
    facts = f"median {lengths.median:,}, 95 % up to {lengths.p95:,}, longest {lengths.longest:,}"
    yield f'<text class="soft" x="{PANEL}" y="14" text-anchor="end">{text(facts)}</text>'
    for number, (_, count, kind) in enumerate(bars):
        tall = PLOT * count / most
        start = number * histogram.step
        told = (
            f"over {start - 1:,}"
            if kind == "rest"
            else f"{start:,} to {start + histogram.step - 1:,}"
        )
        yield (
            f'<rect class="{kind}" x="{number * wide + 1:.1f}" y="{26 + PLOT - tall:.1f}" '
            f'width="{max(1.0, wide - 2):.1f}" height="{tall:.1f}">'
            f"<title>{told}: {count:,} rows</title></rect>"
        )
    base = 26 + PLOT
    yield f'<line class="axis" x1="0" y1="{base}" x2="{PANEL}" y2="{base}"/>'
    counted = len(histogram.counts)
    for number in range(0, counted + 1, max(1, counted // 5)):
        anchor = "start" if number == 0 else "middle"
        if number * wide < PANEL - 20:
            yield (
                f'<text class="soft" x="{number * wide:.1f}" y="{base + 16}" '
                f'text-anchor="{anchor}">{number * histogram.step:,}</text>'
            )


def _values(field: FieldShares) -> Iterator[str]:
    told = f"{field.values:,} values in {field.rows:,} rows"
    yield f'<text class="ink head" x="0" y="14">{text(cut(field.field, 32))}</text>'
    yield f'<text class="soft" x="{PANEL}" y="14" text-anchor="end">{told}</text>'
    rows = [(one.value or "(empty)", one.rows) for one in field.largest[:VALUES]]
    rest = field.rows - sum(count for _, count in rows)
    most = rows[0][1]
    left, space = 150, PANEL - 150 - 90
    for number, (value, count) in enumerate(rows):
        y = 26 + number * BAR
        long = max(1.0, space * count / most)
        yield (
            f'<text class="ink" x="{left - 8}" y="{y + 13}" text-anchor="end">'
            f"{text(cut(value, LETTERS))}</text>"
            f'<rect class="bar" x="{left}" y="{y + 2}" width="{long:.1f}" height="{BAR - 5}">'
            f"<title>{text(value)}: {count:,} rows</title></rect>"
            f'<text class="soft" x="{left + long + 6:.1f}" y="{y + 13}">'
            f"{count:,} ({_percent(count / field.rows)})</text>"
        )
    if rest:
        told = f"{field.values - len(rows):,} others: {rest:,} ({_percent(rest / field.rows)})"
        yield f'<text class="soft" x="{left}" y="{26 + len(rows) * BAR + 13}">{told}</text>'


def _percent(share: float) -> str:
    return "&lt;1%" if 0 < share < 0.005 else f"{share:.0%}"
