"""In which order passages come, and with which scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.rag.corpus import Corpus, StoredDocument
from hybridllm.rag.lexical import DocumentTerms
from hybridllm.rag.model import Query
from hybridllm.rag.ranking import unit_vector
from tests.rag.store.documents import (
    PUBLIC,
    access,
    document,
    fill,
    names,
    passages,
    search,
    store_in,
)

TEXTS = {"a": "oil and pump", "b": "oil", "c": "valve"}
VECTORS = {"a": (1.0, 0.0, 0.0, 0.0), "b": (0.6, 0.8, 0.0, 0.0), "c": (0.0, 1.0, 0.0, 0.0)}


@pytest.fixture
def mixed(tmp_path):
    """A store of three passages with vectors."""
    store = store_in(tmp_path, dimensions=4)
    with store.begin_sync("files") as run:
        for name, text in TEXTS.items():
            item = document(name, text=text)
            run.put(item, passages=passages(item, texts=[text]), vectors=[VECTORS[name]])
        run.commit()
    yield store
    store.close()


def scores(hits):
    """Return the scores by name of the document."""
    return {
        name: pytest.approx(hit.score, abs=1e-6)
        for name, hit in zip(names(hits), hits, strict=True)
    }


def test_meaning_alone_ranks_by_cosine(mixed):
    """A question without a word in common is answered by likeness of meaning."""
    hits = mixed.search(Query("", (2.0, 0.0, 0.0, 0.0)), access=access(), k=3)

    assert ["a", "b", "c"] == names(hits)
    assert [1.0, 0.6, 0.0] == [pytest.approx(hit.cosine, abs=1e-6) for hit in hits]
    assert [1.0, 0.6, 0.0] == [pytest.approx(hit.score, abs=1e-6) for hit in hits]


def test_meaning_and_words_count_half_each(mixed):
    """Both scores are brought to 0 to 1 and mixed."""
    words = scores(search(mixed, "valve oil"))
    both = mixed.search(Query("valve oil", (2.0, 0.0, 0.0, 0.0)), access=access(), k=3)

    expected = {"a": 0.5 + 0.5 * words["a"].expected, "c": 0.5 * words["c"].expected}

    assert expected == {name: score for name, score in scores(both).items() if name != "b"}


def test_the_best_k_are_the_first_of_all(mixed):
    """Asking for fewer passages doesn't change which ones are best."""
    every = mixed.search(Query("oil", (0.0, 1.0, 0.0, 0.0)), access=access(), k=10)

    for k in range(5):
        assert every[:k] == mixed.search(Query("oil", (0.0, 1.0, 0.0, 0.0)), access=access(), k=k)


def test_equal_passages_come_in_the_order_they_were_read_in(store):
    """The same question gives the same order each time."""
    fill(store, {str(number): "oil" for number in range(20)})

    assert [str(number) for number in range(5)] == names(search(store, "oil", k=5))


def test_a_less_trusted_document_comes_later(store):
    """Of two passages that say the same, the one from the better source is read first."""
    low = document("low", text="oil", trust=0.4)
    high = document("high", text="oil", trust=0.9)
    with store.begin_sync("files") as run:
        for item in (low, high):
            run.put(item, passages=passages(item, texts=["oil"]), vectors=None)
        run.commit()

    hits = search(store, "oil")

    assert ["high", "low"] == names(hits)
    assert [pytest.approx(0.9), pytest.approx(0.4)] == [hit.score for hit in hits]


def test_synonyms_find_documents_and_count_less(store):
    """A word of the glossary finds what the question's own word does not, but comes later."""
    fill(store, {"own": "lubricant", "other": "grease", "none": "valve"})

    plain = names(store.search(Query("lubricant"), access=access(), k=5))
    query = Query("lubricant", expansions=(("grease", 0.5),))
    hits = store.search(query, access=access(), k=5)

    assert ["own"] == plain
    assert {"own": 1.0, "other": 0.5} == scores(hits)
    assert [1.0, 0.0] == [hit.coverage for hit in hits]


@pytest.mark.parametrize("weight", [0, -1, 1.5, float("nan")])
def test_a_weight_out_of_range_is_refused(store, weight):
    """A mistake in a glossary cannot turn the ranking around."""
    with pytest.raises(ValueError, match="weight"):
        store.search(Query("oil", expansions=(("grease", weight),)), access=access(), k=1)


def test_coverage_says_how_much_of_the_question_is_there(store):
    """A passage that holds one rare word of two covers half of what was asked."""
    fill(store, {"both": "oil pump", "one": "oil", "other": "valve valve"})

    hits = search(store, "oil pump unheardof")
    covered = dict(zip(names(hits), (hit.coverage for hit in hits), strict=True))

    assert 0 < covered["one"] < covered["both"] < 1
    assert [1.0] == [hit.coverage for hit in search(store, "valve")]


@pytest.mark.parametrize("vector", [(1.0,), (float("inf"), 0.0, 0.0, 0.0), ("x",) * 4])
def test_a_wrong_vector_is_refused(mixed, vector):
    """A question that was embedded by another model finds an error and no nonsense."""
    with pytest.raises(ValueError, match=r"."):
        mixed.search(Query("oil", vector), access=access(), k=1)


def test_very_large_and_very_small_vectors_keep_their_direction():
    """The length of a vector doesn't matter."""
    for factor in (1e-300, 1e-30, 1.0, 1e30, 1e300):
        unit = unit_vector([3 * factor, 4 * factor], dimensions=2)

        assert [pytest.approx(0.6), pytest.approx(0.8)] == unit.tolist()
    assert [0.0, 0.0] == unit_vector([0, 0], dimensions=2).tolist()


def test_one_visible_passage_scores_one(mixed):
    """The only passage that there is, is the best there is."""
    mixed.erase(["files/b", "files/c"])

    (hit,) = mixed.search(Query("", (0.0, 1.0, 0.0, 0.0)), access=access(PUBLIC), k=3)

    assert 1.0 == hit.score


words = st.lists(st.sampled_from(["oil", "pump", "契約書", "valve"]), max_size=5).map(" ".join)
changes = st.lists(
    st.tuples(st.booleans(), st.integers(0, 7), st.lists(words, max_size=3)), max_size=12
)


def stored(number, texts):
    """Return a document as a store keeps it."""
    vectors = np.full((len(texts), 2), number, "<f4").tobytes()
    numbers = tuple(range(number * 100, number * 100 + len(texts)))
    return StoredDocument(number, numbers, vectors, DocumentTerms.of(texts).to_bytes())


@given(changes)
def test_a_corpus_that_grew_is_as_one_that_was_built_at_once(steps):
    """Taking changes in one by one gives the same as reading everything anew."""
    there, corpus = {}, Corpus.empty(dimensions=2)
    for is_added, number, texts in steps:
        removed = frozenset({number} & there.keys())
        there.pop(number, None)
        added = [stored(number, texts)] if is_added else []
        there.update({item.id: item for item in added})
        corpus = corpus.updated(added, removed=removed, new_passages=len(texts) * is_added)

    total = sum(len(item.passages) for item in there.values())
    anew = Corpus.empty(dimensions=2).updated(
        there.values(), removed=frozenset(), new_passages=total
    )

    assert anew.passages.tolist() == corpus.passages.tolist()
    assert anew.documents.tolist() == corpus.documents.tolist()
    assert anew.owners.tolist() == corpus.owners.tolist()
    assert anew.postings.tolist() == corpus.postings.tolist()
    assert anew.vectors.tolist() == corpus.vectors.tolist()
    assert anew.lengths.tolist() == corpus.lengths.tolist()
