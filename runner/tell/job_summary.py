"""The summary of a workflow job: findings and measurements as Markdown, without a verdict.

GitHub names a file in `GITHUB_STEP_SUMMARY` and shows what a step wrote there, up to 1 MiB. Content
of rows and models is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from countersign_ml.markdown import code, table
from countersign_ml.rows.diff import diff_markdown
from policy.facts.evidence import DataFacts, Evidence, Metric
from policy.policy_sentences import figure

VARIABLE = "GITHUB_STEP_SUMMARY"
MOST_BYTES = 1_000_000
"""Below GitHub's 1,048,576 bytes of one step."""
SHOWN_FINDINGS = 10
SUBJECTS = ("base", "incumbent", "merged", "candidate")


def tell(evidence: Evidence) -> None:
    """Add the results of a run to the job's summary; does nothing outside a workflow."""
    place = os.environ.get(VARIABLE)
    if not place:
        return
    path = Path(place)
    try:
        room = MOST_BYTES - (path.stat().st_size if path.exists() else 0)
        text = render(evidence).encode()
        if len(text) <= room:
            with path.open("ab") as file:
                file.write(text)
    except OSError:
        return  # an unwritable summary must not fail a run


def render(evidence: Evidence) -> str:
    """Return the whole summary of one model's run."""
    parts = [f"## {code(evidence.model)}", f"Proposal {code(evidence.proposal.digest)}"]
    if evidence.data is not None:
        parts += _data(evidence.data)
    change = evidence.data_change
    if change is not None and change.diff is not None:
        parts += [diff_markdown.render(change.diff, evidence.model).rstrip()]
    elif change is not None and change.base == "first":
        parts.append("The base branch has no data of this model: it is a first version.")
    elif change is not None:
        parts.append(f"What changed in the data is not known: {code(change.why, 500)}.")
    if evidence.measurements:
        parts.append(_metrics(evidence))
    parts.append(table(("Stage", "Outcome", "Time", "Message"), list(_stages(evidence))))
    return "\n\n".join(parts) + "\n"


def _data(data: DataFacts) -> Iterator[str]:
    """Yield the splits, a line for each gate, and the first findings of each gate."""
    yield table(
        ("Split", "Rows", "File"),
        [(code(part.split), f"{part.rows:,}", code(part.path)) for part in data.splits],
    )
    yield table(
        ("Data gate", "Findings"), [(code(gate.gate), f"{gate.count:,}") for gate in data.gates]
    )
    lines = [
        f"- {code(gate.gate)} {code(f'{row.file}:{row.line} {row.field}', 300)}: "
        f"{code(row.message, 300)}"
        for gate in data.gates
        for row in gate.findings[:SHOWN_FINDINGS]
    ]
    if lines:
        yield "\n".join(lines)


def _metrics(evidence: Evidence) -> str:
    found = {each.subject: each for each in evidence.measurements}
    subjects = [found[name] for name in SUBJECTS if name in found]
    names = dict.fromkeys(metric.name for each in subjects for metric in each.metrics)
    rows = [(code(name), *(_figure(each.metric(name)) for each in subjects)) for name in names]
    return table(("Metric", *(each.subject for each in subjects)), rows)


def _figure(metric: Metric | None) -> str:
    return "–" if metric is None else code(figure(metric))


def _stages(evidence: Evidence) -> Iterator[Sequence[str]]:
    for stage in evidence.stages:
        message = code(stage.message, 500) if stage.message else "–"
        yield code(stage.stage), stage.outcome, f"{stage.seconds:.1f} s", message
