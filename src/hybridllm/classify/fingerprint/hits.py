"""What it means that fingerprints of a text stand in documents.

Answers: which matches count, which of them are one passage, and where is it?
Not here: finding the matches (`index`), what a label leads to (`policy`).

A passage is no secret of a document when it stands elsewhere too:
- in any document that may be shown to everybody, it is ignored;
- in `COMMON_DOCUMENTS` documents whose label is lower, only those count. At its ends,
  where selection depends on the neighbouring text, the higher label may remain.
So adding a public document can lower what is found. That is an act of whoever may
write the index, and no prompt can do it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hybridllm.classify.fingerprint.winnow import (
    GRAM_CHARACTERS,
    GUARANTEED_CHARACTERS,
    original_positions,
)

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from hybridllm.classify.fingerprint.contents import IndexedDocument
    from hybridllm.labels import Label

COMMON_DOCUMENTS: Final = 3
"""Documents of a lower label that make a passage common. Own choice: one may be a draft."""

MAX_GAP_CHARACTERS: Final = 2 * GUARANTEED_CHARACTERS
"""Matches of one document that start nearer are one hit: a changed word breaks the
grams that cross it, and the next window may start behind them."""


@dataclass(frozen=True, slots=True)
class FingerprintHit:
    """A place in a text that stands in a labelled document.

    Attributes:
        document_id: As given to `add_document`. It may tell something: keep it out of logs.
        label: The document's label.
        start: First character in the text as it was given, in code points.
        end: One past the last character.
        share: Which part of the document's fingerprints was found here, 0.0 to 1.0.
    """

    document_id: str
    label: Label
    start: int
    end: int
    share: float


def hits(
    text: str,
    *,
    normal_length: int,
    places: Mapping[int, list[int]],
    owners: Mapping[int, AbstractSet[int]],
    documents: Mapping[int, IndexedDocument],
) -> tuple[FingerprintHit, ...]:
    """Return the quoted passages in the order of the text.

    Args:
        text: As it was given.
        normal_length: Its length after normalisation.
        places: Positions of each fingerprint in the normalised text.
        owners: Documents of each fingerprint.
        documents: What is known of these documents.
    """
    matches: dict[int, list[tuple[int, int]]] = {}
    counting: dict[frozenset[int], list[int]] = {}
    for fingerprint, owning in owners.items():
        # Neighbouring passages mostly stand in the same documents.
        group = frozenset(owning)
        if group not in counting:
            counting[group] = list(_counting(group, documents=documents))
        for document in counting[group]:
            found = matches.setdefault(document, [])
            found.extend((place, fingerprint) for place in places[fingerprint])
    if not matches:
        return ()
    positions = original_positions(text)
    exact = len(positions) == normal_length
    result = [
        _hit(passage, documents[document], positions if exact else None, len(text))
        for document, found in matches.items()
        for passage in _passages(sorted(found))
    ]
    return tuple(sorted(result, key=lambda hit: (hit.start, hit.end, hit.document_id)))


def is_published(label: Label) -> bool:
    """Return whether everybody may see what has this label."""
    return label.level.rank == 0 and not label.compartments


def _counting(owning: frozenset[int], *, documents: Mapping[int, IndexedDocument]) -> Iterator[int]:
    """Yield the documents to which a fingerprint is specific."""
    # A document may have been removed after its fingerprint was read.
    found = {document: documents[document].label for document in owning & documents.keys()}
    labels = Counter(found.values())
    if any(is_published(label) for label in labels):
        return
    common = {
        label: COMMON_DOCUMENTS
        <= sum(count for other, count in labels.items() if other != label and other.flows_to(label))
        for label in labels
    }
    yield from (document for document, label in found.items() if not common[label])


def _passages(found: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Part matches of one document, sorted by place, where the gap is too wide."""
    first = 0
    for index in range(1, len(found)):
        if found[index][0] - found[index - 1][0] > MAX_GAP_CHARACTERS:
            yield found[first:index]
            first = index
    yield found[first:]


def _hit(
    passage: list[tuple[int, int]],
    document: IndexedDocument,
    positions: array[int] | None,
    text_length: int,
) -> FingerprintHit:
    start, end = 0, text_length
    if positions is not None:
        start = positions[passage[0][0]]
        end = positions[passage[-1][0] + GRAM_CHARACTERS - 1] + 1
    share = len({fingerprint for _, fingerprint in passage}) / document.fingerprints
    return FingerprintHit(document.document_id, document.label, start, end, share)
