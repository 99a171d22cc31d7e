"""From the arguments of one method to one flow, and from its result to the SDK's types.

Answers: how does a namespace make a call, for threads and for event loops?
Not here: the namespaces (`resources.chat` and so on), any rule (`flow`).

Error trackers send the local variables of every frame that an error has come
through. So the arguments are emptied as soon as the flow has them, and an error
leaves here without the frames below: what is left is the caller's own code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

from hybridllm.drivers import AsyncDriver, SyncDriver
from hybridllm.errors import HybridLLMError, RequestError, UnsupportedEndpointError
from hybridllm.flow import complete, explain, search
from hybridllm.params import EMBEDDINGS
from hybridllm.resources.failures import presentable
from hybridllm.runtime import Call
from hybridllm.types import Identity
from hybridllm.wire import BackendError

if TYPE_CHECKING:
    from hybridllm.flow import Flow
    from hybridllm.labels import Label
    from hybridllm.params import Endpoint
    from hybridllm.rag.model import Retrieved
    from hybridllm.runtime import Completed, Runtime, RuntimeSource
    from hybridllm.types import Explanation


LONGEST_TIMEOUT_S = 86_400.0
"""One day; a socket cannot wait for ever."""

NOBODY = Identity("")
"""A caller that has said nothing: the default department counts."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a client says of all its calls (`with_options`).

    Attributes:
        identity: Who asks.
        label: What the caller declares; it can only raise.
        timeout_s: For a whole call.
        max_retries: Further attempts at the same backend.
        vector_stores: Stores that questions are answered from.
        ceiling: Nothing above it is taken out of them.
    """

    identity: Identity = NOBODY
    label: Label | None = None
    timeout_s: float | None = None
    max_retries: int | None = None
    vector_stores: tuple[str, ...] = ()
    ceiling: Label | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes the calls of one client.

    Attributes:
        source: Knows the runtime for each new call.
        options: What the client says of its calls.
    """

    source: RuntimeSource
    options: Options

    @property
    def runtime(self) -> Runtime:
        """The runtime for a call that begins now."""
        return self.source.latest()

    def explain(self, endpoint: Endpoint, *, params: dict[str, Any]) -> Explanation:
        """Return what `create` would do. Nothing is sent."""
        failure: Exception | None = None
        try:
            return explain(self._call(endpoint, params), self.runtime)
        except HybridLLMError as error:
            failure = presentable(error)
        finally:
            params.clear()
        raise failure

    def start(self, endpoint: Endpoint, *, params: dict[str, Any]) -> SyncDriver:
        """Return a driver of this call for the calling thread."""
        runtime = self.runtime
        flow = complete(self._call(endpoint, params), runtime)
        params.clear()
        return SyncDriver(flow, audit=runtime.audit)

    async def astart(self, endpoint: Endpoint, *, params: dict[str, Any]) -> AsyncDriver:
        """Return a driver of this call for the running event loop."""
        runtime = await self.source.alatest()
        flow = complete(self._call(endpoint, params), runtime)
        params.clear()
        return AsyncDriver(flow, audit=runtime.audit)

    def run(self, endpoint: Endpoint, *, params: dict[str, Any]) -> Completed:
        """Make a call that is not streamed."""
        failure: Exception | None = None
        try:
            return _whole(self.start(endpoint, params=params).run())
        except (BackendError, HybridLLMError) as error:
            failure = presentable(error)
        raise failure

    async def arun(self, endpoint: Endpoint, *, params: dict[str, Any]) -> Completed:
        """Make a call that is not streamed."""
        failure: Exception | None = None
        try:
            driver = await self.astart(endpoint, params=params)
            return _whole(await driver.run())
        except (BackendError, HybridLLMError) as error:
            failure = presentable(error)
        raise failure

    def search(self, store: str, *, query: str) -> Retrieved:
        """Search a vector store."""
        runtime = self.runtime
        steps = search(self._call(EMBEDDINGS, {}), runtime=runtime, store=store, query=query)
        found: Any = SyncDriver(cast("Flow", steps), audit=runtime.audit).run()
        return cast("Retrieved", found)

    async def asearch(self, store: str, *, query: str) -> Retrieved:
        """Search a vector store."""
        runtime = await self.source.alatest()
        steps = search(self._call(EMBEDDINGS, {}), runtime=runtime, store=store, query=query)
        found: Any = await AsyncDriver(cast("Flow", steps), audit=runtime.audit).run()
        return cast("Retrieved", found)

    def _call(self, endpoint: Endpoint, params: Mapping[str, Any]) -> Call:
        given = dict(params)
        timeout = given.pop("timeout", None)
        return Call(
            endpoint=endpoint,
            params=given,
            identity=self.options.identity,
            label=self.options.label,
            timeout_s=self.options.timeout_s if timeout is None else _seconds(timeout),
            max_retries=self.options.max_retries,
            vector_stores=self.options.vector_stores if endpoint is not EMBEDDINGS else (),
            ceiling=self.options.ceiling,
        )


class Namespace:
    """What all namespaces share: what they lack is explained, and never passed through."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Name what there is, for a method of the SDK that nobody guards yet."""
            if name.startswith("_"):
                raise AttributeError(name)
            known = sorted(key for key in dir(type(self)) if not key.startswith("_"))
            raise UnsupportedEndpointError(
                f"{name!r} is not guarded by hybridllm yet, so it is refused. "
                f"Guarded here are: {', '.join(known) or ', '.join(vars(self))}"
            )


def owned(params: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments of a method as the dictionary that they are.

    Python makes it anew for each call with `**params`, so emptying it takes nothing
    from the caller. The cast is for type checkers, to which it is a `TypedDict`.
    """
    return cast("dict[str, Any]", params)


def _seconds(timeout: object) -> float | None:
    """Return a timeout in seconds; anything else is refused rather than guessed."""
    if type(timeout).__name__ in {"NotGiven", "Omit"}:
        return None
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool):
        seconds = float(timeout)
        if 0 < seconds <= LONGEST_TIMEOUT_S:
            return seconds
    raise RequestError("timeout must be a positive number of seconds for the whole call")


def _whole(completed: Completed | None) -> Completed:
    if completed is None:
        raise RequestError("a streamed call was made as a whole one")
    return completed
