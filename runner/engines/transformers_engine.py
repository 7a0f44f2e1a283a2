"""Answers from a loaded model through transformers, in batches of similar length."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from runner.engines.engine import Answer, Progress


class TransformersEngine:
    """Greedy decoding in left-padded batches; the caller owns the model and the tokenizer."""

    name = "transformers"

    def __init__(self, model: Any, tokenizer: Any, *, batch_size: int = 32) -> None:
        """Take a loaded causal model and its tokenizer; neither is changed."""
        self._model = model
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        named = model.generation_config.eos_token_id
        own = tokenizer.eos_token_id if named is None else named
        self._stops = [own] if isinstance(own, int) else list(own)
        self._filler = (
            self._stops[0] if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
        )

    @property
    def version(self) -> str:
        return version("transformers")

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Return one answer for each prompt, in the prompts' order.

        The longest go first, so that a batch that does not fit in memory fails at once.
        """
        ids = [self._tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]), reverse=True)
        answers: dict[int, Answer] = {}
        was_training = self._model.training
        self._model.eval()
        try:
            for start in range(0, len(order), self._batch_size):
                rows = order[start : start + self._batch_size]
                batch = self._batch([ids[row] for row in rows], max_new_tokens)
                answers.update(zip(rows, batch, strict=True))
                if progress is not None:
                    progress(len(answers), len(prompts))
        finally:
            self._model.train(was_training)
        return [answers[row] for row in range(len(prompts))]

    def _batch(self, rows: list[list[int]], limit: int) -> list[Answer]:
        """Answer rows of ids together, padded on the left and masked from attention."""
        import torch
        from transformers import GenerationConfig

        started = time.perf_counter()
        width = max(len(row) for row in rows)
        padded = [[self._filler] * (width - len(row)) + row for row in rows]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        device = self._model.device
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=torch.tensor(padded, device=device),
                attention_mask=torch.tensor(mask, device=device),
                generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
                    do_sample=False,
                    num_beams=1,
                    repetition_penalty=1.0,
                    max_new_tokens=limit,
                    use_cache=True,
                    eos_token_id=self._stops,
                    pad_token_id=self._filler,
                ),
            )
        seconds = (time.perf_counter() - started) / len(rows)
        return [self._answer(row[width:].tolist(), seconds) for row in output]

    def _answer(self, ids: list[int], seconds: float) -> Answer:
        end = next((at for at, token in enumerate(ids) if token in self._stops), None)
        said = ids if end is None else ids[:end]
        text = self._tokenizer.decode(
            said, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        count = len(said) + (end is not None)
        return Answer(text, count, seconds, "length" if end is None else "stop")

    def close(self) -> None:
        """Do nothing: the caller owns the model."""
