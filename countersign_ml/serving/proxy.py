"""The public side: forward each request to the version that is live when it arrives.

A request stays with the version that it began with, even if the pointer moves. Streams are
forwarded byte by byte. A request without decoding options gets the ones that the evidence was
measured with: the server's own defaults (temperature 0.8, repeat penalty 1.1) give other answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from countersign_ml.serving.backend import Backend
from countersign_ml.serving.follower import Follower
from countersign_ml.serving.serving_metrics import Metrics

_LOG = logging.getLogger("countersign.serving")
MEASURED_DECODING = {"temperature": 0.0, "repeat_penalty": 1.0}
"""Greedy, as in `countersign evaluate`."""

_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "host"}
"""Headers of a single connection, which are not forwarded."""


class Proxy:
    """Forwards everything under /v1 to the live version."""

    def __init__(self, follower: Follower, metrics: Metrics) -> None:
        self._follower = follower
        self._metrics = metrics
        # Without keep-alive no request can meet a connection that the server is closing.
        self._client = httpx.AsyncClient(
            trust_env=False,
            timeout=httpx.Timeout(None, connect=10.0),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        backend = self._follower.current
        if backend is None or not backend.alive:
            await _failure(503, "no version is being served; see /health")(scope, receive, send)
            return
        async with backend.request():
            await self._forward(backend, Request(scope, receive), scope, receive, send)

    async def _forward(
        self, backend: Backend, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one request from `backend`; if the client disconnects, its work is cancelled."""
        started = time.monotonic()
        version = backend.pointer.version
        body = _completed(request, await request.body(), backend.pointer.model)
        begun = asyncio.Event()
        answer = asyncio.create_task(self._answer(backend, request, body, send, begun))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self._metrics.answered(version, 499, time.monotonic() - started)
                return
            code = answer.result()
        except httpx.TransportError as error:
            _LOG.error("%s did not answer: %r", version, error)
            if begun.is_set():
                raise  # half an answer is sent: the only honest end is to cut the connection
            code = 502
            await _failure(code, "the model's server did not answer")(scope, receive, send)
        finally:
            for task in (answer, gone):
                task.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)
        self._metrics.answered(version, code, time.monotonic() - started)

    async def _answer(
        self, backend: Backend, request: Request, body: bytes, send: Send, begun: asyncio.Event
    ) -> int:
        """Forward the backend's answer as it arrives; return its status code.

        `begun` is set before the first byte is sent: from then on no other answer is possible.
        """
        sent = [
            (name, value)
            for name, value in request.headers.items()
            if name not in _HOP | {"content-length"}
        ]
        query = f"?{request.url.query}" if request.url.query else ""
        path = request.scope["path"]
        async with self._client.stream(
            request.method, f"{backend.url}{path}{query}", headers=sent, content=body
        ) as upstream:
            pointer = backend.pointer
            headers = [
                (name, value)
                for name, value in upstream.headers.raw
                if name.decode("latin-1").lower() not in _HOP
            ]
            headers += [
                (b"x-countersign-version", pointer.version.encode()),
                (b"x-countersign-digest", pointer.artifact.digest.encode()),
            ]
            begun.set()
            await send(
                {
                    "type": "http.response.start",
                    "status": upstream.status_code,
                    "headers": headers,
                }
            )
            async for chunk in upstream.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return upstream.status_code

    async def close(self) -> None:
        await self._client.aclose()


def application(follower: Follower, metrics: Metrics, proxy: Proxy) -> Starlette:
    """Return the public application: /v1, /health and /metrics."""

    async def health(_: Request) -> Response:
        return health_of(follower)

    async def series(_: Request) -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", series),
            Mount("/v1", app=proxy),
        ]
    )


def health_of(follower: Follower) -> JSONResponse:
    """Return what is served and any problem: 200 if a version is served, otherwise 503."""
    backend = follower.current
    alive = backend is not None and backend.alive
    status = "down" if not alive else "degraded" if follower.problem else "ok"
    pointer = backend.pointer if backend is not None else None
    return JSONResponse(
        {
            "status": status,
            "model": follower.model,
            "version": pointer.version if pointer else None,
            "digest": pointer.artifact.digest if pointer else None,
            "problem": follower.problem or None,
        },
        status_code=200 if alive else 503,
    )


def _completed(request: Request, body: bytes, model: str) -> bytes:
    """Add the measured decoding to a completion request that does not set it, and the model's name.

    Without a name the server's answer names the file's path on this machine.
    """
    if request.method != "POST" or not request.scope["path"].endswith("completions"):
        return body
    try:
        asked: Any = json.loads(body)
    except ValueError:
        return body  # the server reports the error
    if not isinstance(asked, dict):
        return body
    unset = {name: v for name, v in MEASURED_DECODING.items() if asked.get(name) is None}
    return json.dumps({**asked, **unset, "model": model}).encode()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _failure(code: int, message: str) -> JSONResponse:
    """Return an error in OpenAI's form."""
    return JSONResponse(
        {"error": {"message": message, "type": "server_error", "code": code}}, status_code=code
    )
