"""Why a file was not read in, or a folder not synchronised.

Answers: which reason codes are there, and what does each ask people to do?
Not here: noticing them (the readers, `folder`, `sync`).

Nothing here holds a word of a document.
"""

from __future__ import annotations

from enum import StrEnum

from hybridllm.errors import HybridLLMError


class Reason(StrEnum):
    """Why a file was not read in. `REMEDIES` has a sentence for each."""

    BAD_NAME = "bad_name"
    DAMAGED = "damaged"
    EMBEDDING_DENIED = "embedding_denied"
    EMPTY = "empty"
    ENCRYPTED = "encrypted"
    EXPANDS_TOO_MUCH = "expands_too_much"
    FORBIDDEN_XML = "forbidden_xml"
    GARBLED = "garbled"
    HIDDEN_FILE = "hidden_file"
    LINK = "link"
    NAME_TWICE = "name_twice"
    NOT_A_FILE = "not_a_file"
    NO_TEXT = "no_text"
    OLD_FORMAT = "old_format"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MUCH_TEXT = "too_much_text"
    TOO_SLOW = "too_slow"
    UNKNOWN_ENCODING = "unknown_encoding"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"


REMEDIES: dict[Reason, str] = {
    Reason.BAD_NAME: "Its name is no valid text; rename it.",
    Reason.DAMAGED: "It is damaged or cut off; save it again from the program that made it.",
    Reason.EMBEDDING_DENIED: "The policy allows no embedding model for its label; add a local one.",
    Reason.EMPTY: "It has no bytes.",
    Reason.ENCRYPTED: "It is protected by a password; save it without one.",
    Reason.EXPANDS_TOO_MUCH: "It unpacks to far more than its size, as a zip bomb does.",
    Reason.FORBIDDEN_XML: "Its XML declares a document type or entities, which office files "
    "never need; save it again from the program that made it.",
    Reason.GARBLED: "Its text came out as garbage; export it again, with embedded fonts.",
    Reason.HIDDEN_FILE: "Its name starts with a dot or ~$; rename it if it shall be read.",
    Reason.LINK: "It is a link; put the file itself into the folder.",
    Reason.NAME_TWICE: "Another file has the same name in another Unicode form; rename one.",
    Reason.NOT_A_FILE: "It is a pipe, a socket or a device.",
    Reason.NO_TEXT: "It holds no text, as a scan does; run character recognition on it.",
    Reason.OLD_FORMAT: "It is in a format of before 2007; save it as docx, xlsx or pptx.",
    Reason.TOO_LARGE: "It is larger than the limit `file_bytes`.",
    Reason.TOO_MANY_PAGES: "It has more pages, sheets or slides than the limit `pages`.",
    Reason.TOO_MUCH_TEXT: "It holds more text or elements than the limits allow.",
    Reason.TOO_SLOW: "Reading it took longer than the limit `seconds`.",
    Reason.UNKNOWN_ENCODING: "Its encoding is not certain; save it as UTF-8.",
    Reason.UNREADABLE: "The system does not let it be read; look at its permissions.",
    Reason.UNSUPPORTED: "Files of this kind are not read.",
}


class DocumentReadError(HybridLLMError):
    """A file cannot be read in; nothing of it was indexed.

    Attributes:
        reason: Why. The message adds what to do, and nothing out of the file.
    """

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(f"{reason.value}: {REMEDIES[reason]}")


class SyncRefusedError(HybridLLMError):
    """A folder was not synchronised, because that would have deleted too much."""
