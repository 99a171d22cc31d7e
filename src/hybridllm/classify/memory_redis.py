"""A memory of labels in Redis, shared by several machines.

Answers: which label had this text when any of the machines last saw it?
Not here: what a text leaves behind (`fingerprint.digest`).

Only keyed digests and names of labels travel; all machines use one key. A digest is a
set of labels, read as their join, with a time to live; an index by time bounds their
number. Each change is one script, which Redis runs alone, so no order of writers lowers
a label. Times are the server's.

It is dialled when it is first asked, so that a client starts without it; what it cannot
answer is a doubt. A server that may evict keys is refused, since labels would be gone
without a word. One that was emptied is an error for the clients that knew it full. How
much a crash of the server loses is set there (`appendfsync`).

This module opens connections, so it stands among the exits of the import contract. The
host is resolved for each connection, all addresses are judged, and the judged one is
dialled; a certificate is checked against the name.
Source: https://redis.io/docs/latest/develop/programmability/eval-intro/.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from hybridllm.addresses import resolve
from hybridllm.classify.fingerprint.digest import Digester
from hybridllm.classify.memory import joined, label_named
from hybridllm.errors import AddressRefusedError, ConfigurationError, MissingExtraError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hybridllm.addresses import DeclaredNetworks
    from hybridllm.labels import Label, Scale

_Result = TypeVar("_Result")

# One hash slot for all keys, so that scripts may touch them in a cluster too.
_PREFIX: Final = b"{hybridllm:memory:1}:"
_INDEX: Final = _PREFIX + b"seen"
_CHECK: Final = _PREFIX + b"key"
_TIMEOUT_S: Final = 1.0
"""For a connection, and for each reply. Own choice: each request waits for it."""

_ALLOWED: Final = ("db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SCHEMES: Final = ("redis://", "rediss://", "unix://")

_REMEMBER: Final = """
local now = tonumber(redis.call('TIME')[1])
local age, most = tonumber(ARGV[2]), tonumber(ARGV[3])
for place = 3, #KEYS do
  redis.call('SADD', KEYS[place], ARGV[1])
  redis.call('EXPIRE', KEYS[place], math.ceil(age))
  redis.call('ZADD', KEYS[1], now, KEYS[place])
end
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - age - 1, 'LIMIT', 0, 1000)
for _, key in ipairs(old) do
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[1], key)
end
local excess = redis.call('ZCARD', KEYS[1]) - most
if excess > 0 then
  for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, excess - 1)) do
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[1], key)
  end
