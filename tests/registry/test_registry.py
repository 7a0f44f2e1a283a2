"""A file stored under a digest always has that digest."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_ml.registry import Registry, Stored
from policy.errors import UserError

MEDIA = "application/octet-stream"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def place(root: Path, stored: Stored) -> Path:
    name = stored.digest.removeprefix("sha256:")
    return root / "sha256" / name[:2] / name


def test_a_published_file_lies_under_its_digest(tmp_path: Path) -> None:
    root = tmp_path / "registry"
    stored = Registry(str(root)).publish(written(tmp_path / "a", b"weights"), media=MEDIA)
    assert stored.digest == digest(b"weights")
    assert stored.size == 7
    assert stored.uri == f"file://{place(root, stored)}"
    assert place(root, stored).read_bytes() == b"weights"
    assert list((root / "uploads").iterdir()) == []


@pytest.mark.parametrize("scheme", ["{path}", "file://{path}", "memory://{name}"])
def test_every_kind_of_url_gives_back_what_was_published(tmp_path: Path, scheme: str) -> None:
    url = scheme.format(path=tmp_path / "registry", name=uuid.uuid4().hex)
    stored = Registry(url).publish(written(tmp_path / "a", b"weights"), media=MEDIA)
    other = Registry(url)
    assert other.exists(stored.digest)
    assert other.verify(stored.digest) == stored
    assert other.fetch(stored.digest, tmp_path / "deep" / "b").read_bytes() == b"weights"


@settings(max_examples=40, deadline=None)
@given(contents=st.lists(st.binary(max_size=5000), min_size=1, max_size=6))
def test_whatever_is_published_comes_back(contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = Registry(str(folder / "registry"))
        for content in contents:
            stored = registry.publish(written(folder / "in", content), media=MEDIA)
            assert stored.digest == digest(content)
        for content in contents:
            assert registry.fetch(digest(content), folder / "out").read_bytes() == content
        kept = [p for p in (folder / "registry" / "sha256").rglob("*") if p.is_file()]
        assert len(kept) == len(set(contents))


@given(text=st.text(max_size=80))
def test_only_a_digest_is_accepted_as_one(text: str) -> None:
    with pytest.raises(UserError, match="is not a digest"):
        Registry("memory://laws").exists(text)


@pytest.mark.parametrize(
    "text",
    [
        "sha256:../../../etc/passwd",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 64 + "\n",
        "sha512:" + "a" * 64,
        "a" * 64,
    ],
)
def test_a_malformed_digest_never_becomes_a_path(tmp_path: Path, text: str) -> None:
    registry = Registry(str(tmp_path))
    for act in (registry.exists, registry.verify, lambda d: registry.fetch(d, tmp_path / "x")):
        with pytest.raises(UserError, match="is not a digest"):
            act(text)
    assert list(tmp_path.iterdir()) == []


def test_publishing_twice_changes_nothing(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    first = registry.publish(written(tmp_path / "a", b"weights"), media=MEDIA)
    path = place(tmp_path / "registry", first)
    os.utime(path, ns=(1, 1))
    before = path.stat()
    assert registry.publish(written(tmp_path / "b", b"weights"), media=MEDIA) == first
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_many_publishers_at_once_agree(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    source = written(tmp_path / "a", content)

    def publish(_: int) -> Stored:
        return Registry(str(tmp_path / "registry")).publish(source, media=MEDIA)

    with ThreadPoolExecutor(8) as pool:
        stored = set(pool.map(publish, range(16)))
    assert len(stored) == 1
    assert place(tmp_path / "registry", stored.pop()).read_bytes() == content
    assert list((tmp_path / "registry" / "uploads").iterdir()) == []


SLOW_PUBLISHER = """
import sys, time
from pathlib import Path
import countersign_ml.registry.file_digest as digest
from countersign_ml.registry import Registry

digest.CHUNK = 1000
registry, read = Registry(sys.argv[1]), digest.digest_stream

