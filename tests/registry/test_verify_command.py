"""`countersign verify`: the bytes, the size and the place that a pointer names."""

from __future__ import annotations

from pathlib import Path

import pytest

from countersign_ml.registry import Registry
from countersign_ml.registry.verify_command import verify
from policy.errors import UserError
from policy.facts.pointer import PointerArtifact
from tests.bot import builders as a


def governed(folder: Path, **lies: object) -> list[str]:
    """A repository with one live version in its own registry; return the command's arguments."""
    file = folder / "model.gguf"
    file.write_bytes(b"GGUF weights")
    stored = Registry(f"file://{folder / 'registry'}").publish(file, media="application/vnd.gguf")
    facts = {"digest": stored.digest, "size": stored.size, "uri": stored.uri}
    artifact = PointerArtifact.model_validate({**facts, "quantisation": "Q8_0", **lies})
    pointer = a.pointer(1).model_copy(update={"artifact": artifact})
    place = folder / "models" / pointer.model / "pointer.json"
    place.parent.mkdir(parents=True)
    place.write_text(pointer.text(), encoding="utf-8")
    return ["--repo", str(folder), "--registry", f"file://{folder / 'registry'}"]


def test_a_pointer_that_tells_the_truth_is_verified(tmp_path: Path) -> None:
    assert verify(governed(tmp_path)) == 0


def test_a_pointer_that_names_another_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="says that the file is at s3://elsewhere"):
        verify(governed(tmp_path, uri="s3://elsewhere/model.gguf"))


def test_a_copy_of_the_registry_holds_the_same_bytes_at_another_place(tmp_path: Path) -> None:
    assert verify([*governed(tmp_path, uri="s3://original/model.gguf"), "--copy"]) == 0


def test_a_pointer_that_names_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="99 bytes; the registry has 12"):
        verify([*governed(tmp_path, size=99), "--copy"])
