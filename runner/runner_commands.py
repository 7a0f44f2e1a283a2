"""The runner's subcommands: options in, an exit code out.

0 passed, 1 gates failed, 2 wrong use. `--json` prints one JSON object on stdout; progress goes to
stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from countersign_ml.git import find_repository
from countersign_ml.rows.governed.caches import cache_folder
from countersign_ml.rows.governed.governed_model import model_names
from policy.errors import UserError
from policy.facts.evidence import DataPart, Evidence
from policy.gates.judge import judge, judge_data
from policy.verdict import Finding
from runner.attest import write_evidence
from runner.data_gates import GatedData, gate_data
from runner.job import Job, Options, open_job
from runner.known_before import known_before
from runner.line import Stage, run_line, stop_at_gates
from runner.run import Run, Stopped
from runner.tell import job_summary, summary, workflow_commands
from runner.tell.progress import Reporter

PASSED, BLOCKED = 0, 1


def validate(argv: list[str]) -> int:
    """Check a model's files and run the data gates; without MODEL, for every model."""
    parser = _parser("validate", validate.__doc__, model="?")
    _keyed(parser)
    words = parser.parse_args(argv)
    options = _options(words)
    repo = find_repository(options.repo)
    names = [words.model] if words.model else model_names(repo)
    if not names:
        raise UserError.one(
            str(repo),
            "no governed model: there is no models/<model>/recipe.yml",
            "add one, or create one from a CSV file with: countersign import",
        )
    reports, worst = [], PASSED
    for name in names:
        run = Run(open_job(name, options, repo))
        gated, verdict = _validated(run, options)
        worst = max(worst, PASSED if verdict.outcome.lets_through else BLOCKED)
        job_summary.tell(run.evidence())
        workflow_commands.tell(gated.facts, verdict)
        reports.append(summary.validation(run.job.folder, gated, verdict))
        if not options.json:
            summary.print_validation(run.job.folder, gated, verdict)
    if options.json:
        summary.print_json(reports[0] if words.model else {"models": reports})
    return worst


def _validated(run: Run, options: Options) -> tuple[GatedData, Finding]:
    """Run the gates over the current files; write evidence if requested."""
    job = run.job
    try:
        with run.stage("validate"):
            gated = gate_data(job.folder, job.policy.gates.data, job.reporter.progress)
            run.record(DataPart(data=gated.facts))
            if options.evidence is not None:
                run.record(known_before(job))
            stop_at_gates(job, gated.facts)
    except Stopped:
        job.reporter.say(f"{job.folder.name}: the data gates failed")
    finally:
        if options.evidence is not None:
            write_evidence(run.evidence(), options.evidence)
    return gated, judge_data(job.policy, gated.facts)


def train(argv: list[str]) -> int:
    """Train the adapter that the recipe describes, after the data gates."""
    return _line("train", train.__doc__, argv)


def export(argv: list[str]) -> int:
    """Merge the adapter, write GGUF, quantise, and compare token ids."""
    return _line("export", export.__doc__, argv)


def evaluate(argv: list[str]) -> int:
    """Measure base, merged, candidate and incumbent on the held-out rows."""
    return _line("evaluate", evaluate.__doc__, argv)


def publish(argv: list[str]) -> int:
    """Put the artifacts of a complete run into the registry."""
    return _line("publish", publish.__doc__, argv)


def attest(argv: list[str]) -> int:
    """Write the evidence, running every stage that has not run yet."""
    return _line("attest", attest.__doc__, argv)


def run(argv: list[str]) -> int:
    """Run the whole line: validate, train, export, evaluate, publish, attest."""
    return _line("run", run.__doc__, argv, reusing=True)


def recover(argv: list[str]) -> int:
    """Verify the artifact that the model's pointer names, and repeat its benchmark."""
    from runner.recover import recover as recover_artifact

    parser = _parser("recover", recover.__doc__)
    words = parser.parse_args(argv)
    options = _options(words)
    job = open_job(words.model, options)
    return _measured(Run(job), options, recover_artifact, judged=False)


def _line(name: str, description: str | None, argv: list[str], *, reusing: bool = False) -> int:
    """Run the line up to a stage; only the whole line is judged."""
    parser = _keyed(_parser(name, description))
    if reusing:
        parser.add_argument(
            "--reuse",
            metavar="DIGEST",
            help="reuse earlier evidence of the same proposal, if all of it still applies",
        )
    words = parser.parse_args(argv)
    options = _options(words)
    until: Stage = "attest" if name == "run" else name  # type: ignore[assignment] # the others are stages
    job = open_job(words.model, options)
    return _measured(
        Run(job), options, lambda this: run_line(this, until), judged=until == "attest"
    )


