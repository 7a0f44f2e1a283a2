"""DVC's files are understood: beside, in the cache, in the remote; and checked by MD5."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from countersign_ml.rows.governed.dvc import read_dvc
from countersign_ml.rows.governed.manifest import main
from countersign_ml.rows.read.row import Row
from policy.errors import UserError

ROWS = b'{"prompt":"a","completion":"b"}\n' * 5
MD5 = hashlib.md5(ROWS).hexdigest()


def dvc(folder: Path, text: str = "", md5: str = MD5, path: str = "train.jsonl") -> Path:
    (folder / ".dvc").mkdir(exist_ok=True)
    file = folder / f"{path.rpartition('/')[2]}.dvc"
    outs = f"outs:\n- md5: {md5}\n  size: {len(ROWS)}\n  hash: md5\n  path: {path}\n"
    file.write_text(text or outs)
    return file


def stored(place: Path, content: bytes = ROWS, md5: str = MD5) -> None:
    path = place / "files/md5" / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def remote(folder: Path, url: str) -> None:
    text = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n"
    (folder / ".dvc/config").write_text(text)


def rows(file: Path, *places: str) -> int:
    return sum(isinstance(row, Row) for row in read_dvc(file).rows(places))


def test_the_file_beside_is_read(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(ROWS)
    assert rows(dvc(tmp_path)) == 5


def test_the_cache_is_read(tmp_path: Path) -> None:
    file = dvc(tmp_path)
    stored(tmp_path / ".dvc/cache")
    assert rows(file) == 5


def test_the_remote_is_read_where_its_place_is_allowed(tmp_path: Path) -> None:
    folder, store = tmp_path / "clone", tmp_path / "store"
    folder.mkdir()
    file = dvc(folder)
    remote(folder, "../../store")
    stored(store)
    with pytest.raises(UserError, match="file://, which needs an entry under places"):
        rows(file)
    assert rows(file, f"file://{tmp_path}/store") == 5


def test_files_of_dvc_2_lie_in_another_layout(tmp_path: Path) -> None:
    file = dvc(tmp_path, f"outs:\n- md5: {MD5}\n  path: train.jsonl\n")
    path = tmp_path / ".dvc/cache" / MD5[:2] / MD5[2:]
    path.parent.mkdir(parents=True)
    path.write_bytes(ROWS)
    assert rows(file) == 5


def test_packed_files_in_the_cache_are_read_by_the_name_that_they_had(tmp_path: Path) -> None:
    table = pyarrow.table({"prompt": ["a", "c"], "completion": ["b", "d"]})
    made = tmp_path / "made"
    pyarrow.parquet.write_table(table, made)
    content = made.read_bytes()
    md5 = hashlib.md5(content).hexdigest()
    outs = f"outs:\n- md5: {md5}\n  hash: md5\n  size: {len(content)}\n  path: a.parquet\n"
    file = dvc(tmp_path, outs, path="a.parquet")
    stored(tmp_path / ".dvc/cache", content, md5)
    assert rows(file) == 2


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    file = dvc(tmp_path)
    (tmp_path / "train.jsonl").write_bytes(ROWS.replace(b"a", b"c"))
    with pytest.raises(UserError, match=rf"train.jsonl has [0-9a-f]+ as MD5, not {MD5}"):
        rows(file)
    (tmp_path / "train.jsonl").write_bytes(ROWS * 2)
    with pytest.raises(UserError, match="has 320 bytes, not 160"):
        rows(file)


def test_a_link_out_of_the_clone_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    folder.mkdir()
    (tmp_path / "outside").write_bytes(ROWS)
    (folder / "train.jsonl").symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match="is not here"):
        rows(dvc(folder))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outs: []", "outs: tuple should have at least 1 item"),
        ("deps: []", "outs: missing"),
        (f"outs:\n- md5: {MD5}.dir\n  path: rows", "names a folder"),
        (f"outs:\n- md5: {MD5}\n  path: ../rows", "is outside its folder"),
        (f"outs:\n- md5: {MD5}\n  hash: etag\n  path: rows", "use md5, the only supported hash"),
        ("outs:\n- md5: x\n  path: rows", r"dvc:2 outs.0.md5: string should match"),
    ],
)
def test_a_bad_file_is_located(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_dvc(dvc(tmp_path, text))


def test_a_remote_without_url_is_named(tmp_path: Path) -> None:
    file = dvc(tmp_path)
    (tmp_path / ".dvc/config").write_text("[core]\nremote = gone\n")
    with pytest.raises(UserError, match="has no url for the remote 'gone'"):
        rows(file)
    (tmp_path / ".dvc/config").write_text("no ini")
    with pytest.raises(UserError, match=r"config: cannot be read"):
        rows(file)


def test_the_command_checks_a_dvc_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.jsonl").write_bytes(ROWS)
    assert main([str(dvc(tmp_path))]) == 0
    assert "train.jsonl: 5 rows" in capsys.readouterr().out
