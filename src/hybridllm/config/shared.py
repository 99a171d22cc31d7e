"""The server on which several machines keep their memory together.

Answers: which server do these settings mean, and may it be dialled?
Not here: what is kept on it (`classify.memory_postgres`, `classify.memory_redis`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hybridllm.addresses import DeclaredNetworks
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hybridllm.classify.memory import MessageMemory
    from hybridllm.config.schema import MemoryConfig
    from hybridllm.config.sources import Sources
    from hybridllm.labels import Scale

_KEY: Final = "detection.memory"
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, repr=False)
class SharedStore:
    """A server. Its URL may hold a password, so it is never shown.

    Attributes:
        url: Where it is.
        networks: Where it may be.
        shown: The setting, as errors name it.
    """

    url: str
    networks: DeclaredNetworks
    shown: str

    def __repr__(self) -> str:
        return f"SharedStore({self.shown!r})"

    def open_memory(self, settings: MemoryConfig, *, scale: Scale, key: bytes) -> MessageMemory:
        """Return the memory on this server.

        Raises:
            MissingExtraError: The library for it is not installed.
            ConfigurationError: The URL or a setting is wrong. Nothing is dialled yet.
        """
        if settings.store == "redis":
            from hybridllm.classify.memory_redis import RedisMemory

            return RedisMemory(
                self.url,
                networks=self.networks,
                shown=self.shown,
                scale=scale,
                key=key,
                max_entries=settings.max_entries,
                max_age_s=settings.max_age_days * _DAY_S,
            )
        from hybridllm.classify.memory_postgres import PostgresMemory
        from hybridllm.classify.postgres import PostgresServer

        return PostgresMemory(
            PostgresServer(self.url, networks=self.networks, shown=self.shown),
            scale=scale,
            key=key,
            max_entries=settings.max_entries,
            max_age_s=settings.max_age_days * _DAY_S,
        )


def shared_store(sources: Sources, *, environment: Mapping[str, str] | None) -> SharedStore | None:
    """Return the server that the memory's settings name; `None` if they name none.

    Args:
        sources: All files of the configuration.
        environment: Where its URL is looked up; `None` to check the settings only.

    Raises:
        ConfigurationError: A setting is missing or contradicts another.
    """
    settings, file = sources.organisation.detection.memory, sources.shown
    if settings.store in {"sqlite", "volatile"}:
        for name in ("url_env", "networks"):
            if getattr(settings, name):
                raise _wrong(name, _contradiction(settings), file=file)
        return None
    if not settings.persistent:
        raise _wrong("persistent", _contradiction(settings), file=file)
    if settings.url_env is None:
        message = "is missing; it names the variable that holds the server's URL"
        raise _wrong("url_env", message, file=file)
    if sources.organisation.state.key_env is None:
        raise ConfigurationError(
            "is missing: machines that share a memory share the key of its digests",
            file=file,
            key="state.key_env",
        )
    networks = _declared(settings, file=file)
    if environment is None:
        return None
    url = environment.get(settings.url_env, "")
    if not url:
        raise _wrong("url_env", f"the variable {settings.url_env} is not set", file=file)
    return SharedStore(url, networks, f"{_KEY}.url_env")


def _declared(settings: MemoryConfig, *, file: str) -> DeclaredNetworks:
    if not settings.networks:
        message = 'is missing. The server is refused outside of these, such as ["10.20.0.0/16"]'
        raise _wrong("networks", message, file=file)
    for position, network in enumerate(settings.networks):
        key = f"networks[{position}]"
        try:
            declared = DeclaredNetworks.of(_KEY, networks=[network])
        except ValueError:
            message = f"is {network!r}; expected such as '10.20.0.0/16'"
            raise _wrong(key, message, file=file) from None
        if not declared.is_private:
            message = f"is {network!r}, which holds public addresses; write single ones as /32"
            raise _wrong(key, message, file=file)
    return DeclaredNetworks.of(_KEY, networks=settings.networks, role="store")


def _contradiction(settings: MemoryConfig) -> str:
    return f"contradicts store = {settings.store!r}; remove one of them"


def _wrong(name: str, message: str, *, file: str) -> ConfigurationError:
    return ConfigurationError(message, file=file, key=f"{_KEY}.{name}")
