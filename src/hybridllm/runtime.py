"""What a flow works with, and what it works on.

Answers: which parts make up a running client, what is one call, what comes back?
Not here: wiring the parts (`config`), acting on a call (`flow`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hybridllm.fleet import Fleet

if TYPE_CHECKING:
    from random import Random

    from hybridllm.audit.log import AuditSink
    from hybridllm.augment import Library
    from hybridllm.budgets import Budgets
    from hybridllm.classify.classifier import Classification, Classifier
    from hybridllm.freeze import FrozenRequest
    from hybridllm.grounding import Grounding
    from hybridllm.labels import Label
    from hybridllm.params import Endpoint
    from hybridllm.policy.model import Policy
    from hybridllm.policy.trial import Trial
    from hybridllm.types import Facts, Identity, PolicyDecision
    from hybridllm.wire import Backend


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one call.

    Attributes:
        max_request_bytes: Largest request, as JSON.
        timeout_s: For the whole call: all attempts, pauses and the reading of a stream.
        max_retries: Further attempts at the same backend, or at the same group of equals.
        wait_for_backend_s: How long a call waits while no backend that may see it is up.
    """

    max_request_bytes: int = 10_000_000
    timeout_s: float = 600.0
    max_retries: int = 2
    wait_for_backend_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything that a flow works with, wired once by `config`.

    Attributes:
        policy: In force.
        classifier: Reads requests.
        backends: By name, the same names as in the policy.
        defaults: By backend and endpoint, fields that are sent unless the caller sets them.
        audit: Where records go.
        key: Secret for keyed hashes, 32 bytes.
        limits: Bounds of a call.
        default_department: For callers that name none; empty if there is no such default.
        clock: Seconds, monotonic.
        random: For pauses, and for the choice among equals.
        fleet: How the backends are doing.
        budgets: What departments may spend at clouds; `None` without any budget.
        libraries: Vector stores, by name.
        trials: Policies that decide beside the one in force; what they say is recorded only.
        holds: Whether an identity may act for its department; `None` if nobody is asked.
    """

    policy: Policy
    classifier: Classifier
    backends: Mapping[str, Backend]
    defaults: Mapping[str, Mapping[str, Mapping[str, object]]]
    audit: AuditSink
    key: bytes
    limits: Limits
    default_department: str
    clock: Callable[[], float]
    random: Random
    fleet: Fleet = field(default_factory=Fleet)
    budgets: Budgets | None = None
    libraries: Mapping[str, Library] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    holds: Callable[[Identity], bool] | None = None

    def __repr__(self) -> str:
        return f"Runtime(policy={self.policy.digest[:12]!r}, backends={sorted(self.backends)})"


class RuntimeSource(Protocol):
    """Knows the runtime for a call that begins now; a call keeps the one it began with."""

    def latest(self) -> Runtime:
        """Return it. May read changed files first."""
        ...

    async def alatest(self) -> Runtime:
        """Return it; changed files are read outside of the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a caller.

    Attributes:
        endpoint: The operation.
        params: The arguments, as they came.
        identity: Who asks; an empty department means the default one.
        label: What the caller declares, if anything. It can only raise.
        timeout_s: For the whole call; `None` for the configured limit.
        max_retries: Further attempts; `None` for the configured limit.
        vector_stores: Stores that the question is answered from.
        ceiling: Nothing above it is taken out of them.
        parts: Question, passages, titles and definitions, to be remembered each by itself.
        frame: Pieces of the request that the product wrote itself; nobody remembers them.
    """

    endpoint: Endpoint
    params: Mapping[str, Any]
    identity: Identity
    label: Label | None = None
    timeout_s: float | None = None
    max_retries: int | None = None
    vector_stores: tuple[str, ...] = ()
    ceiling: Label | None = None
    frame: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Call(endpoint={self.endpoint.name!r})"


@dataclass(frozen=True, slots=True)
class Completed:
    """A whole reply, with the decision that let it happen."""

    reply: dict[str, Any]
    decision: PolicyDecision
    grounding: Grounding | None = None

    def __repr__(self) -> str:
        return f"Completed(backend={self.decision.backend!r})"


@dataclass(frozen=True, slots=True)
class Judged:
    """A request that has been decided about; nothing has been sent."""

    id: str
    frozen: FrozenRequest
    facts: Facts
    classification: Classification
    decision: PolicyDecision
