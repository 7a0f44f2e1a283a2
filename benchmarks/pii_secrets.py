"""Personal data and secrets: recall and precision by kind, and rows a second against two peers.

Run: python benchmarks/pii_secrets.py [--write] [--peers PYTHON]
`--write` puts both tables into docs/pii-and-secrets.md. `--peers` names a Python that has
presidio-analyzer and detect-secrets; they get the same rows in the same run, in a process of it.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "pii-and-secrets.md"
PEER_ROWS = 600


def chats(count: int, seed: int = 3) -> list[str]:
    """Return chat rows of about 0.8 KB: 3 % hold a true value, 15 % a look-alike."""
    from tests.rows.detect.labelled import lookalikes, sentences, values

    draw = random.Random(seed)
    true = [one.text for one in sentences.positives(draw, 3)]
    alike = list(lookalikes.lookalikes(draw, 20))
    made = [values.faker(name) for name in ("en_US", "de_DE", "fr_FR", "es_ES", "ru_RU", "zh_CN")]
    paragraphs = [draw.choice(made).text(260).replace("\n", " ") for _ in range(3000)]
    rows = []
    for number in range(count):
        turns = [draw.choice(paragraphs) for _ in range(2)]
        chance = draw.random()
        if chance < 0.18:
            turns.insert(1, draw.choice(true if chance < 0.03 else alike))
        while sum(len(turn.encode()) for turn in turns) < 640:
            turns.append(draw.choice(paragraphs))
        content = {"role": "user", "content": "\n".join(turns)}
        rows.append(json.dumps({"id": number, "messages": [content]}, ensure_ascii=False))
    return rows


def rate(work: Callable[[str], object], rows: Sequence[str], rounds: int = 3) -> float:
    """Return rows per second of CPU time, the best of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        for row in rows:
            work(row)
        best = min(best, time.process_time() - begin)
    return len(rows) / best


def peers(path: Path) -> dict[str, float]:
    """Return the peers' rates; runs in the peers' Python."""
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import default_settings
    from presidio_analyzer import predefined_recognizers as known

    names = (
        "CreditCardRecognizer EmailRecognizer IbanRecognizer IpRecognizer PhoneRecognizer "
        "UsSsnRecognizer UsItinRecognizer UkNinoRecognizer NhsRecognizer EsNifRecognizer "
        "ItFiscalCodeRecognizer InPanRecognizer"
    )
    recognisers = [getattr(known, name)() for name in names.split()]

    def presidio(row: str) -> None:
        for one in recognisers:
            one.analyze(row, one.supported_entities, None)

    rows = json.loads(path.read_text())
    found = {"Presidio, patterns only": rate(presidio, rows, 1)}
    with default_settings():
        found["detect-secrets"] = rate(lambda row: list(scan_line(row)), rows, 1)
    return found


def speed(python: str | None) -> list[tuple[str, float]]:
    """Return each measurement with its rows per second."""
    from countersign_ml.rows.detect import may_hold, scan

    rows = chats(20_000)
    clean = [row for row in rows if not may_hold(row)]
    raw = {row: row.encode() for row in rows}
    rates = [
        ("prefilter `may_hold`, rows as bytes", rate(lambda row: may_hold(raw[row]), rows)),
        (f"`scan`, clean rows ({len(clean) / len(rows):.0%} of them)", rate(scan, clean)),
        ("`scan`, all rows", rate(scan, rows)),
    ]
    if python:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.json"
            path.write_text(json.dumps(rows[:PEER_ROWS]))
            done = subprocess.run(
                [python, __file__, "--as-peer", str(path)], check=True, capture_output=True
            )
        rates += json.loads(done.stdout.splitlines()[-1]).items()
    return rates


def quality_table() -> Iterable[str]:
    from countersign_ml.rows.detect import KINDS
    from tests.rows.detect.labelled.score import score
    from tests.rows.detect.labelled.sentences import build

    samples = build(seed=11, count=50)
    yield f"{len(samples)} texts, {sum(len(one.truth) for one in samples)} of them with a value."
    yield ""
    yield "| Kind | What | Check digits | Labelled | Recall | Precision |"
    yield "| --- | --- | --- | ---: | ---: | ---: |"
    for kind, one in score(samples).items():
        about = KINDS[kind]
        yield (
            f"| `{kind}` | {about.title} | {'yes' if about.checked else 'no'} | {one.true} "
            f"| {one.recall:.3f} | {one.precision:.3f} |"
        )


def speed_table(rates: Sequence[tuple[str, float]]) -> Iterable[str]:
    whole = dict(rates)["`scan`, all rows"]
    yield "| What | Rows a second, one core | `scan`, all rows, is so many times as fast |"
    yield "| --- | ---: | ---: |"
    for name, value in rates:
        ratio = "" if name.startswith(("prefilter", "`scan`")) else f"{whole / value:.0f}"
        yield f"| {name} | {value:,.0f} | {ratio} |"


def written(page: str, name: str, lines: Iterable[str]) -> str:
    """Return the page with the text between the name's two marks replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    head, _, rest = page.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n" + "\n".join(lines) + f"\n{end}{tail}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--as-peer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_peer:
        print(json.dumps(peers(options.as_peer)))
        return
    sys.path.insert(0, str(ROOT))
    tables = {"quality": list(quality_table()), "speed": list(speed_table(speed(options.peers)))}
    page = PAGE.read_text("utf-8")
    for name, lines in tables.items():
        print("\n".join(lines), end="\n\n")
        page = written(page, name, lines)
    if options.write:
        PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
