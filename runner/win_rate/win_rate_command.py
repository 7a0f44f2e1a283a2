"""`countersign win-rate`: compare two files of answers to the same rows with a judge model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from countersign_ml.rows.governed.caches import cache_folder
from policy.errors import UserError, one_line
from policy.facts.win_rate_facts import EndpointPrices, WinRateFacts
from runner.endpoints.endpoint_options import add_endpoint_options, endpoint_of
from runner.tell.progress import Reporter
from runner.win_rate.answer_files import answers_to, asked_rows
from runner.win_rate.pairwise import MAX_TOKENS, compare_pairs
from runner.win_rate.win_rate_prompt import DEFAULT, load_prompt

PASSED, BLOCKED = 0, 1
SHOWN_FAILURES = 10


def win_rate(argv: list[str]) -> int:
    """Show how often a judge model prefers B's answers to A's, asked in both orders."""
    words = _parser().parse_args(argv)
    prices = _prices(words)
    rows = asked_rows(words.rows)
    first, second = answers_to(rows, words.a), answers_to(rows, words.b)
    reporter = Reporter(quiet=words.quiet)
    with reporter.stage("win-rate"):
        facts = compare_pairs(
            rows,
            first,
            second,
            endpoint_of(words),
            load_prompt(words.prompt),
            cache_folder(words.cache),
            parallel=words.parallel,
            max_tokens=words.max_tokens,
            prices=prices,
            progress=lambda done, all_: reporter.progress(
                f"judging, call {done} of {all_}", done / all_
            ),
        ).facts
    if words.json:
        print(json.dumps(as_json(facts), indent=1, ensure_ascii=False))
    else:
        _print(facts)
    return PASSED if facts.judged else BLOCKED


def as_json(facts: WinRateFacts) -> dict[str, Any]:
    """Return the facts as JSON, with the rates that follow from them."""
    low, high = facts.interval
    return {
        "win_rate": facts.win_rate,
        "interval": [low, high],
        "win_rate_at_worst": facts.win_rate_at_worst,
        "coverage": facts.coverage,
        "flip_rate": facts.flip_rate,
        "first_place_rate": facts.first_place_rate,
        "longer_rate": facts.longer_rate,
        "cost": facts.cost,
        **facts.model_dump(mode="json"),
    }


def _print(facts: WinRateFacts) -> None:
    low, high = facts.interval
    print(f"{facts.judge}, prompt {facts.prompt} ({facts.prompt_digest[:19]}...)")
    if facts.win_rate is None:
        print(f"no pair of {facts.pairs} could be judged")
    else:
        print(
            f"win rate of B {facts.win_rate:.3f} [{low:.3f}, {high:.3f}] over {facts.judged} of "
            f"{facts.pairs} pairs and {facts.clusters} prompts"
        )
    print(
        f"won {facts.wins}, lost {facts.losses}, tied {facts.ties} "
        f"({facts.flips} changed with the order, {facts.identical} identical), "
        f"failed {facts.failed}"
    )
    for name, rate in (
        ("flip rate", facts.flip_rate),
        ("the first answer was preferred", facts.first_place_rate),
        ("the longer answer won", facts.longer_rate),
    ):
        print(f"{name}: {'-' if rate is None else f'{rate:.3f}'}")
    cost = (
        ""
        if facts.cost is None or facts.prices is None
        else (f", {facts.cost:.4f} {facts.prices.currency}")
    )
    print(
        f"{facts.calls} calls ({facts.cached_calls} more from the cache), "
        f"{facts.tokens_in} tokens in, {facts.tokens_out} out{cost}"
    )
    for kind, count in facts.failure_kinds.items():
        print(f"  {kind}: {count}")
    for each in facts.failures[:SHOWN_FAILURES]:
        print(one_line(f"  {each.id} ({each.order}): {each.kind}: {each.message}"))


def _prices(words: argparse.Namespace) -> EndpointPrices | None:
    given = (words.price_in, words.price_out, words.currency)
    if given == (None, None, None):
        return None
    if None in given:
        raise UserError.one(
            "--price-in, --price-out, --currency",
            "work only together",
            "give all three, or none",
        )
    try:
        return EndpointPrices(
            input_per_million=words.price_in,
            output_per_million=words.price_out,
            currency=words.currency,
        )
    except ValueError as error:
        raise UserError.one(
            "--price-in, --price-out, --currency",
            "are not prices",
            "give two numbers of 0 or more and a code such as EUR",
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="countersign win-rate", description=win_rate.__doc__)
    parser.add_argument("a", type=Path, metavar="A.jsonl", help="answers of the first version")
    parser.add_argument("b", type=Path, metavar="B.jsonl", help="answers of the second version")
    parser.add_argument(
        "--rows", type=Path, required=True, metavar="FILE", help="the rows that were asked"
    )
    add_endpoint_options(parser)
    parser.add_argument("--prompt", default=DEFAULT, metavar="NAME", help=f"default: {DEFAULT}")
    parser.add_argument("--max-tokens", type=int, default=MAX_TOKENS, metavar="N")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="default: $COUNTERSIGN_CACHE")
    parser.add_argument(
        "--price-in", type=float, metavar="P", help="price of a million input tokens"
    )
    parser.add_argument(
        "--price-out", type=float, metavar="P", help="price of a million output tokens"
    )
    parser.add_argument("--currency", metavar="CODE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="print no progress")
    return parser
