"""Which label a text had when it was last seen, without keeping the text.

Answers: was this message, or a paragraph of it, part of a request above the
organisation's default label, and what label was that?
Not here: what is in a text (detectors), passages of documents (`fingerprint`),
which texts are worth remembering (`flow`),
memories of several machines (`memory_postgres`, `memory_redis`).

Taint that hangs on a session id is lost when a client forgets the id. Here the
text itself is the key: pasted into a new conversation, sent by another client
object or after a restart, it keeps its label.

A text leaves keyed digests (`fingerprint.digest`): one of the whole text and one of
each longer line and sentence, for at most 256 of them. Width, case and spacing don't
matter, and a text is found behind "Translate:" or before another sentence. Changed
words do matter: a paraphrase is not found, nor is half a sentence.

Texts of fewer than 16 characters are neither remembered nor recalled:
ありがとうございます must not taint everybody who is polite. A longer stock phrase
does taint, so a caller should not pass system prompts that all requests share.

Any error means that nobody knows; the caller must treat it as a doubt.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from hybridllm.classify.fingerprint.digest import Digester
from hybridllm.classify.fingerprint.store import BUSY_TIMEOUT_S, Store
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from hybridllm.labels import Label, Scale

_APPLICATION_ID: Final = int.from_bytes(b"hmm1")

_SCHEMA: Final = """
CREATE TABLE label (
    id INTEGER PRIMARY KEY, level TEXT, compartments TEXT, UNIQUE (level, compartments));
CREATE TABLE entry (
    digest BLOB, label INTEGER, seen INTEGER, PRIMARY KEY (digest, label)) WITHOUT ROWID;
CREATE INDEX entry_seen ON entry (seen);
CREATE TRIGGER entry_added AFTER INSERT ON entry
    BEGIN UPDATE setting SET value = value + 1 WHERE name = 'entries'; END;
CREATE TRIGGER entry_removed AFTER DELETE ON entry
    BEGIN UPDATE setting SET value = value - 1 WHERE name = 'entries'; END;
