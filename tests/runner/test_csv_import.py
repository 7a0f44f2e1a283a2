"""A CSV file becomes a governed model that passes its gates, or an error names what is wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from countersign_ml.rows.governed.governed_model import load_model
from policy.errors import UserError
from policy.facts.evidence import parse_evidence
from runner.runner_commands import import_csv, validate
from tests.runner.worlds import POLICY, saved_base, world

FACTS = ["--source", "tests", "--licence", "CC0-1.0", "--owner", "ada", "--base-model", "base"]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = world(tmp_path / "repo", base=False)
    (made / "base").mkdir()
    (made / "base" / "model.safetensors").write_bytes(b"weights")
    return made


def write(
    path: Path, records: list[tuple[str, str]], header: tuple[str, str] = ("text", "cat")
) -> Path:
    with path.open("w", newline="") as out:
        csv.writer(out).writerows([header, *records])
    return path


def texts(start: int, count: int) -> list[tuple[str, str]]:
    return [
        (f"question {n}, with a comma", ("a b", "c")[n % 2]) for n in range(start, start + count)
    ]


def make(repo: Path, file: Path, *more: str) -> int:
    words = ["made", str(file), "--text", "text", "--label", "cat", "--repo", str(repo)]
    return import_csv([*words, *FACTS, *more])


def ids(repo: Path, split: str) -> list[str]:
    path = repo / "models" / "made" / "data" / f"{split}.jsonl"
    return [json.loads(line)["messages"][1]["content"] for line in path.read_text().splitlines()]


def test_one_file_is_split_and_its_gates_hold(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "rows.csv", [*texts(0, 200), *texts(3, 4)])
    assert make(repo, file, "--approve") == 0
    assert "140 train, 30 validation, 30 test rows, 2 labels" in capsys.readouterr().out
    folder = load_model(repo, "made")
    assert folder.recipe.base_model_revision is not None
    assert folder.output_schema is not None
    assert folder.output_schema.schema["enum"] == ["a b", "c"]
    assert validate(["made", "--repo", str(repo), "--quiet"]) == 0
    every = ids(repo, "train") + ids(repo, "validation") + ids(repo, "test")
    assert sorted(every) == sorted(text for text, _ in texts(0, 200))


def test_the_same_seed_gives_the_same_rows(repo: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", texts(0, 60))
    make(repo, file)
    first = load_model(repo, "made").blobs
    (repo / "models/made").rename(repo / "old")
    make(repo, file)
    assert load_model(repo, "made").blobs == first


def test_a_test_file_stays_whole_and_leaks_nothing(repo: Path, tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", texts(0, 100))
    test = write(tmp_path / "test.csv", texts(90, 40))
    assert make(repo, train, "--test", str(test), "--approve") == 0
    assert len(ids(repo, "test")) == 40
    assert not set(ids(repo, "test")) & set(ids(repo, "train") + ids(repo, "validation"))
    assert validate(["made", "--repo", str(repo), "--quiet"]) == 0


def test_nothing_is_approved_unless_a_person_says_so(repo: Path, tmp_path: Path) -> None:
    make(repo, write(tmp_path / "rows.csv", texts(0, 100)))
    assert validate(["made", "--repo", str(repo), "--quiet"]) == 1


def test_nothing_is_written_over(repo: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", texts(0, 60))
    make(repo, file)
    with pytest.raises(UserError, match="is not overwritten"):
        make(repo, file)


def test_an_unknown_column_names_the_nearest(repo: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", texts(0, 60), ("txt", "cat"))
    with pytest.raises(UserError, match=r"rows\.csv:1: has no column 'text'; did you mean 'txt'"):
        make(repo, file)
    assert not (repo / "models/made").exists()


def with_topics(path: Path, header: str = "topic") -> Path:
    """A file with a third column, which every fourth record leaves empty."""
    records = [(*pair, "" if n % 4 == 0 else f"t{n % 3}") for n, pair in enumerate(texts(0, 60))]
    with path.open("w", newline="") as out:
        csv.writer(out).writerows([("text", "cat", header), *records])
    return path


def test_a_kept_column_goes_with_each_row_that_fills_it(repo: Path, tmp_path: Path) -> None:
    assert make(repo, with_topics(tmp_path / "rows.csv"), "--keep", "topic", "--approve") == 0
    path = repo / "models" / "made" / "data" / "train.jsonl"
    for row in map(json.loads, path.read_text().splitlines()):
        number = int(row["messages"][1]["content"].split()[1].rstrip(","))
        assert row.get("topic") == (None if number % 4 == 0 else f"t{number % 3}")
    assert validate(["made", "--repo", str(repo), "--quiet"]) == 0


def test_a_kept_column_that_is_not_there_is_named(repo: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no column 'topics'; did you mean 'topic'"):
        make(repo, with_topics(tmp_path / "rows.csv"), "--keep", "topics")


@pytest.mark.parametrize("name", ["id", "approved", "messages", "prompt"])
def test_a_column_cannot_take_a_rows_own_key(repo: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"the column '{name}' cannot be kept.*rename it"):
        make(repo, with_topics(tmp_path / "rows.csv", name), "--keep", name)
    assert not (repo / "models/made").exists()


def test_an_empty_label_is_located(repo: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", [*texts(0, 5), ("lonely", "")])
    with pytest.raises(UserError, match=r"rows\.csv:7: text or label is empty"):
        make(repo, file)


def test_a_label_that_nobody_trains_is_named(repo: Path, tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", texts(0, 60))
    test = write(tmp_path / "test.csv", [("new", "unheard")])
    with pytest.raises(UserError, match="'unheard' is in a test row and in no training row"):
        make(repo, train, "--test", str(test))


def test_one_label_is_no_classification(repo: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "rows.csv", [(f"q {n}", "same") for n in range(30)])
    with pytest.raises(UserError, match="at least two"):
        make(repo, file)


def test_a_missing_file_is_said(repo: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.csv: missing"):
        make(repo, tmp_path / "nothing.csv")


@pytest.mark.slow
def test_an_imported_model_goes_down_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.runner_commands import run

    monkeypatch.setenv("WANDB_MODE", "disabled")
    gates = POLICY["gates"] | {"metrics": [{"metric": "accuracy", "min": 0.0}]}
    repo = world(tmp_path / "repo", base=False, policy=POLICY | {"gates": gates})
    saved_base(repo / "base")
    make(repo, write(tmp_path / "rows.csv", texts(0, 100)), "--approve")
    path = tmp_path / "evidence.json"
    words = ["made", "--repo", str(repo), "--cache", str(tmp_path / "cache"), "--quiet"]
    run([*words, "--evidence", str(path)])
    candidate = parse_evidence(path.read_text(), str(path)).measurement("candidate")
    assert candidate is not None
    measured = {metric.name: metric.n for metric in candidate.metrics}
    assert measured["accuracy"] == measured["macro_f1"] == measured["schema_valid"] == 15
