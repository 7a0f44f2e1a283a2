"""What single data gates cost, compared with libraries that do the same check on the same rows.

    python -m venv /tmp/peers
    /tmp/peers/bin/pip install 'datatrove[processing]' spacy presidio-analyzer datasets pandas \\
        'pandera[pandas]' datasketch jsonschema msgspec
    python benchmarks/data_gates_peers.py /tmp/peers/bin/python [--rows 100000] [--slow 5000]

Each implementation reads the same file of 0.8 KB rows in its own process; one row in a hundred has
an e-mail address. CPU and wall time start after the imports. Presidio and the MinHash peers read
only the first --slow rows, and ours is also measured on as many. Presidio runs its patterns over a
blank spaCy model: no names, no download. The peers are only for this comparison; nothing depends on
them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import near_ways

from benchmarks.made_rows import SCHEMA, write_rows

MAILED_EVERY = 100
Work = Callable[[Path, int], int]
"""Takes the file and a number of rows, runs the check, and returns the findings."""


def lines(path: Path, rows: int) -> Iterator[bytes]:
    with path.open("rb") as source:
        yield from islice(source, rows)


def write_mailed(path: Path, rows: int) -> None:
    """Write the rows of `data_gates.py`, with an e-mail address in some questions."""
    plain = path.with_suffix(".plain")
    write_rows(plain, rows)
    with path.open("wb") as out:
        for number, line in enumerate(lines(plain, rows)):
            if number % MAILED_EVERY == 0:
                value = json.loads(line)
                mailed = f" Write to person{number}@orchard-letters.org today."
                value["messages"][1]["content"] += mailed
                line = json.dumps(value).encode() + b"\n"
            out.write(line)
    plain.unlink()


def questions(path: Path, rows: int) -> list[str]:
    import msgspec

    decode = msgspec.json.Decoder().decode
    return [decode(line)["messages"][1]["content"] for line in lines(path, rows)]


def all_gates() -> Work:
    """Every gate, as `countersign data validate` runs them."""
    from countersign_ml.rows.gating.all_gates import gate
    from countersign_ml.rows.read.json_schemas import load_schema
    from countersign_ml.rows.read.row_rules import RowRules
    from countersign_ml.rows.read.source import Source
    from policy.files.rules import DataRules

    def work(path: Path, rows: int) -> int:
        rules = DataRules(licences=("CC0-1.0",))
        schema = load_schema(json.dumps(SCHEMA), "output.schema.json")
        row_rules = RowRules.of(rules, output_schema=schema, schema_version=1)
        found = gate([("train", Source(str(path), path.name))], row_rules, rules, workers=1)
        return sum(each.count for each in found.facts.gates)

    return work


def near(way: str) -> Callable[[], Work]:
    """Near duplicates among the questions."""

    def ready() -> Work:
        if way != "ours":
            __import__(way.partition("_")[0])
        return lambda path, rows: len(getattr(near_ways, way)(questions(path, rows)))

    return ready


def our_personal() -> Work:
    """All kinds of personal data, in every turn."""
    import msgspec

    from countersign_ml.rows.detect import PERSONAL, may_hold, scan

    decode, kinds = msgspec.json.Decoder().decode, frozenset(PERSONAL)

    def work(path: Path, rows: int) -> int:
        found = 0
        for line in lines(path, rows):
            texts = [turn["content"] for turn in decode(line)["messages"]]
            if may_hold("\n".join(texts)):
                found += sum(1 for text in texts for _ in scan(text, kinds))
        return found

    return work


def datatrove_personal() -> Work:
    """E-mail and IP addresses, in every turn; it replaces them and reports no place."""
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter()

    def work(path: Path, rows: int) -> int:
        texts = (t["content"] for line in lines(path, rows) for t in json.loads(line)["messages"])
        return sum(formatter.format(text) != text for text in texts)

    return work


def presidio_personal() -> Work:
    """All patterns that Presidio has for English, in every turn, without names."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
            self.nlp = {"en": spacy.blank("en")}

        def load(self) -> None:
            pass

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])

    def work(path: Path, rows: int) -> int:
        texts = (t["content"] for line in lines(path, rows) for t in json.loads(line)["messages"])
        kinds = (hit.entity_type for text in texts for hit in engine.analyze(text, language="en"))
        return sum(kind == "EMAIL_ADDRESS" for kind in kinds)

    return work


def our_copies() -> Work:
    """Strict JSON, the answer's schema, and exact copies of questions."""
    from countersign_ml.rows.kept.columns import Column, repeats
    from countersign_ml.rows.kept.sketch import sketch
    from countersign_ml.rows.kept.vouched import vouched
    from countersign_ml.rows.read.json_schemas import load_schema

    fits = load_schema(json.dumps(SCHEMA), "output.schema.json").accepts

    def work(path: Path, rows: int) -> int:
        column, broken, source = Column(), 0, lines(path, rows)
        while some := list(islice(source, 1000)):
            turns = [vouched(line)["messages"] for line in some]
            broken += sum(not fits(vouched(each[-1]["content"].encode())) for each in turns)
            column.append(sketch([each[1]["content"] for each in turns], banded=False).keys)
        return broken + len(repeats(column)[0])

    return work


