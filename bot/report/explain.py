"""The whole verdict as one tree: the same in comment, check and the answer to `/explain`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.facts import comment_commands
from bot.facts.actions import Reply
from bot.facts.answer_limits import HOUR, MOST_OF_PERSON, MOST_OF_PULL, moment, within_limits
from bot.facts.comment_commands import Command
from bot.facts.markers import EXPLAIN_MARKER
from bot.facts.role_holders import involved
from bot.facts.snapshot import Comment, Snapshot
from bot.report.report_sentences import CUT
from bot.report.verdict_tree import tree
from countersign_ml.markdown import LIMIT, code, cut_middle, plain
from policy.verdict import Finding

_MARKER = re.compile(re.escape(EXPLAIN_MARKER) + r"(\d{1,18}) (\d{1,4}) -->")


@dataclass(frozen=True)
class Answered:
    """Our newest answer: up to which comment it answers, and how often it was written."""

    comment: Comment
    up_to: int
    times: int


def replies(snapshot: Snapshot, title: str, verdict: Finding) -> tuple[Reply, ...]:
    """Return the answer to the `/explain`s without one, from people who may ask.

    People with write access and people involved in the proposal may ask. Nobody else can make the
    bot write. One comment answers an hour of requests: it is written anew for each, up to a limit.
    """
    asked = _asked(snapshot)
    last = _answered(snapshot)
    kept = within_limits((one.comment for one in asked), MOST_OF_PULL)
    new = [
        one
        for one in asked
        if one.comment.id in kept and (last is None or one.comment.id > last.up_to)
    ]
    if not new:
        return ()
    recent = last is not None and moment(snapshot.now) - moment(last.comment.created) < HOUR
    if last is None or not recent:
        return (_reply(snapshot, title, verdict, new, None),)
    return (_reply(snapshot, title, verdict, new, last),) if last.times < MOST_OF_PULL else ()


def _reply(
    snapshot: Snapshot, title: str, verdict: Finding, new: Sequence[Command], last: Answered | None
) -> Reply:
    newest, times = new[-1].comment, 1 if last is None else last.times + 1
    marker = f"{EXPLAIN_MARKER}{newest.id} {times} -->"
    text = body(snapshot, title, verdict, asked_by=newest.author)
    existing = None if last is None else last.comment.id
    return Reply(snapshot.pull.number, marker, text, existing)


def _asked(snapshot: Snapshot) -> tuple[Command, ...]:
    """Return every `/explain` by people who may ask, in the order of their comments' ids."""
    may = {login.lower() for login in snapshot.writers} | involved(snapshot)
    heard = comment_commands.heard(snapshot.comments, "explain")
    return tuple(
        sorted((one for one in heard if one.author in may), key=lambda one: one.comment.id)
    )


def _answered(snapshot: Snapshot) -> Answered | None:
    """Return our newest answer.

    Anyone with write access can edit its marker: one that names a comment after all that there are
    would leave every later request without an answer, so it counts for nothing.
    """
    newest = max((comment.id for comment in snapshot.comments if not comment.by_bot), default=0)
    found = []
    for comment in snapshot.comments:
        marked = _MARKER.match(comment.body) if comment.by_bot else None
        if marked and int(marked[1]) <= max(newest, comment.id):
            found.append(Answered(comment, int(marked[1]), int(marked[2])))
    return max(found, key=lambda answer: answer.comment.id, default=None)


def body(snapshot: Snapshot, title: str, verdict: Finding, *, asked_by: str) -> str:
    """Return the verdict as Markdown, as of one head."""
    when, head = plain(snapshot.now), code(snapshot.pull.head_sha[:12])
    lead = (
        f"As of {when}, at {head}, for {plain(asked_by)}. My other comment here stays up to date. "
        f"Later requests of this hour change this answer; at most {MOST_OF_PERSON} of each person "
        f"and {MOST_OF_PULL} in all are answered."
    )
    text = f"## {title}\n\n{lead}\n\n{tree(verdict.parts or (verdict,))}\n"
    return cut_middle(text, CUT, LIMIT)
