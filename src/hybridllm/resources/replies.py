"""Replies: the OpenAI SDK's own types, with the policy decision as one more attribute.

Answers: what does a caller get back?
Not here: making the call (`resources.calling`).

The decision is a private attribute: it is not part of `model_dump`, so it is never
sent anywhere with the message history.
"""

from __future__ import annotations

from typing import Any, TypeVar

from openai import types as sdk
from openai.types import chat as sdk_chat
from pydantic import BaseModel, PrivateAttr, ValidationError

from hybridllm.types import PolicyDecision


class _Decided(BaseModel):
    _policy_decision: PolicyDecision = PrivateAttr()

    @property
    def policy_decision(self) -> PolicyDecision:
        """Which backend answered, how the request was labelled, and why."""
        return self._policy_decision


class ChatCompletion(sdk_chat.ChatCompletion, _Decided):
    """A chat completion, with `policy_decision`."""


class ChatCompletionChunk(sdk_chat.ChatCompletionChunk, _Decided):
    """A piece of a streamed chat completion, with `policy_decision`."""


class CreateEmbeddingResponse(sdk.CreateEmbeddingResponse, _Decided):
    """Embeddings, with `policy_decision`."""


Reply = TypeVar("Reply", bound=_Decided)


def typed(shape: type[Reply], *, reply: dict[str, Any], decision: PolicyDecision) -> Reply:
    """Return a reply as the SDK's type.

    Servers leave fields out and add others; as in the SDK itself, such a reply is
    built without checks rather than refused.
    """
    try:
        result = shape.model_validate(reply)
    except ValidationError:
        # The error quotes the reply, so it goes no further than this line.
        result = shape.construct(**reply)
    result._policy_decision = decision  # noqa: SLF001 - set here alone
    return result
