"""`countersign openai prepare MODEL`: what a training at OpenAI would take, with nothing sent."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner import summary
from runner.job import Options, open_job
from runner.line import accepted_rows
from runner.openai_training_file import TRAINING_FILE, OpenAIManifest, prepare

PASSED = 0


def main(argv: list[str]) -> int:
    """Write the training file and manifest of a recipe with engine: openai; nothing is sent."""
    parser = argparse.ArgumentParser(prog="countersign openai", description=main.__doc__)
    parser.add_argument("action", choices=["prepare"])
    parser.add_argument("model", metavar="MODEL", help="the folder below models/")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where they are written")
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="a tokenizer.json that counts the tokens"
    )
    parser.add_argument("--repo", type=Path, metavar="FOLDER", help="the governed repository")
    parser.add_argument("--json", action="store_true", help="print the manifest")
    words = parser.parse_args(argv)
    job = open_job(words.model, Options(repo=words.repo, quiet=True))
    out = words.out or job.workspace / "openai"
    path = prepare(job.folder, accepted_rows(job, "train"), out, words.tokenizer)
    manifest = OpenAIManifest.model_validate_json(path.read_text(encoding="utf-8"))
    if words.json:
        summary.print_json(manifest.model_dump(mode="json"))
        return PASSED
    guess = manifest.estimate
    cost = (
        "not known: the recipe names no price"
        if guess.cost is None
        else (f"{guess.cost:.2f} {guess.currency}")
    )
    print(
        f"{out / TRAINING_FILE}: {manifest.rows} rows, {manifest.file_bytes} bytes\n"
        f"{path}\n"
        f"tokens to train: {guess.trained} ({guess.basis}); longest row {guess.longest_row}\n"
        f"cost: {cost}\n"
        f"nothing was sent"
    )
    return PASSED