class Slow:
    def __init__(self, sink): self.sink = sink
    def write(self, chunk):
        self.sink.write(chunk); self.sink.flush(); print("wrote", flush=True); time.sleep(0.05)

import countersign_ml.registry.store as store
store.digest_stream = lambda source, sink=None: read(source, sink and Slow(sink))
registry.publish(Path(sys.argv[2]), media="application/octet-stream")
"""


def test_a_publisher_killed_half_way_leaves_nothing_under_the_digest(tmp_path: Path) -> None:
    content = os.urandom(1_000_000)
    source, root = written(tmp_path / "a", content), tmp_path / "registry"
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_PUBLISHER, str(root), str(source)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"wrote\n"
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    (left,) = (root / "uploads").iterdir()
    assert 0 < left.stat().st_size < len(content)
    registry = Registry(str(root))
    assert not registry.exists(digest(content))
    assert registry.publish(source, media=MEDIA).digest == digest(content)


def test_a_flipped_bit_is_found_by_every_reader(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    stored = registry.publish(written(tmp_path / "a", b"weights"), media=MEDIA)
    place(tmp_path / "registry", stored).write_bytes(b"weighuts"[:7])
    found = digest(b"weighut")
    for act in (
        lambda: registry.verify(stored.digest),
        lambda: registry.fetch(stored.digest, tmp_path / "out"),
        lambda: registry.publish(tmp_path / "a", media=MEDIA),
    ):
        with pytest.raises(UserError) as caught:
            act()
        assert stored.digest in str(caught.value)
        assert found in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "registry"]


def test_a_target_with_the_right_bytes_is_left_alone(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    stored = registry.publish(written(tmp_path / "a", b"weights"), media=MEDIA)
    target = registry.fetch(stored.digest, tmp_path / "out")
    os.utime(target, ns=(1, 1))
    place(tmp_path / "registry", stored).unlink()
    assert registry.fetch(stored.digest, target).stat().st_mtime_ns == 1
    target.write_bytes(b"other")
    with pytest.raises(UserError, match="has no sha256:"):
        registry.fetch(stored.digest, target)


def test_a_wrong_target_is_replaced(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    stored = registry.publish(written(tmp_path / "a", b"weights"), media=MEDIA)
    target = written(tmp_path / "out", b"stale")
    assert registry.fetch(stored.digest, target).read_bytes() == b"weights"


def test_a_folder_is_not_an_artifact(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file"):
        Registry(str(tmp_path / "registry")).publish(tmp_path, media=MEDIA)


def test_a_registry_that_cannot_be_written_says_where_and_what_to_do(tmp_path: Path) -> None:
    blocked = written(tmp_path / "file", b"") / "registry"
    with pytest.raises(UserError) as caught:
        Registry(str(blocked)).publish(written(tmp_path / "a", b"weights"), media=MEDIA)
    said = str(caught.value)
    assert str(blocked) in said
    assert "Not a directory" in said
    assert "check that the folder or bucket exists" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "registry"
    root.mkdir(mode=0o500)
    with pytest.raises(UserError, match="Permission denied"):
        Registry(str(root)).publish(written(tmp_path / "a", b"weights"), media=MEDIA)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UserError, match="cannot be opened"):
        Registry("nowhere://bucket/prefix")


def test_a_file_that_changes_while_it_is_published_is_refused(tmp_path: Path) -> None:
    source = written(tmp_path / "a", b"x" * 40_000_000)

    started, stop = threading.Event(), threading.Event()

    def change() -> None:
        with source.open("r+b", buffering=0) as file:
            while not stop.is_set():
                file.seek(39_000_000)
                file.write(os.urandom(8))
                started.set()

    registry = Registry(str(tmp_path / "registry"))
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        started.wait()
        try:
            with pytest.raises(UserError, match="changed while it was published"):
                registry.publish(source, media=MEDIA)
        finally:
            stop.set()
        changing.result()
    assert not list((tmp_path / "registry").rglob("*/*"))
