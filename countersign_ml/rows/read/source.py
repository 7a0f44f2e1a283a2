"""Files of rows as chunks of whole lines, local or remote, compressed or not.

A source is read once, from start to end, and hashed as it is read, so that the digest names exactly
the bytes that were gated. Memory holds one chunk at a time. Parquet rows become lines of JSON,
numbered from one, and are then read like all others.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from countersign_ml.rows import rows_sentences
from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.expansion import EXPANDS_AT_MOST, expands_too_much
from countersign_ml.rows.read.row import MAX_LINE_BYTES
from policy.errors import UserError

BLOCK = 1 << 20
_PACKED_BLOCK = 1 << 10
"""Small, because a few compressed bytes can expand to many: a kilobyte of zstd to 32 MB."""


@dataclass
class Source:
    """One file of rows: `path` is a local path or an fsspec URL, `where` its name in findings."""

    path: str
    where: str
    sha256: str | None = None
    """The digest that the file must have, in hexadecimal; None accepts any."""
    digest: str = field(default="", init=False)
    size: int = field(default=0, init=False)
    position: int = field(default=0, init=False)
    """Bytes read so far, as stored."""

    @property
    def is_url(self) -> bool:
        return "://" in self.path

    @property
    def packing(self) -> str:
        """Return `plain`, `gzip`, `zstd` or `parquet`, by the file name."""
        name = self.path.lower()
        endings = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".parquet": "parquet"}
        return next((kind for end, kind in endings.items() if name.endswith(end)), "plain")

    @property
    def seekable(self) -> bool:
        """Return whether another process can read a chunk by its offset."""
        return not self.is_url and self.packing == "plain"

    def stored_size(self) -> int:
        """Return the size of the file as stored, in bytes; 0 if unknown."""
        if not self.is_url:
            try:
                return Path(self.path).stat().st_size
            except OSError as error:
                raise rows_sentences.unreadable(self.where, error) from error
        import fsspec

        try:
            return int(fsspec.open(self.path).fs.size(self.path) or 0)
        except (OSError, ValueError, ImportError) as error:
            raise rows_sentences.unreadable(self.where, error) from error

    def open(self) -> IO[bytes]:
        """Open the file as it is stored."""
        if not self.is_url:
            return Path(self.path).open("rb")
        import fsspec

        return cast("IO[bytes]", fsspec.open(self.path, "rb").open())

    def chunks(self) -> Iterator[Chunk]:
        """Yield the file's lines in order; then set and check `digest` and `size`."""
        try:
            with self.open() as stored:
                hashed = Hashed(stored, self)
                if self.packing == "parquet":
                    from countersign_ml.rows.read.parquet import parquet_chunks

                    yield from parquet_chunks(stored, self.where)
                    stored.seek(0)
                else:
                    yield from lines(_unpacked(hashed, self.packing))
                while hashed.read(BLOCK):
                    pass
        except (OSError, ValueError, ImportError) as error:
            raise rows_sentences.unreadable(self.where, error) from error
        self.digest, self.size = f"sha256:{hashed.digest()}", self.position
        if self.sha256 is not None and self.sha256.removeprefix("sha256:") != self.digest[7:]:
            raise UserError.one(
                self.where,
                f"its SHA-256 is {self.digest[7:]}, not {self.sha256.removeprefix('sha256:')}",
                "fetch the intended file, or name the digest that this one has",
            )


class Hashed:
    """A stream that hashes the bytes read from it, in a thread of its own: hashing takes as long as
    everything else that is done one after the other."""

    def __init__(self, stored: IO[bytes], source: Source) -> None:
        self.stored, self.sha, self.source = stored, hashlib.sha256(), source
        self.thread = ThreadPoolExecutor(1)
        self.hashing = self.thread.submit(lambda: None)
        source.position = 0

    def read(self, size: int) -> bytes:
        block = self.stored.read(size)
        self.hashing.result()  # one block at a time, in order
        self.hashing = self.thread.submit(self.sha.update, block)
        self.source.position += len(block)
        return block

    def digest(self) -> str:
        """Return the digest of all bytes read so far."""
        self.thread.shutdown()
        return self.sha.hexdigest()


class _TornError(Exception):
    """A compressed file that is cut off or broken, with the decompressor's message."""


def _unpacked(stored: Hashed, packing: str) -> Iterator[bytes]:
    """Yield the decompressed bytes of a file; _TornError if it is cut off or broken."""
    if packing == "plain":
        while block := stored.read(BLOCK):
            yield block
        return
    new = _unpackers(packing)
    unpacker, begun, written = new(), False, 0
    try:
        while block := stored.read(_PACKED_BLOCK):
            while block:
                begun = True
                out = unpacker.decompress(block)
                written += len(out)
                if expands_too_much(written, stored.source.position):
                    raise OverflowError(f"it becomes more than {EXPANDS_AT_MOST} times its size")
                block = unpacker.unused_data if unpacker.eof else b""
                if out:
                    yield out
                if unpacker.eof:
                    unpacker, begun = new(), False
                    block = block.lstrip(b"\0")  # padding between and after members
    except Exception as error:
        if isinstance(error, OSError):
            raise
        raise _TornError(f"the {packing} stream is broken: {error}") from error
    if begun:
        raise _TornError(f"the {packing} stream ends early: the file was cut off")


def _unpackers(packing: str) -> Any:
    if packing == "gzip":
        return lambda: zlib.decompressobj(wbits=31)
    import zstandard

    return lambda: zstandard.ZstdDecompressor().decompressobj()


def lines(blocks: Iterator[bytes]) -> Iterator[Chunk]:
    """Cut blocks into chunks of whole lines; a line over the limit is reported and skipped."""
    line, offset, pending, size, skipping = 1, 0, [b""], 0, False
    torn = ""
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            break
        except _TornError as error:
            torn = str(error)
            break
        if skipping:
            end = block.find(b"\n") + 1
            offset += end or len(block)
            if not end:
                continue
            block, skipping, line = block[end:], False, line + 1
        cut = block.rfind(b"\n") + 1
        if cut and (size + cut >= BLOCK // 2 or size > BLOCK):
            data = b"".join((*pending, block[:cut]))
            yield Chunk(line, data, offset)
            line, offset = line + data.count(b"\n"), offset + len(data)
            pending, size = [block[cut:]], len(block) - cut
        else:
            pending.append(block)
            size += len(block)
        if size > BLOCK + MAX_LINE_BYTES:
            data = b"".join(pending)
            end = data.rfind(b"\n") + 1
            if end:
                yield Chunk(line, data[:end], offset)
                line, offset = line + data.count(b"\n"), offset + end
            if len(data) - end > MAX_LINE_BYTES:
                yield Chunk(
                    line, b"", offset + end, ((line, rows_sentences.line_too_long(MAX_LINE_BYTES)),)
                )
                offset, pending, size, skipping = offset + len(data) - end, [], 0, True
            else:
                pending, size = [data[end:]], len(data) - end
    data = b"".join(pending)
    defects = ((line + data.count(b"\n"), torn),) if torn else ()
    if torn and data:
        data = data[: data.rfind(b"\n") + 1]  # half a line is not a row; the defect replaces it
    if data or defects:
        yield Chunk(line, data, offset, defects)
