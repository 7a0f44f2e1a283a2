"""A GGUF file opened through llama.cpp's C interface: its vocabulary, and greedy answers.

The library's high-level class keeps a prompt's cache for the next prompt and redirects the
process's stderr while it loads. Here each answer starts from an empty cache, and nothing is
redirected.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from policy.errors import UserError
from runner.engines.llamacpp_log import last_words, quiet

BATCH_TOKENS = 512
"""Tokens evaluated at once, llama.cpp's own default."""


class GgufModel:
    """One loaded file. With `vocabulary_only` it can tokenise but not answer."""

    def __init__(
        self,
        path: Path,
        *,
        vocabulary_only: bool = False,
        n_ctx: int | None = None,
        n_threads: int | None = None,
        n_gpu_layers: int = -1,
        exact_cache: bool = False,
    ) -> None:
        """Load `path`.

        `n_ctx` defaults to the context that the model was trained with, `n_threads` to
        OMP_NUM_THREADS or the machine's cores; -1 for `n_gpu_layers` puts all layers on a GPU if
        the library finds one. `exact_cache` keeps attention's cache in F32 instead of F16. The
        server does not, but then rounding cannot hide a fault of an export.
        """
        import llama_cpp

        quiet()
        self._api: Any = llama_cpp
        self._model: Any = None
        self._context: Any = None
        self._sampler: Any = None
        self.path = path
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = vocabulary_only
        params.n_gpu_layers = 0x7FFFFFFF if n_gpu_layers < 0 else n_gpu_layers
        if path.is_file():
            self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            said = last_words() if path.is_file() else "no such file"
            raise UserError.one(
                str(path), f"cannot be loaded as GGUF: {said}", "export the model again"
            )
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        trained = int(llama_cpp.llama_model_n_ctx_train(self._model))
        self.n_ctx = n_ctx or trained
        if not vocabulary_only:
            self._open_context(n_threads or _threads(), exact_cache)

    def _open_context(self, threads: int, exact_cache: bool) -> None:
        """Create the context with the server's settings, so that both give the same answers."""
        api = self._api
        params = api.llama_context_default_params()
        params.n_ctx = self.n_ctx
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        if exact_cache:
            params.type_k = params.type_v = api.GGML_TYPE_F32
        self._context = api.llama_init_from_model(self._model, params)
        if not self._context:
            said = last_words()
            self.close()
            raise UserError.one(
                str(self.path),
                f"no context of {self.n_ctx} tokens: {said}",
                "free memory, or give a smaller context",
            )
        self._sampler = api.llama_sampler_init_greedy()

    def tokenise(self, text: str, *, add_special: bool = False) -> list[int]:
        """Return the ids of a text; control tokens in it are recognised.

        `add_special` adds the tokens that the file's metadata adds to every text, such as a bos.
        """
        raw = text.encode()
        room = len(raw) + 8
        ids = (ctypes.c_int32 * room)()
        count = self._api.llama_tokenize(self._vocab, raw, len(raw), ids, room, add_special, True)
        if count < 0:
            raise RuntimeError(f"llama_tokenize wants {-count} places for {len(raw)} bytes")
        return list(ids[:count])

    def detokenise(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without control tokens; broken UTF-8 becomes U+FFFD.

        Token by token, as a server streams them: in a whole text llama.cpp removes spaces before
        punctuation (`clean_spaces`). Only sentencepiece's leading space needs the whole text.
        """
        if self._api.llama_vocab_type(self._vocab) == self._api.LLAMA_VOCAB_TYPE_SPM:
            given = (ctypes.c_int32 * len(ids))(*ids)
            whole = self._text(
                64 + 16 * len(ids),
                lambda text, room: self._api.llama_detokenize(
                    self._vocab, given, len(ids), text, room, False, False
                ),
            )
        else:
            whole = b"".join(self._piece(token) for token in ids)
        return whole.decode("utf-8", errors="replace")

    def _piece(self, token: int) -> bytes:
        return self._text(
            64,
            lambda text, room: self._api.llama_token_to_piece(
                self._vocab, token, text, room, 0, False
            ),
        )

    @staticmethod
    def _text(room: int, write: Callable[[Any, int], int]) -> bytes:
        """Return what `write` puts into a buffer; it returns -n if it needs n bytes."""
        text = ctypes.create_string_buffer(room)
        count = write(text, room)
        if count < 0:
            text = ctypes.create_string_buffer(-count)
            count = write(text, -count)
        return text.raw[:count]

    def ends(self, token: int) -> bool:
        """Return whether a token ends an answer."""
        return bool(self._api.llama_vocab_is_eog(self._vocab, token))

    def greedy(self, prompt: Sequence[int]) -> Iterator[int]:
        """Yield the most likely next ids, from an empty cache, until the context is full."""
        if not 0 < len(prompt) < self.n_ctx:
            raise UserError.one(
                str(self.path),
                f"a prompt of {len(prompt)} tokens does not fit a context of {self.n_ctx}",
                "shorten the row, or use a base model with a longer context",
            )
        self._api.llama_memory_clear(self._api.llama_get_memory(self._context), True)
        for start in range(0, len(prompt), BATCH_TOKENS):
            self._decode(prompt[start : start + BATCH_TOKENS])
        for _ in range(self.n_ctx - len(prompt)):
            token = int(self._api.llama_sampler_sample(self._sampler, self._context, -1))
            yield token
            self._decode([token])

    def _decode(self, ids: Sequence[int]) -> None:
        batch = (ctypes.c_int32 * len(ids))(*ids)
        code = self._api.llama_decode(self._context, self._api.llama_batch_get_one(batch, len(ids)))
        if code != 0:
            raise RuntimeError(f"llama_decode returned {code}: {last_words()}")

    def close(self) -> None:
        """Free the library's memory; closing twice is harmless."""
        if self._sampler:
            self._api.llama_sampler_free(self._sampler)
        if self._context:
            self._api.llama_free(self._context)
        if self._model:
            self._api.llama_model_free(self._model)
        self._sampler = self._context = self._model = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _threads() -> int:
    """Return how many threads to use: what OMP_NUM_THREADS allows, else one for each core.

    More threads than free cores are far slower than one, because they wait for each other in a
    busy loop.
    """
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
