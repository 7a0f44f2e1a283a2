"""Train the tiny base model: tokenizer, batches by length, a plain loop.

The text decides whether the model can be fine-tuned: first short copying exercises, many in a
batch, until it copies text that it never saw (after about 300 steps; with long lists, or mixed
with tickets from the start, that did not happen within 1,300 steps), then tickets. Documents are
never cut; training on cut ones failed.
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
from runner.base.base_spec import BaseSpec
from runner.base.base_tokenizer import END, START, train_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import LlamaConfig

REPORT_EVERY = 10
UNLEARNT = -100
Parts = tuple[tuple[str, bool], ...]
"""A document's pieces, and whether each is trained on or only read."""
Row = tuple[list[int], list[int]]
"""Token ids and labels, of one length."""


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    loss: float
    parameters: int


def train_base(
    spec: BaseSpec, texts: Path, out: Path, progress: Callable[[str, float], None]
) -> Trained:
    """Train on the stages' files in the folder `texts`; save model and tokenizer in `out`.

    torch's threads and random state are restored afterwards.
    """
    from transformers import LlamaForCausalLM

    progress("tokenizer", 0.0)
    documents = {stage.corpus: read_corpus(texts / stage.corpus) for stage in spec.stages}
    every = [parts for part in documents.values() for parts in part]
    whole = ["".join(text for text, _ in parts) for parts in every]
    tokenizer = train_tokenizer(whole, spec.vocab_size, spec.max_length)
    if len(tokenizer) != spec.vocab_size:
        raise UserError.one(
            str(texts), f"has words for {len(tokenizer)} entries only", "lower vocab_size"
        )
    encoded = {name: _encoded(part, tokenizer) for name, part in documents.items()}
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


def read_corpus(path: Path) -> list[Parts]:
    """Return the documents of a corpus as parts; each document ends in the stop token.

    Chats are rendered in ChatML. A text is trained on completely; a chat only in the assistant's
    turns.
    """
    documents: list[Parts] = []
    problems: list[Problem] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError.one(str(path), f"cannot be read: {error}", "fix the file") from error
    for number, line in enumerate(lines, start=1):
        try:
            documents.append(_parts(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            problems.append(
                Problem(
                    f"{path}:{number}",
                    f"not a document: {error}",
                    'write {"text": ...} or {"messages": [{"role": ..., "content": ...}]}',
                )
            )
    if not documents and not problems:
        problems.append(Problem(str(path), "has no documents", "add some"))
    if problems:
        raise UserError(problems)
    return documents


def _parts(document: dict[str, Any]) -> Parts:
    if set(document) == {"text"}:
        text = document["text"]
        if not isinstance(text, str):
            raise TypeError("text must be a string")
        return ((text + END, True),)
    if set(document) != {"messages"}:
        raise ValueError(f"keys {sorted(document)}")
    parts: list[tuple[str, bool]] = []
    for turn in document["messages"]:
        parts.append((f"{START}{turn['role']}\n", False))
        parts.append((f"{turn['content']}{END}\n", turn["role"] == "assistant"))
    return tuple(parts)


def _encoded(documents: list[Parts], tokenizer: Any) -> list[Row]:
    """Return each document's token ids and labels; -100 marks tokens that are not trained on."""
    texts = [text for parts in documents for text, _ in parts]
    pieces = iter(tokenizer(texts, add_special_tokens=False)["input_ids"])
    rows: list[Row] = []
    for parts in documents:
        ids: list[int] = []
        labels: list[int] = []
        for _, learnt in parts:
            piece = next(pieces)
            ids += piece
            labels += piece if learnt else [UNLEARNT] * len(piece)
        rows.append((ids, labels))
    return rows


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


def _refuse_long(encoded: dict[str, list[Row]], spec: BaseSpec, texts: Path) -> None:
    """Reject documents that would be cut: cut ones do not teach the model to stop."""
    problems = [
        Problem(f"{texts / name}:{n}", f"longer than {spec.max_length} tokens", "shorten it")
        for name, rows in encoded.items()
        for n, (ids, _) in enumerate(rows, start=1)
        if len(ids) > spec.max_length
    ]
    if problems:
        raise UserError(problems)


def _batches(
    encoded: dict[str, list[Row]], spec: BaseSpec, pad: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield each step's (ids, labels), each of (batch, longest), stage after stage."""
    import torch

    order = torch.Generator().manual_seed(spec.seed)
    for stage in spec.stages:
        rounds = _rounds(encoded[stage.corpus], stage.batch_tokens, order)
        for rows in itertools.islice(rounds, stage.steps):
            longest = max(len(ids) for ids, _ in rows)
            ids = torch.full((len(rows), longest), pad)
            labels = torch.full((len(rows), longest), UNLEARNT)
            for at, (row_ids, row_labels) in enumerate(rows):
                ids[at, : len(row_ids)] = torch.tensor(row_ids)
                labels[at, : len(row_labels)] = torch.tensor(row_labels)
            yield ids, labels


def _rounds(rows: list[Row], tokens: int, order: torch.Generator) -> Iterator[list[Row]]:
    """Yield batches of rows of similar length in random order, epoch after epoch, forever."""
    import torch

    while True:
        mixed = torch.randperm(len(rows), generator=order).tolist()
        mixed.sort(key=lambda index: len(rows[index][0]))  # stable: ties stay mixed
        groups = _groups([len(rows[index][0]) for index in mixed], tokens)
        for group in torch.randperm(len(groups), generator=order).tolist():
            first, last = groups[group]
            yield [rows[index] for index in mixed[first:last]]


def _groups(lengths: list[int], tokens: int) -> list[tuple[int, int]]:
    """Cut sorted `lengths` into runs (first, behind last) of at most `tokens` padded tokens."""
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

    from runner.base.muon import Muon

    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    chosen = {id(matrix) for matrix in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    muon = Muon(matrices, spec.weight_decay)
    adam = torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0)
    model.train()
    losses: list[float] = []
    for step, (ids, labels) in enumerate(batches):
        share = _share(step, spec)
        muon.rate = spec.matrix_learning_rate * share
        adam.param_groups[0]["lr"] = spec.learning_rate * share
        # Padding is on the right and has no label, so causal attention needs no mask for it.
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        muon.step()
        adam.step()
        model.zero_grad(set_to_none=True)
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
