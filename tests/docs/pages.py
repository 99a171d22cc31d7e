"""The documentation as test material: its pages and the snippets in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
NOT_RUN = "not run"
"""A fence such as ```sh not run holds something that this machine cannot do."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    is_run: bool
    text: str


def pages() -> list[Path]:
    """Return every page that users read."""
    found = [ROOT / "README.md", ROOT / "README.ja.md", *(ROOT / "docs").rglob("*.md")]
    return sorted(found)


def snippets(page: Path) -> list[Snippet]:
    """Return the fenced blocks of a page, in order."""
    found = []
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type != "fence" or token.map is None:
            continue
        language, _, rest = token.info.strip().partition(" ")
        name = page.relative_to(ROOT).as_posix()
        found.append(Snippet(name, token.map[0] + 1, language, NOT_RUN not in rest, token.content))
    return found
