"""Which rows of a corpus an asker may see.

Answers: which passages does this access cover?
Not here: the rule itself (`model.Access.covers`), where grants are kept (`sqlite`).

Documents share few different grants, so the rule is asked once for each grant and the
answer spread over the rows. It is asked before anything is ranked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hybridllm.rag.corpus import Corpus
    from hybridllm.rag.model import Access, Grant

_VIEWS_KEPT: Final = 64
"""Own choice: a view of 100,000 rows takes up to 0.9 MB."""


@dataclass(frozen=True, slots=True)
class View:
    """The rows that an access covers, as a mask and as sorted numbers."""

    mask: NDArray[np.bool_]
    rows: NDArray[np.intp]


class Visibility:
    """The grants of one corpus at one moment.

    Args:
        corpus: Whose rows they are about.
        grants: The different ones.
        grant_of: Place in `grants`, by document of the corpus.
        trust_of: 0 to 1, by document of the corpus.
    """

    def __init__(
        self,
        corpus: Corpus,
        *,
        grants: Sequence[Grant],
        grant_of: NDArray[np.int32],
        trust_of: NDArray[np.float32],
    ) -> None:
        self._corpus, self._grants, self._grant_of = corpus, tuple(grants), grant_of
        self.trust: Final = trust_of[corpus.owners]
        self._used = np.zeros(len(self._grants), np.bool_)
        self._used[grant_of[corpus.owners]] = True
        self._views: OrderedDict[Access, View] = OrderedDict()
        self._lock = Lock()

    def view(self, access: Access) -> View:
        """Return the rows that the access covers."""
        with self._lock:
            known = self._views.get(access)
            if known is not None:
                self._views.move_to_end(access)
                return known
        covered = self._covered(access)
        mask = covered[self._grant_of][self._corpus.owners]
        view = View(mask, np.flatnonzero(mask))
        with self._lock:
            self._views[access] = view
            while len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        return view

    def withholds(self, access: Access) -> bool:
        """Return whether the ceiling alone hides a passage."""
        if access.ceiling is None:
            return False
        open_ended = self._covered(replace(access, ceiling=None))
        return bool((open_ended & ~self._covered(access) & self._used).any())

    def _covered(self, access: Access) -> NDArray[np.bool_]:
        return np.fromiter(map(access.covers, self._grants), np.bool_, len(self._grants))
