"""Comments as readers see them: GitHub-flavoured Markdown with GitHub's safe HTML."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

TAGS = frozenset(
    {  # GitHub's list, less what would load something
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "span",
        "strike",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "ul",
        "var",
    }
)
VOID = frozenset({"br", "hr"})
HIDDEN = frozenset(
    {"script", "style", "title", "textarea", "iframe", "noembed", "noframes", "plaintext", "xmp"}
)
ATTRIBUTES = {
    "a": ("href", "title"),
    "details": ("open",),
    "ol": ("start",),
    "td": ("align", "colspan", "rowspan"),
    "th": ("align", "colspan", "rowspan"),
}
SCHEMES = ("", "http", "https", "mailto")

_markdown = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(
    ["table", "strikethrough"]
)


def render(text: str | None) -> str:
    """Safe HTML for a body, a review or a check's summary."""
    if not text or not text.strip():
        return ""
    cleaner = _Cleaner()
    cleaner.feed(_markdown.render(text))
    cleaner.close()
    return cleaner.result()


class _Cleaner(HTMLParser):
    """Passes known tags, drops the others, and closes open tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []
        self._hidden = 0

    def result(self) -> str:
        """The cleaned HTML, well-formed."""
        while self._open:
            self._out.append(f"</{self._open.pop()}>")
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Pass a known tag with its known attributes; an image becomes its text."""
        given = dict(attrs)
        if tag in HIDDEN:
            self._hidden += 1
        if self._hidden:
            return
        if tag == "img":  # nothing is loaded from elsewhere
            words = html.escape(given.get("alt") or "image")
            self._out.append(f'<span class="image">{words}</span>')
        if tag not in TAGS:
            return
        kept = "".join(
            f' {name}="{html.escape(value or "")}"' for name, value in self._attributes(tag, given)
        )
        self._out.append(f"<{tag}{kept}>")
        if tag not in VOID:
            self._open.append(tag)

    def _attributes(self, tag: str, given: dict[str, str | None]) -> list[tuple[str, str | None]]:
        kept = [(n, given[n]) for n in ATTRIBUTES.get(tag, ()) if n in given]
        align = re.fullmatch(r"text-align:\s*(left|center|right)", given.get("style") or "")
        if tag in ("td", "th") and align:
            kept.append(("align", align[1]))
        if tag == "a":
            kept = [(n, v) for n, v in kept if n != "href" or _harmless(v or "")]
            kept.append(("rel", "nofollow noopener"))
        return kept

    def handle_endtag(self, tag: str) -> None:
        """Close a tag that is open, and what was left open inside it."""
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif not self._hidden and tag in self._open:
            while (inner := self._open.pop()) != tag:
                self._out.append(f"</{inner}>")
            self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Text, with task boxes drawn."""
        if self._hidden:
            return
        text = html.escape(data, quote=False)
        if self._open[-1:] == ["li"] or self._open[-2:] == ["li", "p"]:
            text = re.sub(r"^\[([ xX])\] ", _task, text)
        self._out.append(text)


def _task(found: re.Match[str]) -> str:
    done = "" if found[1] == " " else " done"
    return f'<span class="task{done}"></span> '


def _harmless(address: str) -> bool:
    try:
        return urlsplit(address.strip()).scheme.lower() in SCHEMES
    except ValueError:
        return False
