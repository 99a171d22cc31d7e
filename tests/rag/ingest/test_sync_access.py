"""Who may find a document, and who gets its text while it is read in."""

from __future__ import annotations

import pytest

from hybridllm.errors import ConfigurationError, PolicyDeniedError
from hybridllm.rag.ingest import FileStatus, Reason, sync_folder
from tests.rag.ingest.memory_store import CountingEmbedder, MemoryStore
from tests.rag.ingest.office_files import docx, paragraph
from tests.rag.ingest.syncing import (
    CONFIDENTIAL,
    INTERNAL,
    PUBLIC,
    SCALE,
    found,
    settings,
    statuses,
    write,
)


def test_without_readers_nobody_finds_a_document(folder, store):
    """No readers means nobody, and the report says it first."""
    write(folder, a="Text.")

    report = sync_folder(folder, store=store, settings=settings(readers=frozenset()))

    assert [] == found(store, "Text")
    assert 1 == report.without_readers
    assert "NOBODY" in report.warnings[0]


def test_a_permission_changes_without_a_new_embedding(folder):
    """Rules of the access file count at the next sync, for unchanged files too."""
    store, embedder = MemoryStore(dimensions=2), CountingEmbedder()
    write(folder, a="Text.", b="Text too.")
    sync_folder(folder, store=store, settings=settings(), embedder=embedder)
    asked = len(embedder.asked)
    (folder / ".hybridllm-access.toml").write_text(
        '[[access]]\nfiles = ["a.txt"]\nreaders = ["group:board"]\nlabel = "confidential"\n',
        encoding="utf-8",
    )

    report = sync_folder(folder, store=store, settings=settings(), embedder=embedder)

    assert asked == len(embedder.asked)
    assert ["docs/b.txt"] == found(store, "Text")
    assert CONFIDENTIAL == store.live["docs/a.txt"].document.grant.label
    assert {FileStatus.UNCHANGED} == set(statuses(report).values())


