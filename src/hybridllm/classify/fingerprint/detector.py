"""Document fingerprints as a detector.

Answers: which places of a text are quotes, in the form that all detectors share?
Not here: selecting and finding fingerprints (`winnow`, `index`).

A `Match` has a kind and no label. The label of the quoted documents comes from
`recall`, which has the shape of a message memory's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hybridllm.classify.fingerprint.hits import FingerprintHit
    from hybridllm.classify.fingerprint.index import FingerprintIndex
    from hybridllm.labels import Label

KIND: Final = "document_quote"


class FingerprintDetector:
    """Finds quotes of labelled documents."""

    name: Final = "fingerprint"
    kinds: Final = frozenset({KIND})

    def __init__(self, index: FingerprintIndex) -> None:
        self._index = index

    def lookup(self, text: str) -> tuple[FingerprintHit, ...]:
        """Return the passages that stand in labelled documents.

        Raises:
            StoreError: The index cannot be read; what the text quotes is in doubt.
        """
        return self._index.lookup(text)

    def recall(self, texts: Iterable[str]) -> Label | None:
        """Return the join of the labels of all documents that the texts quote, if any.

        Raises:
            StoreError: The index cannot be read; the label is in doubt.
        """
        result: Label | None = None
        for text in texts:
            for hit in self.lookup(text):
                result = hit.label if result is None else result.join(hit.label)
        return result

    def detect(self, text: str) -> list[Match]:
        """Return where the text quotes a labelled document; each place once.

        Raises:
            StoreError: The index cannot be read; what the text quotes is in doubt.
        """
        places = {(hit.start, hit.end) for hit in self.lookup(text)}
        return [Match(KIND, start, end) for start, end in sorted(places)]
