"""Every sentence about a model that cannot be loaded, asked, trained or exported."""

from __future__ import annotations

from pathlib import Path

from policy.errors import Problem, UserError

# Base model


def base_outside(where: str, path: str) -> Problem:
    return Problem(where, f"{path!r} leaves the repository", "name a folder inside it")


def base_missing(where: str, path: str) -> Problem:
    return Problem(
        where,
        f"there is no folder {path!r}",
        "name a folder of the repository, an absolute path, or owner/name of the Hub",
    )


def base_not_loaded(base: str, said: str) -> UserError:
    return UserError.one(
        f"base_model {base}",
        f"cannot be loaded: {said}",
        "check the name, the revision and the network; only safetensors are read, and no code "
        "that comes with a model is run",
    )


def base_has_no_weights(path: Path) -> UserError:
    return UserError.one(
        f"base_model {path}",
        "holds no *.safetensors file",
        "save the model with safetensors; pickled weights are not read",
    )


def weights_outside(index: Path, shard: str) -> UserError:
    return UserError.one(
        str(index),
        f"names the weights {shard!r}, which are no safetensors file of its folder",
        "put the file there, and name it by its name",
    )


def base_changed(base: str, wanted: str, found: str) -> UserError:
    return UserError.one(
        f"base_model {base}",
        f"is {found}, but base_model_revision names {wanted}",
        "bring the named base back, or pin the new one in recipe.yml",
    )


# Chat templates and tokens


def no_chat_template(base: str) -> UserError:
    return UserError.one(
        f"base_model {base}",
        "its tokenizer has no chat template",
        "set chat_template: chatml or alpaca in recipe.yml",
    )


def template_token_missing(template: str, token: str) -> UserError:
    return UserError.one(
        "recipe.yml chat_template",
        f"{template} needs the token {token}, which the base model does not have",
        "use tokenizer_default or alpaca, or another base model",
    )


def no_stop_token(base: str) -> UserError:
    return UserError.one(
        f"base_model {base}",
        "its tokenizer has no end-of-sequence token",
        "use a base model whose tokenizer names an eos_token",
    )


def template_refused(where: str, said: str) -> UserError:
    return UserError.one(
        where,
        f"the chat template refuses this row: {said}",
        "mend the row, or choose another chat_template",
    )


def not_a_prefix(where: str) -> UserError:
    return UserError.one(
        where,
        "the rendered prompt is not the beginning of the rendered conversation, so nobody could "
        "say which tokens are the answer's",
        "set chat_template: chatml or alpaca, whose answers follow the prompt",
    )


def control_token(where: str, token: str) -> UserError:
    return UserError.one(
        where,
        f"the text holds the control token {token}, which would end or begin a turn",
        "take it out of the row",
    )


def stop_not_trained(where: str, token: str) -> UserError:
    return UserError.one(
        where,
        f"the answer does not end with the stop token {token}: the model would never stop",
        "use a chat template that closes the assistant's turn with it",
    )


def nothing_trained(where: str) -> UserError:
    return UserError.one(
        where,
        "no token of this row would be trained on: its prompt fills max_length",
        "raise max_length in recipe.yml, or shorten the row",
    )


def too_many_cut(cut: int, rows: int, limit: float, first: str, max_length: int) -> UserError:
    return UserError.one(
        first,
        f"{cut} of {rows} rows are longer than max_length ({max_length} tokens), and the policy "
        f"lets {100 * limit:g} % be cut off; this is the first",
        "raise max_length in recipe.yml, or shorten the rows",
    )


# Training


def no_bitsandbytes() -> UserError:
    return UserError.one(
        "recipe.yml adapter",
        "qlora needs the package bitsandbytes, which is not installed",
        "install it with: pip install 'countersign-ml[qlora]', or set adapter: lora",
    )


def out_of_memory(tokens: int, rows: int, said: str) -> UserError:
    return UserError.one(
        "recipe.yml per_device_train_batch_size",
        f"the longest batch ({rows} rows of {tokens} tokens) does not fit in memory: {said}",
        "lower it and raise gradient_accumulation_steps, or set gradient_checkpointing: true",
    )


def bad_target_modules(said: str) -> UserError:
    return UserError.one(
        "recipe.yml lora_target_modules",
        said,
        "name modules of the base model, or use all-linear",
    )


def loss_not_finite(step: int) -> UserError:
    return UserError.one(
        "recipe.yml learning_rate",
        f"the loss is not a number at step {step}",
        "lower learning_rate, or raise warmup_steps",
    )


# GGUF files


def bad_gguf(where: str, said: str) -> UserError:
    return UserError.one(where, f"no GGUF file: {said}", "export the model again")


def gguf_without_template(where: str) -> UserError:
    return UserError.one(
        where,
        "carries no chat template, so nobody knows how it is to be asked",
        "export the model again with its tokenizer's template",
    )
