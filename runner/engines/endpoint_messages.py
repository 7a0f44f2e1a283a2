"""Every sentence about an endpoint that speaks OpenAI's API: what it is, and how it failed."""

from __future__ import annotations

from policy.errors import UserError


def bad_base_url(url: str) -> UserError:
    return UserError.one(
        f"--base-url {url[:200]!r}",
        "is no http or https address without user, query or fragment",
        "write it up to the version, such as https://host/v1",
    )


def key_in_the_open(host: str, name: str) -> UserError:
    return UserError.one(
        f"--base-url http://{host}",
        f"the key in {name} would cross the network unencrypted",
        f"use https, or take {name} out of the environment",
    )


def bad_key(name: str) -> UserError:
    return UserError.one(name, "holds characters that no key has", "set it to the key alone")


def denied(url: str, status: int, said: str) -> UserError:
    told = {
        401: "set the key in the environment variable that --key-env names",
        403: "use a key that may ask this model",
        404: "check --base-url and --model",
    }
    return UserError.one(
        url,
        f"answered {status}: {said}",
        told.get(status, "check --base-url; redirects are not followed"),
    )


# How one question failed


def timed_out(seconds: float) -> str:
    return f"no whole answer within {seconds:g} s"


def unreachable(said: str) -> str:
    return f"cannot be reached: {said}"


def rate_limited(wait: float | None, most: float) -> str:
    if wait is None or wait <= most:
        return "answered 429, too many requests, at every attempt"
    return f"answered 429 and asks to wait {wait:g} s; {most:g} s is the most that is waited"


def status(code: int, said: str) -> str:
    return f"answered {code}: {said}"


def not_json(media: str, start: str) -> str:
    return f"answered {media or 'text'} that is no JSON: {start}"


def too_long(limit: int) -> str:
    return f"answered more than {limit} bytes"


def malformed(what: str) -> str:
    return f"answered JSON without {what}"


def filtered() -> str:
    return "its content filter took the answer away"


EMPTY = "the answer is empty"
