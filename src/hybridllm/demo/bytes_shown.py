r"""Recorded bytes as lines for a screen.

Answers: how does a person read bytes without losing any, and without a terminal obeying them?
Not here: the recording (`recording`), its place on the screen (`screen`).

Printable text in UTF-8 stands as it is, a line end ends a line, and every other byte
stands as `\xNN`. The exact bytes are in the saved recording.

Units: bytes, terminal cells.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len


def shown_lines(connections: Sequence[bytes], *, width: int, limit: int) -> tuple[list[str], int]:
    """Return at most `limit` lines that fit `width`, and how many were left out."""
    lines: list[str] = []
    for number, data in enumerate(connections, start=1):
        lines.append(f"-- connection {number}: {len(data):,} bytes")
        lines += [
            piece
            for line in data.splitlines(keepends=True)
            for piece in _folded(escaped(line.rstrip(b"\r\n")), width=width)
        ]
    return lines[:limit], max(0, len(lines) - limit)


def escaped(data: bytes) -> str:
    """Return bytes as text that is safe to print."""
    text = data.decode("utf-8", errors="surrogateescape")
    return "".join(_escaped_character(character) for character in text)


def _escaped_character(character: str) -> str:
    if character.isprintable():
        return character
    original = character.encode("utf-8", errors="surrogateescape")
    return "".join(f"\\x{byte:02x}" for byte in original)


def _folded(text: str, *, width: int) -> list[str]:
    """Break a line where it is too wide; an empty one stays a line."""
    lines = [""]
    cells = 0
    for character in text:
        size = cell_len(character)
        if cells + size > width:
            lines.append("")
            cells = 0
        lines[-1] += character
        cells += size
    return lines
