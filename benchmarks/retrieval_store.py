"""What searching and reading in cost with the document store in SQLite.

Run: `python benchmarks/retrieval_store.py [--passages 100000] [--language ja]`. A hundred
thousand passages need about 1.5 GB of memory and 0.7 GB in the folder for temporary files.

Passages are made up: words of random letters or Japanese characters, as frequent as Zipf's
law says, and random vectors of 384 numbers, which is harder than real text (every question
shares words with most passages). Recall is measured against numpy over the same vectors.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybridllm.labels import Scale
from hybridllm.rag.model import Access, Document, Grant, Passage, Query, Span
from hybridllm.rag.sqlite import SqliteStore
from hybridllm.rag.tokens import splits_japanese

SCALE = Scale.of(["public", "internal", "confidential"])
DIMENSIONS = 384
PASSAGES_PER_DOCUMENT = 20
QUERIES = 60
K = 10
TARGET_MS = 60
# Share of the documents that each department may see.
FILTERS = {"none": "everybody", "broad, 11 %": "broad", "narrow, 0.25 %": "narrow"}


class Writer:
    """Makes up text and vectors, the same in every run."""

    def __init__(self, language: str) -> None:
        self._random = np.random.default_rng(1)
        self._joint = "" if language == "ja" else " "
        letters = (
            [chr(0x3041 + i) for i in range(80)] + [chr(0x4E00 + i) for i in range(2500)]
            if language == "ja"
            else list("etaoinshrdlcumwfgypbvk")
        )
        lengths = (1, 5) if language == "ja" else (2, 10)
        odds = _zipf(len(letters), 0.9)
        self._words = [
            "".join(self._random.choice(letters, self._random.integers(*lengths), p=odds))
            for _ in range(30_000)
        ]
        self._odds = _zipf(len(self._words), 1.0)

    def texts(self, count: int, *, words: int) -> list[str]:
        """Return as many texts of so many words."""
        chosen = self._random.choice(len(self._words), (count, words), p=self._odds)
        return [self._joint.join(self._words[i] for i in row) for row in chosen]

    def vectors(self, count: int) -> NDArray[np.float32]:
        """Return as many vectors of length 1."""
        values = self._random.normal(size=(count, DIMENSIONS)).astype(np.float32)
        unit: NDArray[np.float32] = values / np.linalg.norm(values, axis=1, keepdims=True)
        return unit


def _zipf(count: int, exponent: float) -> NDArray[np.float64]:
    odds = 1 / np.arange(1, count + 1) ** exponent
    unit: NDArray[np.float64] = odds / odds.sum()
    return unit


def departments(number: int) -> frozenset[str]:
    """Return who may see the document with this number."""
    names = {"everybody"}
    if number % 9 == 0:
        names.add("broad")
    if number % 400 == 0:
        names.add("narrow")
    return frozenset(names)


def documents(writer: Writer, *, passages: int) -> Iterator[tuple[Document, list[Passage]]]:
    """Yield documents with their passages."""
    for number in range(passages // PASSAGES_PER_DOCUMENT):
        version = hashlib.sha256(str(number).encode()).hexdigest()
        grant = Grant(SCALE.lowest, frozenset({"public"}), departments(number))
        document = Document(f"made-up/{number}", "made-up", str(number), version, grant)
        texts = writer.texts(PASSAGES_PER_DOCUMENT, words=120)
        yield (
            document,
            [
                Passage(text, Span(document.id, version, place * 1000, place * 1000 + len(text)))
                for place, text in enumerate(texts)
            ],
        )


def fill(store: SqliteStore, *, writer: Writer, passages: int) -> NDArray[np.float32]:
    """Read everything in, print the rate and return the vectors."""
    every, seconds = [], 0.0
    with store.begin_sync("made-up") as run:
        for document, found in documents(writer, passages=passages):
            vectors = writer.vectors(len(found))
            every.append(vectors)
            start = time.perf_counter()
            run.put(document, passages=found, vectors=vectors)
            seconds += time.perf_counter() - start
        start = time.perf_counter()
        run.commit()
        commit = time.perf_counter() - start
    stats = store.stats()
    print(
        f"ingest: {stats.passages} passages, {stats.passages / (seconds + commit):.0f} a second"
        f" (commit {commit:.1f} s), {stats.size_bytes / 2**20:.0f} MiB on disk;"
        f" Japanese words: {'yes' if splits_japanese() else 'no'}"
    )
    return np.concatenate(every)


def timed_ms(call: Callable[[], object]) -> float:
    """Return milliseconds of wall time."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def measure(
    store: SqliteStore, *, vectors: NDArray[np.float32], writer: Writer, department: str
) -> tuple[list[float], list[float], list[float], float]:
    """Return times of hybrid and dense searches and of plain numpy, and the recall."""
    access = Access(SCALE.lowest, frozenset(), department)
    numbers = np.arange(len(vectors))
    allowed = np.flatnonzero(
        [department in departments(int(number) // PASSAGES_PER_DOCUMENT) for number in numbers]
    )
    hybrid, dense, plain, hits = [], [], [], 0
    for text, vector in zip(writer.texts(QUERIES, words=8), writer.vectors(QUERIES), strict=True):
        wanted = tuple(vector.tolist())
        ask = partial(store.search, access=access, k=K)
        compare = partial(nearest, vectors=vectors, allowed=allowed)
        hybrid.append(timed_ms(partial(ask, Query(text, wanted))))
        dense.append(timed_ms(partial(ask, Query("", wanted))))
        plain.append(timed_ms(partial(compare, vector)))
        expected = {place(row) for row in compare(vector)}
        spans = [hit.passage.span for hit in ask(Query("", wanted))]
        hits += len(expected & {(span.document, span.start) for span in spans})
    return hybrid, dense, plain, hits / (QUERIES * K)


def nearest(
    vector: NDArray[np.float32], *, vectors: NDArray[np.float32], allowed: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the best allowed rows by brute force: the mask first, then the product."""
    scores = vectors[allowed] @ vector
    best = np.argpartition(-scores, K)[:K]
    rows: NDArray[np.intp] = allowed[best]
    return rows


def place(row: int) -> tuple[str, int]:
    """Return document and offset of a row."""
    document, position = divmod(int(row), PASSAGES_PER_DOCUMENT)
    return f"made-up/{document}", position * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--language", choices=["en", "ja"], default="ja")
    arguments = parser.parse_args()
    writer = Writer(arguments.language)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "store.db", scale=SCALE, dimensions=DIMENSIONS)
        vectors = fill(store, writer=writer, passages=arguments.passages)
        access = Access(SCALE.lowest, frozenset(), "narrow")
        first = timed_ms(lambda: store.search(Query("x"), access=access, k=1))
        print(f"first search after a start: {first / 1000:.1f} s; then, p50 (p95) in ms:")
        print(f"{'filter':16}{'hybrid':>16}{'dense':>16}{'numpy, dense':>16}{'recall@10':>11}")
        for name, department in FILTERS.items():
            *times, recall = measure(store, vectors=vectors, writer=writer, department=department)
            cells = [f"{statistics.median(t):.1f} ({np.percentile(t, 95):.1f})" for t in times]
            print(f"{name:16}{cells[0]:>16}{cells[1]:>16}{cells[2]:>16}{recall:>11.3f}")
        print(f"target: hybrid p50 under {TARGET_MS} ms at recall 1.000")
        store.close()


if __name__ == "__main__":
    main()
