"""Wording that several modules of policy, and the reports built on it, share.

A sentence that one place needs is written there. What is here has at least two callers, so that a
reader meets the same fact in the same words everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policy.facts.evidence import Metric
from policy.facts.spot_check import Agreement

SECONDS = frozenset({"latency", "latency_p50", "latency_p95", "first_token"})
"""The metrics in seconds: times to a whole answer, and to its first token."""
NO_INCUMBENT = "no live version to compare with"


def short(digest: str | None) -> str:
    """Return a digest's first twelve hex digits, or `none`."""
    return digest.removeprefix("sha256:")[:12] if digest else "none"


def percent(value: float) -> str:
    """Return a share in per cent, with one decimal."""
    return f"{100 * value:.1f} %"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, such as `1 row` or `2 rows`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def figure(metric: Metric) -> str:
    """Return a metric's value as people read it: shares in per cent, times in milliseconds."""
    if metric.name in SECONDS:
        return f"{1000 * metric.value:.1f} ms"
    return percent(metric.value) if metric.kind == "share" else f"{metric.value:.4g}"


def moved(metric: Metric, value: float) -> str:
    """Return a signed difference of two values of a metric with its unit, such as `+1.2 points`."""
    return f"{in_unit(metric, value, '+.1f', '+.4g')}{unit(metric)}"


def size(metric: Metric, value: float) -> str:
    """Return a margin or tolerance of a metric with its unit, such as `5 points`."""
    return f"{in_unit(metric, value, 'g', 'g')}{unit(metric)}"


def in_unit(metric: Metric, value: float, scaled: str, plain: str) -> str:
    """Return a difference without its unit: in format `scaled` if it has one, else in `plain`."""
    if metric.name in SECONDS:
        return format(1000 * value, scaled)
    return format(100 * value, scaled) if metric.kind == "share" else format(value, plain)


def unit(metric: Metric) -> str:
    """Return the unit of a difference: percentage points for shares, milliseconds for times."""
    if metric.name in SECONDS:
        return " ms"
    return " points" if metric.kind == "share" else ""


def not_compared(metric: str) -> str:
    return f"{metric} was not compared row by row"


def too_few_rows(what: str, rows: int, least: int) -> str:
    return f"only {rows} {what} rows, at least {least} required"


def people(logins: Sequence[str]) -> str:
    """Return logins as mentions."""
    return ", ".join(f"@{login}" for login in logins)


def dated(signatures: Iterable[tuple[str, str]]) -> str:
    """Return who signed and when (RFC 3339, UTC), if the time is known."""
    return ", ".join(f"@{login} ({time})" if time else f"@{login}" for login, time in signatures)


def unknown_contributors(names: Sequence[str]) -> str:
    return (
        f"commits by {', '.join(names)} belong to no account, so it is unknown whether their "
        "authors sign their own work"
    )


def unknown_co_author(email: str, digest: str) -> str:
    return (
        f"the Co-authored-by address {email} belongs to no account, so it is unknown whether its "
        "owner signs their own work; list the address of a coding assistant in "
        f"sign_off.assistants of the policy, or {_lift(email, digest)}"
    )


def named_by_trailer(shown: str, digest: str) -> str:
    return (
        f"only a Co-authored-by trailer names {shown}, who therefore cannot sign; "
        f"{_lift(shown, digest)}"
    )


def _lift(shown: str, digest: str) -> str:
    return (
        f"somebody else with a role who could sign comments `/stand-in {shown} {digest} WHY` and "
        "approves: that approval then covers this person's part and fills no other place"
    )


def stands_in(shown: str, user: str, reason: str) -> str:
    return (
        f"a Co-authored-by trailer names {shown}; the approval of @{user} covers that part and "
        f"fills no other place: {reason}"
    )


def agreement_of(user: str, found: Agreement) -> str:
    """Say on how many rows a person and the judge model chose the same answer."""
    share = f"{100 * found.agreed / found.rows:.0f} %"
    kappa = "undefined" if found.kappa is None else f"{found.kappa:.2f}"
    return (
        f"@{user} and the judge model agree on {found.agreed} of {counted(found.rows, 'row')} "
        f"({share}, Cohen's kappa {kappa})"
    )


def nothing_to_agree_on(user: str) -> str:
    return f"@{user} and the judge model have no row in common that both judged"
