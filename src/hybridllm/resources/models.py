"""`client.models`: the model aliases of the configuration. Nothing is asked of any backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai.types import Model

from hybridllm.errors import UnknownModelError, unknown_name

if TYPE_CHECKING:
    from hybridllm.runtime import Runtime

_OWNER = "hybridllm"
_NO_DATE = 0
"""An alias has no date of its own; the SDK's type wants one."""


class Models:
    """Model aliases, for threads."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def list(self) -> tuple[Model, ...]:
        """Return every alias of the configuration."""
        return tuple(_model(alias) for alias in self._runtime.policy.aliases)

    def retrieve(self, model: str) -> Model:
        """Return one alias.

        Raises:
            UnknownModelError: The configuration has no such alias.
        """
        return _retrieve(model, self._runtime)


class AsyncModels:
    """Model aliases, for event loops."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def list(self) -> tuple[Model, ...]:
        """Return every alias of the configuration."""
        return tuple(_model(alias) for alias in self._runtime.policy.aliases)

    async def retrieve(self, model: str) -> Model:
        """Return one alias; see `Models.retrieve`."""
        return _retrieve(model, self._runtime)


def _retrieve(model: str, runtime: Runtime) -> Model:
    if model not in runtime.policy.aliases:
        text = unknown_name(model, allowed=runtime.policy.aliases)
        raise UnknownModelError(f"model {text}")
    return _model(model)


def _model(alias: str) -> Model:
    return Model(id=alias, created=_NO_DATE, object="model", owned_by=_OWNER)
