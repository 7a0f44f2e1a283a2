"""Texts as numbers: equal keys mean the same text, and shared bands mean nearly the same text.

numpy processes a whole batch at once, because splitting and hashing words in Python costs more than
everything else in the gates: a word is its bytes, eight at a time, as numbers.

The loose key of a text depends on its words in order, so that case, white space and punctuation
without meaning are ignored (see `loosened`); its key includes that punctuation. The bands come from
a MinHash over the pairs of neighbouring words. A key has 64 bits:
among a billion texts the chance of any false match is 3 %, among a million one in 37 million. A
made-up collision can only add a finding, never hide one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

U64 = NDArray[np.uint64]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]
BANDS, DEPTH = 12, 5
"""Two texts of Jaccard 0.8 share a band with probability 0.991; of Jaccard 0.9, with 0.99999."""
MIN_WORDS = 5
"""Shorter texts have no bands: with so few words, too many texts are near each other."""
BATCH_BYTES = 1 << 18
PREFIX_BYTES = 32
LONGEST_WORD = 64

_WHITE = b"\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f "
_UPPER = bytes(range(65, 91))
_APART = b"\xff"
"""The separator between texts: it is never part of UTF-8."""
FOLD = bytes.maketrans(_WHITE + _UPPER, b" " * len(_WHITE) + _UPPER.lower())
_ENDING, _PARTING, _JOINING = b".:!?)", b",;'\"(", b"-"
"""Punctuation that is ignored: at a word's end, before anything but a digit, between letters.

