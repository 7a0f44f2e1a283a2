"""A Hugging Face tokenizer as GGUF metadata, or an error that names what is not supported.

llama.cpp has its own copy of each pre-tokenizer's pattern and selects it by a family's name. A
wrong name silently splits most texts differently. So the family is derived from the tokenizer's
own pattern, and an unknown pattern is an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policy.errors import UserError

if TYPE_CHECKING:
    from gguf import GGUFWriter

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LEAD, _SLASHED = r"[^\r\n\p{L}\p{N}]?", _REST.replace(r"[\r\n]*", r"[\r\n/]*")

LLAMA3 = rf"{_CONTRACTIONS}|{_WORDS}|\p{{N}}{{1,3}}|{_REST}"
QWEN2 = rf"{_CONTRACTIONS}|{_WORDS}|\p{{N}}|{_REST}"
TEKKEN = rf"{_LEAD}{_UPPER}*{_LOWER}+|{_LEAD}{_UPPER}+{_LOWER}*|\p{{N}}|{_SLASHED}"
GPT4O = (
    rf"{_LEAD}{_UPPER}*{_LOWER}+{_CONTRACTIONS}?|{_LEAD}{_UPPER}+{_LOWER}*{_CONTRACTIONS}?"
    rf"|\p{{N}}{{1,3}}|{_SLASHED}"
)

_FAMILIES: dict[tuple[tuple[str, ...], bool], str] = {
    ((LLAMA3, "bytes"), True): "llama-bpe",
    ((LLAMA3, "bytes"), False): "smaug-bpe",
    ((QWEN2, "bytes"), False): "qwen2",
    ((TEKKEN, "bytes"), True): "tekken",
    ((GPT4O, "bytes"), False): "gpt-4o",
    (("gpt-2 bytes",), False): "gpt-2",
    (("digits", "gpt-2 bytes"), False): "smollm",
}
"""Maps a pre-tokenizer's steps and its model's `ignore_merges` to llama.cpp's name."""

SUPPORTED_FAMILIES = tuple(_FAMILIES.values())


@dataclass(frozen=True)
class Vocabulary:
    """Everything that llama.cpp needs to split text as the tokenizer does; ids are row numbers."""

    family: str
    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]
    stops: tuple[int, ...]
    """Ids that end an answer; the first is the tokenizer's own eos."""
    bos: int | None
    pad: int | None
    unknown: int | None
    add_bos: bool
    add_eos: bool
    chat_template: str | None

    def write(self, writer: GGUFWriter) -> None:
        """Add the vocabulary to a GGUF file's metadata."""
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.family)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.types)
        writer.add_token_merges(self.merges)
        writer.add_eos_token_id(self.stops[0])
        if len(self.stops) > 1:
            writer.add_eot_token_id(self.stops[1])
        if self.bos is not None:
            writer.add_bos_token_id(self.bos)
        if self.pad is not None:
            writer.add_pad_token_id(self.pad)
        if self.unknown is not None:
            writer.add_unk_token_id(self.unknown)
        writer.add_add_bos_token(self.add_bos)
        writer.add_add_eos_token(self.add_eos)
        if self.chat_template is not None:
            writer.add_chat_template(self.chat_template)


def read_vocabulary(folder: Path, rows: int) -> Vocabulary:
    """Read a folder's tokenizer for an embedding of `rows` rows; ids without a token are unused."""
    from transformers import AutoTokenizer

    where = str(folder / "tokenizer.json")
    if not (folder / "tokenizer.json").is_file():
        raise UserError.one(where, "is missing", "export a model that has a fast tokenizer")
    tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    family = recognise(described, where)
    tokens, types = _tokens(described, rows, where)
    add_bos, add_eos = _added(tokenizer, where)
    merges = (m if isinstance(m, str) else " ".join(m) for m in described["model"]["merges"])
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    return Vocabulary(
        family=family,
        tokens=tokens,
        types=types,
        merges=tuple(merges),
        stops=_stops(folder, tokenizer, where),
        bos=tokenizer.bos_token_id,
        pad=tokenizer.pad_token_id,
        unknown=tokenizer.unk_token_id,
        add_bos=add_bos,
        add_eos=add_eos,
        chat_template=template,
    )


