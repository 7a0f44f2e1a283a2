"""The sketch of texts, a loop over their bytes: what `kept.sketch` says with arrays.

Only ASCII is for it, which needs no normalising but of case and white space, and the UTF-8 of what
is normalised already; and only texts that hold no word of more than LONGEST_WORD bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from countersign_ml.rows.gating.fast.jit import B1, U8, eight, kernel, low_zeros
from countersign_ml.rows.kept import sketch
from countersign_ml.rows.kept.sketch import (
    BANDS,
    DEPTH,
    I64,
    LONGEST_WORD,
    MIN_WORDS,
    PREFIX_BYTES,
    U32,
    U64,
    WordSums,
    normalised,
)

NOT_OURS = -1
"""Stands for the number of words of a text that was not read, or holds a word too long."""
_FOLD = np.frombuffer(sketch.FOLD, dtype=np.uint8)
_SOFT, _CHARACTER, _DIGIT, _LETTER = sketch.SOFT, sketch.CHARACTER, sketch.DIGIT, sketch.LETTER
_ODD_STEP, _MIX, _MIX2 = sketch.ODD_STEP, sketch.MIX, sketch.MIX2
_BASE = np.uint64(sketch.WORD_BASE)
_LANES = -(-BANDS * DEPTH // 16) * 16
"""The permutations, filled up to whole registers."""
_ODD = np.ones(_LANES, dtype=np.uint32)
_FLIP = np.zeros(_LANES, dtype=np.uint32)
_ODD[: BANDS * DEPTH], _FLIP[: BANDS * DEPTH] = sketch.ODD, sketch.FLIP
_BAND_ODD = sketch.BAND_ODD
_SPACE = 32
_ONES = np.uint64(0x0101010101010101)
_HIGH, _LETTERS = _ONES << np.uint64(7), _ONES << np.uint64(6)
_TO_A, _TO_Z = np.uint64(128 - ord("A")) * _ONES, np.uint64(127 - ord("Z")) * _ONES
"""What a byte must be added to for its highest bit to say that it is from A on, or beyond Z."""


@dataclass(frozen=True)
class Words:
    """A sketch for each text, as `Sketches` has it, and the hashes of all words in order."""

    keys: U64
    loose: U64
    prefixes: U64
    words: I64
    bands: U32
    hashes: U64

    def sums(self) -> WordSums:
        """Return the sums of these words."""
        counts = np.maximum(self.words, 0)
        last = np.cumsum(counts)
        return WordSums.of(self.hashes, last - counts, last)

    def put(self, rows: I64, others: Words) -> None:
        """Put the sketches of other texts into some rows; the hashes stay as they are."""
        for name in ("keys", "loose", "prefixes", "words", "bands"):
            getattr(self, name)[rows] = getattr(others, name)


def read_normalised(texts: list[str]) -> Words:
    """Return the sketches of texts beyond ASCII, which are normalised first."""
    data = [normalised(text).encode() for text in texts]
    ends = np.cumsum([len(each) for each in data], dtype=np.int64)
    text = np.frombuffer(b"".join(data) + bytes(16), dtype=np.uint8)
    return read(text, ends, np.zeros(len(ends), dtype=np.bool_))


def read(text: U8, ends: I64, skip: B1) -> Words:
    """Return the sketches of texts that stand one after the other, but for those to skip;
    `words` is NOT_OURS where there is none. Behind the last text, eight more bytes can be read."""
    count = len(ends)
    starts = np.concatenate((ends[:1] * 0, ends[:-1]))
    keys, loose, prefixes = (np.zeros(count, dtype=np.uint64) for _ in range(3))
    words = np.zeros(count, dtype=np.int64)
    bands = np.zeros((count, BANDS), dtype=np.uint32)
    hashes = np.empty((len(text) + count) // 2 + 1, dtype=np.uint64)
    used = _read(text, starts, ends, skip, keys, loose, prefixes, words, bands, hashes)
    return Words(keys, loose, prefixes, words, bands, hashes[:used])


@kernel
def _mixed(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * _MIX
    value = (value ^ (value >> np.uint64(27))) * _MIX2
    return value ^ (value >> np.uint64(31))


@kernel
def _folded(text: U8, start: int, end: int) -> np.uint64:
    """Return the hash of bytes with case and white space folded."""
    hashed = np.uint64(0)
    at = start
    while at < end or at == start:
        piece = np.uint64(0)
        for byte in range(min(8, end - at)):
            piece |= np.uint64(_FOLD[text[at + byte]]) << np.uint64(8 * byte)
        hashed = _taken(hashed, piece, at - start, end - start)
        at += 8
    return hashed


@kernel
def _word(text: U8, start: int, end: int) -> np.uint64:
    """Return the hash of a word, which holds no white space, with the case of ASCII folded."""
    hashed = np.uint64(0)
    at = start
    while at < end:
        piece = eight(text, at)
        if end - at < 8:
            piece &= (np.uint64(1) << np.uint64(8 * (end - at))) - np.uint64(1)
        low = piece & ~_HIGH
        upper = (low + _TO_A) & ~(low + _TO_Z) & ~piece & _HIGH
        hashed = _taken(hashed, piece | (upper >> np.uint64(2)), at - start, end - start)
        at += 8
    return hashed


@kernel
def _taken(hashed: np.uint64, piece: np.uint64, before: int, size: int) -> np.uint64:
    """Return the hash with eight bytes more, `before` of `size` bytes being in it."""
    if before == 0:
        return _mixed(piece + np.uint64(size) * _ODD_STEP)
    return _mixed(hashed * _ODD_STEP + piece)


@kernel
def _read(
    text: U8,
    starts: I64,
    ends: I64,
    skip: B1,
    keys: U64,
    loose: U64,
    prefixes: U64,
    words: I64,
    bands: U32,
    hashes: U64,
) -> int:
    """Fill the columns; return how many words there are in all."""
    smallest = np.empty(_LANES, dtype=np.uint32)
    used = 0
    for row in range(len(starts)):
        if skip[row]:
            words[row] = NOT_OURS
            continue
        start, end = starts[row], ends[row]
        prefixes[row] = _folded(text, start, min(start + PREFIX_BYTES, end))
        first = used
        told, power = np.uint64(0), np.uint64(1)
        marks, mark_power = np.uint64(0), np.uint64(1)
        begun = -1
        too_long = False
        at = start
        while at <= end:
            if begun >= 0 and at < end:  # on to what is no letter: all else is below 64
                others = ~eight(text, at) & _LETTERS
                at = min(end, at + (low_zeros(others) >> 3 if others else 8))
                if others == 0:
                    continue
            here = _FOLD[text[at]] if at < end else np.uint8(_SPACE)
            kind = _SOFT[here]
            bare = here
            if kind:
                before = _FOLD[text[at - 1]] if at > start else np.uint8(_SPACE)
                after = _FOLD[text[at + 1]] if at + 1 < end else np.uint8(_SPACE)
                following = _CHARACTER[after]
                dropped = (
                    (kind == 1 and following == 0)
                    or (kind == 2 and following != _DIGIT)
                    or (kind == 3 and following == _LETTER and _CHARACTER[before] == _LETTER)
                )
                if dropped:
                    bare = np.uint8(_SPACE)
                    spaced = (2 if before == _SPACE else 0) + (1 if after == _SPACE else 0)
                    word = used - first + (1 if begun >= 0 else 0)
                    told_mark = (np.uint64(word) << np.uint64(16)) | np.uint64(spaced * 256 + here)
                    marks += _mixed(told_mark * _ODD_STEP) * mark_power
                    mark_power *= _BASE
            if bare != _SPACE:
                if begun < 0:
                    begun = at
            elif begun >= 0:
                too_long |= at - begun > LONGEST_WORD
                hashed = _word(text, begun, at)
                hashes[used] = hashed
                used += 1
                told += hashed * power
                power *= _BASE
                begun = -1
            at += 1
        count = used - first
        if too_long:
            words[row], used = NOT_OURS, first
            continue
        words[row] = count
        loose[row] = _mixed(told + np.uint64(count))
        keys[row] = _mixed(loose[row] + marks)
        if count >= MIN_WORDS:
            _fill(hashes[first:used], smallest, bands[row])
    return used


@kernel
def _fill(hashes: U64, smallest: U32, bands: U32) -> None:
    """Write the bands of a text: of each permutation of its pairs of words the smallest."""
    smallest[:] = np.uint32(0xFFFFFFFF)
    for word in range(len(hashes)):
        following = hashes[word + 1] if word + 1 < len(hashes) else np.uint64(0)
        pair = np.uint32((hashes[word] * np.uint64(3) + following) * _MIX >> np.uint64(32))
        for lane in range(_LANES):
            permuted = np.uint32((pair ^ _FLIP[lane]) * _ODD[lane])
            smallest[lane] = min(smallest[lane], permuted)
    for band in range(BANDS):
        mixed = np.uint32(0)
        for depth in range(DEPTH):
            mixed = np.uint32((mixed ^ smallest[band * DEPTH + depth]) * _BAND_ODD[depth])
            mixed ^= mixed >> np.uint32(15)
        bands[band] = mixed


def collapsed(text: U8, starts: I64, ends: I64) -> tuple[bytes, I64]:
    """Return stretches of ASCII text in lower case and with single spaces, one after the other,
    and where each ends: for these, what `keys_of` takes its keys from."""
    out = np.empty(int((ends - starts).sum()), dtype=np.uint8)
    until = np.empty(len(starts), dtype=np.int64)
    used = _collapse(text, starts, ends, out, until)
    return out[:used].tobytes(), until


@kernel
def _collapse(text: U8, starts: I64, ends: I64, out: U8, until: I64) -> int:
    used = 0
    for row in range(len(starts)):
        first = used
        spaced = False
        for at in range(starts[row], ends[row]):
            here = _FOLD[text[at]]
            if here == _SPACE:
                spaced = used > first
            else:
                if spaced:
                    out[used] = _SPACE
                    used += 1
                    spaced = False
                out[used] = here
                used += 1
        until[row] = used
    return used
