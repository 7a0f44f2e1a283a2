"""The evidence inside a workflow artifact: one file of a zip that a stranger may have packed."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

EVIDENCE_FILE = "evidence.json"
MAX_ZIP_BYTES = 20_000_000
MAX_EVIDENCE_BYTES = 10_000_000
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""What GitHub packs artifacts with. Other methods take as much memory as the zip asks for."""
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
"""What reading a zip that is none, or was bent by hand, has been seen to raise."""


class ArtifactError(Exception):
    """Why no evidence can be taken from an artifact, as the end of a sentence."""


def evidence_in(content: bytes) -> bytes:
    """Return the bytes of `evidence.json` at the top of the zip, the only file that is looked at.

    Sizes that the zip states are not believed: reading stops at the limit.
    """
    if len(content) > MAX_ZIP_BYTES:
        raise ArtifactError(f"its artifact is larger than {MAX_ZIP_BYTES} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            named = [info for info in archive.infolist() if info.filename == EVIDENCE_FILE]
            if len(named) != 1:
                raise ArtifactError(
                    f"its artifact holds {len(named)} files {EVIDENCE_FILE}, not one"
                )
            if named[0].file_size > MAX_EVIDENCE_BYTES:
                raise ArtifactError(f"its evidence is larger than {MAX_EVIDENCE_BYTES} bytes")
            if named[0].compress_type not in METHODS:
                raise ArtifactError("its evidence is packed by a method that GitHub does not use")
            with archive.open(named[0]) as file:
                found = file.read(MAX_EVIDENCE_BYTES + 1)
    except UNREADABLE as error:
        raise ArtifactError(f"its artifact is no readable zip ({error})") from error
    if len(found) > MAX_EVIDENCE_BYTES:
        raise ArtifactError(f"its evidence is larger than {MAX_EVIDENCE_BYTES} bytes")
    return found
