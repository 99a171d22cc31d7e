"""Styles of a Word document, as far as they hide text or make headings.

Answers: is a run of text hidden, and which heading level has a paragraph?
Not here: the text (`word`).

Source: ECMA-376 part 1, 17.3.2 (run properties), 17.7 (styles). Sizes are half points.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from hybridllm.rag.ingest.xml_parts import attribute, child, descendants

_WHITE: Final = frozenset({"ffffff", "fefefe", "fdfdfd"})
# Up to 2 points; nobody reads that.
_TINY_HALF_POINTS: Final = 4
_OFF: Final = frozenset({"0", "false", "off"})
_HEADING: Final = re.compile(r"(?:heading|見出し) ?([1-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RunLook:
    """What counts of a run's look; `None` is what the style above says."""

    is_vanished: bool | None = None
    is_white: bool | None = None
    is_tiny: bool | None = None
    has_ground: bool | None = None

    def over(self, other: RunLook) -> RunLook:
        """Return this look, with gaps filled by another one."""
        return RunLook(
            other.is_vanished if self.is_vanished is None else self.is_vanished,
            other.is_white if self.is_white is None else self.is_white,
            other.is_tiny if self.is_tiny is None else self.is_tiny,
            other.has_ground if self.has_ground is None else self.has_ground,
        )

    @property
    def hidden_as(self) -> str:
        """Which kind of hidden text it is, or empty."""
        if self.is_vanished:
            return "hidden_text"
        if self.is_tiny:
            return "tiny_text"
        return "white_text" if self.is_white and not self.has_ground else ""


def run_look(properties: Element | None) -> RunLook:
    """Return what `w:rPr` says."""
    if properties is None:
        return RunLook()
    vanish = [child(properties, "vanish"), child(properties, "specVanish")]
    vanished = [_is_on(item) for item in vanish if item is not None]
    color = child(properties, "color")
    size = child(properties, "sz")
    ground = child(properties, "highlight") is not None or has_ground(properties) or None
    return RunLook(
        any(vanished) if vanished else None,
        None if color is None else _is_white(color),
        None if size is None else _half_points(size) <= _TINY_HALF_POINTS,
        ground,
    )


def has_ground(properties: Element | None) -> bool:
    """Return whether `w:shd` gives a background that is not white."""
    shading = None if properties is None else child(properties, "shd")
    if shading is None:
        return False
    fill = attribute(shading, name="fill").casefold()
    return fill not in {"", "auto", *_WHITE} or bool(attribute(shading, name="themeFill"))


class WordStyles:
    """The styles of one document."""

    def __init__(self, styles: Iterable[Element]) -> None:
        self._styles = {attribute(style, name="styleId"): style for style in styles}

    def look(self, style: str) -> RunLook:
        """Return how a style shows text."""
        look = RunLook()
        for element in self._chain(style):
            look = look.over(run_look(child(element, "rPr")))
        return look

    def level(self, paragraph: Element) -> int:
        """Return the heading level of a paragraph; 0 if it is none."""
        properties = child(paragraph, "pPr")
        outline = None if properties is None else child(properties, "outlineLvl")
        if outline is not None:
            return _outline(outline)
        for element in self._chain(paragraph_style(paragraph)):
            name = child(element, "name")
            title = "" if name is None else attribute(name, name="val")
            if title.casefold() == "title":
                return 1
            if found := _HEADING.fullmatch(title):
                return int(found.group(1))
            outline = child(element, "pPr", "outlineLvl")
            if outline is not None:
                return _outline(outline)
        return 0

    def _chain(self, style: str) -> Iterable[Element]:
        seen: set[str] = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            element = self._styles[style]
            yield element
            based = child(element, "basedOn")
            style = "" if based is None else attribute(based, name="val")


def paragraph_style(paragraph: Element) -> str:
    """Return the id of a paragraph's style, or empty."""
    style = child(paragraph, "pPr", "pStyle")
    return "" if style is None else attribute(style, name="val")


def fills_shape(element: Element) -> bool:
    """Return whether a drawing has a filled background for the text in it."""
    return any(True for _ in descendants(element, "solidFill", "gradFill")) or any(
        attribute(item, name="fillcolor") for item in element.iter()
    )


def _outline(element: Element) -> int:
    value = attribute(element, name="val")
    # 9 is "body text".
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


def _is_on(element: Element) -> bool:
    return attribute(element, name="val", default="1").casefold() not in _OFF


def _is_white(color: Element) -> bool:
    theme = attribute(color, name="themeColor").casefold()
    return attribute(color, name="val").casefold() in _WHITE or theme in {"background1", "light1"}


def _half_points(size: Element) -> float:
    try:
        return float(attribute(size, name="val", default="20"))
    except ValueError:
        return 20.0
