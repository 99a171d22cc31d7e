"""The clients: `HybridLLM` for threads, `AsyncHybridLLM` for event loops.

Answers: how does a program get a client, and what can it say of its calls?
Not here: any rule. The clients translate and hand on.

A client is immutable and may be shared between threads. `with_options` returns a
light copy over the same connections; what one call says never reaches the next. The
policy may change while a client lives: all copies share what is in force (`config.reload`),
and a call that has begun keeps the policy that it began with.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, NoReturn, Self

import anyio.to_thread

from hybridllm.config import PolicyState, Reloader, Wiring, open_config
from hybridllm.errors import ConfigurationError, UnsupportedEndpointError, expected_one_of
from hybridllm.resources.calling import LONGEST_TIMEOUT_S, Caller, Options
from hybridllm.resources.chat import AsyncChat, Chat
from hybridllm.resources.completions import AsyncCompletions, Completions
from hybridllm.resources.embeddings import AsyncEmbeddings, Embeddings
from hybridllm.resources.models import AsyncModels, Models
from hybridllm.resources.responses import AsyncResponses, Responses
from hybridllm.resources.vector_stores import AsyncVectorStores, VectorStores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from hybridllm.config import Directory
    from hybridllm.labels import Label

_NOT_GUARDED_YET = frozenset(
    """
    audio batches beta containers conversations evals files fine_tuning images
    moderations realtime uploads videos webhooks
    """.split()
)


class _BaseClient:
    """What both clients share."""

    def __init__(
        self,
        *,
        config: str | os.PathLike[str] | None = None,
        trusted_keys: Sequence[str | os.PathLike[str]] | None = None,
        directory: Directory | None = None,
    ) -> None:
        """Read the configuration and put everything together. Nothing is sent.

        Args:
            config: The organisation's file; `None` for `hybridllm.toml` in the current
                directory, or the one that the variable `HYBRIDLLM_CONFIG` names.
            trusted_keys: Files of public keys, one of which must have signed each file of
                the configuration; `None` for those that `HYBRIDLLM_POLICY_KEYS` names.
            directory: Returns the departments that a principal holds. A call for any other
                department is denied, and so is one for which it raises or hangs.

        Raises:
            ConfigurationError: Something in it is wrong.
            MissingExtraError: A backend needs a part that is not installed.
        """
        wiring = open_config(config, trusted_keys=trusted_keys, directory=directory)
        self._reloader = Reloader(wiring)
        self._options = Options(identity=wiring.identity)

    @property
    def _wiring(self) -> Wiring:
        """What is in force now."""
        return self._reloader.wiring

    @_wiring.setter
    def _wiring(self, wiring: Wiring) -> None:
        """Put a client on other parts: for tests, which put fakes in the place of some."""
        self._reloader = Reloader(wiring)

    @property
    def policy_state(self) -> PolicyState:
        """Which policy is in force, since when, and whether a newer one was refused."""
        return self._reloader.state

    def reload_on_hangup(self) -> None:
        """From the next call after a SIGHUP on, use the files as they are then.

        Call it in the main thread. Windows has no such signal; call `reload` there.

        Raises:
            ConfigurationError: The system has no SIGHUP, or this is not the main thread.
        """
        self._reloader.listen()

    def with_options(
        self,
        *,
        department: str | None = None,
        principal: str | None = None,
        purpose: str | None = None,
        application: str | None = None,
        label: str | None = None,
        compartments: tuple[str, ...] = (),
        timeout: float | None = None,
        max_retries: int | None = None,
        vector_store_ids: Sequence[str] | None = None,
        ceiling: str | None = None,
    ) -> Self:
        """Return a client that says more of its calls, over the same connections.

        Args:
            department: For whom the call is made.
            principal: Id of the person or service that asks.
            purpose: What the answer is for.
            application: Which program asks.
            label: Level of the calls' content. It joins what was said before and what
                the content shows; it never lowers anything.
            compartments: Compartments of the content, joined likewise.
            timeout: Seconds for a whole call.
            max_retries: Further attempts at the same backend.
            vector_store_ids: Vector stores of the configuration that questions are answered
                from. The label of what is found joins the request's.
            ceiling: Nothing above this level, and nothing in a compartment, is taken out of
                them; a reply says whether something was withheld.

        Raises:
            ConfigurationError: A name does not exist, or `timeout` is no positive number.
        """
        if timeout is not None and not 0 < timeout <= LONGEST_TIMEOUT_S:
            raise ConfigurationError("timeout must be a positive number of seconds")
        if max_retries is not None and not (type(max_retries) is int and max_retries >= 0):
            raise ConfigurationError("max_retries must be a whole number, 0 or more")
        given = {
            "department": department,
            "principal": principal,
            "purpose": purpose,
            "application": application,
        }
        named = {key: value for key, value in given.items() if value is not None}
        for key, value in named.items():
            if not _is_unicode(value):
                raise ConfigurationError(f"{key} must be text in valid Unicode")
        options = self._options
        if department is not None:
            departments = self._wiring.runtime.policy.departments
            if department not in departments:
                found = expected_one_of(department, allowed=departments)
                raise ConfigurationError(f"department {found}")
        copy = object.__new__(type(self))
        copy._reloader = self._reloader
        copy._options = replace(
            options,
            identity=replace(options.identity, **named),
            label=self._label(label, compartments),
            timeout_s=options.timeout_s if timeout is None else timeout,
            max_retries=options.max_retries if max_retries is None else max_retries,
            vector_stores=self._vector_stores(vector_store_ids),
            ceiling=options.ceiling if ceiling is None else self._ceiling(ceiling),
        )
        return copy

    def _vector_stores(self, names: Sequence[str] | None) -> tuple[str, ...]:
        if names is None:
            return self._options.vector_stores
        if isinstance(names, str):
            raise ConfigurationError("vector_store_ids must be a list of names")
        known = self._wiring.runtime.libraries
        for name in names:
            if name not in known:
                found = expected_one_of(name, allowed=known)
                raise ConfigurationError(f"vector store {found}")
        return tuple(dict.fromkeys(names))

    def _ceiling(self, level: str) -> Label:
        """Return the ceiling; a copy of a client can only lower it."""
        scale, before = self._wiring.runtime.policy.scale, self._options.ceiling
        label = scale.label(level)
        return label if before is None or label.flows_to(before) else before

    @property
    def _caller(self) -> Caller:
        return Caller(self._reloader, self._options)

    def _label(self, level: str | None, compartments: tuple[str, ...]) -> Label | None:
        """Return the declared label, joined to what was declared before."""
        before = self._options.label
        if level is None and not compartments:
            return before
        scale = self._wiring.runtime.policy.scale
        label = scale.label(level or scale.levels[0].name, compartments=compartments)
        return label if before is None else before.join(label)

    if not TYPE_CHECKING:  # type checkers shall know what is not there

        def __getattr__(self, name: str) -> NoReturn:
            """Explain what is missing, instead of letting an unguarded call through."""
            if name in _NOT_GUARDED_YET:
                raise UnsupportedEndpointError(
                    f"{name!r} is not guarded by hybridllm yet, so it is refused. "
                    "Guarded are: chat.completions, completions, responses, embeddings, models, "
                    "vector_stores"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        identity = self._options.identity
        return f"{type(self).__name__}(department={identity.department or None!r})"


def _is_unicode(value: object) -> bool:
    return isinstance(value, str) and value == value.encode(errors="replace").decode()


class HybridLLM(_BaseClient):
    """An OpenAI-like client that sends each request where the policy lets it go.

    Example:
        >>> client = HybridLLM(config="hybridllm.toml")  # doctest: +SKIP
        >>> reply = client.chat.completions.create(
        ...     model="assistant", messages=[{"role": "user", "content": "Hello"}]
        ... )  # doctest: +SKIP
        >>> reply.policy_decision.backend  # doctest: +SKIP
        'cloud'
    """

    @cached_property
    def chat(self) -> Chat:
        """Chat completions."""
        return Chat(self._caller)

    @cached_property
    def responses(self) -> Responses:
        """Responses."""
        return Responses(self._caller)

    @cached_property
    def completions(self) -> Completions:
        """Completions of plain text."""
        return Completions(self._caller)

    @cached_property
    def embeddings(self) -> Embeddings:
        """Embeddings."""
        return Embeddings(self._caller)

    @cached_property
    def vector_stores(self) -> VectorStores:
        """The vector stores of the configuration."""
        return VectorStores(self._caller)

    @cached_property
    def models(self) -> Models:
        """The model aliases of the configuration."""
        return Models(self._reloader)

    def reload(self, *, allow_older: bool = False) -> PolicyState:
        """Read all files of the configuration again and put them in force, or none of them.

        Args:
            allow_older: Also accept an organisation's file whose `revision` has fallen.

        Raises:
            ConfigurationError: The files are wrong; the policy before stays in force.
            AuditError: The change cannot be recorded; the policy before stays in force.
        """
        return self._reloader.reload(allow_older=allow_older)

    def close(self) -> None:
        """Close connections, models, memory and the audit log; copies share them."""
        for backend in self._reloader.backends:
            backend.close()
        self._reloader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()


class AsyncHybridLLM(_BaseClient):
    """The same client for event loops (asyncio or trio)."""

    @cached_property
    def chat(self) -> AsyncChat:
        """Chat completions."""
        return AsyncChat(self._caller)

    @cached_property
    def responses(self) -> AsyncResponses:
        """Responses."""
        return AsyncResponses(self._caller)

    @cached_property
    def completions(self) -> AsyncCompletions:
        """Completions of plain text."""
        return AsyncCompletions(self._caller)

    @cached_property
    def embeddings(self) -> AsyncEmbeddings:
        """Embeddings."""
        return AsyncEmbeddings(self._caller)

    @cached_property
    def vector_stores(self) -> AsyncVectorStores:
        """The vector stores of the configuration."""
        return AsyncVectorStores(self._caller)

    @cached_property
    def models(self) -> AsyncModels:
        """The model aliases of the configuration."""
        return AsyncModels(self._reloader)

    async def reload(self, *, allow_older: bool = False) -> PolicyState:
        """Read all files again and put them in force, or none; see `HybridLLM.reload`."""
        reload = partial(self._reloader.reload, allow_older=allow_older)
        return await anyio.to_thread.run_sync(reload)

    async def close(self) -> None:
        """Close connections, models, memory and the audit log; copies share them."""
        for backend in self._reloader.backends:
            await backend.aclose()
        self._reloader.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()
