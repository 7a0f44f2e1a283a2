"""`countersign openai`: a training at OpenAI; nothing is sent without `--live`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from policy.errors import UserError, one_line
from runner.data_gates import accepted_rows, gate_data
from runner.engines.openai_client import Endpoint
from runner.hosted.openai_jobs import Account
from runner.hosted.openai_training_file import MANIFEST, TRAINING_FILE, OpenAIManifest, prepare
from runner.job import Options, open_job
from runner.line import stop_at_gates
from runner.tell import summary

PASSED, FAILED = 0, 1
KEY_VARIABLE = "OPENAI_API_KEY"
BASE_URL = "https://api.openai.com/v1"
ACTIONS = ("prepare", "submit", "status", "cancel")


def main(argv: list[str]) -> int:
    """Prepare a training at OpenAI for a recipe with engine: openai, and with --live run it.

    prepare writes the file and its manifest. submit uploads the file and starts the job, status
    shows the job with its events and checkpoints, cancel ends it. These need --live and a key.
    """
    words = _parser().parse_args(argv)
    job = open_job(words.model, Options(repo=words.repo, quiet=True))
    gated = gate_data(job.folder, job.policy.gates.data, job.reporter.progress)
    stop_at_gates(job, gated.facts)
    out = words.out or job.workspace / "openai"
    rows = tuple(accepted_rows(job.folder, gated, "train"))
    path = prepare(job.folder, rows, out, words.tokenizer)
    manifest = OpenAIManifest.model_validate_json(path.read_text(encoding="utf-8"))
    if words.action == "prepare" or not words.live:
        return _prepared(manifest, out, words)
    with Account(_endpoint(words, manifest), pause=words.pause) as account:
        return _live(account, manifest, out, words)


def _prepared(manifest: OpenAIManifest, out: Path, words: argparse.Namespace) -> int:
    """Show what was written and that nothing was sent."""
    if words.json:
        summary.print_json(manifest.model_dump(mode="json"))
        return PASSED
    guess = manifest.estimate
    cost = (
        "not known: the recipe names no price"
        if guess.cost is None
        else f"{guess.cost:.2f} {guess.currency}"
    )
    print(
        f"{out / TRAINING_FILE}: {manifest.rows} rows, {manifest.file_bytes} bytes\n"
        f"{out / MANIFEST}\n"
        f"tokens to train: {guess.trained} ({guess.basis}); longest row {guess.longest_row}\n"
        f"cost: {cost}"
    )
    if words.action != "prepare":
        print(f"{words.action} needs --live")
    print("nothing was sent")
    return PASSED


def _live(account: Account, manifest: OpenAIManifest, out: Path, words: argparse.Namespace) -> int:
    job = account.submit(manifest, out) if words.action == "submit" else account.find(manifest)
    if job is None:
        raise UserError.one(
            f"models/{manifest.model}",
            "the account of this key has no job of this proposal",
            f"start one with: countersign openai submit {manifest.model} --live",
        )
    name = str(job["id"])
    if words.action == "cancel":
        job = account.cancel(name)
    found: dict[str, Any] = {"job": job}
    if words.action == "status":
        found |= {"events": account.events(name), "checkpoints": account.checkpoints(name)}
    if words.json:
        summary.print_json(found)
    else:
        _show(found)
    return FAILED if job["status"] == "failed" else PASSED


def _show(found: dict[str, Any]) -> None:
    job = found["job"]
    lines = [f"{job['id']}: {job['status']}, model {job.get('fine_tuned_model') or 'not made yet'}"]
    if job.get("trained_tokens"):
        lines.append(f"trained tokens: {job['trained_tokens']}")
    for each in found.get("checkpoints", ()):
        model = each.get("fine_tuned_model_checkpoint")
        lines.append(f"checkpoint at step {each.get('step_number')}: {model}")
    lines += [f"{each.get('level')}: {each.get('message')}" for each in found.get("events", ())]
    print("\n".join(map(one_line, lines)))


def _endpoint(words: argparse.Namespace, manifest: OpenAIManifest) -> Endpoint:
    model = str(manifest.job["model"])
    endpoint = Endpoint.from_environment(words.base_url, model, key_variable=words.key_env)
    if not endpoint.key:
        raise UserError.one(
            words.key_env,
            "is not set",
            "set it to the account's key; --key-env names another variable",
        )
    return endpoint


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="countersign openai",
        description=main.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("model", metavar="MODEL", help="the folder below models/")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the files are written")
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="a tokenizer.json that counts the tokens"
    )
    parser.add_argument(
        "--live", action="store_true", help="send it; without this, nothing is sent"
    )
    parser.add_argument("--base-url", default=BASE_URL, metavar="URL", help=f"default: {BASE_URL}")
    parser.add_argument("--key-env", default=KEY_VARIABLE, metavar="NAME")
    parser.add_argument(
        "--pause",
        type=float,
        default=2.0,
        metavar="S",
        help="seconds between checks of an uploaded file",
    )
    parser.add_argument("--repo", type=Path, metavar="FOLDER", help="the governed repository")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
