"""Write one ticket: draw its facts, then combine the sentences that state them with others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from examples.support_triage.lexicon import Issue, lexicon

_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
_WORD = re.compile(r"(?<![{\w])[a-z]{5,}(?![}\w])")

NAMELESS = ("it", "this one", "my purchase")
"""What a ticket calls its product if it does not name it."""
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
PRIORITY_SHARES = {"normal": 0.37, "low": 0.2, "high": 0.22, "urgent": 0.21}
NO_PRODUCT_SHARE = 0.1
NO_REFERENCE_SHARE = 0.25
TITLE_CASE_SHARE = 0.12
LOWER_CASE_SHARE = 0.08
SHOUTING_SHARE = 0.04
TYPO_SHARE = 0.08
"""The share of sentences with one typing error."""


@dataclass(frozen=True)
class Facts:
    """The facts that a ticket states."""

    industry: str
    issue: Issue
    priority: str
    product: str | None
    order_id: str | None

    @property
    def summary(self) -> str:
        """One short line: the issue, and the product if one is named."""
        return f"{self.issue.name} - {self.product}" if self.product else self.issue.name


def chosen(text: str, rng: Random) -> str:
    """Return `text` with each `(a|b)` replaced by one of its choices."""
    return _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)


def reference_number(rng: Random) -> str:
    """Return a number such as `K48R07`: letters alternating with pairs of digits.

    Each part is one token and differs from its neighbours, so that a small model can copy it.
    """
    first, second = rng.sample(LETTERS, 2)
    return f"{first}{rng.randrange(100):02d}{second}{rng.randrange(100):02d}"


def facts_for(issue: Issue, rng: Random, no_product: float = NO_PRODUCT_SHARE) -> Facts:
    """Draw the facts of one ticket about `issue`; the product is of a kind that can have it.

    `no_product` is the share of tickets that name none.
    """
    words = lexicon()
    industry = rng.choice(tuple(words.products))
    fitting = [name for kind in issue.kinds for name in words.products[industry][kind]]
    product = None if rng.random() < no_product else rng.choice(fitting)
    order_id = None if rng.random() < NO_REFERENCE_SHARE else reference_number(rng)
    priority = rng.choices(tuple(PRIORITY_SHARES), tuple(PRIORITY_SHARES.values()))[0]
    return Facts(industry, issue, priority, product, order_id)


def ticket(facts: Facts, sentence: str, rng: Random) -> str:
    """State `facts` as a customer would; `sentence`, with `{thing}` in it, states the problem."""
    words = lexicon().phrases
    length = rng.choice(("line", "short", "short", "medium", "medium", "long"))
    body = [sentence]
    if facts.order_id:
        body.append(rng.choice(words["reference"]))
    elif rng.random() < 0.3:
        body.append(rng.choice(words["no_reference"]))
    if facts.priority != "normal":
        body.append(rng.choice(lexicon().priorities[facts.priority]))
    count = {"line": 0, "short": rng.randrange(2), "medium": rng.randrange(1, 3), "long": 4}[length]
    body += rng.sample(words["distractions"], count)
    if rng.random() < 0.7:  # mostly the problem comes first, as it does in real mail
        tail = body[1:]
        rng.shuffle(tail)
        body = [body[0], *tail]
    else:
        rng.shuffle(body)
    if length in ("medium", "long") and rng.random() < 0.6:
        body.insert(0, rng.choice(words["openings"]))
    body = [typed(chosen(part, rng), rng) for part in body]
    if rng.random() < SHOUTING_SHARE:
        place = rng.randrange(len(body))
        body[place] = _shouted(body[place], rng)
    text = " ".join(body)
    if length != "line" or rng.random() < 0.3:
        text = rng.choice(words["greetings"]) + rng.choice((" ", " ", "\n")) + text
    if length != "line" and rng.random() < 0.7:
        text += rng.choice((" ", "\n")) + rng.choice(words["closings"])
    return _filled(text, facts, rng)


def _filled(text: str, facts: Facts, rng: Random) -> str:
    words = lexicon().phrases
    lowered = rng.random() < LOWER_CASE_SHARE
    if lowered:
        text = text.lower()
    if facts.product is None:
        thing = rng.choice(NAMELESS)
    else:
        named = facts.product.title() if rng.random() < TITLE_CASE_SHARE else facts.product
        thing = f"{rng.choice(('the', 'the', 'my', 'our'))} {named}"
    text = text.replace("{thing}", thing).replace("{id}", facts.order_id or "")
    text = text.replace("{day}", str(rng.randrange(2, 29)))
    while "{n}" in text:
        text = text.replace(
            "{n}", str(rng.choice((rng.randrange(2, 30), rng.randrange(30, 400)))), 1
        )
    for slot in ("name", "month"):
        while f"{{{slot}}}" in text:
            word: str = rng.choice(words[f"{slot}s"])
            text = text.replace(f"{{{slot}}}", word.lower() if lowered else word, 1)
    return text


def typed(sentence: str, rng: Random) -> str:
    """Return `sentence`, sometimes with two letters swapped, one doubled or one missing."""
    if rng.random() >= TYPO_SHARE:
        return sentence
    words = list(_WORD.finditer(sentence))
    if not words:
        return sentence
    word = rng.choice(words)
    place = rng.randrange(word.start() + 1, word.end() - 1)
    here, after = sentence[place], sentence[place + 1]
    slip = rng.choice((after + here, here + here + after, after))
    return sentence[:place] + slip + sentence[place + 2 :]


def _shouted(sentence: str, rng: Random) -> str:
    words = list(_WORD.finditer(sentence))
    if not words:
        return sentence
    word = rng.choice(words)
    return sentence[: word.start()] + word[0].upper() + sentence[word.end() :]
