"""Metrics from an installed package: found by entry point, and their results checked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Row
from policy.documents import parse
from policy.errors import UserError
from policy.facts.evidence import Subject
from policy.files.contract import Contract
from runner.engines.engine import Answer
from runner.measure.comparing import compare
from runner.measure.own_metrics import own_metrics, package_versions
from runner.measure.scoring import Scored, score
from runner.measure.subject_metrics import metrics_of

MODULE = """
class Polite:
    kind = "share"
    higher_is_better = True
    @staticmethod
    def score(messages, expected, answer):
        return "please" in answer and messages[-1]["role"] == "user"

class Surplus:
    kind = "mean"
    higher_is_better = False
    @staticmethod
    def score(messages, expected, answer):
        return len(answer) - len(expected)

class Breaks(Polite):
    @staticmethod
    def score(messages, expected, answer):
        return answer.split()[0] == "please"

class Endless(Surplus):
    @staticmethod
    def score(messages, expected, answer):
        return float("nan")

class Number(Polite):
    @staticmethod
    def score(messages, expected, answer):
        return 1

class Empty:
    pass
"""


def install(folder: Path, name: str, version: str, points: dict[str, str]) -> None:
    """Lay down a package as pip does: a module, and metadata that names its entry points."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{point} = {place}" for point, place in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[countersign.metrics]", *lines, ""]))


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "house_metrics.py").write_text(MODULE)
    names = ("Polite", "Surplus", "Breaks", "Endless", "Number", "Empty", "Absent")
    points = {each.lower(): f"house_metrics:{each}" for each in names}
    install(tmp_path, "house-metrics", "1.2", points)
    monkeypatch.syspath_prepend(str(tmp_path))
    own_metrics.cache_clear()
    yield
    own_metrics.cache_clear()
    sys.modules.pop("house_metrics", None)


def scored(contract: Contract, said: str) -> Scored:
    turns = (Turn("user", "?"), Turn("assistant", "five!"))
    row = Row("1", turns, {}, 7, "test.jsonl", "messages")
    return score(row, Answer(said, 3, 0.5, "stop"), contract, None)


def contract(*names: str) -> Contract:
    return Contract(task="text", schema_version=1, metrics=names)


def test_a_metric_that_the_contract_names_is_measured_and_compared() -> None:
    both = contract("polite", "surplus")
    first = [scored(both, "please."), scored(both, "no")]
    second = [scored(both, "please"), scored(both, "please")]
    found = {metric.name: metric for metric in metrics_of(first, both)}
    assert (found["own.polite"].kind, found["own.polite"].value) == ("share", 0.5)
    assert (found["own.surplus"].value, found["own.surplus"].higher_is_better) == (-0.5, False)
    subjects: dict[Subject, list[Scored]] = {"base": first, "candidate": second}
    compared = {each.metric: each for each in compare(subjects, both)}
    counts, means = compared["own.polite"].counts, compared["own.surplus"].means
    assert counts is not None
    assert means is not None
    assert (counts.only_second, means.mean_difference) == (1, 1.5)
    assert package_versions(("polite",)) == {"own.polite": "house-metrics 1.2"}


def test_what_is_not_named_is_not_measured() -> None:
    assert not any(name.startswith("own.") for name in scored(contract(), "please").scores)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unheard_of", r"no installed package .*entry points countersign.metrics: absent, breaks,"),
        ("absent", r"metric 'absent' of house-metrics 1.2: cannot be loaded: AttributeError"),
        ("breaks", r"metric 'breaks' of house-metrics 1.2: failed at test.jsonl:7: IndexError"),
        ("endless", r"returned nan at test.jsonl:7, not a finite number"),
        ("number", r"returned 1 at test.jsonl:7, not True or False"),
    ],
)
def test_a_bad_metric_is_a_clear_error(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        scored(contract(name), "")


def test_everything_that_a_metric_lacks_is_said_at_once() -> None:
    with pytest.raises(UserError) as caught:
        own_metrics(("empty", "absent"))
    assert len(caught.value.problems) == 4


def test_two_packages_may_not_bring_the_same_name(tmp_path: Path) -> None:
    install(tmp_path, "other-metrics", "3", {"polite": "house_metrics:Surplus"})
    with pytest.raises(UserError, match=r"several packages: house-metrics 1.2, other-metrics 3"):
        own_metrics(("polite",))


def test_the_contract_names_each_once_and_by_a_plain_name() -> None:
    text = "task: text\nschema_version: 1\nmetrics: [polite, polite]\n"
    with pytest.raises(UserError, match="names 'polite' twice"):
        parse(Contract, text, "contract.yml")
    with pytest.raises(UserError, match="metrics"):
        parse(Contract, text.replace("[polite, polite]", "['os:system']"), "contract.yml")
