"""A prepared training at OpenAI: upload the file, start the job, watch it, cancel it.

Nothing is sent twice: before a file is uploaded or a job is started, the account is searched for
it. So after an interruption, run the same command again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx

from policy.errors import UserError, one_line
from runner.engines.openai_client import Endpoint
from runner.hosted.openai_training_file import TRAINING_FILE, OpenAIManifest

PAGE = 100
MAX_PAGES = 100
OVER = frozenset({"succeeded", "failed", "cancelled"})
_LOST = frozenset({"failed", "cancelled"})
PROCESSED_SECONDS = 600.0
"""How long the service may take to process an uploaded file."""


class Account:
    """One key's files and jobs; every rejection is a UserError with the answer."""

    def __init__(self, endpoint: Endpoint, *, pause: float = 2.0) -> None:
        self._url = endpoint.base_url
        self._pause = pause
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        self._client = httpx.Client(
            headers=headers, timeout=endpoint.timeout, follow_redirects=False
        )

    def submit(self, manifest: OpenAIManifest, folder: Path) -> dict[str, Any]:
        """Return the job of a manifest, starting it if it does not exist."""
        found = self.find(manifest)
        if found is not None:
            return found
        file = self._uploaded(manifest) or self._upload(manifest, folder / TRAINING_FILE)
        self._wait_until_read(file)
        return self._ask("POST", "fine_tuning/jobs", json={**manifest.job, "training_file": file})

    def find(self, manifest: OpenAIManifest) -> dict[str, Any] | None:
        """Return the newest job of this proposal and file that did not fail."""
        for job in self._listed("fine_tuning/jobs"):
            named = job.get("metadata") or {}
            same = job.get("model") == manifest.job["model"] and all(
                named.get(key) == manifest.job["metadata"][key] for key in ("proposal", "file")
            )
            if same and job["status"] not in _LOST:
                return job
        return None

    def job(self, name: str) -> dict[str, Any]:
        return self._ask("GET", f"fine_tuning/jobs/{name}")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a job, oldest first."""
        return list(self._listed(f"fine_tuning/jobs/{name}/events"))[::-1]

    def checkpoints(self, name: str) -> list[dict[str, Any]]:
        """Return the checkpoints of a job, the first step first."""
        found = list(self._listed(f"fine_tuning/jobs/{name}/checkpoints"))
        return sorted(found, key=lambda each: int(each.get("step_number", 0)))

    def cancel(self, name: str) -> dict[str, Any]:
        """Cancel a job; a completed one stays as it is."""
        job = self.job(name)
        return (
            job if job["status"] in OVER else self._ask("POST", f"fine_tuning/jobs/{name}/cancel")
        )

    def _uploaded(self, manifest: OpenAIManifest) -> str | None:
        """Return the id of the file if the account has it already; its name contains its digest."""
        for file in self._listed("files", purpose="fine-tune"):
            named = file.get("filename") == file_name(manifest)
            if named and file.get("bytes") == manifest.file_bytes and file.get("status") != "error":
                return str(file["id"])
        return None

    def _upload(self, manifest: OpenAIManifest, path: Path) -> str:
        with path.open("rb") as content:
            files = {"file": (file_name(manifest), content, "application/jsonl")}
            answer = self._ask("POST", "files", data={"purpose": "fine-tune"}, files=files)
        return str(answer["id"])

    def _wait_until_read(self, file: str) -> None:
        deadline = time.monotonic() + PROCESSED_SECONDS
        while (found := self._ask("GET", f"files/{file}")).get("status") != "processed":
            if found.get("status") == "error":
                said = found.get("status_details") or "it gives no reason"
                raise _refused("files", f"cannot read the training file: {said}")
            if time.monotonic() > deadline:
                raise _refused("files", f"has not read the file in {PROCESSED_SECONDS:g} s")
            time.sleep(self._pause)

    def _listed(self, path: str, **asked: str) -> Iterator[dict[str, Any]]:
        """Yield a listing, newest first, page by page."""
        after: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            page = self._ask("GET", path, params={"limit": str(PAGE), **asked, **after})
            data = page.get("data")
            if not isinstance(data, list):
                raise _refused(path, "answered no list")
            yield from data
            if not page.get("has_more") or not data:
                return
            after = {"after": str(data[-1]["id"])}
        raise _refused(path, f"lists more than {MAX_PAGES * PAGE} entries")

    def _ask(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            response = self._client.request(method, f"{self._url}/{path}", **sent)
            value = response.json() if response.status_code == 200 else None
        except httpx.HTTPError as error:
            raise _refused(path, f"cannot be reached: {type(error).__name__}: {error}") from error
        except ValueError as error:
            raise _refused(path, "answered something that is not JSON") from error
        if not isinstance(value, dict):
            start = one_line(" ".join(response.text.split()))[:300]
            raise _refused(path, f"answered {response.status_code}: {start}")
        return value

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def file_name(manifest: OpenAIManifest) -> str:
    """Return the name of a training file in the account."""
    return f"countersign-{manifest.file_digest.removeprefix('sha256:')[:32]}.jsonl"


def _refused(path: str, what: str) -> UserError:
    return UserError.one(
        path, what, "fix that and run the same command again; nothing is sent twice"
    )
