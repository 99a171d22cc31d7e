"""What an earlier sync read, so that an unchanged file need not be parsed again.

Answers: which title and markings did this version of a document have?
Not here: texts and vectors (the store).

One JSON file, readable by its owner only. It holds titles and names of files: keep it where
the store is. It is a memory and not the truth: a missing or broken one makes the next sync
parse every file again, and nothing else. Whoever can write to it can lower labels, as
whoever can write to the store.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hybridllm.errors import ConfigurationError
from hybridllm.rag.ingest.marks import Marking

_REVISION: Final = 1
"""Raise it when readers find more markings: older memories are then not believed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one version of a document without its text.

    Attributes:
        title: As cited.
        markings: What it said of itself.
        label: The label under which its text was handed on, as text.
    """

    title: str = field(repr=False)
    markings: tuple[Marking, ...]
    label: str = ""


class SyncMemory:
    """Facts by document and version, in a file or only in this process.

    Args:
        path: The file, or `None` to forget everything at the end.
        source: Facts of other sources in the file stay as they are.
        names: Names of markings in the configuration. With other names than last time, all
            files are parsed again: one may carry a marking that had no name then.

    Raises:
        ConfigurationError: The file's folder is missing.
    """

    def __init__(self, path: Path | None, *, source: str, names: frozenset[str]) -> None:
        if path is not None and not path.parent.is_dir():
            raise ConfigurationError("stands in a folder that does not exist", file=str(path))
        self._path = path
        self._all = _load(path)
        known = self._all.get(source, {})
        digest = hashlib.sha256("\n".join(sorted(names)).encode("utf-8")).hexdigest()
        is_same = known.get("names") == digest and isinstance(known.get("facts"), dict)
        self._facts: dict[str, Any] = known["facts"] if is_same else {}
        self._all[source] = {"names": digest, "facts": self._facts}

    def facts(self, document: str, *, version: str) -> Facts | None:
        """Return what is known of a version."""
        return _facts(self._facts.get(f"{version} {document}"))

    def learn(self, document: str, *, version: str, facts: Facts) -> None:
        """Note what a version says."""
        self._facts[f"{version} {document}"] = {
            "title": facts.title,
            "markings": [[item.name, item.kind, item.page] for item in facts.markings],
            "label": facts.label,
        }

    def keep_only(self, versions: Mapping[str, str]) -> None:
        """Forget all but these versions by document."""
        wanted = {f"{version} {document}" for document, version in versions.items()}
        for key in self._facts.keys() - wanted:
            del self._facts[key]

    def save(self) -> None:
        """Write the file, all of it or nothing.

        Raises:
            OSError: The disk is full or the folder cannot be written.
        """
        if self._path is not None:
            _save(self._path, sources=self._all)


def forget(path: Path, *, documents: Collection[str]) -> None:
    """Take every version of erased documents out of a memory's file.

    Raises:
        OSError: The disk is full or the folder cannot be written.
    """
    sources = _load(path)
    for source in sources.values():
        facts = source.get("facts", {})
        for key in [key for key in facts if key.partition(" ")[2] in documents]:
            del facts[key]
    _save(path, sources=sources)


def _save(path: Path, *, sources: Mapping[str, Any]) -> None:
    content = json.dumps({"revision": _REVISION, "sources": sources}, ensure_ascii=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".hybridllm-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _load(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("revision") != _REVISION:
        return {}
    sources = content.get("sources")
    is_whole = isinstance(sources, dict) and all(isinstance(one, dict) for one in sources.values())
    return sources if is_whole else {}  # type: ignore[return-value] # checked in the line above


def _facts(row: Any) -> Facts | None:
    """Return the facts of a row; `None` if anything about it is odd."""
    try:
        title, label, rows = row["title"], row["label"], row["markings"]
        markings = tuple(_markings(rows))
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(title, str) or not isinstance(label, str):
        return None
    return Facts(title, markings, label)


def _markings(rows: Any) -> Iterable[Marking]:
    for name, kind, page in rows:
        if not (isinstance(name, str) and isinstance(kind, str) and isinstance(page, int)):
            raise TypeError("a marking has a name, a kind and a page")
        yield Marking(name, kind, page)
