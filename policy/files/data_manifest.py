"""The dataset manifest: `models/<model>/data/manifest.yml`, for more rows than git can keep.

The manifest is small and governed as rows in git are. It names where the rows are stored and their
digests; rows that do not match are rejected. A manifest comes with a pull request, so the places
that it may name are restricted: see `place_problem`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from policy.documents import Document
from policy.names import RowSplit

Sha256 = Annotated[str, StringConstraints(pattern=r"^(sha256:)?[0-9a-f]{64}$")]
SCHEMES = frozenset({"s3", "gs", "gcs", "az", "abfs", "abfss", "https", "hf"})
"""Schemes that need no listed place: stores that require an account, and the web over TLS."""
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")


class ManifestFile(Document):
    """One file of rows: where it is stored, and its expected content."""

    split: RowSplit
    uri: Annotated[str, Field(min_length=1, max_length=2000)]
    """A URL, or a path relative to the manifest."""
    sha256: Sha256
    size: Annotated[int, Field(ge=1, lt=2**53)]
    """Bytes as stored; compressed if the file is."""
    rows: Annotated[int, Field(ge=1, lt=2**53)]

    @property
    def hexadecimal(self) -> str:
        """Return the digest's 64 digits."""
        return self.sha256.removeprefix("sha256:")


class DataManifest(Document):
    """All files of rows of one model; a split may have several, read in this order."""

    version: Literal[1]
    files: Annotated[tuple[ManifestFile, ...], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _files_are_named_once(self) -> DataManifest:
        for name, given in (
            ("uri", [file.uri for file in self.files]),
            ("sha256", [file.hexadecimal for file in self.files]),
        ):
            doubled = sorted({value for value in given if given.count(value) > 1})
            if doubled:
                raise ValueError(f"two files have the {name} {doubled[0]!r}; keep one of them")
        return self

    def rows(self, split: str) -> int:
        """Return how many rows a split must have."""
        return sum(file.rows for file in self.files if file.split == split)


def is_url(uri: str) -> bool:
    """Return whether this is a URL and not a path."""
    return _SCHEME.match(uri) is not None


def place_problem(uri: str, places: Sequence[str] = ()) -> str | None:
    """Return why rows may not be read from a URI; None if they may.

    `places` are URL prefixes. If there are any, every URL must start with one of them; if not, the
    schemes above are allowed. Never allowed: a path out of the data folder, drivers chained with
    `::`, and a name and password in the URL.
    """
    if "::" in uri or any(not char.isprintable() for char in uri):
        return "contains '::' or unprintable characters"
    if not is_url(uri):
        parts = uri.split("/")
        if uri.startswith(("/", "~")) or "\\" in uri or ".." in parts:
            return "leads out of the data folder"
        return None
    scheme, _, rest = uri.partition("://")
    host = rest.partition("/")[0]
    if scheme in ("http", "https") and "@" in host:
        return "contains a user name or password"
    if ".." in rest.split("/") or "%2e" in rest.lower():
        return "leads upwards with '..'"
    if places:
        if any(_below(uri, place) for place in places):
            return None
        return f"is not in an allowed place: {', '.join(places)}"
    if scheme in SCHEMES:
        return None
    return f"has the scheme {scheme}://, which needs an entry under places in the policy"


def _below(uri: str, place: str) -> bool:
    """Return whether a URL is a place or below it; `s3://rows-2` is not below `s3://rows`."""
    folder = place.rstrip("/")
    scheme, _, rest = folder.partition("://")
    normal = f"{scheme}://{posixpath.normpath(rest)}" if rest.strip("/") else folder
    return uri == normal or uri.startswith(f"{normal}/")
