"""Train the tiny base model: tokenizer, batches by length, a plain loop.

What decides whether it can be fine-tuned is the text: first short copying exercises, many in a batch,
until it copies what it never saw before (at about 300 steps; with long lists, or mixed with tickets from
the start, that never came in 1,300), then tickets. Documents stay whole; cut ones failed.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policy.errors import Problem, UserError
from runner.base_tokenizer import END, START, train_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import LlamaConfig

    from runner.base import BaseSpec

REPORT_EVERY = 10


@dataclass(frozen=True)
class Trained:
    """What came out of a training."""

    loss: float
    parameters: int


def train_base(
    spec: BaseSpec, texts: Path, out: Path, progress: Callable[[str, float], None]
) -> Trained:
    """Train on the stages' files in the folder `texts`; save model and tokenizer in `out`.

    Leaves torch's threads and random state as they were.
    """
    from transformers import LlamaForCausalLM

    progress("tokenizer", 0.0)
    documents = {stage.corpus: read_corpus(texts / stage.corpus) for stage in spec.stages}
    every = [document for part in documents.values() for document in part]
    tokenizer = train_tokenizer(every, spec.vocab_size, spec.max_length)
    if len(tokenizer) != spec.vocab_size:
        raise UserError.one(
            str(texts), f"holds words for {len(tokenizer)} entries only", "lower vocab_size"
        )
    encoded: dict[str, list[list[int]]] = {
        name: tokenizer(part, add_special_tokens=False)["input_ids"]
        for name, part in documents.items()
    }
    _refuse_long(encoded, spec, texts)
    with _fixed(spec.seed, spec.threads):
        model: Any = LlamaForCausalLM(_config(spec, tokenizer.pad_token_id, tokenizer.eos_token_id))
        losses = _train(model, _batches(encoded, spec, tokenizer.pad_token_id), spec, progress)
    if not all(math.isfinite(loss) for loss in losses):
        raise UserError.one(str(texts), "the loss is not a number", "lower learning_rate")
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    progress("saved", 1.0)
    last = losses[-50:]
    return Trained(sum(last) / len(last), sum(p.numel() for p in model.parameters()))


def read_corpus(path: Path) -> list[str]:
    """Return the documents of a corpus, chats rendered in ChatML; each ends in the stop token."""
    texts: list[str] = []
    problems: list[Problem] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(str(path), f"cannot be read: {error}", "mend the file") from error
    for number, line in enumerate(lines, start=1):
        try:
            texts.append(_rendered(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            problems.append(
                Problem(
                    f"{path}:{number}",
                    f"not a document: {error}",
                    'write {"text": ...} or {"messages": [{"role": ..., "content": ...}]}',
                )
            )
    if not texts and not problems:
        problems.append(Problem(str(path), "holds no documents", "add some"))
    if problems:
        raise UserError(problems)
    return texts


def _rendered(document: dict[str, Any]) -> str:
    if set(document) == {"text"}:
        text = document["text"]
        if not isinstance(text, str):
            raise TypeError("text must be a string")
        return text + END
    if set(document) != {"messages"}:
        raise ValueError(f"keys {sorted(document)}")
    turns = (f"{START}{turn['role']}\n{turn['content']}{END}\n" for turn in document["messages"])
    return "".join(turns)


def _config(spec: BaseSpec, pad: int, end: int) -> LlamaConfig:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=spec.vocab_size,
        hidden_size=spec.hidden_size,
        intermediate_size=spec.intermediate_size,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        num_key_value_heads=spec.heads,
        max_position_embeddings=spec.max_length,
        initializer_range=spec.initializer_std,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        pad_token_id=pad,
        bos_token_id=None,
        eos_token_id=end,
    )


@contextmanager
def _fixed(seed: int, threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)


def _refuse_long(encoded: dict[str, list[list[int]]], spec: BaseSpec, texts: Path) -> None:
    """Refuse documents that would have to be cut: cut ones teach the model to stop nowhere."""
    problems = [
        Problem(f"{texts / name}:{n}", f"longer than {spec.max_length} tokens", "shorten it")
        for name, rows in encoded.items()
        for n, ids in enumerate(rows, start=1)
        if len(ids) > spec.max_length
    ]
    if problems:
        raise UserError(problems)


def _batches(
    encoded: dict[str, list[list[int]]], spec: BaseSpec, pad: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield each step's (ids, labels), each of (batch, longest), stage after stage."""
    import torch

    order = torch.Generator().manual_seed(spec.seed)
    for stage in spec.stages:
        rounds = _rounds(encoded[stage.corpus], stage.batch_tokens, order)
        for rows in itertools.islice(rounds, stage.steps):
            longest = max(len(row) for row in rows)
            ids = torch.full((len(rows), longest), pad)
            for at, row in enumerate(rows):
                ids[at, : len(row)] = torch.tensor(row)
            yield ids, ids.masked_fill(ids == pad, -100)


def _rounds(
    rows: list[list[int]], tokens: int, order: torch.Generator
) -> Iterator[list[list[int]]]:
    """Yield batches of rows of like length in random order, round after round, for ever."""
    import torch

    while True:
        mixed = torch.randperm(len(rows), generator=order).tolist()
        mixed.sort(key=lambda index: len(rows[index]))  # stable: ties stay mixed
        groups = _groups([len(rows[index]) for index in mixed], tokens)
        for group in torch.randperm(len(groups), generator=order).tolist():
            first, last = groups[group]
            yield [rows[index] for index in mixed[first:last]]


def _groups(lengths: list[int], tokens: int) -> list[tuple[int, int]]:
    """Cut sorted `lengths` into runs (first, behind last) of at most `tokens` tokens when padded."""
    groups: list[tuple[int, int]] = []
    first = 0
    for at, length in enumerate(lengths):
        if at > first and (at + 1 - first) * length > tokens:
            groups.append((first, at))
            first = at
    return [*groups, (first, len(lengths))]


def _train(
    model: Any,
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
    spec: BaseSpec,
    progress: Callable[[str, float], None],
) -> list[float]:
    """Run the steps; return the loss of each."""
    import torch

    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": spec.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=spec.learning_rate,
        betas=(0.9, 0.95),
    )
    model.train()
    losses: list[float] = []
    for step, (ids, labels) in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = spec.learning_rate * _share(step, spec)
        # Padding stands on the right and carries no label: causal attention needs no mask for it.
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        if step % REPORT_EVERY == 0:
            progress(f"training, loss {losses[-1]:.2f}", step / spec.steps)
    model.eval()
    return losses


def _share(step: int, spec: BaseSpec) -> float:
    """Linear warm-up, then a cosine to zero."""
    if step < spec.warmup_steps:
        return (step + 1) / spec.warmup_steps
    done = (step - spec.warmup_steps) / max(1, spec.steps - spec.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * done))
