"""How fast held-out rows are answered: this project's engines and their peers, in one run.

    python -m benchmarks.evaluation_throughput [--rows 340] [--rounds 5] [--threads 2]

The transformers engine is compared with lm-evaluation-harness's HF backend (same loaded model,
tokenizer and batch size), and the llama.cpp engine with llama-cpp-python's own server over HTTP
(same file and number of threads). The rows are the example's held-out rows. Its tiny base model
answers them with greedy decoding, up to the recipe's `max_new_tokens` or the stop token. The rounds
alternate in order; medians are compared, and so are the answers. The report has wall time and CPU
seconds (of server and client together), which other work on the machine changes far less. The time
to render a row as a prompt counts on both sides for llama.cpp, because the server does it too, and
on neither side for transformers.

lm-evaluation-harness is not a dependency of this project. Install it with the project in a separate
environment, or that half is left out:

    python -m venv bench && bench/bin/pip install -c requirements.lock -e '.[runner,gguf]' lm_eval
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from countersign_ml.rows.governed.governed_model import load_model
from countersign_ml.rows.read.row import Row, read_rows
from runner.base.base_model import BaseModel, load_weights, resolve_base
from runner.chat import Chat
from runner.engines.gguf_chat import GgufChat
from runner.engines.llamacpp_engine import LlamaCppEngine
from runner.engines.transformers_engine import TransformersEngine
from runner.export.gguf_file import export
from runner.export.merge_adapter import set_stops
from runner.export.quantise import quantise
from runner.measure.evaluate import BATCH
from runner.tell.third_party_noise import hush

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "benchmarks" / "results" / "evaluation_throughput.md"
MODEL = "support-triage"
START_SECONDS = 60
Answers = list[str]


@dataclass
class Side:
    """Ours or a peer: how it answers all rows, and the time of each round."""

    name: str
    answer: Callable[[], Answers]
    cpu: Callable[[], float] = time.process_time
    """CPU seconds so far, of all processes that answer."""
    said: Answers = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def round(self) -> None:
        """Answer every row once, and record the time."""
        started, busy = time.perf_counter(), self.cpu()
        self.said = self.answer()
        self.seconds.append(time.perf_counter() - started)
        self.cpu_seconds.append(self.cpu() - busy)


Pair = tuple[Side, Side]


def measured(ours: Side, peer: Side, rounds: int) -> Pair:
    """Run both once unmeasured, then `rounds` times each, alternating which is first."""
    ours.answer()
    peer.answer()
    for number in range(rounds):
        for side in (ours, peer) if number % 2 == 0 else (peer, ours):
            side.round()
    return ours, peer


def transformers_pair(
    base: BaseModel, chat: Chat, rows: Sequence[Row], limit: int, rounds: int
) -> Pair:
    """Compare the transformers engine with lm-evaluation-harness's `HFLM`."""
    import torch
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = load_weights(base.path, base.name, dtype=torch.float32)
    set_stops(model, chat)
    engine = TransformersEngine(model, chat.tokenizer, batch_size=BATCH)
    harness = HFLM(pretrained=model, tokenizer=chat.tokenizer, batch_size=BATCH, device="cpu")
    prompts = [chat.prompt(row) for row in rows]
    decoding = {"until": [chat.stop_token], "max_gen_toks": limit, "do_sample": False}

    def ours() -> Answers:
        return [each.text for each in engine.generate(prompts, max_new_tokens=limit)]

    def peer() -> Answers:
        requests = [
            Instance(request_type="generate_until", doc={}, arguments=(prompt, decoding), idx=at)
            for at, prompt in enumerate(prompts)
        ]
        return list(harness.generate_until(requests, disable_tqdm=True))

    return measured(
        Side(f"transformers engine ({engine.version})", ours),
        Side(f"lm-evaluation-harness {version('lm_eval')}, HF backend", peer),
        rounds,
    )


def llamacpp_pair(
    file: Path, context: int, rows: Sequence[Row], limit: int, threads: int, rounds: int
) -> Pair:
    """Compare the llama.cpp engine with `python -m llama_cpp.server`, one question at a time."""
    chat = GgufChat(file)
    with (
        LlamaCppEngine(file, n_ctx=context, n_threads=threads) as engine,
        served(file, context, threads) as (url, server),
        httpx.Client(trust_env=False, timeout=60) as client,
    ):

        def ours() -> Answers:
            prompts = [chat.prompt(row.prompt, row.where) for row in rows]
            return [each.text for each in engine.generate(prompts, max_new_tokens=limit)]

        def peer() -> Answers:
            return [asked(client, url, row, limit) for row in rows]

        def both() -> float:
            times = server.cpu_times()
            return float(time.process_time() + times.user + times.system)

        return measured(
            Side(f"llama.cpp engine (llama-cpp-python {engine.version})", ours),
            Side("llama_cpp.server over HTTP", peer, both),
            rounds,
        )


