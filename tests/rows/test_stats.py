"""`countersign data stats`: figures worked out by hand, and a picture that is sound XML."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.rows.read.formats import Turn
from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.statistics.stats_command import main
from countersign_ml.rows.statistics.stats_distance import jensen_shannon, psi
from countersign_ml.rows.statistics.stats_measure import DataStats, measure
from countersign_ml.rows.statistics.stats_svg import render
from policy.errors import UserError

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50), max_size=6)


def row(line: int, asked: str, said: str, **metadata: object) -> Row:
    turns = (Turn("user", asked), Turn("assistant", said))
    return Row(f"line-{line}", turns, metadata, line, "f", "messages")


@given(COUNTS, COUNTS)
def test_distances_are_symmetric_and_zero_for_the_same(
    one: dict[str, int], other: dict[str, int]
) -> None:
    for distance in (jensen_shannon, psi):
        assert distance(one, other) == distance(other, one)
        assert distance(one, one) in (0, None)
        found = distance(one, other)
        assert found is None or found >= 0
    assert (jensen_shannon(one, other) or 0) <= 1


def test_distances_of_known_counts() -> None:
    assert jensen_shannon({"a": 1}, {"b": 9}) == 1.0
    assert psi({"a": 10**9, "b": 10**9}, {"a": 3 * 10**9, "b": 10**9}) == 0.274653  # ln 3 / 4
    assert psi({}, {"a": 1}) is None


def test_lengths_and_repetitions() -> None:
    rows = [row(n, "Where is it? " + "x" * n, "yes" if n % 2 else "No ") for n in range(1, 101)]
    rows.append(row(101, "where  is IT? x", "no"))
    found = measure(rows)
    assert (found.prompt_characters.median, found.prompt_characters.p95) == (63, 108)
    assert (found.prompt_characters.least, found.prompt_characters.longest) == (14, 113)
    assert (
        sum(found.prompt_characters.histogram.counts) + found.prompt_characters.histogram.over
        == 101
    )
    assert found.duplicate_question_share == round(1 / 101, 6)
    assert found.duplicate_answer_share == round(99 / 101, 6)
    assert found.same_prefix_share == round(82 / 101, 6)  # 13 letters and 19 or more of x: 32 bytes


def test_shares_of_fields() -> None:
    found = measure([row(n, "q", '{"label": "x"}', team="ab"[n % 2]) for n in range(10)])
    assert {one.field: one.values for one in found.fields} == {"answer.label": 1, "team": 2}
    assert [(one.value, one.rows, one.share) for one in found.fields[1].largest] == [
        ("a", 5, 0.5),
        ("b", 5, 0.5),
    ]


def test_nothing_is_zero_rows() -> None:
    found = measure([])
    assert (found.rows, found.duplicate_answer_share, found.prompt_tokens) == (0, 0.0, None)
    assert ElementTree.fromstring(render(found, "nothing")).tag.endswith("svg")


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=5))
def test_the_picture_is_sound_whatever_rows_hold(title: str, values: list[str]) -> None:
    rows = [row(n, value, value, **{value or "k": value}) for n, value in enumerate(values, 1)]
    picture = render(measure(rows, ["answer"]), title)
    root = ElementTree.fromstring(picture)
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds <= {"svg", "style", "rect", "text", "g", "title", "line"}


def test_the_command_tells_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "rows.jsonl", tmp_path / "rows.svg"
    path.write_text('{"prompt":"Wo ist mein Paket geblieben?","completion":"da"}\n' * 3)
    assert main([str(path), "--svg", str(out)]) == 0
    told = capsys.readouterr().out
    assert "rows: 3 (3 prompt-completion)" in told
    assert "rows that repeat an answer: 66.7%" in told
    assert "prefers-color-scheme: dark" in out.read_text()
    with pytest.raises(UserError, match="already exists"):
        main([str(path), "--svg", str(out)])


def test_json_has_the_documented_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt":"a","completion":"b"}\n{broken\n')
    assert main([str(path), "--json"]) == 1
    found = DataStats.model_validate(json.loads(capsys.readouterr().out))
    assert (found.rows, [place.line for place in found.unreadable.first]) == (1, [2])


def test_tokens_are_counted_by_a_tokenizer_of_this_machine(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?")
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    from countersign_ml.rows.statistics.stats_command import _tokenizer

    rows = [row(n, "a b a", "b") for n in range(300)]
    found = measure(rows, tokens=_tokenizer(tmp_path / "tokenizer.json"))
    assert found.prompt_tokens is not None
    assert found.answer_tokens is not None
    assert (found.prompt_tokens.total, found.answer_tokens.total) == (900, 300)


@pytest.mark.parametrize("content", ["{}", "", "no json"])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    pytest.importorskip("tokenizers")
    path = tmp_path / "t.json"
    path.write_text(content)
    (tmp_path / "rows").write_text("")
    with pytest.raises(UserError, match="not a tokenizer"):
        main([str(tmp_path / "rows"), "--tokenizer", str(path)])


def test_languages_are_guessed_without_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("py3langid")
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"prompt":"Wo ist mein Paket geblieben, ich warte seit Tagen?","completion":"x"}\n'
        '{"prompt":"Where is my parcel, I have been waiting for days?","completion":"x"}\n'
        '{"prompt":"hm","completion":"x"}\n'
    )
    assert main([str(path), "--language", "--json"]) == 0
    found = DataStats.model_validate(json.loads(capsys.readouterr().out))
    assert found.languages is not None
    assert {one.value for one in found.languages.largest} == {"de", "en", "too short"}


def test_broken_lines_are_counted_and_located() -> None:
    found = measure([Defect("f", 4, "", "", "no row")])
    assert (found.rows, found.unreadable.count, found.unreadable.first[0].line) == (0, 1, 4)
