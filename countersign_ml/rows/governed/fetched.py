"""Rows outside git, fetched to the cache as the plain file that the gates and the trainer read.

If the file of a split is not in the model's folder, `data/manifest.yml` can name it, or a `.dvc`
file next to its place. Fetched bytes are hashed as they are read and kept only if they match; a
cached file is hashed again before it is used.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from countersign_ml.rows.governed.dvc import read_dvc
from countersign_ml.rows.governed.manifest import load_manifest, read_file_lines
from countersign_ml.rows.read.row import Defect
from countersign_ml.rows.read.sample_lines import Line
from policy.canonical import digest_of
from policy.errors import UserError
from policy.files.data_manifest import DataManifest

MANIFEST, DVC = "manifest.yml", ".dvc"


def lies_elsewhere(data: Path, name: str) -> bool:
    """Return whether a manifest or a `.dvc` file may name a split's file that is not in the folder.

    Whether the manifest names this split is not yet known; `fetch` reports it.
    """
    if (data / f"{name}{DVC}").is_file():
        return True
    return not (data / name).is_file() and (data / MANIFEST).is_file()


def fetch(
    data: Path, splits: Mapping[str, str], cache: Path, places: Sequence[str] = ()
) -> dict[str, Path]:
    """Return the cached file of each split outside the folder; UserError if the bytes do not match,
    or the place is not allowed."""
    wanted = {split: name for split, name in splits.items() if lies_elsewhere(data, name)}
    manifest = None
    if any(not (data / f"{name}{DVC}").is_file() for name in wanted.values()):
        manifest = load_manifest(data / MANIFEST, places)
    found = {}
    for split, name in wanted.items():
        dvc = data / f"{name}{DVC}"
        if dvc.is_file():
            file = read_dvc(dvc)
            if file.path != name:
                raise UserError.one(str(dvc), f"is for {file.path!r}, not {name!r}", "rename it")
            key = digest_of(["md5", file.md5, file.size])
            found[split] = _kept(cache, key, file.lines(places))
        else:
            assert manifest is not None
            found[split] = _kept(cache, _key(manifest, split, data), _lines(manifest, split, data))
    return found


def _key(manifest: DataManifest, split: str, data: Path) -> str:
    files = [file for file in manifest.files if file.split == split]
    if not files:
        raise UserError.one(
            str(data / MANIFEST), f"names no file for the split {split!r}", "add it there"
        )
    return digest_of([[file.hexadecimal, file.size, file.rows, file.uri] for file in files])


def _lines(manifest: DataManifest, split: str, data: Path) -> Iterator[Line]:
    """Yield the lines of a split's files, numbered on from file to file."""
    before = 0
    for file in manifest.files:
        if file.split == split:
            last = 0
            for line in read_file_lines(file, data):
                last = line.number
                yield Line(before + line.number, line.raw, line.row)
            before += last


def _kept(cache: Path, key: str, lines: Iterator[Line]) -> Path:
    """Return the plain file of these lines, from the cache or written there completely."""
    folder = cache / "data"
    target = folder / f"{key.removeprefix('sha256:')}.jsonl"
    record = target.with_suffix(".sha256")
    if target.is_file() and record.is_file() and _sha256(target) == record.read_text():
        return target
    part: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".part-")
        part, written = Path(name), 0
        with os.fdopen(handle, "wb") as sink:
            for line in lines:
                if not line.raw and isinstance(line.row, Defect):
                    raise UserError.one(
                        f"{line.row.file}:{line.row.line}", line.row.message, "fix the file"
                    )
                sink.write(b"\n" * (line.number - 1 - written) + line.raw + b"\n")
                written = line.number
        record.write_text(_sha256(part))
        part.replace(target)
        part = None
    except OSError as error:
        said = error.strerror or str(error)
        raise UserError.one(
            str(folder), f"cannot be written: {said}", "fix its permissions"
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
