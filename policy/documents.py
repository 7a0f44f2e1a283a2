"""Read YAML and JSON documents and report every problem at once, with file, line and field.

YAML is read as a node tree, so that a validation error can name its line. Duplicate keys and
aliases are rejected: a duplicate hides what was meant, and aliases let a small file expand without
bound.
"""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from typing import Any, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from policy.errors import Problem, UserError

MAX_DOCUMENT_BYTES = 200_000
"""Recipes, cards and policies are small; a larger file is a mistake or an attack. A megabyte
of YAML takes 15 seconds to read."""
MAX_DEPTH = 40
MAX_PROBLEMS = 50
"""Nobody fixes more at once, and suggesting a near key for each takes time."""

Path_ = tuple[str | int, ...]
Lines = dict[Path_, int]


class Document(BaseModel):
    """Base of all documents: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def plain(self) -> dict[str, Any]:
        """Return plain JSON values without the fields that have their default.

        The schema's version is always included, because it says what the defaults are: a recorded
        document is read by them, so a default never changes within a version.
        """
        value = self.model_dump(mode="json", exclude_defaults=True)
        version = getattr(self, "schema_version", None)
        return value if version is None else {"schema_version": version, **value}


D = TypeVar("D", bound=BaseModel)


def read_yaml(text: str, where: str) -> tuple[Any, Lines]:
    """Return the value of one YAML document and the line (from 1) of every key path in it."""
    if len(text.encode("utf-8", "replace")) > MAX_DOCUMENT_BYTES:
        raise UserError.one(where, f"larger than {MAX_DOCUMENT_BYTES} bytes", "make it smaller")
    try:
        _refuse_aliases(text, where)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError.one(
            f"{where}:{line}", f"not valid YAML: {error.problem}", "fix the syntax there"
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: \U00110000
        raise UserError.one(where, f"not valid YAML: {error}", "fix the syntax") from error
    lines: Lines = {(): 1}
    problems: list[Problem] = []
    value = _value(node, (), lines, problems, where) if node is not None else None
    if problems:
        raise UserError(_first(problems, len(problems), where))
    return value, lines


def _first(problems: list[Problem], total: int, where: str) -> list[Problem]:
    """Return the first problems, then one that counts the others."""
    shown = problems[:MAX_PROBLEMS]
    if total > len(shown):
        shown.append(Problem(where, f"and {total - len(shown)} more problems", "fix these first"))
    return shown


def _refuse_aliases(text: str, where: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise UserError.one(
                f"{where}:{line}", "contains a YAML alias (*name)", "write the value out"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise UserError.one(f"{where}:{line}", f"nested deeper than {MAX_DEPTH} levels")


_SCALARS = yaml.SafeLoader("")


def _value(node: yaml.Node, path: Path_, lines: Lines, problems: list[Problem], where: str) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(Problem(f"{where}:{line}", "a key must be plain text"))
                continue
            key = key_node.value
            if key in mapping:
                problems.append(
                    Problem(f"{where}:{line}", f"{key!r} is given twice", "keep one of them")
                )
                continue
            if _has_surrogate(key):
                problems.append(Problem(f"{where}:{line}", "a key contains half a surrogate pair"))
                continue
            lines[(*path, key)] = line
            mapping[key] = _value(value_node, (*path, key), lines, problems, where)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(item, (*path, index), lines, problems, where)
            for index, item in enumerate(node.value)
        ]
    if not isinstance(node, yaml.ScalarNode):
        raise TypeError(f"a YAML node of kind {type(node).__name__}")
    return _scalar(node, f"{where}:{node.start_mark.line + 1}", problems)


def _scalar(node: yaml.ScalarNode, place: str, problems: list[Problem]) -> Any:
    """Return a scalar's value; a malformed number, or text without bytes, is a problem."""
    if _has_surrogate(node.value):
        problems.append(Problem(place, "contains half a surrogate pair, which is not valid text"))
        return None
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in ("int", "float", "bool", "null"):
        return node.value  # dates and the like stay text
    if ":" in node.value and kind in ("int", "float"):
        return node.value  # YAML 1.1 reads 16:00 as 960; YAML 1.2 and people do not
    try:
        return _SCALARS.construct_object(node)
    except (ValueError, KeyError, OverflowError, IndexError):  # IndexError: !!int ""
        shown = node.value if len(node.value) <= 40 else f"{node.value[:40]}..."
        problems.append(Problem(place, f"{shown!r} is not a valid {kind}", "write a plain value"))
        return None


