"""Rows that lie elsewhere are what their manifest says, or are refused; so are places."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import fsspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from countersign_ml.rows.governed.manifest import describe, load_manifest, main, read_file
from countersign_ml.rows.read.row import Defect, Row
from policy.errors import UserError
from policy.files.data_manifest import DataManifest, place_problem

ROWS = b"".join(b'{"prompt":"q%d","completion":"a"}\n' % number for number in range(30))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_bytes(ROWS)
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(ROWS[:-1] + b" \n"))
    return tmp_path


def manifest(folder: Path, **changed: object) -> Path:
    one = describe("train", "train.jsonl", folder).model_dump() | changed
    other = describe("test", "test.jsonl.gz", folder).model_dump()
    path = folder / "manifest.yml"
    path.write_text(yaml.safe_dump({"version": 1, "files": [one, other]}, sort_keys=False))
    return path


def every_row(manifest: DataManifest, folder: Path, split: str = "") -> list[Row | Defect]:
    """Return the rows of all files, or of one split's, in the manifest's order."""
    files = [file for file in manifest.files if split in ("", file.split)]
    return [row for file in files for row in read_file(file, folder)]


def test_rows_are_read_as_the_manifest_says(folder: Path) -> None:
    found = load_manifest(manifest(folder))
    assert (found.rows("train"), found.rows("test"), found.rows("none")) == (30, 30, 0)
    rows = every_row(found, folder)
    assert len(rows) == 60
    assert all(isinstance(row, Row) for row in rows)
    (last,) = {row.file for row in every_row(found, folder, "test")}
    assert last == "test.jsonl.gz"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sha256": "0" * 64}, "its SHA-256 is"),
        ({"size": 7}, "train.jsonl: has 1,010 bytes; the manifest says 7"),
        ({"rows": 31}, "train.jsonl: has 30 rows; the manifest says 31"),
        ({"uri": "gone.jsonl"}, "gone.jsonl: cannot be read: No such file"),
    ],
)
def test_another_file_is_refused(folder: Path, changed: dict[str, object], said: str) -> None:
    found = load_manifest(manifest(folder, **changed))
    with pytest.raises(UserError, match=said):
        every_row(found, folder)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"uri": "../other.jsonl"}, r"yml:4 files.0.uri: '../other.jsonl' leads out"),
        ({"uri": "/etc/passwd"}, "leads out of the data folder"),
        (
            {"uri": "file:///etc/passwd"},
            "has the scheme file://, which needs an entry under places",
        ),
        ({"uri": "zip://a::https://example.org/a.zip"}, "contains '::'"),
        ({"rows": 0}, r"yml:7 files.0.rows: input should be greater than or equal to 1"),
        ({"sha256": "md5"}, r"yml:5 files.0.sha256"),
        ({"md5": "x"}, "unknown key"),
        ({"uri": "test.jsonl.gz"}, "two files have the uri"),
    ],
)
def test_a_bad_manifest_is_located(folder: Path, changed: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_manifest(manifest(folder, **changed))


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    path = manifest(folder)
    (folder / "train.jsonl").unlink()
    (folder / "train.jsonl").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="is a link out of the data folder"):
        load_manifest(path)


def test_rows_come_from_any_store_that_is_allowed(folder: Path) -> None:
    with fsspec.open("memory://rows/train.jsonl", "wb") as sink:
        sink.write(ROWS)
    path = manifest(folder, uri="memory://rows/train.jsonl")
    with pytest.raises(UserError, match="memory://, which needs an entry under places"):
        load_manifest(path)
    path.write_text(
        path.read_text().replace("uri: test.jsonl.gz", "uri: memory://rows/train.jsonl2")
    )
    found = load_manifest(path, ["memory://rows"])
    assert len(every_row(found, folder, "train")) == 30


@pytest.mark.parametrize(
    ("uri", "places", "allowed"),
    [
        ("s3://rows/a.jsonl", [], True),
        ("s3://rows/a.jsonl", ["s3://rows"], True),
        ("s3://rows/a.jsonl", ["s3://rows/"], True),
        ("s3://rows-of-others/a.jsonl", ["s3://rows"], False),
        ("s3://rows/../others/a.jsonl", ["s3://rows"], False),
        ("https://example.org/%2e%2e/a.jsonl", ["https://example.org/b"], False),
        ("https://ada:secret@example.org/a.jsonl", [], False),
        ("http://169.254.169.254/latest", [], False),
        ("file:///srv/rows/a.jsonl", ["file:///srv/rows"], True),
        ("file:///srv/rows2/a.jsonl", ["file:///srv/rows"], False),
        ("simplecache::s3://rows/a.jsonl", [], False),
        ("part/a.jsonl", ["s3://rows"], True),
        ("~/a.jsonl", [], False),
    ],
)
def test_places(uri: str, places: list[str], allowed: bool) -> None:
    assert (place_problem(uri, places) is None) is allowed


@given(st.text(max_size=30), st.sampled_from(["s3://rows", "file:///srv/rows/"]))
def test_nothing_that_is_allowed_leaves_its_place(text: str, place: str) -> None:
    for uri in (text, f"{place}{text}", f"{place}/{text}"):
        if place_problem(uri, [place]) is None and "://" in uri:
            assert uri == place.rstrip("/") or uri.startswith(place.rstrip("/") + "/")
            assert "/../" not in f"{uri}/"


def test_the_command_checks_and_describes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert main(["--describe", "train=train.jsonl", "test=test.jsonl.gz"]) == 0
    (folder / "manifest.yml").write_text(capsys.readouterr().out)
    assert main(["manifest.yml"]) == 0
    assert "test.jsonl.gz: 30 rows" in capsys.readouterr().out
    for wrong in ("train", "train=", "=x", "train=none.jsonl"):
        with pytest.raises(UserError):
            main(["--describe", wrong])


def test_broken_lines_are_located(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = ROWS + b"{broken\n"
    (folder / "train.jsonl").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file = {"split": "train", "uri": "train.jsonl", "sha256": digest}
    told = {"version": 1, "files": [file | {"size": len(content), "rows": 31}]}
    (folder / "manifest.yml").write_text(yaml.safe_dump(told))
    assert main([str(folder / "manifest.yml")]) == 1
    assert "train.jsonl:31: not valid JSON" in capsys.readouterr().out
