"""What message memory and document fingerprints cost, in time and memory.

Run: `python benchmarks/fingerprint.py [--passages 1000000]`. A million passages take
a few minutes to index and about 1 GB in the folder for temporary files.

Prints the best of several rounds, since other work on the machine only adds time.
A passage is 240 characters of made-up English, of which about 200 are letters. What is
asked for was never indexed, as almost all prompts are; quoted text costs more.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hybridllm.classify.fingerprint.index import FingerprintIndex
from hybridllm.classify.memory import MessageMemory, SqliteMemory, VolatileMemory
from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential"])
KEY = bytes(range(32))
PASSAGE_CHARACTERS = 240
PASSAGES_PER_DOCUMENT = 100
DOCUMENTS_AT_ONCE = 200

RECALL_TARGET_US = {"VolatileMemory": 30, "SqliteMemory": 100}
LOOKUP_TARGET_US = 150
JAPANESE = "北部地域の四半期予測は、監査の後に見直されました。担当者へ共有してください。\n"


class Writer:
    """Makes up text without end, the same in every run."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - sample text, no secret
        letters = "etaoinshrdlcumwfgypbvk"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(1, 9)))
            for _ in range(5000)
        ]

    def text(self, characters: int) -> str:
        """Return English-looking text of this length."""
        words = self._random.choices(self._words, k=characters // 5 + 10)
        return " ".join(words)[:characters]


def best_us(call: Callable[[], object], *, calls: int = 50, rounds: int = 20) -> float:
    """Return microseconds of CPU that one call takes in the best round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time() - start) / calls)
    return best * 1e6


def resident_mib() -> float:
    """Return the largest memory of this process so far, in MiB; 0 where unknown."""
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure_memory(folder: Path, *, entries: int = 20_000) -> None:
    """Print what recalling and remembering a message of 1 KB costs."""
    writer = Writer(1)
    memories: list[MessageMemory] = [
        VolatileMemory(SCALE, key=KEY),
        SqliteMemory(folder / "memory.db", scale=SCALE, key=KEY),
    ]
    known = [writer.text(200) for _ in range(entries)]
    messages = {
        "English, 1 line": writer.text(1024),
        "English, 20 lines": "\n".join(writer.text(50) for _ in range(20)),
        "Japanese, 9 lines": (JAPANESE * 9)[:341],
    }
    for memory in memories:
        name = type(memory).__name__
        memory.remember(known, label=SCALE.strictest)
        for shape, text in messages.items():
            cost = best_us(partial(memory.recall, [text]))
            print(f"{name} recall 1 KB, {shape}: {cost:.1f} us (target {RECALL_TARGET_US[name]})")
        fresh = iter([writer.text(1024) for _ in range(200)])
        start = time.perf_counter()
        for text in fresh:
            memory.remember([text], label=SCALE.strictest)
        print(f"{name} remember 1 KB: {(time.perf_counter() - start) / 200 * 1e6:.0f} us")
        memory.close()


def build(index: FingerprintIndex, *, passages: int) -> float:
    """Index this many passages; return the seconds that it took."""
    writer = Writer(2)
    documents = -(-passages // PASSAGES_PER_DOCUMENT)
    spent = 0.0
    for first in range(0, documents, DOCUMENTS_AT_ONCE):
        numbers = range(first, min(first + DOCUMENTS_AT_ONCE, documents))
        label = SCALE.label("confidential")
        batch = [
            (f"document-{n}", writer.text(PASSAGES_PER_DOCUMENT * PASSAGE_CHARACTERS), label)
            for n in numbers
        ]
        start = time.perf_counter()
        index.add_documents(batch)
        spent += time.perf_counter() - start
    return spent


def measure_index(folder: Path, *, passages: int) -> None:
    """Print what an index of this many passages costs."""
    path = folder / "index.db"
    index = FingerprintIndex(path, scale=SCALE, key=KEY)
    seconds = build(index, passages=passages)
    megabytes = passages * PASSAGE_CHARACTERS / 1e6
    print(f"index {passages} passages ({megabytes:.0f} MB): {seconds:.1f} s")
    index.close()

    before = resident_mib()
    start = time.perf_counter()
    index = FingerprintIndex(path, scale=SCALE, key=KEY)
    print(f"open again: {time.perf_counter() - start:.2f} s")
    stats = index.stats()
    print(
        f"{stats.documents} documents, {stats.fingerprints} fingerprints,"
        f" file {stats.file_bytes / 2**20:.0f} MiB, bitmap {stats.memory_bytes / 2**20:.0f} MiB,"
        f" process {resident_mib():.0f} MiB at most ({before:.0f} before opening again)"
    )
    writer = Writer(3)
    for name, texts in {
        "English": [writer.text(1024) for _ in range(200)],
        "Japanese": [_shuffled(JAPANESE * 9, seed=seed)[:341] for seed in range(200)],
    }.items():
        cost = best_us(partial(_look_up_all, index, texts=texts), calls=1)
        print(f"lookup 1 KB, {name}: {cost / 200:.1f} us (target {LOOKUP_TARGET_US})")
    large = writer.text(102_400)
    print(f"lookup 100 KB: {best_us(lambda: index.lookup(large), calls=1) / 1000:.1f} ms")
    quote = Writer(2).text(1024)
    assert index.lookup(quote), "what was indexed first must be found"
    print(f"lookup 1 KB that is quoted: {best_us(lambda: index.lookup(quote)):.1f} us")
    start = time.perf_counter()
    index.remove_document("document-0")
    print(f"remove a document: {(time.perf_counter() - start) * 1e3:.0f} ms")
    index.close()


def _look_up_all(index: FingerprintIndex, *, texts: list[str]) -> None:
    for text in texts:
        index.lookup(text)


def _shuffled(text: str, *, seed: int) -> str:
    signs = list(text)
    random.Random(seed).shuffle(signs)  # noqa: S311 - sample text, no secret
    return "".join(signs)


def main() -> None:
    """Measure both stores in a folder of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure_memory(Path(folder))
        measure_index(Path(folder), passages=arguments.passages)


if __name__ == "__main__":
    main()
