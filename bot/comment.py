"""The one comment of a pull request: verdict first, then figures, then who has to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot import figures, messages
from bot.markdown import LIMIT, code, cut_middle, fold, plain, table
from bot.model_state import ModelState
from policy.evidence import Evidence
from policy.verdict import Finding, Outcome

SHOWN_FINDINGS = 20
WORDS = {
    Outcome.PASSED: "passed",
    Outcome.WAIVED: "waived",
    Outcome.MISSING: "missing",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.ERRORED: "errored",
    Outcome.FAILED: "failed",
}


def body(
    title: str, verdict: Finding, states: Sequence[ModelState], sign_off: Finding | None
) -> str:
    """Return the whole comment for an open pull request, within GitHub's limit."""
    keys = " ".join(state.key for state in states if state.key)
    parts = [messages.COMMENT_MARKER + messages.keys_marker(keys), f"## {title}"]
    reasons = blocking_lines(verdict, sign_off, states)
    if reasons:
        parts.append("\n".join(reasons))
    for state in states:
        parts.append(section(state))
    if sign_off is not None:
        parts.append("### Signatures\n\n" + tree(sign_off.parts))
    return cut_middle("\n\n".join(parts) + "\n", messages.CUT, LIMIT)


def merged_body(
    title: str,
    lines: Sequence[str],
    signed: Mapping[str, Sequence[str]],
    states: Sequence[ModelState],
) -> str:
    """Return the comment of a merged pull request: what shipped, who signed."""
    parts = [messages.COMMENT_MARKER, f"## {title}", *lines, messages.signed_line(signed)]
    parts.extend(section(state) for state in states)
    return cut_middle("\n\n".join(parts) + "\n", messages.CUT, LIMIT)


def blocking_lines(
    verdict: Finding, sign_off: Finding | None, states: Sequence[ModelState]
) -> list[str]:
    """Return each reason that blocks, one list item each, in the verdict's order.

    While nobody can sign yet, missing signatures are no reason that anybody has to read.
    """
    early = sign_off is not None and not all(state.carried for state in states)
    unsigned = set(sign_off.blocking()) if sign_off is not None and early else set()
    return [
        f"- **{plain(leaf.name)}** ({WORDS[leaf.outcome]}): {sentence(leaf)}"
        for leaf in dict.fromkeys(verdict.blocking())
        if not (leaf in unsigned and leaf.outcome is Outcome.MISSING)
    ]


def sentence(finding: Finding) -> str:
    """Return a finding's sentence, safe for Markdown."""
    return plain(finding.sentence, 1000)


def tree(findings: Sequence[Finding], depth: int = 0) -> str:
    """Return findings as a nested list."""
    lines: list[str] = []
    for finding in findings:
        word = WORDS[finding.outcome]
        lines.append(f"{'  ' * depth}- {plain(finding.name)}: **{word}**, {sentence(finding)}")
        if finding.parts:
            lines.append(tree(finding.parts, depth + 1))
    return "\n".join(lines)


def section(state: ModelState) -> str:
    """Return one model's part: what it would ship, its table, its data, its details."""
    parts = [f"### {_heading(state)}"]
    evidence = state.evidence
    if evidence is not None:
        metrics = metric_table(evidence, state.finding)
        if metrics:
            parts.append(metrics)
        defects = data_findings(evidence)
        if defects:
            parts.append(defects)
    if state.remarks:
        parts.append("\n".join(f"- {plain(remark, 1000)}" for remark in state.remarks))
    if state.finding.parts:
        parts.append(fold("Every gate", tree(state.finding.parts)))
    if evidence is not None:
        samples = sample_table(evidence)
        if samples:
            parts.append(fold("Sample of answers", samples))
        parts.append(fold("Digests, stages, time", details(state, evidence)))
    return "\n\n".join(parts)


