"""Erased is erased: no text and no vector is left in the files."""

from __future__ import annotations

import random

import apsw
import numpy as np
import pytest

from hybridllm.rag.sqlite import SqliteStore
from hybridllm.rag.store import EraseLevel
from tests.rag.store.documents import (
    SCALE,
    access,
    document,
    fill,
    names,
    passages,
    search,
    store_in,
)

ERASED, KEPT = 200, 50
DIMENSIONS = 32


def files_in(folder):
    """Return the bytes of all files of a store, those of its log too."""
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def secret(number):
    """Return a text that stands nowhere else, in both languages."""
    letters = random.Random(number).choices("abcdefghijklmnop", k=24)
    return f"{''.join(letters)} 極秘の契約{number:04d}番 " * (1 + number % 9 * 20)


def traces(number, row):
    """Return what would betray a document: text, title, reader and vector as bytes."""
    text = secret(number)
    return [
        text[:24].encode(),
        text[:34].encode()[25:],
        f"Title of d{number:04d}".encode(),
        f"user:reader{number:04d}".encode(),
        row.astype("<f4").tobytes()[:32],
    ]


def test_two_hundred_erased_documents_leave_neither_text_nor_vectors(tmp_path):
    """Whoever reads the disk after an erasure finds nothing of what was erased."""
    store = store_in(tmp_path, dimensions=DIMENSIONS)
    values = np.random.default_rng(1).normal(size=(ERASED + KEPT, DIMENSIONS))
    rows = values / np.linalg.norm(values, axis=1, keepdims=True)
    with store.begin_sync("files") as run:
        for number, row in enumerate(rows):
            item = document(
                f"d{number:04d}",
                text=secret(number),
                readers=frozenset({f"user:reader{number:04d}"}),
            )
            run.put(item, passages=passages(item, texts=[secret(number)]), vectors=[row])
        run.commit()
    before = files_in(tmp_path)
    there = [trace in before for n in range(ERASED + KEPT) for trace in traces(n, rows[n])]

    receipt = store.erase([f"files/d{number:04d}" for number in range(ERASED)])
    after = files_in(tmp_path)
    left = [trace for n in range(ERASED) for trace in traces(n, rows[n]) if trace in after]

    assert all(there)
    assert [] == left
    assert (ERASED, ERASED, EraseLevel.PURGED) == (
        len(receipt.documents),
        receipt.passages,
        receipt.level,
    )
    assert all(trace in after for n in range(ERASED, ERASED + KEPT) for trace in traces(n, rows[n]))
    store.close()


def test_what_a_reading_replaced_is_gone_after_compacting(tmp_path):
    """An old version of a document does not live on in the file."""
    store = store_in(tmp_path)
    fill(store, {"a": "unforgettable"})
    fill(store, {"a": "harmless"})

    was_possible = store.compact()

    assert was_possible
    assert b"unforgettable" not in files_in(tmp_path)
    store.close()


def test_erasing_takes_staged_versions_too(store):
    """A document that is just being read in again is erased with its new version."""
    (item,) = fill(store, {"a": "oil"})
    newer = document("a", text="oil valve")
    with store.begin_sync("files") as run:
        run.put(newer, passages=passages(newer, texts=["oil valve"]), vectors=None)

        receipt = store.erase([item.id])
        run.commit()

    assert (item.id,) == receipt.documents
    assert [] == search(store, "oil")


def test_the_receipt_names_what_was_not_there(store):
    """A mistyped id is no silent success."""
    fill(store, {"a": "oil", "b": "oil"})

    receipt = store.erase(["files/a", "files/nothing", "files/a"])

    assert (("files/a",), ("files/nothing",), 1) == (
        receipt.documents,
        receipt.missing,
        receipt.passages,
    )
    assert ["b"] == names(search(store, "oil"))


def test_the_receipt_admits_that_another_process_still_reads(tmp_path):
    """As long as somebody holds the old state, nobody is told that it is gone."""
    store = SqliteStore(tmp_path / "store.db", scale=SCALE, busy_timeout_s=0.01)
    fill(store, {"a": "unforgettable"})
    reader = apsw.Connection(str(tmp_path / "store.db"))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM passage").fetchall()

    receipt = store.erase(["files/a"])
    found = search(store, "unforgettable", by=access())
    reader.execute("COMMIT")
    reader.close()
    was_possible = store.compact()

    assert EraseLevel.HIDDEN == receipt.level
    assert [] == found
    assert was_possible
    assert b"unforgettable" not in files_in(tmp_path)
    store.close()


@pytest.mark.parametrize("names_of_nobody", [[], ["files/none"]])
def test_erasing_nothing_is_no_error(store, names_of_nobody):
    """A second request to erase the same document ends well."""
    receipt = store.erase(names_of_nobody)

    assert () == receipt.documents
