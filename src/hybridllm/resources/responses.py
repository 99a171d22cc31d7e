"""`client.responses`: the OpenAI SDK's namespace, guarded.

Answers: how is a response asked for?
Not here: what happens then (`flow`).

Guarded like chat completions. What makes a provider keep or fetch things (`store`,
`previous_response_id`, `background`, tools that the provider runs) reaches a cloud
backend only if its configuration lists it; `store` is false unless it is allowed and set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Required, overload

from openai.types.responses import ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsBase,
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from typing_extensions import Unpack

from hybridllm.params import RESPONSES
from hybridllm.resources.calling import Namespace, owned
from hybridllm.resources.input_tokens import AsyncInputTokens, InputTokens
from hybridllm.resources.replies import Response, response_event, typed
from hybridllm.resources.streams import AsyncReplyStream, ReplyStream

if TYPE_CHECKING:
    from hybridllm.resources.calling import Caller
    from hybridllm.types import Explanation


class ResponseParams(ResponseCreateParamsNonStreaming, total=False):
    """Arguments of a response that comes as a whole."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class ResponseStreamParams(ResponseCreateParamsStreaming, total=False):
    """Arguments of a response that comes in pieces."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class ResponseAnyParams(ResponseCreateParamsBase, total=False):
    """Arguments of a response of which the type checker knows no more."""

    stream: Required[bool]
    timeout: float | None
    extra_body: Mapping[str, object] | None


class ResponseExplainParams(ResponseCreateParamsBase, total=False):
    """Arguments of a response that is only explained."""

    stream: bool | None
    timeout: float | None
    extra_body: Mapping[str, object] | None


class Responses(Namespace):
    """Responses, for threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.input_tokens = InputTokens(caller)

    @overload
    def create(self, /, **params: Unpack[ResponseParams]) -> Response: ...
    @overload
    def create(
        self, /, **params: Unpack[ResponseStreamParams]
    ) -> ReplyStream[ResponseStreamEvent]: ...
    @overload
    def create(
        self, /, **params: Unpack[ResponseAnyParams]
    ) -> Response | ReplyStream[ResponseStreamEvent]: ...
    def create(self, /, **params: object) -> Response | ReplyStream[ResponseStreamEvent]:
        """Ask for a response from a backend that may see the request.

        Args:
            **params: As for the OpenAI SDK; `model` is an alias of the configuration.
                `timeout` is in seconds and holds for the whole call.

        Raises:
            RequestError: The request cannot be read; nothing was sent.
            PolicyDeniedError: No backend may see the request; nothing was sent.
            AuditError: The decision could not be recorded; nothing was sent.
            openai.APIError: No backend answered.
        """
        if params.get("stream") is True:
            driver = self._caller.start(RESPONSES, params=owned(params))
            return ReplyStream(driver, build=response_event)
        done = self._caller.run(RESPONSES, params=owned(params))
        return typed(Response, reply=done.reply, decision=done.decision, grounding=done.grounding)

    def explain(self, /, **params: Unpack[ResponseExplainParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(RESPONSES, params=owned(params))


class AsyncResponses(Namespace):
    """Responses, for event loops."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.input_tokens = AsyncInputTokens(caller)

    @overload
    async def create(self, /, **params: Unpack[ResponseParams]) -> Response: ...
    @overload
    async def create(
        self, /, **params: Unpack[ResponseStreamParams]
    ) -> AsyncReplyStream[ResponseStreamEvent]: ...
    @overload
    async def create(
        self, /, **params: Unpack[ResponseAnyParams]
    ) -> Response | AsyncReplyStream[ResponseStreamEvent]: ...
    async def create(self, /, **params: object) -> Response | AsyncReplyStream[ResponseStreamEvent]:
        """Ask for a response; see `Responses.create`."""
        if params.get("stream") is True:
            driver = await self._caller.astart(RESPONSES, params=owned(params))
            return await AsyncReplyStream.open(driver, build=response_event)
        done = await self._caller.arun(RESPONSES, params=owned(params))
        return typed(Response, reply=done.reply, decision=done.decision, grounding=done.grounding)

    def explain(self, /, **params: Unpack[ResponseExplainParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(RESPONSES, params=owned(params))
