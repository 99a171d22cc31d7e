"""What documents, passages and searches are.

Answers: which values do stores, ingest and answers exchange, and who may see what?
Not here: storing (`store`), reading files (`ingest`), ranking (`retrieval`).

Two facts decide everything else, and neither has a default:
- a passage carries the label and the readers of its document;
- a search carries an `Access`, and a passage that the access does not cover is not
  ranked, not counted and not named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridllm.labels import Label

PUBLIC_READER = "public"
"""The reserved reader that stands for everybody."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one asker may see. It has no default: whoever searches says for whom.

    Attributes:
        clearance: Highest label that the asker may see.
        readers: The asker as readers are written on documents, `user:...` and
            `group:...`; `PUBLIC_READER` is always among them.
        department: Whose request it is. Documents of other departments are found only if
            they are shared with it.
        ceiling: If given, nothing above it is found either, whoever asks. A request that
            is bound for the cloud searches with the cloud's clearance as its ceiling.
    """

    clearance: Label
    readers: frozenset[str]
    department: str
    ceiling: Label | None = None

    def covers(self, grant: Grant) -> bool:
        """Return whether a document with this grant may be found."""
        return (
            grant.label.flows_to(self.clearance)
            and (self.ceiling is None or grant.label.flows_to(self.ceiling))
            and bool(grant.readers & (self.readers | {PUBLIC_READER}))
            and (not grant.departments or self.department in grant.departments)
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may find a document. Changing it touches neither texts nor vectors.

    Attributes:
        label: Of the document; whoever reads it in has found out or takes the strictest.
        readers: Who may read it; empty means nobody.
        departments: Whose requests may find it; empty means every department's.
    """

    label: Label
    readers: frozenset[str]
    departments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Span:
    """Where a passage stands in its document.

    Attributes:
        document: Id of the document.
        version: SHA-256 of the document's bytes, 64 hexadecimal digits.
        start: First character in the document's text.
        end: Character behind the last.
        page: Page or sheet, from 1; 0 if the document has none.
        headings: Headings above the passage, outermost first.
    """

    document: str
    version: str
    start: int
    end: int
    page: int = 0
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that is found and cited as one.

    Attributes:
        text: As the reader of the document sees it.
        span: Where it stands.
    """

    text: str = field(repr=False)
    span: Span


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read in, without its passages.

    Attributes:
        id: Stable and unique in the store: the source's name, a slash, and the name inside it,
            such as the path relative to the folder.
        source: What it was read from, such as a folder; sync works source by source.
        title: To be shown with a citation.
        version: SHA-256 of its bytes, 64 hexadecimal digits.
        grant: Who may find it.
        trust: 0 to 1; how much its passages count beside others of equal likeness.
    """

    id: str
    source: str
    title: str = field(repr=False)
    version: str
    grant: Grant
    trust: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for.

    Attributes:
        text: The question.
        vector: Its embedding; `None` for a search by words alone.
        expansions: Further words to look up, with their weight in (0, 1): synonyms out of
            a glossary. They never enter the embedding.
    """

    text: str = field(repr=False)
    vector: tuple[float, ...] | None = field(default=None, repr=False)
    expansions: tuple[tuple[str, float], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    Attributes:
        passage: Its text and place.
        title: Of its document.
        label: Of its document.
        score: 0 to 1 within one search; higher is better.
        cosine: Likeness of meaning, -1 to 1, comparable between searches with one embedder;
            `None` if the search had no vector.
        coverage: Share of what the question's words say that the passage holds, 0 to 1.
    """

    passage: Passage
    title: str = field(repr=False)
    label: Label
    score: float
    cosine: float | None = None
    coverage: float = 0.0


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a search found, and what that makes of the request.

    Attributes:
        hits: Best first.
        label: Join of the hits' labels; `None` if there are none. It joins the request's
            label before anything is decided.
        withheld: Whether the ceiling kept passages back that the asker may see. Not which,
            and not how many.
    """

    hits: tuple[Hit, ...]
    label: Label | None
    withheld: bool = False

    @classmethod
    def of(cls, hits: Iterable[Hit], *, withheld: bool = False) -> Retrieved:
        """Return what these hits make."""
        found = tuple(hits)
        labels = [hit.label for hit in found]
        joined = reduce(lambda one, other: one.join(other), labels) if labels else None
        return cls(found, joined, withheld)


def check_access(access: object) -> None:
    """Refuse what is not exactly an `Access`.

    Raises:
        TypeError: A subclass, or an object that only looks like one, could say anything of
            what it covers.
    """
    if type(access) is not Access:
        raise TypeError("a search needs an Access that says for whom it is")
