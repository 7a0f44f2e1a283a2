"""Which gates somebody forced, read from comments: `/override GATE sha256:<evidence> why`.

It names the evidence by its whole digest, so it covers nothing that is measured later. It counts if
the policy names the gate and a role of its author, who has write access and no part in the
proposal, in a comment that nobody edited.
"""

from __future__ import annotations

from typing import get_args

from pydantic import ValidationError

from bot.facts import comment_commands
from bot.facts.comment_commands import Command
from bot.facts.role_holders import holders, involved
from bot.facts.snapshot import Snapshot
from policy.files.people_rules import WaivableGate
from policy.files.rules import Policy
from policy.people.sign_off_record import Override


def overrides(
    snapshot: Snapshot, policy: Policy, model: str, evidence: str
) -> tuple[tuple[Override, ...], tuple[str, ...]]:
    """Return the overrides that count for this evidence, and why others do not.

    A gate is forced once; the first who did is named.
    """
    found: dict[str, Override] = {}
    refused: list[str] = []
    for command in comment_commands.heard(snapshot.comments, "override"):
        gate, digest, reason = command.argument.split(" ", 2)
        if digest != evidence:
            continue
        reason_against = _against(snapshot, policy, gate, command)
        stated = _override(snapshot, policy, model, gate, digest, reason, command)
        if reason_against or stated is None:
            why = reason_against or "its reason needs 10 to 500 characters"
            author = command.comment.author
            refused.append(f"the override of {gate} by {author} does not count: {why}")
        else:
            found.setdefault(gate, stated)
    return tuple(found[gate] for gate in sorted(found)), tuple(refused)


def _against(snapshot: Snapshot, policy: Policy, gate: str, command: Command) -> str:
    rules = policy.override
    if rules is None or gate not in rules.gates:
        if gate in get_args(WaivableGate):
            return f"the policy does not allow anyone to force {gate}"
        return f"no gate that could be forced has the name {gate!r}"
    if command.author in involved(snapshot):
        return "nobody who has a part in a proposal can force it"
    if command.author not in holders(snapshot, rules.roles):
        return f"only people with write access and the role {' or '.join(rules.roles)} may"
    return ""


def _override(
    snapshot: Snapshot,
    policy: Policy,
    model: str,
    gate: str,
    digest: str,
    reason: str,
    command: Command,
) -> Override | None:
    roles = policy.override.roles if policy.override else ()
    held = [role for role in roles if command.author in holders(snapshot, (role,))]
    try:
        return Override.model_validate(
            {
                "model": model,
                "gate": gate,
                "evidence": digest,
                "user": command.comment.author,
                "role": held[0] if held else "",
                "reason": reason.strip(),
                "comment": command.comment.id,
                "stated": command.comment.created,
            }
        )
    except ValidationError:
        return None
