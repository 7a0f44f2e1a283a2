"""Near duplicates by three libraries: a function takes texts and returns the numbers of copies.

Peers are imported inside the functions, because they are in a separate environment.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path


def ours(texts: list[str], least: float = 0.9) -> set[int]:
    """MinHash bands, then the Jaccard similarity of the texts themselves."""
    import json

    import numpy as np

    from countersign_ml.rows.kept.near import near_within
    from countersign_ml.rows.kept.row_figures import Figures
    from countersign_ml.rows.kept.sketch import sketch
    from countersign_ml.rows.kept.table import Table
    from countersign_ml.rows.read.source import Source

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "texts.jsonl")
        table = Table("train", Source(str(path), path.name))
        with path.open("wb") as out:
            for start in range(0, len(texts), 1000):
                some, offset = texts[start : start + 1000], out.tell()
                for text in some:
                    out.write(json.dumps({"prompt": text, "completion": "x"}).encode() + b"\n")
                made, rows = sketch(some), len(some)
                nothing = np.zeros(rows, dtype=np.uint64)
                figures = Figures(
                    lines=np.arange(start + 1, start + rows + 1, dtype=np.uint32),
                    questions=made.keys,
                    loose=made.loose,
                    answers=nothing,
                    ids=nothing,
                    prefixes=nothing.astype(np.uint32),
                    groups=nothing,
                    words=made.words.astype(np.uint32),
                    bands=made.bands,
                )
                table.add(figures, None, start + 1, offset, out.tell() - offset)
        return set(near_within(table, least).rows.tolist())


def datatrove(texts: list[str], words: int = 2, buckets: int = 12, depth: int = 5) -> set[int]:
    """Every text that datatrove's MinHash deduplication drops; it does not compare the texts."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from loguru import logger

    logger.disable("datatrove")
    config = MinhashConfig(n_grams=words, num_buckets=buckets, hashes_per_bucket=depth)

    def documents() -> list[Document]:
        return [Document(text=text, id=str(at)) for at, text in enumerate(texts)]

    with tempfile.TemporaryDirectory() as folder:
        signatures, pairs, gone = (f"{folder}/{name}" for name in ("signatures", "pairs", "gone"))
        _spend(MinhashDedupSignature(output_folder=signatures, config=config).run(documents()))
        for bucket in range(buckets):
            step = MinhashDedupBuckets(signatures, pairs, config=config)
            _spend(step.run(None, bucket, buckets))
        _spend(MinhashDedupCluster(pairs, gone, config=config).run(None, 0, 1))
        kept = {int(each.id) for each in MinhashDedupFilter(gone).run(documents(), 0, 1)}
    return set(range(len(texts))) - kept


def datatrove_default(texts: list[str]) -> set[int]:
    """The same with datatrove's own settings: runs of 5 words, 14 buckets of 8."""
    return datatrove(texts, words=5, buckets=14, depth=8)


def datasketch(texts: list[str]) -> set[int]:
    """Every text with an earlier match in datasketch's index; it does not compare the texts."""
    from datasketch import MinHash, MinHashLSH

    index, found = MinHashLSH(num_perm=60, params=(12, 5)), set()
    for at, text in enumerate(texts):
        words = text.casefold().split()
        made = MinHash(num_perm=60)
        made.update_batch([f"{a} {b}".encode() for a, b in itertools.pairwise(words)])
        if index.query(made):
            found.add(at)
        index.insert(str(at), made)
    return found


def _spend(steps: object) -> None:
    if steps is not None:
        for _ in steps:  # type: ignore[attr-defined]  # a pipeline's steps are untyped
            pass


WAYS: dict[str, Callable[[list[str]], set[int]]] = {
    "ours": ours,
    "datatrove, 12 bands of 5 over pairs of words": datatrove,
    "datatrove, its own settings": datatrove_default,
    "datasketch, 12 bands of 5 over pairs of words": datasketch,
}
