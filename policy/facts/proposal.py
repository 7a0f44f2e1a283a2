"""The proposal digest: it identifies the inputs of a run, and nothing else.

It covers the git blobs of a model's recipe, contract, data and base spec, the base model's revision
and the runner's version. Thresholds are not in it: judging again requires no new training. The
prose of the dataset card and the contract is in it, because people approve that too.
"""

from __future__ import annotations

from collections.abc import Iterable

from policy.canonical import digest_of
from policy.documents import Document
from policy.errors import UserError
from policy.facts.runner_version import RUNNER_VERSION
from policy.names import Digest, ModelName

POINTER_FILE = "pointer.json"


class InputBlob(Document):
    """One input file: its path below the model's folder, and its git blob id."""

    path: str
    blob: str


class Proposal(Document):
    """The inputs of one model's fine-tune, and the digest over all of them."""

    model: ModelName
    digest: Digest
    inputs: tuple[InputBlob, ...]
    base_model: str
    base_revision: str
    runner_version: str


def propose(
    model: str,
    blobs: Iterable[tuple[str, str]],
    base_model: str,
    base_revision: str | None,
    runner_version: str = RUNNER_VERSION,
) -> Proposal:
    """Return the proposal of `(path below the model's folder, blob id)` pairs in any order.

    UserError for a path that is not UTF-8, because readers would disagree on its bytes.
    """
    blobs = list(blobs)
    for path, _ in blobs:
        if any("\ud800" <= character <= "\udfff" for character in path):
            raise UserError.one(f"models/{model}/{path}", "its name is not UTF-8", "rename it")
    inputs = tuple(
        InputBlob(path=path, blob=blob) for path, blob in sorted(blobs) if path != POINTER_FILE
    )
    revision = base_revision or "unpinned"
    digest = digest_of(
        {
            "model": model,
            "inputs": [[entry.path, entry.blob] for entry in inputs],
            "base_model": base_model,
            "base_revision": revision,
            "runner_version": runner_version,
        }
    )
    return Proposal(
        model=model,
        digest=digest,
        inputs=inputs,
        base_model=base_model,
        base_revision=revision,
        runner_version=runner_version,
    )


def run_key(proposal: str, incumbent: str | None, attempt: int = 1) -> str:
    """Return the short name of one measurement: a proposal against an incumbent artifact.

    A later attempt is another measurement; the key of the first does not include its number.
    """
    named = [proposal, incumbent] if attempt == 1 else [proposal, incumbent, attempt]
    return digest_of(named).removeprefix("sha256:")[:16]
