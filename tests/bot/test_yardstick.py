"""What a reader is told of the yardstick: that it changed, and how often it was used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.deciding.changed_measures import changed_measures
from bot.deciding.decide import decide
from bot.facts.actions import UpsertComment
from bot.facts.own_comment import MOST_KEYS, keys_in, remembered
from bot.facts.snapshot import ChangedFile, Comment, Snapshot
from bot.facts.trusted_runs import tries
from tests.bot import builders as a
from tests.bot.builders import check_of, comment_of, of_kind, snapshot

FACTS = a.forward_facts(None, released=False)
MARKER = "<!-- countersign:pull-request -->\n<!-- countersign:keys {} -->\n"
CARD_OF_OTHER_ROWS = a.CARD.replace("path: test.jsonl", "path: train.jsonl").replace(
    "{split: train, path: train.jsonl}", "{split: train, path: test.jsonl}"
)


def test_new_training_rows_change_no_yardstick() -> None:
    assert changed_measures(FACTS) == ()
    assert "changes the" not in comment_of(snapshot())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"head_inputs": a.inputs(2, **{"data/test.jsonl": a.sha("easier")})}, ("test rows",)),
        ({"dataset_card": CARD_OF_OTHER_ROWS}, ("test rows",)),
        ({"dataset_card": "no card"}, ("test rows",)),
        ({"head_inputs": a.inputs(2, **{"contract/contract.yml": a.sha("x")})}, ("contract",)),
        ({"base_inputs": a.inputs(1, **{"contract/o.json": a.sha("x")})}, ("contract",)),
        ({"recipe": a.RECIPE + "decoding: {max_new_tokens: 8}\n"}, ("decoding",)),
        ({"recipe": a.RECIPE + "seed: 8\n"}, ()),
        ({"recipe": a.RECIPE + "decoding: {max_new_tokens: 128}\n"}, ()),
        ({"base_recipe": "broken: ["}, ("decoding",)),
        (
            {
                "head_inputs": a.inputs(
                    2, **{"data/test.jsonl": a.sha("y"), "contract/c.json": a.sha("x")}
                ),
                "recipe": a.RECIPE + "decoding: {max_new_tokens: 8}\n",
            },
            ("test rows", "contract", "decoding"),
        ),
    ],
)
def test_each_change_of_the_yardstick_is_named(
    changes: dict[str, Any], named: tuple[str, ...]
) -> None:
    assert changed_measures(replace(FACTS, **changes)) == named


def rows_elsewhere(version: int, **names: str) -> tuple[tuple[str, str], ...]:
    """Inputs whose test rows lie outside git, named by other files of the data folder."""
    files = {f"data/{name}": a.sha(said) for name, said in names.items()}
    return tuple(each for each in a.inputs(version, **files) if each[0] != "data/test.jsonl")


@pytest.mark.parametrize(
    ("name", "named"),
    [("test.jsonl.dvc", "test rows"), ("manifest.yml", "manifest of the test rows")],
)
def test_easier_test_rows_outside_git_are_named_too(name: str, named: str) -> None:
    before = rows_elsewhere(1, **{name: "as they were"})
    same = replace(
        FACTS, base_inputs=before, head_inputs=rows_elsewhere(2, **{name: "as they were"})
    )
    assert changed_measures(same) == ()
    easier = replace(same, head_inputs=rows_elsewhere(2, **{name: "easier"}))
    assert changed_measures(easier) == (named,)
    moved = replace(same, base_inputs=a.inputs(1))
    assert named in changed_measures(moved)


def test_a_manifest_says_nothing_of_test_rows_that_lie_in_git() -> None:
    head = a.inputs(2, **{"data/manifest.yml": a.sha("other training rows")})
    assert changed_measures(replace(FACTS, head_inputs=head)) == ()


def test_without_a_record_there_is_nothing_to_compare_with() -> None:
    first = replace(FACTS, base_pointer=None, base_cards=(), base_inputs=(), base_recipe=None)
    assert changed_measures(first) == ()


@pytest.mark.parametrize("measured_yet", [True, False])
def test_a_changed_yardstick_is_said_loudly_in_comment_and_check(measured_yet: bool) -> None:
    changes = {"head_inputs": a.inputs(2, **{"data/test.jsonl": a.sha("easier")})}
    pull = snapshot(measured_yet=measured_yet, released=False, facts_changes=changes)
    sentence = "**⚠ This pull request changes the test rows that models are measured by, so its"
    assert sentence in comment_of(pull)
    assert check_of(pull).summary.startswith(sentence)


def tried(*keys: str, **runs: Any) -> Snapshot:
    """A pull request whose comment remembers earlier keys, with a run of each."""
    said = Comment(2, a.BOT, True, MARKER.format(" ".join(keys)))
    earlier = [
        a.run_of(None, key=key, number=number, **runs) for number, key in enumerate(keys, 10)
    ]
    pull = snapshot(comments=(said,))
    facts = pull.models[0]
    return replace(pull, models=(replace(facts, runs=(*earlier, *facts.runs)),))


def test_a_single_measurement_is_no_remark() -> None:
    assert "measured at least" not in comment_of(snapshot())


def test_every_measurement_of_a_pull_request_is_counted_and_remembered() -> None:
    keys = ("0" * 16, "1" * 16)
    body = comment_of(tried(*keys))
    assert "measured at least 3 times in this pull request (3 run keys)" in body
    assert keys_in(body) == (*keys, a.forward_key())
    (again,) = of_kind(decide(tried(*keys_in(body))), UpsertComment)
    assert keys_in(again.body) == keys_in(body)


def test_attempts_count_and_runs_of_others_do_not() -> None:
    assert "at least 4 times in this pull request (2 run keys)" in comment_of(
        tried("0" * 16, attempt=3)
    )
    assert "measured at least" not in comment_of(tried("0" * 16, path=".github/workflows/x.yml"))
    assert "measured at least" not in comment_of(
        tried("0" * 16, title="finetune other " + "0" * 16)
    )


def test_one_run_with_several_artifacts_counts_its_attempts_once() -> None:
    listed = [a.run_of(None, attempt=2, number=5, artifact=n) for n in (1, 2)]
    found = tries(
        listed,
        model=a.MODEL,
        keys=[a.forward_key()],
        repository=a.REPOSITORY,
        branch="main",
        bot=a.BOT,
    )
    assert (found.runs, found.keys) == (2, 1)


def test_changing_everything_back_for_a_while_does_not_forget() -> None:
    said = Comment(2, a.BOT, True, MARKER.format("0" * 16))
    emptied = snapshot(files=(ChangedFile("README.md"),), models=(), comments=(said,))
    assert keys_in(comment_of(emptied)) == ("0" * 16,)
    undecided = snapshot(files_truncated=True, comments=(said,))
    assert keys_in(comment_of(undecided)) == ("0" * 16,)


def test_a_comment_remembers_the_latest_keys_and_those_of_now() -> None:
    many = [f"{number:016x}" for number in range(MOST_KEYS + 20)]
    kept = remembered(many, [many[0]]).split()
    assert len(kept) == MOST_KEYS
    assert kept[-2:] == [many[-1], many[0]]


def test_a_key_that_is_none_is_not_read() -> None:
    assert keys_in(MARKER.format("x <b> 0123456789abcdef")) == ("0123456789abcdef",)
    assert keys_in("0123456789abcdef") == ()
