"""Two versions' answers, compared by a judge model behind an endpoint, in both orders.

Zheng et al. (2023) found judge models that prefer the first answer, so a side wins only if it wins
in both positions.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from countersign_ml.rows.read.row import Row, rows_digest
from policy.canonical import digest_of
from policy.facts.win_rate_facts import MAX_FAILURES, EndpointPrices, FailedOrder, WinRateFacts
from runner.engines.openai_client import Connection, Endpoint, Failure, Reply
from runner.win_rate.reply_cache import ReplyCache
from runner.win_rate.win_rate_prompt import Verdict, WinRatePrompt, verdict_of

Order = Literal["first-second", "second-first"]
ORDERS: tuple[Order, Order] = ("first-second", "second-first")
MAX_TOKENS = 512
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """One order of one pair: the reply, and whether it came from the cache."""

    row: int
    order: Order
    reply: Reply | Failure
    cached: bool

    @property
    def verdict(self) -> Verdict | None:
        whole = isinstance(self.reply, Reply) and self.reply.finish == "stop"
        return verdict_of(self.reply.text) if whole and isinstance(self.reply, Reply) else None

    @property
    def score(self) -> float | None:
        """Return the second version's score in this order: 1, a half, 0; None if it failed."""
        verdict = self.verdict
        if verdict is None or verdict == "tie":
            return None if verdict is None else 0.5
        return 1.0 if (verdict == "2") == (self.order == "first-second") else 0.0

    def failure(self, row: Row) -> FailedOrder:
        """Return why this order was not judged."""
        if isinstance(self.reply, Failure):
            kind, message = str(self.reply.kind), self.reply.message
        elif self.reply.finish == "length":
            kind, message = "truncated", f"cut off after {self.reply.tokens_out} tokens"
        elif not self.reply.text.strip():
            kind, message = "empty", "the judge model answered nothing"
        else:
            end = " ".join(self.reply.text.split())[-120:]
            kind, message = "no_verdict", f"ends without one verdict: {end}"
        return FailedOrder(id=row.id, order=self.order, kind=kind, message=message[:300])


@dataclass(frozen=True)
class ComparedPairs:
    """The result of a judge model: the facts, and the second version's score on each row."""

    facts: WinRateFacts
    scores: tuple[float | None, ...]
    """1, a half or 0 for each row, both orders together; None if one of them failed."""


def compare_pairs(
    rows: Sequence[Row],
    first: Sequence[str],
    second: Sequence[str],
    endpoint: Endpoint,
    prompt: WinRatePrompt,
    cache: Path,
    *,
    outputs: tuple[str, str] | None = None,
    fresh: bool = False,
    parallel: int = 4,
    max_tokens: int = MAX_TOKENS,
    prices: EndpointPrices | None = None,
    progress: Progress | None = None,
) -> ComparedPairs:
    """Let a judge model compare two answers to each row; the second is the candidate's.

    `first` and `second` have one text for each row; `outputs` are the digests of their files, or
    None for digests of the texts. UserError if no question can be answered (a wrong key or
    address); every other failure is counted in the facts.
    """
    pairs = list(zip(rows, first, second, strict=True))
    store = ReplyCache(cache)

    def ask(connection: Connection, number: int, order: Order) -> Asked:
        row, one, other = pairs[number]
        shown = (one, other) if order == "first-second" else (other, one)
        messages = prompt.messages(row, *shown)
        key = store.key(endpoint, messages, max_tokens)
        kept = None if fresh else store.read(key)
        if kept is not None:
            return Asked(number, order, kept, cached=True)
        reply = connection.chat(messages, max_tokens=max_tokens)
        if isinstance(reply, Reply):
            store.keep(key, reply)
        return Asked(number, order, reply, cached=False)

    unlike = [number for number, (_, one, other) in enumerate(pairs) if one != other]
    found = _ask_all(endpoint, ask, unlike, parallel, progress)
    tally = _tally(pairs, found)
    known_by = outputs or (digest_of(list(first)), digest_of(list(second)))
    facts = WinRateFacts(
        judge=endpoint.named,
        prompt=prompt.name,
        prompt_digest=prompt.digest,
        decoding=endpoint.decoding(max_tokens),
        rows=rows_digest(rows),
        first_outputs=known_by[0],
        second_outputs=known_by[1],
        pairs=len(pairs),
        identical=len(pairs) - len(unlike),
        prices=prices,
        **tally.counts,
        **_call_counts(rows, list(found.values())),
    )
    return ComparedPairs(facts, tuple(tally.scores.get(number) for number in range(len(pairs))))


