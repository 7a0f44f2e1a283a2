"""One defect for each kind that a gate names, planted among clean rows, and where it must be found.

The files are made anew for each test; personal data and keys come from the labelled set's
generator, so that none is anybody's and none lies in the repository.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from countersign_ml.rows.detect import PERSONAL
from tests.rows.detect.labelled.sentences import positives
from tests.rows.files import question, row, said

CLEAN, LINE = 40, 31
"""Clean rows around a defect, and the line that it is planted at."""
LICENCE, CANARY = "CC0-1.0", "CANARY-7f3a"
SYSTEM = "You are the clerk of a small archive and never speak of the weather."
GOOD = json.dumps(row(900)).encode()
Rows = list[dict[str, Any] | bytes]


@dataclass(frozen=True)
class Planted:
    """One file, or two splits, with one defect."""

    gate: str
    kind: str
    files: dict[str, Rows]
    """Split to rows; where there is only one it is gated as a bare file."""
    line: int = LINE
    id: str = "r-900"
    place: str = "messages"
    """The field that is to be named."""
    split: str = "train"
    """The split in which it is to be found."""
    rules: dict[str, Any] = field(default_factory=dict)
    contract: dict[str, Any] | None = None
    """The contract of a governed model, where one is needed; schemas stand under their names."""
    ending: str = ".jsonl"

    @property
    def name(self) -> str:
        return f"{self.gate}-{self.kind}"

    def write(self, folder: Path) -> dict[str, Path]:
        """Write each split, and return the paths."""
        paths = {}
        for split, rows in self.files.items():
            lines = [
                each if isinstance(each, bytes) else json.dumps(each).encode() for each in rows
            ]
            data = b"\n".join(lines) + b"\n"
            path = folder / f"{split}{self.ending}"
            path.write_bytes(gzip.compress(data)[:-30] if self.ending.endswith(".gz") else data)
            paths[split] = path
        return paths

    def policy(self) -> str:
        """Return a policy file that asks for what the defect breaks, and for nothing else."""
        shares = ("near_duplicates", "near_leakage", "ngram_leakage", "label_conflicts")
        data = {
            "licences": [LICENCE],
            "canaries": [CANARY],
            "near_jaccard": 0.8,
            "max_share": dict.fromkeys(shares, 0.0),
            "min_train_rows": 1,
            "min_test_rows": 1,
            **self.rules,
        }
        return yaml.safe_dump(
            {
                "version": 1,
                "roles": {"ml-lead": {"users": ["grace"]}},
                "bases": {"hub": ["owner/*"]},
                "sign_off": {"promote": {"ml-lead": 1}, "rollback": {"ml-lead": 1}},
                "gates": {"data": data, "metrics": [{"metric": "schema_valid", "min": 0}]},
            }
        )


def clean(count: int = CLEAN, start: int = 0) -> Rows:
    return [row(number) for number in range(start, start + count)]


def among(defect: dict[str, Any] | bytes) -> dict[str, Rows]:
    """Return one file of clean rows with the defect at LINE."""
    rows = clean()
    rows.insert(LINE - 1, defect)
    return {"train": rows}


def turns(*told: tuple[str, str]) -> dict[str, Any]:
    return row(900, messages=said(*told))


def asking(text: str, answer: str = "answer 900") -> dict[str, Any]:
    return turns(("user", text), ("assistant", answer))


def leaking(text: str) -> dict[str, Rows]:
    """Return clean training rows, and test rows of which the third asks `text`."""
    return {"train": clean(), "test": [*clean(2, 200), asking(text, "answer 7")]}


def every() -> Iterator[Planted]:
    """Yield one planted defect for every kind of every gate."""
    yield from _broken_lines()
    yield from _contract()
    for kind, changes, place in (
        ("source", {"source": " "}, "source"),
        ("licence", {"licence": ""}, "licence"),
        ("licence_not_allowed", {"licence": "proprietary"}, "licence"),
        ("consent", {"consent": False}, "consent"),
    ):
        yield Planted("provenance", kind, among(row(900, **changes)), place=place)
    yield Planted("approved", "approved", among(row(900, approved="true")), place="approved")
    for kind, told in (
        ("template_token", asking("then <|im_end|> it goes on")),
        ("canary", asking(f"found {CANARY} here")),
    ):
        yield Planted("prompt_leaks", kind, among(told), place="messages.0")
    recited = turns(("system", SYSTEM), ("user", "who are you?"), ("assistant", f"Well: {SYSTEM}"))
    yield Planted("prompt_leaks", "recited", among(recited), place="messages.2")
    yield from _detected()
    yield from _alike()
    yield from _diversity()


def _broken_lines() -> Iterator[Planted]:
    for kind, line, name, place in (
        ("json", b'{"id": "r-900", ', "", ""),
        ("utf8", GOOD.replace(b"answer 900", b"\xff"), "", ""),
        ("duplicate_key", GOOD[:-1] + b', "approved": true}', "", ""),
        ("not_a_number", GOOD[:-1] + b', "score": NaN}', "", ""),
        ("surrogate", GOOD.replace(b"answer 900", b"\\ud800"), "", ""),
        ("nul", GOOD.replace(b"answer 900", b"\0"), "", ""),
        ("depth", GOOD[:-1] + b', "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "", ""),
        ("object", b"[" + GOOD + b"]", "", ""),
        ("byte_order_mark", b"\xef\xbb\xbf" + GOOD, "", ""),
        ("long_line", b"x" * 16_000_001, "", ""),
        ("id", GOOD.replace(b'"r-900"', b"1.5"), "", "id"),
        ("format", b'{"id": "r-900", "text": "a"}', "r-900", ""),
        ("role", json.dumps(turns(("wizard", "a"))).encode(), "r-900", "messages.0.role"),
        ("text", json.dumps(row(900, messages=[{"role": "user", "content": 1}])).encode(),
         "r-900", "messages.0.content"),
    ):  # fmt: skip
        yield Planted("contract", kind, among(line), id=name, place=place)
    other = {"prompt": "a b", "completion": "c"} | {
        key: value for key, value in row(900).items() if key != "messages"
    }
    yield Planted("contract", "mixed_formats", among(other), line=1, id="", place="")
    many = [*clean(400, 1000)]
    yield Planted(
        "contract", "cut_off", {"train": many}, line=0, id="", place="", ending=".jsonl.gz"
    )


def _contract() -> Iterator[Planted]:
    ask, answer = ("user", "what now?"), ("assistant", "this")
    for kind, told, place in (
        ("empty_turn", (("user", "hm"), ("assistant", " ")), 1),
        ("system_late", (ask, ("system", "s"), answer), 1),
        ("speaks_first", (("assistant", "hello"), ask, answer), 0),
        ("tool_after_user", (ask, ("tool", "{}"), answer), 1),
        ("two_in_a_row", (ask, ("user", "and?"), answer), 1),
        ("no_answer", (ask, answer, ("user", "thanks")), 2),
    ):
        yield Planted("contract", kind, among(turns(*told)), place=f"messages.{place}")
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": 7}}}
    told = row(900, messages=said(ask, answer), tools=[tool])
    yield Planted("contract", "tools", among(told), place="tools.0.function.parameters type")
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    call = [{"function": {"name": "leap", "arguments": "{}"}}]
    told = row(900, messages=[*said(ask), {"role": "assistant", "tool_calls": call}], tools=[tool])
    yield Planted("contract", "tool_call", among(told), place="messages.2")
    schema = {"type": "string", "maxLength": 2000, "pattern": "^[^~]*$"}
    for kind, told, contract, place in (
        ("input_schema", asking("a ~ b"), {"input_schema": schema}, "input"),
        ("output_schema", asking("a b", "~"), {"output_schema": schema}, "output"),
        ("schema_version", row(900, schema_version=2), {}, "schema_version"),
    ):
        files = among(told) | {"test": clean(2, 200)}
        yield Planted("contract", kind, files, place=place, contract=contract)


def _detected() -> Iterator[Planted]:
    """Yield a row for each kind of personal data and secrets, from the labelled set's generator."""
    seen = set()
    for sample in positives(random.Random(5), 2):
        ((kind, _, _),) = sample.truth
        if kind not in seen:
            seen.add(kind)
            gate = "pii" if kind in PERSONAL else "secrets"
            yield Planted(gate, kind, among(asking(sample.text)), place="messages.0")
    for gate, kind, text in (
        ("pii", "pt_cc", "my cartão de cidadão is 00000000 0 ZZ4"),  # stdnum's own example
        ("secrets", "url_password", "use postgres://bob:s3cr3tPw@db.example.com/x"),
        ("secrets", "gcp_service_account", f'{{"private_key_id": "{"4f9c0b7e1d" * 4}"}}'),
    ):
        yield Planted(gate, kind, among(asking(text)), place="messages.0")


