"""The `${{ }}` language, as far as the shipped workflows speak it; the rest is refused by name.

Contexts are plain dictionaries. A name that a context does not hold is null, as on GitHub; a
context or function that this stand-in does not know is a `RefusalError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

CONTEXTS = ("github", "env", "vars", "secrets", "inputs", "needs", "steps", "runner", "job")
STATUS = ("always", "success", "failure", "cancelled")
TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<string>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|(?P<sign>==|!=|&&|\|\||[!().,\[\]]))"
)
EMBEDDED = re.compile(r"\$\{\{((?:'(?:[^']|'')*'|[^'}]|\}(?!\}))*)\}\}")


class RefusalError(Exception):
    """A workflow uses something that this stand-in does not know or that GitHub would reject."""


Scope = Mapping[str, Any]
StatusCheck = Callable[[str], bool]


def evaluate(text: str, scope: Scope, status: StatusCheck | None = None) -> Any:
    """The value of one expression, without its `${{ }}`."""
    return _Parser(text, scope, status).whole()


def interpolate(text: Any, scope: Scope, status: StatusCheck | None = None) -> Any:
    """Replace each `${{ }}` in a string; anything but a string is returned as it is."""
    if not isinstance(text, str):
        return text
    if text.count("${{") != len(EMBEDDED.findall(text)):
        raise RefusalError(f"an expression is not closed: {text!r}")
    return EMBEDDED.sub(lambda found: as_text(evaluate(found[1], scope, status)), text)


def holds(condition: str | bool | None, scope: Scope, status: StatusCheck) -> bool:
    """Whether the `if` of a step or job is true; without a status function it implies success()."""
    if condition is None:
        return status("success")
    if isinstance(condition, bool):
        return condition and status("success")
    text = condition.strip()
    whole = EMBEDDED.fullmatch(text)
    text = whole[1] if whole else text
    parser = _Parser(text, scope, status)
    value = truth(parser.whole())
    return value and (parser.asked_status or status("success"))


def truth(value: Any) -> bool:
    """GitHub's truthiness: false, 0, '' and null are false."""
    return value not in (False, 0, "", None)


def as_text(value: Any) -> str:
    """A value as it appears in a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return "Object"
    if isinstance(value, list):
        return "Array"
    return str(value)


def _number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is type(other) or (one is None) == (other is None) is True:
        return bool(one == other)
    return _number(one) == _number(other)


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_equal(each, what) for each in where)
    return as_text(what).lower() in as_text(where).lower()


def _format(pattern: Any, *values: Any) -> str:
    def place(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        return as_text(values[int(found[1])])

    try:
        return re.sub(r"\{\{|\}\}|\{(\d+)\}", place, as_text(pattern))
    except IndexError:
        raise RefusalError(f"format({pattern!r}) names a value that is not given") from None


def _from_json(text: Any) -> Any:
    try:
        return json.loads(as_text(text))
    except ValueError:
        raise RefusalError(f"fromJSON was given no JSON: {as_text(text)[:80]!r}") from None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "startswith": lambda a, b: as_text(a).lower().startswith(as_text(b).lower()),
    "endswith": lambda a, b: as_text(a).lower().endswith(as_text(b).lower()),
    "format": _format,
    "join": lambda a, by=",": by.join(map(as_text, a)) if isinstance(a, list) else as_text(a),
    "tojson": lambda value: json.dumps(value, indent=2),
    "fromjson": _from_json,
}


class _Parser:
    """Recursive descent over the tokens; `||` binds least, then `&&`, then `==`, then `!`."""

    def __init__(self, text: str, scope: Scope, status: StatusCheck | None) -> None:
        self.text, self.scope, self.status = text, scope, status
        self.asked_status = False
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise RefusalError(
                    f"{text[at:].strip()[:20]!r} in the expression {text.strip()!r} "
                    "is not supported by this stand-in"
                )
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self.at = 0

    def whole(self) -> Any:
        value = self.either()
        if self.at != len(self.tokens):
            raise RefusalError(
                f"{self.tokens[self.at][1]!r} is not expected in {self.text.strip()!r}"
            )
        return value

    def take(self, *signs: str) -> str | None:
        if self.at < len(self.tokens):
            kind, text = self.tokens[self.at]
            if kind == "sign" and text in signs:
                self.at += 1
                return text
        return None

    def need(self, sign: str) -> None:
        if self.take(sign) is None:
            raise RefusalError(f"{sign!r} is missing in {self.text.strip()!r}")

    def either(self) -> Any:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if truth(value) else other
        return value

    def both(self) -> Any:
        value = self.comparison()
        while self.take("&&"):
            other = self.comparison()
            value = other if truth(value) else value
        return value

    def comparison(self) -> Any:
        value = self.negation()
        while sign := self.take("==", "!="):
            value = _equal(value, self.negation()) is (sign == "==")
        return value

    def negation(self) -> Any:
        if self.take("!"):
            return not truth(self.negation())
        return self.member()

    def member(self) -> Any:
        value = self.atom()
        while sign := self.take(".", "["):
            if sign == "[":
                key = self.either()
                self.need("]")
            else:
                kind, key = self.next()
                if kind != "name":
                    raise RefusalError(f"{key!r} is not known in {self.text.strip()!r}")
            value = _lookup(value, key)
        return value

    def next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise RefusalError(f"the expression {self.text.strip()!r} ends too soon")
        self.at += 1
        return self.tokens[self.at - 1]

    def atom(self) -> Any:
        if self.take("("):
            value = self.either()
            self.need(")")
            return value
        kind, text = self.next()
        if kind == "number":
            return float(text)
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "sign":
            raise RefusalError(f"{text!r} is not expected in {self.text.strip()!r}")
        if text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        if self.take("("):
            return self.call(text)
        if text.lower() not in CONTEXTS:
            raise RefusalError(f"the context {text!r} is not supported by this stand-in")
        return self.scope.get(text.lower())

    def call(self, name: str) -> Any:
        values = []
        if not self.take(")"):
            values.append(self.either())
            while self.take(","):
                values.append(self.either())
            self.need(")")
        if name.lower() in STATUS:
            if self.status is None or values:
                raise RefusalError(f"{name}() has no meaning in {self.text.strip()!r}")
            self.asked_status = True
            return self.status(name.lower())
        function = FUNCTIONS.get(name.lower())
        if function is None:
            raise RefusalError(f"the function {name}() is not supported by this stand-in")
        try:
            return function(*values)
        except TypeError:
            raise RefusalError(f"{name}() was given {len(values)} values") from None


def _lookup(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping):
        if key in value:
            return value[key]
        wanted = as_text(key).lower()
        return next((v for k, v in value.items() if str(k).lower() == wanted), None)
    if isinstance(value, list) and isinstance(key, float) and 0 <= key < len(value):
        return value[int(key)]
    return None
