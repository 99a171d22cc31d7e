"""HTML pages.

Answers: what does a browser show of a page, and what is marked or hidden in it?
Not here: encodings (`encodings`). Nothing is loaded: no script, no style sheet, no picture.

Hidden is what attributes, inline styles and simple rules of a `style` element (`.name`,
`#name` or a tag) take out of sight; what scripts or linked style sheets do is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.html_tokens import Token, TokenKind, tokens

_VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()
)
_SILENT: Final = frozenset({"script", "style", "template", "noscript", "iframe", "object", "svg"})
_BLOCKS: Final = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure "
    "footer form header hr html li main nav ol option p pre section summary table tbody td tfoot "
    "th thead tr ul h1 h2 h3 h4 h5 h6 title".split()
)
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_CHARSET: Final = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d*\.?\d+")
_DEEPEST: Final = 500
# Elements that end where the next of these begins, and what keeps them open.
_ENDED_BY: Final = {
    "dd": ({"dd", "dt"}, {"dl"}),
    "dt": ({"dd", "dt"}, {"dl"}),
    "li": ({"li"}, {"ol", "ul", "menu"}),
    "option": ({"option"}, {"select"}),
    "td": ({"td", "th"}, {"table", "tr"}),
    "th": ({"td", "th"}, {"table", "tr"}),
    "tr": ({"tr"}, {"table"}),
}
_INSIDE_P: Final = frozenset({"html", "option", "title"})
_FAR: Final = -900
_TINY_PX: Final = 2.7
_WHITE: Final = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)"})


@dataclass(slots=True)
class _Open:
    """An element that has not ended."""

    tag: str
    hidden: str
    color: str
    ground: str


def read_web(page: str, *, draft: Draft) -> None:
    """Read an HTML page into a draft."""
    reader = _Page(draft, rules=_hiding_rules(page))
    for count, token in enumerate(tokens(page)):
        if not count % 1000:
            draft.budget.check_time()
        reader.take(token)
    reader.flush()


def declared_encoding(data: bytes) -> str:
    """Return the encoding that a page names in its first kilobyte, or empty."""
    found = _CHARSET.search(data[:1024])
    return found.group(1).decode("ascii") if found else ""


def hides(values: Mapping[str, str], *, color: str = "", ground: str = "") -> str:
    """Return how the attributes of an element hide it, or empty."""
    if "hidden" in values or values.get("aria-hidden", "").casefold() == "true":
        return "hidden_text"
    return hidden_as(values.get("style", ""), color=color, ground=ground)


def hidden_as(style: str, *, color: str = "", ground: str = "") -> str:
    """Return which kind of hidden text an inline style makes, or empty."""
    looks = _looks(style)
    color = looks.get("color", color).replace(" ", "")
    ground = looks.get("background-color", looks.get("background", ground)).replace(" ", "")
    if (
        looks.get("display") == "none"
        or looks.get("visibility") in {"hidden", "collapse"}
        or _measure(looks.get("opacity", "1")) == 0
    ):
        return "hidden_text"
    size = looks.get("font-size", "")
    if size and _NUMBER.match(size) and not size.endswith(("%", "em")) and _px(size) <= _TINY_PX:
        return "tiny_text"
    if size and size.endswith(("%", "em")) and _measure(size) <= (5 if "%" in size else 0.05):
        return "tiny_text"
    if any(
        _px(looks.get(side, "0")) < _FAR for side in ("left", "top", "text-indent", "margin-left")
    ):
        return "outside_page"
    is_cut = looks.get("overflow") == "hidden" and any(
        looks.get(side) and _measure(looks[side]) <= 1 for side in ("height", "width", "max-height")
    )
    if is_cut or looks.get("clip", "").replace(" ", "").startswith("rect(0,0,0,0"):
        return "outside_page"
    is_same = bool(color) and (color == ground or (color in _WHITE and ground in {"", *_WHITE}))
    return "white_text" if is_same or color == "transparent" else ""


class _Page:
    """Builds a draft out of a page's tokens."""

    def __init__(self, draft: Draft, *, rules: dict[str, str]) -> None:
        self._draft = draft
        self._rules = rules
        self._stack = [_Open("", "", "", "")]
        self._parts: list[str] = []
        self._tables: list[list[list[str]]] = []

    def take(self, token: Token) -> None:
        """Take the next token."""
        if token.kind is TokenKind.START:
            self._start(token.text, values=token.attributes)
        elif token.kind is TokenKind.END:
            self._end(token.text)
        elif token.kind is TokenKind.TEXT:
            self._text(token.text)
        elif not self._stack[-1].hidden:
            self._draft.hide("comments", text=token.text)

    def _start(self, tag: str, *, values: dict[str, str]) -> None:
        if tag == "meta":
            name = values.get("name") or values.get("property") or ""
            self._draft.properties([(name, values.get("content", ""))])
        if tag in _BLOCKS:
            self._end_block()
            self._end_implied(tag)
        if tag in _VOID:
            self._parts.append("\n" if tag == "br" else "")
            return
        if len(self._stack) > _DEEPEST:
            raise DocumentReadError(Reason.TOO_MUCH_TEXT)
        parent = self._stack[-1]
        hidden = parent.hidden or self._hides(tag, values=values, parent=parent)
        if hidden and not parent.hidden and tag not in _SILENT:
            self._draft.hide(hidden)
        looks = _looks(values.get("style", ""))
        color = looks.get("color", parent.color)
        ground = looks.get("background-color", looks.get("background", parent.ground))
        self._stack.append(_Open(tag, hidden, color, ground))
        self._open_table(tag)

    def _end(self, tag: str) -> None:
        place = next(
            (at for at in range(len(self._stack) - 1, 0, -1) if self._stack[at].tag == tag), 0
        )
        if place:
            self._end_from(place)

    def _text(self, data: str) -> None:
        hidden = self._stack[-1].hidden
        if not hidden:
            is_pre = any(item.tag == "pre" for item in self._stack[-3:])
            self._parts.append(data if is_pre else re.sub(r"\s+", " ", data))
        elif hidden != "silent":
            self._draft.hide(hidden, text=data, pieces=0)

    def flush(self) -> None:
        """Add what is left when the page ends without its end tags."""
        self._end_block()
        while self._tables:
            self._draft.table(self._tables.pop())

    def _end_implied(self, tag: str) -> None:
        """End what HTML lets people leave open: a paragraph before a block, an item, a cell."""
        if self._stack[-1].tag == "p" and tag not in _INSIDE_P:
            self._end_from(len(self._stack) - 1)
        ended, kept_by = _ENDED_BY.get(tag, (set(), set()))
        for place in range(len(self._stack) - 1, 0, -1):
            if not ended or self._stack[place].tag in kept_by:
                return
            if self._stack[place].tag in ended:
                self._end_from(place)
                return

    def _end_from(self, place: int) -> None:
        while len(self._stack) > place:
            if self._stack[-1].tag in _BLOCKS:
                self._end_block()
            self._close_table(self._stack[-1].tag)
            self._stack.pop()

    def _hides(self, tag: str, *, values: dict[str, str], parent: _Open) -> str:
        if tag in _SILENT:
            return "silent"
        names = [tag, *(f".{name}" for name in values.get("class", "").split())]
        names.append(f"#{values.get('id', '')}")
        by_rule = next((self._rules[name] for name in names if name in self._rules), "")
        return by_rule or hides(values, color=parent.color, ground=parent.ground)

    def _end_block(self) -> None:
        text = "".join(self._parts)
        self._parts.clear()
        text = "\n".join(line.strip() for line in text.split("\n")).strip("\n")
        if not text.strip():
            return
        tags = [item.tag for item in self._stack]
        heading = next((_HEADINGS[tag] for tag in reversed(tags) if tag in _HEADINGS), 0)
        if "title" in tags:
            self._draft.title(text)
            self._draft.marked_place(text, kind="title")
        elif self._tables and ("td" in tags or "th" in tags):
            row = self._tables[-1][-1] if self._tables[-1] else self._new_row()
            row[-1:] = [f"{row[-1]} {text}".strip()] if row else [text]
        elif heading:
            self._draft.heading(text, level=heading)
        else:
            if "header" in tags or "footer" in tags:
                self._draft.marked_place(text, kind="header" if "header" in tags else "footer")
            self._draft.paragraph(text)

    def _new_row(self) -> list[str]:
        self._tables[-1].append([])
        return self._tables[-1][-1]

    def _open_table(self, tag: str) -> None:
        if tag == "table" and not self._stack[-1].hidden:
            self._tables.append([])
        elif self._tables and not self._stack[-1].hidden:
            if tag == "tr":
                self._new_row()
            elif tag in {"td", "th"}:
                row = self._tables[-1][-1] if self._tables[-1] else self._new_row()
                row.append("")

    def _close_table(self, tag: str) -> None:
        if tag == "table" and self._tables and not self._stack[-1].hidden:
            rows = self._tables.pop()
            if self._tables:
                # A table inside a cell: its text belongs to the cell.
                self._parts.append(" ".join(cell for row in rows for cell in row))
            elif all(len(row) < 2 for row in rows):
                for row in rows:
                    self._draft.paragraph("".join(row))
            else:
                self._draft.table(rows)