end
return redis.call('GET', KEYS[2])
"""
"""Keys: index, check, one for each digest. Arguments: label, age, most."""


class RedisMemory:
    """A memory in a Redis server; see `SqliteMemory`, whose rules it keeps.

    Args:
        url: Such as `rediss://user:password@host:6379/0`.
        networks: Where the server may be.
        shown: The setting that named it, for errors.
        scale: Where the stored names are looked up.
        key: 16 to 64 secret bytes, the same for all machines.
        max_entries: Texts and lines; beyond this, what was remembered longest ago is deleted.
        max_age_s: What was not remembered again for this long is deleted, in whole seconds.
        timeout_s: How long to wait for a connection or a reply before a `StoreError`.

    Raises:
        MissingExtraError: The extra `redis` is not installed.
        ConfigurationError: The URL is wrong.
    """

    def __init__(
        self,
        url: str,
        *,
        networks: DeclaredNetworks,
        shown: str,
        scale: Scale,
        key: bytes,
        max_entries: int = 1_000_000,
        max_age_s: float = 90 * 86_400,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        for name, value in (("max_entries", max_entries), ("max_age_s", max_age_s)):
            if not value >= 1:
                raise ConfigurationError(f"is {value}; expected at least 1", key=name)
        self._scale, self._digests, self._shown = scale, Digester(key), shown
        self._max_entries, self._max_age_s = max_entries, max_age_s
        self._closed = self._is_prepared = False
        self._driver, self._client = _client(
            url, networks=networks, shown=shown, timeout_s=timeout_s
        )

    def recall(self, texts: Iterable[str]) -> Label | None:
        """Return the join of the labels of all known texts, `None` if none is known."""
        keys = [_PREFIX + digest for digest in self._digests.to_recall(texts)]
        if not keys:
            return None

        def ask() -> list[Any]:
            batch = self._client.pipeline(transaction=False)
            batch.get(_CHECK)
            for key in keys:
                batch.smembers(key)
            replies: list[Any] = batch.execute()
            return replies

        check, *found = self._asked(ask)
        self._require_same(check)
        names = {name for members in found for name in members}
        return joined(self._label(name) for name in names)

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        """Add `label` to what is known of each text; the server has it on return."""
        keys = [_PREFIX + digest for digest in self._digests.to_remember(texts)]
        if not keys:
            return
        name = json.dumps([label.level.name, *sorted(label.compartments)])
        self._require_same(self._asked(lambda: self._stored(keys, name)))

    def forget(self, texts: Iterable[str]) -> None:
        """Delete all that is known of these texts and of their lines."""
        keys = [_PREFIX + digest for digest in self._digests.to_recall(texts)]

        def delete() -> None:
            batch = self._client.pipeline(transaction=True)
            for key in keys:
                batch.delete(key)
                batch.zrem(_INDEX, key)
            batch.execute()

        if keys:
            self._asked(delete)

    def close(self) -> None:
        """Close the connections. Calling it again does nothing."""
        self._closed = True
        self._client.close()

    def _stored(self, keys: list[bytes], name: str) -> Any:
        arguments = [name, self._max_age_s, self._max_entries]
        return self._client.eval(_REMEMBER, len(keys) + 2, _INDEX, _CHECK, *keys, *arguments)

    def _prepare(self) -> None:
        """Look at the server; two threads may do so at once."""
        policy = self._client.info("memory").get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise StoreError(
                f"{self._shown}: Redis evicts keys when its memory is full, and labels with "
                "them; set its maxmemory-policy to 'noeviction'"
            )
        self._client.set(_CHECK, self._digests.key_check, nx=True)
        if self._client.get(_CHECK) != self._digests.key_check:
            raise StoreError(
                f"{self._shown}: Redis was filled with another key, so nothing in it could be "
                "found. All machines need the same state.key_env"
            )
        self._is_prepared = True

    def _require_same(self, check: object) -> None:
        if check != self._digests.key_check:
            raise StoreError(
                f"{self._shown}: Redis was emptied, so nobody knows what was in the message "
                "memory; restart to begin anew"
            )

    def _asked(self, ask: Callable[[], _Result]) -> _Result:
        if self._closed:
            raise StoreError(f"{self._shown}: message memory is closed")
        try:
            if not self._is_prepared:
                self._prepare()
            return ask()
        except AddressRefusedError as error:
            raise StoreError(str(error)) from None
        except (self._driver.RedisError, OSError) as error:
            # What the server says may quote what it was sent.
            kind = type(error).__name__
            raise StoreError(f"{self._shown}: Redis failed ({kind})") from None

    def _label(self, name: bytes) -> Label:
        try:
            level, *compartments = json.loads(name)
        except ValueError:
            return self._scale.strictest
        return label_named(self._scale, level=level, compartments=json.dumps(compartments))


def _client(
    url: str, *, networks: DeclaredNetworks, shown: str, timeout_s: float
) -> tuple[Any, Any]:
    """Return the library and a client that dials judged addresses only."""
    try:
        import redis
    except ImportError:
        raise MissingExtraError(feature="Redis", extra="redis") from None
    if not url.startswith(_SCHEMES):
        raise ConfigurationError(
            "is no Redis URL; expected such as rediss://user:password@host:6379/0", key=shown
        )

    scheme = next(scheme for scheme in _SCHEMES if url.startswith(scheme))
    for name in parse_qs(urlsplit(url).query):
        if name not in _ALLOWED:
            # Others switch off the check of certificates, or change what is dialled.
            raise ConfigurationError(
                "sets an option other than those that are allowed: " + ", ".join(_ALLOWED),
                key=shown,
            )
    # Older releases of the library check the certificate's name only if they are told to.
    tls = {"ssl_check_hostname": True} if scheme == "rediss://" else {}
    try:
        pool = redis.ConnectionPool.from_url(
            url,
            # Connections do not try again by themselves: the time-outs would add up.
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # With the next protocol a server may send the client to another address.
            protocol=2,
            **tls,
        )
    except (redis.RedisError, ValueError, TypeError):
        raise ConfigurationError("is no Redis URL", key=shown) from None
    pool.connection_class = _connection_class(scheme, networks=networks)
    return redis, redis.Redis(connection_pool=pool)


def _connection_class(scheme: str, *, networks: DeclaredNetworks) -> Any:
    import redis

    if scheme == "unix://":
        return redis.UnixDomainSocketConnection

    class Pinned(redis.Connection):
        """Dials the address that was judged; the name stays for the certificate."""

        host: str

        def _connect(self) -> Any:
            name = self.host
            self.host = networks.judge(name, answers=resolve(name, port=int(self.port)))
            dial: Any = super()._connect
            try:
                return dial()
            finally:
                self.host = name

    class PinnedTls(redis.SSLConnection, Pinned):
        """The same below TLS."""

    return PinnedTls if scheme == "rediss://" else Pinned
