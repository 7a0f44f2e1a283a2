"""One question to an endpoint with OpenAI's API: a reply, or why there is none.

vLLM, llama.cpp's server, `countersign serve` and hosted models have this API. A failure of one
question is an outcome that the caller counts. Only what would fail for every question (a wrong key,
a wrong address) is raised, as a person's mistake.
"""

from __future__ import annotations

import email.utils
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import httpx

from policy.errors import UserError, one_line

FailureKind = Literal[
    "timeout", "unreachable", "rate_limited", "status", "not_json", "malformed", "filtered"
]
KEY_VARIABLE = "COUNTERSIGN_ENDPOINT_KEY"
MAX_BODY_BYTES = 8_000_000
FIRST_PAUSE = 0.5
"""Seconds before the second attempt if the endpoint names none; each later pause is doubled."""
_TRIED_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_EVERY_TIME = frozenset({301, 302, 303, 307, 308, 401, 403, 404})
_REMEDIES = {
    401: "set the key in the environment variable that --key-env names",
    403: "use a key that may use this model",
    404: "check --base-url and --model",
}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Message = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What the model answered; `model` is the name that the endpoint reports."""

    text: str
    finish: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int
    model: str
    seconds: float


@dataclass(frozen=True)
class Failure:
    """Why there is no reply after every attempt."""

    kind: FailureKind
    message: str
    seconds: float
    attempts: int


class _Failed(Exception):  # noqa: N818 - one attempt's outcome
    def __init__(self, kind: FailureKind, message: str, again: bool, wait: float | None) -> None:
        super().__init__(message)
        self.kind, self.message, self.again, self.wait = kind, message, again, wait


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, whom, and how long to wait. Decoding is greedy and seeded, and never sampled.

    `timeout` is for one whole attempt, `max_wait` the longest `Retry-After` that is waited for.
    """

    base_url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 120.0
    attempts: int = 4
    max_wait: float = 60.0
    seed: int = 0
    key_variable: str = KEY_VARIABLE
    extra: tuple[tuple[str, float], ...] = ()
    """More of how it decodes, in its own terms. llama-cpp-python's server, for one, multiplies the
    scores of tokens that were said by a repeat_penalty of 1.1 unless it is told 1, also at
    temperature 0."""

    def __post_init__(self) -> None:
        """Reject an invalid address, and a key that would be sent unencrypted."""
        try:
            parts = urlsplit(self.base_url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise self._bad_base_url() from error
        plain = parts.username is None and not parts.query and not parts.fragment
        if parts.scheme not in ("http", "https") or not host or not plain:
            raise self._bad_base_url()
        if self.key and parts.scheme == "http" and host not in _LOOPBACK:
            raise UserError.one(
                f"--base-url http://{host}",
                f"the key in {self.key_variable} would cross the network unencrypted",
                f"use https, or remove {self.key_variable} from the environment",
            )
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            raise UserError.one(
                self.key_variable,
                "has characters that a key cannot have",
                "set it to the key alone",
            )

    def _bad_base_url(self) -> UserError:
        return UserError.one(
            f"--base-url {self.base_url[:200]!r}",
            "is not an http or https address without user, query or fragment",
            "write it up to the version, such as https://host/v1",
        )

    @classmethod
    def from_environment(
        cls, base_url: str, model: str, *, key_variable: str = KEY_VARIABLE, **settings: Any
    ) -> Self:
        """Return an endpoint with the key from the environment; if missing, no key is sent."""
        key = os.environ.get(key_variable, "").strip()
        return cls(base_url.rstrip("/"), model, key, key_variable=key_variable, **settings)

    @property
    def named(self) -> str:
        """Return the name in records: the address and the model, never the key."""
        return f"openai {self.model} at {self.base_url}"

    def decoding(self, max_tokens: int) -> dict[str, Any]:
        """Return the decoding settings that are sent; they are part of every cache key."""
        return {
            "max_tokens": max_tokens,
            "temperature": 0,
            "top_p": 1,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "seed": self.seed,
            **dict(self.extra),
        }

    def connect(self) -> Connection:
        return Connection(self)


class Connection:
    """An open connection to an endpoint; may be used from several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        self._client = httpx.Client(
            headers=headers, timeout=endpoint.timeout, follow_redirects=False
        )

    def chat(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
    ) -> Reply | Failure:
        """Ask with messages; with `schema` the answer is constrained to that JSON Schema."""
        body: dict[str, Any] = {"messages": [dict(message) for message in messages]}
        if schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
            }
        return self._ask("chat/completions", body, max_tokens, _said_in_chat)

    def complete(self, prompt: str, *, max_tokens: int) -> Reply | Failure:
        """Ask with a rendered prompt, as every other engine is asked."""
        return self._ask("completions", {"prompt": prompt}, max_tokens, _said_in_completion)

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, path: str, body: dict[str, Any], max_tokens: int, said: Any) -> Reply | Failure:
        endpoint = self.endpoint
        whole = {"model": endpoint.model, "stream": False, **endpoint.decoding(max_tokens), **body}
        began = time.monotonic()
        pause = FIRST_PAUSE
        for attempt in range(1, endpoint.attempts + 1):
            started = time.monotonic()
            try:
                value = self._post(f"{endpoint.base_url}/{path}", whole)
                return _reply(value, said, time.monotonic() - started)
            except _Failed as failed:
                wait = pause if failed.wait is None else failed.wait
                if not failed.again or attempt == endpoint.attempts or wait > endpoint.max_wait:
                    seconds = time.monotonic() - began
                    return Failure(failed.kind, failed.message, seconds, attempt)
                time.sleep(wait)
                pause *= 2
        raise AssertionError("an endpoint is asked at least once")

    def _post(self, url: str, body: dict[str, Any]) -> Any:
        """Return the JSON of one attempt; the deadline covers the answer's last byte too."""
        limit = self.endpoint.timeout
        deadline = time.monotonic() + limit
        late = f"no complete answer within {limit:g} s"
        received = bytearray()
        try:
            with self._client.stream("POST", url, json=body) as response:
                for piece in response.iter_bytes():
                    received += piece
                    if len(received) > MAX_BODY_BYTES:
                        said = f"answered more than {MAX_BODY_BYTES} bytes"
                        raise _Failed("malformed", said, False, None)
                    if time.monotonic() > deadline:
                        raise _Failed("timeout", late, True, None)
        except httpx.TimeoutException as error:
            raise _Failed("timeout", late, True, None) from error
        except httpx.HTTPError as error:
            said = f"cannot be reached: {type(error).__name__}: {error}"
            raise _Failed("unreachable", said, True, None) from error
        return self._read(url, response, bytes(received))

    def _read(self, url: str, response: httpx.Response, content: bytes) -> Any:
        code = response.status_code
        if code in _EVERY_TIME:
            remedy = _REMEDIES.get(code, "check --base-url; redirects are not followed")
            raise UserError.one(url, f"answered {code}: {_start(content)}", remedy)
        if code == 429:
            wait = _retry_after(response.headers.get("Retry-After"))
            most = self.endpoint.max_wait
            message = "answered 429, too many requests, at every attempt"
            if wait is not None and wait > most:
                message = f"answered 429 with a wait of {wait:g} s; the longest wait is {most:g} s"
            raise _Failed("rate_limited", message, True, wait)
        if code != 200:
            wait = _retry_after(response.headers.get("Retry-After"))
            again = code in _TRIED_AGAIN
            raise _Failed("status", f"answered {code}: {_start(content)}", again, wait)
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            media = response.headers.get("Content-Type", "").partition(";")[0]
            message = f"answered {media or 'text'} that is not JSON: {_start(content)}"
            raise _Failed("not_json", message, True, None) from error


def _reply(value: Any, said: Any, seconds: float) -> Reply:
    """Read a completion; a failure names what it lacks."""
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise _Failed("malformed", "answered JSON without choices", False, None)
    finish = choice.get("finish_reason")
    if finish == "content_filter":
        raise _Failed("filtered", "its content filter removed the answer", False, None)
    text = said(choice)
    if not isinstance(text, str):
        raise _Failed("malformed", "answered JSON without the answer's text", False, None)
    if finish not in ("stop", "length", "tool_calls"):
        raise _Failed("malformed", "answered JSON without a known finish_reason", False, None)
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Reply(
        text=text.encode("utf-8", "replace").decode(),
        finish="length" if finish == "length" else "stop",
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        model=str(value.get("model", "")),
        seconds=seconds,
    )


def _said_in_chat(choice: dict[str, Any]) -> Any:
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return json.dumps(calls, ensure_ascii=False)
    content = message.get("content")
    return "" if content is None and "content" in message else content


def _said_in_completion(choice: dict[str, Any]) -> Any:
    return choice.get("text")


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After names, as a number or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def _start(content: bytes) -> str:
    """Return the beginning of a body, in one line without terminal control characters."""
    return one_line(" ".join(content[:400].decode("utf-8", "replace").split()))[:200]
