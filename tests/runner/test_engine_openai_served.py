"""The endpoint engine against a real llama.cpp server: the same file, asked in two ways, agrees."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from countersign_ml.rows.read.formats import Turn
from runner.engines.engine import Answer
from runner.engines.gguf_chat import GgufChat
from runner.engines.llamacpp_engine import LlamaCppEngine
from runner.engines.openai_client import Endpoint
from runner.engines.openai_engine import OpenAIEngine
from runner.export.gguf_file import export
from tests.runner.gguf_builders import saved

ASKED = [
    (Turn("system", "Read the colour."), Turn("user", f"number {n}: a {thing} stands there"))
    for n, thing in enumerate(("red car", "blue hat", "green box", "black cup") * 6)
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = saved(tmp_path_factory.mktemp("served"), "llama", max_position_embeddings=256)
    return export(folder, folder / "model.gguf", dtype="F32", name="tiny").path


@pytest.fixture(scope="module")
def url(file: Path) -> Iterator[str]:
    """Serve the file as `countersign serve` does, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "model": str(file),
        "host": "127.0.0.1",
        "port": str(port),
        "chat_format": "chat_template.default",
        "n_ctx": "256",
        "n_threads": "1",
        "n_threads_batch": "1",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    log = file.with_suffix(".log")
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "countersign_ml.serving.backend_child", *words],
            stdout=out,
            stderr=out,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    try:
        address = f"http://127.0.0.1:{port}/v1"
        for _ in range(300):
            assert server.poll() is None, log.read_text()
            try:
                httpx.get(f"{address}/models", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def alike(one: Answer, other: Answer) -> bool:
    """Return whether two answers say the same, as far as it is text.

    A random model also says bytes that are none; the server leaves them out, and of those at the
    end it takes no count.
    """
    first, second = (each.text.replace("\ufffd", "") for each in (one, other))
    return first.startswith(second) or second.startswith(first)


def test_a_served_file_answers_as_it_was_measured(file: Path, url: str) -> None:
    inside = GgufChat(file)
    with LlamaCppEngine(file, n_ctx=256, n_threads=1) as local:
        here = local.generate([inside.prompt(turns, "") for turns in ASKED], max_new_tokens=12)
    with OpenAIEngine(Endpoint(url, "tiny", extra=(("repeat_penalty", 1),))) as engine:
        there = engine.converse(ASKED, max_new_tokens=12)
        assert engine.tokens_in > 40
    assert all(map(alike, here, there))
    assert [answer.finish for answer in there] == [answer.finish for answer in here]
    assert len({answer.text[:5] for answer in here}) > 5  # else agreeing would say little
    with OpenAIEngine(Endpoint(url, "tiny")) as engine:
        otherwise = engine.converse(ASKED, max_new_tokens=12)
    assert not all(map(alike, here, otherwise))  # its own repeat penalty


def test_what_does_not_fit_its_context_is_an_outcome(url: str) -> None:
    with OpenAIEngine(Endpoint(url, "tiny", attempts=1)) as engine:
        long, short = engine.converse(
            [(Turn("user", "far too long " * 200),), ASKED[0]], max_new_tokens=4
        )
    assert long.finish == "failed"
    assert long.problem.startswith("status: answered 400")
    assert short.finish in ("stop", "length")
