"""A folder and a store are kept in step, and nothing is lost on the way."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from hybridllm.errors import ConfigurationError
from hybridllm.rag.ingest import (
    DocumentReadError,
    FileStatus,
    Markings,
    Reason,
    SyncRefusedError,
    sync_folder,
)
from hybridllm.rag.ingest.folder import read_bytes
from tests.rag.ingest.office_files import docx, paragraph
from tests.rag.ingest.syncing import (
    CONFIDENTIAL,
    PUBLIC,
    SCALE,
    Killed,
    found,
    settings,
    statuses,
    write,
)


def test_a_folder_is_read_in(folder, store):
    """Every file becomes a document whose id is the source and its path."""
    write(folder, a="The first text.", deep__b="Der zweite Text.")

    report = sync_folder(folder, store=store, settings=settings())

    assert {"a": FileStatus.ADDED, "deep/b": FileStatus.ADDED} == statuses(report)
    assert ["docs/a.txt"] == found(store, "first")
    assert ["docs/deep/b.txt"] == found(store, "zweite")


def test_only_what_changed_is_read_again(folder, store):
    """A nightly sync costs what changed."""
    write(folder, a="One.", b="Two.", c="Three.")
    sync_folder(folder, store=store, settings=settings())
    store.puts.clear()
    write(folder, b="Two and a half.", d="Four.")
    (folder / "c.txt").unlink()

    report = sync_folder(folder, store=store, settings=settings())

    assert {
        "a": FileStatus.UNCHANGED,
        "b": FileStatus.CHANGED,
        "c": FileStatus.REMOVED,
        "d": FileStatus.ADDED,
    } == statuses(report)
    assert ["docs/b.txt", "docs/d.txt"] == store.puts
    assert [] == found(store, "Three")


def test_equal_files_are_two_documents(folder, store):
    """A copy that is deleted takes nothing from the other."""
    write(folder, a="The same text.", b="The same text.")
    sync_folder(folder, store=store, settings=settings())
    (folder / "a.txt").unlink()

    sync_folder(folder, store=store, settings=settings())

    assert ["docs/b.txt"] == found(store, "same")


def test_the_old_version_is_found_until_the_new_one_is_whole(folder, store):
    """A sync that is killed leaves what was there, and the next one goes on."""
    write(folder, a="Old text.")
    sync_folder(folder, store=store, settings=settings())
    write(folder, a="New text.", b="Another text.")
    store.puts.clear()

    def die(progress):
        raise Killed

    with pytest.raises(Killed):
        sync_folder(folder, store=store, settings=settings(), on_progress=die)
    during = found(store, "Old"), found(store, "New")
    report = sync_folder(folder, store=store, settings=settings())

    assert (["docs/a.txt"], []) == during
    assert {"a": FileStatus.CHANGED, "b": FileStatus.ADDED} == statuses(report)
    assert ["docs/a.txt", "docs/b.txt"] == store.puts
    assert ["docs/a.txt"] == found(store, "New")


def test_a_file_that_cannot_be_read_keeps_its_old_version(folder, store, tmp_path):
    """A damaged save does not make a document vanish, and the report says so."""
    memory = tmp_path / "memory.json"
    write(folder, a="A text to be kept.")
    sync_folder(folder, store=store, settings=settings(memory=memory))
    write(folder, a=b"\x00\x01\x02", b=b"\x00\x01\x02")

    report = sync_folder(folder, store=store, settings=settings(memory=memory))

    assert {"a": FileStatus.KEPT_OLD, "b": FileStatus.SKIPPED} == statuses(report)
    assert {Reason.UNKNOWN_ENCODING: 2} == report.reasons
    assert ["docs/a.txt"] == found(store, "kept", PUBLIC)
    assert "1 files cannot be read now" in report.warnings[0]


def test_an_old_version_of_which_nothing_is_known_is_the_strictest(folder, store):
    """Without the old file nobody knows how it was marked."""
    write(folder, a="A text to be kept.")
    sync_folder(folder, store=store, settings=settings())
    write(folder, a=b"\x00\x01\x02")

    sync_folder(folder, store=store, settings=settings())

    assert [] == found(store, "kept", CONFIDENTIAL)
    assert ["docs/a.txt"] == found(store, "kept", SCALE.strictest)


@pytest.mark.parametrize("left", [0, 4])
def test_a_folder_that_lost_its_files_deletes_nothing(folder, store, left):
    """A mount that failed or half a copy is no order to delete."""
    write(folder, **{f"f{n}": f"Text number {n}." for n in range(12)})
    sync_folder(folder, store=store, settings=settings())
    for n in range(left, 12):
        (folder / f"f{n}.txt").unlink()

    with pytest.raises(SyncRefusedError, match="Is the right folder mounted"):
        sync_folder(folder, store=store, settings=settings())
    kept = len(store.live)
    sync_folder(folder, store=store, settings=settings(), force=True)

    assert 12 == kept
    assert left == len(store.live)


def test_a_missing_folder_deletes_nothing_even_by_force(folder, store):
    """A typo in a path is no order to delete."""
    write(folder, a="Text.")
    sync_folder(folder, store=store, settings=settings())

    with pytest.raises(ConfigurationError, match="nothing was changed"):
        sync_folder(folder / "typo", store=store, settings=settings(), force=True)

    assert ["docs/a.txt"] == found(store, "Text")


@pytest.mark.skipif(sys.platform == "win32", reason="needs permissions of POSIX")
def test_a_closed_subfolder_keeps_its_documents(folder, store, monkeypatch):
    """Documents behind a folder that cannot be listed now stay as they were."""
    write(folder, a="Open text.", b__c="Closed text.")
    sync_folder(folder, store=store, settings=settings())
    real = os.scandir

    def scan(path):
        if Path(path).name == "b":
            raise PermissionError(13, "no")
        return real(path)

    monkeypatch.setattr("hybridllm.rag.ingest.folder.os.scandir", scan)

    report = sync_folder(folder, store=store, settings=settings())

    assert FileStatus.KEPT_OLD == statuses(report)["b/c"]
    assert ["docs/b/c.txt"] == found(store, "Closed")


def test_links_are_not_followed(folder, store, tmp_path):
    """A link out of the folder, into it or in a circle brings nothing in."""
    write(tmp_path, outside="Outside text.")
    write(folder, a="Inside text.")
    try:
        (folder / "out.txt").symlink_to(tmp_path / "outside.txt")
        (folder / "loop").symlink_to(folder, target_is_directory=True)
        (folder / "in.txt").symlink_to(folder / "a.txt")
    except OSError:
        pytest.skip("this system makes no links")

    report = sync_folder(folder, store=store, settings=settings())

    assert ["docs/a.txt"] == list(store.live)
    assert {Reason.LINK: 3} == report.reasons


def test_of_two_names_that_are_one_only_one_is_read(folder, store):
    """A name in two Unicode forms is the same name to a reader."""
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "ガイド")
        (folder / f"{name}.txt").write_text(f"Text {form}.", encoding="utf-8")
    if len(list(folder.iterdir())) == 1:
        pytest.skip("this file system knows only one form")

    report = sync_folder(folder, store=store, settings=settings())

    assert ["docs/ガイド.txt"] == list(store.live)
    assert {Reason.NAME_TWICE: 1} == report.reasons


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="needs names of any bytes")
def test_a_name_that_is_no_text_is_reported(folder, store):
    """It could be neither shown nor stored."""
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt")).write_bytes(b"Text.")

    report = sync_folder(folder, store=store, settings=settings())

    assert {Reason.BAD_NAME: 1} == report.reasons


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_holds_nothing_up(folder, store):
    """Reading from it would wait for ever."""
    os.mkfifo(folder / "a.txt")

    report = sync_folder(folder, store=store, settings=settings())

    assert {Reason.NOT_A_FILE: 1} == report.reasons


@pytest.mark.parametrize("make", ["symlink", "pipe", "gone"])
def test_a_file_that_is_exchanged_meanwhile_is_not_read(tmp_path, make):
    """What was a file when the folder was listed may be something else when it is opened."""
    path = tmp_path / "a.txt"
    if make == "symlink":
        (tmp_path / "b.txt").write_bytes(b"Other.")
        try:
            path.symlink_to(tmp_path / "b.txt")
        except OSError:
            pytest.skip("this system makes no links")
    elif make == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("needs pipes")
        os.mkfifo(path)
    expected = {"symlink": Reason.LINK, "pipe": Reason.NOT_A_FILE, "gone": Reason.UNREADABLE}

    with pytest.raises(DocumentReadError) as caught:
        read_bytes(path, most=100)

    assert expected[make] == caught.value.reason


def test_hidden_files_and_unknown_kinds_are_named(folder, store):
    """The report says of each file why it was not read."""
    write(folder, a="Text.")
    for name in (".hidden.txt", "~$open.docx", "program.exe", "old.doc"):
        (folder / name).write_bytes(b"x")

    report = sync_folder(folder, store=store, settings=settings())

    assert {
        ".hidden.txt": Reason.HIDDEN_FILE,
        "~$open.docx": Reason.HIDDEN_FILE,
        "old.doc": Reason.OLD_FORMAT,
        "program.exe": Reason.UNSUPPORTED,
    } == {file.name: file.reason for file in report.files if file.reason}
    assert all(file.remedy for file in report.files if file.reason)


def test_names_are_the_same_on_every_system(folder, store):
    """MacOS writes が as two characters; the id does not depend on it."""
    (folder / f"{unicodedata.normalize('NFD', 'ガイド')}.txt").write_text("Text.", encoding="utf-8")

    sync_folder(folder, store=store, settings=settings())

    assert ["docs/ガイド.txt"] == list(store.live)


def test_what_was_read_is_remembered(folder, store, tmp_path, monkeypatch):
    """An unchanged file is not parsed again, and keeps title and label."""
    memory = tmp_path / "memory.json"
    (folder / "a.docx").write_bytes(docx(paragraph("Head", style="H1"), header="社外秘"))
    sync_folder(folder, store=store, settings=settings(memory=memory))
    monkeypatch.setattr("hybridllm.rag.ingest.sync.read_document", None)

    sync_folder(folder, store=store, settings=settings(memory=memory))

    document = store.live["docs/a.docx"].document
    assert ("Head", CONFIDENTIAL) == (document.title, document.grant.label)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"revision": 1, "sources": {"docs": []}}', b"\xff"]
)
def test_a_broken_memory_only_costs_time(folder, store, tmp_path, content):
    """A memory that cannot be believed is no reason to guess a label."""
    memory = tmp_path / "memory.json"
    (folder / "a.docx").write_bytes(docx(paragraph("Text."), header="社外秘"))
    sync_folder(folder, store=store, settings=settings(memory=memory))
    memory.write_bytes(content)

    sync_folder(folder, store=store, settings=settings(memory=memory))

    assert CONFIDENTIAL == store.live["docs/a.docx"].document.grant.label


def test_a_new_name_of_a_marking_is_looked_for_in_old_files(folder, store, tmp_path):
    """The configuration learns a word; files that carry it are raised, though unchanged."""
    memory = tmp_path / "memory.json"
    (folder / "a.docx").write_bytes(docx(paragraph("Text."), header="Project Falcon"))
    sync_folder(folder, store=store, settings=settings(memory=memory))
    more = Markings(SCALE.strictest, {"project falcon": CONFIDENTIAL})

    sync_folder(folder, store=store, settings=settings(memory=memory, markings=more))

    assert CONFIDENTIAL == store.live["docs/a.docx"].document.grant.label


def test_everything_can_be_read_anew(folder, store):
    """Another embedder or other sizes need all passages again."""
    write(folder, a="Text.")
    sync_folder(folder, store=store, settings=settings())

    sync_folder(folder, store=store, settings=settings(), rebuild=True)

    assert ["docs/a.txt", "docs/a.txt"] == store.puts


def test_progress_counts_every_file(folder, store):
    """A progress bar knows how far it is."""
    write(folder, a="One.", b="Two.", c="Three.")
    seen: list[tuple[int, int]] = []

    sync_folder(
        folder,
        store=store,
        settings=settings(),
        on_progress=lambda progress: seen.append((progress.done, progress.total)),
    )

    assert [(1, 3), (2, 3), (3, 3)] == seen


def test_another_source_is_left_alone(folder, store):
    """Each folder answers for its own documents."""
    write(folder, a="Text.")
    sync_folder(folder, store=store, settings=settings(source="other"))

    sync_folder(folder, store=store, settings=settings())

    assert ["docs/a.txt", "other/a.txt"] == sorted(store.live)


def test_a_source_is_named_without_a_slash(folder, store):
    """`a/b` could be file b of source a."""
    with pytest.raises(ConfigurationError, match="slash"):
        settings(source="a/b")
