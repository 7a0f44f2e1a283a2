"""Parquet as lines of JSON: the only module that knows pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import msgspec

from countersign_ml.rows.read.chunk import Chunk
from countersign_ml.rows.read.expansion import expands_too_much
from policy.errors import UserError

BATCH_ROWS = 2048


def parquet_chunks(stored: IO[bytes], where: str) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file as lines of JSON, numbered from one."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError.one(
            where,
            "Parquet needs the package pyarrow",
            "install it with: pip install 'countersign-ml[parquet]'",
        ) from error
    encode = msgspec.json.Encoder(enc_hook=str).encode
    line, written = 1, 0
    stored.seek(0, 2)
    size = stored.tell()
    stored.seek(0)
    try:
        for batch in pyarrow.parquet.ParquetFile(stored).iter_batches(batch_size=BATCH_ROWS):
            rows = batch.to_pylist()
            data = b"\n".join(encode(_said(row)) for row in rows) + b"\n"
            written += len(data)
            if expands_too_much(written, size):
                raise UserError.one(
                    where,
                    f"{size:,} bytes become more than {written:,} bytes of rows",
                    "write the rows as JSONL, so that people can see what they are",
                )
            yield Chunk(line, data, 0)
            line += len(rows)
    except pyarrow.ArrowException as error:
        raise UserError.one(
            where, f"not a readable Parquet file: {error}", "write the file again"
        ) from error


def _said(row: dict[str, object]) -> dict[str, object]:
    """Leave out nulls: a column is null in a row if only other rows have a value."""
    kept: dict[str, object] = {}
    for key, value in row.items():
        if value is None:
            continue
        if isinstance(value, list):
            kept[key] = [_said(item) if isinstance(item, dict) else item for item in value]
        else:
            kept[key] = value
    return kept
