"""Passages of labelled documents, found again in prompts.

Answers: which documents does this text quote, where, and what is their label?
Not here: selecting fingerprints (`winnow`), what passages in several documents mean
(`hits`), the file itself (`store`), reading documents from a disk (`files`).

The index is a SQLite file: rows of fingerprint and document, and for each document
its fingerprints once more under a keyed checksum, from which the bitmap in memory
(`front`) is built and by which a document is removed. Fingerprints are keyed, so
without the key the file tells nothing about a text. Names of documents and of labels
stand there in clear.

Any error means that nobody knows; the caller must treat it as a doubt.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from hybridllm.classify.fingerprint.contents import IndexedDocument, IndexStats
from hybridllm.classify.fingerprint.front import Front
from hybridllm.classify.fingerprint.hits import FingerprintHit, hits, is_published
from hybridllm.classify.fingerprint.listing import Checksums, packed, unpacked
from hybridllm.classify.fingerprint.store import BUSY_TIMEOUT_S, Store
from hybridllm.classify.fingerprint.winnow import GRAM_CHARACTERS, Winnower, normalised
from hybridllm.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Iterable

    from hybridllm.labels import Label, Scale

_APPLICATION_ID: Final = int.from_bytes(b"hfp1")

_SCHEMA: Final = """
CREATE TABLE document (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, level TEXT, compartments TEXT,
    content BLOB, fingerprints INTEGER);
CREATE TABLE listing (document INTEGER PRIMARY KEY, checksum BLOB, fingerprints BLOB);
CREATE TABLE passage (
    fingerprint INTEGER, document INTEGER, PRIMARY KEY (fingerprint, document)) WITHOUT ROWID