def asked(client: httpx.Client, url: str, row: Row, limit: int) -> str:
    """Ask the server one row by chat; greedy, without its own repeat penalty of 1.1."""
    body = {
        "messages": [{"role": turn.role, "content": turn.content} for turn in row.prompt],
        "temperature": 0,
        "repeat_penalty": 1.0,
        "max_tokens": limit,
    }
    answer = client.post(f"{url}/v1/chat/completions", json=body).raise_for_status()
    return str(answer.json()["choices"][0]["message"]["content"])


@contextmanager
def served(file: Path, context: int, threads: int) -> Iterator[tuple[str, Any]]:
    """Run llama-cpp-python's server on a free port; yield address and process once it answers."""
    import psutil

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "model": str(file),
        "host": "127.0.0.1",
        "port": str(port),
        "chat_format": "chat_template.default",
        "n_ctx": str(context),
        "n_threads": str(threads),
        "n_threads_batch": str(threads),
        "verbose": "false",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    log = file.with_suffix(".log")
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *words], stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"{url}/v1/models", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                if child.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text()[-2000:]) from None
                time.sleep(0.1)
        yield url, psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(30)


def report(pairs: Sequence[Pair], threads: int, limit: int, rounds: int) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Evaluation throughput",
        "",
        f"{len(pairs[0][0].said)} held-out rows of the example, its tiny base model, greedy, "
        f"at most {limit} new tokens, batches of {BATCH} for transformers; {rounds} rounds in "
        f"turn, after a first one that does not count; {threads} thread(s) on {os.cpu_count()} "
        f"cores of {platform.machine()}. Medians, with minimum and maximum.",
        "",
        "| engine | seconds | rows/s | CPU seconds | by the clock | by CPU | same answers |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for ours, peer in pairs:
        equal = sum(one == other for one, other in zip(ours.said, peer.said, strict=True))
        ratios = (
            _ratio(peer.seconds, ours.seconds),
            _ratio(peer.cpu_seconds, ours.cpu_seconds),
            f"{equal} of {len(ours.said)}",
        )
        lines += [_line(ours, ratios), _line(peer, ("1", "1", ""))]
    ratio = "By the clock, by CPU: the peer's time divided by ours; above 1, ours is faster."
    return "\n".join([*lines, "", ratio, ""])


def _ratio(peer: Sequence[float], ours: Sequence[float]) -> str:
    return f"{statistics.median(peer) / statistics.median(ours):.2f}"


def _line(side: Side, rest: Sequence[str]) -> str:
    speed = f"{len(side.said) / statistics.median(side.seconds):.1f}"
    cells = (side.name, _spread(side.seconds), speed, _spread(side.cpu_seconds), *rest)
    return f"| {' | '.join(cells)} |"


def _spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=340)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/countersign").expanduser())
    parser.add_argument("--output", type=Path, default=RESULTS)
    words = parser.parse_args()
    import torch

    hush()
    torch.set_num_threads(words.threads)
    folder = load_model(PROJECT, MODEL)
    recipe = folder.recipe
    base = resolve_base(recipe, PROJECT, words.cache)
    chat = Chat(base.path, recipe.chat_template, base.name)
    path = PROJECT / "models" / MODEL / "data" / "test.jsonl"
    found: list[Any] = list(read_rows(path, path.name))
    rows = [row for row in found if isinstance(row, Row)][: words.rows]
    limit = recipe.decoding.max_new_tokens
    pairs: list[Pair] = []
    if find_spec("lm_eval"):
        pairs.append(transformers_pair(base, chat, rows, limit, words.rounds))
    else:
        print("lm_eval is not installed: the transformers engine is left out", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        whole, file = Path(name) / "whole.gguf", Path(name) / "model.gguf"
        export(base.path, whole, dtype="F32", name=MODEL)
        quantise(whole, file, recipe.quantization)
        context = chat.tokenizer.model_max_length
        pairs.append(llamacpp_pair(file, context, rows, limit, words.threads, words.rounds))
    text = report(pairs, words.threads, limit, words.rounds)
    words.output.parent.mkdir(parents=True, exist_ok=True)
    words.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
