"""Reading a source again: the old version serves until the new one is complete."""

from __future__ import annotations

import pytest

from hybridllm.errors import StoreError
from hybridllm.rag.model import Grant
from tests.rag.store.documents import (
    CONFIDENTIAL,
    EVERYBODY,
    PUBLIC,
    access,
    document,
    fill,
    names,
    passages,
    search,
    store_in,
    vector,
)


def put(run, name, text, **changes):
    """Stage a document of one passage and return it."""
    item = document(name, text=text, **changes)
    run.put(item, passages=passages(item, texts=[text]), vectors=None)
    return item


def test_nothing_changes_before_the_commit(store):
    """While a folder is read in, searches find what they found before."""
    fill(store, {"a": "old oil", "b": "oil"})

    with store.begin_sync("files") as run:
        put(run, "a", "new valve")
        during = names(search(store, "oil")), names(search(store, "valve"))
        run.commit()

    assert (["b", "a"], []) == during
    assert ([], ["a"]) == (names(search(store, "oil")), names(search(store, "valve")))


def test_a_run_that_is_not_committed_changes_nothing(store):
    """A reading that fails half way leaves the last complete one."""
    fill(store, {"a": "oil"})

    def fail():
        with store.begin_sync("files") as run:
            put(run, "a", "valve")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert ["a"] == names(search(store, "oil"))
    assert [] == search(store, "valve")


def test_what_was_neither_put_nor_kept_is_gone(store):
    """A file that was deleted from the folder is not found any more."""
    items = fill(store, {"a": "oil", "b": "oil", "c": "oil"})

    with store.begin_sync("files") as run:
        run.keep(items[0])
        put(run, "b", "oil")
        run.commit()

    assert ["a", "b"] == sorted(names(search(store, "oil")))
    assert 2 == store.stats().documents


def test_sources_do_not_touch_each_other(store):
    """Reading one folder again leaves the documents of another where they are."""
    fill(store, {"a": "oil"})

    with store.begin_sync("mail") as run:
        put(run, "b", "oil", source="mail")
        run.commit()

    assert ["a", "b"] == sorted(names(search(store, "oil")))


def test_keep_takes_over_title_trust_and_readers(store):
    """A permission that changed at the source is in force after the next reading."""
    fill(store, {"a": "oil"})
    changed = document("a", text="oil", readers=frozenset({"user:ann"}), trust=0.5)

    with store.begin_sync("files") as run:
        run.keep(changed)
        before = names(search(store, "oil"))
        run.commit()
    (hit,) = search(store, "oil", by=access(readers=["user:ann"]))

    assert ["a"] == before
    assert [] == search(store, "oil")
    assert (0.5, changed.title) == (hit.score, hit.title)


def test_a_cut_off_reading_goes_on_where_it_stopped(store):
    """After a crash, documents that were embedded already are not embedded again."""
    with store.begin_sync("files") as run:
        item = put(run, "a", "oil")

    with store.begin_sync("files") as run:
        pending = run.pending
        run.keep(item)
        put(run, "b", "oil")
        run.commit()

    assert {item.id: item.version} == pending
    assert ["a", "b"] == sorted(names(search(store, "oil")))


def test_a_leftover_that_nobody_confirms_is_dropped(store):
    """A file that was deleted between a crash and the next reading does not come back."""
    with store.begin_sync("files") as run:
        put(run, "gone", "oil")

    with store.begin_sync("files") as run:
        put(run, "a", "oil")
        run.commit()
    with store.begin_sync("files") as run:
        pending = run.pending

    assert ["a"] == names(search(store, "oil"))
    assert {} == pending


def test_a_leftover_of_another_version_does_not_replace_what_is_kept(store):
    """A file that was changed and changed back is found as it is now."""
    (item,) = fill(store, {"a": "oil"})
    with store.begin_sync("files") as run:
        put(run, "a", "valve")

    with store.begin_sync("files") as run:
        run.keep(item)
        run.commit()

    assert ["a"] == names(search(store, "oil"))
    assert [] == search(store, "valve")


