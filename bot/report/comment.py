"""The one comment of a pull request: verdict first, then figures, then who has to sign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.facts import markers
from bot.facts.model_state import ModelState
from bot.facts.own_comment import remembered
from bot.report import (
    attempt_table,
    data_change,
    data_gate_table,
    drift_table,
    example_rows,
    figures,
    held_out_change,
    moved_slices,
    spending,
    spot_check_table,
)
from bot.report import report_sentences as say
from bot.report.verdict_tree import WORDS, sentence, tree
from countersign_ml.markdown import LIMIT, code, cut_middle, fold, plain, table
from policy.facts.evidence import Evidence
from policy.gates.metric_gates import QUANTISATION
from policy.gates.win_rate_gate import WIN_RATE
from policy.verdict import Finding, Outcome

ROOTS = ("countersign", "sign-off")
"""Findings that contain all others; naming them adds nothing."""


def body(
    title: str,
    verdict: Finding,
    states: Sequence[ModelState],
    sign_off: Finding | None,
    *,
    lead: str = "",
    earlier: Sequence[str] = (),
) -> str:
    """Return the whole comment for an open pull request, within GitHub's limit.

    What a reader has to know comes first and unfolded: the verdict, what blocks, the figures, who
    has to sign. `earlier` are the run keys that this pull request had before.
    """
    parts = [marker(earlier, [key for state in states for key in state.keys]), f"## {title}"]
    reasons = blocking_lines(verdict, sign_off, states, signatures=False)
    parts += [lead, "\n".join([*reasons, *warned_lines(verdict)]), *samples_to_read(states)]
    parts += [overview(state) for state in states]
    if sign_off is not None:
        signatures = tree(sign_off.parts)
        if all(state.carried for state in states):
            parts.append(f"### Signatures\n\n{signatures}")
        else:
            parts.append(fold("Who will have to sign", signatures))
    parts += [folded(state) for state in states]
    parts.append(fold(say.EVERY_FINDING, tree(verdict.parts)))
    return cut_middle("\n\n".join(part for part in parts if part) + "\n", say.CUT, LIMIT)


def marker(earlier: Sequence[str], now: Sequence[str] = ()) -> str:
    """Return the hidden lines at the start of our comment."""
    return markers.COMMENT_MARKER + markers.keys_marker(remembered(earlier, now))


def merged_body(
    title: str,
    lines: Sequence[str],
    signed: Mapping[str, Sequence[str]],
    states: Sequence[ModelState],
) -> str:
    """Return the comment of a merged pull request: what shipped, who signed."""
    parts = [markers.COMMENT_MARKER, f"## {title}", *lines, _signed_line(signed)]
    parts.extend(section(state) for state in states)
    parts.append(fold(say.EVERY_FINDING, tree([state.finding for state in states])))
    return cut_middle("\n\n".join(parts) + "\n", say.CUT, LIMIT)


def _signed_line(signed: Mapping[str, Sequence[str]]) -> str:
    if not signed:
        return "No approval of the head counts as a signature."
    people = [
        f"{plain(login)} ({', '.join(roles) if roles else 'code owner or other'})"
        for login, roles in signed.items()
    ]
    return f"Signed by {', '.join(people)}."


def blocking_lines(
    verdict: Finding,
    sign_off: Finding | None,
    states: Sequence[ModelState],
    *,
    signatures: bool = True,
) -> list[str]:
    """Return each reason that blocks, one list item each, in the verdict's order.

    Missing signatures are left out while nobody can sign yet, except for a sample that waits to be
    read, and always without `signatures`, because they have their own section then.
    """
    apart = sign_off is not None and not (signatures and all(state.carried for state in states))
    unsigned = set(sign_off.blocking()) if sign_off is not None and apart else set()
    for state in states:
        if signatures and state.awaits_readers and state.spot_check is not None:
            unsigned -= set(state.spot_check.finding.blocking())
    return list(
        dict.fromkeys(
            f"- **{plain(name)}** ({WORDS[leaf.outcome]}): {sentence(leaf)}"
            for name, leaf in _blocking(verdict)
            if not (leaf in unsigned and leaf.outcome is Outcome.MISSING)
        )
    )


def warned_lines(verdict: Finding) -> list[str]:
    """Return each warning that does not block, one list item each: signers have to know it."""
    return [
        f"- ⚠ {plain(name)} ({WORDS[leaf.outcome]}): {sentence(leaf)}"
        for name, leaf in _named(verdict)
        if leaf.outcome is Outcome.WARNED
    ]


def _blocking(finding: Finding) -> Iterator[tuple[str, Finding]]:
    return ((name, leaf) for name, leaf in _named(finding) if not leaf.outcome.lets_through)


def _named(finding: Finding, above: str = "") -> Iterator[tuple[str, Finding]]:
    """Yield every leaf with its name and the name of the finding that contains it."""
    if not finding.parts:
        yield f"{above}: {finding.name}" if above else finding.name, finding
    inside = "" if finding.name in ROOTS else finding.name
    for part in finding.parts:
        yield from _named(part, inside)


def samples_to_read(states: Sequence[ModelState]) -> list[str]:
    """Return how to sign each sample that waits, followed by the folded sample."""
    waiting = [state for state in states if state.awaits_readers]
    parts = []
    for state in waiting:
        of = plain(state.model) + ": "
        sample = spot_check_table.blind(state, spot_check_table.BLIND // len(waiting))
        parts += [
            spot_check_table.how_to_sign(state),
            fold(of + "sample for the spot-check", sample),
        ]
    return parts


def section(state: ModelState) -> str:
    """Return the section of one model: what it would ship, its figures, its data, its details."""
    return "\n\n".join(part for part in (overview(state), folded(state)) if part)


def overview(state: ModelState) -> str:
    """Return what everyone reads about a model: versions, warnings, figures, bad rows."""
    parts = [f"### {_heading(state)}"]
    parts += [f"**⚠ {plain(warning, 1000)}.**" for warning in state.judged.warnings]
    parts += [f"**⚠ {say.forced(override)}**" for override in state.judged.overrides]
    if state.evidence is not None:
        parts += [metric_table(state.evidence, state.finding), win_rate(state.finding)]
        parts += [held_out_change.on_former_rows(state.evidence)]
        parts += [data_change.sentence(state.evidence)]
        parts += [data_gate_table.found_rows(state.evidence, state.finding)]
        parts += [spending.line(state.evidence)]
    parts.append(state.judged.look.sentence if state.judged.look is not None else "")
    parts.append(attempt_table.of_comment(state))
    if state.judged.before is not None:
        live = code(state.judged.replaced or "")
        parts.append(f"The live version, {live}, as measured for its release:")
        parts.append(metric_table(state.judged.before, None))
    if state.judged.run is not None:
        parts.append(f"Run: [{plain(state.judged.run.title)}]({state.judged.run.url})")
    if state.judged.waivable and state.evidence is not None:
        parts.append(say.how_to_override(state.judged.waivable, state.evidence.digest()))
    parts.append("\n".join(f"- {plain(remark, 1000)}" for remark in state.remarks))
    return "\n\n".join(part for part in parts if part)


def folded(state: ModelState) -> str:
    """Return the details to look up, each in a fold: answers, slices, data gates, digests."""
    of = plain(state.model) + ": "
    parts = []
    if state.evidence is not None:
        hidden = spot_check_table.hidden(state)
        shown = (
            ("spot-check", spot_check_table.signed(state)),
            ("metrics without a gate", other_metrics(state.evidence, state.finding)),
            ("slices", moved_slices.slice_tables(state.evidence)),
            (
                "drift",
                drift_table.drift_table(state.evidence, state.judged.drift_gates, state.finding),
            ),
            ("what changed in the data", data_change.tables(state.evidence)),
            ("data gates", data_gate_table.every_gate(state.evidence, state.finding)),
            ("rows won and lost", example_rows.won_and_lost(state.evidence, hidden)),
            ("sample of answers", example_rows.sample_table(state.evidence, hidden)),
            ("rows as they were trained on", example_rows.rendered_rows(state.evidence)),
        )
        parts += [fold(of + name, text) for name, text in shown if text]
        parts.append(fold(of + "digests, stages, time", details(state, state.evidence)))
    return "\n\n".join(parts)


def _heading(state: ModelState) -> str:
    name = code(state.model)
    old = code(state.judged.replaced) if state.judged.replaced else "nothing"
    if state.pointer is not None:
        verb = "back to" if state.kind == "rollback" else "to"
        return f"{name}: {old} {verb} {code(state.pointer.version)}"
    return f"{name}: back to nothing" if state.kind == "rollback" else name


def metric_table(evidence: Evidence, finding: Finding | None) -> str:
    """Return the evaluation table.

    With a finding it has the metrics with a gate and their outcomes; if no metric has a gate, or
    without a finding (the record of a released version), it has all metrics. The merged model's
    figures are included if quantisation cost too much, or may have.
    """
    gates = _metric_gates(finding) if finding is not None else {}
    rows = figures.rows(evidence)
    gated = [row for row in rows if row.metric in gates]
    asked = [part for gate in gates.values() for part in gate.parts if part.name == QUANTISATION]
    quantised = any(part.outcome is not Outcome.PASSED for part in asked)
    return _metric_table(gated or rows, gates if finding else None, merged=quantised)


def other_metrics(evidence: Evidence, finding: Finding) -> str:
    """Return the table of the metrics without a gate; empty if all are shown already."""
    gates = _metric_gates(finding)
    rows = figures.rows(evidence)
    others = [row for row in rows if row.metric not in gates]
    return _metric_table(others, {}, merged=True) if len(others) < len(rows) else ""


def _metric_table(
    rows: Sequence[figures.Row], gates: Mapping[str, Finding] | None, *, merged: bool
) -> str:
    """Return the table without its empty columns: a rollback measures one file only."""
    if not rows:
        return ""
    live, candidate = (
        ("Previous version", "This version") if gates is None else ("Live", "Candidate")
    )
    columns = {
        "Metric": [code(row.metric) for row in rows],
        "Gate": [_gate(gates.get(row.metric)) if gates else figures.NOTHING for row in rows],
        "Base": [row.base for row in rows],
        live: [row.incumbent for row in rows],
        "Merged": [row.merged if merged else figures.NOTHING for row in rows],
        candidate: [row.candidate for row in rows],
        "Change": [row.change for row in rows],
        "95 % interval": [row.interval for row in rows],
    }
    shown = {head: cells for head, cells in columns.items() if set(cells) != {figures.NOTHING}}
    return table(list(shown), list(zip(*shown.values(), strict=True)))


def _metric_gates(finding: Finding) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    if finding.name in ("measurement", "recovery"):
        found.update({part.name: part for part in finding.parts})
    for part in finding.parts:
        found.update(_metric_gates(part))
    return found


def win_rate(finding: Finding) -> str:
    """Return the judge model's win rate in one line; empty if no judge was used."""
    if finding.name == WIN_RATE:
        return f"**Judge's win rate**: {WORDS[finding.outcome]}; {sentence(finding)}."
    return next(filter(None, map(win_rate, finding.parts)), "")


def _gate(finding: Finding | None) -> str:
    """Return the gate's outcome; why it blocks is above the table."""
    if finding is None:
        return "no gate"
    word = WORDS[finding.outcome]
    return word if finding.outcome.lets_through else f"**{word}**"


def details(state: ModelState, evidence: Evidence) -> str:
    """Return digests, the run, and every stage with its duration."""
    decides = state.judged.run
    run = decides.url if decides else plain(evidence.producer.workflow_run) or "–"
    facts = [
        ("Run", run),
        ("Proposal", code(evidence.proposal.digest)),
        ("Evidence", code(evidence.digest())),
        ("Measured at commit", code(evidence.commit)),
    ]
    if state.judged.key:
        facts.insert(1, ("Run key", code(state.judged.key)))
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
