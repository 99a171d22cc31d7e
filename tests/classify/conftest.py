"""Memories on real servers; skipped, with a reason, where a server or its library is missing."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from tests.support import postgres
from tests.support.memory_servers import made, require_library, running_redis


@pytest.fixture(scope="module")
def redis_url():
    require_library("redis")
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    with running_redis() as url:
        yield url


@pytest.fixture(scope="module")
def postgresql_url():
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.running_postgres() as url:
        yield f"{url}/postgres"


@pytest.fixture
def redis(redis_url):
    import redis

    with closing(redis.Redis.from_url(redis_url)) as client:
        client.flushall()
        client.config_set("maxmemory-policy", "noeviction")
        yield client


@pytest.fixture
def database(postgresql_url):
    import psycopg

    with closing(psycopg.connect(postgresql_url, autocommit=True)) as connection:
        connection.execute("DROP TABLE IF EXISTS hybridllm_memory, hybridllm_memory_setting")
        yield connection


@pytest.fixture(params=["redis", "postgresql"])
def url(request):
    """The URL of an empty server of each kind."""
    request.getfixturevalue({"redis": "redis", "postgresql": "database"}[request.param])
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def opened(url):
    memories = []

    def open_one(at=url, **settings):
        memories.append(made(at, **settings))
        return memories[-1]

    yield open_one
    for memory in memories:
        memory.close()


@pytest.fixture(params=["redis", "postgresql"])
def kind(request):
    require_library(request.param)
    return request.param
