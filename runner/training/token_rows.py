"""Training rows as token ids, in files that are read through memory maps.

Rows stream from the accepted lines of the file into two files: the ids of all rows, and a record of
each row. Memory holds a batch of rows while they are written, and what the operating system keeps
of the files afterwards. A batch is tokenised by the tokenizer's own threads while the next one is
read and rendered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countersign_ml.pace import Pace, Progress
from countersign_ml.rows.gating.accepted import AcceptedRows
from countersign_ml.rows.read.row import Row, RowsDigest
from policy.errors import UserError
from runner.chat import ID, Chat, Encoded, Rendered
from runner.runner_sentences import no_rows

BATCH = 1000
"""Rows that are tokenised at a time."""
IDS, RECORDS = "ids.bin", "rows.bin"
_RECORD = np.dtype(
    [("end", "<i8"), ("line", "<i8"), ("trained", "<i4"), ("truncated", "?"), ("stops", "?")]
)


@dataclass(frozen=True)
class TokenRows(Sequence[Encoded]):
    """All training rows of one file as tokens; both arrays are memory maps.

    `ids` are the ids of all rows one after another. A record has the end of its row in `ids`, its
    line in the file, how many of its tokens are trained on, whether it was cut, and whether it
    teaches the model to stop.
    """

    where: str
    dataset: str
    """The digest of the rows: see `RowsDigest`."""
    ids: NDArray[np.int32]
    records: NDArray[Any]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, row: Any) -> Any:
        """Return one row; a slice is not supported."""
        start = int(self.records["end"][row - 1]) if row else 0
        record = self.records[row]
        ids = self.ids[start : int(record["end"])]
        masked = len(ids) - int(record["trained"])
        return Encoded(ids, masked, bool(record["truncated"]), f"{self.where}:{record['line']}")

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each row."""
        return np.diff(self.records["end"], prepend=0)

    @property
    def truncated(self) -> NDArray[np.intp]:
        """Return the rows that were cut at the longest length."""
        return np.flatnonzero(self.records["truncated"])

    @property
    def without_tokens(self) -> int:
        """Return how many rows have no token to train on."""
        return int(np.count_nonzero(self.records["trained"] == 0))

    @property
    def stop_trained(self) -> bool:
        """Return whether every row that was not cut ends with the stop token."""
        return bool(self.records["stops"].all())

    def require_teaching(self, stop_token: str) -> None:
        """UserError if a row cannot teach its answer: the first one, and how many there are."""
        empty = np.flatnonzero(self.records["trained"] == 0)
        if len(empty):
            raise UserError.one(
                self[int(empty[0])].where,
                "no token of this row would be trained on: its prompt fills max_length"
                f"{_and_more(len(empty))}",
                "raise max_length in recipe.yml, or shorten the row",
            )
        endless = np.flatnonzero(~self.records["stops"])
        if len(endless):
            raise UserError.one(
                self[int(endless[0])].where,
                f"the answer does not end with the stop token {stop_token}, so the model would "
                f"never stop{_and_more(len(endless))}",
                "use a chat template that closes the assistant's turn with it",
            )

    def require_whole(self, max_length: int, limit: float) -> None:
        """UserError if more than a share `limit` of the rows was cut at `max_length` tokens."""
        cut = self.truncated
        if len(cut) > limit * len(self):
            raise UserError.one(
                self[int(cut[0])].where,
                f"{len(cut)} of {len(self)} rows are longer than max_length ({max_length} "
                f"tokens); the policy allows {100 * limit:g} %. This row is the first",
                "raise max_length in recipe.yml, or shorten the rows",
            )


def encode_rows(
    rows: AcceptedRows,
    chat: Chat,
    max_length: int,
    folder: Path,
    progress: Progress | None = None,
) -> TokenRows:
    """Tokenise and mask every row into `folder`; UserError if one cannot teach its answer."""
    digest, pace, count, end = RowsDigest(), Pace("tokenising rows"), 0, 0
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / IDS).open("wb") as ids, (folder / RECORDS).open("wb") as records:
        for part in _encoded(_digested(rows, digest), chat, max_length):
            ids.write(np.concatenate([each.ids for _, each in part]).tobytes())
            table = _records(part, end, chat)
            records.write(table.tobytes())
            count, end = count + len(part), int(table["end"][-1])
            if progress is not None:
                progress(*pace.at(count, count / len(rows)))
    if not count:
        raise no_rows(rows.where)
    found = TokenRows(
        rows.where,
        digest.value,
        np.memmap(folder / IDS, dtype=ID, mode="r"),
        np.memmap(folder / RECORDS, dtype=_RECORD, mode="r"),
    )
    found.require_teaching(chat.stop_token)
    return found


def _records(part: list[tuple[Row, Encoded]], end: int, chat: Chat) -> NDArray[Any]:
    table = np.zeros(len(part), dtype=_RECORD)
    table["end"] = end + np.cumsum([len(each.ids) for _, each in part])
    table["line"] = [row.line for row, _ in part]
    table["trained"] = [each.trained for _, each in part]
    table["truncated"] = [each.truncated for _, each in part]
    table["stops"] = [chat.stop_is_trained(each) for _, each in part]
    return table


def _digested(rows: Iterable[Row], digest: RowsDigest) -> Iterator[Row]:
    for row in rows:
        digest.add(row)
        yield row


def _encoded(
    rows: Iterable[Row], chat: Chat, max_length: int
) -> Iterator[list[tuple[Row, Encoded]]]:
    """Yield the rows in batches; one batch is tokenised while the next one is rendered."""
    waiting: deque[tuple[list[Row], list[Rendered], Future[list[list[int]]]]] = deque()

    def finished() -> list[tuple[Row, Encoded]]:
        part, texts, future = waiting.popleft()
        encoded = chat.masked(texts, future.result(), max_length)
        return list(zip(part, encoded, strict=True))

    each_row = iter(rows)
    with ThreadPoolExecutor(1) as pool:
        while part := list(islice(each_row, BATCH)):
            texts = [chat.rendered_row(row) for row in part]
            waiting.append((part, texts, pool.submit(chat.all_ids, texts)))
            if len(waiting) > 1:
                yield finished()
        while waiting:
            yield finished()


def _and_more(count: int) -> str:
    return f" ({count - 1} more rows are like it)" if count > 1 else ""
