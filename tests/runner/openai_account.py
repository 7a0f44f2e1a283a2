"""An account at a fine-tuning service, over real HTTP: files, jobs, events, checkpoints, cancel.

It stores what is sent, and a job advances each time it is read. It rejects what the real service
documents as errors: a wrong key, a file of another purpose, a missing file.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "sk-test"
COURSE = ("validating_files", "queued", "running", "succeeded")
PAGE = 2
"""Small, so that every listing has pages."""


@dataclass
class Account:
    """The state of the service; `contents` are the uploaded bytes by file id."""

    base_url: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    cut_after: str = ""
    """The connection breaks once after this path was posted to, when the work is done."""
    bad_file: bool = False

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        match (method, *path.strip("/").split("/")[1:]):
            case ("POST", "files"):
                return self._keep(body)
            case ("GET", "files"):
                return self._page(self.files[::-1], query)
            case ("GET", "files", name):
                return self._file(name)
            case ("POST", "fine_tuning", "jobs"):
                return self._begin(body)
            case ("GET", "fine_tuning", "jobs"):
                return self._page(self.jobs[::-1], query)
            case ("GET", "fine_tuning", "jobs", name):
                return self._moved(name)
            case ("GET", "fine_tuning", "jobs", name, "events"):
                return self._page(self.events[name][::-1], query)
            case ("GET", "fine_tuning", "jobs", name, "checkpoints"):
                return self._page(self._checkpoints(name), query)
            case ("POST", "fine_tuning", "jobs", name, "cancel"):
                return self._set(name, "cancelled")
        raise LookupError(f"no such route: {method} {path}")

    def _keep(self, parts: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
        if parts["purpose"][1] != b"fine-tune":
            raise ValueError("purpose")
        name, content = parts["file"]
        file = {
            "id": f"file-{len(self.files)}",
            "filename": name,
            "bytes": len(content),
            "status": "uploaded",
        }
        self.files.append(file)
        self.contents[str(file["id"])] = content
        return dict(file)

    def _file(self, name: str) -> dict[str, Any]:
        file = next(each for each in self.files if each["id"] == name)
        now = dict(file)
        file["status"] = "error" if self.bad_file else "processed"
        file["status_details"] = "line 1: no messages" if self.bad_file else None
        return now

    def _begin(self, body: dict[str, Any]) -> dict[str, Any]:
        file = self.contents[body["training_file"]]
        if len([json.loads(line) for line in file.splitlines()]) < 10:
            raise ValueError("training file has fewer than 10 examples")
        job = {**body, "id": f"ftjob-{len(self.jobs)}", "status": COURSE[0], "trained_tokens": None}
        job["fine_tuned_model"] = None
        self.jobs.append(job)
        self.events[str(job["id"])] = []
        self._note(job)
        return dict(job)

    def _moved(self, name: str) -> dict[str, Any]:
        job = self._job(name)
        if job["status"] in COURSE[:-1]:
            self._set(name, COURSE[COURSE.index(job["status"]) + 1])
        if job["status"] == "succeeded":
            job |= {"fine_tuned_model": f"ft:{job['model']}:house", "trained_tokens": 1234}
        return dict(job)

    def _set(self, name: str, status: str) -> dict[str, Any]:
        job = self._job(name)
        job["status"] = status
        self._note(job)
        return dict(job)

    def _note(self, job: dict[str, Any]) -> None:
        listed = self.events[job["id"]]
        listed.append(
            {"id": f"e-{len(listed)}", "level": "info", "message": f"now {job['status']}"}
        )

    def _checkpoints(self, name: str) -> list[dict[str, Any]]:
        steps = (30, 20, 10) if self._job(name)["status"] == "succeeded" else ()
        return [
            {"id": f"c-{n}", "step_number": n, "fine_tuned_model_checkpoint": f"ft:x:step-{n}"}
            for n in steps
        ]

    def _job(self, name: str) -> dict[str, Any]:
        return next(each for each in self.jobs if each["id"] == name)

    def _page(self, entries: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        names = [each["id"] for each in entries]
        start = names.index(query["after"]) + 1 if "after" in query else 0
        data = entries[start : start + PAGE]
        return {"object": "list", "data": data, "has_more": start + PAGE < len(entries)}


@contextmanager
def account_server() -> Iterator[Account]:
    """Serve an empty account on a free port of 127.0.0.1."""
    account = Account()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve("GET", None)

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            media = self.headers.get("Content-Type", "")
            body = _parts(media, content) if "multipart" in media else json.loads(content or "{}")
            self._serve("POST", body)

        def _serve(self, method: str, body: Any) -> None:
            where = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(where.query).items()}
            with lock:
                account.asked.append((method, where.path))
                if self.headers.get("Authorization") != f"Bearer {KEY}":
                    self._send(401, {"error": {"message": "Incorrect API key provided"}})
                    return
                try:
                    value = account.answer(method, where.path, query, body)
                except (ValueError, KeyError, LookupError, StopIteration) as error:
                    self._send(400, {"error": {"message": str(error)}})
                    return
                if (
                    method == "POST"
                    and account.cut_after
                    and where.path.endswith(account.cut_after)
                ):
                    account.cut_after = ""
                    self.connection.close()
                    return
            self._send(200, value)

        def _send(self, status: int, value: Any) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing on the terminal."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    account.base_url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield account
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _parts(media: str, content: bytes) -> dict[str, tuple[str, bytes]]:
    """Read a form: for each field its file name and its bytes."""
    head = f"Content-Type: {media}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_filename() or "",
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()  # type: ignore[attr-defined]
    }