So `top-up` is `top up` and `Thanks!` is `thanks`, but `1.5`, `-5`, `3*5`, `.env` and `x - y` stay.
"""
SOFT = np.zeros(256, dtype=np.uint8)
for _kind, _signs in enumerate((_ENDING, _PARTING, _JOINING), 1):
    SOFT[np.frombuffer(_signs, dtype=np.uint8)] = _kind
DIGIT, LETTER = 1, 2
CHARACTER = np.zeros(256, dtype=np.uint8)
CHARACTER[48:58], CHARACTER[97:123], CHARACTER[128:] = DIGIT, LETTER, LETTER
_LOOSE = re.compile(
    rb"[.:!?)](?![0-9a-z\x80-\xff])|[,;'\"(](?![0-9])|(?<=[a-z\x80-\xff])-(?=[a-z\x80-\xff])"
)
_PLAIN = {
    **dict.fromkeys("‘’‚‛", "'"),
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys("‐‑‒–—−", "-"),
}
_MASKS: U64 = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
ODD_STEP = np.uint64(0x9E3779B97F4A7C15)
WORD_BASE = 0xD6E8FEB86659FD93
MIX = np.uint64(0xBF58476D1CE4E5B9)
MIX2 = np.uint64(0x94D049BB133111EB)
_RANDOM = np.random.default_rng(20240607)
ODD: U32 = _RANDOM.integers(0, 1 << 32, BANDS * DEPTH, dtype=np.uint32) | np.uint32(1)
FLIP: U32 = _RANDOM.integers(0, 1 << 32, BANDS * DEPTH, dtype=np.uint32)
BAND_ODD: U32 = _RANDOM.integers(0, 1 << 32, DEPTH, dtype=np.uint32) | np.uint32(1)


class WordSums(NamedTuple):
    """The words of a batch of texts: running sums of their hashes, and where the words of each text
    begin and end. The hash of any run of words is then one difference."""

    running: U64
    first: I64
    last: I64

    @classmethod
    def of(cls, hashes: U64, first: I64, last: I64) -> WordSums:
        """Return the sums of the hashes of all words in order."""
        running = np.zeros(len(hashes) + 1, dtype=np.uint64)
        np.cumsum(hashes * powers(len(running))[0][: len(hashes)], out=running[1:])
        return cls(running, first, last)


@dataclass(frozen=True)
class Sketches:
    """One row for each text: its keys, the key of its first bytes, its words, and its bands."""

    keys: U64
    loose: U64
    prefixes: U64
    words: I64
    bands: U32
    """Shape (texts, BANDS); meaningful where the text has MIN_WORDS words."""
    sums: list[WordSums]


def normalised(text: str) -> str:
    """Return the normal form of a text: compatible forms, no case, single spaces, and one form of
    quotes and dashes."""
    if unicodedata.is_normalized("NFKC", text):
        plain = text.casefold()
    else:
        plain = text.translate(_folded)
        if _UNSURE in plain:
            plain = unicodedata.normalize("NFKC", text).casefold()
    for sign, meant in _PLAIN.items():  # many times faster than `translate` if there are few
        if sign in plain:
            plain = plain.replace(sign, meant)
    return " ".join(plain.split())


_UNSURE = "\ufffe"
"""No character: stands for one whose form depends on its neighbours."""


class _Folded(dict[int, str]):
    """The compatible form of each character without its case, made when it is first seen.

    Only marks and the letters of Hangul compose with a character before them (Unicode Standard
    Annex 15), so the form of a text without them is that of its characters one by one: six times as
    fast for Chinese, whose punctuation is all of the full-width kind.
    """

    def __missing__(self, code: int) -> str:
        whole = unicodedata.normalize("NFKC", chr(code))
        alone = not any(map(_composes, whole)) and not _composes(chr(code))
        self[code] = made = whole.casefold() if alone else _UNSURE
        return made


def _composes(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "M" or "\u1100" <= sign <= "\u11ff"


_folded = _Folded()


def loosened(text: str) -> str:
    """Return the normal form of a text without the punctuation that is ignored."""
    plain = normalised(text).encode("utf-8", "surrogatepass")
    return b" ".join(_LOOSE.sub(b" ", plain).split()).decode("utf-8", "surrogatepass")


def keys_of(texts: list[str]) -> U64:
    """Return a key for each text, equal where the normalised texts are; not those of `sketch`."""
    data = [
        (text if text.isascii() else normalised(text)).encode("utf-8", "surrogatepass")
        for text in texts
    ]
    folded = _APART.join(data).translate(FOLD)
    single = folded.split(_APART) if texts else []
    edges = _APART + folded + _APART
    if any(odd in edges for odd in (b"  ", b" " + _APART, _APART + b" ")):
        single = [b" ".join(text.split()) for text in single]
    return np.fromiter(map(xxh3_64_intdigest, single), dtype=np.uint64, count=len(single))


def sketch(texts: list[str], banded: bool = True) -> Sketches:
    """Return the keys and bands of texts; without `banded` the bands are all zero."""
    parts = [_sketched(_read(data), banded) for data in _batches(texts)]
    if len(parts) == 1:
        return parts[0]
    return Sketches(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.loose for part in parts]),
        np.concatenate([part.prefixes for part in parts]),
        np.concatenate([part.words for part in parts]),
        np.concatenate([part.bands for part in parts]),
        [part.sums[0] for part in parts],
    )


def shingles(texts: list[str]) -> tuple[U32, I64]:
    """Return the hashed pairs of neighbouring words of texts, one after the other, and how many
    each text has; a pair that comes again is there again."""
    parts = [_read(data) for data in _batches(texts)]
    found = [_pairs(part, _hashes(part.bare, part.word_starts, part.word_ends)) for part in parts]
    return np.concatenate(found), np.concatenate([part.last - part.first for part in parts])


def _batches(texts: list[str]) -> Iterator[list[bytes]]:
    """Yield the bytes of normalised texts, a batch at a time; one empty batch for no texts."""
    batch: list[bytes] = []
    size = 0
    for text in texts:
        plain = text if text.isascii() else normalised(text)
        batch.append(plain.encode("utf-8", "surrogatepass"))
        size += len(batch[-1]) + 1
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch or not texts:
        yield batch


@dataclass(frozen=True)
class _Read:
    """A batch of texts in one buffer: where each begins and ends, and where each word does."""

    text: bytes
    bare: bytes
    """The text with spaces in place of ignored punctuation."""
    soft: I64
    """The places of that punctuation."""
    starts: I64
    ends: I64
    word_starts: I64
    word_ends: I64
    first: I64
    last: I64


def _read(data: list[bytes]) -> _Read:
    text = (b" ".join(data) + b" ").translate(FOLD)
    joined = np.frombuffer(text, dtype=np.uint8)
    ends = np.cumsum(np.fromiter(map(len, data), dtype=np.int64, count=len(data)) + 1)
    starts = np.concatenate((ends[:1] * 0, ends[:-1]))
    soft = _softly(joined)
    bare = text
    if len(soft):
        joined = joined.copy()
        joined[soft] = 32
        bare = joined.tobytes()
    white = joined == 32
    inside = np.empty(len(joined) + 1, dtype=np.bool_)
    inside[0] = False
    np.logical_not(white, out=inside[1:])
    word_starts = np.flatnonzero(inside[1:] & ~inside[:-1])
    word_ends = np.flatnonzero(inside[1:-1] & white[1:]) + 1
    first = np.searchsorted(word_starts, starts)
    last = np.searchsorted(word_starts, ends)
    return _Read(text, bare, soft, starts, ends, word_starts, word_ends, first, last)


def _softly(joined: NDArray[np.uint8]) -> I64:
    """Return the places of ignored punctuation, as in `loosened`."""
    kinds = SOFT[joined]
    at = np.flatnonzero(kinds)
    kind = kinds[at]
    following = CHARACTER[joined[at + 1]]  # every text is followed by a space
    before = CHARACTER[joined[at - 1]]
    dropped = (kind == 1) & (following == 0)
    dropped |= (kind == 2) & (following != DIGIT)
    dropped |= (kind == 3) & (following == LETTER) & (before == LETTER)
    return cast(I64, at[dropped])


def _sketched(read: _Read, banded: bool) -> Sketches:
    hashes = _hashes(read.bare, read.word_starts, read.word_ends)
    head = np.minimum(read.starts + PREFIX_BYTES, read.ends - 1)
    prefixes = _hashes(read.text, read.starts, head)
    words = read.last - read.first
    sums = WordSums.of(hashes, read.first, read.last)
    down = powers(len(sums.running))[1]
    told = (sums.running[read.last] - sums.running[read.first]) * down[read.first]
    bands = np.zeros((len(words), BANDS), dtype=np.uint32)
    if banded and len(hashes):
        _fill(bands, _pairs(read, hashes), read.first, words)
    loose = _mixed(told + words.astype(np.uint64))
    return Sketches(_mixed(loose + _marks(read)), loose, prefixes, words, bands, [sums])


def _marks(read: _Read) -> U64:
    """Return, for each text, a sum over its ignored punctuation: the sign, after which word, and
    whether spaces are next to it."""
    total = np.zeros(len(read.first), dtype=np.uint64)
    at = read.soft
    if not len(at):
        return total
    of = np.searchsorted(read.ends, at, side="right")
    word = np.searchsorted(read.word_starts, at) - read.first[of]
    beside = np.frombuffer(read.text, dtype=np.uint8)
    spaced = (beside[at - 1] == 32) * 2 + (beside[at + 1] == 32)
    spaced[at == read.starts[of]] |= 2
    told = (word.astype(np.uint64) << np.uint64(16)) | (spaced * 256 + beside[at]).astype(np.uint64)
    head = np.searchsorted(of, np.arange(len(total) + 1))
    up, down = powers(len(at) + 1)
    running = np.zeros(len(at) + 1, dtype=np.uint64)
    np.cumsum(_mixed(told * ODD_STEP) * up[: len(at)], out=running[1:])
    return cast(U64, (running[head[1:]] - running[head[:-1]]) * down[head[:-1]])


def _pairs(read: _Read, hashes: U64) -> U32:
    """Return, for each word, the hash of it and the next word of its text."""
    following = np.zeros_like(hashes)
    following[:-1] = hashes[1:]
    following[read.last[read.last > read.first] - 1] = 0
    return ((hashes * np.uint64(3) + following) * MIX >> np.uint64(32)).astype(np.uint32)


def _fill(bands: U32, pairs: U32, first: I64, words: I64) -> None:
    """Write the bands of the texts with enough words: five smallest pair hashes each."""
    having = words > 0
    long = words >= MIN_WORDS
    if not long.any():
        return
    where = first[having]
    permuted = np.empty_like(pairs)
    chosen = long[having]
    for band in range(BANDS):
        mixed = np.zeros(int(long.sum()), dtype=np.uint32)
        for depth in range(DEPTH):
            number = band * DEPTH + depth
            np.bitwise_xor(pairs, FLIP[number], out=permuted)
            np.multiply(permuted, ODD[number], out=permuted)
            smallest = np.minimum.reduceat(permuted, where)[chosen]
            mixed = (mixed ^ smallest) * BAND_ODD[depth]
            mixed ^= mixed >> np.uint32(15)
        bands[long, band] = mixed


def _eights(text: bytes) -> U64:
    """Return, for every byte, the eight bytes from there on as one number, without a copy."""
    padded = text + bytes(8)
    return np.ndarray((len(text) + 1,), dtype="<u8", buffer=padded, strides=(1,))


def _hashes(text: bytes, starts: I64, ends: I64) -> U64:
    """Return the hash of each stretch of the text, read eight bytes at a time."""
    eights = _eights(text)
    left = ends - starts
    sizes = left.astype(np.uint64) * ODD_STEP
    hashes = _mixed((eights[starts] & _MASKS[np.minimum(left, 8)]) + sizes)
    for taken in range(8, LONGEST_WORD, 8):
        (more,) = np.nonzero(left > taken)
        if not len(more):
            return hashes
        piece = eights[starts[more] + taken] & _MASKS[np.minimum(left[more] - taken, 8)]
        hashes[more] = _mixed(hashes[more] * ODD_STEP + piece)
    for index in np.flatnonzero(left > LONGEST_WORD):
        hashes[index] = xxh3_64_intdigest(text[starts[index] : ends[index]])
    return hashes


def _mixed(values: U64) -> U64:
    """Spread every bit over all others (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * MIX
    values = (values ^ (values >> np.uint64(27))) * MIX2
    return cast(U64, values ^ (values >> np.uint64(31)))


_tables: list[tuple[U64, U64]] = []


def powers(length: int) -> tuple[U64, U64]:
    """Return BASE**i and BASE**-i modulo 2**64 for i below length."""
    if _tables and len(_tables[0][0]) >= length:
        return _tables[0]
    inverse = pow(WORD_BASE, -1, 1 << 64)
    size = max(length, BATCH_BYTES)
    made = _geometric(size, WORD_BASE), _geometric(size, inverse)
    if size == BATCH_BYTES:
        _tables[:] = [made]
    return made


def _geometric(length: int, base: int) -> U64:
    steps = np.full(length, base, dtype=np.uint64)
    steps[0] = 1
    result: Any = np.cumprod(steps)
    return cast(U64, result)
