"""`kill -9` while a source is read in."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tests.rag.store.documents import document, names, search, store_in

# Says the name of each document after `put` has returned: what was said must be there.
CHILD = """
import sys
from pathlib import Path
from tests.rag.store.documents import document, passages, store_in

store = store_in(Path(sys.argv[1]))
with store.begin_sync("files") as run:
    for number in range(10_000):
        texts = [f"oil {number} part {part} " * 20 for part in range(5)]
        item = document(str(number), text=texts[0])
        run.put(item, passages=passages(item, texts=texts), vectors=None)
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
"""


def killed_after(folder, lines, spread):
    """Start to read in, kill the process after so many documents, return what it said."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    said = [child.stdout.readline().strip() for _ in range(lines)]
    # A random time more, so that the kill hits any place inside a `put`.
    for _ in range(spread):
        pass
    child.kill()
    said += child.stdout.read().split()
    child.stdout.close()
    child.wait()
    return [line for line in said if line]


def check(folder, seed):
    """Kill one reading at a random point and look at what is left."""
    chance = random.Random(seed)
    said = killed_after(folder, chance.randint(1, 12), chance.randint(0, 200_000))
    store = store_in(folder)
    with store.begin_sync("files") as run:
        pending = run.pending
        found_before = search(store, "oil")
        for number in range(len(pending)):
            run.keep(document(str(number), text=f"oil {number} part 0 " * 20))
        run.commit()
    found = search(store, "oil", k=10_000)
    store.close()

    assert [] == found_before
    assert {f"files/{line}" for line in said} <= set(pending)
    assert len(pending) <= len(said) + 1
    assert 5 * len(pending) == len(found)
    assert all(names(found).count(name) == 5 for name in set(names(found)))


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_reading_loses_nothing_that_was_acknowledged(tmp_path, seed):
    """After a crash every acknowledged document is there whole, and none is there half."""
    for place in range(5):
        folder = tmp_path / str(place)
        folder.mkdir()
        check(folder, 100 * seed + place)


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(8))
def test_two_hundred_killed_readings_lose_nothing(tmp_path, turn):
    """The same at two hundred random points."""
    for seed in range(25):
        folder = tmp_path / str(seed)
        folder.mkdir()
        check(folder, 1000 + 25 * turn + seed)
