"""Own metrics: what an organisation measures in addition to the metrics of the task.

A package that is installed with the runner registers an entry point in the group
`countersign.metrics`. A contract names it; no code from a pull request is executed. The entry
point's name is the metric's name, and it loads an object or a module with

    kind: "share" or "mean"      each score true or false, or a figure
    higher_is_better: bool
    score(messages, expected, answer) -> bool | float

where `messages` are the turns before the answer as `{"role", "content"}`. `score` must depend only
on these: stored answers are scored again, and must give the recorded figures. Reports call the
metric `own.<name>`. See docs/evaluation.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from countersign_ml.rows.read.row import Row
from policy.errors import Problem, UserError

GROUP = "countersign.metrics"
PREFIX = "own."


@dataclass(frozen=True)
class OwnMetric:
    """One metric, and the package and version that it comes from."""

    name: str
    kind: str
    higher_is_better: bool
    package: str
    _score: Callable[[list[dict[str, str]], str, str], Any]

    @property
    def score_name(self) -> str:
        return PREFIX + self.name

    @property
    def place(self) -> str:
        return _place(self.name, self.package)

    def score(self, row: Row, answer: str) -> bool | float:
        """Return the score of one answer; UserError if the metric fails."""
        turns = [{"role": turn.role, "content": turn.content} for turn in row.prompt]
        try:
            value = self._score(turns, row.answer, answer)
        except Exception as error:
            raise UserError.one(
                self.place,
                f"failed at {row.where}: {type(error).__name__}: {error}",
                "a metric scores every answer, also empty and broken ones; fix the package",
            ) from error
        if self.kind == "share" and isinstance(value, bool):
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if self.kind == "mean" and number and math.isfinite(value):
            return float(value)
        wanted = "True or False" if self.kind == "share" else "a finite number"
        raise UserError.one(
            self.place,
            f"returned {repr(value)[:80]} at {row.where}, not {wanted}",
            "fix the package",
        )


@lru_cache(maxsize=32)
def own_metrics(names: tuple[str, ...]) -> tuple[OwnMetric, ...]:
    """Return the metrics that a contract names; every problem with them is in one UserError."""
    if not names:
        return ()
    installed: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        installed.setdefault(point.name, []).append(point)
    found: list[OwnMetric] = []
    problems: list[Problem] = []
    for name in names:
        try:
            found.append(_load(name, installed.get(name, []), sorted(installed)))
        except UserError as error:
            problems.extend(error.problems)
    if problems:
        raise UserError(problems)
    return tuple(found)


def package_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return which package and version each own metric comes from."""
    return {metric.score_name: metric.package for metric in own_metrics(names)}


def _load(name: str, points: Sequence[EntryPoint], known: Sequence[str]) -> OwnMetric:
    if not points:
        raise UserError.one(
            "contract.yml metrics",
            f"no installed package has the metric {name!r}",
            "install it where the runner is, or remove it; entry points countersign.metrics: "
            + (", ".join(known) or "none"),
        )
    packages = sorted({_package(point) for point in points})
    if len(packages) > 1:
        raise UserError.one(
            f"metric {name!r}",
            f"is in several packages: {', '.join(packages)}",
            "keep one of them installed",
        )
    package = packages[0]
    try:
        loaded = points[0].load()
    except Exception as error:
        raise UserError.one(
            _place(name, package),
            f"cannot be loaded: {type(error).__name__}: {error}",
            "fix the package, or remove the metric from contract.yml",
        ) from error
    kind, better = getattr(loaded, "kind", None), getattr(loaded, "higher_is_better", None)
    score = getattr(loaded, "score", None)
    wrong: list[str] = []
    if kind not in ("share", "mean"):
        wrong.append('kind must be "share" or "mean"')
    if not isinstance(better, bool):
        wrong.append("higher_is_better must be True or False")
    if not callable(score):
        wrong.append("score must be a function of messages, expected, answer")
    if wrong or not callable(score):
        remedy = "see docs/evaluation.md, own metrics"
        raise UserError(Problem(_place(name, package), what, remedy) for what in wrong)
    return OwnMetric(name, str(kind), bool(better), package, score)


def _place(name: str, package: str) -> str:
    return f"metric {name!r} of {package}"


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module
