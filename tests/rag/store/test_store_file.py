"""The file: shared by threads and processes, private, and honest when it fails."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest

from hybridllm.errors import ConfigurationError, StoreError
from hybridllm.rag.sqlite import SqliteStore
from tests.rag.store.documents import SCALE, access, fill, names, search, store_in

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
no_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere"
)

WRITER = """
import sys
from pathlib import Path
from tests.rag.store.documents import fill, store_in

store = store_in(Path(sys.argv[1]))
fill(store, {"b": "valve"})
store.close()
"""


def test_a_second_process_sees_the_commit_of_the_first(tmp_path):
    """A server finds what a nightly job has read in, without a restart."""
    store = store_in(tmp_path)
    fill(store, {"a": "oil"})
    before = names(search(store, "oil"))

    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=True)

    assert ["a"] == before
    assert [] == search(store, "oil")
    assert ["b"] == names(search(store, "valve"))
    store.close()


def test_searches_and_commits_at_the_same_time_see_whole_generations(store):
    """While a source is replaced again and again, a search sees one state or the next."""
    generations = [{f"{turn}-{i}": "oil" for i in range(3)} for turn in range(8)]
    fill(store, generations[0])

    def look(_):
        return frozenset(name.split("-")[0] for name in names(search(store, "oil")))

    with ThreadPoolExecutor(4) as threads:
        looking = threads.map(look, range(60))
        for generation in generations[1:]:
            fill(store, generation)
        seen = list(looking)

    assert {1} == set(map(len, seen))


def test_searches_in_threads_find_the_same(store):
    """One store serves all threads of a server."""
    fill(store, {str(number): f"oil {number}" for number in range(30)})
    expected = names(search(store, "oil 7"))

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: names(search(store, "oil 7")), range(40)))

    assert [expected] * 40 == found


@posix
def test_a_forked_process_opens_the_file_again(store):
    """A server that forks its workers after opening the store does not damage it."""
    fill(store, {"a": "oil"})
    search(store, "oil")

    child = os.fork()
    if not child:
        os._exit(0 if ["a"] == names(search(store, "oil")) else 1)
    _, status = os.waitpid(child, 0)

    assert 0 == status
    assert ["a"] == names(search(store, "oil"))


@posix
def test_only_its_owner_may_read_the_file(tmp_path):
    """The file holds the documents' text; other users of the machine don't see it."""
    store = store_in(tmp_path)
    fill(store, {"a": "oil"})

    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}

    assert {0o600} == modes
    store.close()


def test_another_kind_of_file_is_refused(tmp_path):
    """A mistyped path doesn't turn somebody's database into a store."""
    apsw.Connection(str(tmp_path / "store.db")).execute("CREATE TABLE other (x)")

    with pytest.raises(ConfigurationError, match="no document store of this version"):
        store_in(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    """Garbage gives one clear line, with the file and the kind of error."""
    (tmp_path / "store.db").write_bytes(b"garbage " * 1000)

    with pytest.raises(ConfigurationError, match=r"store\.db: cannot be used .*NotADBError"):
        store_in(tmp_path)


def test_a_damaged_file_is_an_error_and_not_an_empty_result(tmp_path):
    """Nobody takes "not found" for an answer when the disk is broken."""
    store = store_in(tmp_path)
    fill(store, {str(number): f"oil number {number} " * 50 for number in range(100)})
    store.compact()
    store.close()
    data = bytearray((tmp_path / "store.db").read_bytes())
    for page in range(3 * 4096, len(data), 4096):
        data[page : page + 200] = b"\xff" * 200
    (tmp_path / "store.db").write_bytes(data)

    with pytest.raises((StoreError, ConfigurationError), match=r"store\.db"):
        search(store_in(tmp_path), "oil")


@pytest.mark.parametrize(("dimensions", "embedder"), [(8, None), (None, "other"), (0, "e5")])
def test_another_embedder_is_refused(tmp_path, dimensions, embedder):
    """Vectors of two models can't be compared; that is said at the start."""
    SqliteStore(tmp_path / "store.db", scale=SCALE, dimensions=4, embedder="e5").close()

    with pytest.raises(ConfigurationError, match="build it anew"):
        SqliteStore(tmp_path / "store.db", scale=SCALE, dimensions=dimensions, embedder=embedder)


def test_a_store_remembers_its_embedder(tmp_path):
    """Whoever only searches needn't know how the store was built."""
    SqliteStore(tmp_path / "store.db", scale=SCALE, dimensions=4, embedder="e5").close()

    store = SqliteStore(tmp_path / "store.db", scale=SCALE)

    assert 4 == store.capabilities.dimensions
    store.close()


def test_a_folder_that_is_missing_is_named(tmp_path):
    """A mistyped folder is not made silently."""
    with pytest.raises(ConfigurationError, match="cannot be used as a document store"):
        SqliteStore(tmp_path / "none" / "store.db", scale=SCALE)


@no_root
def test_a_folder_without_permission_is_named(tmp_path):
    """A read-only folder gives one clear line."""
    tmp_path.chmod(0o500)

    with pytest.raises(ConfigurationError, match="cannot be used as a document store"):
        store_in(tmp_path)
    tmp_path.chmod(0o700)


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    """When the disk is full, reading in fails, and searches go on."""
    store = store_in(tmp_path)
    fill(store, {"a": "oil"})
    opened = store._file._open

    def small():
        connection = opened()
        connection.execute("PRAGMA max_page_count = 40").fetchall()
        return connection

    store._file._idle.clear()
    monkeypatch.setattr(store._file, "_open", small)
    with pytest.raises(StoreError, match="FullError"):
        fill(store, {"b": "valve " * 100_000})

    assert ["a"] == names(search(store, "oil"))
    store.close()


def test_a_locked_file_is_an_error_after_the_timeout(tmp_path):
    """A writer that hangs doesn't hang everybody else."""
    store = SqliteStore(tmp_path / "store.db", scale=SCALE, busy_timeout_s=0.01)
    fill(store, {"a": "oil"})
    other = apsw.Connection(str(tmp_path / "store.db"))
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="BusyError"):
        fill(store, {"b": "oil"})
    found = names(search(store, "oil"))

    other.execute("ROLLBACK")
    other.close()
    assert ["a"] == found
    store.close()


def test_a_closed_store_says_so(store):
    """Using a store after closing it is an error, and closing twice is none."""
    store.close()
    store.close()

    with pytest.raises(StoreError, match="closed"):
        search(store, "oil", by=access())


def test_no_error_holds_content(tmp_path):
    """What is in a document never stands in a message."""
    store = store_in(tmp_path, dimensions=4)

    with pytest.raises(ValueError, match="vectors") as caught:
        fill(store, {"a": "very secret text"})

    assert "secret" not in str(caught.value)
    assert "secret" not in repr(caught.value.__context__)
    store.close()
