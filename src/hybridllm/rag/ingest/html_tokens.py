"""The tags, texts and comments of an HTML page.

Answers: what follows what in a page?
Not here: what is shown of it (`web`).

The parser of the standard library takes minutes for a megabyte of tags that never end. This
one looks at each character once or twice, whatever the page is made of. What is not closed
at the end of a page is dropped, as a browser drops it.

Source: HTML Living Standard, 13.2.5 (tokenization), without its rarer states.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_RAW: Final = frozenset({"iframe", "noembed", "noframes", "script", "style", "xmp"})
_RAW_WITH_ENTITIES: Final = frozenset({"textarea", "title"})
_NAME: Final = re.compile(r"/?([A-Za-z][^\s/<>]{0,100})")
_STOP: Final = re.compile(r">|=\s*[\"']")
_ATTRIBUTE: Final = re.compile(
    r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?"""
)


class TokenKind(StrEnum):
    """What a stretch of a page is."""

    START = "start"
    END = "end"
    TEXT = "text"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of a page.

    Attributes:
        kind: What it is.
        text: Name of a tag in lower case, or the text or comment itself.
        attributes: Of a start tag, values with entities resolved.
    """

    kind: TokenKind
    text: str = field(repr=False)
    attributes: dict[str, str] = field(default_factory=dict, repr=False)


def tokens(page: str) -> Iterator[Token]:
    """Yield what a page consists of."""
    place = 0
    while place < len(page):
        start = page.find("<", place)
        if start < 0:
            yield Token(TokenKind.TEXT, html.unescape(page[place:]))
            return
        if start > place:
            yield Token(TokenKind.TEXT, html.unescape(page[place:start]))
        if page.startswith("<!--", start):
            end = page.find("-->", start + 4)
            yield Token(TokenKind.COMMENT, page[start + 4 : end if end >= 0 else len(page)])
            place = end + 3 if end >= 0 else len(page)
        elif page.startswith(("<!", "<?"), start):
            end = page.find(">", start)
            place = end + 1 if end >= 0 else len(page)
        elif (name := _NAME.match(page, start + 1)) is None:
            yield Token(TokenKind.TEXT, "<")
            place = start + 1
        else:
            end = _tag_end(page, place=name.end())
            if end < 0:
                return
            tag = name.group(1).casefold()
            place = end + 1
            if name.group().startswith("/"):
                yield Token(TokenKind.END, tag)
                continue
            yield Token(TokenKind.START, tag, attributes(page[name.end() : end]))
            if tag in _RAW or tag in _RAW_WITH_ENTITIES:
                end = _raw_end(page, tag=tag, place=place)
                raw = page[place:end]
                yield Token(TokenKind.TEXT, raw if tag in _RAW else html.unescape(raw))
                place = end


def attributes(text: str) -> dict[str, str]:
    """Return the attributes that stand in a tag; of two by one name the first counts."""
    found: dict[str, str] = {}
    for item in _ATTRIBUTE.finditer(text):
        value = item.group(2) or item.group(3) or item.group(4) or ""
        found.setdefault(item.group(1).casefold(), html.unescape(value))
    return found


def _tag_end(page: str, *, place: int) -> int:
    """Return where the `>` of a tag stands, behind its quoted values; -1 if it never ends."""
    while stop := _STOP.search(page, place):
        if stop.group() == ">":
            return stop.start()
        place = page.find(stop.group()[-1], stop.end()) + 1
        if not place:
            return -1
    return -1


def _raw_end(page: str, *, tag: str, place: int) -> int:
    found = re.compile(f"</{tag}", re.IGNORECASE).search(page, place)
    return found.start() if found else len(page)
