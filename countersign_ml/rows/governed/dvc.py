"""DVC's `.dvc` files: which file they name, where it is, and whether its bytes match.

The file is searched for next to the `.dvc` file, then in DVC's cache, then in the remote of
`.dvc/config`. DVC identifies a file by its MD5, which can be forged; a manifest's SHA-256 cannot,
so a manifest is better for data from outside.
"""

from __future__ import annotations

import configparser
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Annotated, Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from countersign_ml.rows.read.row import Defect, Row
from countersign_ml.rows.read.sample_lines import Line, read_lines
from countersign_ml.rows.read.source import Source
from policy import documents
from policy.errors import UserError
from policy.files.data_manifest import is_url, place_problem


class DvcOut(BaseModel):
    """One output of a `.dvc` file; DVC writes more keys than are used here."""

    model_config = ConfigDict(extra="allow", frozen=True)

    md5: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}(\.dir)?$")]
    path: Annotated[str, Field(min_length=1)]
    size: Annotated[int, Field(ge=0)] | None = None
    hash: str | None = None
    remote: str | None = None


class DvcDocument(BaseModel):
    """A `.dvc` file."""

    model_config = ConfigDict(extra="allow", frozen=True)

    outs: Annotated[tuple[DvcOut, ...], Field(min_length=1, max_length=1)]


@dataclass(frozen=True)
class DvcFile:
    """One file that DVC stores."""

    where: str
    folder: Path
    path: str
    md5: str
    size: int | None
    remote: str | None
    legacy: bool
    """Written before DVC 3, which stores files in another folder layout."""

    def rows(self, places: Sequence[str] = ()) -> Iterator[Row | Defect]:
        """Yield the rows; see `lines`."""
        return (line.row for line in self.lines(places))

    def lines(self, places: Sequence[str] = ()) -> Iterator[Line]:
        """Yield the lines; UserError at the end if the bytes do not match the `.dvc` file.

        A remote must be in an allowed place: see `policy.files.data_manifest.place_problem`.
        """
        found = self._here() or self._elsewhere(places)
        source = _Md5Source(found, self.path, name=self.path)
        if self.size is not None:
            self._expect("bytes", self.size, source.stored_size())
        yield from read_lines(source)
        self._expect("as MD5", self.md5, source.md5.hexdigest())

    @property
    def _key(self) -> str:
        """Return the path of the file below DVC's cache or remote."""
        key = f"{self.md5[:2]}/{self.md5[2:]}"
        return key if self.legacy else f"files/md5/{key}"

    def _here(self) -> str | None:
        """Return the file in the clone or its cache; a link out of the clone is ignored."""
        root = _dvc_root(self.folder)
        home = (root or self.folder).resolve()
        looked = [self.folder / self.path, *([root / ".dvc/cache" / self._key] if root else [])]
        for path in looked:
            if path.is_file() and path.resolve().is_relative_to(home):
                return str(path)
        return None

    def _elsewhere(self, places: Sequence[str]) -> str:
        """Return the file's URL in the remote."""
        root = _dvc_root(self.folder)
        remote = root and _remote_url(root, self.remote, self.where)
        if not remote:
            raise UserError.one(
                self.where,
                f"{self.path} is not here, and .dvc/config names no remote",
                "run dvc pull, or set a default remote",
            )
        url = f"{remote.rstrip('/')}/{self._key}"
        problem = place_problem(url, places)
        if problem is not None:
            raise UserError.one(
                self.where, f"its remote {url!r} {problem}", "allow the place, or run dvc pull"
            )
        return url

    def _expect(self, what: str, wanted: object, found: object) -> None:
        if wanted == found:
            return
        remedy = "restore it with dvc pull, or record it again with dvc add"
        if self.legacy and what != "bytes":
            remedy += "; DVC 2 ignored Windows line endings, which is not supported here"
        raise UserError.one(self.where, f"{self.path} has {found} {what}, not {wanted}", remedy)


def read_dvc(path: Path) -> DvcFile:
    """Read one `.dvc` file; UserError if it names a folder or a file outside its own folder."""
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(where, f"cannot be read: {error}", "name a .dvc file") from error
    out = documents.parse(DvcDocument, text, where).outs[0]
    if out.md5.endswith(".dir"):
        raise UserError.one(where, "names a folder", "run dvc add for each file of rows")
    if out.hash not in (None, "md5"):
        raise UserError.one(
            where, f"identifies the file by {out.hash}", "use md5, the only supported hash"
        )
    if is_url(out.path) or place_problem(out.path) is not None:
        raise UserError.one(where, f"{out.path!r} is outside its folder", "run dvc add there")
    return DvcFile(
        where=where,
        folder=path.parent,
        path=out.path,
        md5=out.md5,
        size=out.size,
        remote=out.remote,
        legacy=out.hash is None,
    )


def _dvc_root(folder: Path) -> Path | None:
    here = folder.resolve()
    return next((one for one in (here, *here.parents) if (one / ".dvc").is_dir()), None)


def _remote_url(root: Path, name: str | None, where: str) -> str | None:
    """Return the URL of a remote: the named one or the default."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    place = root / ".dvc" / "config"
    try:
        config.read([place, place.with_name("config.local")], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        said = str(error).partition("\n")[0]
        raise UserError.one(str(place), f"cannot be read: {said}", "fix the file") from error
    chosen = name or config.get("core", "remote", fallback=None)
    if chosen is None:
        return None
    url = config.get(f"'remote \"{chosen}\"'", "url", fallback=None)
    if url is None:
        raise UserError.one(
            where, f"{place} has no url for the remote {chosen!r}", "see dvc remote list"
        )
    if url.startswith("azure://"):
        return "az" + url.removeprefix("azure")
    return url if is_url(url) else f"file://{(root / '.dvc' / url).resolve()}"


@dataclass
class _Md5Source(Source):
    """A source that also computes its MD5; `name` decides how it is unpacked."""

    name: str = ""
    md5: Any = field(default=None, init=False)

    @property
    def packing(self) -> str:
        return Source(self.name, self.where).packing

    def open(self) -> IO[bytes]:
        stream = _Md5Stream(super().open())
        self.md5 = stream
        return cast("IO[bytes]", stream)


class _Md5Stream:
    """Bytes hashed as they are read; a seek starts the hash again, for a last full reading."""

    def __init__(self, stored: IO[bytes]) -> None:
        self._stored = stored
        self._md5 = hashlib.md5(usedforsecurity=False)

    def read(self, size: int = -1) -> bytes:
        block = self._stored.read(size)
        self._md5.update(block)
        return block

    def seek(self, place: int, whence: int = 0) -> int:
        self._md5 = hashlib.md5(usedforsecurity=False)
        return self._stored.seek(place, whence)

    def hexdigest(self) -> str:
        return self._md5.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stored.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stored, name)
