"""Message memory in a file: restarts, several processes, retention, damage."""

import multiprocessing
import os
import sqlite3
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridllm.classify.memory import SqliteMemory
from hybridllm.errors import ConfigurationError, StoreError
from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["personal"])
KEY = bytes(range(32))
CONFIDENTIAL = SCALE.label("confidential")
INTERNAL = SCALE.label("internal", compartments=["personal"])
TEXT = "The forecast for the northern region was revised after the audit."


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "memory.db"


_opened = []


@pytest.fixture(autouse=True)
def _close():
    yield
    while _opened:
        _opened.pop().close()


def opened(path, **settings):
    _opened.append(SqliteMemory(path, **{"scale": SCALE, "key": KEY, **settings}))
    return _opened[-1]


def digests(memory, text=TEXT):
    return memory._digests.to_recall([text])


def bytes_on_disk(path):
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def remember_in_child(path, number):
    memory = opened(path)
    for message in range(20):
        memory.remember([f"{TEXT} {number} {message}"], label=CONFIDENTIAL)
    memory.close()


def test_a_restart_forgets_nothing(path):
    """A confidential text pasted after a restart is still confidential."""
    before = opened(path)
    before.remember([TEXT], label=CONFIDENTIAL)
    before.close()

    assert CONFIDENTIAL == opened(path).recall([TEXT])


