"""The audit as Markdown: for a terminal, an issue, or a file next to the release."""

from __future__ import annotations

from collections.abc import Iterator

from countersign_ml.audit.audit_sentences import forced, short
from countersign_ml.audit.judging.audit_result import (
    Audit,
    ChangeAudit,
    ModelAudit,
    RuleAudit,
    SignOff,
    fingerprint,
)
from countersign_ml.markdown import code, plain, table
from policy.errors import one_line
from policy.verdict import Finding
from policy.verdict_text import lines

SHOWN = 12
"""How many reasons are listed above the whole tree."""
LONGEST = 4000
"""Characters of one sentence or path: in the report of an audit it should stay whole."""


def render(audit: Audit) -> str:
    """Return the whole report."""
    parts = [
        f"# Sign-off log of {plain(audit.ref)}",
        audit.conclusion if audit.proven else f"**{audit.conclusion}**",
        "\n".join(_summary(audit)),
    ]
    for model in audit.models:
        parts.extend(_model(model))
    parts.extend(_rules(audit))
    parts.extend(_keys(audit))
    if audit.lost:
        parts.append("## Merges that the branch no longer shows")
        shown = [(code(tag, LONGEST), plain(why, LONGEST)) for tag, why in audit.lost]
        parts.append("\n".join(f"- {tag}: {why}" for tag, why in shown))
    if audit.unreadable:
        parts.append("## Tags without a readable record")
        shown = [(code(tag, LONGEST), plain(why, LONGEST)) for tag, why in audit.unreadable]
        parts.append("\n".join(f"- {tag}: {why}" for tag, why in shown))
    return "\n\n".join(parts) + "\n"


def _summary(audit: Audit) -> Iterator[str]:
    changes, later = audit.changes, audit.later_rules
    proven = sum(change.proven for change in changes)
    forced_gates = sum(len(change.forced) for change in changes)
    yield f"- Last commit: {code(audit.tip.id)}, {plain(audit.tip.at)}"
    yield f"- Commits on the branch: {audit.commits}"
    gates = f", gates forced: {forced_gates}" if changes else ""
    yield f"- Pointer changes: {_proven(len(changes), proven)}{gates}"
    rules = _proven(len(later), sum(rule.proven for rule in later))
    yield f"- Changes of the rules: {rules}"
    yield f"- Records signed for: {', '.join(map(code, audit.repositories)) or 'no repository'}"


def _proven(number: int, proven: int) -> str:
    return f"{number}, proven: {proven}" if number else "none"


def _model(model: ModelAudit) -> Iterator[str]:
    yield f"## {plain(model.model)}"
    live = f"Live: {code(model.live)}." if model.live else "No version is live."
    yield f"{live} {'Proven.' if model.proven else '**Not proven.**'}"
    if model.changes:
        rows = [_row(number, change) for number, change in enumerate(model.changes, 1)]
        yield table(("#", "When", "Change", "Pull request", "Signed by", ""), rows)
    for number, change in enumerate(model.changes, 1):
        gates = _forced(change.sign_off)
        if gates:
            yield "\n".join(f"- #{number} {line}" for line in gates)
    for number, change in enumerate(model.changes, 1):
        if not change.proven:
            yield "\n".join(f"- #{number} {line}" for line in _blocked(change))
    for number, change in enumerate(model.changes, 1):
        yield f"### {number}. {_title(change)}"
        yield _tree(change.finding)
    yield f"### Now\n\n{_tree(model.tip)}"


def _title(change: ChangeAudit) -> str:
    arrow = f"{change.before or 'none'} to {change.after or 'none'}"
    return f"{arrow}: {'proven' if change.proven else 'not proven'}"


def _row(number: int, change: ChangeAudit) -> tuple[str, ...]:
    way = {"forward": "to", "back": "back to", "nothing": "back to", "irregular": "irregular:"}
    sign_off = change.sign_off
    pull = plain(f"#{sign_off.pull} {sign_off.title}") if sign_off else "none"
    mark = "proven" if change.proven else "**not proven**"
    if change.forced:
        mark += ", **forced**"
    return (
        str(number),
        plain(change.commit.at),
        f"{way[change.way]} {code(change.after or 'none')}",
        pull,
        _signers(sign_off),
        mark,
    )


def _signers(sign_off: SignOff | None) -> str:
    if sign_off is None or not sign_off.signers:
        return "nobody"
    return ", ".join(
        plain(signer.login) + (f" ({plain(', '.join(signer.roles))})" if signer.roles else "")
        for signer in sign_off.signers
    )


def _forced(sign_off: SignOff | None) -> list[str]:
    return [
        f"**forced**: {plain(forced(override), LONGEST)}"
        for override in (sign_off.overrides if sign_off else ())
    ]


def _blocked(change: ChangeAudit) -> list[str]:
    return [
        f"**{plain(leaf.name)}**: {plain(leaf.sentence, LONGEST)}"
        for leaf in change.finding.blocking()[:SHOWN]
    ]


def _tree(finding: Finding) -> str:
    body = "\n".join(map(one_line, lines(finding)))
    return f"~~~~text\n{body}\n~~~~"


def _rules(audit: Audit) -> Iterator[str]:
    if audit.rules:
        yield "## Changes of the rules"
        yield "\n".join(_rule(rule) for rule in audit.rules)
    for rule in audit.rules:
        if not rule.proven:
            yield _tree(rule.finding)


def _rule(rule: RuleAudit) -> str:
    mark = rule.mark if rule.proven else f"**{rule.mark}**"
    paths = ", ".join(code(path, LONGEST) for path in rule.paths[:5])
    more = f" and {len(rule.paths) - 5} more" if len(rule.paths) > 5 else ""
    if rule.sign_off is None:
        said = plain(rule.finding.sentence, LONGEST)
    else:
        said = f"{plain(f'#{rule.sign_off.pull}')}, signed by {_signers(rule.sign_off)}"
    return f"- {plain(rule.commit.at)}, {mark}: {paths}{more}; {said}"


def _keys(audit: Audit) -> Iterator[str]:
    yield "## Keys"
    if not audit.keys:
        yield "No key was ever in force, so no record can be verified."
        return
    rows = [
        (code(key.name), code(fingerprint(key)), code(short(key.since.id)), plain(key.since.at))
        for key in audit.keys
    ]
    yield table(("Key", "SHA-256 of the file", "Since", ""), rows)
    yield "Compare these digests with those from the bot's owner: all proofs rest on them."
