"""How the grant of a document stands in a store.

Answers: how is a grant written, read and sealed?
Not here: where it is stored (`sqlite`, `postgres`), what it allows (`model.Access.covers`).

Names of labels are looked up on a scale; one that the scale doesn't have counts as the
strictest label, and readers that cannot be read as nobody. Each document carries a seal
over its identity and its grant: a damaged bit may not hand it another document's readers.
The seal has no key and is no protection from whoever can write to the store.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from hybridllm.errors import ConfigurationError
from hybridllm.rag.model import Grant

if TYPE_CHECKING:
    from hybridllm.labels import Label, Scale
    from hybridllm.rag.model import Document

GrantRow = tuple[str, str, str, str]
"""Level, compartments, readers and departments, the last three as JSON."""


def grant_row(grant: Grant) -> GrantRow:
    """Return how a grant is written.

    Raises:
        TypeError: Readers or departments are no set of names, such as one bare name.
    """
    given: tuple[Any, Any] = (grant.readers, grant.departments)
    if not all(isinstance(names, frozenset) for names in given):
        # A bare name would be read as the set of its letters.
        raise TypeError("readers and departments of a grant are frozensets of names")
    label = grant.label
    return (
        label.level.name,
        _names(label.compartments),
        _names(grant.readers),
        _names(grant.departments),
    )


def seal(document: str, *, version: str, row: GrantRow) -> bytes:
    """Return what ties a document to its grant."""
    text = json.dumps([document, version, *row], ensure_ascii=True)
    return blake2b(text.encode("ascii"), digest_size=16).digest()


def sealed(document: Document) -> tuple[GrantRow, bytes]:
    """Return how a document's grant is written, and its seal."""
    row = grant_row(document.grant)
    return row, seal(document.id, version=document.version, row=row)


def read_grant(row: GrantRow, *, scale: Scale) -> Grant:
    """Return the grant that a row holds; whatever cannot be read is the strictest."""
    level, compartments, readers, departments = row
    found = _set(departments)
    if found is None:
        return Grant(scale.strictest, frozenset())
    return Grant(
        _label(level, compartments=compartments, scale=scale),
        _set(readers) or frozenset(),
        found,
    )


def _label(level: str, *, compartments: str, scale: Scale) -> Label:
    found = _set(compartments)
    if found is None:
        return scale.strictest
    try:
        return scale.label(level, compartments=found)
    except ConfigurationError:
        return scale.strictest


def _set(text: str) -> frozenset[str] | None:
    try:
        names = json.loads(text)
    except ValueError:
        return None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return frozenset(names) if is_list else None


def _names(names: frozenset[str]) -> str:
    # ASCII: a name with half a character (a surrogate) can be stored like any other.
    return json.dumps(sorted(names), ensure_ascii=True)