def recognise(described: dict[str, Any], where: str) -> str:
    """Return llama.cpp's name of the pre-tokenizer that a tokenizer.json describes."""
    model = described["model"]
    normalizer = described.get("normalizer")
    for refused, what in (
        (model["type"] != "BPE", f"the model is {model['type']}"),
        (model.get("byte_fallback"), "the model falls back to bytes, as SentencePiece does"),
        (model.get("dropout"), "merges are dropped at random"),
        (model.get("continuing_subword_prefix"), "subwords carry a prefix"),
        (model.get("end_of_word_suffix"), "words carry a suffix"),
        (normalizer and normalizer["type"] != "NFC", f"text is normalised: {normalizer}"),
    ):
        if refused:
            raise UserError.one(
                where,
                what,
                "only byte-level BPE without normalisation (or with NFC) can be exported",
            )
    steps = _steps(described.get("pre_tokenizer"))
    family = _FAMILIES.get((steps, bool(model.get("ignore_merges"))))
    if family is None:
        raise UserError.one(
            where,
            f"the pre-tokenizer {' + '.join(steps)} (ignore_merges "
            f"{str(bool(model.get('ignore_merges'))).lower()}) is not of a known family",
            f"known are {', '.join(SUPPORTED_FAMILIES)}; another would split texts differently",
        )
    return family


def _steps(described: dict[str, Any] | None) -> tuple[str, ...]:
    """Return a pre-tokenizer's steps in short words; an unknown one as its own JSON."""
    if described is None:
        return ("none",)
    if described["type"] == "Sequence":
        return tuple(step for part in described["pretokenizers"] for step in _steps(part))
    kind = dict(described)
    if kind["type"] == "ByteLevel" and not kind.get("add_prefix_space"):
        return ("gpt-2 bytes",) if kind.get("use_regex", True) else ("bytes",)
    if kind["type"] == "Digits" and kind.get("individual_digits"):
        return ("digits",)
    if (
        kind["type"] == "Split"
        and kind["behavior"] == "Isolated"
        and not kind.get("invert")
        and "Regex" in kind["pattern"]
    ):
        return (kind["pattern"]["Regex"],)
    return (json.dumps(kind, ensure_ascii=False),)


def _tokens(
    described: dict[str, Any], rows: int, where: str
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return each row's token and its type."""
    tokens = {number: token for token, number in described["model"]["vocab"].items()}
    types = dict.fromkeys(tokens, NORMAL)
    for added in described.get("added_tokens", ()):
        if added["lstrip"] or added["rstrip"] or added["single_word"]:
            raise UserError.one(
                where,
                f"the added token {added['content']!r} strips spaces or matches only whole words",
                "llama.cpp cannot do that; declare it without lstrip, rstrip and single_word",
            )
        tokens[added["id"]] = added["content"]
        types[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    if max(tokens) >= rows:
        raise UserError.one(
            where,
            f"has the id {max(tokens)}, but the embedding has {rows} rows",
            "resize the model's embedding to the tokenizer before training",
        )
    return (
        tuple(tokens.get(row, f"[PAD{row}]") for row in range(rows)),
        tuple(types.get(row, UNUSED) for row in range(rows)),
    )


def _added(tokenizer: Any, where: str) -> tuple[bool, bool]:
    """Return whether the tokenizer puts its bos before, and its eos after, every text."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    for bos in (False, True):
        for eos in (False, True):
            before = [tokenizer.bos_token_id] if bos else []
            after = [tokenizer.eos_token_id] if eos else []
            if full == before + plain + after:
                return bos, eos
    raise UserError.one(
        where,
        f"adds other tokens than bos and eos to a text: {full} for {plain}",
        "llama.cpp cannot do that; use a post-processor that adds bos or eos alone",
    )


def _stops(folder: Path, tokenizer: Any, where: str) -> tuple[int, ...]:
    """Return the ids at which transformers' generation stops, the tokenizer's eos first."""
    config = folder / "generation_config.json"
    named = json.loads(config.read_text()).get("eos_token_id") if config.is_file() else None
    own = tokenizer.eos_token_id
    stops = [own] if named is None else [named] if isinstance(named, int) else list(named)
    if own in stops:
        stops = [own, *(stop for stop in stops if stop != own)]
    if stops[0] is None:
        raise UserError.one(where, "names no eos token", "without one no answer ends")
    if len(stops) > 2:
        raise UserError.one(
            str(config),
            f"names {len(stops)} stop tokens: {stops}",
            "a GGUF file has two, eos and eot; name at most two in eos_token_id",
        )
    return tuple(stops)
