"""A server on localhost with OpenAI's API over HTTP, which misbehaves on demand.

A test gives it a rule that turns each request into an answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Sent:
    """One HTTP answer; `drip` sends it a byte at a time, `cut` ends the connection half way."""

    body: bytes
    status: int = 200
    media: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    cut: bool = False


def reply(text: str | None, finish: str = "stop", **message: Any) -> Sent:
    """Return a completion in the shapes of both APIs."""
    said = {"role": "assistant", "content": text, **message}
    choice = {"index": 0, "message": said, "text": text, "finish_reason": finish}
    words = len((text or "").split())
    usage = {"prompt_tokens": 11, "completion_tokens": words, "total_tokens": 11 + words}
    return plain({"model": "tiny-7", "choices": [choice], "usage": usage})


def plain(value: Any, status: int = 200, **headers: str) -> Sent:
    named = {name.replace("_", "-"): each for name, each in headers.items()}
    return Sent(json.dumps(value).encode(), status, headers=named)


def html(status: int = 200) -> Sent:
    return Sent(b"<!doctype html><h1>Bad\x1b[31m gateway</h1>", status, "text/html; charset=utf-8")


def busy(**headers: str) -> Sent:
    return plain({"error": {"message": "slow down"}}, 429, **headers)


Rule = Callable[[dict[str, Any], int], Sent]
"""Takes the request's body and how often this very body was sent before."""


@dataclass
class Server:
    """Where it listens, and what it was asked: (path, headers, body)."""

    base_url: str
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.asked]


@contextmanager
def endpoint_server(rule: Rule) -> Iterator[Server]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    lock = threading.Lock()
    seen: dict[str, int] = {}
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.asked.append((self.path, dict(self.headers.items()), body))
                name = json.dumps(body, sort_keys=True)
                before = seen.get(name, 0)
                seen[name] = before + 1
            self._send(rule(body, before))

        def _send(self, sent: Sent) -> None:
            over.wait(sent.delay)
            self.send_response(sent.status)
            self.send_header("Content-Type", sent.media)
            self.send_header("Content-Length", str(len(sent.body)))
            for name, value in sent.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                if sent.drip:
                    for byte in sent.body:
                        self.wfile.write(bytes([byte]))
                        if over.wait(sent.drip):
                            return
                else:
                    self.wfile.write(sent.body[: len(sent.body) // 2] if sent.cut else sent.body)
            except (BrokenPipeError, ConnectionResetError):
                return  # the client had enough: that is what such a test is about
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing on the terminal."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_address[1]}/v1")
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        over.set()
        http.shutdown()
        http.server_close()
        thread.join()
