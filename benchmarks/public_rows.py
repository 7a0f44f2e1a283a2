"""Rows of public text in seven shapes, for benchmarks: English, curly quotes, German, Chinese,
tools, Alpaca, and near duplicates from templates.

    python benchmarks/public_rows.py SHAPE ROWS FILE --data FOLDER [--german FILE]

FOLDER holds CLINC150, LLaMA-Factory's sample rows and BFCL, as they were published.
A row combines whole sentences of these files, in a different combination each, so that rows are as
similar and as different as the rows of one task. German sentences come from any text file.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SEED = 20_261_130
CURLY = str.maketrans({"'": "’", '"': "”"})
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*|\n+")
Row = dict[str, Any]


def clinc(data: Path) -> list[str]:
    """Return CLINC150's queries."""
    parts = json.loads((data / "clinc150.json").read_text(encoding="utf-8"))
    return [query for part in parts.values() for query, _ in part]


def alpaca(data: Path, language: str) -> list[Row]:
    """Return LLaMA-Factory's Alpaca rows."""
    file = data / f"llamafactory_alpaca_{language}_demo.json"
    rows: list[Row] = json.loads(file.read_text(encoding="utf-8"))
    return [row for row in rows if row["output"].strip()]


def sentences(texts: list[str], least: int) -> list[str]:
    """Return the sentences of texts that have `least` characters, each once."""
    found = (part.strip() for text in texts for part in _SENTENCE.split(text))
    return list(dict.fromkeys(part for part in found if len(part) >= least))


def chats(asked: list[str], said: list[str], rows: int, gap: str) -> Iterator[Row]:
    """Yield rows of one question and one answer, each made of three sentences."""
    draw = random.Random(SEED)
    for number in range(rows):
        question, answer = (gap.join(draw.choices(pool, k=3)) for pool in (asked, said))
        turns = [("user", question), ("assistant", answer)]
        yield _row(number) | {"messages": [{"role": r, "content": c} for r, c in turns]}


def _row(number: int) -> Row:
    return {"id": f"r-{number}", "approved": True, "source": "public", "licence": "CC-BY-4.0"}


def english(data: Path, rows: int, german: Path | None) -> Iterator[Row]:
    said = sentences([row["output"] for row in alpaca(data, "en")], 20)
    ascii_only = [part for part in said if part.isascii()]
    yield from chats([q for q in clinc(data) if q.isascii()], ascii_only, rows, ". ")


def curly(data: Path, rows: int, german: Path | None) -> Iterator[Row]:
    for row in english(data, rows, german):
        first, second = row["messages"]
        first["content"] = f"“{first['content'].translate(CURLY)}” – please"
        second["content"] = second["content"].translate(CURLY)
        yield row


def in_german(data: Path, rows: int, german: Path | None) -> Iterator[Row]:
    if german is None:
        raise SystemExit("name a text file with German sentences: --german FILE")
    pool = sentences([german.read_text(encoding="utf-8")], 30)
    yield from chats(pool, pool[::-1], rows, " ")


def chinese(data: Path, rows: int, german: Path | None) -> Iterator[Row]:
    told = alpaca(data, "zh")
    asked = sentences([row["instruction"] + row["input"] for row in told], 8)
    yield from chats(asked, sentences([row["output"] for row in told], 10), rows, "")


def tools(data: Path, rows: int, german: Path | None) -> Iterator[Row]:
    """Yield BFCL's tasks: the question, the declared functions, and a call of one of them."""
    lines = (data / "bfcl_multiple.json").read_text(encoding="utf-8").splitlines()
    tasks = [json.loads(line) for line in lines]
    answers = {
        task["id"]: task["ground_truth"]
        for task in map(json.loads, (data / "bfcl_multiple_answers.json").open(encoding="utf-8"))
    }
    asked, draw = clinc(data), random.Random(SEED)
    for number in range(rows):
        task = tasks[number % len(tasks)]
        ((name, given),) = answers[task["id"]][0].items()
        arguments = {key: values[0] for key, values in given.items() if values[0] != ""}
        call = {"name": name, "arguments": json.dumps(arguments)}
        question = f"{task['question'][0][0]['content']} {draw.choice(asked)} {draw.choice(asked)}"
        yield _row(number) | {
            "tools": [{"type": "function", "function": _schema(f)} for f in task["function"]],
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "tool_calls": [{"type": "function", "function": call}]},
            ],
        }


def _schema(function: Row) -> Row:
    """Return a function with JSON Schema's type names, which BFCL writes as Python's."""
    names = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
    text = json.dumps(function)
    for old, new in names.items():
        text = text.replace(f'"type": "{old}"', f'"type": "{new}"')
    value: Row = json.loads(text)
    return value


def alpaca_rows(data: Path, rows: int, german: Path | None) -> Iterator[Row]:
    told, asked, draw = alpaca(data, "en"), clinc(data), random.Random(SEED)
    said = sentences([row["output"] for row in told], 20)
    for number in range(rows):
        one = told[number % len(told)]
        yield _row(number) | {
            "instruction": f"{one['instruction']} {draw.choice(asked)}",
            "input": one["input"],
            "output": " ".join(draw.choices(said, k=3)),
        }


def templated(data: Path, rows: int, german: Path | None) -> Iterator[Row]:
    """Yield rows from few templates with small changes: near duplicates in large groups."""
    told, asked, draw = alpaca(data, "en"), clinc(data), random.Random(SEED)
    said = sentences([row["output"] for row in told], 40)
    for number in range(rows):
        body = " ".join(said[(number // 20) % 5_000 + k] for k in range(3))
        turns = [("user", f"{body} {draw.choice(asked)}"), ("assistant", draw.choice(said))]
        yield _row(number) | {"messages": [{"role": r, "content": c} for r, c in turns]}


SHAPES: dict[str, Callable[[Path, int, Path | None], Iterator[Row]]] = {
    "english": english,
    "curly": curly,
    "german": in_german,
    "chinese": chinese,
    "tools": tools,
    "alpaca": alpaca_rows,
    "templated": templated,
}


def write_public(shape: str, rows: int, file: Path, data: Path, german: Path | None = None) -> None:
    """Write rows of a shape as JSON Lines; non-ASCII text is not escaped."""
    with file.open("w", encoding="utf-8") as sink:
        for row in SHAPES[shape](data, rows, german):
            sink.write(json.dumps(row, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("rows", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--german", type=Path, metavar="FILE")
    words = parser.parse_args()
    write_public(words.shape, words.rows, words.file, words.data, words.german)


if __name__ == "__main__":
    main()
