"""Each gate finds what was planted for it, at its line, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from countersign_ml.rows.gating.all_gates import GATES, gate
from countersign_ml.rows.gating.gating_report import report
from countersign_ml.rows.read.json_schemas import load_schema
from countersign_ml.rows.read.row_rules import RowRules
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.read.tally import SHOWN
from policy.files.rules import DataRules
from policy.gates.judge import DATA_GATES, judge_data
from policy.verdict import Outcome
from tests.policy import builders as b
from tests.rows.files import counts, facts, gated, question, row, said, write

CLEAN = 60
PLACE = 41
SYSTEM = "You are the clerk of a small archive and never speak of the weather."
RULES = DataRules(licences=("CC0-1.0",), canaries=("CANARY-7f3a",), near_jaccard=0.8)


def planted(folder: Path, defect: dict[str, Any] | bytes) -> Path:
    rows: list[dict[str, Any] | bytes] = [row(number) for number in range(CLEAN)]
    rows.insert(PLACE - 1, defect)
    return write(folder / "train.jsonl", rows)


def asking(text: str, **changes: Any) -> dict[str, Any]:
    return row(900, messages=said(("user", text), ("assistant", "answer 900")), **changes)


def test_clean_rows_are_named_by_no_gate(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", [row(number) for number in range(CLEAN)])
    found = gated(("train", path), rules=RULES)
    assert counts(found) == {}
    assert found.rows == CLEAN


def test_the_gates_are_those_that_the_policy_asks_for() -> None:
    assert {each.name for each in GATES} == set(DATA_GATES)
    assert all(each.reason and each.remedy for each in GATES)


@pytest.mark.parametrize(
    ("defect", "name", "field", "message"),
    [
        (b'{"id": "r-900", ', "contract", "", "not valid JSON"),
        (row(900, messages=said(("user", "hm"), ("assistant", " "))), "contract", "messages.1",
         "empty"),
        (row(900, messages=said(("user", "a"), ("user", "b"), ("assistant", "c"))), "contract",
         "messages.1", "two user turns"),
        (row(900, approved=None), "approved", "approved", "not approved"),
        (row(900, licence="secret"), "provenance", "licence", "allow the licence 'secret'"),
        (row(900, consent=False), "provenance", "consent", "refused"),
        (row(900, messages=said(("user", f" {question(7).upper()}"), ("assistant", "answer 7"))),
         "duplicates", "messages", "as line 8"),
        (row(900, id="r-7"), "duplicates", "id", "as line 8"),
        (asking(question(7) + " besides"), "near_duplicates", "messages",
         "nearly the same question as line 8"),
        (asking("see <|im_start|>system"), "prompt_leaks", "messages.0", "<|im_start|>"),
        (asking(b"see \\u003c|eot_id|\\u003e".decode("unicode_escape")), "prompt_leaks",
         "messages.0", "<|eot_id|>"),
        (asking("then [/INST] ends"), "prompt_leaks", "messages.0", "[/INST]"),
        (asking("found CANARY-7f3a here"), "prompt_leaks", "messages.0", "canary"),
        (row(900, messages=said(("system", SYSTEM), ("user", "who are you today?"),
                                ("assistant", f"I was told: {SYSTEM}"))),
         "prompt_leaks", "messages.2", "repeats"),
        (asking("write to ada.lovelace@analytical-engines.org please"), "pii", "messages.0",
         "email"),
        (asking("pay with 4111 1111 1111 1111 today"), "pii", "messages.0", "card"),
        (asking("the key is AKIAIOSFODNN7EXAMPLQ, keep it"), "secrets", "messages.0", "aws"),
    ],
)  # fmt: skip
def test_a_planted_defect_is_found_at_its_line(
    tmp_path: Path, defect: dict[str, Any] | bytes, name: str, field: str, message: str
) -> None:
    found = gated(("train", planted(tmp_path, defect)), rules=RULES)
    (finding,) = facts(found, name).findings
    assert (finding.file, finding.line, finding.field) == ("train.jsonl", PLACE, field)
    assert message in finding.message
    assert finding.id == ("" if isinstance(defect, bytes) else defect["id"])
    assert counts(found) == {name: 1}


def test_a_conflict_names_both_places(tmp_path: Path) -> None:
    other = row(900, messages=said(("user", question(7)), ("assistant", "otherwise")))
    found = gated(("train", planted(tmp_path, other)), rules=RULES)
    (finding,) = facts(found, "label_conflicts").findings
    assert (finding.line, finding.id) == (PLACE, "r-900")
    assert "train.jsonl:8" in finding.message
    assert counts(found) == {"label_conflicts": 1, "duplicates": 1}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (question(7), {"leakage"}),
        (f"  {question(7).upper()}\t", {"leakage"}),
        (question(7) + "!", {"near_leakage", "ngram_leakage"}),
        (question(7) + " besides", {"near_leakage", "ngram_leakage"}),
        (f"{question(7, 13)} {question(300, 40)}", {"ngram_leakage"}),
        (f"{question(300, 40)} {question(7, 13)}.", {"ngram_leakage"}),
        (f"{question(7, 12)} {question(300, 40)}", set()),
        (question(7, 4).replace(" ", "-") + "?", set()),
    ],
)
def test_a_test_row_that_is_trained_on_is_found_in_the_test_file(
    tmp_path: Path, text: str, names: set[str]
) -> None:
    leak = row(900, messages=said(("user", text), ("assistant", "answer 7")))
    train = write(tmp_path / "train.jsonl", [row(number) for number in range(CLEAN)])
    test = write(tmp_path / "test.jsonl", [row(200), row(201), leak])
    found = gated(("train", train), ("test", test), rules=RULES)
    assert counts(found) == dict.fromkeys(names, 1)
    for name in names:
        (finding,) = facts(found, name).findings
        assert (finding.file, finding.line, finding.id) == ("test.jsonl", 3, "r-900")
        assert "train.jsonl:8" in finding.message


def test_words_that_many_training_rows_share_are_no_leak(tmp_path: Path) -> None:
    lead = question(500, 15)

    def led(number: int) -> dict[str, Any]:
        text = f"{lead} {question(number, 40)}"
        return row(number, messages=said(("user", text), ("assistant", f"answer {number}")))

    for rows, leaks in ((10, 1), (11, 0)):
        train = write(
            tmp_path / "train.jsonl",
            [led(number) if number < rows else row(number) for number in range(CLEAN)],
        )
        test = write(tmp_path / "test.jsonl", [row(200), led(300)])
        found = gated(("train", train), ("test", test), rules=RULES)
        assert facts(found, "ngram_leakage").count == leaks
        two = gated(("train", train), ("test", test), rules=RULES, workers=2)
        assert two.facts == found.facts


@pytest.mark.parametrize("other", ["Has my top-up gone through?", "has my TOP UP, gone through"])
def test_punctuation_hides_neither_a_copy_nor_a_conflict(tmp_path: Path, other: str) -> None:
    first = asking("Has my top up gone through?")
    for answer, names in (
        ("answer 900", {"near_duplicates"}),
        ("no", {"near_duplicates", "label_conflicts"}),
    ):
        copy = row(901, messages=said(("user", other), ("assistant", answer)))
        found = gated(("train", write(tmp_path / "train.jsonl", [row(1), first, copy])))
        assert counts(found) == dict.fromkeys(names, 1)
        for name in names:
            (finding,) = facts(found, name).findings
            assert (finding.line, finding.id) == (3, "r-901")
            assert "but for punctuation" in finding.message
            assert "2" in finding.message


@pytest.mark.parametrize(
    ("one", "other"),
    [("3+5", "3*5"), ("1.5", "15"), ("-5", "5"), ("x - y", "x y"), (".env", "env")],
)
def test_punctuation_that_changes_the_meaning_is_no_conflict(
    tmp_path: Path, one: str, other: str
) -> None:
    rows: list[dict[str, Any] | bytes] = [
        row(number, messages=said(("user", f"What is {text}?"), ("assistant", f"{number}")))
        for number, text in enumerate((one, other))
    ]
    assert counts(gated(("train", write(tmp_path / "train.jsonl", rows)))) == {}


def test_a_group_in_two_splits_is_found(tmp_path: Path) -> None:
    train = write(
        tmp_path / "train.jsonl",
        [row(n) | ({"group": f"c{n}"} if n > 9 else {}) for n in range(20)],
    )
    test = write(tmp_path / "test.jsonl", [row(100), row(101, group="c12"), row(102, group="new")])
    found = gated(("train", train), ("test", test))
    assert counts(found) == {"splits": 1}
    (finding,) = facts(found, "splits").findings
    assert (finding.file, finding.line, finding.id) == ("test.jsonl", 2, "r-101")
    assert "train.jsonl:13" in finding.message


@pytest.mark.parametrize(
    ("rules", "said_of_it"),
    [
        (DataRules(max_answer_share=0.3), "have the same answer"),
        (DataRules(max_duplicate_answer_share=0.3), "answer that another row also has"),
        (DataRules(max_prefix_share=0.3), "begin with the same 32 bytes"),
        (DataRules(max_group_share=0.3), "belong to one group"),
        (DataRules(min_groups=9), "groups, at least 9 required"),
    ],
)
def test_rows_that_are_all_alike_are_named(
    tmp_path: Path, rules: DataRules, said_of_it: str
) -> None:
    lead = "In the matter of the small archive: "
    rows: list[dict[str, Any] | bytes] = [
        row(n, group="a" if n % 2 else f"b{n % 6}",
            messages=said(("user", (lead if n % 2 else "") + question(n)),
                          ("assistant", "yes" if n % 2 else f"no {n}")))
        for n in range(40)
    ]  # fmt: skip
    path = write(tmp_path / "train.jsonl", rows)
    found = gated(("train", path), rules=rules)
    assert counts(found) == {"diversity": 1}
    assert said_of_it in facts(found, "diversity").findings[0].message
    assert counts(gated(("train", path))) == {}


def test_counts_are_whole_where_findings_are_cut_whatever_the_number_of_processes(
    tmp_path: Path,
) -> None:
    rows: list[dict[str, Any] | bytes] = [
        row(number, messages=said(("user", f"{question(number % 3000)} {'x ' * 300}"),
                                  ("assistant", "y")), approved=number % 2 == 0)
        for number in range(4000)
    ]  # fmt: skip
    path = write(tmp_path / "train.jsonl", rows)
    assert path.stat().st_size > 2 << 20, "several chunks are needed"
    one, two = gated(("train", path)), gated(("train", path), workers=2)
    assert one.facts == two.facts
    approved, copies = facts(one, "approved"), facts(one, "duplicates")
    assert (approved.count, len(approved.findings)) == (2000, SHOWN)
    assert (copies.count, copies.findings[0].line) == (1000, 3001)


def test_other_processes_know_the_schemas_too(tmp_path: Path) -> None:
    schema = load_schema('{"type": "string", "maxLength": 9}', "output.schema.json")
    rules = RowRules.of(DataRules(), output_schema=schema)
    assert rules.output_checker is not None, "made once before it is sent"
    path = write(tmp_path / "rows.jsonl", [row(5), row(1234)])
    found = gate([("rows", Source(str(path), "r"))], rules, DataRules(), workers=2)
    assert [each.line for each in facts(found, "contract").findings] == [2]


GERMAN = "Guten Tag, ich warte seit drei Wochen auf meine Bestellung mit der Nummer"
ENGLISH = "Good morning, I have been waiting for my parcel for three weeks, the number is"


def spoken(tmp_path: Path, german: int, rows: int = 40) -> Path:
    """Return a file whose first rows are English and whose last `german` rows are not."""
    texts = [ENGLISH if number < rows - german else GERMAN for number in range(rows)]
    made: list[dict[str, Any] | bytes] = [
        row(number, messages=said(("user", f"{text} {number}"), ("assistant", f"a {number}")))
        for number, text in enumerate(texts)
    ]
    return write(tmp_path / "train.jsonl", made)


@pytest.mark.parametrize(
    ("languages", "line", "message"),
    [
        ({"allowed": ["en"], "max_other_share": 0.1}, 31, "25.0% of the training rows are in"),
        ({"allowed": ["en", "de"], "min_share": {"de": 0.3}}, 1, "25.0% of the training rows"),
        ({"allowed": ["en"], "max_other_share": 0.25}, 0, ""),
        ({"allowed": ["en", "de"], "min_share": {"de": 0.2, "en": 0.7}}, 0, ""),
    ],
)
def test_rows_in_other_languages_than_were_meant_are_named(
    tmp_path: Path, languages: dict[str, Any], line: int, message: str
) -> None:
    pytest.importorskip("py3langid")
    rules = DataRules.model_validate({"languages": languages, "max_prefix_share": 1})
    tally = facts(gated(("train", spoken(tmp_path, 10)), rules=rules), "diversity")
    assert [(each.line, message in each.message) for each in tally.findings] == (
        [(line, True)] if line else []
    )
    if line:
        assert "40 of 40 rows were checked" in tally.findings[0].message
        assert tally.findings[0].id == ("r-30" if line > 1 else "")


def test_languages_that_nobody_could_look_at_do_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = DataRules.model_validate({"languages": {"allowed": ["en"]}, "max_prefix_share": 1})
    path = spoken(tmp_path, 0)
    monkeypatch.setattr("countersign_ml.rows.gates.languages.guesser", lambda: None)
    found = gated(("train", path), rules=rules)
    assert "py3langid is missing" in facts(found, "diversity").not_run
    judged = {leaf.name: leaf.outcome for leaf in judge_data(b.policy(), found.facts).leaves()}
    assert judged["diversity"] is Outcome.ERRORED
    assert judged["splits"] is Outcome.PASSED
    made = report(found, rules, whole=False)
    assert made["outcome"] == "failed"
    short: list[dict[str, Any] | bytes] = [
        row(number, messages=said(("user", f"ok {number}"), ("assistant", f"a {number}")))
        for number in range(30)
    ]
    monkeypatch.undo()
    found = gated(("train", write(tmp_path / "short.jsonl", short)), rules=rules)
    assert "has 20 letters" in facts(found, "diversity").not_run


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"max_length_share": 0.6}, "75.0% of the training rows have questions of 16 to 31 words"),
        (
            {"lengths": [{"min_words": 16, "max_words": 31, "max_share": 0.7}]},
            "31 words; the limit",
        ),
        ({"lengths": [{"max_words": 8, "min_share": 0.3}]}, "25.0% of the training rows have ques"),
        ({"lengths": [{"min_words": 100, "min_share": 0.1}]}, "0.0% of the training rows have"),
        ({"lengths": [{"max_words": 8, "min_share": 0.2, "max_share": 0.3}]}, ""),
        ({"max_length_share": 0.75}, ""),
    ],
)
def test_rows_of_one_length_are_named(tmp_path: Path, rules: dict[str, Any], message: str) -> None:
    rows: list[dict[str, Any] | bytes] = [
        row(n, messages=said(("user", question(n, 20 if n % 4 else 6)), ("assistant", f"a {n}")))
        for n in range(40)
    ]
    found = gated(
        ("train", write(tmp_path / "train.jsonl", rows)), rules=DataRules.model_validate(rules)
    )
    messages = [each.message for each in facts(found, "diversity").findings]
    assert len(messages) == (1 if message else 0)
    assert message in "".join(messages)
