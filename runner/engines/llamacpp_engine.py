"""Answers from a GGUF file through llama.cpp: the file that ships is the one measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Self

from runner.engines.engine import Answer, Progress
from runner.engines.gguf_model import GgufModel


class LlamaCppEngine:
    """Greedy decoding, each prompt from an empty cache, so that order changes no answer."""

    name = "llama.cpp"

    def __init__(
        self,
        path: Path,
        *,
        n_ctx: int | None = None,
        n_threads: int | None = None,
        n_gpu_layers: int = -1,
        exact_cache: bool = False,
    ) -> None:
        """Load a GGUF file as `GgufModel` does; UserError if it cannot be loaded."""
        self._model = GgufModel(
            path,
            n_ctx=n_ctx,
            n_threads=n_threads,
            n_gpu_layers=n_gpu_layers,
            exact_cache=exact_cache,
        )

    @property
    def version(self) -> str:
        return version("llama-cpp-python")

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Return one answer for each prompt, in order."""
        answers = []
        for prompt in prompts:
            answers.append(self._answer(prompt, max_new_tokens))
            if progress is not None:
                progress(len(answers), len(prompts))
        return answers

    def _answer(self, prompt: str, limit: int) -> Answer:
        started = time.perf_counter()
        ids: list[int] = []
        stopped = False
        first: float | None = None
        for token in self._model.greedy(self._model.tokenise(prompt)):
            first = time.perf_counter() - started if first is None else first
            ids.append(token)
            stopped = self._model.ends(token)
            if stopped or len(ids) >= limit:
                break
        text = self._model.detokenise(ids[:-1] if stopped else ids)
        seconds = time.perf_counter() - started
        return Answer(text, len(ids), seconds, "stop" if stopped else "length", first)

    def close(self) -> None:
        self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
