"""Sync with the store that ships: what was read is found, and a killed sync goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("apsw", reason="needs the extra rag")
pytest.importorskip("numpy", reason="needs the extra rag")

from hybridllm.rag.ingest import FileStatus, sync_folder
from hybridllm.rag.sqlite import SqliteStore
from tests.rag.ingest.syncing import CONFIDENTIAL, PUBLIC, SCALE, found, settings, statuses, write

ROOT = Path(__file__).parents[3]
DIES = """
import os, sys
from pathlib import Path
from hybridllm.rag.ingest import sync_folder
from hybridllm.rag.sqlite import SqliteStore
from tests.rag.ingest.syncing import SCALE, settings

def die(progress):
    if progress.done == 3:
        os._exit(9)

store = SqliteStore(sys.argv[1], scale=SCALE)
sync_folder(Path(sys.argv[2]), store=store, settings=settings(), on_progress=die)
"""


@pytest.fixture
def store(tmp_path):
    """A store in a file."""
    made = SqliteStore(tmp_path / "store.db", scale=SCALE)
    yield made
    made.close()


def test_what_was_read_in_is_found(folder, store):
    """Both languages, with the right document."""
    write(folder, a="調達の手続は部長の承認を要する。", b="The pump needs oil.")

    sync_folder(folder, store=store, settings=settings())

    assert ["docs/a.txt"] == found(store, "部長の承認")
    assert ["docs/b.txt"] == found(store, "pump")


def test_a_change_of_rules_counts_without_reading_anew(folder, store):
    """A label that is raised hides a document from those below it."""
    write(folder, a="The pump needs oil.")
    sync_folder(folder, store=store, settings=settings())

    report = sync_folder(folder, store=store, settings=settings(label=CONFIDENTIAL))

    assert {"a": FileStatus.UNCHANGED} == statuses(report)
    assert [] == found(store, "pump", PUBLIC)
    assert ["docs/a.txt"] == found(store, "pump", CONFIDENTIAL)


def test_a_sync_that_was_killed_goes_on(folder, store, tmp_path):
    """After a power cut the old state is found, and nothing is read twice."""
    write(folder, a="Old pump.")
    sync_folder(folder, store=store, settings=settings())
    write(folder, a="New pump.", b="Second pump.", c="Third pump.", d="Fourth pump.")
    store.close()
    path = tmp_path / "store.db"

    command = [sys.executable, "-c", DIES, str(path), str(folder)]
    died = subprocess.run(command, check=False, cwd=ROOT)
    reopened = SqliteStore(path, scale=SCALE)
    before = found(reopened, "pump")
    with reopened.begin_sync("docs") as run:
        pending = set(run.pending)
    report = sync_folder(folder, store=reopened, settings=settings())
    after = found(reopened, "pump")
    reopened.close()

    assert 9 == died.returncode
    assert ["docs/a.txt"] == before
    assert {"docs/a.txt", "docs/b.txt", "docs/c.txt"} == pending
    assert FileStatus.ADDED == statuses(report)["d"]
    assert {f"docs/{name}.txt" for name in "abcd"} == set(after)
