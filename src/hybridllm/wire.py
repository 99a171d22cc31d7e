"""The wire between the flow and its backends: the only way for content to leave.

Answers: what does the flow hand to a backend, and what does it get back?
Not here: any backend. Retries, fallback and the audit log belong to `flow`.

Contract:
- `send` and `asend` redeem the permit with the very bytes of `request.body`
  before the first byte leaves, and do exactly one attempt.
- A failure is raised as `BackendError`, which holds codes: never text of the
  request or of the reply. The doors turn it into the OpenAI SDK's classes.
- A stream that ends before the sender said so raises `BackendError` as well.
- `close` and `aclose` may be called more than once and at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from hybridllm.labels import Label
    from hybridllm.permit import Permit
    from hybridllm.types import Place, PolicyDecision


class FailureKind(StrEnum):
    """How a backend failed. With the last two, nothing was sent to it."""

    CONNECTION = "connection"
    TIMEOUT = "timeout"
    STATUS = "status"
    REPLY = "reply"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


_RETRY_STATUS = frozenset({408, 409, 425, 429})
_OTHER_BACKEND_STATUS = frozenset({401, 403, 404, 405, 413})


class BackendError(Exception):
    """One attempt at a backend failed.

    Attributes:
        backend: Name of the backend.
        kind: How it failed.
        status: HTTP status, for `FailureKind.STATUS`.
        code: The provider's error code, if it is one that is known to hold no content.
        detail: A sentence of an engine of ours, which holds names and counts and no content.
        param: The parameter at fault, where such an engine names one.
        retry_after_s: How long the backend asks to wait, in seconds.
        request_id: The backend's own id of the request.
        policy_decision: The decision under which it was tried; set by the flow.
    """

    def __init__(
        self,
        backend: str,
        *,
        kind: FailureKind,
        status: int | None = None,
        code: str = "",
        detail: str = "",
        param: str | None = None,
        retry_after_s: float | None = None,
        request_id: str = "",
    ) -> None:
        self.backend = backend
        self.kind = kind
        self.status = status
        self.code = code
        self.detail = detail
        self.param = param
        self.retry_after_s = retry_after_s
        self.request_id = request_id
        self.policy_decision: PolicyDecision | None = None
        super().__init__(self.summary)

    @property
    def summary(self) -> str:
        """One sentence without content."""
        code = f" ({self.code})" if self.code else ""
        code += f": {self.detail}" if self.detail else ""
        match self.kind:
            case FailureKind.CONNECTION:
                return f"backend {self.backend!r} cannot be reached, or broke off{code}"
            case FailureKind.TIMEOUT:
                return f"backend {self.backend!r} did not answer in time{code}"
            case FailureKind.STATUS:
                return f"backend {self.backend!r} answered with status {self.status}{code}"
            case FailureKind.REPLY:
                return f"backend {self.backend!r} sent a reply that cannot be read{code}"
            case FailureKind.BUSY:
                return (
                    f"backend {self.backend!r} has too much to do{code}, so nothing was sent to "
                    "it. Try again later, or raise its max_concurrency, max_queue or "
                    "queue_timeout_s"
                )
            case FailureKind.UNAVAILABLE:
                return f"backend {self.backend!r} is down, so nothing was sent to it"

    @property
    def may_retry(self) -> bool:
        """Whether the same backend may succeed a moment later."""
        if self.kind is FailureKind.STATUS:
            return self.status in _RETRY_STATUS or (self.status or 0) >= 500
        return self.kind is FailureKind.CONNECTION

    @property
    def may_fall_back(self) -> bool:
        """Whether another backend of the same decision may succeed.

        A request that is wrong in itself (400, 422) is wrong everywhere.
        """
        return (
            self.kind is not FailureKind.STATUS
            or self.may_retry
            or self.status in _OTHER_BACKEND_STATUS
            or 300 <= (self.status or 0) < 400
            or self.code == "context_length_exceeded"
        )


class NoBackendError(BackendError):
    """Of all backends that may see a request, none is up. Nothing was sent.

    Attributes:
        backends: Names of those that may see it.
        clearance: The label that a backend has to be cleared for.
    """

    def __init__(self, backends: tuple[str, ...], *, clearance: str) -> None:
        self.backends = backends
        self.clearance = clearance
        super().__init__(backends[0], kind=FailureKind.UNAVAILABLE)

    @property
    def summary(self) -> str:
        """One sentence without content, and what to do."""
        return (
            f"no backend that is cleared for {self.clearance} is available "
            f"({', '.join(self.backends)}), so nothing was sent. Start one of them, or let calls "
            "wait for it with limits.wait_for_backend_s"
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """Within what requests may share work: one department, one label.

    Data for a backend in this process; it is never written to a connection.
    """

    department: str
    label: Label


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One attempt, ready to be sent.

    Attributes:
        path: Below the backend's base URL, such as `chat/completions`.
        body: The frozen JSON, UTF-8.
        deadline: When the whole call must be over, in seconds of `time.monotonic`.
        stream: Whether the reply comes as server-sent events.
        idempotency_key: The same for every attempt of one call at one backend.
        scope: Whose request it is; without it, nothing is shared with any other request.
    """

    path: str
    body: bytes
    deadline: float
    stream: bool = False
    idempotency_key: str = ""
    scope: Scope | None = None

    def __repr__(self) -> str:
        return f"WireRequest(path={self.path!r}, bytes={len(self.body)})"


class EventStream(Protocol):
    """The events of a streamed reply, one JSON document each, in order."""

    def read(self) -> bytes | None:
        """Return the next event, or `None` after the sender said that it is done."""
        ...

    async def aread(self) -> bytes | None:
        """Return the next event, or `None` after the sender said that it is done."""
        ...

    def close(self) -> None:
        """Stop the sender and free everything."""
        ...

    async def aclose(self) -> None:
        """Stop the sender and free everything."""
        ...


@dataclass(frozen=True, slots=True)
class WireReply:
    """What came back: a body, or a stream of events.

    Attributes:
        body: The JSON document of a reply that is not streamed.
        events: The events of a streamed reply.
        request_id: The backend's own id of the request.
    """

    body: bytes = b""
    events: EventStream | None = None
    request_id: str = ""

    def __repr__(self) -> str:
        return f"WireReply(bytes={len(self.body)}, stream={self.events is not None})"


class Backend(Protocol):
    """A destination that requests may go to."""

    @property
    def name(self) -> str:
        """Key of the backend in the configuration."""
        ...

    @property
    def place(self) -> Place:
        """Where it runs."""
        ...

    def send(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt."""
        ...

    async def asend(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt without blocking the event loop."""
        ...

    def close(self) -> None:
        """Free connections, threads and memory."""
        ...

    async def aclose(self) -> None:
        """Free connections, threads and memory."""
        ...


@runtime_checkable
class Probed(Protocol):
    """A backend that can be asked whether it is there, without any content."""

    def probe(self, *, timeout_s: float) -> int:
        """Return the HTTP status of an empty question."""
        ...

    async def aprobe(self, *, timeout_s: float) -> int:
        """Return the same without blocking the event loop."""
        ...
