"""Every sentence about earlier evidence that a run rests on, or cannot rest on."""

from __future__ import annotations

from policy.errors import UserError


def bad_digest(given: str) -> UserError:
    return UserError.one(
        "--reuse",
        f"{given[:100]!r} is no digest of evidence",
        "give sha256: and 64 lower-case hex digits, as countersign run --json prints",
    )


def reuse_and_fresh() -> UserError:
    return UserError.one(
        "--reuse",
        "stands beside --fresh, which uses nothing that was kept",
        "leave one of them out",
    )


def short(digest: str) -> str:
    return f"{digest[:19]}..."


def reused(digest: str) -> str:
    return f"reused from {short(digest)}"


def checked(digest: str) -> str:
    return f"everything in {short(digest)} is there and whole"


def answers_reused(digest: str, incumbent: str) -> str:
    return f"answers reused from {short(digest)}" + (f"; {incumbent}" if incumbent else "")


def incumbent_reused(digest: str) -> str:
    return f"the incumbent's from its own evidence {short(digest)}"


def incumbent_asked(reason: str) -> str:
    return f"the incumbent was asked now: {reason}"


def nothing_reused(digest: str, reason: str) -> str:
    return f"nothing is reused from {short(digest)}, everything is run: {reason}"


# Reasons


def other_runner(found: str, now: str) -> str:
    return f"it was measured by runner {found}, and this is {now}"


def other_attempt(found: int, now: int) -> str:
    return f"it is attempt {found} of the proposal, and this is attempt {now}"


def other_data(what: str) -> str:
    return f"the data gates count {what} otherwise today"


def other_rows(split: str) -> str:
    return f"the {split} rows are not those that it used"


def lacks(what: str) -> str:
    return f"it has no {what}"


def other_size(name: str, found: int, recorded: int) -> str:
    return f"{name} has {found} bytes in the registry, and {recorded} in the evidence"


def torn_outputs(name: str, said: str) -> str:
    return f"the outputs of {name} are not whole: {said}"


def other_figures(name: str) -> str:
    return f"the outputs of {name}, scored again, do not give its recorded figures"


def times_are_bounded(metric: str) -> str:
    return f"the policy bounds the drop of {metric}, and times of two runs are not compared"


def another_bench(engine: str, device: str, engine_now: str, device_now: str) -> str:
    return (
        f"the incumbent has to be asked, by {engine_now} on {device_now}, and the candidate was "
        f"asked by {engine} on {device}"
    )


def no_record(said: str) -> str:
    return f"its recorded evidence is not to be had ({said})"


def record_of_another() -> str:
    return "its recorded evidence is about another file"


def asked_otherwise(what: str) -> str:
    return f"it was asked with {what}"
