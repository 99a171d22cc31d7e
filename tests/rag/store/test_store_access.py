"""Who may find what: nobody finds more, and nobody finds less."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.labels import Label, Level, Scale
from hybridllm.rag.model import Access, Grant, Query
from hybridllm.rag.sqlite import SqliteStore
from hybridllm.rag.tokens import document_tokens, query_tokens
from tests.rag.store.documents import (
    CONFIDENTIAL,
    EVERYBODY,
    INTERNAL,
    PUBLIC,
    SCALE,
    access,
    document,
    fill,
    names,
    passages,
    search,
    store_in,
)

WORDS = ["oil", "pump", "valve", "契約", "潤滑油", "監査"]
READERS = ["public", "user:ann", "user:bob", "group:legal"]
DEPARTMENTS = ["sales", "legal"]

labels = st.builds(
    Label, st.sampled_from(SCALE.levels), st.frozensets(st.sampled_from(["customer", "personal"]))
)
grants = st.builds(
    Grant,
    labels,
    st.frozensets(st.sampled_from(READERS)),
    st.frozensets(st.sampled_from(DEPARTMENTS)),
)
accesses = st.builds(
    Access,
    labels,
    st.frozensets(st.sampled_from(READERS[1:])),
    st.sampled_from(DEPARTMENTS),
    st.none() | labels,
)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map("。 ".join)


def bm25(query: str, corpus: dict[str, str]) -> dict[str, float]:
    """Return the scores of the texts that hold a word, as the textbook computes them."""
    counted = {name: Counter(document_tokens(text)) for name, text in corpus.items()}
    mean = sum(words.total() for words in counted.values()) / max(len(counted), 1)
    scores = dict.fromkeys(corpus, 0.0)
    for token in query_tokens(query):
        having = sum(token in words for words in counted.values())
        idf = math.log(1 + (len(counted) - having + 0.5) / (having + 0.5))
        for name, words in counted.items():
            norm = 1.2 * (1 - 0.75 + 0.75 * words.total() / mean)
            scores[name] += idf * words[token] * 2.2 / (words[token] + norm)
    return {name: score for name, score in scores.items() if score > 0}


@settings(max_examples=60)
@given(st.lists(st.tuples(texts, grants), max_size=12), st.lists(accesses, min_size=1), texts)
def test_a_search_finds_all_that_is_allowed_and_nothing_else(contents, askers, question):
    """Whoever asks gets exactly his documents, in the order of a search over them alone."""
    with tempfile.TemporaryDirectory() as folder:
        store = store_in(Path(folder))
        with store.begin_sync("files") as run:
            for number, (text, grant) in enumerate(contents):
                item = document(
                    str(number),
                    text=text,
                    label=grant.label,
                    readers=grant.readers,
                    departments=grant.departments,
                )
                run.put(item, passages=passages(item, texts=[text]), vectors=None)
            run.commit()

        for asker in askers:
            allowed = {
                str(i): text for i, (text, grant) in enumerate(contents) if asker.covers(grant)
            }
            expected = bm25(question, allowed)
            found = search(store, question, by=asker, k=100)

            assert set(expected) == set(names(found))
            top = max(expected.values(), default=1.0)
            assert [pytest.approx(expected[name] / top, abs=1e-5) for name in names(found)] == [
                hit.score for hit in found
            ]
        store.close()


def test_forbidden_documents_change_no_score_of_the_permitted_ones(store):
    """Nobody can tell from his results what else is in the store."""
    open_texts = {"a": "the pump needs oil", "b": "oil and oil again", "c": "a valve"}
    fill(store, open_texts)
    before = search(store, "oil pump", by=access(PUBLIC))
    with store.begin_sync("secret") as run:
        for number in range(50):
            item = document(str(number), text="oil " * number, source="secret", label=CONFIDENTIAL)
            run.put(item, passages=passages(item, texts=["oil pump " * number]), vectors=None)
        run.commit()

    after = search(store, "oil pump", by=access(PUBLIC))

    assert before == after


def test_a_document_without_readers_is_found_by_nobody(store):
    """Forgetting to say who may read something does not open it."""
    fill(store, {"a": "oil"}, readers=frozenset())

    assert [] == search(store, "oil", by=access(readers=["user:ann", "public"]))


def test_a_level_that_the_scale_lost_counts_as_the_strictest(tmp_path):
    """Renaming a level in the configuration closes its documents, it never opens them."""
    store = store_in(tmp_path)
    fill(store, {"a": "oil"}, label=INTERNAL)
    store.close()
    renamed = Scale.of(["public", "restricted", "confidential"], compartments=["customer"])
    store = SqliteStore(tmp_path / "store.db", scale=renamed)

    below = search(store, "oil", by=access(renamed.label("confidential")))
    found = search(store, "oil", by=access(renamed.strictest))

    assert [] == below
    assert [renamed.strictest] == [hit.label for hit in found]
    store.close()


def test_a_forged_rank_is_not_believed(store):
    """The level of a document is its name's place on the scale, whatever an object says."""
    forged = Label(Level(0, "confidential"))
    fill(store, {"a": "oil"}, label=forged)

    assert [] == search(store, "oil", by=access(INTERNAL))


