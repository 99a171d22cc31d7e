"""Embedders: from texts to vectors of meaning.

Answers: what can be asked for vectors, and how are texts sent to an endpoint for them?
Not here: comparing vectors (`ranking`), the model that a package brings (`bundled`).

Embedding is egress: from a vector, most of its text can be recovered (Morris et al. 2023,
"Text Embeddings Reveal (Almost) As Much As Text"). `ClientEmbedder` therefore has no
connection of its own. It asks a client whose calls are classified and decided like any
other, and a text that may not leave is refused there.

An alias may stand for several models, a public text go to one and a confidential text to
another. Their vectors cannot be compared, so an embedder that is answered by two models
fails; give it an alias with one model for everything that the store may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

DEFAULT_BATCH: Final = 64
"""Texts in one call. Own choice: below the limits of the known endpoints."""


class Embedder(Protocol):
    """Turns questions and passages into vectors that can be compared."""

    @property
    def name(self) -> str:
        """What it is, with all that changes its vectors: a store is tied to this name."""

    @property
    def dimensions(self) -> int:
        """Number of coordinates of every vector."""

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each question, in order."""

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each passage, in order."""


class ClientEmbedder:
    """Asks a guarded client for vectors.

    Args:
        client: A `HybridLLM` client, with the label and department of what is embedded.
            Only `client.embeddings.create` is used.
        model: Alias of the model.
        dimensions: Of its vectors; asked for if `asks_dimensions`.
        query_prefix: Stands before each question; the models of the E5 family need
            `query: `.
        passage_prefix: Stands before each passage; E5 needs `passage: `.
        batch: Texts in one call.
        asks_dimensions: Whether the endpoint takes `dimensions` and cuts its vectors.
    """

    def __init__(
        self,
        client: Any,
        *,
        model: str,
        dimensions: int,
        query_prefix: str = "",
        passage_prefix: str = "",
        batch: int = DEFAULT_BATCH,
        asks_dimensions: bool = False,
    ) -> None:
        if batch < 1 or dimensions < 1:
            raise ValueError("batch and dimensions are at least 1")
        self._client, self._model, self._dimensions = client, model, dimensions
        self._query_prefix, self._passage_prefix = query_prefix, passage_prefix
        self._batch = batch
        self._options = {"dimensions": dimensions} if asks_dimensions else {}
        self._answered_by: str | None = None

    @property
    def name(self) -> str:
        """Model, dimensions and prefixes."""
        prefixes = f"{self._query_prefix!r}:{self._passage_prefix!r}"
        return f"{self._model}:{self._dimensions}:{prefixes}"

    @property
    def dimensions(self) -> int:
        """Number of coordinates."""
        return self._dimensions

    def embed_queries(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each question.

        Raises:
            PolicyDeniedError: No backend may see the texts; nothing was sent.
            ValueError: The endpoint returned other vectors than were asked for.
        """
        return self._embed(texts, prefix=self._query_prefix)

    def embed_passages(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector for each passage.

        Raises:
            PolicyDeniedError: No backend may see the texts; nothing was sent.
            ValueError: The endpoint returned other vectors than were asked for.
        """
        return self._embed(texts, prefix=self._passage_prefix)

    def _embed(self, texts: Sequence[str], *, prefix: str) -> list[list[float]]:
        vectors: list[list[float]] = []
        for first in range(0, len(texts), self._batch):
            some = [prefix + text for text in texts[first : first + self._batch]]
            vectors += self._asked(some)
        return vectors

    def _asked(self, texts: list[str]) -> list[list[float]]:
        reply = self._client.embeddings.create(
            model=self._model, input=texts, encoding_format="float", **self._options
        )
        self._check_model(reply)
        # By index: the order of the reply is not promised.
        by_index = {item.index: list(item.embedding) for item in reply.data}
        if set(by_index) != set(range(len(texts))):
            raise ValueError("the endpoint returned vectors for other texts than were sent")
        if any(len(vector) != self._dimensions for vector in by_index.values()):
            raise ValueError(f"a vector has not the {self._dimensions} numbers that were expected")
        return [by_index[index] for index in range(len(texts))]

    def _check_model(self, reply: Any) -> None:
        decision = getattr(reply, "policy_decision", None)
        model = str(reply.model if decision is None else decision.model)
        first = self._answered_by = self._answered_by or model
        if model != first:
            raise ValueError(
                f"the alias {self._model!r} was answered by {first!r} and then by {model!r};"
                " their vectors cannot be compared"
            )
