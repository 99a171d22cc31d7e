"""Replies: the OpenAI SDK's own types, with the policy decision as one more attribute.

Answers: what does a caller get back?
Not here: making the call (`resources.calling`).

The decision is a private attribute: it is not part of `model_dump`, so it is never
sent anywhere with the message history.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from openai import types as sdk
from openai.types import chat as sdk_chat
from openai.types import responses as sdk_responses
from pydantic import BaseModel, PrivateAttr, ValidationError

from hybridllm.types import PolicyDecision

if TYPE_CHECKING:
    from hybridllm.grounding import Grounding


class _Decided(BaseModel):
    _policy_decision: PolicyDecision = PrivateAttr()
    _grounding: Any = PrivateAttr(default=None)

    @property
    def policy_decision(self) -> PolicyDecision:
        """Which backend answered, how the request was labelled, and why."""
        return self._policy_decision

    @property
    def grounding(self) -> Grounding | None:
        """What the documents carry of the answer; `None` if no vector store was asked."""
        found: Grounding | None = self._grounding
        return found


class ChatCompletion(sdk_chat.ChatCompletion, _Decided):
    """A chat completion, with `policy_decision`."""


class ChatCompletionChunk(sdk_chat.ChatCompletionChunk, _Decided):
    """A piece of a streamed chat completion, with `policy_decision`."""


class Completion(sdk.Completion, _Decided):
    """A completion of plain text, or a piece of a streamed one, with `policy_decision`."""


class Response(sdk_responses.Response, _Decided):
    """A response, with `policy_decision`."""


class InputTokenCountResponse(sdk_responses.InputTokenCountResponse, _Decided):
    """A count of tokens, with `policy_decision`."""


class CreateEmbeddingResponse(sdk.CreateEmbeddingResponse, _Decided):
    """Embeddings, with `policy_decision`."""


Reply = TypeVar("Reply", bound=_Decided)


def chat_chunk(chunk: dict[str, Any], decision: PolicyDecision) -> ChatCompletionChunk:
    """Return one event of a streamed chat completion as the SDK's type."""
    return typed(ChatCompletionChunk, reply=chunk, decision=decision)


def text_chunk(chunk: dict[str, Any], decision: PolicyDecision) -> Completion:
    """Return one event of a streamed completion as the SDK's type."""
    return typed(Completion, reply=chunk, decision=decision)


def response_event(
    event: dict[str, Any], decision: PolicyDecision
) -> sdk_responses.ResponseStreamEvent:
    """Return one event of a streamed response as the SDK's type.

    The decision stands on the stream: the events are the SDK's own classes.
    """
    del decision
    shape = _event_shapes().get(str(event.get("type")), sdk_responses.ResponseErrorEvent)
    built: sdk_responses.ResponseStreamEvent
    try:
        built = shape.model_validate(event)
    except ValidationError:
        # The error quotes the reply, so it goes no further than this line.
        built = shape.construct(**_public(event))
    return built


@cache
def _event_shapes() -> dict[str, Any]:
    """Return the SDK's class for each type of event."""
    union = get_args(sdk_responses.ResponseStreamEvent)[0]
    return {
        kind: shape
        for shape in get_args(union)
        for kind in get_args(shape.model_fields["type"].annotation)
    }


def typed(
    shape: type[Reply],
    *,
    reply: dict[str, Any],
    decision: PolicyDecision,
    grounding: Grounding | None = None,
) -> Reply:
    """Return a reply as the SDK's type.

    Servers leave fields out and add others; as in the SDK itself, such a reply is
    built without checks rather than refused.
    """
    try:
        result = shape.model_validate(reply)
    except ValidationError:
        # The error quotes the reply, so it goes no further than this line.
        result = shape.construct(**_public(reply))
    result._policy_decision = decision  # noqa: SLF001 - set here alone
    result._grounding = grounding  # noqa: SLF001 - set here alone
    return result


def _public(reply: dict[str, Any]) -> dict[str, Any]:
    """Return a reply without names that are private to the SDK's builder."""
    return {name: value for name, value in reply.items() if not name.startswith("_")}
