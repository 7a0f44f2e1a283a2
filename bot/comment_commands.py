"""Commands in comments: `/train <full sha>`, read from the Markdown tree.

What stands in a quotation, in code or in a list somebody pasted never triggers anything, and what a
person without write access writes is not heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt

from bot.snapshot import Comment

_TRAIN = re.compile(r"/train ([0-9a-f]{40})")
_MARKDOWN = MarkdownIt("commonmark")


def lines(body: str) -> list[str]:
    """Return the plain lines of top-level paragraphs; quoted, listed and code text is left out."""
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
                    line += child.content if child.type == "text" else "\0"
            found.append(line.strip())
            wanted = False
    return found


def has_command(body: str) -> bool:
    """Return whether a comment holds any command, whoever wrote it."""
    return "/train" in body and any(_TRAIN.fullmatch(line) for line in lines(body))


def commanders(comments: Iterable[Comment]) -> frozenset[str]:
    """Return who wrote a command: the people whose permission has to be looked up."""
    return frozenset(c.author for c in comments if not c.by_bot and has_command(c.body))


def train_asked(comments: Iterable[Comment], writers: frozenset[str], sha: str, after: str) -> bool:
    """Return whether somebody with write access asked, after a time, to train this very commit."""
    allowed = {login.lower() for login in writers}
    return any(
        comment.created > after
        and not comment.by_bot
        and comment.author.lower() in allowed
        and f"/train {sha}" in lines(comment.body)
        for comment in comments
    )
