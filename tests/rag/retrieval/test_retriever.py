"""From a question to the passages that a model reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridllm.rag.joining import joined, touches
from hybridllm.rag.model import Passage, Span
from hybridllm.rag.retrieval import RetrievalSettings, Retriever, estimated_tokens
from tests.rag.store.documents import (
    CONFIDENTIAL,
    INTERNAL,
    PUBLIC,
    access,
    document,
    fill,
    names,
    passages,
)

ALONE = RetrievalSettings(neighbours=0)


def put(store, texts, **grant):
    """Read documents of several passages in, one source for each."""
    for name, parts in texts.items():
        item = document("file", text="".join(parts), source=name, **grant)
        with store.begin_sync(name) as run:
            run.put(item, passages=passages(item, texts=parts), vectors=None)
            run.commit()


def texts(retrieved):
    """Return what the model would read."""
    return [hit.passage.text for hit in retrieved.hits]


class Reverse:
    """A reranker that likes the last passage best."""

    def rerank(self, question, *, passages):
        """Return rising scores."""
        self.asked = question, list(passages)
        return range(len(passages))


def test_the_label_of_the_result_is_that_of_all_its_passages(store):
    """One confidential passage makes the whole context confidential."""
    put(store, {"a": ["oil one"]})
    put(store, {"b": ["oil two"]}, label=INTERNAL)
    put(store, {"c": ["oil three"]}, label=CONFIDENTIAL)
    retriever = Retriever(store, settings=ALONE)

    low = retriever.retrieve("oil", access=access(INTERNAL))
    high = retriever.retrieve("oil", access=access(CONFIDENTIAL))
    none = retriever.retrieve("zebra", access=access(CONFIDENTIAL))

    assert (INTERNAL, CONFIDENTIAL, None) == (low.label, high.label, none.label)


def test_a_cloud_bound_question_learns_that_something_was_withheld(store):
    """The answer can say "there is more that I may not use here"."""
    put(store, {"a": ["oil one"]})
    put(store, {"b": ["oil two"]}, label=INTERNAL)
    retriever = Retriever(store)

    capped = retriever.retrieve("oil", access=access(INTERNAL, ceiling=PUBLIC))

    assert ["oil one"] == texts(capped)
    assert capped.withheld
    assert PUBLIC == capped.label


def test_a_passage_is_read_with_what_stands_around_it(store):
    """The sentence before and after explain what was found."""
    put(store, {"a": ["First. ", "The oil. ", "Third. ", "Fourth."], "b": ["else"]})

    (hit,) = Retriever(store).retrieve("oil", access=access()).hits

    assert "First. The oil. Third. " == hit.passage.text
    assert (0, len(hit.passage.text)) == (hit.passage.span.start, hit.passage.span.end)


def test_passages_that_touch_are_read_as_one(store):
    """Nothing stands twice in the context."""
    put(store, {"a": ["oil one. ", "oil two. ", "oil three. "], "b": ["else"]})

    retrieved = Retriever(store).retrieve("oil", access=access())

    assert ["oil one. oil two. oil three. "] == texts(retrieved)


def test_no_document_fills_the_context(store):
    """A planted document with the question in each of its passages leaves room for others."""
    put(store, {"planted": [f"oil pump oil pump {n}" for n in range(20)]})
    put(store, {"a": ["an oil for winter"], "b": ["the pump is here"]})
    settings = RetrievalSettings(neighbours=0, passages=5, passages_per_document=2)

    retrieved = Retriever(store, settings=settings).retrieve("oil pump", access=access())
    sources = {hit.passage.span.document.split("/")[0] for hit in retrieved.hits}

    assert {"a", "b", "planted"} == sources
    assert 2 == sum(text.count("oil pump oil pump") for text in texts(retrieved))


def test_a_single_document_may_fill_the_context(store):
    """Where there is only one document, all of it may be read."""
    put(store, {"only": ["oil one", "valve", "oil two", "pump", "oil three"]})
    settings = RetrievalSettings(neighbours=0, passages_per_document=1)

    retrieved = Retriever(store, settings=settings).retrieve("oil", access=access())

    assert 3 == len(retrieved.hits)


def test_the_same_text_is_read_once(store):
    """Ten copies of one memo are one passage of the context."""
    put(store, {f"copy{n}": ["the oil is changed on Monday"] for n in range(5)})
    put(store, {"other": ["oil"]})

    retrieved = Retriever(store, settings=ALONE).retrieve("oil changed", access=access())

    assert ["the oil is changed on Monday"] == texts(retrieved)[:1]
    assert 1 == sum("Monday" in text for text in texts(retrieved))


def test_unlike_passages_come_before_like_ones(store):
    """The second passage adds something to the first."""
    first, like, unlike = "oil valve seal", "oil valve seal ring", "oil in winter snow storm"
    put(store, {"a": [first], "b": [like], "c": [unlike]})
    diverse = Retriever(store, settings=replace(ALONE, passages=2, diversity=1.0))
    plain = Retriever(store, settings=replace(ALONE, passages=2, diversity=0.0))

    assert [first, unlike] == texts(diverse.retrieve("oil", access=access()))
    assert [first, like] == texts(plain.retrieve("oil", access=access()))


@pytest.mark.parametrize("budget", [1, 5, 20, 60, 200])
def test_the_context_stays_within_its_budget(store, budget):
    """However much is found, the model's window is not overrun."""
    put(store, {f"d{n}": [f"oil {n} " * 6, f"潤滑油{n}" * 5, f"pump {n} " * 6] for n in range(6)})
    settings = RetrievalSettings(context_tokens=budget)

    retrieved = Retriever(store, settings=settings).retrieve("oil 潤滑油", access=access())

    assert retrieved.hits
    assert sum(map(estimated_tokens, texts(retrieved))) <= budget