def test_processes_share_the_file(path):
    """Several gateway processes remember for each other, and lose nothing."""
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=remember_in_child, args=(path, n)) for n in range(3)]
    memory = opened(path)

    for child in children:
        child.start()
    for child in children:
        child.join()

    assert [0, 0, 0] == [child.exitcode for child in children]
    assert all(
        memory.recall([f"{TEXT} {number} {message}"]) == CONFIDENTIAL
        for number in range(3)
        for message in range(20)
    )


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_its_own_connection(path):
    """A preforking server may open the memory before it forks."""
    memory = opened(path)
    memory.remember([TEXT], label=CONFIDENTIAL)

    child = os.fork()
    if child == 0:
        known = memory.recall([TEXT])
        memory.remember(["said in the forked process only"], label=CONFIDENTIAL)
        os._exit(0 if known == CONFIDENTIAL else 1)
    _, status = os.waitpid(child, 0)

    assert 0 == os.waitstatus_to_exitcode(status)
    assert CONFIDENTIAL == memory.recall(["said in the forked process only"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_may_read_the_file(path):
    """Other users of the machine see neither the file nor its log."""
    path.touch(mode=0o644)
    memory = opened(path)
    memory.remember([TEXT], label=CONFIDENTIAL)

    assert {0o600} == {file.stat().st_mode & 0o777 for file in path.parent.iterdir()}


def test_the_file_holds_no_text(path):
    """Whoever steals the file without the key learns no message."""
    memory = opened(path)
    memory.remember([TEXT], label=CONFIDENTIAL)
    memory.close()

    stored = bytes_on_disk(path).lower()

    assert b"forecast" not in stored
    assert KEY not in stored


def test_labels_join_and_age_together(path):
    """A label given later doesn't outlive the higher one that was given before."""
    clock = Clock()
    memory = opened(path, clock=clock, max_age_s=100)
    memory.remember([TEXT], label=CONFIDENTIAL)
    clock.now += 90
    memory.remember([TEXT], label=INTERNAL)

    clock.now += 90

    assert CONFIDENTIAL.join(INTERNAL) == memory.recall([TEXT])


def test_old_entries_are_deleted_from_the_file(path):
    """What is past its retention is gone, not just hidden."""
    clock = Clock()
    memory = opened(path, clock=clock, max_age_s=100)
    memory.remember([TEXT], label=CONFIDENTIAL)
    (digest,) = digests(memory)
    assert digest in bytes_on_disk(path)

    clock.now += 101
    assert memory.recall([TEXT]) is None
    memory.purge()

    assert digest not in bytes_on_disk(path)


def test_the_number_of_entries_is_bounded(path):
    """A store that is full gives up what was remembered longest ago."""
    clock = Clock()
    memory = opened(path, clock=clock, max_entries=3)
    for number in range(5):
        clock.now += 1
        memory.remember([f"confidential message {number}"], label=CONFIDENTIAL)

    known = [memory.recall([f"confidential message {number}"]) for number in range(5)]

    assert [None, None, CONFIDENTIAL, CONFIDENTIAL, CONFIDENTIAL] == known


def test_a_forgotten_text_is_gone_from_the_file(path):
    """A person may ask that nothing of their messages is kept."""
    memory = opened(path)
    kept = [f"confidential message {number}" for number in range(3000)]
    gone = [f"message of a person who left {number}" for number in range(1000)]
    memory.remember(
        [text for pair in zip(kept, gone * 3, strict=True) for text in pair], label=CONFIDENTIAL
    )

    memory.forget(gone)

    stored = bytes_on_disk(path)
    assert not any(digest in stored for text in gone for digest in digests(memory, text))
    assert memory.recall(gone) is None
    assert all(CONFIDENTIAL == memory.recall([text]) for text in kept)


@pytest.mark.parametrize(
    "scale",
    [
        Scale.of(["public", "internal", "restricted"], compartments=["personal"]),
        Scale.of(["open", "closed"]),
    ],
)
def test_a_level_that_no_longer_exists_is_the_strictest(path, scale):
    """Renaming a level in the configuration never opens what was closed."""
    memory = opened(path)
    memory.remember([TEXT], label=SCALE.label("confidential", compartments=["personal"]))
    memory.close()

    assert scale.strictest == opened(path, scale=scale).recall([TEXT])


def test_a_renamed_level_and_back_keeps_the_label(path):
    """A label remembered under a newer scale doesn't replace the older one."""
    opened(path).remember([TEXT], label=CONFIDENTIAL)
    other = Scale.of(["open", "closed"])
    opened(path, scale=other).remember([TEXT], label=other.lowest)

    # "open" is unknown to the first scale, so it counts as the strictest.
    assert SCALE.strictest == opened(path).recall([TEXT])


def test_another_key_is_refused(path):
    """With the wrong key nothing would be found, and nobody would notice."""
    opened(path).close()

    with pytest.raises(ConfigurationError, match=r"memory\.db: was made with another key"):
        opened(path, key=bytes(32))


def test_a_file_of_another_kind_is_refused(path):
    """A wrong path in the configuration doesn't end in tables inside another database."""
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE customers (name)")
    other.close()

    with pytest.raises(ConfigurationError, match="is no message memory"):
        opened(path)


@pytest.mark.parametrize("content", [b"not a database at all " * 100, bytes(range(256)) * 64])
def test_a_damaged_file_stops_the_start(path, content):
    """A memory that cannot be read is an error, never an empty memory."""
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"memory\.db: cannot be used as message memory"):
        opened(path)


def test_damage_while_running_is_an_error(path):
    """A disk that loses the file's content raises; the caller keeps the request inside."""
    memory = opened(path)
    memory.remember([f"{TEXT} {number}" for number in range(2000)], label=CONFIDENTIAL)
    memory._store.compact()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    memory._store._connection.execute("PRAGMA shrink_memory")

    with pytest.raises(StoreError, match="SQLITE_CORRUPT"):
        memory.recall([f"{TEXT} {number}" for number in range(2000)])


def test_a_file_in_a_missing_folder_stops_the_start(tmp_path):
    """The message names the file."""
    with pytest.raises(ConfigurationError, match="No such file"):
        opened(tmp_path / "missing" / "memory.db")


def test_a_locked_file_is_an_error_after_a_bounded_wait(path):
    """Another process that never lets go cannot hang a request."""
    memory = opened(path, busy_timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="SQLITE_BUSY"):
        memory.remember([TEXT], label=CONFIDENTIAL)
    other.close()
    memory.remember([TEXT], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall([TEXT])


def test_a_closed_memory_is_an_error(path):
    """After closing nobody gets the answer "unknown" by accident."""
    memory = opened(path)
    memory.close()
    memory.close()

    with pytest.raises(StoreError, match="is closed"):
        memory.recall([TEXT])


@pytest.mark.parametrize("settings", [{"max_entries": 0}, {"max_age_s": 0}, {"max_age_s": -1}])
def test_limits_that_keep_nothing_are_refused(path, settings):
    """A memory that forgets at once would switch the guard off."""
    with pytest.raises(ConfigurationError, match="expected at least 1"):
        opened(path, **settings)


labels = st.sampled_from([SCALE.lowest, INTERNAL, CONFIDENTIAL, SCALE.strictest])


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from([TEXT, TEXT[::-1]]), labels), max_size=8))
def test_a_label_never_falls_in_the_file(tmp_path, events):
    """Labels of a text only rise, whatever is remembered and however often it is opened."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    expected = {}
    for text, label in events:
        memory = opened(path)
        memory.remember([text], label=label)
        expected[text] = expected.get(text, label).join(label)

        assert expected[text] == memory.recall([text])
        memory.close()
