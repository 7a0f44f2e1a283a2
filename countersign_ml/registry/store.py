"""The registry: files named by their SHA-256, in a folder or a bucket, through fsspec.

Layout: `<root>/sha256/ab/<64 hex digits>`, and `<root>/uploads/` for uploads in progress. A name
under `sha256/` appears only when all its bytes are written, so a killed upload is never visible.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from countersign_ml.registry.file_digest import digest_file, digest_stream, hex_of
from policy.errors import UserError

_CONTENT_TYPE = {
    "s3": "ContentType",
    "s3a": "ContentType",
    "gs": "content_type",
    "gcs": "content_type",
}
"""The name of the media type in each object store's driver; other drivers have none."""
_WITHOUT_FOLDERS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss"}
"""Object stores: creating a folder does nothing there, or creates the bucket of a typo."""


@dataclass(frozen=True)
class Stored:
    """One published file."""

    digest: str
    size: int
    uri: str


class Registry:
    """A content-addressed store of single files at any URL that fsspec can open."""

    def __init__(self, url: str, **storage_options: Any) -> None:
        """Open the registry at a path or a URL; `storage_options` go to fsspec's driver."""
        self.url = url
        try:
            self._fs, root = fsspec.core.url_to_fs(url, **storage_options)
        except (ValueError, ImportError, OSError) as error:
            raise UserError.one(
                f"registry {url}",
                f"cannot be opened: {error}",
                "give a folder, or a URL such as file:///srv/registry or s3://bucket/prefix whose "
                "fsspec driver is installed",
            ) from error
        self._root = root.rstrip("/")
        self._local = isinstance(self._fs, LocalFileSystem)
        named = self._fs.protocol
        self._protocol: str = named if isinstance(named, str) else named[0]

    def publish(self, path: Path, *, media: str) -> Stored:
        """Store a file under its digest; publishing the same bytes again changes nothing.

        `media` is its media type, passed to object stores that keep one. UserError if the file
        changes during the copy, or if the stored copy no longer has its digest.
        """
        if not path.is_file():
            raise UserError.one(
                str(path), "is not a file", "publish single files: each file of a folder by itself"
            )
        with self._explaining(f"cannot read {path}"):
            digest, _ = digest_file(path)
        if not self.exists(digest):
            self._upload(path, digest, media)
        return self.verify(digest)

    def fetch(self, digest: str, target: Path) -> Path:
        """Copy an artifact to `target` and verify it; `target` appears whole or not at all.

        If the target already has these bytes, nothing is copied.
        """
        place = self._place(digest)
        if target.is_dir():
            raise UserError.one(str(target), "is a folder", "name the file to write")
        if target.is_file() and digest_file(target)[0] == digest:
            return target
        self._require(digest)
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        with self._explaining(f"cannot be copied to {target}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._fs.open(place, "rb") as source, part.open("wb") as sink:
                    found, _ = digest_stream(source, sink)
                self._expect(digest, found)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        return target

    def verify(self, digest: str) -> Stored:
        """Return the stored file after reading all its bytes and checking their digest."""
        place = self._place(digest)
        self._require(digest)
        with self._explaining("cannot be read"), self._fs.open(place, "rb") as source:
            found, size = digest_stream(source)
        self._expect(digest, found)
        return Stored(digest, size, self._fs.unstrip_protocol(place))

    def exists(self, digest: str) -> bool:
        """Return whether a file is stored under the digest, without reading it."""
        place = self._place(digest)
        with self._explaining("cannot be read"):
            self._fs.invalidate_cache()
            return bool(self._fs.isfile(place))

    def remove(self, digest: str) -> bool:
        """Delete an artifact for ever; return whether it was there."""
        place = self._place(digest)
        if not self.exists(digest):
            return False
        with self._explaining("cannot be deleted"):
            self._fs.rm_file(place)
        return True

    def _place(self, digest: str) -> str:
        name = hex_of(digest)
        return f"{self._root}/sha256/{name[:2]}/{name}"

    def _upload(self, path: Path, digest: str, media: str) -> None:
        """Write under a temporary name, then rename to the digest in one step."""
        place = self._place(digest)
        part = f"{self._root}/uploads/{hex_of(digest)}.{uuid.uuid4().hex}"
        known = self._protocol in _CONTENT_TYPE
        typed = {_CONTENT_TYPE[self._protocol]: media} if known else {}
        with self._explaining("cannot be written"):
            self._make_folder_of(part)
            try:
                with path.open("rb") as source, self._fs.open(part, "wb", **typed) as sink:
                    found, _ = digest_stream(source, sink)
                    if self._local:
                        sink.flush()
                        os.fsync(sink.fileno())
                if found != digest:
                    raise UserError.one(
                        str(path),
                        f"changed while it was published: {digest} became {found}",
                        "publish it again when no program is writing to it",
                    )
                self._settle(part, place)
            finally:
                if self._fs.exists(part):
                    self._fs.rm_file(part)

    def _make_folder_of(self, place: str) -> None:
        if self._protocol not in _WITHOUT_FOLDERS:
            self._fs.makedirs(place.rpartition("/")[0], exist_ok=True)

    def _settle(self, part: str, place: str) -> None:
        """Move a complete upload to its digest; of two uploads at once the first file stays."""
        self._make_folder_of(place)
        if not self._local:
            self._fs.mv(part, place)
            return
        try:
            os.link(part, place)
        except FileExistsError:
            return
        except OSError:  # no hard links on this file system; the bytes are the same either way
            Path(part).replace(place)

    def _require(self, digest: str) -> None:
        if not self.exists(digest):
            raise UserError.one(
                f"registry {self.url}",
                f"has no {digest}",
                "publish it there, or name the registry that has it",
            )

    def _expect(self, digest: str, found: str) -> None:
        if found != digest:
            raise UserError.one(
                f"registry {self.url}",
                f"expected {digest}, found {found}: the stored bytes were changed",
                f"restore {self._place(digest)} from a copy, or remove it and publish it again",
            )

    @contextmanager
    def _explaining(self, what: str) -> Iterator[None]:
        """Turn a file system's errors into one line that says where, what and how to fix it.

        Drivers of object stores raise their clients' exceptions, which have no common base class:
        all of them are reported as the store's answer, in its own words.
        """
        try:
            yield
        except UserError:
            raise
        except OSError as error:
            raise self._refusal(what, error) from error
        except Exception as error:
            if self._local:
                raise
            raise self._refusal(what, error) from error

    def _refusal(self, what: str, error: Exception) -> UserError:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return UserError.one(
            f"registry {self.url}",
            f"{what}: {said}",
            "check that the folder or bucket exists and that this account may read and write there",
        )
