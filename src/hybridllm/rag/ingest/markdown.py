"""Markdown.

Answers: which headings, paragraphs and tables does a Markdown file have, what does it state
of itself, and what does its reader not see?
Not here: encodings (`encodings`), pages in HTML (`web`).

Comments, definitions of links and hidden HTML elements are left out, except in code, where
a reader sees them.

Source: CommonMark 0.31; tables as GitHub writes them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Final

from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.html_tokens import attributes
from hybridllm.rag.ingest.web import hides

_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.{0,1000}?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_DIVIDER: Final = re.compile(r"[ \t:|-]*-[ \t:|-]*")
_DEFINITION: Final = re.compile(r" {0,3}\[[^\]]{1,200}\]:")
_HTML: Final = re.compile(r"`[^`\n]+`|<!--|-->|<(/?)([A-Za-z][\w-]*)([^<>]{0,2000})>")
_KEY: Final = re.compile(r"([\w .-]{1,60}?)\s*:\s*(.*)$")
_ITEM: Final = re.compile(r"\s*-\s+(.*)$")
_CELLS: Final = re.compile(r"(?<!\\)\|")


def read_markdown(text: str, *, draft: Draft) -> None:
    """Read Markdown into a draft."""
    text = _front_matter(text.replace("\r\n", "\n"), draft=draft)
    block: list[str] = []
    for lines, is_code in _parts(text, draft=draft):
        if is_code:
            block.extend(lines)
            continue
        for line in lines:
            if heading := _HEADING.match(line):
                _flush(block, draft=draft)
                draft.heading(heading.group(2), level=len(heading.group(1)))
            elif len(block) == 1 and "|" not in block[0] and (under := _UNDERLINE.match(line)):
                draft.heading(block.pop(), level=1 if under.group(1)[0] == "=" else 2)
            elif _DEFINITION.match(line):
                draft.hide("link_definitions", text=line)
            elif line.strip():
                block.append(line)
            else:
                _flush(block, draft=draft)
    _flush(block, draft=draft)


class _Html:
    """Takes out what HTML in Markdown hides, over the whole of a file."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._in_comment = False
        self._hidden_tags: list[str] = []

    @property
    def hides(self) -> bool:
        """Whether what comes next is hidden."""
        return self._in_comment or bool(self._hidden_tags)

    def visible(self, text: str) -> str:
        """Return what a reader sees of the next piece of a file."""
        pieces: list[str] = []
        done = 0
        for found in _HTML.finditer(text):
            before = text[done : found.start()]
            done = found.end()
            self._take(before, pieces=pieces)
            if found.group().startswith("`"):
                self._take(found.group(), pieces=pieces)
            elif self._in_comment:
                self._in_comment = found.group() != "-->"
            elif found.group() == "<!--":
                self._in_comment = True
                self._draft.hide("comments")
            elif found.group(2):
                self._tag(found, pieces=pieces)
        self._take(text[done:], pieces=pieces)
        return "".join(pieces)

    def _take(self, text: str, *, pieces: list[str]) -> None:
        if not self.hides:
            pieces.append(text)
        elif text.strip():
            kind = "comments" if self._in_comment else "hidden_text"
            self._draft.hide(kind, text=text, pieces=0)

    def _tag(self, found: re.Match[str], *, pieces: list[str]) -> None:
        name = found.group(2).casefold()
        if self._hidden_tags:
            if found.group(1) and self._hidden_tags[-1] == name:
                self._hidden_tags.pop()
            elif not found.group(1) and self._hidden_tags[-1] == name:
                self._hidden_tags.append(name)
            return
        kind = "" if found.group(1) else hides(attributes(found.group(3)))
        if kind:
            self._draft.hide(kind)
            self._hidden_tags.append(name)
        else:
            pieces.append(found.group())


def _parts(text: str, *, draft: Draft) -> Iterator[tuple[list[str], bool]]:
    """Yield lines that a reader sees, and whether they are code."""
    html = _Html(draft)
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            lines.append(line)
            if mark and mark.group(1).startswith(fence) and not line.strip(" `~"):
                yield lines, True
                lines, fence = [], ""
            continue
        if mark:
            draft.budget.check_time()
            yield html.visible("\n".join(lines)).split("\n"), False
            lines = [line]
            # Inside a comment a fence is no fence.
            fence = "" if html.hides else mark.group(1)
        else:
            lines.append(line)
    if fence:
        yield lines, True
    else:
        yield html.visible("\n".join(lines)).split("\n"), False


def _flush(block: list[str], *, draft: Draft) -> None:
    lines = list(block)
    block.clear()
    draft.budget.check_time()
    if len(lines) > 1 and "|" in lines[0] and "|" in lines[1] and _DIVIDER.fullmatch(lines[1]):
        draft.table(_cells(line) for line in [lines[0], *lines[2:]])
    elif lines:
        draft.paragraph("\n".join(lines))


def _cells(line: str) -> list[str]:
    return [cell.replace("\\|", "|").strip() for cell in _CELLS.split(line.strip().strip("|"))]


def _front_matter(text: str, *, draft: Draft) -> str:
    """Take properties from the front matter and return the text behind it."""
    text = text.lstrip("\ufeff")
    for fence in ("---", "+++"):
        found = re.match(
            rf"{re.escape(fence)}[ \t]*\n(.*?)\n(?:{re.escape(fence)}|\.\.\.)[ \t]*(?:\n|$)",
            text,
            re.DOTALL,
        )
        if found:
            pairs = list(_pairs(found.group(1), is_toml=fence == "+++"))
            draft.title(next((value for key, value in pairs if key.casefold() == "title"), ""))
            draft.properties(pairs, kind="front_matter")
            return text[found.end() :]
    return text


def _pairs(head: str, *, is_toml: bool) -> Iterator[tuple[str, str]]:
    """Yield keys and values; of YAML only what stands in one line, lists included."""
    if is_toml:
        try:
            for key, value in tomllib.loads(head).items():
                yield key, str(value)
        except tomllib.TOMLDecodeError:
            # Whatever it says of itself cannot be read, so it is the strictest.
            yield "classification", "?"
        return
    key = ""
    for line in head.split("\n"):
        if item := _ITEM.match(line):
            yield key, item.group(1).strip("'\" ")
        elif pair := _KEY.match(line.strip()):
            key = pair.group(1)
            for value in pair.group(2).strip("[] ").split(","):
                yield key, value.strip("'\" ")
