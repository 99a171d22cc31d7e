"""Message memory on a server that is away, silent, elsewhere or wrong: a doubt, and soon."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import closing

import pytest

from hybridllm.errors import ConfigurationError, MissingExtraError, StoreError
from tests.support.memory_servers import (
    CONFIDENTIAL,
    ELSEWHERE,
    TEXT,
    URLS,
    made,
    require_library,
)


def test_connections_that_the_server_closed_are_replaced(opened, url, request):
    """A restart of the server, or a firewall that drops idle connections, stops no request."""
    memory = opened()
    memory.remember([TEXT], label=CONFIDENTIAL)
    if url.startswith("redis"):
        request.getfixturevalue("redis").execute_command("CLIENT", "KILL", "TYPE", "normal")
    else:
        request.getfixturevalue("database").execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'hybridllm'"
        )

    assert CONFIDENTIAL == memory.recall([TEXT])


def test_a_redis_that_evicts_is_an_error(redis, redis_url):
    """A cache that drops labels when it is full would open what was closed."""
    redis.config_set("maxmemory-policy", "allkeys-lru")
    memory = made(redis_url)

    with pytest.raises(StoreError, match="noeviction"):
        memory.recall([TEXT])
    memory.close()


def test_a_redis_that_was_emptied_is_an_error(redis, redis_url):
    """Labels that vanished are a doubt, and not an answer."""
    memory = made(redis_url)
    memory.remember([TEXT], label=CONFIDENTIAL)
    redis.flushall()

    with pytest.raises(StoreError, match="was emptied"):
        memory.recall([TEXT])
    memory.close()


def test_a_lock_in_postgresql_is_waited_for_in_vain(database, postgresql_url):
    """Another machine that never lets go cannot hang a request."""
    memory = made(postgresql_url, timeout_s=0.2)
    memory.remember([TEXT], label=CONFIDENTIAL)
    with database.transaction():
        database.execute("LOCK TABLE hybridllm_memory")

        with pytest.raises(StoreError, match=r"PostgreSQL failed \((55P03|57014)\)"):
            memory.remember([TEXT], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall([TEXT])
    memory.close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")
def test_a_server_that_hangs_is_given_up(opened, url):
    """A server that takes what is sent and says nothing cannot hang a request."""
    memory = opened(timeout_s=0.2)
    memory.remember([TEXT], label=CONFIDENTIAL)
    processes = _processes(memory, url)
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        start = time.monotonic()
        with pytest.raises(StoreError):
            memory.recall([TEXT])
        took = time.monotonic() - start
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)

    assert took < 3
    assert CONFIDENTIAL == opened().recall([TEXT])


def _processes(memory, url):
    if url.startswith("redis"):
        return [memory._client.info("server")["process_id"]]
    return [connection.info.backend_pid for connection in memory._idle]


def test_the_server_is_not_needed_to_start(kind):
    """A gateway starts while the server is away; each request is in doubt until it is back."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        memory = made(URLS[kind].format(port=taken.getsockname()[1]))
        start = time.monotonic()

        with pytest.raises(StoreError) as caught:
            memory.recall([TEXT])
        with pytest.raises(StoreError):
            memory.remember([TEXT], label=CONFIDENTIAL)

    assert time.monotonic() - start < 6
    assert "pass-phrase" not in f"{caught.value} {caught.value.__cause__} {memory!r}"
    memory.close()


def test_a_server_that_never_answers_is_given_up(kind):
    """Something that accepts connections and is silent cannot hang a request."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        memory = made(URLS[kind].format(port=silent.getsockname()[1]), timeout_s=0.2)
        start = time.monotonic()

        with pytest.raises(StoreError):
            memory.recall([TEXT])

    assert time.monotonic() - start < 5
    memory.close()


def test_a_server_outside_its_networks_is_not_dialled(kind):
    """A URL or a DNS answer that leads elsewhere sends no digest there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        url = URLS[kind].format(port=server.getsockname()[1]).replace("127.0.0.1", "localhost")
        memory = made(url, networks=ELSEWHERE)

        with pytest.raises(StoreError, match="outside its declared networks"):
            memory.recall([TEXT])
        with pytest.raises(BlockingIOError):
            server.accept()
    memory.close()


@pytest.mark.parametrize("limits", [{"max_entries": 0}, {"max_age_s": 0}, {"max_age_s": -1}])
def test_limits_that_keep_nothing_are_refused(kind, limits):
    """A memory that forgets at once would switch the guard off."""
    with pytest.raises(ConfigurationError, match="expected at least 1"):
        made(URLS[kind].format(port=1), **limits)


@pytest.mark.parametrize(
    "url",
    [
        "rediss://127.0.0.1/0?ssl_cert_reqs=none",
        "rediss://127.0.0.1/0?ssl_check_hostname=false",
        "redis://127.0.0.1/0?protocol=3",
        "postgresql://tester@127.0.0.1/a?hostaddr=192.0.2.1",
        "postgresql://tester@127.0.0.1,192.0.2.1/a",
        "postgresql://tester@127.0.0.1/a?service=elsewhere",
        "redis-or-so",
        "postgresql://tester:pass-phrase@[/a",
    ],
)
def test_a_url_that_loosens_something_is_refused(url):
    """The variable may name a server and a certificate, and nothing that unguards them."""
    require_library("redis" if url.startswith("redis") else "postgresql")

    with pytest.raises(ConfigurationError) as caught:
        made(url)

    assert "pass-phrase" not in str(caught.value)


@pytest.mark.parametrize(("kind", "module"), [("redis", "redis"), ("postgresql", "psycopg")])
def test_a_missing_library_is_named(monkeypatch, kind, module):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    extra = {"redis": "redis", "postgresql": "postgres"}[kind]

    with pytest.raises(MissingExtraError, match=rf"hybridllm\[{extra}\]"):
        made(URLS[kind].format(port=1))
