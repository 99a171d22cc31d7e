"""The store in PostgreSQL: as strict and as exact as the one in a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridllm.errors import ConfigurationError, StoreError
from hybridllm.labels import Scale
from hybridllm.rag.model import Query
from hybridllm.rag.store import EraseLevel
from tests.rag.store.documents import (
    CONFIDENTIAL,
    INTERNAL,
    PUBLIC,
    access,
    document,
    fill,
    names,
    passages,
    search,
    store_in,
)
from tests.rag.store.test_store_access import accesses, grants, texts

vectors = st.tuples(*[st.integers(-3, 3).map(float)] * 4)


@pytest.fixture
def server(make_postgres):
    """A store with vectors."""
    return make_postgres(dimensions=4)


def put_all(store, contents):
    """Read documents with vectors in, in place of what was there before."""
    with store.begin_sync("files") as run:
        for number, (text, vector, grant) in enumerate(contents):
            item = document(
                str(number),
                text=text,
                label=grant.label,
                readers=grant.readers,
                departments=grant.departments,
                trust=(number % 3 + 1) / 3,
            )
            run.put(item, passages=passages(item, texts=[text]), vectors=[vector])
        run.commit()


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(st.tuples(texts, vectors, grants), max_size=8), accesses, texts, st.none() | vectors
)
def test_both_stores_find_the_same(server, contents, asker, question, vector):
    """Whichever store is configured, the answer is the same."""
    with tempfile.TemporaryDirectory() as folder:
        file = store_in(Path(folder), dimensions=4)
        for store in (file, server):
            put_all(store, contents)
        query = Query(question, vector, (("pump", 0.5),))

        expected = file.search(query, access=asker, k=20)
        found = server.search(query, access=asker, k=20)
        withheld = [store.withholds(access=asker) for store in (file, server)]
        file.close()

    def by_name(hits):
        return {
            name: (
                hit.label,
                hit.title,
                pytest.approx(hit.score, abs=1e-4),
                pytest.approx(hit.coverage, abs=1e-4),
                None if hit.cosine is None else pytest.approx(hit.cosine, abs=1e-4),
            )
            for name, hit in zip(names(hits), hits, strict=True)
        }

    assert by_name(expected) == {
        name: (*values[:2], *(getattr(value, "expected", value) for value in values[2:]))
        for name, values in by_name(found).items()
    }
    assert withheld[0] == withheld[1]


def test_a_query_that_forgot_to_ask_for_whom_sees_no_row(make_postgres):
    """A bug in the program opens nothing: the server itself shows no document and no passage."""
    import psycopg

    store = make_postgres()
    fill(store, {"a": "oil"})
    fill_again = "rag_document rag_passage rag_posting rag_kept".split()

    with psycopg.connect(store.url) as connection:
        seen = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in fill_again]
        connection.execute("SELECT set_config('hybridllm.grants', '', true)")
        empty = [connection.execute(f"SELECT * FROM {table}").fetchall() for table in fill_again]
        changed = connection.execute("UPDATE rag_document SET trust = 1").rowcount
        deleted = connection.execute("DELETE FROM rag_passage").rowcount
        connection.execute("SELECT set_config('hybridllm.grants', '1,2,3', true)")
        asked = connection.execute("SELECT text FROM rag_passage").fetchall()

    assert [[]] * 4 == seen == empty
    assert (0, 0) == (changed, deleted)
    assert [("oil",)] == asked


def test_a_role_that_ignores_the_policies_is_refused(make_postgres):
    """A superuser would see everything whatever the policies say; that is said at the start."""
    with pytest.raises(ConfigurationError, match="not bound by row-level security"):
        make_postgres(role="tester")


def test_a_second_machine_sees_the_commit_of_the_first(make_postgres):
    """All machines of a company answer from the same documents."""
    one = make_postgres(schema="shared")
    other = make_postgres(schema="shared")
    fill(one, {"a": "oil"}, label=INTERNAL)

    assert ["a"] == names(search(other, "oil"))
    assert [] == search(other, "oil", by=access(PUBLIC))


@pytest.mark.parametrize("options", [{"dimensions": 8}, {"embedder": "other"}])
def test_another_embedder_is_refused_by_the_server_too(make_postgres, options):
    """Vectors of two models can't be compared; that is said at the start."""
    schema = f"kept_{next(iter(options))}"
    make_postgres(schema=schema, dimensions=4, embedder="e5")

    with pytest.raises(ConfigurationError, match="build it anew"):
        make_postgres(schema=schema, **options)


def test_erasing_on_a_server_promises_no_more_than_it_does(make_postgres):
    """The server's files and its log keep bytes for a while; the receipt doesn't hide that."""
    store = make_postgres()
    fill(store, {"a": "oil"})

    receipt = store.erase(["files/a"])

    assert EraseLevel.HIDDEN == receipt.level == store.capabilities.erase_level
    assert [] == search(store, "oil")


def test_a_lost_level_is_the_strictest_on_a_server_too(make_postgres):
    """Renaming a level closes its documents there as well."""
    fill(make_postgres(schema="renamed"), {"a": "oil"}, label=INTERNAL)
    renamed = Scale.of(["public", "restricted", "confidential"], compartments=["customer"])
    store = make_postgres(schema="renamed", scale=renamed)

    assert [] == search(store, "oil", by=access(renamed.label("confidential")))
    assert ["a"] == names(search(store, "oil", by=access(renamed.strictest)))


def test_an_error_of_the_server_holds_no_content(make_postgres):
    """What PostgreSQL says of a failed statement may quote it; we don't."""
    store = make_postgres()
    fill(store, {"a": "oil"}, label=CONFIDENTIAL)
    with store._connections.writing() as connection:
        connection.execute("DROP TABLE rag_posting")

    with pytest.raises(StoreError, match=r"PostgreSQL failed \(42P01\)") as caught:
        search(store, "very secret question")

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_question_of_common_words_alone_is_still_answered(make_postgres, monkeypatch):
    """Words that are everywhere are passed over, unless there is nothing else to go by."""
    from hybridllm.rag.postgres import store as module

    monkeypatch.setattr(module, "COMMON", 3)
    store = make_postgres()
    fill(store, {**{str(number): "oil" for number in range(6)}, "rare": "oil zebra"})

    assert ["rare"] == names(search(store, "oil zebra"))
    assert 7 == len(search(store, "oil"))
    assert 7 == len(search(store, "oil unheardof"))
