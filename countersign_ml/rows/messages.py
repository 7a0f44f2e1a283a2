"""Every sentence that this room says to a person: where it is, what is wrong, how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policy.errors import UserError

NOT_APPROVED = "not approved; a person must set it to true"
NO_SOURCE = "no source; name it in the row or in the dataset card"
NO_LICENCE = "no licence; name it in the row or in the dataset card"


# Files


def unreadable(where: str, error: Exception) -> UserError:
    said = getattr(error, "strerror", None) or str(error)
    return UserError.one(where, f"cannot be read: {said}", "mend the file or its rights")


def bad_json_file(where: str, error: ValueError) -> UserError:
    line = getattr(error, "lineno", 1)
    return UserError.one(f"{where}:{line}", f"not valid JSON: {error}", "mend the syntax there")


def bad_schema(where: str, place: str, said: str) -> UserError:
    return UserError.one(f"{where} {place}".rstrip(), f"no JSON Schema: {said}", "mend it there")


def remote_reference(where: str, reference: str) -> UserError:
    return UserError.one(
        where,
        f"refers to {reference!r}, outside this file",
        "write the referred part under $defs and refer to #/$defs/<name>",
    )


# Rows


def line_too_long(limit: int) -> str:
    return f"longer than {limit} bytes; does the file have line ends?"


def licence_not_allowed(licence: str) -> str:
    return f"the licence {licence!r} is not among those that the policy allows"


def same_text(line: int) -> str:
    return f"the user says the same as in line {line}"


def same_id(line: int) -> str:
    return f"the same id as in line {line}"


def leaked(place: str) -> str:
    return f"the user says the same as in {place}, which is trained on"


def mixed_formats(kinds: Sequence[str]) -> str:
    return f"rows come in several formats: {', '.join(kinds)}; use one in a file"


def another_version(found: object, expected: int) -> str:
    return f"schema version {found!r}; the contract is at version {expected}"


def template_token(token: str) -> str:
    return f"holds the chat template's token {token!r}"


CANARY = "holds a canary: this text was marked as one that must not be trained on"
RECITED = "recites a sentence of the row's system prompt"
NO_CONSENT = "consent is refused; remove the row"


def near_same(place: str, jaccard: float) -> str:
    return f"nearly the same question as in {place}{_alike(jaccard)}"


def near_leak(place: str, jaccard: float) -> str:
    return f"nearly the same question as in {place}, which is trained on{_alike(jaccard)}"


def ngram_leak(words: int, shared: int, place: str, step: int) -> str:
    runs = "a run" if shared == 1 else f"{shared:,} runs"
    looked = "" if step == 1 else f"; one run in {step} was looked for"
    return f"shares {runs} of {words} words with {place}, which is trained on{looked}"


def _alike(jaccard: float) -> str:
    """Return how alike two texts are; below 0, nobody read them again; above 1, all words are."""
    if jaccard > 1:
        return " (the same but for punctuation)"
    return f" (Jaccard {jaccard:.2f})" if jaccard >= 0 else " (by their MinHash alone)"


def conflict(place: str, punctuated: bool) -> str:
    but = " but for punctuation" if punctuated else ""
    return f"the same question as in {place}{but}, and another answer"


def in_two_splits(field: str, place: str) -> str:
    return (
        f"its {field} stands in another split too, at {place}; rows of one {field} belong "
        "together (gates.data.group_fields of the policy)"
    )


def too_few_groups(groups: int, least: int) -> str:
    return f"{groups} groups, {least} needed; add rows of other groups"


def of_length(least: int, most: int | None) -> str:
    span = f"{least:,} words or more" if most is None else f"{least:,} to {most:,} words"
    return f"have questions of {span}"


def share_too_small(what: str, share: float, limit: float) -> str:
    return f"{share:.1%} of the training rows {what}; at least {limit:.1%} must"


NO_LANGUAGES = (
    "languages were not looked at: the package py3langid is missing; "
    "install it with: pip install 'countersign-ml[languages]'"
)


def no_language_told(where: str) -> str:
    return f"languages were not looked at: no question of {where} has 20 letters"


def looked_at(rows: int, of: int) -> str:
    return f"{rows:,} of {of:,} rows were looked at, chosen by seed"


def other_languages(
    allowed: Sequence[str], share: float, limit: float, other: Mapping[str, int], looked: str
) -> str:
    named = ", ".join(f"{name} {rows:,}" for name, rows in list(other.items())[:5])
    return (
        f"{share:.1%} of the training rows are in other languages than {', '.join(allowed)} "
        f"({named}); at most {limit:.1%} may; {looked}, the first of them is here"
    )


def language_too_rare(name: str, share: float, limit: float, looked: str) -> str:
    return (
        f"{share:.1%} of the training rows are in the language {name}; at least {limit:.1%} must; "
        f"{looked}"
    )


def share_too_large(what: str, share: float, limit: float) -> str:
    return f"{share:.1%} of the training rows {what}; at most {limit:.1%} may"


def another_digest(where: str, expected: str, found: str) -> UserError:
    return UserError.one(
        where,
        f"its SHA-256 is {found.removeprefix('sha256:')}, not {expected.removeprefix('sha256:')}",
        "fetch the file that was meant, or name the digest that it has",
    )


def changed_while_read(where: str) -> UserError:
    return UserError.one(where, "changed while it was read", "run this again")


def rejected_is_there(target: object) -> UserError:
    return UserError.one(
        str(target), "is there already, and nothing is overwritten", "name a new file"
    )


def rejected_written(target: object, rows: int) -> str:
    return (
        f"{rows:,} rejected rows written to {target}. They stand there as they are, personal data "
        "and secrets included: keep the file where the rows may be, and delete it afterwards"
    )


def process_died(where: str) -> UserError:
    return UserError.one(
        where,
        "a process that read it was ended from outside, as happens when memory runs out",
        "free memory, or run it in one process with --workers 1",
    )


def no_groups(names: Sequence[str]) -> UserError:
    return UserError.one(
        "gates.data.group_fields of the policy",
        f"{', '.join(names)}: a row's own key or text names no group",
        "name fields that several rows share, as customer_id",
    )


def no_shards(shards: int) -> UserError:
    return UserError.one("--shards", f"{shards} parts are none", "give a number from 1 on")


def folder_in_use(where: str) -> UserError:
    return UserError.one(where, "is no empty folder", "name a new one: a run shares it with none")


def scale_is_missing(error: ImportError) -> UserError:
    return UserError.one(
        "--shards",
        f"needs the package {error.name or 'datatrove'}",
        "install it with: pip install 'countersign-ml[scale]'",
    )


def no_models_folder(start: object) -> UserError:
    return UserError.one(
        str(start),
        "no folder named models, here or above",
        "name the repository with --repo, or a file with --file",
    )


def unknown_model(name: str, known: Sequence[str]) -> UserError:
    return UserError.one(name, "no such model", f"known are: {', '.join(known) or 'none'}")


def one_of_both() -> UserError:
    return UserError.one(
        "countersign data validate", "takes a MODEL or --file, and one of them", "name one"
    )


# Tokens


TOKENS_OF_OPENAI = "the model is trained at OpenAI, whose tokenizer is not here"
NO_TOKENIZERS = "the package tokenizers is missing; pip install 'countersign-ml[tokens]'"
TRUNCATION = (
    "truncation: a row that is cut teaches answers without an end; shorten the rows named, or "
    "raise max_length in the recipe"
)


def no_tokenizer(base: str) -> str:
    return (
        f"the tokenizer of {base} is not on this machine; name its tokenizer.json with --tokenizer"
    )


def no_stop_token(where: str) -> str:
    return f"{where} and tokenizer_config.json beside it name no stop token that the model knows"


def no_chat_template(where: str) -> str:
    return f"no chat template stands beside {where}"


def template_not_read(said: str) -> str:
    return f"the chat template cannot be rendered here: {said}"


def not_a_prefix(where: str) -> str:
    return f"the chat template does not write the prompt of {where} at the beginning of the whole"


def too_long(tokens: int, limit: int) -> str:
    return f"{tokens:,} tokens, cut at {limit:,}"


def not_counted(why: str) -> str:
    return f"not counted: {why}"


def tokens_counted(rows: int, of: int, tokens: int, trained: int, longest: int) -> str:
    sample = "" if rows == of else f" (a sample by seed of {of:,})"
    return (
        f"{tokens:,} tokens in {rows:,} training rows{sample}, {trained:,} of them trained on; "
        f"the longest row has {longest:,}. Rows that a gate names are counted too"
    )


def training_cost(tokens: int, hours: float | None, cost: float | None, currency: str) -> str:
    said = f"the whole training takes {tokens:,} tokens"
    if hours is None:
        return f"{said}; hours and cost are not known without budget.tokens_per_second"
    said += f", {hours:,.2f} h"
    return said if cost is None else f"{said}, {cost:,.2f} {currency}"


def one_digest_for_many() -> UserError:
    return UserError.one("--sha256", "stands for one file, and several are named", "name one")


def split_named_twice() -> UserError:
    return UserError.one(
        "--file", "one split has two files", "name each of train, validation and test once"
    )


def detected(kind: str, start: int, end: int) -> str:
    return f"holds {kind.replace('_', ' ')} at characters {start + 1} to {end}"
