"""`client.chat.completions`: the OpenAI SDK's namespace, guarded.

Answers: how is a chat completion asked for?
Not here: what happens then (`flow`).

The arguments are those of the SDK's own parameter types, so type checkers know
every one of them and refuse a misspelt one; `timeout` and `extra_body` come on top.
A stream is declared as the SDK's own stream of chunks, so that annotated code keeps
type-checking; the decision stands on the stream, and on each chunk as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Required, overload

from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsBase,
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from typing_extensions import Unpack

from hybridllm.params import CHAT_COMPLETIONS
from hybridllm.resources.calling import Namespace, owned
from hybridllm.resources.replies import ChatCompletion, chat_chunk, typed
from hybridllm.resources.streams import AsyncReplyStream, ReplyStream

if TYPE_CHECKING:
    from hybridllm.resources.calling import Caller
    from hybridllm.types import Explanation


class ChatParams(CompletionCreateParamsNonStreaming, total=False):
    """Arguments of a chat completion that comes as a whole."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class ChatStreamParams(CompletionCreateParamsStreaming, total=False):
    """Arguments of a chat completion that comes in pieces."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class ChatAnyParams(CompletionCreateParamsBase, total=False):
    """Arguments of a chat completion of which the type checker knows no more."""

    stream: Required[bool]
    timeout: float | None
    extra_body: Mapping[str, object] | None


class ChatExplainParams(CompletionCreateParamsBase, total=False):
    """Arguments of a chat completion that is only explained."""

    stream: bool | None
    timeout: float | None
    extra_body: Mapping[str, object] | None


class Completions(Namespace):
    """Chat completions, for threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @overload
    def create(self, /, **params: Unpack[ChatParams]) -> ChatCompletion: ...
    @overload
    def create(self, /, **params: Unpack[ChatStreamParams]) -> ReplyStream[ChatCompletionChunk]: ...
    @overload
    def create(
        self, /, **params: Unpack[ChatAnyParams]
    ) -> ChatCompletion | ReplyStream[ChatCompletionChunk]: ...
    def create(self, /, **params: object) -> ChatCompletion | ReplyStream[ChatCompletionChunk]:
        """Ask for a chat completion from a backend that may see the request.

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
            driver = self._caller.start(CHAT_COMPLETIONS, params=owned(params))
            return ReplyStream(driver, build=chat_chunk)
        done = self._caller.run(CHAT_COMPLETIONS, params=owned(params))
        return typed(
            ChatCompletion, reply=done.reply, decision=done.decision, grounding=done.grounding
        )

    def explain(self, /, **params: Unpack[ChatExplainParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(CHAT_COMPLETIONS, params=owned(params))


class AsyncCompletions(Namespace):
    """Chat completions, for event loops."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @overload
    async def create(self, /, **params: Unpack[ChatParams]) -> ChatCompletion: ...
    @overload
    async def create(
        self, /, **params: Unpack[ChatStreamParams]
    ) -> AsyncReplyStream[ChatCompletionChunk]: ...
    @overload
    async def create(
        self, /, **params: Unpack[ChatAnyParams]
    ) -> ChatCompletion | AsyncReplyStream[ChatCompletionChunk]: ...
    async def create(
        self, /, **params: object
    ) -> ChatCompletion | AsyncReplyStream[ChatCompletionChunk]:
        """Ask for a chat completion; see `Completions.create`."""
        if params.get("stream") is True:
            driver = await self._caller.astart(CHAT_COMPLETIONS, params=owned(params))
            return await AsyncReplyStream.open(driver, build=chat_chunk)
        done = await self._caller.arun(CHAT_COMPLETIONS, params=owned(params))
        return typed(
            ChatCompletion, reply=done.reply, decision=done.decision, grounding=done.grounding
        )

    def explain(self, /, **params: Unpack[ChatExplainParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(CHAT_COMPLETIONS, params=owned(params))


class Chat(Namespace):
    """`client.chat`, for threads."""

    def __init__(self, caller: Caller) -> None:
        self.completions = Completions(caller)


class AsyncChat(Namespace):
    """`client.chat`, for event loops."""

    def __init__(self, caller: Caller) -> None:
        self.completions = AsyncCompletions(caller)