def test_a_broken_access_file_stops_the_sync(folder, store):
    """Rules that cannot be read are not left out."""
    write(folder, a="Text.")
    (folder / ".hybridllm-access.toml").write_text("[[access]]\nfile = 1\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="Did you mean 'files'"):
        sync_folder(folder, store=store, settings=settings())

    assert {} == store.live


def test_an_access_file_in_a_subfolder_stops_the_sync(folder, store):
    """Its writer thinks it protects something."""
    write(folder, a__b="Text.")
    (folder / "a" / ".hybridllm-access.toml").write_text("", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="at the top"):
        sync_folder(folder, store=store, settings=settings())


def test_a_typo_in_a_rule_is_reported(folder, store):
    """A rule that names no file protects none."""
    write(folder, a="Text.")
    (folder / ".hybridllm-access.toml").write_text(
        '[[access]]\nfiles = ["b.txt"]\nreaders = ["public"]\n', encoding="utf-8"
    )

    report = sync_folder(folder, store=store, settings=settings())

    assert (1,) == report.unused_rules
    assert "number 1" in report.warnings[-1]


def test_departments_of_rules_only_narrow(folder, store):
    """A folder for two departments cannot be opened to a third by its own rules."""
    write(folder, a="Text.", b="Text.")
    (folder / ".hybridllm-access.toml").write_text(
        '[[access]]\nfiles = ["a.txt"]\ndepartments = ["sales", "board"]\n'
        '[[access]]\nfiles = ["b.txt"]\ndepartments = ["board"]\n',
        encoding="utf-8",
    )

    sync_folder(folder, store=store, settings=settings(departments=frozenset({"sales", "legal"})))

    grants = {name: item.document.grant for name, item in store.live.items()}
    assert frozenset({"sales"}) == grants["docs/a.txt"].departments
    assert frozenset() == grants["docs/b.txt"].readers


def test_labels_are_joined_and_never_lowered(folder, store):
    """A marking raises the label of its source; the source raises that of its documents."""
    (folder / "a.docx").write_bytes(docx(paragraph("Text."), header="社外秘"))
    (folder / "b.docx").write_bytes(docx(paragraph("Text."), header="社内限り"))
    (folder / "c.docx").write_bytes(docx(paragraph("Text.")))

    sync_folder(folder, store=store, settings=settings(label=None))
    unlabelled = {name[5]: item.document.grant.label for name, item in store.live.items()}
    sync_folder(folder, store=store, settings=settings(label=CONFIDENTIAL))
    labelled = {name[5]: item.document.grant.label for name, item in store.live.items()}

    assert {"a": CONFIDENTIAL, "b": INTERNAL, "c": SCALE.strictest} == unlabelled
    assert {"a": CONFIDENTIAL, "b": CONFIDENTIAL, "c": CONFIDENTIAL} == labelled


def test_the_embedder_is_told_the_label(folder):
    """Embedding is egress: whoever makes the vectors decides by the document's label."""
    store, embedder = MemoryStore(dimensions=2), CountingEmbedder()
    (folder / "a.docx").write_bytes(
        docx(paragraph("Head", style="H1"), paragraph("Text. " * 200), header="社外秘")
    )

    sync_folder(folder, store=store, settings=settings(), embedder=embedder)

    assert {CONFIDENTIAL} == {label for _, label in embedder.asked}
    assert all(text.startswith("Head\n") for text, _ in embedder.asked)
    stored = store.live["docs/a.docx"]
    assert len(stored.passages) == len(stored.vectors)


def test_a_document_that_may_not_be_embedded_is_skipped(folder):
    """A denial for one document does not end the sync."""
    store = MemoryStore(dimensions=2)
    write(folder, a="Text.")
    denial = PolicyDeniedError("no", policy_decision=None)

    report = sync_folder(
        folder, store=store, settings=settings(), embedder=CountingEmbedder(error=denial)
    )

    assert {Reason.EMBEDDING_DENIED: 1} == report.reasons


def test_a_denied_new_version_leaves_the_old_one_under_no_lower_label(folder, tmp_path):
    """The file has become confidential; its old text is not found by those below."""
    store, memory = MemoryStore(dimensions=2), tmp_path / "memory.json"
    (folder / "a.docx").write_bytes(docx(paragraph("Old text.")))
    chosen = settings(memory=memory)
    sync_folder(folder, store=store, settings=chosen, embedder=CountingEmbedder())
    (folder / "a.docx").write_bytes(docx(paragraph("New text."), header="社外秘"))
    denial = PolicyDeniedError("no", policy_decision=None)

    report = sync_folder(
        folder, store=store, settings=chosen, embedder=CountingEmbedder(error=denial)
    )

    assert FileStatus.KEPT_OLD == report.files[0].status
    assert [] == found(store, "Old", PUBLIC)
    assert ["docs/a.docx"] == found(store, "Old", CONFIDENTIAL)


def test_an_embedder_that_fails_ends_the_sync_and_changes_nothing(folder):
    """The next sync takes up the work where it was cut off."""
    store = MemoryStore(dimensions=2)
    write(folder, a="Text.")

    with pytest.raises(TimeoutError):
        sync_folder(
            folder,
            store=store,
            settings=settings(),
            embedder=CountingEmbedder(error=TimeoutError()),
        )

    assert {} == store.live


@pytest.mark.parametrize(("dimensions", "embedder"), [(2, None), (0, CountingEmbedder())])
def test_store_and_embedder_must_fit(folder, dimensions, embedder):
    """A store of vectors without an embedder would find half of everything."""
    with pytest.raises(ConfigurationError, match="embedder"):
        sync_folder(
            folder, store=MemoryStore(dimensions=dimensions), settings=settings(), embedder=embedder
        )


def test_the_listener_hears_every_text_before_it_is_found(folder, store, tmp_path):
    """The fingerprint index knows new and changed texts, and texts whose label changed."""
    told: list[tuple[str, str, str, int]] = []

    def listen(document_id, *, text, label):
        told.append((document_id, text, label.level.name, len(store.live)))

    memory = tmp_path / "memory.json"
    write(folder, a="Text.")
    for label in (PUBLIC, PUBLIC, INTERNAL):
        chosen = settings(label=label, memory=memory)
        sync_folder(folder, store=store, settings=chosen, on_document=listen)

    assert [
        ("docs/a.txt", "Text.", "public", 0),
        ("docs/a.txt", "Text.", "internal", 1),
    ] == told


def test_no_report_shows_content(folder, store):
    """A log line with a report in it holds no word and no name of a document."""
    write(folder, Koalaplan="社外秘\n\nThe wombat budget.")

    report = sync_folder(folder, store=store, settings=settings())

    assert "ombat" not in repr(report)
    assert "oala" not in repr(report)
