"""`countersign data redact`: a copy of a dataset without its personal data and secrets.

The original is never changed. Replacements are reported by kind and count, never by value.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from countersign_ml.rows.detect import KINDS, NameList, expand
from countersign_ml.rows.redaction.redact_document import Redactor
from policy.errors import Problem, UserError

KEY_VARIABLE = "COUNTERSIGN_REDACT_KEY"
_SHORTEST_KEY = 16


def redact(rows: Iterable[bytes], redactor: Redactor, where: str = "rows") -> Iterator[bytes]:
    """Yield each JSON row redacted; rows without hits are yielded byte for byte.

    Raises `UserError` for a row that is not JSON in UTF-8: it could hide values.
    """
    for number, raw in enumerate(rows, 1):
        stripped = raw.strip(b"\r\n\t \xef\xbb\xbf")
        if not stripped:
            yield raw
            continue
        try:
            line = raw.decode()
            parsed = json.loads(line.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            raise UserError.one(
                f"{where}:{number}",
                f"this row is not JSON in UTF-8 ({error})",
                "fix the row; `countersign data validate` lists all such rows",
            ) from error
        made = redactor.row(line, _document(parsed, stripped))
        yield raw if made == line else made.encode()


def _document(parsed: Any, raw: bytes) -> str:
    """Return the name of the row: its id, or the digest of its bytes."""
    name = parsed.get("id") if isinstance(parsed, dict) else None
    if isinstance(name, str | int) and not isinstance(name, bool):
        return f"id {name}"
    return f"sha256 {hashlib.sha256(raw).hexdigest()}"


def redact_file(source: Path, output: Path, redactor: Redactor) -> int:
    """Write the redacted copy and return its number of rows; it appears whole or not at all."""
    problems = []
    if not source.is_file():
        problems.append(Problem(str(source), "no such file", "name a JSONL file"))
    if output.exists():
        problems.append(
            Problem(
                str(output),
                "already exists, and nothing is overwritten",
                "name another --output",
            )
        )
    for path in (source, output):
        if path.suffixes[-1:] != [".jsonl"] and path.suffixes[-2:] != [".jsonl", ".gz"]:
            problems.append(
                Problem(
                    str(path),
                    "only .jsonl and .jsonl.gz can be redacted",
                    "convert it to JSONL first",
                )
            )
    if problems:
        raise UserError(problems)
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    os.close(handle)
    temporary = Path(name)
    count = 0
    try:
        with _open(source, "rb") as reading, _open(temporary, "wb", like=output) as writing:
            for row in redact(reading, redactor, str(source)):
                writing.write(row)
                count += 1
        os.link(temporary, output)  # unlike a rename, this fails if the file exists by now
    except FileExistsError as error:
        raise UserError.one(
            str(output), "was created by something else meanwhile", "name another --output"
        ) from error
    finally:
        temporary.unlink()
    return count


def _open(path: Path, mode: str, like: Path | None = None) -> IO[bytes]:
    if (like or path).suffix == ".gz":
        return gzip.open(path, mode)  # type: ignore[return-value]
    return path.open(mode)


def read_key(path: Path | None) -> bytes:
    """Return the key from a file or the environment; raise `UserError` if it is too short."""
    if path is not None:
        where = str(path)
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise UserError.one(
                where, f"the key cannot be read ({error.strerror})", "name a file that you can read"
            ) from error
    else:
        where, key = KEY_VARIABLE, os.environ.get(KEY_VARIABLE, "").encode()
    if len(key) < _SHORTEST_KEY:
        raise UserError.one(
            where,
            f"the key has {len(key)} bytes; at least {_SHORTEST_KEY} are required",
            "create one with: openssl rand -hex 32, and pass it with --key-file",
        )
    return key


def report(redactor: Redactor, rows: int) -> dict[str, Any]:
    """Return the replacements, by kind and count."""
    return {
        "rows": rows,
        "replaced": dict(sorted(redactor.replaced.items())),
        "left_in_ids_names_and_numbers": dict(sorted(redactor.left.items())),
    }


def main(argv: Sequence[str]) -> int:
    """Run the command; 0 if all hits are replaced, 1 if some are in ids, names or numbers."""
    parser = argparse.ArgumentParser(prog="countersign data redact", description=__doc__)
    parser.add_argument("file", type=Path, help="the dataset: .jsonl or .jsonl.gz")
    parser.add_argument("--output", type=Path, required=True, help="the copy to write")
    parser.add_argument("--key-file", type=Path, help=f"the key; default: variable {KEY_VARIABLE}")
    parser.add_argument("--kinds", help="kinds or families, separated by commas (default: all)")
    parser.add_argument("--names", type=Path, help="a list of people's names, one per line")
    parser.add_argument(
        "--keep", default="id", help="top-level fields to leave unchanged, separated by commas"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(argv)
    redactor = Redactor(
        read_key(options.key_file),
        expand(options.kinds.split(",")) if options.kinds else frozenset(KINDS),
        NameList(options.names.read_text("utf-8").splitlines()) if options.names else None,
        frozenset(options.keep.split(",")),
    )
    rows = redact_file(options.file, options.output, redactor)
    done = report(redactor, rows)
    if options.json:
        print(json.dumps(done, indent=2))
    else:
        print(f"{rows} rows written to {options.output}")
        for kind, count in done["replaced"].items():
            print(f"  {count:>8}  {KINDS[kind].title}")
    if redactor.left:
        print(
            f"{options.file}: {sum(redactor.left.values())} hits remain in ids, field names or "
            "numbers, which redaction does not change; fix those rows by hand",
            file=sys.stderr,
        )
    return 1 if redactor.left else 0
