"""`countersign data split`: three files from one, the same for everybody who has the seed.

Where a row goes is decided by a hash of the seed and of its group, and of nothing else: neither the
order of the rows nor other rows matter, so that adding rows moves none, and a group is never torn.
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
    """How much of the data goes where, in the order of NAMES; the shares add up to one."""

    shares: tuple[float, float, float]
    seed: int
    group: str | None = None
    """The field by which rows belong together; None: rows that ask the same do."""

    def split_of(self, group: str) -> int:
        """Return the number of the split that a whole group goes to."""
        text = f"countersign split\0{self.seed}\0{group}".encode()
        place = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / _SPACE
        bound = 0.0
        for number, share in enumerate(self.shares):
            bound += share
            if share and place < bound:
                return number
        return max(number for number, share in enumerate(self.shares) if share)

    def group_of(self, row: Row) -> str | None:
        """Return what keeps a row together with others; None where it has nothing of the kind."""
        return normalised(row.user_text) if self.group is None else field_value(row, self.group)


@dataclass(frozen=True)
class Assigned:
    """Which split each line goes to, and what came of it."""

    splits: array[int]
    rows: tuple[int, ...]
    groups: tuple[int, ...]
    shared_questions: int
    """Questions that stand in more than one split, because groups share them."""


def assign(lines: Iterator[Line], plan: Plan) -> Assigned:
    """Return where every row goes; UserError naming rows that are broken or have no group."""
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
                without.append(Problem(row.where, f"has no {plan.group!r} to be grouped by"))
            continue
        number = plan.split_of(group)
        splits.append(number)
        rows[number] += 1
        groups[number].add(_digest(group))
        asked = _digest(normalised(row.user_text))
        questions[asked] = questions.get(asked, 0) | 1 << number
    if lacking:
        told = f"{lacking:,} rows have no {plan.group!r}; nothing was written"
        without.append(Problem("", told, "give every row one, or group by another field"))
        raise UserError(without)
    shared = sum(1 for bits in questions.values() if bits & (bits - 1))
    return Assigned(splits, tuple(rows), tuple(map(len, groups)), shared)


def write(source: Source, assigned: Assigned, targets: Sequence[Path | None]) -> None:
    """Write every line as it stands to its split's file; all files appear, or none does.

    A file that is there already is never touched.
    """
    taken = [str(path) for path in targets if path is not None and os.path.lexists(path)]
    if taken:
        raise UserError(Problem(path, "is there already", "name another --out") for path in taken)
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
                os.link(part, target)  # fails where somebody made the file meanwhile
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
        description="Split a file of rows by seed. No group stands in two splits, and adding rows "
        "later moves no other row. Existing files are never overwritten.",
    )
    parser.add_argument("file")
    for name in NAMES:
        parser.add_argument(f"--{name}", type=float, required=True, metavar="SHARE")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--group",
        metavar="FIELD",
        help="keep rows together by a metadata key, id, or answer.KEY; without it rows that ask "
        "the same stay together",
    )
    parser.add_argument("--out", type=Path, help="the folder to write to; without it FILE's own")
    words = parser.parse_args(argv)
    shares = (words.train, words.validation, words.test)
    if any(not 0 <= share <= 1 for share in shares) or not isclose(sum(shares), 1, abs_tol=1e-9):
        raise UserError.one(
            "--train, --validation, --test",
            f"the shares {', '.join(f'{share:g}' for share in shares)} do not add up to 1",
            "write for example --train .7 --validation .15 --test .15",
        )
    source = local_source(words.file)
    if source.is_url and words.out is None:
        raise UserError.one(words.file, "is no local file", "say with --out where to write")
    folder = words.out or Path(words.file).parent
    if not folder.is_dir():
        raise UserError.one(str(folder), "no such folder", "make it first")
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
            f"{assigned.shared_questions:,} questions stand in more than one split, because groups "
            "share them; the leakage gate will name those of the test split"
        )
    return 0


def _named(shares: Sequence[float]) -> Iterator[tuple[str, float]]:
    return zip(NAMES, shares, strict=True)


def _refuse_empty(where: str, plan: Plan, assigned: Assigned) -> None:
    """Refuse a split that was asked for and would get no row."""
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
            "bring more groups, or take another seed or larger shares",
        )


def _changed(source: Source) -> UserError:
    return UserError.one(
        source.where, "changed while it was split; nothing was written", "run it again"
    )


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
