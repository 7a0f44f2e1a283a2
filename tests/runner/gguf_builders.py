"""Tiny models with random weights and newly trained tokenizers, saved as transformers does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from runner.export.gguf_tokenizer import GPT4O, LLAMA3, QWEN2, TEKKEN

BOS, END, START, PAD, TOOL = "<|bos|>", "<|im_end|>", "<|im_start|>", "<|pad|>", "<tool>"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = (
    "the printer on floor 3 doesn't answer since 12:45 and we've lost 1,024 pages\n\n"
    "Grüße aus München, naïve café, 你好世界 привет мир 🙂 ok.\r\n\tdef f(x): return {1: [22]}"
    "  I'LL pay $19.99 for order #4711 — they're HERE   now http://example.org/a/b?c=d\n"
)
TEXTS = (
    "the printer doesn't answer",
    "1 22 333 4444 55555 and 1,024",
    " leading and trailing  ",
    "line\n\n\nbreaks\r\n \n\ttabs",
    "I'LL SAY IT'S they've",
    "Grüße naïve café 你好世界 привет 🙂👍🏽",
    "http://example.org/a/b?c=d&e=f //// ...!!!",
    "CamelCaseWords and snake_case_words",
    "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n",
    "a <tool>call</tool> in <|im_end|>text",
    "",
    " ",
)


def tokenizer(family: str = "llama-bpe", *, add_bos: bool = True) -> PreTrainedTokenizerFast:
    """Learn 600 entries with the pattern of one of llama.cpp's families."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    patterns = {
        "llama-bpe": LLAMA3,
        "smaug-bpe": LLAMA3,
        "qwen2": QWEN2,
        "tekken": TEKKEN,
        "gpt-4o": GPT4O,
        "unknown": r"\p{N}{1,2}|\p{L}+|[^\p{N}\p{L}]+",
    }
    if family == "gpt-2":
        splitter: Any = gpt2
    elif family == "smollm":
        splitter = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])
    else:
        split = pre_tokenizers.Split(Regex(patterns[family]), "isolated")
        splitter = pre_tokenizers.Sequence([split, byte_level])
    made = Tokenizer(models.BPE(ignore_merges=family in ("llama-bpe", "tekken")))
    made.pre_tokenizer = splitter
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        [WORDS] * 5,
        trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=[PAD, BOS, START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    made.add_tokens([TOOL])
    if add_bos:
        made.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", special_tokens=[(BOS, made.token_to_id(BOS))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def model(kind: str, made: PreTrainedTokenizerFast, **changes: Any) -> Any:
    """Make a random model of a kind; weights are large enough for answers to differ by prompt."""
    torch.manual_seed(7)
    settings = {
        "vocab_size": len(made) + 3,
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.15,
        "bos_token_id": made.bos_token_id,
        "eos_token_id": made.eos_token_id,
        "pad_token_id": made.pad_token_id,
        **changes,
    }
    configs: dict[str, tuple[Any, Any]] = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "mistral": (MistralConfig, MistralForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    }
    config, made_of = configs[kind]
    built = made_of(config(**settings))
    with torch.no_grad():
        for name, value in built.named_parameters():
            if name.endswith("bias"):
                value.normal_(0, 0.5)
            elif value.dim() == 1:
                value.uniform_(0.5, 1.5)
    return built.eval()


def saved(folder: Path, kind: str, family: str = "llama-bpe", **changes: Any) -> Path:
    """Save a random model and its tokenizer in a folder, as training does."""
    made = tokenizer(family)
    model(kind, made, **changes).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


def chats(made: PreTrainedTokenizerFast) -> list[str]:
    """Render ten conversations with the tokenizer's own template."""
    asked = [*TEXTS[:7], "hello", "order #4711", "what is 12 times 345?"]
    return [
        str(
            made.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
        )
        for text in asked
    ]
