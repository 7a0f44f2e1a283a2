"""The base model's text: what it must learn before a few hundred labels can teach it a task.

There are three stages. *Copying* exercises teach it to copy a number, a name or a product.
*Reading* teaches it which words belong together. *Chats* teach it to answer in JSON of many shapes,
none of which is the label's. The text contains no `seen` or `held_out` sentence and no label; the
tests check that.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from examples.support_triage.lexicon import Issue, lexicon
from examples.support_triage.tickets import (
    NAMELESS,
    Facts,
    chosen,
    facts_for,
    reference_number,
    ticket,
    typed,
)

SEED = 20260101
COPYING, READING, CHATS = 8000, 3500, 6000
NO_PRODUCT_SHARE = 0.25
"""More than in the rows, because a model learns slowly that something is missing."""

Document = dict[str, Any]

TEAMS = {
    "billing": "the billing team",
    "delivery": "the delivery team",
    "returns": "the returns desk",
    "access": "the access team",
    "fault": "the fault desk",
    "cancellation": "the cancellation team",
    "question": "the question desk",
}
SPEED = {"low": "when there is time", "normal": "in turn", "high": "this week", "urgent": "at once"}
ASSISTANTS = (
    "You are a helpful assistant.",
    "Answer in few words.",
    "You answer customers.",
    "Reply in JSON.",
    "Read the ticket and reply.",
)
ONCE = (
    "{x} = {x}",
    '{x} -> "{x}"',
    'The number is {x}.\n{"ref":"{x}"}',
    "{x}\n{x}",
    "I have {x} here. You have {x}.",
    "Case {x}, again: {x}",
    '{x} -> "{small}"',
    "{x} = {small}",
)
FRAMES = (
    "I write because of {cue} ({thing}).",
    "It is about {cue} and {thing}.",
    "With {thing} there is {cue}.",
    "My question on {thing} is about {cue}.",
    "Again {cue} with {thing}.",
)


def copying() -> list[Document]:
    """Return the first stage's text, `{"text": ...}` each; the same on every call."""
    rng = Random(SEED)
    return [_copied(rng) for _ in range(COPYING)]


def reading() -> list[Document]:
    """Return the second stage's text: tickets with replies, notes, glossaries, and more copying."""
    rng = Random(SEED + 1)
    kinds = (_note_on_a_sentence, _glossary, _ticket_with_reply, _copied)
    return [kind(rng) for kind in rng.choices(kinds, (0.4, 0.2, 0.2, 0.2), k=READING)]


def chats() -> list[Document]:
    """Return the third stage's text, `{"messages": [...]}` each."""
    rng = Random(SEED + 2)
    kinds = (_copied_fact, _note, _short_note)
    return [kind(rng) for kind in rng.choices(kinds, (0.15, 0.4, 0.45), k=CHATS)]


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _sentence(issue: Issue, rng: Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(issue.heard)
    return rng.choice(FRAMES).replace("{cue}", rng.choice(issue.cues))


def _told(rng: Random) -> tuple[Facts, str]:
    issue = rng.choice(lexicon().issues)
    facts = facts_for(issue, rng, NO_PRODUCT_SHARE)
    return facts, ticket(facts, _sentence(issue, rng), rng)


def _thing(rng: Random) -> str:
    """Return something to copy, usually a reference number."""
    words = lexicon()
    draw = rng.random()
    if draw < 0.6:
        return reference_number(rng)
    if draw < 0.76:
        return rng.choice(words.product_names)
    if draw < 0.84:
        return rng.choice(words.phrases["names"])
    if draw < 0.97:
        return rng.choice(words.issues).name
    return str(rng.randrange(1000))


def _copied(rng: Random) -> Document:
    """One to five things, written twice. Short, because long lists teach copying too slowly."""
    count = rng.choices((1, 2, 3, 4, 5), (0.5, 0.3, 0.08, 0.06, 0.06))[0]
    things = [_thing(rng) for _ in range(count)]
    first = things[0]
    if count == 1:
        once = rng.choice(ONCE)
        named = first.title() if "{small}" in once else first
        return {"text": once.replace("{x}", named).replace("{small}", first)}
    line = " ".join(things)
    keyed = {chr(97 + at): thing for at, thing in enumerate(things)}
    said = ", ".join(f"{key} is {thing}" for key, thing in keyed.items())
    return {
        "text": rng.choice(
            (f"{line}\n{line}", f"{line}: {_compact(things)}", f"{said}.\n{_compact(keyed)}")
        )
    }


def _copied_fact(rng: Random) -> Document:
    """A ticket, and one or two of its facts; `null` for a missing one."""
    facts, text = _told(rng)
    number = rng.choice(("number", "ref", "order_id", "code", "case"))
    thing = rng.choice(("product", "item", "thing", "about"))
    shape: dict[str, str | None] = rng.choice(
        (
            {number: facts.order_id},
            {thing: facts.product},
            {thing: facts.product, number: facts.order_id},
        )
    )
    asked = f"Give me the {' and the '.join(shape)}."
    return _chat(rng, f"{text}\n{asked}", _compact(shape))


def _replied(facts: Facts, rng: Random) -> str:
    about = f" with the {facts.product}" if facts.product else ""
    filed = (
        f" It has the number {facts.order_id}." if facts.order_id else " Please send the number."
    )
    cue = rng.choice((facts.issue.name, rng.choice(facts.issue.cues)))
    team = TEAMS[facts.issue.category]
    speed = SPEED[facts.priority]
    return chosen(
        rng.choice(
            (
                f"This is about {cue}{about}. I gave it to {team}.{filed} They answer {speed}.",
                f"(Thank you|Hello), {team} will look at {cue}{about} {speed}.{filed}",
                f"Sorry for {cue}{about}.{filed} It is {facts.priority} for {team}.",
            )
        ),
        rng,
    )


def _ticket_with_reply(rng: Random) -> Document:
    facts, text = _told(rng)
    return {"text": f"Ticket: {text}\nReply: {_replied(facts, rng)}"}


def _chat(rng: Random, asked: str, answered: str) -> Document:
    return {
        "messages": [
            {"role": "system", "content": rng.choice(ASSISTANTS)},
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answered},
        ]
    }