def _hiding_rules(page: str) -> dict[str, str]:
    """Return what simple rules of `style` elements hide, by tag, `.class` or `#id`."""
    found: dict[str, str] = {}
    for piece in re.split("<style", page, flags=re.IGNORECASE)[1:]:
        sheet = re.split("</style", piece, maxsplit=1, flags=re.IGNORECASE)[0].partition(">")[2]
        comments = sheet.split("/*")
        plain = comments[0] + "".join(part.partition("*/")[2] for part in comments[1:])
        for selectors, looks in _rules(plain):
            kind = hidden_as(looks, ground="unknown")
            for selector in selectors.split(",") if kind else ():
                if re.fullmatch(r"[.#]?[\w-]+", selector.strip()):
                    found[selector.strip()] = kind
    return found


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    """Yield selectors and declarations; what stands inside `@media` and the like is skipped.

    Rules for print or narrow screens say nothing about what is usually shown.
    """
    depth, start, selectors = 0, 0, ""
    for brace in re.finditer("[{}]", sheet):
        if brace.group() == "{":
            if not depth:
                selectors = sheet[start : brace.start()].rpartition(";")[2].strip()
            depth, start = depth + 1, brace.end()
        elif depth:
            if depth == 1 and not selectors.startswith("@"):
                yield selectors, sheet[start : brace.start()]
            depth, start = depth - 1, brace.end()


def _looks(style: str) -> dict[str, str]:
    pairs = (item.partition(":") for item in style.casefold().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}


def _measure(value: str) -> float:
    found = _NUMBER.match(value)
    return float(found.group()) if found else 1.0


def _px(value: str) -> float:
    factor = 16.0 if value.endswith(("em", "rem")) else 1.33 if value.endswith("pt") else 1.0
    return _measure(value) * factor if _NUMBER.match(value) else 100.0