def test_a_reranker_has_the_last_word(store):
    """A better judge of answers decides the order."""
    fill(store, {"a": "oil oil", "b": "oil", "c": "oil and more oil or less"})
    reranker = Reverse()

    plain = Retriever(store, settings=ALONE).retrieve("oil", access=access())
    ranked = Retriever(store, reranker=reranker, settings=ALONE).retrieve("oil", access=access())

    assert names(plain.hits)[-1] == names(ranked.hits)[0]
    assert 1.0 == ranked.hits[0].score
    assert ("oil", 3) == (reranker.asked[0], len(reranker.asked[1]))


def test_a_reranker_sees_only_what_the_asker_may_see(store):
    """Reranking is egress too: forbidden passages do not go there."""
    put(store, {"a": ["oil secret"]}, label=CONFIDENTIAL)
    put(store, {"b": ["oil open"]})
    reranker = Reverse()

    Retriever(store, reranker=reranker).retrieve("oil", access=access(PUBLIC))

    assert ["oil open"] == reranker.asked[1]


@pytest.mark.parametrize("scores", [[1.0], [1.0, float("nan")]])
def test_a_broken_reranker_is_an_error(store, scores):
    """Scores that cannot be ranked are not guessed at."""
    fill(store, {"a": "oil", "b": "oil pump"})

    class Broken:
        def rerank(self, question, *, passages):
            return scores

    with pytest.raises(ValueError, match="reranker"):
        Retriever(store, reranker=Broken()).retrieve("oil", access=access())


def test_an_embedder_must_fit_the_store(store):
    """Vectors of another length are refused at the start."""

    class Other:
        name, dimensions = "other", 3

    with pytest.raises(ValueError, match="embedder"):
        Retriever(store, embedder=Other())


def test_an_empty_question_finds_nothing_and_is_not_embedded(store):
    """Nothing was asked, so nothing is sent anywhere."""
    fill(store, {"a": "oil"})

    retrieved = Retriever(store).retrieve("  ", access=access())

    assert ((), None, False) == (retrieved.hits, retrieved.label, retrieved.withheld)


@pytest.mark.parametrize(
    "wrong", [{"candidates": 0}, {"neighbours": -1}, {"diversity": 1.1}, {"context_tokens": 0}]
)
def test_settings_out_of_range_are_refused(wrong):
    """A configuration error stops the start."""
    with pytest.raises(ValueError, match="range"):
        RetrievalSettings(**wrong)


def piece(text, start, **changes):
    """Return a passage that stands at an offset."""
    span = Span("d", "v", start, start + len(text), 1, ("A", "B"))
    return Passage(text, replace(span, **changes))


def test_overlapping_passages_are_joined_without_repeating():
    """Chunks that overlap give the document's own text back."""
    both = joined(piece("one two ", 0), other=piece("two three", 4))

    assert ("one two three", 0, 13) == (both.text, both.span.start, both.span.end)
    assert both == joined(piece("two three", 4), other=piece("one two ", 0))


def test_passages_with_a_gap_get_a_line_break():
    """Text that was left out between two passages is not hidden."""
    apart = joined(piece("one", 0), other=piece("two", 10, headings=("A", "C")))

    assert ("one\ntwo", ("A",)) == (apart.text, apart.span.headings)
    assert not touches(piece("one", 0), other=piece("two", 10))
    assert not touches(piece("one", 0), other=piece("two", 3, version="w"))
    assert touches(piece("one", 0), other=piece("two", 3))


def test_tokens_are_estimated_on_the_safe_side():
    """A Japanese character counts as a token, four Latin ones as one."""
    assert (0, 1, 2, 4) == tuple(map(estimated_tokens, ("", "oil", "lubricat", "潤滑油。")))
