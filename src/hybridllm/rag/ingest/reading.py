"""A file's bytes, read.

Answers: what does a file say, whatever its format?
Not here: the formats (one module each), folders (`folder`), passages (`chunking`).

The name's suffix chooses the reader, and the first bytes must agree with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final

from hybridllm.errors import HybridLLMError
from hybridllm.rag.ingest.draft import Draft, Reading
from hybridllm.rag.ingest.encodings import decoded
from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.limits import Budget, ReadLimits
from hybridllm.rag.ingest.mail import read_mail
from hybridllm.rag.ingest.markdown import read_markdown
from hybridllm.rag.ingest.pdf import read_pdf
from hybridllm.rag.ingest.plain import read_plain, read_table
from hybridllm.rag.ingest.sheets import read_sheets
from hybridllm.rag.ingest.slides import read_slides
from hybridllm.rag.ingest.web import declared_encoding, read_web
from hybridllm.rag.ingest.word import read_word

_TEXT: Final[dict[str, Callable[..., None]]] = {
    ".csv": read_table,
    ".markdown": read_markdown,
    ".md": read_markdown,
    ".text": read_plain,
    ".tsv": read_table,
    ".txt": read_plain,
}
_WEB: Final = frozenset({".htm", ".html", ".xhtml"})
_OFFICE: Final[dict[str, Callable[..., None]]] = {
    ".docm": read_word,
    ".docx": read_word,
    ".dotx": read_word,
    ".pptm": read_slides,
    ".pptx": read_slides,
    ".xlsm": read_sheets,
    ".xlsx": read_sheets,
}
_OLD: Final = frozenset({".doc", ".ppt", ".xls"})
_MOST_MARK_OFFSET: Final = 1024

SUFFIXES: Final = frozenset({*_TEXT, *_WEB, *_OFFICE, ".eml", ".pdf"})
"""What can be read, by the end of the name."""


def read_document(
    data: bytes,
    *,
    name: str,
    limits: ReadLimits | None = None,
    names: frozenset[str] = frozenset(),
    table_chars: int = 700,
) -> Reading:
    """Return what a file says.

    Args:
        data: Its bytes.
        name: Its name, with folders: the suffix chooses the reader, markings count.
        limits: What it may cost.
        names: Names of markings beyond the built-in words, as `Markings.names` has them.
        table_chars: How long a group of table rows may be.

    Raises:
        DocumentReadError: It cannot be read, and why.
        MissingExtraError: Its format needs a package that is not installed.
    """
    limits = limits or ReadLimits()
    if not data:
        raise DocumentReadError(Reason.EMPTY)
    if len(data) > limits.file_bytes:
        raise DocumentReadError(Reason.TOO_LARGE)
    draft = Draft(budget=Budget(limits), names=names, table_chars=table_chars)
    draft.file_name(name)
    try:
        _read(data, suffix=PurePosixPath(name).suffix.casefold(), draft=draft)
        return draft.finish()
    except HybridLLMError:
        raise
    except Exception:
        # Boundary: parsers meet files that nobody has seen, and one of them must not end a
        # whole sync. What they raise may quote the file, so it goes no further.
        raise DocumentReadError(Reason.DAMAGED) from None


def is_old_format(name: str) -> bool:
    """Return whether a file's name is one of an office file from before 2007."""
    return PurePosixPath(name).suffix.casefold() in _OLD


def _read(data: bytes, *, suffix: str, draft: Draft) -> None:
    if suffix in _TEXT:
        _TEXT[suffix](decoded(data), draft=draft)
    elif suffix in _WEB:
        read_web(decoded(data, declared=declared_encoding(data)), draft=draft)
    elif suffix in _OFFICE:
        _OFFICE[suffix](data, draft=draft)
    elif suffix == ".eml":
        read_mail(data, draft=draft)
    elif suffix == ".pdf":
        if b"%PDF-" not in data[:_MOST_MARK_OFFSET]:
            raise DocumentReadError(Reason.DAMAGED)
        read_pdf(data, draft=draft)
    else:
        old = is_old_format(f"_{suffix}")
        raise DocumentReadError(Reason.OLD_FORMAT if old else Reason.UNSUPPORTED)