def _heading(state: ModelState) -> str:
    name = code(state.model)
    old = code(state.replaced) if state.replaced else "nothing"
    if state.pointer is not None:
        verb = "back to" if state.kind == "rollback" else "to"
        return f"{name}: {old} {verb} {code(state.pointer.version)}"
    return f"{name}: back to nothing" if state.kind == "rollback" else name


def metric_table(evidence: Evidence, finding: Finding) -> str:
    """Return the evaluation table with the gate's word on each metric."""
    rows = figures.rows(evidence)
    if not rows:
        return ""
    gates = _metric_gates(finding)
    cells = [
        (
            code(row.metric),
            row.base,
            row.incumbent,
            row.candidate,
            row.change,
            row.interval,
            _gate(gates.get(row.metric)),
        )
        for row in rows
    ]
    head = ("Metric", "Base", "Incumbent", "Candidate", "Change", "95 % interval", "Gate")
    return table(head, cells)


def _metric_gates(finding: Finding) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    if finding.name in ("measurement", "recovery"):
        found.update({part.name: part for part in finding.parts})
    for part in finding.parts:
        found.update(_metric_gates(part))
    return found


def _gate(finding: Finding | None) -> str:
    if finding is None:
        return "no gate"
    if finding.outcome.lets_through:
        return WORDS[finding.outcome]
    return f"**{WORDS[finding.outcome]}**: {sentence(finding)}"


def data_findings(evidence: Evidence) -> str:
    """Return the first defects of the data, located, with the true counts."""
    if evidence.data is None:
        return ""
    lines: list[str] = []
    for gate in evidence.data.gates:
        if gate.count == 0:
            continue
        lines.append(f"- {plain(gate.gate)}: {gate.count}")
        shown = gate.findings[:SHOWN_FINDINGS]
        for row in shown:
            where = code(f"{row.file}:{row.line}" + (f" {row.field}" if row.field else ""))
            lines.append(f"  - {where}: {plain(row.message)}")
        if gate.count > len(shown):
            lines.append(f"  - {messages.more(gate.count - len(shown))}")
    return "Findings in the data:\n\n" + "\n".join(lines) if lines else ""


def sample_table(evidence: Evidence) -> str:
    """Return held-out rows with what each subject said, for a person to read."""
    subjects = [s for s in ("base", "incumbent", "candidate") if evidence.measurement(s)]
    rows = [
        (
            code(sample.input, 200),
            code(sample.expected, 120),
            *(code(sample.answers.get(subject, ""), 120) or "–" for subject in subjects),
        )
        for sample in evidence.samples[:10]
    ]
    return table(("Input", "Expected", *(s.capitalize() for s in subjects)), rows) if rows else ""


def details(state: ModelState, evidence: Evidence) -> str:
    """Return digests, the run, every stage and what it cost in time."""
    run = state.run.url if state.run else plain(evidence.producer.workflow_run) or "–"
    facts = [
        ("Run", run),
        ("Proposal", code(evidence.proposal.digest)),
        ("Evidence", code(evidence.digest())),
        ("Measured at commit", code(evidence.commit)),
    ]
    if state.key:
        facts.insert(1, ("Run key", code(state.key)))
    facts += [
        (f"File {code(artifact.name)}", f"{code(artifact.digest)}, {figures.size(artifact.size)}")
        for artifact in evidence.artifacts
    ]
    if evidence.training is not None:
        training = evidence.training
        spent = f"{figures.duration(training.seconds)} on {plain(training.device)}"
        facts.append(("Training", f"{spent}, {figures.size(training.peak_memory_bytes)} of memory"))
    total = figures.duration(sum(stage.seconds for stage in evidence.stages))
    facts.append(("All stages", total))
    stages = [
        (
            plain(stage.stage),
            stage.outcome,
            figures.duration(stage.seconds),
            plain(stage.message) or "–",
        )
        for stage in evidence.stages
    ]
    return (
        table(("What", "Value"), facts)
        + "\n\n"
        + table(("Stage", "Outcome", "Time", "Message"), stages)
    )
