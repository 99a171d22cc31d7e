"""One HTTP exchange, as far as it is the same for threads and event loops.

Answers: which headers go out, what does a status mean, which codes may be shown?
Not here: the connection (`backends.network`), waiting for it (`backends.openai_compatible`).

Nothing that a server sends is repeated in an error, since servers echo requests.
A provider's error code is kept only if it is on a list of known ones.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NoReturn

import httpcore2

from hybridllm._version import __version__
from hybridllm.wire import BackendError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hybridllm.backends.providers import Provider
    from hybridllm.wire import WireRequest

MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Largest body of a reply that is not streamed."""

MAX_ERROR_BYTES = 64 * 1024
"""As much of an error's body is read, to find its code."""

_KNOWN_CODES = frozenset(
    """
    billing_hard_limit_reached content_filter context_length_exceeded exceed_context_size_error
    insufficient_quota internal_error invalid_api_key invalid_request_error model_not_found
    overloaded_error rate_limit_exceeded server_error unsupported_parameter unsupported_value
    """.split()
)
_SAME_CODE = {"exceed_context_size_error": "context_length_exceeded"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")

Headers = list[tuple[bytes, bytes]]


def request_headers(
    request: WireRequest, *, provider: Provider, api_key: str | None, host: bytes
) -> Headers:
    """Return all headers of a request. There are no others: nothing ambient is added."""
    headers = [
        *probe_headers(provider=provider, api_key=api_key, host=host),
        (b"accept", b"text/event-stream" if request.stream else b"application/json"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(request.body)).encode()),
    ]
    if request.idempotency_key:
        headers.append((b"idempotency-key", request.idempotency_key.encode()))
    return headers


def probe_headers(*, provider: Provider, api_key: str | None, host: bytes) -> Headers:
    """Return the headers that every request has."""
    headers = [
        (b"host", host),
        (b"user-agent", f"hybridllm/{__version__}".encode()),
        (b"accept-encoding", b"identity"),
    ]
    if api_key:
        headers.append((provider.key_header.encode(), f"{provider.key_prefix}{api_key}".encode()))
    return headers


def header(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    """Return a header of a reply, or nothing."""
    for key, value in headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return ""


def request_id(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return the server's id of the request, if it looks like one."""
    value = header(headers, b"x-request-id")
    return value if _REQUEST_ID.fullmatch(value) else ""


def status_error(
    backend: str,
    *,
    status: int,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes,
    now: Callable[[], datetime],
) -> BackendError:
    """Return the error for a status other than 200."""
    code = "redirect_refused" if 300 <= status < 400 else known_code(body)
    return BackendError(
        backend,
        kind=FailureKind.STATUS,
        status=status,
        code=code,
        retry_after_s=retry_after(header(headers, b"retry-after"), now=now),
        request_id=request_id(headers),
    )


def retry_after(value: str, *, now: Callable[[], datetime]) -> float | None:
    """Return the seconds that `Retry-After` asks for, in either form (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now()).total_seconds())


def reply_error(backend: str, *, code: str = "") -> BackendError:
    """Return the error for a reply that cannot be read."""
    return BackendError(backend, kind=FailureKind.REPLY, code=code)


def raise_as_backend_error(backend: str, error: Exception) -> NoReturn:
    """Raise what went wrong below as an error without content.

    The cause is cut off: messages of the layers below can quote what was sent.
    """
    if isinstance(error, httpcore2.TimeoutException):
        raise BackendError(backend, kind=FailureKind.TIMEOUT) from None
    raise BackendError(backend, kind=FailureKind.CONNECTION) from None


def known_code(body: bytes) -> str:
    """Return the error code in a body, if it is known to hold no content."""
    try:
        error = json.loads(body)["error"]
        found = {error.get("code"), error.get("type")} & _KNOWN_CODES
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return ""
    code = min(found, default="")
    return _SAME_CODE.get(code, code)
