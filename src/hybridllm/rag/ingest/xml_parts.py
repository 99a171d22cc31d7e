"""XML of office files, read without its dangers.

Answers: which elements does a part hold?
Not here: what they mean (`word`, `sheets`, `slides`), unpacking (`archives`).

A document type declaration is refused, and with it every entity: office files never have
one (ECMA-376 part 2, 8.1.4), and bombs and requests to the network need one. Elements are
given out one at a time and forgotten, so a sheet of a million rows needs little memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.limits import Budget

_DEEPEST = 200


def local(name: str) -> str:
    """Return an element's or attribute's name without its namespace."""
    return name.rpartition("}")[2]


def attribute(element: Element, *, name: str, default: str = "") -> str:
    """Return an attribute by its local name."""
    if name in element.attrib:
        return element.attrib[name]
    return next((value for key, value in element.attrib.items() if local(key) == name), default)


def child(element: Element, *names: str) -> Element | None:
    """Return the first child at the end of a path of local names."""
    found: Element | None = element
    for name in names:
        if found is None:
            return None
        found = next((item for item in found if local(item.tag) == name), None)
    return found


def descendants(element: Element, *names: str) -> Iterator[Element]:
    """Yield the elements below with one of these local names, in document order."""
    wanted = set(names)
    return (item for item in element.iter() if local(item.tag) in wanted)


def tree(pieces: Iterable[bytes], *, budget: Budget) -> Element:
    """Return a whole part as a tree.

    Raises:
        DocumentReadError: The XML is damaged, dangerous or too large.
    """
    (root,) = elements(pieces, names=frozenset(), budget=budget)
    return root


def elements(
    pieces: Iterable[bytes], *, names: frozenset[str], budget: Budget
) -> Iterator[Element]:
    """Yield the elements with these local names as they end, or only the root for no names.

    Raises:
        DocumentReadError: The XML is damaged, dangerous or too large.
    """
    builder = _Builder(names=names, most=budget.limits.elements)
    try:
        for piece in pieces:
            budget.check_time()
            builder.parser.Parse(piece, False)
            yield from builder.taken()
        builder.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # The error's text names elements, which may be anybody's words.
        del error
        raise DocumentReadError(Reason.DAMAGED) from None
    yield from builder.taken()


class _Builder:
    """Builds trees out of a parser's events and hands finished elements over."""

    def __init__(self, *, names: frozenset[str], most: int) -> None:
        self._names = names
        self._most = most
        self._count = 0
        self._depth = 0
        self._inside = 0
        self._ready: list[Element] = []
        self._tree = TreeBuilder()
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def taken(self) -> list[Element]:
        """Return the elements that have ended since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def _refuse(self, *_: object) -> None:
        raise DocumentReadError(Reason.FORBIDDEN_XML)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if not self._inside and (not self._names or local(name) in self._names):
            self._inside = self._depth
            self._tree = TreeBuilder()
            self._count = 0
        if not self._inside:
            return
        self._count += 1
        if self._count > self._most or self._depth > _DEEPEST:
            raise DocumentReadError(Reason.TOO_MUCH_TEXT)
        self._tree.start(name, attributes)

    def _end(self, name: str) -> None:
        if self._inside:
            self._tree.end(name)
            if self._inside == self._depth:
                self._inside = 0
                self._ready.append(self._tree.close())
        self._depth -= 1

    def _text(self, text: str) -> None:
        if self._inside:
            self._tree.data(text)
