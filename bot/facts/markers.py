"""Names and hidden lines by which the bot finds what it wrote: labels, markers, the check's name.

GitHub keeps all state, so what one module writes another has to find again.
"""

from __future__ import annotations

CHECK_NAME = "countersign"
MERGED_NAME = "countersign/merged"
"""The check of a merge commit. It has another name than the required one: a commit that carries it
must not pass for a head that was judged."""
COMMENT_MARKER = "<!-- countersign:pull-request -->"
KEYS_MARKER = "<!-- countersign:keys "
EXPLAIN_MARKER = "<!-- countersign:explain "
RETRAIN_MARKER = "<!-- countersign:retrain "
SPOT_CHECK_MARKER = "<!-- countersign:spot-check "
ANSWERS = (EXPLAIN_MARKER, RETRAIN_MARKER, SPOT_CHECK_MARKER)
"""The first line of every comment that answers a command begins with one of these."""

HOLD_LABEL = "countersign: hold"
INCIDENT_LABEL = "countersign-incident"
FREEZE_LABEL = "countersign-freeze"
FREEZE_MARKER = "<!-- countersign:freeze -->"
FREEZE_TITLE = "Promotions are frozen: "

ROLLBACK_BRANCHES = ("revert-", "countersign/")
"""Where the branches of rollbacks begin: GitHub's Revert button, and the bot's own."""


def answer_marker(kind: str, comment: int) -> str:
    """Return the first line of the answer to one comment; `kind` is one of ANSWERS."""
    return f"{kind}{comment} -->"


def keys_marker(keys: str) -> str:
    """Return the hidden line that names run keys: a finished run finds its pull request by it."""
    return f"\n{KEYS_MARKER}{keys} -->" if keys else ""


def incident_marker(model: str, version: str) -> str:
    """Return the first line of the incident about one version."""
    return f"<!-- countersign:incident {model} {version} -->"