def datasets_copies() -> Work:
    """The same checks with `datasets` and a Python function: json, jsonschema, a set of hashes."""
    import datasets
    from jsonschema import Draft202012Validator

    datasets.disable_progress_bars()
    validator, seen = Draft202012Validator(SCHEMA), set()

    def look(row: dict[str, Any]) -> dict[str, bool]:
        text = " ".join(row["messages"][1]["content"].casefold().split())
        key = hashlib.blake2b(text.encode(), digest_size=8).digest()
        again = key in seen
        seen.add(key)
        return {"bad": again or not validator.is_valid(json.loads(row["messages"][-1]["content"]))}

    def work(path: Path, rows: int) -> int:
        with tempfile.TemporaryDirectory() as cache:
            read = datasets.load_dataset(
                "json", data_files=str(path), split=f"train[:{rows}]", cache_dir=cache
            )
            return sum(read.map(look, load_from_cache_file=False)["bad"])

    return work


def pandera_copies() -> Work:
    """The same checks with pandas and pandera, with the answers' fields as columns."""
    import pandas
    import pandera.pandas as pandera

    fields = SCHEMA["properties"]
    schema = pandera.DataFrameSchema(
        {
            "question": pandera.Column(str, pandera.Check.str_length(min_value=1)),
            "category": pandera.Column(str, pandera.Check.isin(fields["category"]["enum"])),
            "priority": pandera.Column(str, pandera.Check.isin(fields["priority"]["enum"])),
            "product": pandera.Column(str),
            "order_id": pandera.Column(
                str, pandera.Check.str_matches(fields["order_id"]["pattern"])
            ),
            "summary": pandera.Column(str, pandera.Check.str_length(min_value=5, max_value=80)),
        },
        unique=["question"],
        strict=True,
    )

    def work(path: Path, rows: int) -> int:
        made = []
        for line in lines(path, rows):
            turns = json.loads(line)["messages"]
            text = " ".join(turns[1]["content"].casefold().split())
            made.append({"question": text} | json.loads(turns[-1]["content"]))
        try:
            schema.validate(pandas.DataFrame(made), lazy=True)
        except pandera.errors.SchemaErrors as error:
            return len(error.failure_cases)
        return 0

    return work


WAYS: dict[str, tuple[bool, bool, Callable[[], Work]]] = {
    "all gates: ours": (False, False, all_gates),
    "JSON, answer's schema, exact copies: ours": (False, False, our_copies),
    "JSON, answer's schema, exact copies: datasets + Python": (True, False, datasets_copies),
    "JSON, answer's schema, exact copies: pandera": (True, False, pandera_copies),
    "personal data, 20 kinds and more: ours": (False, False, our_personal),
    "personal data, e-mail and IP: datatrove": (True, False, datatrove_personal),
    "personal data, few rows: ours": (False, True, our_personal),
    "personal data, patterns only: Presidio": (True, True, presidio_personal),
    "near copies, confirmed: ours": (False, False, near("ours")),
    "near copies, confirmed, few rows: ours": (False, True, near("ours")),
    "near copies, bands alone: datatrove": (True, True, near("datatrove")),
    "near copies, bands alone: datasketch": (True, True, near("datasketch")),
}
"""Each check and its implementation: is it a peer, is it slow, and its set-up."""


def main() -> None:
    """Write the rows, measure each implementation in its own process, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peers", metavar="PYTHON", help="an interpreter that has the peers")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--slow", type=int, default=5_000)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        way, path, rows = words.measure
        print(json.dumps(measure(way, Path(path), int(rows))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.jsonl")
        write_mailed(path, words.rows)
        print(f"{words.rows:,} rows, {path.stat().st_size / words.rows:.0f} bytes each; ", end="")
        print(f"an e-mail address in one of {MAILED_EVERY}\n")
        print("| check | rows | rows/s | CPU a row | x ours | x all gates | memory | found |")
        print("|---|---|---|---|---|---|---|---|")
        every = ours = 0.0
        for way, (whose, slow, _) in WAYS.items():
            python = words.peers if whose else sys.executable
            rows = words.slow if slow else words.rows
            asked = [python, __file__, words.peers, "--measure", way, str(path), str(rows)]
            done = subprocess.run(asked, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            found = json.loads(done.stdout.splitlines()[-1])
            each = found["cpu"] / rows * 1e6
            every, ours = every or each, ours if whose else each
            print(
                f"| {way} | {rows:,} | {rows / found['wall']:,.0f} | {each:,.1f} µs "
                f"| {each / ours:.1f} | {each / every:.2f} | {found['memory'] / 1e6:,.0f} MB "
                f"| {found['found']:,} |",
                flush=True,
            )


def measure(way: str, path: Path, rows: int) -> dict[str, Any]:
    """Run one implementation; return CPU and wall seconds after the imports, and peak memory."""
    work = WAYS[way][2]()
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = work(path, rows)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"found": found, "wall": wall, "cpu": cpu, "memory": peak()}


def peak() -> int:
    """Return this process's peak memory; `ru_maxrss` would include its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    main()
