"""`client.embeddings`: the OpenAI SDK's namespace, guarded.

An embedding call is egress like any other: the text it sends can be recovered from
the vector (Morris et al. 2023, "Text Embeddings Reveal (Almost) As Much As Text").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from openai.types.embedding_create_params import EmbeddingCreateParams
from typing_extensions import Unpack

from hybridllm.params import EMBEDDINGS
from hybridllm.resources.calling import Namespace, owned
from hybridllm.resources.replies import CreateEmbeddingResponse, typed

if TYPE_CHECKING:
    from hybridllm.resources.calling import Caller
    from hybridllm.types import Explanation


class EmbeddingParams(EmbeddingCreateParams, total=False):
    """Arguments of an embedding call."""

    timeout: float | None
    extra_body: Mapping[str, object] | None


class Embeddings(Namespace):
    """Embeddings, for threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(self, /, **params: Unpack[EmbeddingParams]) -> CreateEmbeddingResponse:
        """Ask for embeddings from a backend that may see the texts.

        Vectors come as lists of floats unless `encoding_format="base64"` is given.

        Raises:
            RequestError: The request cannot be read; nothing was sent.
            PolicyDeniedError: No backend may see the texts; nothing was sent.
            openai.APIError: No backend answered.
        """
        done = self._caller.run(EMBEDDINGS, params=owned(params))
        return typed(CreateEmbeddingResponse, reply=done.reply, decision=done.decision)

    def explain(self, /, **params: Unpack[EmbeddingParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(EMBEDDINGS, params=owned(params))


class AsyncEmbeddings(Namespace):
    """Embeddings, for event loops."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create(self, /, **params: Unpack[EmbeddingParams]) -> CreateEmbeddingResponse:
        """Ask for embeddings; see `Embeddings.create`."""
        done = await self._caller.arun(EMBEDDINGS, params=owned(params))
        return typed(CreateEmbeddingResponse, reply=done.reply, decision=done.decision)

    def explain(self, /, **params: Unpack[EmbeddingParams]) -> Explanation:
        """Return what `create` would do with the same arguments. Nothing is sent."""
        return self._caller.explain(EMBEDDINGS, params=owned(params))
