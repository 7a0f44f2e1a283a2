"""The example's files are what its generator writes; they hold what the dataset card promises."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from examples.support_triage.__main__ import generated
from examples.support_triage.base_text import chats, copying, reading
from examples.support_triage.labelled_rows import LARGEST_LIKENESS, likeness, word_runs
from examples.support_triage.lexicon import lexicon

MODEL = Path(__file__).parents[2] / "models" / "support-triage"
SPLITS = ("train", "validation", "test")


def rows(split: str) -> list[dict[str, Any]]:
    text = (MODEL / "data" / f"{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def said(row: dict[str, Any]) -> str:
    text: str = row["messages"][1]["content"]
    return text


def label(row: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(row["messages"][2]["content"])
    return value


@pytest.mark.parametrize("name", sorted(generated()))
def test_committed_files_are_what_the_generator_writes(name: str) -> None:
    assert (MODEL / name).read_text(encoding="utf-8") == generated()[name]


def test_every_row_fits_the_contract() -> None:
    contract = yaml.safe_load((MODEL / "contract" / "contract.yml").read_text())
    folder = MODEL / "contract"
    asked = Draft202012Validator(json.loads((folder / contract["input_schema"]).read_text()))
    answered = Draft202012Validator(json.loads((folder / contract["output_schema"]).read_text()))
    for split in SPLITS:
        for row in rows(split):
            asked.validate(said(row))
            answered.validate(label(row))
            assert set(contract["key_fields"]) <= set(label(row))


def test_what_is_copied_stands_in_the_ticket() -> None:
    for split in SPLITS:
        for row in rows(split):
            facts = label(row)
            assert facts["order_id"] is None or facts["order_id"] in said(row)
            assert facts["product"] is None or facts["product"] in said(row).lower()


def test_a_null_product_is_named_nowhere() -> None:
    products = lexicon().product_names
    nameless = [row for split in SPLITS for row in rows(split) if label(row)["product"] is None]
    assert nameless
    for row in nameless:
        assert not [name for name in products if name in said(row).lower()]


def test_no_two_rows_are_alike_within_or_across_splits() -> None:
    by_issue: dict[str, list[frozenset[str]]] = {}
    for split in SPLITS:
        for row in rows(split):
            by_issue.setdefault(label(row)["summary"].split(" - ")[0], []).append(
                word_runs(said(row))
            )
    for kept in by_issue.values():
        for index, left in enumerate(kept):
            assert all(likeness(left, right) <= LARGEST_LIKENESS for right in kept[index + 1 :])


def test_identifiers_are_unique() -> None:
    assert max(Counter(row["id"] for split in SPLITS for row in rows(split)).values()) == 1


def test_a_third_of_the_test_rows_use_wordings_that_no_other_split_has() -> None:
    elsewhere = {row["wording"] for split in ("train", "validation") for row in rows(split)}
    test = rows("test")
    held_out = [row for row in test if row["wording"] not in elsewhere]
    assert all(row["wording"].startswith("held-out/") for row in held_out)
    assert len(held_out) >= max(100, len(test) / 3)
    assert len({row["wording"] for row in held_out}) >= 80


def test_the_base_text_has_no_sentence_of_the_rows_and_no_label() -> None:
    text = "\n".join(
        part
        for document in [*copying(), *reading(), *chats()]
        for part in (document.get("text"), *(m["content"] for m in document.get("messages", ())))
        if part
    ).lower()
    patterns = [
        _pattern(sentence)
        for issue in lexicon().issues
        for sentence in (*issue.seen, *issue.held_out)
    ]
    assert _pattern(lexicon().issues[0].heard[0]).search(text)
    assert not [pattern for pattern in patterns if pattern.search(text)]
    assert '"category":' in text
    assert not [
        line for line in text.splitlines() if '"category":' in line and '"priority"' in line
    ]


def _pattern(sentence: str) -> re.Pattern[str]:
    """Match `sentence` in lower case, with any of its choices and any product."""
    marked = re.sub(r"\(([^()]*\|[^()]*)\)", r"<\1>", sentence.lower())
    parts = re.split(r"(<[^<>]*>|\{thing\})", marked)
    return re.compile("".join(_part(part) for part in parts))


def _part(part: str) -> str:
    if part == "{thing}":
        return r"[a-z ]{2,30}"
    if part.startswith("<"):
        return "(?:" + "|".join(re.escape(choice) for choice in part[1:-1].split("|")) + ")"
    return re.escape(part)


def test_no_sentence_is_in_two_lists() -> None:
    for issue in lexicon().issues:
        sentences = [*issue.heard, *issue.seen, *issue.held_out]
        assert len(set(sentences)) == len(sentences)
        assert all(sentence.count("{thing}") == 1 for sentence in sentences)


def test_the_card_counts_its_rows() -> None:
    card = (MODEL / "data" / "README.md").read_text(encoding="utf-8")
    for split in SPLITS:
        assert f"| {split} | {len(rows(split)):,} |" in card
    held_out = [row for row in rows("test") if row["wording"].startswith("held-out/")]
    others = {row["wording"] for row in held_out}
    assert f"{len(held_out)} rows of {len(others)} others" in card
    assert f"| train | 1,470 | {len({row['wording'] for row in rows('train')})} |" in card
