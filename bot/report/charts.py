"""The pictures of a model card: the loss of this training, and the metrics over the versions.

Pure and exact: the same evidence gives the same bytes, so an edited picture no longer matches its
release, as with the card's text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from countersign_ml.rows.statistics.svg import MARGIN, cut, picture, text
from policy.facts.evidence import Evidence, Metric
from policy.facts.pointer import Pointer
from policy.facts.run_context import LossPoint
from policy.governed import chart_path
from policy.policy_sentences import figure

WIDTH, TOP = 720, 80
PLOT, LEFT, LOSS_WIDTH = 200, 70, 616
PANEL, PANEL_PLOT, GAP, ROOM = 320, 110, 32, 44
SHOWN_METRICS, SHOWN_NAMES = 8, 8


@dataclass(frozen=True)
class Measured:
    """One metric of one version; `alike`: on the same held-out rows as the version of the card."""

    version: str
    value: float
    alike: bool


def charts(evidence: Evidence, pointer: Pointer) -> dict[str, str]:
    """Return each picture that shows something, by the path that it is released under."""
    drawn = {"loss": loss_chart(evidence), "metrics": metrics_chart(evidence, pointer.version)}
    return {
        chart_path(evidence.model, pointer.version, name): svg
        for name, svg in drawn.items()
        if svg is not None
    }


def loss_chart(evidence: Evidence) -> str | None:
    """Return the loss over the steps; None unless at least two points were recorded."""
    curve = evidence.training.loss_curve if evidence.training is not None else ()
    if len(curve) < 2 or curve[-1].step <= curve[0].step:
        return None
    ends = [f"{point.loss:.4g} at step {point.step:,}" for point in (curve[0], curve[-1])]
    told = f"mean cross-entropy in nats per trained token; {ends[0]}, {ends[1]}"
    title = f"{evidence.model}: loss of this training"
    return picture(title, told, _loss_marks(curve), width=WIDTH, height=TOP + PLOT + 44)


def _loss_marks(curve: Sequence[LossPoint]) -> Iterator[str]:
    low, high = curve[0].step, curve[-1].step
    step = _nice(max(max(point.loss for point in curve), 1e-9) / 4)
    most = step * math.ceil(max(point.loss for point in curve) / step) or step
    least = min(0.0, min(point.loss for point in curve))

    def across(at: float) -> float:
        return LEFT + LOSS_WIDTH * (at - low) / (high - low)

    def down(loss: float) -> float:
        return TOP + PLOT * (1 - (loss - least) / (most - least))

    for number in range(round(most / step) + 1):
        y = down(number * step)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + LOSS_WIDTH}" y2="{y:.1f}"/>'
        yield _said(LEFT - 8, y + 4, f"{number * step:g}", "end")
    for number in range(5):
        at = low + round((high - low) * number / 4)
        yield _said(across(at), TOP + PLOT + 18, f"{at:,}", "middle")
    yield _said(LEFT + LOSS_WIDTH / 2, TOP + PLOT + 36, "step", "middle")
    points = " ".join(f"{across(point.step):.1f},{down(point.loss):.1f}" for point in curve)
    yield f'<polyline class="line" points="{points}"/>'


def metrics_chart(evidence: Evidence, version: str) -> str | None:
    """Return a panel for each metric that an earlier version has too; None without any."""
    measured = evidence.measurement("candidate")
    if measured is None:
        return None
    panels: list[tuple[Metric, list[Measured]]] = []
    for metric in measured.metrics:
        line = [
            Measured(each.version, each.metrics[metric.name], each.rows == measured.rows)
            for each in evidence.earlier
            if metric.name in each.metrics
        ]
        if line and math.isfinite(metric.value):
            panels.append((metric, [*line, Measured(version, metric.value, alike=True)]))
    panels = panels[:SHOWN_METRICS]
    if not panels:
        return None
    marks = []
    for number, (metric, line) in enumerate(panels):
        x = MARGIN + (PANEL + GAP) * (number % 2)
        y = TOP + (PANEL_PLOT + ROOM + 24) * (number // 2)
        marks.append(f'<g transform="translate({x} {y})">{"".join(_panel(metric, line))}</g>')
    told = "each version as recorded at its release"
    if any(not point.alike for _, line in panels for point in line):
        told += "; hollow points were measured on other rows than this version"
    height = TOP + (PANEL_PLOT + ROOM + 24) * math.ceil(len(panels) / 2)
    title = f"{evidence.model}: metrics over the versions"
    return picture(title, told, marks, width=WIDTH, height=height)


def _panel(metric: Metric, line: Sequence[Measured]) -> Iterator[str]:
    low, high = _span(metric, [point.value for point in line])
    base = 24 + PANEL_PLOT

    def across(number: int) -> float:
        return 16 + (PANEL - 32) * number / (len(line) - 1)

    def down(value: float) -> float:
        return base - PANEL_PLOT * (value - low) / (high - low)

    yield f'<text class="ink head" x="0" y="12">{text(cut(metric.name, 32))}</text>'
    told = f"{_figure(metric, line[0].value)} to {_figure(metric, line[-1].value)}"
    yield _said(PANEL, 12, told, "end")
    yield f'<line class="axis" x1="0" y1="{base}" x2="{PANEL}" y2="{base}"/>'
    points = " ".join(f"{across(n):.1f},{down(p.value):.1f}" for n, p in enumerate(line))
    yield f'<polyline class="line" points="{points}"/>'
    every = math.ceil(len(line) / SHOWN_NAMES)
    for number, point in enumerate(line):
        x, y = across(number), down(point.value)
        told = f"{point.version}: {_figure(metric, point.value)}"
        told += "" if point.alike else ", on other rows"
        kind = "bar" if point.alike else "hollow"
        yield (
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4">'
            f"<title>{text(told)}</title></circle>"
        )
        if (len(line) - 1 - number) % every == 0:
            yield _said(x, base + 16, cut(point.version.partition("-")[0], 8), "middle")


def _span(metric: Metric, values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest value of the panel: 0 and 1 for a share."""
    if metric.kind == "share":
        return 0.0, 1.0
    low, high = min(0.0, *values), max(values)
    return (low, high) if high > low else (low, low + 1.0)


def _figure(metric: Metric, value: float) -> str:
    return figure(metric.model_copy(update={"value": value}))


def _nice(rough: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))


def _said(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text class="soft" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(words)}</text>'
