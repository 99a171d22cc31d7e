"""Every way to send content: endpoint x threads or event loop x whole or streamed.

Answers: which operations exist, and how is one of them called?
Not here: what is asked (`places`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hybridllm import AsyncHybridLLM, HybridLLM


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to send content.

    Attributes:
        endpoint: As the ledger names it.
        is_async: Through `AsyncHybridLLM`.
        streams: Whether the reply comes in pieces.
    """

    endpoint: str
    is_async: bool = False
    streams: bool = False

    @property
    def title(self) -> str:
        """For the name of a test."""
        kind = "stream" if self.streams else "whole"
        return f"{self.endpoint}-{'async' if self.is_async else 'sync'}-{kind}"


@dataclass(frozen=True, slots=True)
class Answered:
    """The backend that answered, the text of its reply, and the decision that let it."""

    backend: str | None
    text: str
    decision: Any = field(default=None, compare=False, repr=False)


OPERATIONS: tuple[Operation, ...] = (
    *(
        Operation(endpoint, is_async=is_async, streams=streams)
        for endpoint in ("chat.completions", "completions", "responses")
        for is_async in (False, True)
        for streams in (False, True)
    ),
    Operation("embeddings"),
    Operation("embeddings", is_async=True),
    Operation("responses.input_tokens"),
    Operation("responses.input_tokens", is_async=True),
)
SPARED = (
    Operation("completions", streams=True),
    Operation("completions", is_async=True),
    Operation("responses.input_tokens", is_async=True),
)
"""Left to the slow run: each goes the ways of two others that the default run has."""

CONTENT = {"chat.completions": "messages", "completions": "prompt"}
"""What holds the content of a request; `input` where nothing is said."""


def params_of(endpoint: str, text: str) -> dict[str, Any]:
    """Return the least that a request of an endpoint needs to say a text."""
    name = CONTENT.get(endpoint, "input")
    return {name: [{"role": "user", "content": text}] if name == "messages" else text}


def call(client: HybridLLM, operation: Operation, *, params: Mapping[str, Any]) -> Answered:
    """Make one call and read its reply to the end."""
    create = _sender(client, operation.endpoint)
    reply = create(**{"model": "assistant", **params, **_stream(operation)})
    if not operation.streams:
        return _answered(reply, _text(reply))
    return _answered(reply, "".join(_piece(piece) for piece in reply))


async def acall(
    client: AsyncHybridLLM, operation: Operation, *, params: Mapping[str, Any]
) -> Answered:
    """Make one call in an event loop and read its reply to the end."""
    create = _sender(client, operation.endpoint)
    reply = await create(**{"model": "assistant", **params, **_stream(operation)})
    if not operation.streams:
        return _answered(reply, _text(reply))
    text = "".join([_piece(piece) async for piece in reply])
    return _answered(reply, text)


def explain(client: HybridLLM | AsyncHybridLLM, endpoint: str, *, params: Mapping[str, Any]) -> Any:
    """Return what the call would do."""
    return _namespace(client, endpoint).explain(**{"model": "assistant", **params})


def _answered(reply: Any, text: str) -> Answered:
    return Answered(reply.policy_decision.backend, text, reply.policy_decision)


def _sender(client: HybridLLM | AsyncHybridLLM, endpoint: str) -> Any:
    return getattr(_namespace(client, endpoint), verb(endpoint))


def verb(endpoint: str) -> str:
    """Return the SDK's name of the method that sends."""
    return "count" if endpoint.endswith("input_tokens") else "create"


def _namespace(client: HybridLLM | AsyncHybridLLM, endpoint: str) -> Any:
    namespace: Any = client
    for name in endpoint.split("."):
        namespace = getattr(namespace, name)
    return namespace


def _stream(operation: Operation) -> dict[str, bool]:
    return {"stream": True} if operation.streams else {}


def _text(reply: Any) -> str:
    if hasattr(reply, "choices"):
        choice = reply.choices[0]
        if hasattr(choice, "text"):
            return str(choice.text)
        # A faulty server sends a chat where a text was asked for; the SDK leaves it as it is.
        message = choice.message
        return str(message["content"] if isinstance(message, dict) else message.content)
    if hasattr(reply, "input_tokens"):
        return "tokens"
    return str(reply.output_text) if hasattr(reply, "output_text") else "vectors"


def _piece(piece: Any) -> str:
    if hasattr(piece, "choices"):
        choice = piece.choices[0] if piece.choices else None
        if hasattr(choice, "text"):
            return str(choice.text)
        delta = getattr(choice, "delta", None)
        content = delta.get("content") if isinstance(delta, dict) else getattr(delta, "content", "")
        return content or ""
    return piece.delta if getattr(piece, "type", "") == "response.output_text.delta" else ""
