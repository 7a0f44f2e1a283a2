"""Rows outside git, read only if they match their manifest.

The rows are hashed while they stream: a reader must read to the end, because only then is it known
whether the rows match. Nothing may be trained on before that.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from countersign_ml.rows.governed.dvc import DvcFile, read_dvc
from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.read.sample_lines import Line, local_source, read_lines, sound
from countersign_ml.rows.read.source import Source
from policy import documents
from policy.errors import Problem, UserError
from policy.files.data_manifest import DataManifest, ManifestFile, is_url, place_problem


def load_manifest(path: Path, places: Sequence[str] = ()) -> DataManifest:
    """Read a manifest and check that every file is in an allowed place; all problems at once."""
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(where, f"cannot be read: {error}", "name a manifest.yml") from error
    manifest = documents.parse(DataManifest, text, where)
    _, lines = documents.read_yaml(text, where)
    problems = []
    for number, file in enumerate(manifest.files):
        problem = place_problem(file.uri, places)
        if problem is None and not is_url(file.uri) and _leaves(path.parent, file.uri):
            problem = "is a link out of the data folder"
        if problem is not None:
            place = f"{where}:{lines.get(('files', number, 'uri'), 1)} files.{number}.uri"
            problems.append(Problem(place, f"{file.uri!r} {problem}", "name another place"))
    if problems:
        raise UserError(problems)
    return manifest


def read_file(file: ManifestFile, folder: Path) -> Iterator[Row | Defect]:
    """Yield the rows of one file; see `read_file_lines`."""
    return (line.row for line in read_file_lines(file, folder))


def read_file_lines(file: ManifestFile, folder: Path) -> Iterator[Line]:
    """Yield the lines of one file; UserError if it does not match the manifest.

    The size is checked before the first row; the digest and the number of rows after the last.
    """
    source = Source(
        file.uri if is_url(file.uri) else str(folder / file.uri), file.uri, file.hexadecimal
    )
    _expect(file.uri, "bytes", file.size, source.stored_size())
    count = 0
    for line in read_lines(source):
        count += 1
        yield line
    _expect(file.uri, "bytes", file.size, source.size)
    _expect(file.uri, "rows", file.rows, count)


def describe(split: str, uri: str, folder: Path) -> ManifestFile:
    """Read a file of rows, and return its manifest entry."""
    source = Source(uri if is_url(uri) else str(folder / uri), uri)
    if not source.is_url:
        local_source(source.path)
    rows = sum(1 for _ in sound(read_lines(source), "it was not described"))
    if not rows:
        raise UserError.one(uri, "has no rows", "name a file of rows")
    return ManifestFile(split=split, uri=uri, sha256=source.digest[7:], size=source.size, rows=rows)


def main(argv: list[str]) -> int:
    """Check the rows of a manifest or a .dvc file, or print a manifest."""
    parser = argparse.ArgumentParser(
        prog="countersign data manifest",
        description="Read every file that a manifest.yml or a .dvc file names, and check that it "
        "matches. With --describe, print the manifest of files instead.",
    )
    parser.add_argument("file", nargs="?", type=Path, help="manifest.yml or rows.jsonl.dvc")
    parser.add_argument(
        "--describe", nargs="+", metavar="SPLIT=URI", help="print a manifest for these files"
    )
    parser.add_argument(
        "--place",
        action="append",
        default=[],
        metavar="URL",
        help="read only below this URL; required for file:// and other unusual places",
    )
    words = parser.parse_args(argv)
    if (words.file is None) == (words.describe is None):
        parser.error("give a file, or --describe")
    if words.describe is not None:
        print(_described(words.describe), end="")
        return 0
    broken = 0
    for told, rows in _files(words.file, words.place):
        count = 0
        for row in rows:
            count += 1
            if isinstance(row, Defect):
                broken += 1
                if broken <= 50:
                    print(f"{row.file}:{row.line}: {row.message}")
        print(f"{told}: {count:,} rows, matches")
    if broken:
        print(f"{broken:,} lines are not rows")
    return 1 if broken else 0


def _files(path: Path, places: Sequence[str]) -> Iterator[tuple[str, Iterator[Row | Defect]]]:
    """Yield each file's name and its rows."""
    if path.suffix == ".dvc":
        file: DvcFile = read_dvc(path)
        yield file.path, file.rows(places)
        return
    for one in load_manifest(path, places).files:
        yield one.uri, read_file(one, path.parent)


def _described(pairs: Sequence[str]) -> str:
    files = []
    for pair in pairs:
        split, equals, uri = pair.partition("=")
        if not equals or not split or not uri:
            raise UserError.one(pair, "is not SPLIT=URI", "write train=s3://bucket/train.jsonl.zst")
        one = describe(split, uri, Path())
        files.append(
            f"  - split: {one.split}\n    uri: {_quoted(one.uri)}\n    sha256: {one.sha256}\n"
            f"    size: {one.size}\n    rows: {one.rows}\n"
        )
    return "version: 1\nfiles:\n" + "".join(files)


def _quoted(uri: str) -> str:
    return "'" + uri.replace("'", "''") + "'"


def _leaves(folder: Path, name: str) -> bool:
    return not (folder / name).resolve().is_relative_to(folder.resolve())


def _expect(where: str, what: str, wanted: int, found: int) -> None:
    if wanted != found:
        raise UserError.one(
            where,
            f"has {found:,} {what}; the manifest says {wanted:,}",
            "restore the file, or describe it again: countersign data manifest --describe",
        )
