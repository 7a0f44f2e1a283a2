"""What a run took next to what was expected: time, memory, tokens, money."""

from __future__ import annotations

from bot.report.figures import duration, size
from countersign_ml.markdown import plain
from policy.facts.evidence import Evidence, TrainingFacts
from policy.facts.run_context import Expected


def line(evidence: Evidence) -> str:
    """Return one line; empty if nothing was trained, as in a rollback."""
    training, expected = evidence.training, evidence.expected
    if training is None:
        return ""
    took = _took(training, reused=evidence.reused is not None)
    if expected is not None:
        took += f" ({_expected(expected, training)})"
    seconds = sum(stage.seconds for stage in evidence.stages)
    return f"**Time and cost**: {took}; {_all_stages(seconds, expected)}."


def _took(training: TrainingFacts, *, reused: bool) -> str:
    what = "training, in the run that is reused, took" if reused else "training took"
    memory = size(training.peak_memory_bytes)
    return (
        f"{what} {duration(training.seconds)} on {plain(training.device)} with {memory} of memory"
    )


def _expected(facts: Expected, training: TrainingFacts) -> str:
    """Return the estimate for the training, in the finest unit that was known."""
    if facts.hours is None:
        most = f", {facts.max_tokens:,.0f} allowed" if facts.max_tokens is not None else ""
        read = f"{training.total_tokens * training.epochs:,.0f} were read"
        return f"estimate, usually too high: {facts.tokens:,} tokens{most}; {read}"
    parts = [duration(3600 * facts.hours)]
    parts += [] if facts.cost is None else [_money(facts.cost, facts.currency)]
    limits = [] if facts.max_hours is None else [duration(3600 * facts.max_hours)]
    limits += [] if facts.max_cost is None else [_money(facts.max_cost, facts.currency)]
    most = f", at most {' and '.join(limits)} allowed" if limits else ""
    return f"estimate: {' and '.join(parts)}{most}"


def _all_stages(seconds: float, facts: Expected | None) -> str:
    """Return how long all stages took, and the cost at the price of that day."""
    told = f"all stages {duration(seconds)}"
    cost = facts.cost_of(seconds) if facts is not None else None
    if facts is None or cost is None:
        return told
    return f"{told}, {_money(cost, facts.currency)} at {facts.price_per_hour:g} an hour"


def _money(amount: float, currency: str) -> str:
    """Return an amount with two decimals; a smaller one is `less than 0.01`."""
    if not 0 < amount < 0.005:
        return f"{amount:,.2f} {plain(currency)}"
    return f"less than 0.01 {plain(currency)}"
