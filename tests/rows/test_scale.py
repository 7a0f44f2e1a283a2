"""Parts that meet in a folder find what one machine finds, to the byte."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.rows.gating.all_gates import GATES, Gated, gate
from countersign_ml.rows.governed.governed_model import load_policy
from countersign_ml.rows.kept.table import Table
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.scale.cut import cut, tasks
from countersign_ml.rows.scale.exchange import SENT
from countersign_ml.rows.scale.keep import keep
from countersign_ml.rows.scale.look import look
from countersign_ml.rows.scale.merge_parts import merge
from countersign_ml.rows.scale.plan import Plan
from countersign_ml.rows.scale.steps import report_of, run_here, stages
from countersign_ml.rows.tools import validate_command
from policy.errors import UserError
from policy.files.rules import DataRules
from tests.rows.files import counts, question, row, said, write
from tests.rows.planted import Planted, every

RULES = DataRules(
    licences=("CC0-1.0",), canaries=("CANARY-7f3a",), near_jaccard=0.8, max_group_share=0.01
)
SYSTEM = "You are the clerk of a small archive and never speak of the weather."
ROWS, LENGTH = 1800, 250
"""Rows of about 3 KB, so that a file is five chunks."""


def asking(number: int, text: str, **changes: Any) -> dict[str, Any]:
    turns = said(("user", text), ("assistant", f"answer {number}"))
    return row(number, messages=turns, **changes)


def long(number: int) -> str:
    return question(number, LENGTH)


def defects() -> list[dict[str, Any] | bytes]:
    """Return a defect for every gate; what repeats another row repeats one that is far away."""
    made: list[dict[str, Any] | bytes] = [
        b'{"id": "broken", ', b"", b"\xff\xfe", b'{"id": "", "messages": []}', b"[1]",
        b'{"instruction": "another format", "output": "x", "approved": true}',
        row(5001, messages=said(("user", "hm"), ("assistant", " "))),
        row(5002, messages=said(("user", "a"), ("user", "b"), ("assistant", "c"))),
        row(5003, approved=None), row(5004, licence="secret"), row(5005, consent=False),
        asking(5006, f" {long(7).upper()}"),
        row(8), asking(5007, long(9) + " besides", id="r-3"),
        asking(5008, "see <|im_start|>system"), asking(5009, "found CANARY-7f3a here"),
        row(5010, messages=said(("system", SYSTEM), ("user", "who are you today?"),
                                ("assistant", f"I was told: {SYSTEM}"))),
        asking(5011, "write to ada.lovelace@analytical-engines.org please"),
        asking(5012, "the key is AKIAIOSFODNN7EXAMPLQ, keep it"),
        asking(5013, long(11).replace(" ", ", ")),
        asking(5014, long(12), group="c3"),
    ]  # fmt: skip
    made += [asking(6000 + number, long(number), group="all") for number in range(20, 90)]
    made += [asking(7000 + number, long(number) + " and more") for number in range(100, 170)]
    return made


def far_apart(folder: Path) -> list[tuple[str, Path]]:
    """Write a training file, a packed test file and a small one, with defects in and across."""
    rng = random.Random(3)
    train: list[dict[str, Any] | bytes] = [
        asking(number, long(number), **({"group": f"c{number}"} if number % 3 else {}))
        for number in range(ROWS)
    ]
    for each in defects():
        train.insert(rng.randrange(ROWS // 2, len(train)), each)
    copied = [asking(8000 + n, long(n) + (" at last" if n % 2 else "")) for n in range(200, 330)]
    test: list[dict[str, Any] | bytes] = [
        *(asking(number, long(number), group=f"c{number - 9000}") for number in range(9000, 9060)),
        *copied,
        *(asking(n, f"{long(n)} {' '.join(long(n - 9000).split()[:20])}") for n in (9100, 9101)),
        b"{",
    ]
    write(folder / "train.jsonl", train)
    packed = folder / "test.jsonl.gz"
    packed.write_bytes(gzip.compress(write(folder / "test.jsonl", test).read_bytes())[:-9])
    small = write(folder / "validation.jsonl", [asking(7, long(7)), row(9900, group="c4")])
    small.write_bytes(b"\xef\xbb\xbf" + small.read_bytes().replace(b"\n", b"\r\n"))
    return [("train", folder / "train.jsonl"), ("test", packed), ("validation", small)]


def sources(files: list[tuple[str, Path]]) -> list[tuple[str, Source]]:
    return [(split, Source(str(path), path.name)) for split, path in files]


def whole(files: list[tuple[str, Path]], rules: DataRules = RULES) -> Gated:
    return gate(sources(files), RowRules.of(rules), rules, workers=1)


def in_parts(
    folder: Path, files: list[tuple[str, Path]], shards: int, partitions: int,
    rules: DataRules = RULES,
) -> Gated:  # fmt: skip
    """Run every stage in this process, without datatrove."""
    plan = Plan.of(
        folder, sources(files), RowRules.of(rules), rules, shards=shards, partitions=partitions
    )
    for work, count in ((cut, tasks(plan)), (look, shards), (keep, partitions)):
        run: Callable[[Plan, int], None] = work
        for number in reversed(range(count)):
            run(plan, number)
    return merge(plan)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Path]]:
    return far_apart(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def found(files: list[tuple[str, Path]]) -> Gated:
    return whole(files)


def test_the_planted_files_are_named_by_every_gate(found: Gated) -> None:
    assert {each.name for each in GATES} == set(counts(found))
    assert counts(found)["duplicates"] > 50, "more than are shown"


@pytest.mark.parametrize(("shards", "partitions"), [(1, 1), (2, 3), (4, 2), (7, 7)])
def test_parts_find_what_one_pass_finds(
    tmp_path: Path, files: list[tuple[str, Path]], found: Gated, shards: int, partitions: int
) -> None:
    made = in_parts(tmp_path / "exchange", files, shards, partitions)
    assert made.facts == found.facts
    assert made.formats == found.formats


@pytest.mark.parametrize("planted", list(every()), ids=lambda planted: planted.name)
def test_every_kind_of_defect_is_found_in_parts(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_ml.rows.read.source.BLOCK", 2000)  # some ten rows a chunk
    policy = tmp_path / "policy.yml"
    policy.write_text(planted.policy())
    rules = load_policy(policy).gates.data
    paths = planted.write(tmp_path)
    files = [(split if len(paths) > 1 else "train", path) for split, path in paths.items()]
    made, expected = in_parts(tmp_path / "exchange", files, 2, 2, rules), whole(files, rules)
    assert made.facts == expected.facts
    named = planted.gate in counts(expected)
    assert named or planted.contract is not None or planted.kind.startswith("language")


@pytest.mark.parametrize(("shards", "workers"), [(1, 1), (2, 2), (4, 4)])
def test_the_command_prints_the_same_bytes(
    tmp_path: Path,
    files: list[tuple[str, Path]],
    capfd: pytest.CaptureFixture[str],
    shards: int,
    workers: int,
) -> None:
    named = [word for split, path in files for word in ("--file", f"{split}={path}")]
    asked = [*named, "--json", "--workers", str(workers)]
    assert validate_command.main(asked) == 1
    plain, _ = capfd.readouterr()
    folder = tmp_path / "exchange"
    assert validate_command.main([*asked, "--shards", str(shards), "--exchange", str(folder)]) == 1
    parted, noise = capfd.readouterr()
    assert parted == plain
    assert noise == ""
    assert json.loads(parted) == json.loads((folder / "report.json").read_text())


WORDS = st.sampled_from(["violin", "lantern,", "Meadow", "copper", "thistle", "saddle", "é"])
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
ANY_ROW = st.builds(
    lambda text, answer, name, group: row(
        name, messages=said(("user", text), ("assistant", answer)),
        **({} if group is None else {"group": group}),
    ),
    TEXTS, st.sampled_from("ab"), st.integers(0, 40), st.none() | st.sampled_from("xyz"),
)  # fmt: skip
ANY_FILE = st.lists(ANY_ROW | st.just(b"{"), max_size=40)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["train", "test", "other"]), ANY_FILE), min_size=1,
             max_size=3),
    st.integers(1, 6),
    st.integers(1, 6),
)  # fmt: skip
def test_any_rows_in_any_parts_are_found_alike(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[str, list[dict[str, Any] | bytes]]],
    shards: int,
    partitions: int,
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    rules = DataRules(near_jaccard=0.7, ngram_words=5, max_group_share=0.1, max_answer_share=0.1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("countersign_ml.rows.read.source.BLOCK", 1200)  # a few rows a chunk
        files = [
            (split, write(folder / f"{number}.jsonl", rows))
            for number, (split, rows) in enumerate(drawn)
        ]
        made = in_parts(folder / "exchange", files, shards, partitions, rules)
        assert made.facts == whole(files, rules).facts


def test_every_key_that_is_exchanged_is_a_column() -> None:
    table = Table("train", Source("x", "x"))
    assert all(hasattr(getattr(table, name), "part") for name in SENT)


def test_a_person_s_mistake_comes_out_of_a_task_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    rules = RowRules.of(RULES)
    wrong = Source(str(path), "rows.jsonl", "0" * 64)
    plan = Plan.of(tmp_path / "x", [("rows", wrong)], rules, RULES, shards=2)
    with pytest.raises(UserError, match=r"rows\.jsonl: its SHA-256 is"):
        run_here(plan, 2)


def test_a_file_that_changes_between_two_stages_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    plan = Plan.of(
        tmp_path / "x", sources([("rows", path)]), RowRules.of(RULES), RULES, shards=1
    )  # fmt: skip
    for number in range(tasks(plan)):
        cut(plan, number)
    write(path, [row(2)])
    with pytest.raises(UserError, match="changed while it was read"):
        look(plan, 0)


def test_a_folder_that_holds_another_run_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    asked = ["--file", str(path), "--shards", "2", "--exchange", str(tmp_path)]
    with pytest.raises(UserError, match="is not an empty folder"):
        validate_command.main(asked)
    with pytest.raises(UserError, match="0 is not a number of parts"):
        validate_command.main(["--file", str(path), "--shards", "0"])


def test_the_stages_are_what_another_executor_is_given(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(number) for number in range(9)])
    plan = Plan.of(
        tmp_path / "x", sources([("rows", path)]), RowRules.of(RULES), RULES, shards=2
    )  # fmt: skip
    for stage in stages(plan):
        for rank in range(stage.tasks):
            data: Any = None
            for step in stage.pipeline:
                data = step(data, rank, stage.tasks)
    assert report_of(plan)["rows"] == 9
