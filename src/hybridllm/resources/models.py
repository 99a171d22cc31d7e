"""`client.models`: the model aliases of the configuration. Nothing is asked of any backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai.types import Model

from hybridllm.errors import UnknownModelError, unknown_name

if TYPE_CHECKING:
    from hybridllm.policy.model import Policy
    from hybridllm.runtime import RuntimeSource

_OWNER = "hybridllm"
_NO_DATE = 0
"""An alias has no date of its own; the SDK's type wants one."""


class Models:
    """Model aliases, for threads."""

    def __init__(self, source: RuntimeSource) -> None:
        self._source = source

    def list(self) -> tuple[Model, ...]:
        """Return every alias of the configuration."""
        return tuple(_model(alias) for alias in self._source.latest().policy.aliases)

    def retrieve(self, model: str) -> Model:
        """Return one alias.

        Raises:
            UnknownModelError: The configuration has no such alias.
        """
        return _retrieve(model, self._source.latest().policy)


class AsyncModels:
    """Model aliases, for event loops."""

    def __init__(self, source: RuntimeSource) -> None:
        self._source = source

    async def list(self) -> tuple[Model, ...]:
        """Return every alias of the configuration."""
        runtime = await self._source.alatest()
        return tuple(_model(alias) for alias in runtime.policy.aliases)

    async def retrieve(self, model: str) -> Model:
        """Return one alias; see `Models.retrieve`."""
        runtime = await self._source.alatest()
        return _retrieve(model, runtime.policy)


def _retrieve(model: str, policy: Policy) -> Model:
    if model not in policy.aliases:
        text = unknown_name(model, allowed=policy.aliases)
        raise UnknownModelError(f"model {text}")
    return _model(model)


def _model(alias: str) -> Model:
    return Model(id=alias, created=_NO_DATE, object="model", owned_by=_OWNER)
