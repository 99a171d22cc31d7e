"""An older policy does not come back unless somebody says that it may."""

from __future__ import annotations

import pytest

from hybridllm.config.revision import REVISION_VARIABLE, highest_revision, remember_revision
from hybridllm.config.start import open_config
from hybridllm.errors import ConfigurationError
from tests.reload.company import FILE, log_of, opened, organisation, put, write


def numbered(revision):
    return organisation(top=f"revision = {revision}")


def start(file, **environment):
    """Start a client and end it."""
    opened(file, environment=environment).close()


@pytest.fixture
def file(tmp_path):
    """Return a configuration whose revision 7 was in force."""
    path = write(tmp_path, text=numbered(7))
    start(path)
    return path


@pytest.mark.parametrize("text", [numbered(6), numbered(0), organisation()])
def test_a_start_with_an_older_revision_is_refused(file, text):
    """A backup that was copied over by mistake, or a key that was deleted, stops the start."""
    put(file, text)

    with pytest.raises(ConfigurationError) as caught:
        start(file)

    assert (FILE, "revision") == (caught.value.file, caught.value.key)
    assert "7 was in force before" in str(caught.value)
    assert REVISION_VARIABLE in str(caught.value)


@pytest.mark.parametrize("revision", [7, 8, 1_000])
def test_the_same_or_a_newer_revision_starts(file, revision):
    """Who does not count up each time is not locked out."""
    put(file, numbered(revision))

    start(file)

    assert revision == highest_revision(file.parent / ".hybridllm", file=FILE)


def test_going_back_on_purpose_names_the_revision(file):
    """The override is for one revision, and for no older one that comes along."""
    put(file, numbered(6))

    start(file, **{REVISION_VARIABLE: "6"})

    put(file, numbered(5))
    with pytest.raises(ConfigurationError, match="is 5, and 6 was in force"):
        start(file, **{REVISION_VARIABLE: "6"})
    (loaded,) = (item for item in log_of(file) if item["event"] == "policy_loaded")
    assert (6, 7) == (loaded["revision"], loaded["previous_revision"])


def test_checking_files_does_not_count_as_having_them_in_force(file):
    """A typing error in a number that only `hybridllm check` has seen locks nobody out."""
    put(file, numbered(70))

    open_config(file, environment={}).close_stores()

    assert 7 == highest_revision(file.parent / ".hybridllm", file=FILE)


def test_a_running_client_does_not_go_back_by_itself(file):
    """A reload compares like a start; the override leaves both numbers in the log."""
    reloader = opened(file)
    put(file, numbered(6))

    with pytest.raises(ConfigurationError, match="7 was in force before"):
        reloader.reload()
    reloader.reload(allow_older=True)
    reloader.close()

    (loaded,) = (item for item in log_of(file) if item["event"] == "policy_loaded")
    assert (6, 7) == (loaded["revision"], loaded["previous_revision"])
    assert 6 == highest_revision(file.parent / ".hybridllm", file=FILE)


def test_who_does_not_count_leaves_nothing_behind(tmp_path):
    """Without a revision in the file there is no file of revisions."""
    file = write(tmp_path)

    start(file)

    assert not (tmp_path / ".hybridllm" / "policy-revision").exists()


@pytest.mark.parametrize("content", ["", "seven", "-1", "٧\n", "7\n8"])
def test_a_damaged_memory_of_revisions_stops_the_start(file, content):
    """What cannot be compared is not taken for new."""
    path = file.parent / ".hybridllm" / "policy-revision"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigurationError, match="damaged") as caught:
        start(file)

    assert (FILE, "revision") == (caught.value.file, caught.value.key)


def test_a_slower_process_does_not_lower_what_is_remembered(file):
    """Two programs that start with different files leave the higher number."""
    state = file.parent / ".hybridllm"

    remember_revision(state, revision=3)

    assert 7 == highest_revision(state, file=FILE)
