"""Own metrics: what an organisation measures beside the metrics that come with the task.

A package that is installed where the runner is registers an entry point in the group
`countersign.metrics`. A contract names it; nothing that a pull request brings is executed. The
entry point's name is the metric's, and it loads to an object or a module with

    kind: "share" or "mean"      each score true or false, or a figure
    higher_is_better: bool
    score(messages, expected, answer) -> bool | float

where `messages` are the turns before the answer as `{"role", "content"}`. `score` must depend on
these alone: stored answers are scored again, and must give the recorded figures. In reports it is
called `own.<name>`. See docs/evaluation.md.
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
from runner.measure import own_metric_messages as say

GROUP = "countersign.metrics"
PREFIX = "own."


@dataclass(frozen=True)
class OwnMetric:
    """One metric that a package brought, and which package and version that was."""

    name: str
    kind: str
    higher_is_better: bool
    package: str
    _score: Callable[[list[dict[str, str]], str, str], Any]

    @property
    def score_name(self) -> str:
        return PREFIX + self.name

    def score(self, row: Row, answer: str) -> bool | float:
        """Return the score of one answer; UserError where the metric breaks or says nonsense."""
        turns = [{"role": turn.role, "content": turn.content} for turn in row.prompt]
        try:
            value = self._score(turns, row.answer, answer)
        except Exception as error:
            raise say.broke(self.name, self.package, row.where, error) from error
        if self.kind == "share" and isinstance(value, bool):
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if self.kind == "mean" and number and math.isfinite(value):
            return float(value)
        raise say.nonsense(self.name, self.package, row.where, self.kind, value)


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
        raise say.unknown(name, known)
    packages = sorted({_package(point) for point in points})
    if len(packages) > 1:
        raise say.twice(name, packages)
    package = packages[0]
    try:
        loaded = points[0].load()
    except Exception as error:
        raise say.not_loaded(name, package, error) from error
    kind, better = getattr(loaded, "kind", None), getattr(loaded, "higher_is_better", None)
    score = getattr(loaded, "score", None)
    wrong: list[Problem] = []
    if kind not in ("share", "mean"):
        wrong.append(say.wrong_part(name, package, 'kind must be "share" or "mean"'))
    if not isinstance(better, bool):
        wrong.append(say.wrong_part(name, package, "higher_is_better must be True or False"))
    if not callable(score):
        wrong.append(
            say.wrong_part(name, package, "score must be a function of messages, expected, answer")
        )
    if wrong or not callable(score):
        raise UserError(wrong)
    return OwnMetric(name, str(kind), bool(better), package, score)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module
