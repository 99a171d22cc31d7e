"""Mails (.eml).

Answers: what does a mail say, and how do its headers mark it?
Not here: attachments; they are counted, not read.

Source: RFC 5322, RFC 2045 to 2047 (MIME), RFC 2156 (Sensitivity), RFC 8551 (S/MIME).
"""

from __future__ import annotations

import email
import email.policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import EmailMessage, MIMEPart
from typing import Final

from hybridllm.rag.ingest.draft import Draft
from hybridllm.rag.ingest.encodings import decoded
from hybridllm.rag.ingest.failures import DocumentReadError, Reason
from hybridllm.rag.ingest.lines import joined
from hybridllm.rag.ingest.marks import folded, is_explicit
from hybridllm.rag.ingest.web import read_web

_SHOWN: Final = ("From", "To", "Cc", "Date")
_ENCRYPTED: Final = frozenset({"multipart/encrypted", "application/pkcs7-mime"})
_UNMARKED: Final = frozenset({"", "normal", "none"})
_MOST_PARTS: Final = 1_000
_HEADER_CHARS: Final = 2_000


def read_mail(data: bytes, *, draft: Draft) -> None:
    """Read a mail into a draft."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not message.keys():
        raise DocumentReadError(Reason.DAMAGED)
    if message.get_content_type() in _ENCRYPTED:
        raise DocumentReadError(Reason.ENCRYPTED)
    _markings(message, draft=draft)
    subject = _header(message, name="Subject")
    draft.title(subject)
    draft.heading(subject, level=1)
    shown = [(name, _header(message, name=name)) for name in _SHOWN]
    draft.paragraph("\n".join(f"{name}: {value}" for name, value in shown if value))
    _body(message, draft=draft)


def _markings(message: EmailMessage, *, draft: Draft) -> None:
    draft.marked_place(_header(message, name="Subject"), kind="subject")
    for name in {name.casefold() for name, _ in message.raw_items()}:
        if name != "msip_labels" and not is_explicit(name):
            continue
        value = _header(message, name=name)
        if name == "msip_labels":
            pairs = (item.partition("=")[::2] for item in value.split(";"))
            draft.properties([(key.strip(), mark.strip()) for key, mark in pairs])
        elif folded(value) not in _UNMARKED:
            draft.properties([(name, value)], kind="mail_header")


def _body(message: EmailMessage, *, draft: Draft) -> None:
    body = message.get_body(preferencelist=("plain", "html"))
    for place, part in enumerate(message.walk()):
        if place > _MOST_PARTS:
            raise DocumentReadError(Reason.TOO_MUCH_TEXT)
        draft.budget.check_time()
        if part is not body and not part.is_multipart() and part.get_filename():
            draft.note("attachment")
    if body is None:
        return
    text = _text(body)
    if body.get_content_type() == "text/html":
        read_web(text, draft=draft)
        return
    for block in text.replace("\r\n", "\n").split("\n\n"):
        draft.paragraph(joined(block.split("\n")))


def _text(part: MIMEPart) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        raise DocumentReadError(Reason.DAMAGED)
    return decoded(data, declared=part.get_content_charset() or "")


def _header(message: EmailMessage, *, name: str) -> str:
    """Return a header's text.

    The library's own parser of addresses takes minutes for a list of thousands.
    """
    values = [value for key, value in message.raw_items() if key.casefold() == name.casefold()]
    return " ".join("".join(map(_part, _parts(str(value)))) for value in values)[:_HEADER_CHARS]


def _parts(value: str) -> list[tuple[bytes | str, str | None]]:
    raw = value[:_HEADER_CHARS].replace("\r", "").replace("\n", "")
    try:
        return decode_header(raw)
    except HeaderParseError:
        raise DocumentReadError(Reason.DAMAGED) from None


def _part(part: tuple[bytes | str, str | None]) -> str:
    text, charset = part
    if isinstance(text, str):
        # Bytes beyond ASCII come as halves of surrogate pairs.
        text = text.encode("ascii", "surrogateescape")
    if charset is None and text.isascii() and b"\x1b" not in text:
        return text.decode("ascii")
    return decoded(text, declared=charset or "")
