"""How the on-premises side fails, down to failures that invite a client to go elsewhere.

Answers: which faults exist, and does a fault still let an answer through?
Not here: the behaviours themselves (`tests.support.behaviours`).

Units: seconds, bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.behaviours import (
    BadJson,
    Behaviour,
    CutMidStream,
    EchoError,
    Garbage,
    Hang,
    HugeBody,
    Ok,
    Redirect,
    Slow,
    Status,
    StreamError,
    WrongShape,
    rate_limited,
)
from tests.support.exchange import Exchange
from tests.support.loopback import LoopbackServer

HANG_TIMEOUT_S = 0.4
_PATIENCE_S = 30.0  # two noisy cores with many calls at once


@dataclass(frozen=True, slots=True)
class EchoHead(Behaviour):
    """Repeats the request where HTTP libraries look first: in the status line or the headers."""

    where: str

    def answer(self, exchange: Exchange) -> bool:
        echoed = b" ".join(exchange.request.body.split())[:3000]
        lines = {
            "header": b"HTTP/1.1 500 Oops\r\nX-Echo: " + echoed + b"\r\nContent-Length: 0",
            "location": b"HTTP/1.1 307 Go\r\nLocation: /" + echoed + b"\r\nContent-Length: 0",
            "broken header": b"HTTP/1.1 200 OK\r\n" + echoed,
            "status line": echoed,
            "reason": b"HTTP/1.1 400 " + echoed + b"\r\nContent-Length: 0",
        }
        exchange.send(lines[self.where] + b"\r\n\r\n")
        return False


@dataclass(frozen=True, slots=True)
class EchoBadReply(Behaviour):
    """Status 200 and the request's own body, cut so that it is no JSON."""

    def answer(self, exchange: Exchange) -> bool:
        body = exchange.request.body[:-1]
        if exchange.answer().is_stream:
            exchange.start_stream()
            exchange.send_events([b"data: " + body + b"\n\n"])
            exchange.end_stream()
        else:
            exchange.respond(200, body=body)
        return True


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which the on-premises side fails.

    Attributes:
        name: For the name of a test.
        behave: Returns the behaviour; it is given the cloud, to point there.
        answers: Whether an answer still comes: `always`, `never`, or `either` (so or so).
        timeout_s: For the whole call.
        is_dead: Nobody listens at all.
    """

    name: str
    behave: Callable[[LoopbackServer], Behaviour] = field(repr=False)
    answers: str = "never"
    timeout_s: float = _PATIENCE_S
    is_dead: bool = False


def _plain(name: str, behaviour: Behaviour, **more: object) -> Fault:
    return Fault(name, lambda _: behaviour, **more)  # type: ignore[arg-type]


def _hang(name: str, behaviour: Behaviour) -> Fault:
    return _plain(name, behaviour, timeout_s=HANG_TIMEOUT_S)


HEALTHY = _plain("healthy", Ok(), answers="always")

FAULTS: tuple[Fault, ...] = (
    HEALTHY,
    _plain("nobody listens", Ok(), is_dead=True),
    *(
        Fault(f"redirect {code} to the cloud", lambda cloud, code=code: Redirect(code, cloud.url))
        for code in (300, 301, 302, 303, 307, 308)
    ),
    *(
        _plain(f"status {code}", Status(code))
        for code in (400, 401, 403, 404, 405, 408, 409, 413, 422, 500, 501, 502, 503, 504, 529)
    ),
    _plain("status 429, seconds", rate_limited(retry_after_s=0)),
    _plain("status 429, date", rate_limited(retry_after_s=0, as_date=True)),
    _plain("status 204", Status(204, body=b"")),
    _hang("hangs before accepting", Hang("accept")),
    _hang("hangs before the head", Hang("headers")),
    _hang("hangs before the body", Hang("body")),
    _hang("drips for ever", Slow(pause_s=0.05, drip_bytes=10_000)),
    _plain("drips and arrives", Slow(pause_s=0.0, drip_bytes=200), answers="always"),
    *(
        _plain(f"cut in mid-stream: {how}", CutMidStream(2, how))
        for how in ("close", "reset", "end")
    ),
    _plain("cut before the first event", CutMidStream(0, "close")),
    _plain("error event", StreamError(2)),
    _plain("error event at once", StreamError(0)),
    _plain("echoes in its error", EchoError(400)),
    _plain("echoes in a 500", EchoError(500)),
    *(
        _plain(f"echoes in its {where}", EchoHead(where))
        for where in ("header", "location", "broken header", "status line", "reason")
    ),
    _plain("echoes as a broken reply", EchoBadReply()),
    _plain("garbage", Garbage()),
    _plain("broken JSON", BadJson()),
    _plain("wrong shape", WrongShape()),
    _plain("a huge reply", HugeBody(200_000), answers="either"),
)
