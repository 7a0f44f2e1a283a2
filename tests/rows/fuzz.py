"""Atheris over the decoders: any bytes, under any ending, are gated without a crash or a hang.

    python -m tests.rows.fuzz [--seconds 600] [--corpus FOLDER]

The first byte of an input picks the file's ending. Let through are a report and `UserError`;
everything else ends the run with the input that did it, as does a single input that takes longer
than HANG seconds. Whatever the gates say, each line is counted once, the quick readers and the
strict one agree about which lines are rows, and the quick ones about everything.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["countersign_ml"]):
    from countersign_ml.rows.gating.all_gates import gate
    from countersign_ml.rows.gating.examine import examine
    from countersign_ml.rows.gating.row_check import RowCheck
    from countersign_ml.rows.read.row import Row, row_of
    from countersign_ml.rows.read.row_rules import RowRules
    from countersign_ml.rows.read.source import Source
from policy.errors import UserError
from policy.files.rules import DataRules
from tests.rows.files import row, said
from tests.rows.planted import every

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
HANG = 25
LONGEST = 1 << 16
RULES = DataRules(licences=("CC0-1.0",), canaries=("CANARY-7f3a",))
CHECK = RowCheck(RowRules.of(RULES))


def gate_bytes(data: bytes, folder: Path) -> None:
    """Gate one input as a file, and hold the quick reader against the strict one.

    Of plain files every eighth is gated whole: the readers alone take a tenth of the time.
    """
    if not data:
        return
    ending, body = ENDINGS[data[0] % len(ENDINGS)], data[1:]
    if ending == ENDINGS[0]:
        _read_alike(body)
        if data[0] % 32:
            return
    path = folder / f"rows{ending}"
    path.write_bytes(body)
    try:
        gated = gate([("rows", Source(str(path), "rows"))], RowRules.of(RULES), RULES, workers=1)
    except UserError:
        return
    for facts in gated.facts.gates:
        assert len(facts.findings) <= facts.count
    if ending == ENDINGS[0]:
        lines = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        assert gated.rows == sum(1 for line in lines if line.strip())


def _read_alike(body: bytes) -> None:
    lines = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    read = [(at, row_of(line, "f", at)) for at, line in enumerate(lines, 1) if line.strip()]
    found = examine(CHECK, "f", 1, body)
    assert found.rows == len(read)
    good = [at for at, each in read if isinstance(each, Row)]
    assert found.figures.lines.tolist() == good


def seeds() -> list[bytes]:
    """Return inputs to begin from: the planted defects, every packing, and odd bytes."""
    made = []
    for planted in every():
        lines = [
            each if isinstance(each, bytes) else json.dumps(each).encode()
            for rows in planted.files.values()
            for each in rows[-12:]
        ]
        made.append(b"\0" + b"\n".join(lines)[-LONGEST // 4 :])
    rows = [row(number) for number in range(8)]
    plain = b"\n".join(json.dumps(each).encode() for each in rows)
    made += [
        b"\0" + b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"),
        b"\0" + plain.replace(b"answer", b"\\u0000\\ud83d\\ude00\\ud800"),
        b"\0" + b"[" * 9000,
        b"\0" + b'{"messages":' + b"[" * 4000 + b"]" * 4000 + b"}",
        b"\1" + gzip.compress(plain),
        b"\1" + gzip.compress(plain)[:-9] + gzip.compress(plain),
    ]
    for other in ({"prompt": "a", "completion": "b"}, {"instruction": "a", "output": "b"},
                  {"conversations": [{"from": "human", "value": "a"}]},
                  row(1, messages=said(("user", "a"), ("assistant", "")))):  # fmt: skip
        made.append(b"\0" + plain + b"\n" + json.dumps(other).encode())
    return made + _packed(plain, rows)


def _packed(plain: bytes, rows: list[dict[str, Any]]) -> list[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zstandard

    whole = zstandard.ZstdCompressor().compress(plain)
    made = [b"\2" + whole, b"\2" + whole[:-9]]
    for table in (pa.Table.from_pylist(rows), pa.table({"text": ["a", None], "n": [1, 2]}),
                  pa.table({"messages": [b"\xff", None], "id": [1.5, float("nan")]})):  # fmt: skip
        sink = io.BytesIO()
        pq.write_table(table, sink)
        made.append(b"\3" + sink.getvalue())
    return made


def main() -> None:
    """Fuzz until the time is over; libFuzzer tells the executions at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, help="kept and gone on with; default: a new one")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = words.corpus or folder / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds()):
            (corpus / f"seed-{number:03d}").write_bytes(seed)
        options = [
            sys.argv[0],
            f"-max_total_time={words.seconds}",
            f"-max_len={LONGEST}",
            f"-timeout={HANG}",
            "-rss_limit_mb=3000",
            "-print_final_stats=1",
            f"-artifact_prefix={corpus.parent}/",
            str(corpus),
        ]
        atheris.Setup(options, lambda data: gate_bytes(data, folder))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
