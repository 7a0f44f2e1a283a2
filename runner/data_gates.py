"""The data gates: one pass over the files, counting what must not be trained on.

Each gate counts all that it finds and keeps the first fifty. What memory holds besides is one short
hash for each row, by which duplicates and leakage are seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from dataset import messages
from dataset.formats import FormatName
from dataset.rows import Defect, Row, read_rows
from dataset.sketch import normalised
from policy.documents import Document
from policy.evidence import DataFacts, GateFacts, RowFinding, SplitFacts
from policy.rules import DataGate
from registry.digest import digest_file
from runner.repository import ModelFolder
from runner.row_check import RowCheck, finding

GATES: tuple[DataGate, ...] = ("contract", "approved", "provenance", "duplicates", "leakage")
SHOWN = 50
"""Findings that are kept for each gate; the count is always whole."""
REPORT_EVERY = 1000
Progress = Callable[[str, float], None]


@dataclass
class _Tally:
    count: int = 0
    findings: list[RowFinding] = field(default_factory=list)

    def add(self, found: RowFinding) -> None:
        self.count += 1
        if len(self.findings) < SHOWN:
            self.findings.append(found)


class GatedData(Document):
    """What the gates counted, and the formats that each file's rows came in."""

    facts: DataFacts
    formats: dict[str, tuple[FormatName, ...]]


def gate_data(
    folder: ModelFolder, licences: tuple[str, ...], progress: Progress | None = None
) -> GatedData:
    """Run every data gate over all splits of a model."""
    tallies = {gate: _Tally() for gate in GATES}
    check = RowCheck.of(folder, licences)
    order = sorted(folder.card.splits, key=lambda split: (split != "train", split))
    total = sum(folder.data_file(split).stat().st_size for split in order) or 1
    trained: dict[bytes, int] = {}
    train_file = ""
    splits: list[SplitFacts] = []
    formats: dict[str, tuple[FormatName, ...]] = {}
    done = 0
    for split in order:
        path = folder.data_file(split)
        where = folder.where(path)
        seen: dict[bytes, int] = {}
        ids: dict[bytes, int] = {}
        kinds: list[FormatName] = []
        rows = 0
        for row in read_rows(path, where):
            rows += 1
            if progress is not None and rows % REPORT_EVERY == 0:
                progress(f"checking {where}, row {rows}", done / total)
            if isinstance(row, Defect):
                tallies["contract"].add(finding(row, row.field, row.message))
                continue
            if row.format not in kinds:
                kinds.append(row.format)
            for gate, found in check.findings(row):
                tallies[gate].add(found)
            key = _key(normalised(row.user_text))
            _once(row, key, seen, tallies["duplicates"], "messages", messages.same_text)
            _once(row, _key(row.id), ids, tallies["duplicates"], "id", messages.same_id)
            if split == "test" and key in trained:
                place = f"{train_file}:{trained[key]}"
                tallies["leakage"].add(finding(row, "messages", messages.leaked(place)))
        if len(kinds) > 1:
            tallies["contract"].add(
                RowFinding(file=where, line=1, message=messages.mixed_formats(kinds))
            )
        if split == "train":
            trained, train_file = seen, where
        formats[where] = tuple(kinds)
        digest, size = digest_file(path)
        done += size
        splits.append(SplitFacts(split=split, path=where, rows=rows, digest=digest))
    gates = tuple(
        GateFacts(gate=gate, count=tally.count, findings=tuple(tally.findings))
        for gate, tally in tallies.items()
    )
    facts = DataFacts(splits=tuple(splits), gates=gates)
    return GatedData(facts=facts, formats=formats)


def _once(
    row: Row,
    key: bytes,
    seen: dict[bytes, int],
    tally: _Tally,
    place: str,
    sentence: Callable[[int], str],
) -> None:
    """Remember a key's first line; count the row where the key was seen before."""
    first = seen.setdefault(key, row.line)
    if first != row.line:
        tally.add(finding(row, place, sentence(first)))


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
