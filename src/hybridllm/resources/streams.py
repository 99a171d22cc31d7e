"""Streamed replies: the OpenAI SDK's `Stream` and `AsyncStream`, driven by our flow.

Answers: how does a caller iterate over a reply while it is being written?
Not here: reading it off the wire (`backends`), or what is done when it is given up (`flow`).

Closing a stream early, leaving its `with` block or cancelling its task stops the
backend, closes the connection and leaves an outcome in the audit log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from openai import AsyncStream, Stream
from typing_extensions import override

from hybridllm.errors import HybridLLMError
from hybridllm.resources.failures import presentable
from hybridllm.types import PolicyDecision
from hybridllm.wire import BackendError

if TYPE_CHECKING:
    from hybridllm.drivers import AsyncDriver, SyncDriver
    from hybridllm.grounding import Grounding

Piece = TypeVar("Piece")
Build = Callable[[dict[str, Any], PolicyDecision], Piece]
"""Makes the SDK's type out of the JSON of one event."""


class ReplyStream(Stream[Piece], Generic[Piece]):
    """A reply that arrives in pieces, for threads."""

    def __init__(self, driver: SyncDriver, *, build: Build[Piece]) -> None:
        """Wait for the first piece, so that a failure before it is raised here."""
        self._driver = driver
        self._build = build
        self._open = False
        failure = None
        try:
            opened = driver.next_emit()
        except (BackendError, HybridLLMError) as error:
            opened, failure = None, presentable(error)
        if failure is not None:
            raise failure
        if opened is None:
            raise RuntimeError("a flow ended without opening its stream")
        self._open = True
        self.policy_decision: PolicyDecision = opened.decision
        self.grounding: Grounding | None = None

    @override
    def __next__(self) -> Piece:
        if not self._open:
            raise StopIteration
        failure = None
        try:
            emitted = self._driver.next_emit()
        except (BackendError, HybridLLMError) as error:
            emitted, failure = None, presentable(error)
        except BaseException:
            self._open = False
            raise
        if failure is not None:
            self._open = False
            raise failure
        if emitted is None or emitted.chunk is None:
            self._open = False
            if emitted is not None:
                self.grounding = emitted.grounding
                self._driver.next_emit()
            raise StopIteration
        return self._build(emitted.chunk, emitted.decision)

    @override
    def __iter__(self) -> Iterator[Piece]:
        return self

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()

    @override
    def close(self) -> None:
        """Stop the backend, unless the reply has been read to its end."""
        if self._open:
            self._open = False
            self._driver.abandon()

    def __del__(self) -> None:
        """Stop a stream that nobody can read any more."""
        if getattr(self, "_open", False):
            self.close()

    @override
    def __repr__(self) -> str:
        return f"ReplyStream(open={getattr(self, '_open', False)})"


class AsyncReplyStream(AsyncStream[Piece], Generic[Piece]):
    """A reply that arrives in pieces, for event loops."""

    def __init__(
        self, driver: AsyncDriver, *, build: Build[Piece], decision: PolicyDecision
    ) -> None:
        self._driver = driver
        self._build = build
        self._open = True
        self.policy_decision = decision
        self.grounding: Grounding | None = None

    @classmethod
    async def open(cls, driver: AsyncDriver, *, build: Build[Piece]) -> Self:
        """Wait for the first piece, so that a failure before it is raised here."""
        failure = None
        try:
            opened = await driver.next_emit()
        except (BackendError, HybridLLMError) as error:
            opened, failure = None, presentable(error)
        if failure is not None:
            raise failure
        if opened is None:
            raise RuntimeError("a flow ended without opening its stream")
        return cls(driver, build=build, decision=opened.decision)

    @override
    async def __anext__(self) -> Piece:
        if not self._open:
            raise StopAsyncIteration
        failure = None
        try:
            emitted = await self._driver.next_emit()
        except (BackendError, HybridLLMError) as error:
            emitted, failure = None, presentable(error)
        except BaseException:
            self._open = False
            raise
        if failure is not None:
            self._open = False
            raise failure
        if emitted is None or emitted.chunk is None:
            self._open = False
            if emitted is not None:
                self.grounding = emitted.grounding
                await self._driver.next_emit()
            raise StopAsyncIteration
        return self._build(emitted.chunk, emitted.decision)

    @override
    def __aiter__(self) -> AsyncIterator[Piece]:
        return self

    @override
    async def __aenter__(self) -> Self:
        return self

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    @override
    async def close(self) -> None:
        """Stop the backend, unless the reply has been read to its end."""
        if self._open:
            self._open = False
            await self._driver.abandon()

    def __del__(self) -> None:
        """Stop a stream that nobody can read any more."""
        if getattr(self, "_open", False):
            self._open = False
            self._driver.forget()

    @override
    def __repr__(self) -> str:
        return f"AsyncReplyStream(open={getattr(self, '_open', False)})"
