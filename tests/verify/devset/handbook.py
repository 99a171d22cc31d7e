"""Original documents of an invented company, with sentences that they carry and do not.

Answers: which claims and questions belong to which document, in which part of the set?
Not here: sentences made by rule from documents that packages bring (`by_rule`).

Format of the text files: `= title`, one paragraph, then `+ ` carried sentences, `- kind: `
sentences that are not, `? ` questions that the document answers, `! ` questions that it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "ja")


@dataclass(frozen=True, slots=True)
class Page:
    """One document."""

    language: str
    title: str
    text: str
    carried: tuple[str, ...]
    not_carried: tuple[tuple[str, str], ...]
    answered: tuple[str, ...]
    unanswered: tuple[str, ...]
    part: str


def pages(language: str) -> tuple[Page, ...]:
    """Return the documents of a language.

    Of the first ones every second is for tuning, and the rest is for testing. The part
    `unseen` was written when the checks were settled; no check was changed after looking at it.
    """
    old = [
        _page(block, language=language, part="test" if number % 2 else "tuning")
        for number, block in enumerate(_blocks(f"handbook_{language}.txt"))
    ]
    new = [
        _page(block, language=language, part="unseen")
        for block in _blocks(f"unseen_{language}.txt")
    ]
    return (*old, *new)


def _blocks(name: str) -> list[str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [block for block in text.split("= ") if block.strip()]


def _page(block: str, *, language: str, part: str) -> Page:
    title, text, *rest = block.strip().splitlines()
    marked: dict[str, list[str]] = {"+": [], "-": [], "?": [], "!": []}
    for line in rest:
        marked[line[0]].append(line[2:])
    wrong = tuple((kind, claim) for kind, _, claim in (x.partition(": ") for x in marked["-"]))
    return Page(
        language=language,
        title=title,
        text=text,
        carried=tuple(marked["+"]),
        not_carried=wrong,
        answered=tuple(marked["?"]),
        unanswered=tuple(marked["!"]),
        part=part,
    )


def claims(language: str, *, part: str) -> Iterator[tuple[Page, str, str]]:
    """Yield document, kind and sentence; the kind of carried ones is empty."""
    for page in pages(language):
        if page.part == part:
            yield from ((page, "", claim) for claim in page.carried)
            yield from ((page, kind, claim) for kind, claim in page.not_carried)
