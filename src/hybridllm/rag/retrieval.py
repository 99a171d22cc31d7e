"""From a question to the passages that a model reads.

Answers: which passages go into the context, in which order, within which budget?
Not here: finding candidates (`store`), vectors (`embedding`), what the label of the result
does to the request (the flow).

After the search: a reranker, if there is one; no two passages that say the same, and no
document that fills the context, since a planted one would try to; the text around each
passage, joined where passages touch; a budget of tokens. Everything that is added is asked
for with the same access again.

Source of the trade between likeness and newness: Carbonell and Goldstein 1998 ("MMR").
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from hybridllm.rag.joining import joined, touches
from hybridllm.rag.model import Hit, Passage, Query, Retrieved
from hybridllm.rag.tokens import document_tokens

if TYPE_CHECKING:
    from hybridllm.rag.embedding import Embedder
    from hybridllm.rag.model import Access
    from hybridllm.rag.store import Store

CHARACTERS_PER_TOKEN: Final = 4
"""Of scripts with an alphabet, as providers say; others count one for each character."""


class Reranker(Protocol):
    """Says how well passages answer a question. Sending them to it is egress."""

    def rerank(self, question: str, *, passages: Sequence[str]) -> Sequence[float]:
        """Return a score for each passage, in order; higher is better."""


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """How much is retrieved. The numbers are own choices, to be tuned with `rag eval`.

    Attributes:
        candidates: Passages that are ranked again and chosen from.
        passages: Passages that are chosen at most.
        passages_per_document: Of these, if there is more than one document.
        neighbours: Passages before and after each one that are read with it.
        context_tokens: Budget for all text together.
        diversity: 0 to 1; what a passage loses if its words were all chosen already.
        least_score: 0 to 1; a passage with a lower share of the best one's score is left out,
            since its label would raise the request for nothing. At 0.3 all of 84 questions of
            the development set kept the passage that answers them, and 3.4 passages of 8.
    """

    candidates: int = 50
    passages: int = 8
    passages_per_document: int = 3
    neighbours: int = 1
    context_tokens: int = 3000
    diversity: float = 0.3
    least_score: float = 0.3

    def __post_init__(self) -> None:
        counts = (self.candidates, self.passages, self.passages_per_document, self.context_tokens)
        shares = (self.diversity, self.least_score)
        if min(counts) < 1 or self.neighbours < 0 or not all(0 <= one <= 1 for one in shares):
            raise ValueError("a setting of the retrieval is out of its range")


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many than too few."""
    wide = sum(character >= "\u1100" for character in text)
    return wide + math.ceil((len(text) - wide) / CHARACTERS_PER_TOKEN)


