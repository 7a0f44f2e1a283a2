"""Sentences that several rooms or modules of the bot use; all others are at their use."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.markdown import code, plain
from policy.policy_sentences import counted

TITLES = {
    "passed": "Passed: evidence and signatures are complete",
    "spot-check": "Waiting for the spot-check",
    "sign": "Waiting for signatures",
    "measuring": "Waiting for evidence",
    "release": "Evidence passed; the release commit follows",
    "held": "Signed, but stopped for now",
    "failed": "Blocked",
    "inconclusive": "Inconclusive: the measurements cannot settle it",
}
"""What a verdict results in, as the title of check and comment."""


def title(key: str, kinds: Sequence[str]) -> str:
    """Return the title of check and comment; that of a rollback says so."""
    words = TITLES[key]
    return f"Rollback: {words[0].lower()}{words[1:]}" if "rollback" in kinds else words


FURTHER_PATHS = "further paths"
OTHER_FILES = "other files"
LISTED_FILES = 20
NOTHING_GOVERNED = "Nothing governed changes here."
MERGE_UNKNOWN = (
    "GitHub has not computed yet what this merge would change. It is judged again in a moment."
)


def foreign_tag(tag: str) -> str:
    return (
        f"The tag {code(tag)} already exists, and is not the record that this bot would sign. "
        "Anyone who may push can delete it: git push origin --delete refs/tags/ and its name. Then "
        "an administrator should protect the tags countersign*/** with a ruleset that only the App "
        "bypasses."
    )


def refused_tag(tag: str, reason: str) -> str:
    return (
        f"GitHub refuses the tag {code(tag)}, which keeps a signed record: {plain(reason)}. An "
        "administrator must let the App write contents, and bypass the rulesets for tags."
    )


ATTEMPTS_RULE = (
    "Every attempt must pass, and the file of the first one ships: another attempt can hold a "
    "version back, but never makes a failed one pass."
)
LEAST_DIGITS = 12
"""How many digits of a sample's digest a signature gives at least."""


def sample_name(digest: str) -> str:
    """Return the first digits of a sample's digest, as a command names it."""
    return digest.removeprefix("sha256:")[:LEAST_DIGITS]


def spot_check_command(digest: str, rows: int) -> str:
    """Return a command to copy, with a `?` for each row in place of a mark."""
    return f"/spot-check {sample_name(digest)} {' '.join('?' * rows)}"


def other_files(paths: Sequence[str]) -> str:
    """List the files next to a model's that no rule governs, so that signers look at them too."""
    listed = ", ".join(paths[:LISTED_FILES])
    more = len(paths) - LISTED_FILES
    return f"{counted(len(paths), 'file')} that no rule governs would merge too: {listed}" + (
        f" and {more} more" if more > 0 else ""
    )
