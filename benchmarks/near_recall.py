"""How many planted near copies are found at Jaccard 0.8 and 0.9, and what else is reported.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install 'datatrove[processing]' spacy datasketch
    python benchmarks/near_recall.py [--texts 20000] [--peers /tmp/peers/bin/python]

The texts are made of synthetic words. One in ten is a copy with a known Jaccard similarity of its
pairs of neighbouring words. Other sets plant pairs at 0.5, 0.6 and 0.7; at a threshold of 0.8 each
of these is a false pair if reported. The peers are only for this comparison. Ours confirms the
pairs of the bands by comparing the texts; the peers do not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import near_ways

SIZES = {0.9: (57, 3), 0.8: (63, 7), 0.7: (68, 12), 0.6: (60, 15), 0.5: (60, 20)}
"""For each similarity: words in a text, and how many of its pairs of words the copy lacks.

We count the last word and the end of the text as a pair, the peers do not. For them a copy of 0.9
is one of 0.898, and a copy of 0.8 one of 0.797."""


def planted(similarity: float, texts: int) -> tuple[list[str], set[int]]:
    """Return texts, and the numbers of the copies among them, each later than its original."""
    length, lost = SIZES[similarity]
    assert abs((length - lost) / (length + lost) - similarity) < 1e-9
    rng = random.Random(int(similarity * 100))
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=rng.randint(3, 9))) for _ in range(20_000)]
    made = [rng.choices(words, k=length) for _ in range(texts - texts // 10)]
    copies = []
    for original in rng.sample(made, texts // 10):
        copy = list(original)
        if lost % 2:  # the first word is in one pair, any other in two
            copy[0] = "".join(rng.choices(letters, k=12))
        for at in rng.sample(range(2, length, 2), lost // 2):
            copy[at] = "".join(rng.choices(letters, k=12))
        copies.append(copy)
    return [" ".join(text) for text in (*made, *copies)], set(range(len(made), texts))


def measure(way: str, similarity: float, texts: int) -> dict[str, float]:
    """Return how many copies are reported, and how many other texts."""
    every, copies = planted(similarity, texts)
    # A group's other text may be reported instead of the copy.
    if way == "ours":
        named = near_ways.ours(every, similarity if similarity >= 0.8 else 0.8)
    else:
        named = near_ways.WAYS[way](every)
    return {
        "copies": len(copies),
        "found": len(named & copies),
        "others": len(named - copies),
        "texts": texts,
    }


def main() -> None:
    """Measure every implementation in its own process and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter that has the peers")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.measure:
        way, similarity = words.measure
        print(json.dumps(measure(way, float(similarity), words.texts)))
        return
    print("| | found at 0.9 | found at 0.8 | named at 0.7 | at 0.6 | at 0.5 | others |")
    print("|---|---|---|---|---|---|---|")
    for way in near_ways.WAYS if words.peers else ("ours",):
        python = sys.executable if way == "ours" else words.peers
        cells, others, texts = [], 0, 0
        for similarity in (0.9, 0.8, 0.7, 0.6, 0.5):
            asked = [python, __file__, "--texts", str(words.texts), "--measure", way]
            done = subprocess.run([*asked, str(similarity)], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            found = json.loads(done.stdout.splitlines()[-1])
            cells.append(f"{found['found'] / found['copies']:.2%}")
            others, texts = others + found["others"], texts + found["texts"]
        print(f"| {way} | {' | '.join(cells)} | {others} of {texts:,} |", flush=True)


if __name__ == "__main__":
    main()