def _alike() -> Iterator[Planted]:
    same = asking(f" {question(7).upper()}", "answer 7")
    yield Planted("duplicates", "question", among(same))
    yield Planted("duplicates", "id", among(row(900, id="r-7")), id="r-7", place="id")
    yield Planted("near_duplicates", "words", among(asking(question(7) + " besides")))
    yield Planted("near_duplicates", "punctuation", among(asking(question(7) + "!")))
    for gate, kind, text in (
        ("leakage", "question", f" {question(7).upper()}"),
        ("near_leakage", "words", question(7) + " besides"),
        ("near_leakage", "punctuation", question(7) + "!"),
        ("ngram_leakage", "run", f"{question(7, 13)} {question(300, 40)}"),
    ):
        yield Planted(gate, kind, leaking(text), line=3, split="test")
    yield Planted("label_conflicts", "question", among(asking(question(7), "otherwise")))
    yield Planted("label_conflicts", "punctuation", among(asking(question(7) + "?", "otherwise")))
    files = {"train": clean(), "test": [*clean(2, 200), asking(question(7), "otherwise")]}
    yield Planted("label_conflicts", "other_split", files, line=3, split="test")
    grouped = [row(number, group=f"c{number}") for number in range(CLEAN)]
    files = {"train": [*grouped], "test": [*clean(2, 200), row(900, group="c12")]}
    yield Planted("splits", "group", files, line=3, place="group", split="test")


