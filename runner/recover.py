"""The recovery run: is the artifact of a rollback's target intact, and as good as it was?

The model's folder is the target's, and its pointer names the artifact. The artifact is fetched,
verified by digest, loaded in llama.cpp and asked the test rows again: an answer from the cache
would prove nothing about its state now.
"""

from __future__ import annotations

from countersign_ml.registry import Registry
from policy.errors import UserError
from policy.facts.evidence import SHIPPED, ArtifactFacts, MeasuredPart, PublishedPart
from runner.data_gates import gate_rows
from runner.job import make_cache, read_pointer
from runner.measure.evaluate import Bench, fetch_artifact, measure_gguf, outputs_name
from runner.publish import GGUF, publish_outputs
from runner.run import Run
from runner.runner_sentences import artifact_missing


def recover(run: Run) -> None:
    """Verify and benchmark the artifact that the folder's pointer names."""
    job = run.job
    run.kind = "recovery"
    with run.stage("verify"):
        make_cache(job.cache)
        target = read_pointer(job.folder.pointer_file, job.folder.name)
        registry = Registry(job.registry_url)
        try:
            kept = registry.verify(target.artifact.digest)
        except UserError as error:
            where = job.folder.where(job.folder.pointer_file)
            raise artifact_missing(where, target.artifact.digest, error) from error
        file = fetch_artifact(target, job.registry_url, job.cache)
    with run.stage("benchmark"):
        rows = tuple(gate_rows(job.folder, job.policy.gates.data, "test", job.reporter.progress))
        place = job.workspace / "recover"
        place.mkdir(parents=True, exist_ok=True)
        bench = Bench(job.folder, rows, job.cache, True, place, job.reporter.progress)
        measured = measure_gguf(bench, "candidate", file, target.artifact.digest)
        run.record(MeasuredPart(measurements=(measured.measurement,)))
    with run.stage("publish"):
        outputs = publish_outputs(job.registry_url, [place / outputs_name("candidate")])
        shipped = ArtifactFacts(
            name=SHIPPED,
            digest=kept.digest,
            size=kept.size,
            uri=kept.uri,
            media=GGUF,
            quantisation=target.artifact.quantisation,
        )
        run.record(PublishedPart(artifacts=(shipped, *outputs)))
