"""`countersign data split`: three files from one, the same for everyone with the seed.

A hash of the seed and the row's group alone decides where a row goes. The order of the rows and
other rows do not matter, so adding rows moves none, and a group is never divided.
"""

from __future__ import annotations

import argparse
import os
import uuid
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from math import isclose
from pathlib import Path

from countersign_ml.rows.kept.sketch import normalised
from countersign_ml.rows.read.row import Row
from countersign_ml.rows.read.sample_lines import Line, local_source, read_lines, sound
from countersign_ml.rows.read.source import Source
from countersign_ml.rows.statistics.stats_fields import field_value
from policy.errors import Problem, UserError

NAMES = ("train", "validation", "test")
SHOWN = 50
_SPACE = 1 << 64


@dataclass(frozen=True)
class Plan:
    """The share of each split, in the order of NAMES; the shares add up to one."""

    shares: tuple[float, float, float]
    seed: int
    group: str | None = None
    """The field that groups rows; None groups rows with the same question."""

    def split_of(self, group: str) -> int:
        """Return the index of the split for a whole group."""
        text = f"countersign split\0{self.seed}\0{group}".encode()
        place = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / _SPACE
        bound = 0.0
        for number, share in enumerate(self.shares):
            bound += share
            if share and place < bound:
                return number
        return max(number for number, share in enumerate(self.shares) if share)

    def group_of(self, row: Row) -> str | None:
        """Return the group of a row; None if it has none."""
        return normalised(row.user_text) if self.group is None else field_value(row, self.group)


@dataclass(frozen=True)
class Assigned:
    """The split of each line, and the resulting counts."""

    splits: array[int]
    rows: tuple[int, ...]
    groups: tuple[int, ...]
    shared_questions: int
    """Questions that are in more than one split, because groups share them."""


def assign(lines: Iterator[Line], plan: Plan) -> Assigned:
    """Return the split of every row; UserError for rows that are broken or have no group."""
    splits = array("B")
    rows = [0, 0, 0]
    groups: list[set[bytes]] = [set(), set(), set()]
    questions: dict[bytes, int] = {}
    without: list[Problem] = []
    lacking = 0
    for _, row in sound(lines, "nothing was written"):
        group = plan.group_of(row)
        if group is None:
            lacking += 1
            if lacking <= SHOWN:
                without.append(Problem(row.where, f"has no {plan.group!r} to group by"))
            continue
        number = plan.split_of(group)
        splits.append(number)
        rows[number] += 1
        groups[number].add(_digest(group))
        asked = _digest(normalised(row.user_text))
        questions[asked] = questions.get(asked, 0) | 1 << number
    if lacking:
        told = f"{lacking:,} rows have no {plan.group!r}; nothing was written"
        without.append(Problem("", told, "add it to every row, or group by another field"))
        raise UserError(without)
    shared = sum(1 for bits in questions.values() if bits & (bits - 1))
    return Assigned(splits, tuple(rows), tuple(map(len, groups)), shared)


def write(source: Source, assigned: Assigned, targets: Sequence[Path | None]) -> None:
    """Write every line unchanged to the file of its split; all files appear, or none.

    An existing file is never changed.
    """
    taken = [str(path) for path in targets if path is not None and os.path.lexists(path)]
    if taken:
        raise UserError(Problem(path, "already exists", "name another --out") for path in taken)
    parts = [
        None if path is None else path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        for path in targets
    ]
    placed: list[Path] = []
    done = False
    try:
        with ExitStack() as stack:
            sinks = [
                None if part is None else stack.enter_context(part.open("xb")) for part in parts
            ]
            written = 0
            for line in read_lines(source):
                sink = sinks[assigned.splits[written]] if written < len(assigned.splits) else None
                if sink is None:
                    raise _changed(source)
                sink.write(line.raw.removesuffix(b"\r") + b"\n")
                written += 1
            if written != len(assigned.splits):
                raise _changed(source)
        for part, target in zip(parts, targets, strict=True):
            if part is not None and target is not None:
                os.link(part, target)  # fails if the file exists by now
                placed.append(target)
        done = True
    except OSError as error:
        where = str(error.filename2 or error.filename or source.where)
        raise UserError.one(where, f"cannot be written: {error.strerror}", "see --out") from error
    finally:
        for path in (*filter(None, parts), *(() if done else placed)):
            path.unlink(missing_ok=True)


def main(argv: list[str]) -> int:
    """Split a file of rows into train, validation and test."""
    parser = argparse.ArgumentParser(
        prog="countersign data split",
        description="Split a file of rows by seed. No group is in two splits, and rows added later "
        "move no other rows. Existing files are never overwritten.",
    )
    parser.add_argument("file")
    for name in NAMES:
        parser.add_argument(f"--{name}", type=float, required=True, metavar="SHARE")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--group",
        metavar="FIELD",
        help="group rows by a metadata key, id, or answer.KEY; default: by question",
    )
    parser.add_argument(
        "--out", type=Path, help="the folder to write to; default: the folder of FILE"
    )
    words = parser.parse_args(argv)
    shares = (words.train, words.validation, words.test)
    if any(not 0 <= share <= 1 for share in shares) or not isclose(sum(shares), 1, abs_tol=1e-9):
        raise UserError.one(
            "--train, --validation, --test",
            f"the shares {', '.join(f'{share:g}' for share in shares)} do not add up to 1",
            "use for example --train .7 --validation .15 --test .15",
        )
    source = local_source(words.file)
    if source.is_url and words.out is None:
        raise UserError.one(words.file, "is not a local file", "name the output folder with --out")
    folder = words.out or Path(words.file).parent
    if not folder.is_dir():
        raise UserError.one(str(folder), "no such folder", "create it first")
    plan = Plan(shares, words.seed, words.group)
    assigned = assign(read_lines(source), plan)
    _refuse_empty(words.file, plan, assigned)
    targets = [folder / f"{name}.jsonl" if share else None for name, share in _named(shares)]
    write(source, assigned, targets)
    total = sum(assigned.rows)
    kind = f"groups by {words.group}" if words.group else "questions"
    for number, target in enumerate(targets):
        if target is not None:
            rows, groups = assigned.rows[number], assigned.groups[number]
            print(f"{target}: {rows:,} rows ({rows / total:.1%}), {groups:,} {kind}")
    if assigned.shared_questions:
        print(
            f"{assigned.shared_questions:,} questions are in more than one split, because groups "
            "share them; the leakage gate will report those of the test split"
        )
    return 0


def _named(shares: Sequence[float]) -> Iterator[tuple[str, float]]:
    return zip(NAMES, shares, strict=True)


def _refuse_empty(where: str, plan: Plan, assigned: Assigned) -> None:
    """Raise UserError if a requested split would get no row."""
    empty = [
        name
        for number, (name, share) in enumerate(_named(plan.shares))
        if share and not assigned.rows[number]
    ]
    if empty:
        groups = sum(assigned.groups)
        raise UserError.one(
            where,
            f"{sum(assigned.rows):,} rows in {groups:,} groups leave {' and '.join(empty)} empty; "
            "nothing was written",
            "add groups, or use another seed or larger shares",
        )


def _changed(source: Source) -> UserError:
    return UserError.one(
        source.where, "changed while it was split; nothing was written", "run the command again"
    )


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
