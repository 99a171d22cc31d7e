"""What an office file says of itself outside its text.

Answers: which title, properties, Microsoft labels, macros and embedded files does it have?
Not here: headers, footers and watermarks (`word`, `sheets`, `slides`).

Sources: ECMA-376 part 2, 11 (core properties); part 1, 22.3 (custom properties);
[MS-OFFCRYPTO] 2.6 (LabelInfo.xml).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hybridllm.rag.ingest.archives import OfficeFile
from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.marks import folded
from hybridllm.rag.ingest.xml_parts import attribute, local, tree

_CORE: Final = frozenset(
    {"title", "subject", "keywords", "category", "description", "contentStatus"}
)


def read_properties(office: OfficeFile, *, draft: Draft) -> None:
    """Take title and markings out of an office file's properties."""
    pairs: list[tuple[str, str]] = []
    for part in office.parts:
        name = part.casefold()
        if name == "docprops/core.xml":
            core = list(_core(office, part=part, draft=draft))
            draft.title(dict(core).get("title", ""))
            pairs += core
        elif name == "docprops/custom.xml":
            pairs += _custom(office, part=part, draft=draft)
        elif name == "docmetadata/labelinfo.xml":
            _label_info(office, part=part, draft=draft)
    draft.properties(pairs)
    _note_unread(office, draft=draft)


def _core(office: OfficeFile, *, part: str, draft: Draft) -> Iterator[tuple[str, str]]:
    for item in tree(office.pieces(part), budget=draft.budget):
        if local(item.tag) in _CORE:
            yield local(item.tag), "".join(item.itertext())


def _custom(office: OfficeFile, *, part: str, draft: Draft) -> Iterator[tuple[str, str]]:
    for item in tree(office.pieces(part), budget=draft.budget):
        yield attribute(item, name="name"), "".join(item.itertext())


def _label_info(office: OfficeFile, *, part: str, draft: Draft) -> None:
    for item in tree(office.pieces(part), budget=draft.budget):
        is_on = folded(attribute(item, name="enabled", default="1")) not in {"0", "false"}
        is_removed = folded(attribute(item, name="removed", default="0")) in {"1", "true"}
        if local(item.tag) == "label" and is_on and not is_removed:
            draft.microsoft_label(attribute(item, name="id"))


def _note_unread(office: OfficeFile, *, draft: Draft) -> None:
    for part in office.parts:
        name = part.casefold()
        if name.endswith("vbaproject.bin"):
            draft.note("macro")
        elif "/embeddings/" in name:
            draft.note("embedded_file")
        elif "/media/" in name:
            draft.note("picture")