def test_the_last_word_on_a_document_counts(store):
    """Whether a document is kept first and put then, or the other way round, it is there once."""
    (item,) = fill(store, {"a": "oil"})

    with store.begin_sync("files") as run:
        run.keep(item)
        newer = put(run, "a", "valve")
        put(run, "a", "valve")
        run.keep(newer)
        run.commit()

    assert ["a"] == names(search(store, "valve"))
    assert 1 == store.stats().documents


def test_only_the_newest_run_of_a_source_may_write(store):
    """Two readings of one folder at the same time cannot mix their documents."""
    older, newer = store.begin_sync("files"), store.begin_sync("files")

    with pytest.raises(StoreError, match="another run"):
        put(older, "a", "oil")
    put(newer, "a", "oil")
    newer.commit()

    with pytest.raises(StoreError, match="another run"):
        older.commit()
    with pytest.raises(StoreError, match="over"):
        newer.commit()
    assert ["a"] == names(search(store, "oil"))


def test_a_run_knows_what_is_there(store):
    """A reader compares versions and reads only what has changed."""
    (item,) = fill(store, {"a": "oil"})

    with store.begin_sync("files") as run:
        before = run.current, run.pending
        newer = put(run, "a", "valve")
        during = run.current, run.pending
        run.commit()
        after = run.current, run.pending

    assert ({item.id: item.version}, {}) == before
    assert ({item.id: item.version}, {item.id: newer.version}) == during
    assert ({item.id: newer.version}, {}) == after


def test_keeping_what_is_not_there_is_an_error(store):
    """A reader that is mistaken about the store doesn't lose a document silently."""
    with store.begin_sync("files") as run, pytest.raises(StoreError, match="no such version"):
        run.keep(document("a", text="oil"))


def test_an_id_belongs_to_one_source(store):
    """One source cannot replace the document of another by using its name."""
    fill(store, {"a": "oil"})
    stranger = document("a", text="valve", source="files")
    stranger = type(stranger)(
        stranger.id, "other", "T", stranger.version, Grant(CONFIDENTIAL, EVERYBODY)
    )

    with store.begin_sync("other") as run, pytest.raises(StoreError, match="another source"):
        run.put(stranger, passages=passages(stranger, texts=["valve"]), vectors=None)
    with store.begin_sync("other") as run, pytest.raises(ValueError, match="another source"):
        put(run, "a", "valve", source="files")


@pytest.mark.parametrize(
    ("vectors", "complaint"),
    [
        (None, "missing"),
        ([vector(1), vector(2)], "2 vectors for 1 passages"),
        ([(1.0, 2.0)], "no row of 4 numbers"),
        ([(1.0, 2.0, float("nan"), 0.0)], "no finite number"),
    ],
)
def test_a_document_with_wrong_vectors_is_refused_whole(tmp_path, vectors, complaint):
    """A mistake of the embedder is noticed when reading in, not when searching."""
    store = store_in(tmp_path, dimensions=4)
    item = document("a", text="oil")

    with store.begin_sync("files") as run:
        with pytest.raises(ValueError, match=complaint):
            run.put(item, passages=passages(item, texts=["oil"]), vectors=vectors)
        run.commit()

    assert 0 == store.stats().documents
    store.close()


def test_vectors_need_a_store_that_has_them(store):
    """Vectors that could never be searched are not swallowed."""
    item = document("a", text="oil")

    with store.begin_sync("files") as run, pytest.raises(ValueError, match="has none"):
        run.put(item, passages=passages(item, texts=["oil"]), vectors=[vector(1)])


def test_a_document_without_passages_is_a_document(store):
    """An empty file is remembered, so it isn't read again each time."""
    item = document("a")
    with store.begin_sync("files") as run:
        run.put(item, passages=[], vectors=None)
        run.commit()

    stats = store.stats()

    assert (1, 0) == (stats.documents, stats.passages)
    assert [] == search(store, "oil")


def test_text_with_half_a_character_is_stored(store):
    """A broken encoding costs one character, not the document."""
    item = document("a", text="oil \ud800 pump", label=PUBLIC)
    with store.begin_sync("files") as run:
        run.put(item, passages=passages(item, texts=["oil \ud800 pump"]), vectors=None)
        run.commit()

    (hit,) = search(store, "pump")

    assert "oil \ufffd pump" == hit.passage.text
