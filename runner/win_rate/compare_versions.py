"""The stage that compares two versions' answers: a judge model is asked, and a sample is drawn.

Each happens only if the policy requires it. The candidate is compared with the incumbent, or with
the base if no version is live.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from countersign_ml.rows.read.row import Row
from policy.errors import UserError
from policy.facts.evidence import ComparedPart, Measurement, Subject
from policy.facts.win_rate_facts import WinRateFacts
from policy.files.win_rate_rules import WinRateGate
from runner.engines.openai_client import Endpoint
from runner.measure.evaluate import outputs_name
from runner.measure.spot_check_sample import Answered, draw
from runner.measure.stored_outputs import output_lines
from runner.run import Run
from runner.win_rate.pairwise import ComparedPairs, compare_pairs
from runner.win_rate.win_rate_prompt import load_prompt

STAGE = "win_rate"


def compared_with(run: Run) -> Subject:
    """Return the subject that judge model and people compare the candidate with."""
    return "base" if run.job.pointer is None else "incumbent"


def compares(run: Run) -> bool:
    """Return whether the policy requires a judge model or a sample for people to read."""
    return run.job.policy.gates.win_rate is not None or run.job.policy.spot_check is not None


def read_answered(measured: Sequence[Measurement], subject: Subject, folder: Path) -> Answered:
    """Return a subject's answers from the file of outputs that `evaluate` wrote."""
    outputs = next(each.outputs for each in measured if each.subject == subject)
    lines = output_lines(folder / outputs_name(subject), subject)
    scores = tuple(line.scores for line in lines)
    return Answered(subject, outputs, tuple(line.answer for line in lines), scores)


def compare_versions(run: Run, rows: Sequence[Row], candidate: Answered, against: Answered) -> None:
    """Record the win rate and the sample, each if the policy requires it.

    A judge model that cannot be reached does not stop the run: what was measured is published. Its
    stage says why it failed, so that the evidence does not pass.
    """
    job = run.job
    gate, rules = job.policy.gates.win_rate, job.policy.spot_check
    scores: tuple[float | None, ...] = ()
    if gate is not None:
        try:
            with run.stage(STAGE) as note:
                compared = _ask(run, gate, rows, candidate, against)
                note.text = _summary(compared.facts)
            run.record(ComparedPart(win_rate=compared.facts))
            scores = compared.scores
        except UserError as error:
            job.reporter.say(f"the judge model cannot be asked; the run continues: {error}")
    if rules is not None:
        sample = draw(
            rows,
            candidate,
            against,
            proposal=job.folder.proposal.digest,
            count=rules.rows,
            judged=scores,
        )
        run.record(ComparedPart(spot_check=sample))


def _summary(facts: WinRateFacts) -> str:
    text = f"{facts.judged} of {facts.pairs} pairs judged by {facts.judge}, {facts.calls} calls"
    if facts.cached_calls:
        text += f" and {facts.cached_calls} from the cache"
    if facts.cost is not None and facts.prices is not None:
        text += f", {facts.cost:.4f} {facts.prices.currency}"
    return text


def _ask(
    run: Run, gate: WinRateGate, rows: Sequence[Row], candidate: Answered, against: Answered
) -> ComparedPairs:
    model, job = gate.judge, run.job
    endpoint = Endpoint.from_environment(
        model.base_url,
        model.model,
        key_variable=model.key_env,
        timeout=model.timeout,
        attempts=model.attempts,
        extra=tuple(sorted(model.decode.items())),
    )
    return compare_pairs(
        rows,
        against.texts,
        candidate.texts,
        endpoint,
        load_prompt(model.prompt),
        job.cache,
        outputs=(against.outputs, candidate.outputs),
        fresh=job.fresh,
        parallel=model.parallel,
        max_tokens=model.max_tokens,
        prices=gate.prices,
        progress=lambda done, all_: job.reporter.progress(
            f"judging, call {done} of {all_}", done / all_
        ),
    )
