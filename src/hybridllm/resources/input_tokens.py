"""`client.responses.input_tokens`: how many tokens a request would have.

Answers: how are the tokens of an input counted by the model that would read it?
Not here: what happens then (`flow`).

Counting sends the whole input, so it is guarded like a response to it. Each model counts in
its own way: the count holds for the backend that the decision names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from openai.types.responses.input_token_count_params import InputTokenCountParams
from typing_extensions import Unpack

from hybridllm.params import INPUT_TOKENS
from hybridllm.resources.calling import Namespace, owned
from hybridllm.resources.replies import InputTokenCountResponse, typed

if TYPE_CHECKING:
    from hybridllm.resources.calling import Caller
    from hybridllm.types import Explanation


class InputTokenParams(InputTokenCountParams, total=False):
    """Arguments of a count."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class InputTokens(Namespace):
    """Counts of tokens, for threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def count(self, /, **params: Unpack[InputTokenParams]) -> InputTokenCountResponse:
        """Count the tokens of an input where it may be seen.

        Raises:
            RequestError: The request cannot be read; nothing was sent.
            PolicyDeniedError: No backend may see the input; nothing was sent.
            openai.APIError: No backend answered.
        """
        done = self._caller.run(INPUT_TOKENS, params=owned(params))
        return typed(InputTokenCountResponse, reply=done.reply, decision=done.decision)

    def explain(self, /, **params: Unpack[InputTokenParams]) -> Explanation:
        """Return what `count` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(INPUT_TOKENS, params=owned(params))


class AsyncInputTokens(Namespace):
    """Counts of tokens, for event loops."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def count(self, /, **params: Unpack[InputTokenParams]) -> InputTokenCountResponse:
        """Count the tokens of an input; see `InputTokens.count`."""
        done = await self._caller.arun(INPUT_TOKENS, params=owned(params))
        return typed(InputTokenCountResponse, reply=done.reply, decision=done.decision)

    def explain(self, /, **params: Unpack[InputTokenParams]) -> Explanation:
        """Return what `count` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(INPUT_TOKENS, params=owned(params))
