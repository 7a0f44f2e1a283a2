"""The six kinds of report that a reviewer meets, each from evidence that could lie behind it."""

from __future__ import annotations

from typing import Any

from bot.facts.snapshot import Snapshot
from policy.canonical import digest_bytes
from policy.facts.evidence import (
    Comparison,
    Evidence,
    Group,
    Measurement,
    Metric,
    PairedCounts,
    ParityFacts,
    RenderedToken,
    Sample,
    Slice,
    Subject,
)
from policy.facts.spot_check import DrawnFrom
from tests.bot import builders as a
from tests.bot.golden_states import comment
from tests.bot.report_builders import curve, told
from tests.policy import builders as measured
from tests.policy import spot_checks
from tests.policy.test_win_rate_gate import JUDGE
from tests.policy.test_win_rate_gate import facts as judged

POLICY = measured.POLICY.replace(
    "min_gain_over_base: 0.2}",
    "min_gain_over_base: 0.2,\n"
    "       max_quantisation_drop: 0.02, slices: {topic: {max_drop: 0.1, min_rows: 50}}}",
)
JUDGED = (
    POLICY
    + f"  win_rate: {{judge: {JUDGE}, min: 0.5}}\n"
    + spot_checks.SECTION
)  # fmt: skip
MERGED = digest_bytes(b"merged")
TOPICS = ("delivery", "refund", "account")


def rendered() -> tuple[tuple[RenderedToken, ...], ...]:
    def row(question: str, answer: str) -> tuple[RenderedToken, ...]:
        head = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        return (
            RenderedToken(text=head, trained=False),
            RenderedToken(text=f'{{"topic": "{answer}"}}<|im_end|>', trained=True),
        )

    return (
        row("My parcel | never came", "delivery"),
        row("I want my money back", "refund"),
        row("`reset` my password <b>now</b>", "account"),
    )


def samples() -> tuple[Sample, ...]:
    """Rows that were won, lost, and kept."""
    told_apart = (("refund", "account", "refund"), ("delivery", "delivery", "refund"))
    kept = (("account", "account", "account"), ("refund", "refund", "refund"))
    return tuple(
        Sample(
            id=f"t{number}",
            input=f"Question {number} of a customer about {right}",
            expected=f'{{"topic": "{right}"}}',
            answers={
                "base": "The customer writes about",
                "incumbent": f'{{"topic": "{before}"}}',
                "candidate": f'{{"topic": "{now}"}}',
            },
        )
        for number, (right, before, now) in enumerate((*told_apart, *kept), 1)
    )


def report(
    topics: tuple[tuple[int, int, int, int], ...],
    *,
    quantised: tuple[int, int, int, int] | None = None,
    **changes: Any,
) -> Evidence:
    """Evidence by what became of the rows of each topic: (both, lost, won, neither) right.

    `quantised` counts alike between the merged model and the file that ships; without it
    quantising changed no answer.
    """
    groups = tuple(
        Group(value=topic, counts=paired(*counts))
        for topic, counts in zip(TOPICS, topics, strict=True)
    )
    both, lost, won, neither = (sum(counts) for counts in zip(*topics, strict=True))
    n, right = both + lost + won + neither, both + won
    kept = quantised or (right, 0, 0, n - right)
    versus = Comparison(
        metric="exact_match",
        first="incumbent",
        second="candidate",
        counts=paired(both, lost, won, neither),
        slices=(Slice(field="topic", groups=groups),),
    )
    shipped = Comparison(
        metric="exact_match", first="merged", second="candidate", counts=paired(*kept)
    )
    facts: dict[str, Any] = {
        "measurements": (
            subject("base", measured.BASE, 0, n),
            subject("incumbent", a.ARTIFACTS[1], both + lost, n),
            subject("merged", MERGED, kept[0] + kept[1], n),
            subject("candidate", a.ARTIFACTS[2], right, n),
        ),
        "comparisons": (versus, shipped),
        "data": measured.data(test_rows=n),
        "parity": ParityFacts(
            prompts=n, prompts_with_equal_tokens=n, answers=n, equal_answers=n - 3
        ),
        "training": measured.training(loss_curve=curve(), rendered_rows=rendered()),
        "samples": samples(),
        "drift": (),
        "earlier": (),
    }
    return told(**{**facts, **changes})


def paired(both: int, lost: int, won: int, neither: int) -> PairedCounts:
    return PairedCounts(both=both, only_first=lost, only_second=won, neither=neither)


def subject(name: Subject, model: str, right: int, n: int) -> Measurement:
    found = measured.measurement(name, model, right / n, n)
    metric = found.metrics[0].model_copy(update={"successes": right, "value": right / n})
    answered = Metric(name="answered", kind="share", value=1.0, n=n, successes=n)
    latency = Metric(name="latency", kind="mean", value=0.0123, n=n, higher_is_better=False)
    return found.model_copy(update={"metrics": (metric, answered, latency)})


BETTER = ((160, 4, 60, 26), (150, 5, 70, 25), (170, 3, 50, 27))


DRAWN = DrawnFrom(
    rows=750, other_scores=192, other_texts=40, weight_of_other_scores=8, weight_of_other_texts=4
)


def disagreed() -> Snapshot:
    """The judge prefers the candidate; the person who read the sample says the opposite."""
    sample = spot_checks.sample(rows=8, drawn_from=DRAWN)
    shown = report(BETTER, win_rate=judged(560, 90, 97, failed=3), spot_check=sample)
    opposite = {"first": "B", "second": "A", "tie": "="}
    marks = " ".join(opposite[row.judged or "tie"] for row in sample.rows)
    said = comment("grace", f"/spot-check {sample.digest()[7:19]} {marks}", 60)
    return a.after_release(snapshot(shown, policy=JUDGED, comments=(said,)))


def snapshot(shown: Evidence, **changes: Any) -> Snapshot:
    return a.snapshot(shown=shown, released=False, **{"policy": POLICY, **changes})


REPORTS: dict[str, Snapshot] = {
    "better": a.after_release(snapshot(report(BETTER))),
    "worse": snapshot(report(((150, 60, 8, 32), (160, 50, 10, 30), (155, 55, 12, 28)))),
    "inconclusive": snapshot(report(((26, 6, 5, 13), (24, 5, 5, 16), (25, 5, 4, 16)))),
    "slice-regression": snapshot(report(((160, 4, 60, 26), (120, 80, 6, 44), (160, 4, 66, 20)))),
    "quantisation-loss": snapshot(report(BETTER, quantised=(640, 50, 20, 40))),
    "judge-disagreement": disagreed(),
}  # fmt: skip
