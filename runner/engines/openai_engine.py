"""Answers from an endpoint with OpenAI's API; a failed question counts as an answer too.

The outputs list it with its reason, so that no row is ever dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Self, TypeVar

from countersign_ml.rows.read.formats import Turn
from runner.engines.engine import Answer, Progress
from runner.engines.openai_client import Connection, Endpoint, Failure, Reply

Question = TypeVar("Question")


class OpenAIEngine:
    """Asks several questions at a time; the answers keep the questions' order.

    Times are those of the endpoint under that load, waiting in its queue included.
    """

    name = "openai"

    def __init__(self, endpoint: Endpoint, *, parallel: int = 4) -> None:
        self.endpoint = endpoint
        self._connection: Connection = endpoint.connect()
        self._parallel = parallel
        self.tokens_in = 0
        self.models: set[str] = set()
        """What the endpoint called the model that answered."""

    @property
    def version(self) -> str:
        """Return the model and its address: what an endpoint runs, only it knows."""
        return f"{self.endpoint.model} at {self.endpoint.base_url}"

    def generate(
        self, prompts: Sequence[str], *, max_new_tokens: int, progress: Progress | None = None
    ) -> list[Answer]:
        """Return one answer for each rendered prompt, in order (the completions API)."""
        return self._all(
            prompts,
            lambda prompt: self._connection.complete(prompt, max_tokens=max_new_tokens),
            progress,
        )

    def converse(
        self,
        conversations: Sequence[Sequence[Turn]],
        *,
        max_new_tokens: int,
        schema: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Return one answer for each list of turns, rendered by the endpoint (the chat API)."""

        def ask(turns: Sequence[Turn]) -> Reply | Failure:
            messages = [{"role": turn.role, "content": turn.content} for turn in turns]
            return self._connection.chat(messages, max_tokens=max_new_tokens, schema=schema)

        return self._all(conversations, ask, progress)

    def _all(
        self,
        questions: Sequence[Question],
        ask: Callable[[Question], Reply | Failure],
        progress: Progress | None,
    ) -> list[Answer]:
        answers: dict[int, Answer] = {}
        pool = ThreadPoolExecutor(self._parallel)
        try:
            asked = {pool.submit(ask, each): place for place, each in enumerate(questions)}
            for done in as_completed(asked):
                answers[asked[done]] = self._answer(done.result())
                if progress is not None:
                    progress(len(answers), len(questions))
        finally:  # one wrong key would be wrong for every question
            pool.shutdown(cancel_futures=True)
        return [answers[place] for place in range(len(questions))]

    def _answer(self, found: Reply | Failure) -> Answer:
        if isinstance(found, Failure):
            problem = f"{found.kind}: {found.message} ({found.attempts} attempts)"
            return Answer("", 0, found.seconds, "failed", problem=problem)
        self.tokens_in += found.tokens_in
        self.models.add(found.model)
        problem = "" if found.text.strip() else "empty: the answer is empty"
        return Answer(found.text, found.tokens_out, found.seconds, found.finish, problem=problem)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