def _measured(this: Run, options: Options, work: Callable[[Run], None], *, judged: bool) -> int:
    """Do the work, write the evidence in any case, and print the result."""
    from runner.publish import publish_evidence

    job = this.job
    place = options.evidence or job.workspace / "evidence.json"
    stopped = False
    try:
        work(this)
    except Stopped as error:
        stopped = True
        for problem in error.problems:
            print(f"countersign: {problem}", file=sys.stderr)
    finally:
        evidence = this.evidence()
        write_evidence(evidence, place)
        job_summary.tell(evidence)
    if judged and not stopped:
        publish_evidence(job.registry_url, place)
    verdict = _verdict(job, evidence) if judged else None
    if options.json:
        summary.print_json(summary.measured(evidence, verdict, str(place)))
    else:
        summary.print_measured(evidence, verdict, str(place))
    held = verdict is None or verdict.outcome.lets_through
    return PASSED if held and not stopped else BLOCKED


def _verdict(job: Job, evidence: Evidence) -> Finding:
    """Judge a run as the bot does: against the requested inputs, not those the evidence claims."""
    incumbent = job.incumbent.artifact if job.incumbent else None
    proposal = job.folder.proposal.digest
    return judge(
        job.policy,
        evidence,
        proposal_digest=proposal,
        incumbent=incumbent,
        attempt=job.attempt,
    )


def base(argv: list[str]) -> int:
    """Build a tiny base model from base/base.yml and its text."""
    parser = argparse.ArgumentParser(prog="countersign base", description=base.__doc__)
    parser.add_argument("action", choices=["build"])
    parser.add_argument("model", metavar="MODEL_OR_FOLDER", help="a model, or its folder")
    parser.add_argument("--repo", type=Path, metavar="FOLDER")
    parser.add_argument("--cache", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    words = parser.parse_args(argv)
    from runner.base.build_base import build

    folder = Path(words.model)
    if not (folder / "base").is_dir():
        folder = find_repository(words.repo) / "models" / words.model
    reporter = Reporter(quiet=words.quiet)
    cache = cache_folder(words.cache) / "bases"
    with reporter.stage("base"):
        built = build(folder, cache, progress=reporter.progress)
    if words.json:
        summary.print_json({"path": str(built.path), "digest": built.digest, "loss": built.loss})
    else:
        print(f"{built.path}\n{built.digest}")
    return PASSED


def import_csv(argv: list[str]) -> int:
    """Create a governed model from a CSV file."""
    from runner.importing.csv_import import main

    return main(argv)


def _parser(
    name: str, description: str | None, model: str | None = None
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"countersign {name}", description=description)
    parser.add_argument("model", nargs=model, metavar="MODEL", help="the folder below models/")
    parser.add_argument("--repo", type=Path, metavar="FOLDER", help="the governed repository")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="default: policy/policy.yml")
    parser.add_argument(
        "--incumbent", type=Path, metavar="FILE", help="the live pointer; default: the model's own"
    )
    parser.add_argument(
        "--expect-incumbent", metavar="DIGEST", help="stop if another version is live"
    )
    parser.add_argument("--registry", metavar="URL", help="default: $COUNTERSIGN_REGISTRY")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="default: $COUNTERSIGN_CACHE")
    parser.add_argument("--evidence", type=Path, metavar="FILE", help="where to write the evidence")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--fresh", action="store_true", help="do not use kept results")
    parser.add_argument("--quiet", action="store_true", help="print no progress")
    return parser


def _keyed(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the options of the run key; a rollback has none, its key does not cover its files."""
    parser.add_argument(
        "--attempt",
        type=int,
        choices=range(1, 11),
        default=1,
        metavar="N",
        help="the attempt of this proposal; after the first, no kept results are used",
    )
    parser.add_argument(
        "--expect-key", metavar="KEY", help="stop if the files give another run key"
    )
    return parser


def _options(words: argparse.Namespace) -> Options:
    return Options(
        repo=words.repo,
        policy=words.policy,
        incumbent=words.incumbent,
        expect_incumbent=words.expect_incumbent,
        expect_key=getattr(words, "expect_key", None),
        registry=words.registry,
        cache=words.cache,
        evidence=words.evidence,
        reuse=getattr(words, "reuse", None),
        attempt=getattr(words, "attempt", 1),
        fresh=words.fresh,
        quiet=words.quiet,
        json=words.json,
    )
