"""Small fakes for the classifier: a detector and a memory that do what a test says.

Answers: how does the classifier behave when a detector does exactly this?
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from hybridllm.classify.detector import Match
from hybridllm.labels import Label, Scale

SCALE = Scale.of(["public", "internal", "secret"])
CARD = "4111111111111111"
KIND = "financial.card"


@dataclass(frozen=True)
class FakeDetector:
    """A detector that does what a test says."""

    find: Callable[[str], Iterable[Match]]
    name: str = "fake"
    kinds: frozenset[str] = frozenset({KIND})

    def detect(self, text: str) -> Iterable[Match]:
        return self.find(text)


@dataclass
class FakeMemory:
    """A memory that knows some texts."""

    known: dict[str, Label] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: bool = False

    def recall(self, texts: Iterable[str]) -> Label | None:
        if self.broken:
            raise OSError("the disk is gone")
        self.asked = list(texts)
        return next((self.known[text] for text in self.asked if text in self.known), None)

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        self.known.update(dict.fromkeys(texts, label))


def literal(text: str) -> Iterator[Match]:
    """Find the card number."""
    start = text.find(CARD)
    if start >= 0:
        yield Match(KIND, start, start + len(CARD), 0.9)


def ask(*contents: object, **fields: object) -> dict:
    """Return a request with one user message for each content."""
    return {"messages": [{"role": "user", "content": item} for item in contents], **fields}