def _note(rng: Random) -> Document:
    """A ticket and a note on it, in JSON of another shape than the label's."""
    facts, text = _told(rng)
    issue = facts.issue
    parts: list[tuple[str, str | None]] = [
        (rng.choice(("desk", "team", "topic")), issue.category),
        (rng.choice(("pace", "tone", "speed")), facts.priority),
        (rng.choice(("item", "about", "object")), facts.product),
        (rng.choice(("ref", "number", "file")), facts.order_id),
        (rng.choice(("title", "line", "subject")), facts.summary),
        (rng.choice(("words", "cue")), rng.choice(issue.cues)),
    ]
    rng.shuffle(parts)
    shape = dict(parts[: rng.randrange(2, 5)])
    return _chat(rng, text, _compact(shape))


def _noted_sentence(rng: Random) -> tuple[str, str]:
    """A sentence or two, and one fact in them as JSON. Short, so that many fit in a batch."""
    words = lexicon()
    issue = rng.choice(words.issues)
    facts = facts_for(issue, rng, NO_PRODUCT_SHARE)
    named = f"{rng.choice(('the', 'my', 'our'))} {facts.product}"
    thing = named if facts.product else rng.choice(NAMELESS)
    sentence = typed(_sentence(issue, rng), rng).replace("{thing}", thing)
    level = rng.choice(tuple(words.priorities))
    phrase = rng.choice(words.priorities[level])
    code = reference_number(rng)
    number = chosen(rng.choice(words.phrases["reference"]), rng).replace("{id}", code)
    coded = (rng.choice(("ref", "number", "file", "order_id")), code)
    about = [
        (rng.choice(("desk", "team", "topic")), issue.category),
        (rng.choice(("title", "line", "subject")), facts.summary),
        (rng.choice(("item", "about", "object")), facts.product),
        (rng.choice(("pace", "tone", "speed")), level),
    ]
    said, part = rng.choice(
        (
            (number, coded),
            (f"{sentence} {number}", coded),
            (f"{number} {phrase}", coded),
            (sentence, about[0]),
            (sentence, about[1]),
            (sentence, about[2]),
            (phrase, about[3]),
            (f"{sentence} {phrase}", rng.choice(about)),
            (f"{phrase} {sentence}", rng.choice(about)),
        )
    )
    return said, _compact(dict([part]))


def _note_on_a_sentence(rng: Random) -> Document:
    said, noted = _noted_sentence(rng)
    return {"text": f"{said}\nNote: {noted}"}


def _short_note(rng: Random) -> Document:
    return _chat(rng, *_noted_sentence(rng))


def _glossary(rng: Random) -> Document:
    """Short lines on which words belong together, some with the label's key names."""
    words = lexicon()
    lines = []
    for _ in range(rng.randrange(2, 5)):
        issue = rng.choice(words.issues)
        level = rng.choice(tuple(words.priorities))
        lines.append(
            rng.choice(
                (
                    f"{issue.name} means {rng.choice(issue.cues)}.",
                    f"{rng.choice(issue.cues)} is one of {issue.category}.",
                    _compact({"category": issue.category, "summary": rng.choice(issue.cues)}),
                    _compact({"priority": level, "said": rng.choice(words.priorities[level])}),
                    f"{rng.choice(words.priorities[level])} That is {level}.",
                )
            )
        )
    return {"text": "\n".join(lines)}
