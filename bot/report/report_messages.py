"""What the report says of data, drift, time and money; tables and layout stand beside it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.report.figures import duration, size
from countersign_ml.markdown import code, plain
from policy.facts.evidence import TrainingFacts
from policy.facts.run_context import Expected

MEASURED_ONLY = "What the figures say; none of it is a cause that somebody proved:"
NOTHING_CLEARLY = "Nothing that the held-out rows show clearly."
GO = "Ship it: every gate that the policy asks for holds, and nothing regressed clearly."
FIRST_GO = "Ship it as the first version: every gate that the policy asks for holds."
LOSS_ALT = "The loss over the steps of this training"
METRICS_ALT = "The metrics of this version and those before it"
AGAINST = {"incumbent": "those of the version before", "training": "those it was trained on"}


def go_although(metrics: Sequence[str]) -> str:
    """Say that a version ships although something fell; the names are safe already."""
    return (
        "Ship it: every gate that the policy asks for holds. What regressed, "
        f"{', '.join(metrics)}, stays within what the policy allows."
    )


def by_force(gates: Sequence[str]) -> str:
    return (
        f"By its figures it would not ship: {', '.join(gates)} did not hold. It ships because it "
        "was forced; the reason stands above."
    )


def no_words(section: str) -> str:
    return f"_The pull request has no section `## {section}`._"


def slice_moved(field: str, value: str, change: str, *, clear: bool) -> str:
    """Say how a group of rows moved; `change` is safe already."""
    sure = "" if clear else ", which luck alone could give"
    return f"- Where {code(field, 60)} is {code(value, 60)}, {change}{sure}"


def data_too(added: int, removed: int, changed: int) -> str:
    return f"- The data changed: {added:,} rows added, {removed:,} removed, {changed:,} changed"


def quantised(change: str) -> str:
    return f"- Quantising moved {change}"


def drifted(of: str, against: str, found: float, luck: float) -> str:
    return (
        f"- The {plain(of)} of the answers differs from {AGAINST[against]}: PSI {found:.3f}, luck "
        f"alone gives up to {luck:.3f}"
    )


def rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def first_version(counts: Sequence[tuple[str, int]]) -> str:
    """Say what a first version is trained and measured on."""
    total = sum(count for _, count in counts)
    apart = ", ".join(f"{plain(split)} {count:,}" for split, count in counts)
    return f"**Data**: first version on this branch: {rows(total)} ({apart})."


def unknown_base(why: str) -> str:
    return f"**Data**: what changed is not known: {plain(why, 500)}."


def changed_rows(sentence: str, more: Sequence[str], commit: str) -> str:
    """Say what became of the rows; `sentence` is safe already."""
    against = f" against {code(commit[:7])}" if commit else ""
    return f"**Data**{against}: {sentence}" + "".join(f" {each}." for each in more)


def new_duplicates(new: int, gone: int) -> str:
    parts = [f"{new:,} new exact {'duplicate' if new == 1 else 'duplicates'}"] if new else []
    parts += [f"{gone:,} gone"] if gone else []
    return "Duplicates: " + ", ".join(parts)


def field_values(field: str, added: int, removed: int, first: Sequence[str]) -> str:
    """Say which values of a field are new or gone, the first of them by name."""
    parts = [f"{added:,} new"] if added else []
    parts += [f"{removed:,} gone"] if removed else []
    named = f" ({', '.join(code(value, 40) for value in first)})" if first else ""
    return f"{code(field, 60)}: {' and '.join(parts)}{named}"


def split_rows(split: str, before: int, after: int) -> str:
    return f"{plain(split)} {before:,} to {after:,}"


def took(training: TrainingFacts, *, reused: bool) -> str:
    what = "training, in the run it rests on, took" if reused else "training took"
    memory = size(training.peak_memory_bytes)
    device = plain(training.device)
    return f"{what} {duration(training.seconds)} on {device} with {memory} of memory"


def no_group_moved(names: Sequence[str]) -> str:
    """Name the metrics and fields whose slices are all as they were."""
    return f"No group moved: {', '.join(names)}."


def expected(facts: Expected) -> str:
    """Say what training was expected to take, in the finest unit that was known."""
    if facts.hours is None:
        most = f", {facts.max_tokens:,.0f} allowed" if facts.max_tokens is not None else ""
        return f"estimated beforehand, on the high side, at {facts.tokens:,} tokens{most}"
    parts = [f"{duration(3600 * facts.hours)}"]
    parts += [] if facts.cost is None else [money(facts.cost, facts.currency)]
    limits = [] if facts.max_hours is None else [duration(3600 * facts.max_hours)]
    limits += [] if facts.max_cost is None else [money(facts.max_cost, facts.currency)]
    most = f", at most {' and '.join(limits)}" if limits else ""
    return f"{' and '.join(parts)} were expected{most}"


def whole_run(seconds: float, facts: Expected | None) -> str:
    """Say how long all stages took, and what that cost at the price of the day."""
    said = f"all stages {duration(seconds)}"
    cost = facts.cost_of(seconds) if facts is not None else None
    if facts is None or cost is None:
        return said
    return f"{said}, {money(cost, facts.currency)} at {facts.price_per_hour:g} an hour"


def tokens_passed(tokens: float) -> str:
    return f"{tokens:,.0f} were read"


def money(amount: float, currency: str) -> str:
    """Return an amount with as many places as it needs to be more than nothing."""
    if not 0 < amount < 0.005:
        return f"{amount:,.2f} {plain(currency)}"
    return f"less than 0.01 {plain(currency)}"
