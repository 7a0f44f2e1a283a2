"""`countersign data card`: facts are refreshed, what people wrote stays, what lacks is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.rows.card.card_command import main, size_category, unwritten
from countersign_ml.rows.card.front_matter import BEGIN, END, front_matter, with_facts
from policy.errors import UserError
from policy.files.dataset_card import parse_card

CARD = """---
# a person's comment
license: cc0-1.0
language: [en]  # flow style, and a comment
size_categories: [n<1K]

# about the splits
configs:
  - config_name: default
    data_files:
      - {split: train, path: rows.jsonl}
      - split: test
        path: 'test.jsonl'
countersign: # who answers
  source: "a shop"
  owner: ada
  version: 1.0.0
  guidelines: "#rules"
  review_cadence: yearly
  consent: given
  classification: public
---
# Tickets

Text with --- in it.
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    data = tmp_path / "models/tickets/data"
    data.mkdir(parents=True)
    row = '{"prompt":"a","completion":"b","licence":"CC-BY-4.0"}\n'
    (data / "rows.jsonl").write_text(row * 1200)
    (data / "test.jsonl").write_text(row * 7)
    return tmp_path


def card(repo: Path) -> Path:
    return repo / "models/tickets/data/README.md"


def told(repo: Path, *words: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        main(["tickets", "--repo", str(repo), *words])
    return [str(problem) for problem in caught.value.problems]


def test_only_facts_change(repo: Path) -> None:
    card(repo).write_text(CARD)
    assert main(["tickets", "--repo", str(repo)]) == 0
    text = card(repo).read_text()
    info = "dataset_info:\n  splits:\n  - name: train\n    num_examples: 1200\n"
    info += "  - name: test\n    num_examples: 7\n"
    expected = CARD.replace("size_categories: [n<1K]\n", "size_categories:\n- 1K<n<10K\n")
    assert text == expected.replace("public\n---\n", f"public\n{info}---\n")
    assert DatasetCard(text).data.get("size_categories") == ["1K<n<10K"]
    assert parse_card(text, "").splits == {"train": "rows.jsonl", "test": "test.jsonl"}


def test_refreshing_again_changes_nothing(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card(repo).write_text(CARD)
    main(["tickets", "--repo", str(repo)])
    before = card(repo).read_bytes()
    assert main(["tickets", "--repo", str(repo), "--check"]) == 0
    assert card(repo).read_bytes() == before
    assert "up to date" in capsys.readouterr().out


def test_a_check_writes_nothing_and_fails_where_facts_are_stale(repo: Path) -> None:
    card(repo).write_text(CARD)
    assert main(["tickets", "--repo", str(repo), "--check"]) == 1
    assert card(repo).read_text() == CARD


def test_a_check_locates_in_the_file_as_it_is(repo: Path) -> None:
    card(repo).write_text(CARD.replace("owner: ada", "owner: ''"))
    assert any("README.md:16 countersign.owner" in line for line in told(repo, "--check"))


def test_windows_line_ends_and_a_byte_order_mark_stay(repo: Path) -> None:
    card(repo).write_bytes(b"\xef\xbb\xbf" + CARD.replace("\n", "\r\n").encode())
    assert main(["tickets", "--repo", str(repo)]) == 0
    content = card(repo).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf---\r\n# a person")
    assert content.count(b"\n") == content.count(b"\r\n")


def test_the_table_stands_between_its_marks_and_nowhere_else(repo: Path) -> None:
    card(repo).write_text(f"{CARD}\nbefore {BEGIN}\nold\n{END} after\n")
    assert main(["tickets", "--repo", str(repo)]) == 0
    body = card(repo).read_text().partition("# Tickets")[2]
    assert "| train | rows.jsonl | 1,200 |" in body
    assert "old" not in body
    assert body.startswith("\n\nText with --- in it.\n\nbefore <!--")
    assert body.endswith("--> after\n")


def test_a_new_card_has_the_facts_and_asks_for_the_rest(repo: Path) -> None:
    said = told(repo)
    text = card(repo).read_text()
    data = DatasetCard(text).data
    assert (data.get("license"), data.get("size_categories")) == ("cc-by-4.0", ["1K<n<10K"])
    assert [one["split"] for one in data.get("configs")[0]["data_files"]] == ["test", "rows"]
    number = text.split("\n").index(next(n for n in text.split("\n") if "owner:" in n)) + 1
    place = f"models/tickets/data/README.md:{number} countersign.owner"
    assert f"{place}: not written yet; write who is responsible for them" in said
    assert any("language: not written yet" in line for line in said)


def test_a_new_card_is_whole_once_a_person_has_written_their_part(repo: Path) -> None:
    data = repo / "models/tickets/data"
    (data / "rows.jsonl").rename(data / "train.jsonl")
    told(repo)
    text = card(repo).read_text().replace("language: []", "language: [en]")
    text = re.sub(r'^  classification: ""', "  classification: internal", text, flags=re.M)
    card(repo).write_text(re.sub(r'^(  \w+): ""', r"\1: written", text, flags=re.M))
    assert main(["tickets", "--repo", str(repo)]) == 0
    assert parse_card(card(repo).read_text(), "").countersign.classification == "internal"


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("owner: ada", "owner: TODO", "README.md:17 countersign.owner: not written yet"),
        ("owner: ada\n", "\n", "countersign.owner: not written yet"),
        ("public", "secret", "README.md:22 countersign.classification: 'secret' is not a class"),
        ("[en]", "[]", "README.md:4 language: not written yet"),
        ("license: cc0-1.0\n", "license: cc0-1.0\nlicense: mit\n", "README.md:4: 'license'"),
        ("'test.jsonl'", "gone.jsonl", "names gone.jsonl for test, but the file is missing"),
        ("- {split: train, path: rows.jsonl}", "- 7", "configs.0.data_files.0"),
        ("language: [en]", "dataset_info: []\nlanguage: [en]", "lists several configurations"),
        ("---\n#", "---\n#", ""),
        ("# Tickets", f"# Tickets {END} {BEGIN}", "README.md:23: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_located(repo: Path, was: str, becomes: str, said: str) -> None:
    card(repo).write_text(CARD.replace(was, becomes))
    if not said:
        assert main(["tickets", "--repo", str(repo)]) == 0
        return
    assert any(said in line for line in told(repo)), told(repo)


def test_broken_rows_leave_the_card_alone(repo: Path) -> None:
    card(repo).write_text(CARD)
    (repo / "models/tickets/data/test.jsonl").write_text("{broken\n")
    assert any("test.jsonl:1: not valid JSON" in line for line in told(repo))
    assert card(repo).read_text() == CARD


def test_a_model_that_is_not_there_is_named(repo: Path) -> None:
    for name in ("other", "../tickets"):
        with pytest.raises(UserError, match="no such folder"):
            main([name, "--repo", str(repo)])


@given(
    st.lists(
        st.sampled_from(["# note", "", "tags: [x, y]", "extra:\n  - 1 # one", "z: 'q'"]),
        unique=True,
    ),
    st.integers(1, 10**7),
)
def test_other_keys_and_comments_keep_their_bytes(people: list[str], rows: int) -> None:
    text = "---\n" + "".join(f"{part}\n" for part in people) + "---\nbody\n"
    facts = {"size_categories": [size_category(rows)], "dataset_info": {"splits": [rows]}}
    once = with_facts(text, facts, "card")
    other = {"size_categories": ["n<1K"], "dataset_info": {"splits": []}}
    assert with_facts(once, facts, "card") == once
    assert with_facts(with_facts(once, other, "card"), facts, "card") == once
    kept = [line for line in once.split("\n") if line in text.split("\n")]
    assert kept == text.split("\n")
    assert front_matter(once, "card")[0]["size_categories"] == [size_category(rows)]


def test_nothing_is_asked_of_a_whole_card() -> None:
    assert unwritten(CARD, "card") == []


@pytest.mark.parametrize(
    ("rows", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**9, "1B<n<10B")],
)
def test_size_categories_are_those_of_the_hub(rows: int, name: str) -> None:
    assert size_category(rows) == name
