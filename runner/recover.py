"""The fast lane: is the artifact that a rollback goes back to whole, and as good as it was?

The model's folder is the one that is gone back to; its pointer names the artifact. It is fetched
and verified by digest, loaded in llama.cpp and asked the test rows afresh: an answer from the cache
would prove nothing about today.
"""

from __future__ import annotations

from countersign_ml.registry import Registry
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, ArtifactFacts
from runner import messages
from runner.job import make_cache, read_pointer
from runner.measure.evaluate import Bench, fetch_artifact, measure_gguf, outputs_name
from runner.run import Run, accepted_rows


def recover(run: Run) -> None:
    """Verify and benchmark the artifact of the folder's pointer; the facts are in `run.found`."""
    job, found = run.job, run.found
    found.kind = "recovery"
    with run.stage("verify"):
        make_cache(job.cache)
        target = read_pointer(job.folder.pointer_file, job.folder.name)
        registry = Registry(job.registry_url)
        try:
            kept = registry.verify(target.artifact.digest)
        except UserError as error:
            where = job.folder.where(job.folder.pointer_file)
            raise messages.artifact_missing(where, target.artifact.digest, error) from error
        file = fetch_artifact(target, job.registry_url, job.cache)
    with run.stage("benchmark"):
        rows = accepted_rows(job, "test")
        place = job.workspace / "recover"
        place.mkdir(parents=True, exist_ok=True)
        bench = Bench(job.folder, rows, job.cache, True, place, job.reporter.progress)
        measured = measure_gguf(bench, "candidate", file, target.artifact.digest)
        found.measurements = (measured.measurement,)
    with run.stage("publish"):
        outputs = registry.publish(place / outputs_name("candidate"), media="application/jsonl")
        found.artifacts = (
            ArtifactFacts(
                name=SHIPPED,
                digest=kept.digest,
                size=kept.size,
                uri=kept.uri,
                media="application/vnd.gguf",
                quantisation=target.artifact.quantisation,
            ),
            ArtifactFacts(
                name=outputs_name("candidate"),
                digest=outputs.digest,
                size=outputs.size,
                uri=outputs.uri,
                media="application/jsonl",
            ),
        )