def _ask_all(
    endpoint: Endpoint,
    ask: Callable[[Connection, int, Order], Asked],
    numbers: Sequence[int],
    parallel: int,
    progress: Progress | None,
) -> dict[tuple[int, Order], Asked]:
    """Ask every pair in both orders, several at a time; return the replies in the pairs' order."""
    found: dict[tuple[int, Order], Asked] = {}
    with endpoint.connect() as connection:
        pool = ThreadPoolExecutor(parallel)
        try:
            asked = [pool.submit(ask, connection, n, order) for n in numbers for order in ORDERS]
            for done in as_completed(asked):
                each = done.result()
                found[each.row, each.order] = each
                if progress is not None:
                    progress(len(found), len(asked))
        finally:
            pool.shutdown(cancel_futures=True)
    return {(n, order): found[n, order] for n in numbers for order in ORDERS}


def _call_counts(rows: Sequence[Row], asked: Sequence[Asked]) -> dict[str, Any]:
    """Return the facts about the calls: models, positions, tokens and failures."""
    replies = [each.reply for each in asked if isinstance(each.reply, Reply)]
    paid = [each.reply for each in asked if not each.cached and isinstance(each.reply, Reply)]
    failures = [each.failure(rows[each.row]) for each in asked if each.verdict is None]
    places = Counter(each.verdict for each in asked)
    return {
        "models": tuple(sorted({reply.model for reply in replies})),
        "first_place": places["1"],
        "second_place": places["2"],
        "calls": sum(not each.cached for each in asked),
        "cached_calls": sum(each.cached for each in asked),
        "tokens_in": sum(reply.tokens_in for reply in paid),
        "tokens_out": sum(reply.tokens_out for reply in paid),
        "failures": tuple(failures[:MAX_FAILURES]),
        "failure_kinds": dict(sorted(Counter(each.kind for each in failures).items())),
    }


@dataclass(frozen=True)
class _Tally:
    scores: dict[int, float]
    counts: dict[str, Any]
    """The facts that follow from the scores, by their names in `WinRateFacts`."""


def _tally(pairs: Sequence[tuple[Row, str, str]], found: dict[tuple[int, Order], Asked]) -> _Tally:
    """Count pairs by both orders, and group the scores of one prompt."""
    scores: dict[int, float] = {}
    flips = 0
    for number, (_, one, other) in enumerate(pairs):
        if one == other:
            scores[number] = 0.5
            continue
        both = [found[number, order].score for order in ORDERS]
        forth, back = both
        if forth is None or back is None:
            continue
        scores[number] = forth if forth == back else 0.5
        flips += forth != back
    rate = math.fsum(scores.values()) / len(scores) if scores else 0.0
    clusters: dict[tuple[tuple[str, str], ...], list[float]] = defaultdict(list)
    for number, score in scores.items():
        turns = tuple((turn.role, turn.content) for turn in pairs[number][0].prompt)
        clusters[turns].append(score - rate)
    longer = Counter(
        (len(pairs[number][2]) > len(pairs[number][1])) == (score == 1.0)
        for number, score in scores.items()
        if score != 0.5 and len(pairs[number][1]) != len(pairs[number][2])
    )
    n = max(1, len(scores))
    counted = Counter(scores.values())
    counts = {
        "wins": counted[1.0],
        "losses": counted[0.0],
        "ties": counted[0.5],
        "failed": len(pairs) - len(scores),
        "flips": flips,
        "clusters": len(clusters),
        "cluster_squares": math.fsum(math.fsum(group) ** 2 for group in clusters.values()),
        "longer_won": longer[True],
        "shorter_won": longer[False],
        "mean_length_first": sum(len(pairs[number][1]) for number in scores) / n,
        "mean_length_second": sum(len(pairs[number][2]) for number in scores) / n,
    }
    return _Tally(scores, counts)