def test_a_grant_that_was_swapped_in_the_file_is_noticed(tmp_path):
    """A damaged row doesn't hand a document to another one's readers."""
    store = store_in(tmp_path)
    fill(store, {"a": "oil"}, label=CONFIDENTIAL)
    with store.begin_sync("other") as run:
        item = document("b", text="oil", source="other")
        run.put(item, passages=passages(item, texts=["oil"]), vectors=None)
        run.commit()
    store.close()
    with sqlite3.connect(tmp_path / "store.db") as raw:
        raw.execute("UPDATE document SET access_grant = (SELECT max(id) FROM access_grant)")
    raw.close()
    store = store_in(tmp_path)

    with pytest.raises(Exception, match="damaged"):
        search(store, "oil", by=access(PUBLIC))
    store.close()


def test_a_search_without_access_is_refused(store):
    """There is no default for who asks, and nothing that only looks like an access counts."""
    fill(store, {"a": "oil"})

    class Everything(Access):
        def covers(self, grant):
            return True

    with pytest.raises(TypeError, match="access"):
        store.search(Query("oil"), k=1)
    with pytest.raises(TypeError, match="Access"):
        store.search(Query("oil"), access=None, k=1)
    with pytest.raises(TypeError, match="Access"):
        store.search(Query("oil"), access=Everything(PUBLIC, EVERYBODY, "sales"), k=1)


def test_a_changed_grant_is_in_force_at_the_next_search(store):
    """Taking a permission away needs no new reading of the document."""
    (item,) = fill(store, {"a": "oil"})
    before = names(search(store, "oil"))

    is_there = store.set_grant(item.id, grant=Grant(PUBLIC, frozenset({"user:ann"})))
    missing = store.set_grant("files/none", grant=Grant(PUBLIC, EVERYBODY))

    assert ["a"] == before
    assert is_there
    assert not missing
    assert [] == search(store, "oil", by=access(readers=["user:bob"]))
    assert ["a"] == names(search(store, "oil", by=access(readers=["user:ann"])))


def test_readers_are_a_set_and_not_one_name(store):
    """A bare name would be read as the set of its letters."""
    item = document("a", text="oil", readers="user:ann")

    with store.begin_sync("files") as run, pytest.raises(TypeError, match="frozensets"):
        run.put(item, passages=passages(item, texts=["oil"]), vectors=None)


def test_a_ceiling_says_that_it_hides_something_only_if_it_does(store):
    """A cloud-bound request learns that more is there, neither what nor how much."""
    fill(store, {"a": "oil"}, label=INTERNAL)
    capped = access(INTERNAL, ceiling=PUBLIC)

    assert [] == search(store, "oil", by=capped)
    assert store.withholds(access=capped)
    assert not store.withholds(access=access(INTERNAL))
    assert not store.withholds(access=access(INTERNAL, ceiling=INTERNAL))
    assert not store.withholds(access=access(PUBLIC, ceiling=PUBLIC))


def test_neighbours_need_access_too(store):
    """A place alone, taken from an old answer, opens no text."""
    item = document("a", text="x", label=INTERNAL)
    three = passages(item, texts=["one", "two", "three"])
    with store.begin_sync("files") as run:
        run.put(item, passages=three, vectors=None)
        run.commit()
    span = three[1].span

    seen = store.neighbours(span, access=access(INTERNAL), before=5, after=5)
    hidden = store.neighbours(span, access=access(PUBLIC), before=5, after=5)

    assert [three[0], three[2]] == seen
    assert [] == hidden
    assert [three[2]] == store.neighbours(span, access=access(), before=0, after=1)
