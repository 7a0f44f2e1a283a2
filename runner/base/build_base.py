"""Build the tiny base model that a model folder describes, so that nothing is downloaded.

The example must work without a network, a key or a GPU. So its base model is trained locally from
`base/base.yml` and the text next to it, with the same bits on the same machine each time. A
proposal pins the digest of these inputs, not of the weights, because another processor sums in
another order and changes the last bits.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from countersign_ml.pace import Progress, unheard
from policy.documents import Document, parse
from policy.errors import UserError
from runner.base.base_spec import BaseSpec

BUILDER = "countersign-base-1"
"""Increased whenever the same inputs would give another model."""
SPEC_FILE = "base.yml"
RECORD_FILE = "base.json"


class BaseRecord(Document):
    """`base.json` in a built base: its inputs and the result."""

    digest: str
    weights_sha256: str
    files: dict[str, str]
    """File name to SHA-256 of its bytes."""
    seconds: float
    loss: float
    """Mean loss of the last fifty steps, in nats per token."""
    parameters: int
    torch: str
    transformers: str


@dataclass(frozen=True)
class BuiltBase:
    """A base model on disk that `from_pretrained(path)` loads."""

    path: Path
    digest: str
    weights_sha256: str
    seconds: float
    loss: float


def load_spec(folder: Path) -> BaseSpec:
    """Read the base spec of the model folder `folder`; UserError with everything that is wrong."""
    path = folder / "base" / SPEC_FILE
    return parse(BaseSpec, _bytes(path).decode("utf-8", "replace"), str(path))


def base_digest(folder: Path) -> str:
    """Return `sha256:...` over spec, text and builder: the pinned revision of this base model."""
    spec = load_spec(folder)
    digest = hashlib.sha256(BUILDER.encode())
    for name in dict.fromkeys((SPEC_FILE, *(stage.corpus for stage in spec.stages))):
        content = _bytes(folder / "base" / name)
        digest.update(f"\n{name} {len(content)}\n".encode())
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"


def build(folder: Path, cache: Path, *, progress: Progress = unheard) -> BuiltBase:
    """Return the base model of `folder` from `cache`, training it first if missing.

    `progress` gets a stage's name and the share of the whole that is done, 0 to 1. The model
    appears in `cache` in one rename; a cached model whose files have changed is an error.
    """
    from runner.base.base_training import train_base

    spec, digest = load_spec(folder), base_digest(folder)
    target = cache / digest.removeprefix("sha256:")
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(prefix=".building-", dir=cache))
        try:
            started = time.monotonic()
            trained = train_base(spec, folder / "base", workspace, progress)
            seconds = time.monotonic() - started
            _write_record(workspace, digest, seconds, trained.loss, trained.parameters)
            _move(workspace, target)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
    return _verified(target, digest)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError.one(
            str(path), f"cannot be read: {error.strerror}", "a tiny base model needs this file"
        ) from error


def _write_record(
    workspace: Path, digest: str, seconds: float, loss: float, parameters: int
) -> None:
    from importlib.metadata import version

    files = {path.name: _sha256(path) for path in sorted(workspace.iterdir())}
    record = BaseRecord(
        digest=digest,
        weights_sha256=files["model.safetensors"],
        files=files,
        seconds=round(seconds, 1),
        loss=round(loss, 4),
        parameters=parameters,
        torch=version("torch"),
        transformers=version("transformers"),
    )
    text = json.dumps(record.model_dump(), indent=2, sort_keys=True) + "\n"
    (workspace / RECORD_FILE).write_text(text, encoding="utf-8")


def _move(workspace: Path, target: Path) -> None:
    """Rename, unless another build of the same base was first; then keep that one."""
    workspace.chmod(0o755)
    try:
        workspace.rename(target)
    except OSError:
        if not (target / RECORD_FILE).is_file():
            raise


def _verified(target: Path, digest: str) -> BuiltBase:
    remedy = f"delete {target} and build again"
    record = parse(
        BaseRecord,
        _bytes(target / RECORD_FILE).decode("utf-8", "replace"),
        str(target / RECORD_FILE),
    )
    present = {p.name: _sha256(p) for p in sorted(target.iterdir()) if p.name != RECORD_FILE}
    if record.digest != digest or present != record.files:
        changed = sorted(n for n, d in (present.items() ^ record.files.items()))
        raise UserError.one(
            str(target),
            f"the cached base model has changed ({', '.join(changed) or 'record'})",
            remedy,
        )
    if record.weights_sha256 != present["model.safetensors"]:
        raise UserError.one(str(target), "the record names other weights than it lists", remedy)
    return BuiltBase(target, digest, record.weights_sha256, record.seconds, record.loss)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
