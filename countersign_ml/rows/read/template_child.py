"""The program that renders one chat template in a process of its own.

It is started by `bounded_template`, with limits on memory and processor time. A template comes with
a base model, so a pull request can bring one. It reads the template as one line of JSON from
standard input, then one request a line, and answers each with one line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

try:
    import resource
except ImportError:  # Windows has no limits; the parent's deadline still holds
    resource = None  # type: ignore[assignment]

MEMORY = 1024**3
"""The most address space of the process, in bytes."""


def render_function(template: str) -> Callable[[dict[str, Any]], str]:
    """Return a function that renders variables as transformers does, in Jinja's sandbox.

    Raises jinja2.TemplateError if the template cannot be read.
    """
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}`, which only marks a part; the text is the same."""

        tags = {"generation"}  # noqa: RUF012 - declared so by jinja2

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation]
    )

    def refuse(message: str) -> str:
        raise TemplateError(message)

    def to_json(value: Any, **settings: Any) -> str:
        return json.dumps(value, **{"ensure_ascii": False, **settings})

    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda style: datetime.now().strftime(style)
    environment.filters["tojson"] = to_json
    compiled = environment.from_string(template)
    return lambda variables: compiled.render(**variables)


def main() -> None:
    """Serve requests until standard input ends."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    render: Callable[[dict[str, Any]], str] | None = None
    for line in sys.stdin:
        value = json.loads(line)
        answer: dict[str, Any]
        try:
            if render is None:
                render, answer = render_function(str(value)), {"text": ""}
            else:
                answer = {"text": render(value)}
        except Exception as error:  # whatever a template can raise is its author's mistake
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        text = json.dumps(answer)
        sys.stdout.write(f"{len(text)}\n{text}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
