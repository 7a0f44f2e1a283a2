"""From a file of rows to the first training batch: rows a second, CPU a row and peak memory.

    python benchmarks/first_batch.py ROWS ... --tokenizer FOLDER --data FOLDER [--shape english]

The rows are public text (see `public_rows.py`). FOLDER of the tokenizer has tokenizer.json and
tokenizer_config.json. --kinds leaves some of the three out. Each runs in a process of its own, one
after the other: a plain pass (`json.loads` and a SHA-256 of every line, in as many processes as
cores), the product (gates, then tokens, then the order and the first batch), and, if it is
installed, the peer: `datasets` with one process per core, tokenising the prompt and the
conversation of each row as TRL does, without gates. Other work on the machine slows all three, so
the ratios say more than the rates.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.public_rows import SHAPES, write_public
from benchmarks.watch import Watch, peak

BATCH, MAX_LENGTH = 8, 2048
CORES = len(os.sched_getaffinity(0))
Steps = dict[str, float]


def plain(file: Path, _: Path, __: Path) -> Steps:
    """Read every row with the standard library, and hash it."""
    from benchmarks.data_gates import library_part
    from benchmarks.data_gates import plain as read

    started = time.perf_counter()
    read(file, CORES, library_part)
    return {"plain pass": time.perf_counter() - started}


def product(file: Path, tokenizer: Path, place: Path) -> Steps:
    """Gate, tokenise, order, and make the first batch."""
    from countersign_ml.rows.gating.accepted import AcceptedRows
    from countersign_ml.rows.gating.all_gates import gate
    from countersign_ml.rows.read.row_rules import RowRules
    from countersign_ml.rows.read.source import Source
    from policy.files.rules import DataRules
    from runner.chat import Chat
    from runner.training.token_rows import encode_rows
    from runner.training.train import Collator, InOrder
    from runner.training.training_order import steps_of, training_order

    chat = Chat(tokenizer, "chatml", "benchmark")
    clock = [time.perf_counter()]
    rules = DataRules()
    found = gate([("train", Source(str(file), file.name))], RowRules.of(rules), rules)
    clock.append(time.perf_counter())
    (split,) = found.facts.splits
    accepted = AcceptedRows(
        str(file), file.name, split.digest, split.rows, found.rejected[file.name]
    )
    rows = encode_rows(accepted, chat, MAX_LENGTH, place / "tokens")
    clock.append(time.perf_counter())
    steps = steps_of(len(rows), BATCH, 1.0, None)
    order = InOrder(rows, training_order(rows.lengths.tolist(), BATCH, steps, 0))
    Collator(chat.pad_id)([order[at] for at in range(BATCH)])
    clock.append(time.perf_counter())
    names = ("gates", "tokens", "order and batch")
    return dict(zip(names, map(float.__sub__, clock[1:], clock[:-1]), strict=True))


def peer(file: Path, tokenizer: Path, place: Path) -> Steps:
    """Load and tokenise with `datasets`, and pad the first batch; there are no gates."""
    from datasets import load_dataset
    from transformers import DataCollatorForSeq2Seq

    from runner.chat import Chat

    read: Any = Chat(tokenizer, "chatml", "benchmark").tokenizer

    def tokens(row: dict[str, Any]) -> dict[str, Any]:
        turns = row["messages"]
        prompt = read.apply_chat_template(turns[:-1], add_generation_prompt=True, return_dict=True)[
            "input_ids"
        ]
        ids = read.apply_chat_template(turns, return_dict=True)["input_ids"]
        labels = [-100] * len(prompt) + ids[len(prompt) :]
        return {"input_ids": ids[:MAX_LENGTH], "labels": labels[:MAX_LENGTH]}

    started = time.perf_counter()
    rows = load_dataset("json", data_files=str(file), split="train", cache_dir=str(place))
    made = rows.map(tokens, num_proc=CORES, remove_columns=rows.column_names).shuffle(seed=0)
    DataCollatorForSeq2Seq(read)([made[at] for at in range(BATCH)])
    return {"load, map and batch": time.perf_counter() - started}


KINDS = {"plain": plain, "product": product, "datasets": peer}


def measured(kind: str, file: Path, tokenizer: Path) -> dict[str, Any]:
    """Run one kind in a process of its own, and return its steps, CPU seconds and peak memory."""
    done = subprocess.run(
        [sys.executable, __file__, "--run", kind, str(file), str(tokenizer)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(kind: str, file: Path, tokenizer: Path) -> None:
    """Print the steps of one kind as JSON; memory is that of all processes together."""
    with tempfile.TemporaryDirectory() as place, Watch() as watch:
        before = time.process_time()
        steps = KINDS[kind](file, tokenizer, Path(place))
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = time.process_time() - before + children.ru_utime + children.ru_stime + watch.living()
    memory = (peak("self") + sum(watch.peaks.values())) * 1024
    print(json.dumps({"steps": steps, "cpu": cpu, "memory": memory}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, metavar="ROWS", default=[200_000])
    parser.add_argument("--tokenizer", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--shape", choices=[*SHAPES], default="english")
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[*KINDS])
    words = parser.parse_args()
    print("| rows | what | seconds by step | rows/s | CPU a row, us | peak memory, MB |")
    print("|---|---|---|---|---|---|")
    for count in words.rows:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.jsonl"
            write_public(words.shape, count, file, words.data, None)
            for kind in words.kinds:
                try:
                    found = measured(kind, file, words.tokenizer)
                except subprocess.CalledProcessError:
                    print(f"{kind} could not run", file=sys.stderr)
                    continue
                seconds = sum(found["steps"].values())
                steps = ", ".join(f"{name} {each:.1f}" for name, each in found["steps"].items())
                print(
                    f"| {count:,} | {kind} | {steps} | {count / seconds:,.0f} "
                    f"| {found['cpu'] / count * 1e6:.0f} | {found['memory'] / 1e6:,.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
