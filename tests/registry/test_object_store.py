"""The same promises over the S3 protocol, against a local server; needs s3fs and moto[server]."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from countersign_ml.registry import Registry
from policy.errors import UserError

boto3 = pytest.importorskip("boto3")
server = pytest.importorskip("moto.server")
pytest.importorskip("s3fs")
MEDIA = "application/vnd.gguf"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*running.get_host_and_port()))
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # it remembers the last endpoint
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    yield client
    running.stop()


@pytest.mark.parametrize("size", [0, 10, 12_000_000], ids=["empty", "small", "multipart"])
def test_what_is_published_comes_back(bucket: Any, tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(os.urandom(size))
    registry = Registry(f"s3://models/deep/{size}")
    stored = registry.publish(tmp_path / "a", media=MEDIA)
    assert registry.publish(tmp_path / "a", media=MEDIA) == stored
    got = Registry(f"s3://models/deep/{size}").fetch(stored.digest, tmp_path / "b")
    assert got.read_bytes() == (tmp_path / "a").read_bytes()
    name = stored.digest[7:]
    keys = [
        one["Key"]
        for one in bucket.list_objects_v2(Bucket="models", Prefix=f"deep/{size}/")["Contents"]
    ]
    assert keys == [f"deep/{size}/sha256/{name[:2]}/{name}"]
    assert stored.uri == f"s3://models/{keys[0]}"
    if size:
        assert bucket.head_object(Bucket="models", Key=keys[0])["ContentType"] == MEDIA


def test_changed_bytes_are_found(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    registry = Registry("s3://models/r")
    stored = registry.publish(tmp_path / "a", media=MEDIA)
    key = stored.uri.removeprefix("s3://models/")
    bucket.put_object(Bucket="models", Key=key, Body=b"other")
    with pytest.raises(UserError, match="the stored bytes were changed"):
        registry.verify(stored.digest)


def test_a_missing_bucket_is_refused_and_not_made(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    with pytest.raises(UserError, match="cannot be written"):
        Registry("s3://typo/r").publish(tmp_path / "a", media=MEDIA)
    assert [one["Name"] for one in bucket.list_buckets()["Buckets"]] == ["models"]


def test_a_store_that_does_not_answer_is_one_clear_line(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    registry = Registry("s3://models/r", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(UserError, match="Could not connect") as caught:
        registry.publish(tmp_path / "a", media=MEDIA)
    assert "\n" not in str(caught.value)
