"""The stage that compares two versions' answers: a judge model is asked, and a sample is drawn.

Each only where the policy asks for it. The candidate stands beside the incumbent, or beside the
base where no version is live.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from countersign_ml.rows.read.row import Row
from policy.errors import UserError
from policy.facts.evidence import Measurement, Subject
from policy.files.win_rate_rules import WinRateGate
from runner import messages
from runner.engines.openai_client import Endpoint
from runner.measure.evaluate import outputs_name
from runner.measure.spot_check_sample import Answered, draw
from runner.measure.stored_outputs import output_lines
from runner.run import Run
from runner.win_rate.pairwise import Judged, judge_pairs
from runner.win_rate.win_rate_prompt import load_prompt

STAGE = "judge"


def beside(run: Run) -> Subject:
    """Return whose answers the candidate's are compared with by judge and people."""
    return "base" if run.job.pointer is None else "incumbent"


def compares(run: Run) -> bool:
    """Return whether the policy asks for a judge model or for people to read a sample."""
    return run.job.policy.gates.win_rate is not None or run.job.policy.spot_check is not None


def read_answered(measured: Sequence[Measurement], subject: Subject, folder: Path) -> Answered:
    """Return what a subject said, from the file of outputs that evaluating wrote."""
    outputs = next(each.outputs for each in measured if each.subject == subject)
    lines = output_lines(folder / outputs_name(subject), subject)
    scores = tuple(line.scores for line in lines)
    return Answered(subject, outputs, tuple(line.answer for line in lines), scores)


def compare_versions(run: Run, rows: Sequence[Row], candidate: Answered, against: Answered) -> None:
    """Leave the judge's facts and the sample in `run.found`, each where the policy asks for it.

    A judge that could not be asked at all does not cost the run: its stage says why, so that the
    evidence does not pass, and what was measured is published.
    """
    job, found = run.job, run.found
    gate, rules = job.policy.gates.win_rate, job.policy.spot_check
    scores: tuple[float | None, ...] = ()
    if gate is not None:
        try:
            with run.stage(STAGE) as note:
                judged = _ask(run, gate, rows, candidate, against)
                note.text = messages.judged(judged.facts)
            found.judge, scores = judged.facts, judged.scores
        except UserError as error:
            job.reporter.say(messages.judge_not_asked(error))
    if rules is not None:
        found.spot_check = draw(
            rows,
            candidate,
            against,
            proposal=job.folder.proposal.digest,
            count=rules.rows,
            judged=scores,
        )


def _ask(
    run: Run, gate: WinRateGate, rows: Sequence[Row], candidate: Answered, against: Answered
) -> Judged:
    judge, job = gate.judge, run.job
    endpoint = Endpoint.from_environment(
        judge.base_url,
        judge.model,
        key_variable=judge.key_env,
        timeout=judge.timeout,
        attempts=judge.attempts,
        extra=tuple(sorted(judge.decode.items())),
    )
    return judge_pairs(
        rows,
        against.texts,
        candidate.texts,
        endpoint,
        load_prompt(judge.prompt),
        job.cache,
        outputs=(against.outputs, candidate.outputs),
        fresh=job.fresh,
        parallel=judge.parallel,
        max_tokens=judge.max_tokens,
        prices=gate.prices,
        progress=lambda done, all_: job.reporter.progress(
            f"judging, call {done} of {all_}", done / all_
        ),
    )