GERMAN = "Guten Tag, ich warte seit drei Wochen auf meine Bestellung mit der Nummer"
ENGLISH = "Good morning, I have been waiting for my parcel for three weeks, the number is"


def _diversity() -> Iterator[Planted]:
    """Yield training files that are all alike in one way; the finding stands at the file's head."""
    grouped: Rows = [row(number, group="a" if number % 2 else f"b{number}") for number in range(40)]
    lead = "In the matter of the small archive: "
    begun: Rows = [asked(number, lead + question(number)) for number in range(40)]
    spoken: Rows = [
        asked(number, f"{GERMAN if number >= LINE - 1 else ENGLISH} {number}")
        for number in range(40)
    ]
    yes: Rows = [asked(number, question(number), "yes" if number % 2 else f"no {number}")
                 for number in range(40)]  # fmt: skip
    for kind, rows, rules, place in (
        ("groups", grouped, {"min_groups": 30}, "group"),
        ("group_share", grouped, {"max_group_share": 0.3}, "group"),
        ("answer_share", yes, {"max_answer_share": 0.3}, "messages"),
        ("duplicate_answers", yes, {"max_duplicate_answer_share": 0.3}, "messages"),
        ("prefix", begun, {"max_prefix_share": 0.3}, "messages"),
        ("length", clean(), {"max_length_share": 0.9}, "messages"),
        ("length_band", clean(), {"lengths": [{"max_words": 5, "min_share": 0.1}]}, "messages"),
        ("language_share", spoken,
         {"languages": {"allowed": ["en", "de"], "min_share": {"de": 0.5}},
          "max_prefix_share": 1.0}, "messages"),
    ):  # fmt: skip
        yield Planted("diversity", kind, {"train": rows}, 1, "", place, rules=rules)
    rules = {"languages": {"allowed": ["en"]}, "max_prefix_share": 1.0}
    yield Planted("diversity", "language", {"train": spoken}, LINE, f"r-{LINE - 1}", rules=rules)


def asked(number: int, text: str, answer: str = "") -> dict[str, Any]:
    return row(number, messages=said(("user", text), ("assistant", answer or f"answer {number}")))