INSERT INTO setting VALUES ('entries', 0)
"""

_RECALL: Final = """
SELECT level, compartments FROM entry JOIN label ON label.id = entry.label WHERE seen >= ?"""

_AT_ONCE: Final = 256
"""Digests in one query; SQLite before 3.32 took at most 999 parameters."""


class MessageMemory(Protocol):
    """Remembers the labels of texts. Safe to call from several threads."""

    def recall(self, texts: Iterable[str]) -> Label | None:
        """Return the join of the labels of all known texts, `None` if none is known.

        Raises:
            StoreError: The memory cannot be read; the label is in doubt.
        """
        ...

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        """Join `label` into what is known of each text. A label never falls.

        Raises:
            StoreError: The memory cannot be written; the taint would be lost.
        """
        ...

    def close(self) -> None:
        """Release files. Calling it again does nothing."""
        ...


class VolatileMemory:
    """A memory in this process: gone with it, and shared with no other."""

    def __init__(self, scale: Scale, *, key: bytes, max_entries: int = 100_000) -> None:
        if max_entries < 1:
            raise ConfigurationError(f"is {max_entries}; expected at least 1", key="max_entries")
        self._scale = scale
        self._digests = Digester(key)
        self._max_entries = max_entries
        self._labels: OrderedDict[bytes, Label] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, texts: Iterable[str]) -> Label | None:
        """Return the join of the labels of all known texts, `None` if none is known."""
        if not self._labels:
            return None
        digests = self._digests.to_recall(texts)
        with self._lock:
            known = self._labels.keys() & digests
            for digest in known:
                self._labels.move_to_end(digest)
            return joined(self._labels[digest] for digest in known)

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        """Join `label` into what is known of each text; the least recent ones go first."""
        digests = self._digests.to_remember(texts)
        with self._lock:
            for digest in digests:
                before = self._labels.pop(digest, label)
                self._labels[digest] = before.join(label)
            while len(self._labels) > self._max_entries:
                self._labels.popitem(last=False)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._labels.clear()


class SqliteMemory:
    """A memory in a file, shared by all threads and processes that open it.

    The file holds digests, names of labels and times; without the key it tells
    nothing about a text. An entry keeps every label that it was given and is read as
    their join, so no order of writers can lower one. A level or compartment that
    the scale no longer has counts as the strictest label.

    Args:
        path: The file; made if missing, readable by its owner only.
        scale: Where the stored names are looked up.
        key: 16 to 64 secret bytes, the same for everybody who opens the file.
        max_entries: Beyond this, what was remembered longest ago is deleted.
        max_age_s: What was not remembered again for this long is deleted.
        busy_timeout_s: How long to wait for another process before a `StoreError`.
        clock: Seconds since the epoch.

    Raises:
        ConfigurationError: The file cannot be made or read, is no memory, is damaged,
            or was made with another key.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        scale: Scale,
        key: bytes,
        max_entries: int = 1_000_000,
        max_age_s: float = 90 * 86_400,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for name, value in (("max_entries", max_entries), ("max_age_s", max_age_s)):
            if not value >= 1:
                raise ConfigurationError(f"is {value}; expected at least 1", key=name)
        self._scale, self._digests, self._clock = scale, Digester(key), clock
        self._max_entries, self._max_age_s = max_entries, max_age_s
        self._store = Store(
            path,
            purpose="message memory",
            schema=_SCHEMA,
            application_id=_APPLICATION_ID,
            key_check=self._digests.key_check,
            busy_timeout_s=busy_timeout_s,
        )

    def recall(self, texts: Iterable[str]) -> Label | None:
        """Return the join of the labels of all known texts, `None` if none is known."""
        with self._store.reading() as connection:
            is_empty = connection.execute("SELECT 1 FROM entry LIMIT 1").fetchone() is None
        digests = [] if is_empty else list(self._digests.to_recall(texts))
        if not digests:
            return None
        oldest = int(self._clock() - self._max_age_s)
        rows: set[tuple[str, str]] = set()
        with self._store.reading() as connection:
            for first in range(0, len(digests), _AT_ONCE):
                some = digests[first : first + _AT_ONCE]
                query = f"{_RECALL} AND digest IN ({','.join('?' * len(some))})"
                rows.update(connection.execute(query, (oldest, *some)))
        return joined(
            label_named(self._scale, level=level, compartments=some) for level, some in rows
        )

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        """Add `label` to what is known of each text; it is on the disk on return."""
        digests = self._digests.to_remember(texts)
        if not digests:
            return
        names = (label.level.name, json.dumps(sorted(label.compartments)))
        now = int(self._clock())
        with self._store.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO label VALUES (NULL, ?, ?)", names)
            (row,) = connection.execute(
                "SELECT id FROM label WHERE level = ? AND compartments = ?", names
            )
            # All labels of a digest age together, or the join would fall with age.
            connection.executemany(
                "UPDATE entry SET seen = ? WHERE digest = ?", [(now, digest) for digest in digests]
            )
            connection.executemany(
                "INSERT OR IGNORE INTO entry VALUES (?, ?, ?)",
                [(digest, *row, now) for digest in digests],
            )
            self._expire(connection, now=now)

    def forget(self, texts: Iterable[str]) -> None:
        """Delete all that is known of these texts and of their lines, from the file too."""
        digests = self._digests.to_recall(texts)
        with self._store.writing() as connection:
            connection.executemany(
                "DELETE FROM entry WHERE digest = ?", [(digest,) for digest in digests]
            )
        self._store.compact()

    def purge(self) -> None:
        """Delete what is too old or too much, from the file too.

        `remember` does so as well, but leaves unused bytes in the file: call this now
        and then where retention is a duty.
        """
        with self._store.writing() as connection:
            self._expire(connection, now=int(self._clock()))
        self._store.compact()

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        self._store.close()

    def _expire(self, connection: sqlite3.Connection, *, now: int) -> None:
        connection.execute("DELETE FROM entry WHERE seen < ?", (int(now - self._max_age_s),))
        (entries,) = connection.execute("SELECT value FROM setting WHERE name = 'entries'")
        if (excess := entries[0] - self._max_entries) > 0:
            # Whole digests go: half of one's labels would be a lower label.
            connection.execute(
                "DELETE FROM entry WHERE digest IN"
                " (SELECT digest FROM entry ORDER BY seen LIMIT ?)",
                (excess,),
            )


def label_named(scale: Scale, *, level: str, compartments: str) -> Label:
    """Return a stored label: its level, and a JSON list of compartments.

    One that the scale does not have any more counts as the strictest.
    """
    try:
        return scale.label(level, compartments=json.loads(compartments))
    except (ConfigurationError, ValueError, TypeError):
        return scale.strictest


def joined(labels: Iterable[Label]) -> Label | None:
    """Return the join of all labels, `None` if there is none."""
    remaining: Iterator[Label] = iter(labels)
    result = next(remaining, None)
    if result is not None:
        for label in remaining:
            result = result.join(label)
    return result
