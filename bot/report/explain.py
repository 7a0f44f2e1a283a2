"""The whole verdict as one tree: the same in comment, check and the answer to `/explain`."""

from __future__ import annotations

from bot.facts import comment_commands
from bot.facts.actions import Reply
from bot.facts.markers import EXPLAIN_MARKER, answer_marker
from bot.facts.role_holders import involved
from bot.facts.snapshot import Snapshot
from bot.report.report_sentences import CUT
from bot.report.verdict_tree import tree
from countersign_ml.markdown import LIMIT, code, cut_middle, plain
from policy.verdict import Finding


def replies(snapshot: Snapshot, title: str, verdict: Finding) -> tuple[Reply, ...]:
    """Return an answer to every `/explain` without one, from people who may ask.

    People with write access and people involved in the proposal may ask. Nobody else can make the
    bot write.
    """
    may = {login.lower() for login in snapshot.writers} | involved(snapshot)
    answered = {c.body.partition("\n")[0] for c in snapshot.comments if c.by_bot}
    found = []
    for command in comment_commands.heard(snapshot.comments, "explain"):
        marker = answer_marker(EXPLAIN_MARKER, command.comment.id)
        if command.author in may and marker not in answered:
            found.append(Reply(snapshot.pull.number, marker, body(snapshot, title, verdict)))
    return tuple({reply.marker: reply for reply in found}.values())


def body(snapshot: Snapshot, title: str, verdict: Finding) -> str:
    """Return the verdict as Markdown, as of one head."""
    when, head = plain(snapshot.now), code(snapshot.pull.head_sha[:12])
    lead = f"As of {when}, at {head}. My other comment here stays up to date."
    text = f"## {title}\n\n{lead}\n\n{tree(verdict.parts or (verdict,))}\n"
    return cut_middle(text, CUT, LIMIT)
