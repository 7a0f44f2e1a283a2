"""The tiny base model's tokenizer: byte-level BPE that llama.cpp knows as `llama-bpe`.

The split pattern and `ignore_merges` are Llama 3's: llama.cpp sets both by the family's name, so
any other choice here would tokenise differently there. All two-digit numbers are tokens, because
a model this small does not reliably copy reference numbers that are split into single digits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, max_length: int
) -> PreTrainedTokenizerFast:
    """Learn `vocab_size` entries, ChatML's markers and every two-digit number among them.

    The same texts in the same order give the same tokenizer.
    """
    from tokenizers import Tokenizer, models, trainers
    from transformers import PreTrainedTokenizerFast

    blank = _split(Tokenizer(models.BPE(ignore_merges=True)))
    pairs = [(first, second) for first in "0123456789" for second in "0123456789"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, START, END],
        initial_alphabet=_byte_alphabet(),
        show_progress=False,
    )
    blank.train_from_iterator(texts, trainer)
    entries, merges = _entries(blank)
    entries, merges = _with_pairs(entries, merges, pairs, vocab_size)
    known = {entry: index for index, entry in enumerate(entries)}
    tokenizer = _split(Tokenizer(models.BPE(vocab=known, merges=merges, ignore_merges=True)))
    tokenizer.add_special_tokens([PAD, START, END])
    made: PreTrainedTokenizerFast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[START],
        chat_template=CHAT_TEMPLATE,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )
    return made


def _byte_alphabet() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _split(tokenizer: Any) -> Any:
    from tokenizers import Regex, decoders, pre_tokenizers

    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _entries(tokenizer: Any) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the learnt entries in id order and the merges in rank order."""
    model = json.loads(tokenizer.to_str())["model"]
    entries = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return entries, [(left, right) for left, right in model["merges"]]


def _with_pairs(
    entries: list[str],
    merges: list[tuple[str, str]],
    pairs: list[tuple[str, str]],
    vocab_size: int,
) -> tuple[list[str], list[tuple[str, str]]]:
    """Put the two-digit numbers in place of the last, rarest entries that were learnt."""
    digits = set("0123456789")
    merges = [merge for merge in merges if not set("".join(merge)) <= digits]
    numbers = ["".join(pair) for pair in pairs]
    room = vocab_size - len(numbers)
    words = [entry for entry in entries if len(entry) == 1 or not set(entry) <= digits][:room]
    kept = set(words)
    merges = [merge for merge in merges if "".join(merge) in kept]
    return [*words, *numbers], [*merges, *pairs]
