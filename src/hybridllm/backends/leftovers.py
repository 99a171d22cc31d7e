"""Bytes behind a reply: they must not become the next caller's answer.

Answers: has the server sent more than the reply that was asked for?

`httpcore2` looks at the socket before it uses a connection again, but not at bytes
that were read together with the end of the last reply. A server, or somebody between,
that appends a second reply would so answer a question that nobody has asked yet.
A connection with anything left on it is closed; one that cannot be looked into, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpcore2


def close_if_more_follows(response: httpcore2.Response) -> None:
    """Close the connection of a reply that has been read, if more bytes have come."""
    stream = response.extensions.get("network_stream")
    if stream is not None and _has_more(response):
        stream.close()


async def aclose_if_more_follows(response: httpcore2.Response) -> None:
    """Close the connection of a reply that has been read, if more bytes have come."""
    stream = response.extensions.get("network_stream")
    if stream is not None and _has_more(response):
        await stream.aclose()


def _has_more(response: httpcore2.Response) -> bool:
    """Return whether bytes are left. The way to them is private, so a test holds it open."""
    inner: object = response.stream
    for name in ("_stream", "_connection", "_h11_state"):
        inner = getattr(inner, name, None)
    trailing = getattr(inner, "trailing_data", None)
    return not (isinstance(trailing, tuple) and trailing[:1] == (b"",))