"""

_NEW_LISTINGS: Final = """
SELECT listing.document, checksum, listing.fingerprints, name, level, compartments
FROM listing JOIN document ON id = listing.document WHERE listing.document > ?
ORDER BY listing.document"""

_DOCUMENTS: Final = "SELECT name, level, compartments, fingerprints FROM document"

_TOTAL: Final = "SELECT total(fingerprints) FROM document WHERE id > ?"

_OWNERS: Final = "SELECT fingerprint, document FROM passage WHERE fingerprint IN"

_AT_ONCE: Final = 256
"""Fingerprints in one query; SQLite before 3.32 took at most 999 parameters."""


class FingerprintIndex:
    """The fingerprints of all labelled documents. Safe for several threads and processes.

    Args:
        path: The file; made if missing, readable by its owner only.
        scale: Where the stored names of labels are looked up. A name that the scale
            no longer has counts as the strictest label.
        key: 16 to 64 secret bytes, the same for everybody who opens the file.
        busy_timeout_s: How long to wait for another process before a `StoreError`.

    Raises:
        ConfigurationError: The file cannot be made or read, is no index, is damaged,
            or was made with another key.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        scale: Scale,
        key: bytes,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.scale: Final = scale
        self._winnower = Winnower(key)
        self._checksums = Checksums(key)
        self._front = Front(0)
        self._seen_id, self._seen_version, self._in_front = 0, -1, 0
        self._store = Store(
            path,
            purpose="fingerprint index",
            schema=_SCHEMA,
            application_id=_APPLICATION_ID,
            key_check=self._winnower.key_check,
            busy_timeout_s=busy_timeout_s,
        )
        try:
            with self._store.reading() as connection:
                self._refresh(connection)
        except StoreError as error:
            self._store.close()
            raise ConfigurationError(
                "is damaged; restore the fingerprint index from a backup", file=str(path)
            ) from error

    def add_document(self, document_id: str, *, text: str, label: Label) -> int:
        """Store the fingerprints of a document, in place of an older one with this id.

        Returns:
            How many there are; 0 if the text is too short to be recognised.
        """
        return self.add_documents([(document_id, text, label)])[0]

    def add_documents(self, documents: Iterable[tuple[str, str, Label]]) -> list[int]:
        """Store documents, given as id, text and label: all or none. See `compact`."""
        prepared = [
            (name, label, self._checksums.of_text(text), self._fingerprints(text, label=label))
            for name, text, label in documents
        ]
        with self._store.writing() as connection:
            # SQLite doesn't count a connection's own commits as a change.
            self._seen_version = -1
            for name, label, content, fingerprints in prepared:
                self._delete(connection, name=name)
                if fingerprints:
                    self._insert(connection, (name, *_names(label)), content, fingerprints)
        return [len(fingerprints) for *_, fingerprints in prepared]

    def has_document(self, document_id: str, *, text: str, label: Label) -> bool:
        """Return whether this very text is there under this id and label."""
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT content, level, compartments FROM document WHERE name = ?", (document_id,)
            ).fetchone()
        found: bool = row == (self._checksums.of_text(text), *_names(label))
        return found

    def remove_document(self, document_id: str) -> bool:
        """Delete a document from the index and from the file; return whether it was there."""
        return bool(self.remove_documents([document_id]))

    def remove_documents(self, document_ids: Iterable[str]) -> list[str]:
        """Delete documents from the index and from the file; return which were there."""
        with self._store.writing() as connection:
            removed = [name for name in document_ids if self._delete(connection, name=name)]
        if removed:
            self._store.compact()
        return removed

    def compact(self) -> None:
        """Write the file anew, without bytes that documents left when they were replaced."""
        self._store.compact()

    def documents(self) -> tuple[IndexedDocument, ...]:
        """Return all documents by their id."""
        with self._store.reading() as connection:
            rows = connection.execute(f"{_DOCUMENTS} ORDER BY name").fetchall()
        return tuple(self._indexed(*row) for row in rows)

    def stats(self) -> IndexStats:
        """Return how large the index is."""
        documents = self.documents()
        with self._store.reading() as connection:
            self._refresh(connection)
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        return IndexStats(
            documents=len(documents),
            fingerprints=sum(document.fingerprints for document in documents),
            labels=tuple(Counter(document.label for document in documents).most_common()),
            memory_bytes=self._front.memory_bytes,
            file_bytes=pages * page_bytes,
        )

    def lookup(self, text: str) -> tuple[FingerprintHit, ...]:
        """Return the passages of the text that stand in labelled documents.

        Raises:
            StoreError: The index cannot be read; what the text quotes is in doubt.
        """
        with self._store.reading() as connection:
            self._refresh(connection)
        if not self._in_front:  # an empty index costs nothing more
            return ()
        normal = normalised(text)
        if len(normal) < GRAM_CHARACTERS:
            return ()
        probes = self._winnower.probes(normal)
        with self._store.reading() as connection:
            self._refresh(connection)
            places = self._front.possible(probes)
            owners = _owners(connection, list(places))
            if not owners:
                return ()
            known = self._known(connection, owners.values())
        return hits(text, normal_length=len(normal), places=places, owners=owners, documents=known)

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        self._store.close()

    def _refresh(self, connection: sqlite3.Connection) -> None:
        """Bring the bitmap up to what has been committed, by this or any process."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._seen_version:
            return
        if self._in_front + _total(connection, after=self._seen_id) > self._front.capacity:
            self._front = Front(_total(connection, after=0))
            self._seen_id, self._in_front = 0, 0
        rows = connection.execute(_NEW_LISTINGS, (self._seen_id,))
        for document, checksum, fingerprints, *names in rows:
            if checksum != self._checksums.of_listing(names, fingerprints=fingerprints):
                raise StoreError(
                    f"{self._store.path}: fingerprint index is damaged (checksum of a document)"
                )
            listed = unpacked(fingerprints)
            self._front.add(listed)
            self._in_front += len(listed)
            self._seen_id = document
        self._seen_version = version

    def _fingerprints(self, text: str, *, label: Label) -> list[int]:
        if is_published(label):
            # All of them, so that they cover its passages in other documents whole.
            return sorted(self._winnower.every_fingerprint(text))
        return sorted(self._winnower.fingerprints(text))

    def _insert(
        self,
        connection: sqlite3.Connection,
        names: tuple[str, str, str],
        content: bytes,
        fingerprints: list[int],
    ) -> None:
        document = connection.execute(
            "INSERT INTO document VALUES (NULL, ?, ?, ?, ?, ?)",
            (*names, content, len(fingerprints)),
        ).lastrowid
        listed = packed(fingerprints)
        connection.execute(
            "INSERT INTO listing VALUES (?, ?, ?)",
            (document, self._checksums.of_listing(names, fingerprints=listed), listed),
        )
        connection.executemany(
            "INSERT INTO passage VALUES (?, ?)",
            [(fingerprint, document) for fingerprint in fingerprints],
        )

    def _delete(self, connection: sqlite3.Connection, *, name: str) -> bool:
        row = connection.execute(
            "SELECT id, listing.fingerprints FROM document JOIN listing ON document = id"
            " WHERE name = ?",
            (name,),
        ).fetchone()
        if row is None:
            return False
        document, fingerprints = row
        connection.executemany(
            "DELETE FROM passage WHERE fingerprint = ? AND document = ?",
            [(fingerprint, document) for fingerprint in unpacked(fingerprints)],
        )
        connection.execute("DELETE FROM listing WHERE document = ?", (document,))
        connection.execute("DELETE FROM document WHERE id = ?", (document,))
        return True

    def _known(
        self, connection: sqlite3.Connection, owners: Iterable[set[int]]
    ) -> dict[int, IndexedDocument]:
        found = {}
        for document in set().union(*owners):
            row = connection.execute(f"{_DOCUMENTS} WHERE id = ?", (document,)).fetchone()
            if row is not None:
                found[document] = self._indexed(*row)
        return found

    def _indexed(
        self, name: str, level: str, compartments: str, fingerprints: int
    ) -> IndexedDocument:
        return IndexedDocument(name, self._label(level, compartments), fingerprints)

    def _label(self, level: str, compartments: str) -> Label:
        try:
            return self.scale.label(level, compartments=json.loads(compartments))
        except ConfigurationError:
            return self.scale.strictest


def _total(connection: sqlite3.Connection, *, after: int) -> int:
    return int(connection.execute(_TOTAL, (after,)).fetchone()[0])


def _owners(connection: sqlite3.Connection, fingerprints: list[int]) -> dict[int, set[int]]:
    """Return the documents of each fingerprint that is in the index."""
    found: dict[int, set[int]] = {}
    for first in range(0, len(fingerprints), _AT_ONCE):
        some = fingerprints[first : first + _AT_ONCE]
        query = f"{_OWNERS} ({','.join('?' * len(some))})"
        for fingerprint, document in connection.execute(query, some):
            found.setdefault(fingerprint, set()).add(document)
    return found


def _names(label: Label) -> tuple[str, str]:
    return label.level.name, json.dumps(sorted(label.compartments))
