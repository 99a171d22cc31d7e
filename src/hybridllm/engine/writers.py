"""Who writes the reply to which request.

Answers: what turns the engine's events into the JSON of this endpoint?
Not here: the writing itself (`engine.replies`, `engine.response_replies`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from hybridllm.engine.exchange import Count, Done, Embedding, Piece, Request, Vectors
from hybridllm.engine.replies import ReplyWriter
from hybridllm.engine.response_replies import CountWriter, ResponseWriter
from hybridllm.engine.tools import ToolFormat
from hybridllm.engine.wire import wants_usage


class Writer(Protocol):
    """Writes the reply to one request, whole or in events.

    Attributes:
        reply_id: The id that the reply carries.
    """

    reply_id: str

    def expect_tools(self, kind: ToolFormat | None) -> None:
        """Read tool calls out of the answers from now on."""
        ...

    def add(self, piece: Piece) -> None:
        """Take a piece for a reply that is not streamed."""
        ...

    def body(self, done: Done) -> bytes:
        """Return the whole reply."""
        ...

    def vectors(self, vectors: Vectors, *, done: Done) -> bytes:
        """Return the reply with the embeddings."""
        ...

    def opening(self) -> list[bytes]:
        """Return the events that a stream starts with."""
        ...

    def events(self, piece: Piece) -> list[bytes]:
        """Return the events of a piece."""
        ...

    def closing(self, done: Done) -> list[bytes]:
        """Return the events that a stream ends with."""
        ...


def writer_for(
    path: str, *, body: Mapping[str, Any], job: Request, reply_id: str, created: int
) -> Writer:
    """Return the writer of a request that has been read.

    Args:
        path: The operation.
        body: The request.
        job: What it was read as.
        reply_id: Unique id, without its prefix.
        created: Seconds since 1970.
    """
    if isinstance(job, Count):
        return CountWriter(reply_id=reply_id)
    if path == "responses":
        return ResponseWriter(body=body, reply_id=reply_id, created=created)
    answers = 0 if isinstance(job, Embedding) else len(job.prompts) * job.n
    return ReplyWriter(
        path, body=body, reply_id=reply_id, created=created, answers=answers,
        with_usage=wants_usage(body),
    )  # fmt: skip