def _has_surrogate(value: str) -> bool:
    """Return whether a text contains half a surrogate pair, so that it has no bytes or digest."""
    return any("\ud800" <= character <= "\udfff" for character in value)


def parse(kind: type[D], text: str, where: str) -> D:
    """Read `text` (YAML, or JSON as its subset) into `kind`; UserError with every problem.

    Results are cached, because one decision reads the same policy, recipe and card many times and
    reading YAML is most of its cost. Documents are frozen, so callers can share them.
    """
    return cast(D, _parsed(kind, text, where))


@lru_cache(maxsize=64)
def _parsed(kind: type[BaseModel], text: str, where: str) -> BaseModel:
    value, lines = read_yaml(text, where)
    return build(kind, value, where, lines)


def parse_json(kind: type[D], text: str | bytes, where: str) -> D:
    """Read machine-written JSON into `kind`; problems name the field."""
    try:
        value = json.loads(text, object_pairs_hook=_object)
        json.dumps(value, ensure_ascii=False).encode()  # fails for half a surrogate pair
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise UserError.one(f"{where}:{line}", f"not valid JSON: {error}") from error
    return build(kind, value, where, None)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; ValueError if a key is given twice, which would hide a value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{doubled!r} is given twice")
    return found


def build(kind: type[D], value: Any, where: str, lines: Lines | None) -> D:
    """Validate a plain value; every problem has its field and, if known, its line."""
    if not isinstance(value, dict):
        raise UserError.one(
            where, f"contains {_named(value)}, not a mapping of keys", "write `key: value` lines"
        )
    strict = None if lines is not None else False
    try:
        return kind.model_validate(value, strict=strict)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = [_problem(kind, detail, where, lines) for detail in details[:MAX_PROBLEMS]]
        raise UserError(_first(problems, len(details), where)) from error


def _problem(
    kind: type[BaseModel], detail: ErrorDetails, where: str, lines: Lines | None
) -> Problem:
    unknown = detail["type"] == "extra_forbidden"  # its last part is always a key
    named, last = (detail["loc"][:-1], detail["loc"][-1:]) if unknown else (detail["loc"], ())
    location = (*(part for part in named if not _is_union_tag(part)), *last)
    field = ".".join(str(part) for part in location)
    place = where
    if lines is not None:
        known = location
        while known and known not in lines:
            known = known[:-1]
        place = f"{where}:{lines.get(known, 1)}"
    if unknown:
        names = _field_names(kind, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), names, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(names)}"
        return Problem(f"{place} {field}", "unknown key", remedy)
    if detail["type"] == "missing":
        return Problem(f"{place} {field}", "missing", "add it")
    shown = detail["input"]
    text = detail["msg"].removeprefix("Value error, ")
    given = f" (given: {_start(shown)!r})" if isinstance(shown, str | int | float | bool) else ""
    return Problem(f"{place} {field}", text[0].lower() + text[1:] + given)


def _start(value: object) -> str:
    """Return the beginning of a value; Python cannot print a number of over 4,300 digits."""
    try:
        return str(value)[:60]
    except ValueError:
        return "a number of thousands of digits"


def _is_union_tag(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part.startswith("function-"))


def _field_names(kind: Any, location: Path_) -> list[str]:
    """Return the known keys at `location` inside `kind`."""
    here: Any = kind
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            fields = {(field.alias or name): field for name, field in here.model_fields.items()}
            if part not in fields:
                return []
            here = fields[str(part)].annotation
        else:
            arguments = [arg for arg in get_args(here) if arg is not type(None)]
            here = arguments[-1] if arguments else None
        while get_args(here) and not _is_container(here):
            options = [arg for arg in get_args(here) if arg is not type(None)]
            models = [arg for arg in options if isinstance(arg, type)]
            here = models[0] if models else options[0]
    if isinstance(here, type) and issubclass(here, BaseModel):
        return sorted(field.alias or name for name, field in here.model_fields.items())
    return []


def _is_container(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) in (dict, list, tuple)


def _named(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