class Retriever:
    """Retrieves from one store. Safe to use from any thread, if its parts are.

    Args:
        store: Where passages are.
        embedder: Makes vectors of questions, the same as of the passages; `None` searches
            by words alone.
        reranker: Ranks the candidates again.
        settings: How much is retrieved.
        count_tokens: Counts as the model does that will read the context.
    """

    def __init__(
        self,
        store: Store,
        *,
        embedder: Embedder | None = None,
        reranker: Reranker | None = None,
        settings: RetrievalSettings | None = None,
        count_tokens: Callable[[str], int] = estimated_tokens,
    ) -> None:
        self._store, self._embedder, self._reranker = store, embedder, reranker
        self._settings = settings or RetrievalSettings()
        self._count_tokens = count_tokens
        has = store.capabilities.dimensions
        if embedder is not None and embedder.dimensions != has:
            raise ValueError(f"the embedder makes {embedder.dimensions} numbers, not {has}")

    def retrieve(
        self,
        question: str,
        *,
        access: Access,
        expansions: Sequence[tuple[str, float]] = (),
        vector: Sequence[float] | None = None,
    ) -> Retrieved:
        """Return what the asker may see about a question, best first.

        Args:
            question: It goes to the embedder as it is.
            access: For whom.
            expansions: Further words with a weight in (0, 1], for the search by words only.
            vector: Of the question, if it is there already; the embedder is not asked then.

        Raises:
            PolicyDeniedError: The embedder or reranker may not see the question.
            StoreError: The store cannot be read.
        """
        if vector is None and self._embedder is not None and question.strip():
            vector = self._embedder.embed_queries([question])[0]
        known = None if vector is None else tuple(vector)
        query = Query(question, known, tuple(expansions))
        found = self._store.search(query, access=access, k=self._settings.candidates)
        ranked = _alike(self._reranked(question, hits=found), least=self._settings.least_score)
        chosen = list(self._chosen(ranked, question=question))
        hits = self._within_budget(chosen, access=access)
        return Retrieved.of(hits, withheld=self._store.withholds(access=access))

    def _reranked(self, question: str, *, hits: list[Hit]) -> list[Hit]:
        if self._reranker is None or not hits:
            return hits
        passages = [hit.passage.text for hit in hits]
        scores = [float(score) for score in self._reranker.rerank(question, passages=passages)]
        if len(scores) != len(hits) or not all(map(math.isfinite, scores)):
            raise ValueError("the reranker returned no finite score for each passage")
        least, most = min(scores), max(scores)
        spread = (most - least) or 1.0
        again = [
            replace(hit, score=(score - least) / spread if most > least else 1.0)
            for hit, score in zip(hits, scores, strict=True)
        ]
        return sorted(again, key=lambda hit: -hit.score)

    def _chosen(self, hits: Sequence[Hit], *, question: str) -> Iterator[Hit]:
        """Yield the best hits, each one as unlike those before it as its score allows."""
        asked = frozenset(document_tokens(question))
        words = [frozenset(document_tokens(hit.passage.text)) for hit in hits]
        overlaps = [0.0] * len(hits)
        taken: Counter[str] = Counter()
        is_shared = len({hit.passage.span.document for hit in hits}) > 1
        left = list(range(len(hits)))
        for _ in range(min(self._settings.passages, len(hits))):
            limit = self._settings.passages_per_document if is_shared else len(hits)
            left = [
                place
                for place in left
                if overlaps[place] < 1 and taken[hits[place].passage.span.document] < limit
            ]
            if not left:
                return
            best = max(left, key=partial(self._worth, hits=hits, overlaps=overlaps))
            left.remove(best)
            taken[hits[best].passage.span.document] += 1
            for place in left:
                shared = _overlap(words[place], others=words[best], asked=asked)
                overlaps[place] = max(overlaps[place], shared)
            yield hits[best]

    def _worth(self, place: int, *, hits: Sequence[Hit], overlaps: Sequence[float]) -> float:
        return hits[place].score - self._settings.diversity * overlaps[place]

    def _within_budget(self, hits: Sequence[Hit], *, access: Access) -> list[Hit]:
        """Return hits with their surroundings, as many as the budget allows, best first."""
        kept: list[Hit] = []
        for hit in hits:
            wider = self._widened(hit, access=access)
            for candidate in (wider, hit):
                merged = _merged(kept, candidate)
                if self._tokens(merged) <= self._settings.context_tokens:
                    kept = merged
                    break
        if not kept and hits:
            # Better the beginning of the best passage than nothing.
            kept = [self._cut(hits[0])]
        return kept

    def _widened(self, hit: Hit, *, access: Access) -> Hit:
        size = self._settings.neighbours
        if not size:
            return hit
        beside = self._store.neighbours(hit.passage.span, access=access, before=size, after=size)
        return replace(hit, passage=_widest(hit.passage, beside=beside))

    def _cut(self, hit: Hit) -> Hit:
        text = hit.passage.text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self._count_tokens(text[:middle]) <= self._settings.context_tokens
            low, high = (middle, high) if fits else (low, middle - 1)
        span = hit.passage.span
        passage = Passage(text[:low], replace(span, end=min(span.end, span.start + low)))
        return replace(hit, passage=passage)

    def _tokens(self, hits: Sequence[Hit]) -> int:
        return sum(self._count_tokens(hit.passage.text) for hit in hits)


def _alike(hits: Sequence[Hit], *, least: float) -> list[Hit]:
    """Return the hits that are not far behind the best one."""
    return [hit for hit in hits if hit.score >= least * hits[0].score]


def _overlap(some: frozenset[str], *, others: frozenset[str], asked: frozenset[str]) -> float:
    """Return which share of what the first adds to the question the second has too.

    It is 1 if the first has no word that the second lacks: then it says nothing new.
    """
    if some <= others:
        return 1.0
    added = some - asked
    return len(added & others) / len(added) if added else 0.0


def _widest(passage: Passage, *, beside: Sequence[Passage]) -> Passage:
    """Return a passage with those beside it that it can be joined with, outwards."""
    before = [other for other in beside if other.span.start < passage.span.start]
    after = [other for other in beside if other.span.start >= passage.span.start]
    for other in [*reversed(before), *after]:
        passage = joined(passage, other=other)
    return passage


def _merged(hits: Sequence[Hit], hit: Hit) -> list[Hit]:
    """Return hits with one more, joined with those that it touches; the best place is kept."""
    result: list[Hit] = []
    place: int | None = None
    for other in hits:
        if touches(other.passage, other=hit.passage):
            place = len(result) if place is None else place
            hit = replace(
                hit,
                passage=joined(other.passage, other=hit.passage),
                score=max(hit.score, other.score),
                cosine=_greater(hit.cosine, other=other.cosine),
                coverage=max(hit.coverage, other.coverage),
            )
        else:
            result.append(other)
    result.insert(len(result) if place is None else place, hit)
    return result


def _greater(one: float | None, *, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None
