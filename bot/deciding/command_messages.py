"""Every sentence about what people ask for in comments: to hold, freeze, force, explain, spend."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.markdown import code, plain
from policy.people.sign_off_record import Override

HOLD_LABEL = "countersign: hold"
FREEZE_LABEL = "countersign-freeze"
FREEZE_MARKER = "<!-- countersign:freeze -->"
FREEZE_TITLE = "Promotions are frozen: "
EXPLAIN_MARKER = "<!-- countersign:explain "
FREEZE_UNREAD = "whether promotions are frozen was not looked up"
OVERRIDE_UNREADABLE = "its reason needs 10 to 500 characters"
OVERRIDE_INVOLVED = "whoever has a part in a proposal cannot force it"
RUN_HELD = "no run is started while this is held"


def held(by: str, reason: str) -> str:
    who = f"@{by} holds this pull request" if by else "this pull request is held"
    why = f": {reason}" if reason else ""
    return f"{who}{why}; whoever may hold, and has no part in it, ends that with /unhold"


def frozen(issue: int, reason: str) -> str:
    where = f" (issue #{issue})" if issue else ""
    return f"promotions are frozen{where}: {reason}; a way back is not"


def over_budget(sentence: str, head: str) -> str:
    return f"{sentence} with the comment `/train {head}`"


def explain_marker(comment: int) -> str:
    return f"{EXPLAIN_MARKER}{comment} -->"


def explained(head: str, now: str) -> str:
    return f"As of {plain(now)}, at {code(head[:12])}. My other comment here stays current."


def override_not_allowed(gate: str) -> str:
    return f"the policy does not let anybody force {gate}"


def no_such_gate(gate: str) -> str:
    return f"no gate that could be forced is called {gate!r}"


def override_wrong_role(roles: Sequence[str]) -> str:
    return f"only people with write access who hold {' or '.join(roles)} may"


def override_refused(author: str, gate: str, why: str) -> str:
    return f"the override of {gate} by {author} does not count: {why}"


def forced(override: Override) -> str:
    return (
        f"{plain(override.gate)} does not hold, and is forced by {plain(override.user)} as "
        f"{plain(override.role)}: {plain(override.reason, 500)}"
    )


def how_to_override(gates: Sequence[str], evidence: str) -> str:
    named = " or ".join(code(gate) for gate in gates)
    return (
        f"Whoever the policy lets force {named} may comment "
        f"{code(f'/override {gates[0]} {evidence} WHY')}; it shows for ever."
    )


def cancelled(by: str) -> str:
    return f"its run is being stopped, as @{by} asked"
