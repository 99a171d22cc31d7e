"""`client.completions`: the OpenAI SDK's namespace for plain text, guarded.

Answers: how is a text continued, without a conversation around it?
Not here: what happens then (`flow`).

Guarded like chat completions. Base models, which know no conversation, are asked in this way.
A prompt of token ids cannot be read by the detectors, so it stays on the premises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Required, overload

from openai.types import Completion as TextCompletion
from openai.types.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from typing_extensions import Unpack

from hybridllm.params import COMPLETIONS
from hybridllm.resources.calling import Namespace, owned
from hybridllm.resources.replies import Completion, text_chunk, typed
from hybridllm.resources.streams import AsyncReplyStream, ReplyStream

if TYPE_CHECKING:
    from hybridllm.resources.calling import Caller
    from hybridllm.types import Explanation


class TextParams(CompletionCreateParamsNonStreaming, total=False):
    """Arguments of a completion that comes as a whole."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class TextStreamParams(CompletionCreateParamsStreaming, total=False):
    """Arguments of a completion that comes in pieces."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class TextAnyParams(CompletionCreateParamsBase, total=False):
    """Arguments of a completion of which the type checker knows no more."""

    stream: Required[bool]
    timeout: float | None
    extra_body: Mapping[str, object] | None


class TextExplainParams(CompletionCreateParamsBase, total=False):
    """Arguments of a completion that is only explained."""

    stream: bool | None
    timeout: float | None
    extra_body: Mapping[str, object] | None


class Completions(Namespace):
    """Completions of plain text, for threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @overload
    def create(self, /, **params: Unpack[TextParams]) -> Completion: ...
    @overload
    def create(self, /, **params: Unpack[TextStreamParams]) -> ReplyStream[TextCompletion]: ...
    @overload
    def create(
        self, /, **params: Unpack[TextAnyParams]
    ) -> Completion | ReplyStream[TextCompletion]: ...
    def create(self, /, **params: object) -> Completion | ReplyStream[TextCompletion]:
        """Ask for a completion from a backend that may see the request.

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
            driver = self._caller.start(COMPLETIONS, params=owned(params))
            return ReplyStream(driver, build=text_chunk)
        done = self._caller.run(COMPLETIONS, params=owned(params))
        return typed(Completion, reply=done.reply, decision=done.decision)

    def explain(self, /, **params: Unpack[TextExplainParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(COMPLETIONS, params=owned(params))


class AsyncCompletions(Namespace):
    """Completions of plain text, for event loops."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @overload
    async def create(self, /, **params: Unpack[TextParams]) -> Completion: ...
    @overload
    async def create(
        self, /, **params: Unpack[TextStreamParams]
    ) -> AsyncReplyStream[TextCompletion]: ...
    @overload
    async def create(
        self, /, **params: Unpack[TextAnyParams]
    ) -> Completion | AsyncReplyStream[TextCompletion]: ...
    async def create(self, /, **params: object) -> Completion | AsyncReplyStream[TextCompletion]:
        """Ask for a completion; see `Completions.create`."""
        if params.get("stream") is True:
            driver = await self._caller.astart(COMPLETIONS, params=owned(params))
            return await AsyncReplyStream.open(driver, build=text_chunk)
        done = await self._caller.arun(COMPLETIONS, params=owned(params))
        return typed(Completion, reply=done.reply, decision=done.decision)

    def explain(self, /, **params: Unpack[TextExplainParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(COMPLETIONS, params=owned(params))
