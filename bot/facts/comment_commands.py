"""Commands in comments, read from the Markdown tree: `/train`, `/hold`, `/override` and the others.

Text in a quotation, in code or in a pasted list never triggers anything. Nor does an edited
comment: anyone with write access can edit the comments of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt

from bot.facts.snapshot import Comment
from countersign_ml.markdown import ZERO_WIDTH

_MARKDOWN = MarkdownIt("commonmark")
_FOREIGN = "\0"
"""Put before anything that is not plain text in a line, so that it is never read as a command."""
_SHAPES = {
    "train": re.compile(r"/train ([0-9a-f]{40})"),
    "cancel": re.compile(r"/cancel()"),
    "hold": re.compile(r"/hold(?: (.{1,300}))?"),
    "unhold": re.compile(r"/unhold()"),
    "freeze": re.compile(r"/freeze (.{1,300})"),
    "unfreeze": re.compile(r"/unfreeze()"),
    "retrain": re.compile(r"/retrain(?: (.*))?"),
    "spot-check": re.compile(r"/spot-check(?: (.*))?"),
    "explain": re.compile(r"/explain()"),
    "stand-in": re.compile(r"/stand-in (\S+ [0-9a-f]{12} .{10,500})"),
    "override": re.compile(r"/override ([a-z]+ sha256:[0-9a-f]{64} .{10,500})"),
}

_COPIED_ID = re.compile(
    rf"(?m)^( {{0,3}}/(?:train |spot-check |stand-in \S+ |override [a-z]+ )(?:sha256:)?)"
    rf"([0-9a-f{ZERO_WIDTH}]+)"
)
"""The bot breaks long ids with zero-width spaces in its own text, and a reader may copy one from
there. Nowhere else in a command is an invisible character dropped: marks could hide behind it."""
_FREE = ("hold", "freeze", "override", "retrain", "stand-in")
"""These end in words of a person."""


@dataclass(frozen=True)
class Command:
    """One command: its name, what follows it, and the comment that gave it."""

    name: str
    argument: str
    comment: Comment

    @property
    def author(self) -> str:
        return self.comment.author.lower()


MOST_CHARACTERS = 10_000
"""A longer comment gives no command: the time that Markdown takes can grow with its square."""


@lru_cache(maxsize=512)
def lines(body: str) -> tuple[str, ...]:
    """Return the lines of top-level paragraphs; quoted, listed and code text is left out.

    A comment of more than MOST_CHARACTERS has none. A part of a line that is not plain text (a code
    span, a link, emphasis) begins with a NUL.
    """
    if len(body) > MOST_CHARACTERS:
        return ()
    found: list[str] = []
    depth = 0
    wanted = False
    for token in _MARKDOWN.parse(body):
        if token.type == "paragraph_open":
            wanted = depth == 0
        depth += token.nesting
        if token.type == "inline" and wanted:
            line = ""
            for child in token.children or []:
                if child.type in ("softbreak", "hardbreak"):
                    found.append(line.strip())
                    line = ""
                else:
                    line += child.content if child.type == "text" else _FOREIGN + child.content
            found.append(line.strip())
            wanted = False
    return tuple(found)


def commands_of(comment: Comment) -> tuple[Command, ...]:
    """Return every command that one comment gives, in order, by any author."""
    if comment.by_bot or "/" not in comment.body:
        return ()
    return tuple(
        Command(name, match[1] or "", comment)
        for name, argument in _parsed(comment.body)
        if (match := _SHAPES[name].fullmatch(argument)) is not None
    )


def _parsed(body: str) -> Iterable[tuple[str, str]]:
    """Yield the name and the text of every line that begins like a command, also as it is typed.

    A comment with `\\/hold` shows the command and does not give it.
    """
    typed = {line.split()[0] for line in body.splitlines() if line.strip()}
    body = _COPIED_ID.sub(lambda found: found[1] + found[2].replace(ZERO_WIDTH, ""), body)
    for line in lines(body):
        name = line.partition(" ")[0].removeprefix("/")
        if line.startswith("/") and name in _SHAPES and f"/{name}" in typed:
            yield name, line.replace(_FOREIGN, "") if name in _FREE else line


def heard(comments: Iterable[Comment], *names: str, edited: bool = False) -> tuple[Command, ...]:
    """Return every command of these names in comments that nobody edited, oldest first.

    With `edited` also those in edited ones, to answer that they do not count.
    """
    found = [
        command
        for comment in comments
        if edited or not comment.edited
        for command in commands_of(comment)
        if command.name in names
    ]
    return tuple(sorted(found, key=lambda command: (command.comment.created, command.comment.id)))


def has_command(body: str) -> bool:
    """Return whether a comment has any command, by any author."""
    return bool(commands_of(Comment(0, "", by_bot=False, body=body)))


def train_asked(comments: Iterable[Comment], allowed: frozenset[str], sha: str, after: str) -> bool:
    """Return whether one of `allowed` requested, after a time, to train this very commit."""
    logins = {login.lower() for login in allowed}
    return any(
        command.argument == sha and command.comment.created > after and command.author in logins
        for command in heard(comments, "train")
    )
