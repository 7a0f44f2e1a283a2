"""The options that name an endpoint, the same in every command."""

from __future__ import annotations

import argparse
import math

from policy.files.win_rate_rules import NOT_LEFT_TO_SET
from runner.engines.openai_client import KEY_VARIABLE, Endpoint


def add_endpoint_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name an endpoint with OpenAI's API."""
    parser.add_argument(
        "--base-url", required=True, metavar="URL", help="up to the version: https://host/v1"
    )
    parser.add_argument(
        "--model",
        required=True,
        dest="asked_model",
        metavar="NAME",
        help="the model's name at the endpoint",
    )
    parser.add_argument(
        "--key-env",
        default=KEY_VARIABLE,
        metavar="NAME",
        help=f"the environment variable with the key; default: {KEY_VARIABLE}",
    )
    parser.add_argument("--timeout", type=_positive, default=120.0, metavar="S")
    parser.add_argument("--attempts", type=_count, default=4, metavar="N")
    parser.add_argument("--parallel", type=_count, default=4, metavar="N", help="calls at a time")
    parser.add_argument(
        "--decode",
        action="append",
        type=_setting,
        default=[],
        metavar="NAME=NUMBER",
        help="a further decoding setting, such as repeat_penalty=1 for llama-cpp-python's server",
    )


def endpoint_of(words: argparse.Namespace) -> Endpoint:
    """Return the endpoint that the options name, its key from the environment."""
    return Endpoint.from_environment(
        words.base_url,
        words.asked_model,
        key_variable=words.key_env,
        timeout=words.timeout,
        attempts=words.attempts,
        extra=tuple(words.decode),
    )


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    number = float(value)
    if not name.isidentifier() or name in NOT_LEFT_TO_SET or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} sets no decoding that is left to set")
    return name, int(number) if number.is_integer() else number


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError("must be above 0 and at most 3600")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 256:
        raise argparse.ArgumentTypeError("must be from 1 to 256")
    return value
