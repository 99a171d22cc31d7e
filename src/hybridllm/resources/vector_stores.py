"""`client.vector_stores`: the stores of the configuration, under the OpenAI SDK's names.

Answers: which stores are there, and which passages may the caller see about a question?
Not here: reading documents in (`hybridllm rag`), answering from them (`with_options`).

Whatever is returned keeps its label: put into a request later, it raises that request's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from openai.types import vector_store_search_response as sdk

from hybridllm.errors import HybridLLMError, RequestError
from hybridllm.resources.calling import Namespace
from hybridllm.resources.failures import presentable

if TYPE_CHECKING:
    from hybridllm.labels import Label
    from hybridllm.rag.model import Hit, Retrieved
    from hybridllm.resources.calling import Caller

MOST_RESULTS = 50


class FoundPassages(list[sdk.VectorStoreSearchResponse]):
    """Passages, best first.

    Attributes:
        label: Join of their labels; `None` if there are none.
        withheld: Whether a ceiling kept something back.
    """

    label: Label | None
    withheld: bool

    def __init__(
        self, found: Iterable[sdk.VectorStoreSearchResponse] = (), *, retrieved: Retrieved
    ) -> None:
        super().__init__(found)
        self.label = retrieved.label
        self.withheld = retrieved.withheld

    def __repr__(self) -> str:
        return f"FoundPassages({len(self)})"


class _Stores(Namespace):
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def names(self) -> tuple[str, ...]:
        """The stores of the configuration."""
        return tuple(sorted(self._caller.runtime.libraries))


class VectorStores(_Stores):
    """Vector stores, for threads."""

    def search(
        self, vector_store_id: str, *, query: str, max_num_results: int = 10
    ) -> FoundPassages:
        """Return the passages about a question that the caller may see.

        Args:
            vector_store_id: Name of the store in the configuration.
            query: The question.
            max_num_results: 1 to 50.

        Raises:
            RequestError: The store does not exist or is not for this department, or a
                number is out of its range.
            StoreError: The store cannot be read.
        """
        failure: Exception | None = None
        try:
            most = _count(max_num_results)
            found = self._caller.search(vector_store_id, query=_checked(query))
            return FoundPassages(map(_passage, found.hits[:most]), retrieved=found)
        except HybridLLMError as error:
            failure = presentable(error)
        raise failure


class AsyncVectorStores(_Stores):
    """Vector stores, for event loops."""

    async def search(
        self, vector_store_id: str, *, query: str, max_num_results: int = 10
    ) -> FoundPassages:
        """Return the passages about a question that the caller may see.

        Args:
            vector_store_id: Name of the store in the configuration.
            query: The question.
            max_num_results: 1 to 50.

        Raises:
            RequestError: The store does not exist or is not for this department, or a
                number is out of its range.
            StoreError: The store cannot be read.
        """
        failure: Exception | None = None
        try:
            most = _count(max_num_results)
            found = await self._caller.asearch(vector_store_id, query=_checked(query))
            return FoundPassages(map(_passage, found.hits[:most]), retrieved=found)
        except HybridLLMError as error:
            failure = presentable(error)
        raise failure


def _checked(query: object) -> str:
    if not isinstance(query, str) or not query.strip():
        raise RequestError("query must be a text with at least one word")
    return query


def _count(most: object) -> int:
    """Return how many are wanted. Looked at first: a wrong number embeds no question."""
    if type(most) is not int or not 1 <= most <= MOST_RESULTS:
        raise RequestError(f"max_num_results must be a number from 1 to {MOST_RESULTS}")
    return most


def _passage(hit: Hit) -> sdk.VectorStoreSearchResponse:
    span = hit.passage.span
    attributes: dict[str, Any] = {"label": str(hit.label), "version": span.version}
    if span.page:
        attributes["page"] = span.page
    if span.headings:
        attributes["headings"] = " > ".join(span.headings)
    return sdk.VectorStoreSearchResponse(
        file_id=span.document,
        filename=hit.title,
        score=hit.score,
        attributes=attributes,
        content=[sdk.Content(type="text", text=hit.passage.text)],
    )
