"""Every sentence about a metric that a package brings."""

from __future__ import annotations

from collections.abc import Sequence

from policy.errors import Problem, UserError


def _where(name: str, package: str) -> str:
    return f"metric {name!r} of {package}"


def unknown(name: str, known: Sequence[str]) -> UserError:
    listed = ", ".join(known) if known else "there is none"
    return UserError.one(
        "contract.yml metrics",
        f"no installed package brings the metric {name!r}",
        f"install it where the runner is, or take it out; entry points countersign.metrics: "
        f"{listed}",
    )


def twice(name: str, packages: Sequence[str]) -> UserError:
    return UserError.one(
        f"metric {name!r}",
        f"is brought by several packages: {', '.join(packages)}",
        "keep one of them installed",
    )


def not_loaded(name: str, package: str, error: Exception) -> UserError:
    return UserError.one(
        _where(name, package),
        f"cannot be loaded: {type(error).__name__}: {error}",
        "mend the package, or take the metric out of contract.yml",
    )


def wrong_part(name: str, package: str, what: str) -> Problem:
    return Problem(_where(name, package), what, "see docs/evaluation.md, own metrics")


def broke(name: str, package: str, where: str, error: Exception) -> UserError:
    return UserError.one(
        _where(name, package),
        f"broke at {where}: {type(error).__name__}: {error}",
        "a metric scores every answer, empty and broken ones too; mend the package",
    )


def nonsense(name: str, package: str, where: str, kind: str, value: object) -> UserError:
    wanted = "True or False" if kind == "share" else "a finite number"
    return UserError.one(
        _where(name, package),
        f"gave {repr(value)[:80]} at {where}, and not {wanted}",
        "mend the package",
    )
