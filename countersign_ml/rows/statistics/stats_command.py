"""`countersign data stats`: the statistics of a file of rows."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from countersign_ml.rows.read.language import GuessLanguage, guesser
from countersign_ml.rows.read.sample_lines import local_source, read_source
from countersign_ml.rows.statistics.stats_measure import CountTokens, DataStats, Lengths, measure
from countersign_ml.rows.statistics.stats_svg import render
from policy.errors import UserError, one_line

PASSED, BLOCKED = 0, 1
VALUES = 6


def main(argv: list[str]) -> int:
    """Show lengths, shares and repetitions; exit code 1 if lines are not rows."""
    parser = argparse.ArgumentParser(
        prog="countersign data stats",
        description="Show lengths, label and group shares, and repetitions. Exit code 1 if lines "
        "are not rows.",
    )
    parser.add_argument("file")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--svg", type=Path, metavar="OUT", help="draw the statistics into a new file"
    )
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        help="always count this field, with any number of values",
    )
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FILE", help="count tokens with this tokenizer.json"
    )
    parser.add_argument(
        "--language",
        action="store_true",
        help="guess the language of user turns (requires the package py3langid)",
    )
    words = parser.parse_args(argv)
    if words.svg is not None and words.svg.exists():
        raise UserError.one(str(words.svg), "already exists", "name a new file")
    tokens = _tokenizer(words.tokenizer) if words.tokenizer else None
    language = _languages() if words.language else None
    found = measure(read_source(local_source(words.file)), words.field, tokens, language)
    if words.json:
        print(found.model_dump_json(indent=2))
    else:
        print("\n".join(told(found)))
    if words.svg is not None:
        try:
            with words.svg.open("x", encoding="utf-8") as sink:
                sink.write(render(found, Path(words.file).name))
        except OSError as error:
            raise UserError.one(
                str(words.svg), f"cannot be written: {error.strerror}", "name a new file"
            ) from error
    return BLOCKED if found.unreadable.count else PASSED


def told(stats: DataStats) -> list[str]:
    """Return the figures as lines for a terminal."""
    formats = ", ".join(f"{rows:,} {name}" for name, rows in stats.formats.items())
    lines = [f"rows: {stats.rows:,} ({formats})" if formats else "rows: 0"]
    for name, lengths in (
        ("prompt, characters", stats.prompt_characters),
        ("answer, characters", stats.answer_characters),
        ("prompt, tokens", stats.prompt_tokens),
        ("answer, tokens", stats.answer_tokens),
    ):
        if lengths is not None:
            lines.append(f"{name}: {_length(lengths)}")
    lines += [
        f"rows that repeat a question: {stats.duplicate_question_share:.1%}",
        f"rows that repeat an answer: {stats.duplicate_answer_share:.1%}",
        f"rows with the most common beginning of a question: {stats.same_prefix_share:.1%}",
    ]
    for field in (*stats.fields, *((stats.languages,) if stats.languages else ())):
        largest = ", ".join(
            f"{one_line(one.value) or '(empty)'} {one.share:.1%}" for one in field.largest[:VALUES]
        )
        more = f" and {field.values - VALUES:,} more" if field.values > VALUES else ""
        lines.append(f"{one_line(field.field)}: {largest}{more}")
    if stats.fields_left_out:
        named = ", ".join(map(one_line, stats.fields_left_out))
        lines.append(f"not counted, because most values differ: {named}")
    places = [f"{place.file}:{place.line}" for place in stats.unreadable.first]
    if places:
        lines.append(f"lines that are not rows: {stats.unreadable.count:,}: {', '.join(places)}")
    return lines


def _length(lengths: Lengths) -> str:
    return (
        f"mean {lengths.mean:,.0f}, median {lengths.median:,}, 5 % {lengths.p05:,}, "
        f"95 % {lengths.p95:,}, 99 % {lengths.p99:,}, longest {lengths.longest:,}, "
        f"total {lengths.total:,}"
    )


def _tokenizer(path: Path) -> CountTokens:
    """Return a function that counts tokens with a local tokenizer.json; nothing is downloaded."""
    from tokenizers import Tokenizer

    if not path.is_file():
        raise UserError.one(str(path), "no such file", "name a model's tokenizer.json")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise UserError.one(
            str(path), f"not a tokenizer: {error}", "name a tokenizer.json"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        return [len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False)]

    return count


def _languages() -> GuessLanguage:
    guess = guesser()
    if guess is None:
        raise UserError.one(
            "--language",
            "py3langid is not installed",
            "install it with: pip install 'countersign-ml[languages]'",
        )
    return guess
