"""Frozen values that move between the stages of a request.

Answers: what does one stage hand to the next?
Not here: the stages themselves. Nothing in this module does any work.

No value here holds text of a request: findings say kind, place and span.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybridllm.labels import Label


class Place(StrEnum):
    """Where a backend runs."""

    CLOUD = "cloud"
    ON_PREMISES = "on_premises"
    IN_PROCESS = "in_process"


class Effect(StrEnum):
    """What the policy says of a request. Only `PERMIT` lets anything out."""

    PERMIT = "permit"
    DENY = "deny"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something sensitive that was found, without the thing itself.

    Attributes:
        kind: What it is, such as `email` or `my_number`.
        path: Where in the request, as a JSON Pointer (RFC 6901). Keys that the
            API does not define are replaced by their position, since a key can
            hold content too.
        start: First character in the original string, counted in code points.
        end: One past the last character.
        confidence: 0.0 to 1.0, as the detector states it.
        detector: Name of the detector.
    """

    kind: str
    path: str
    start: int
    end: int
    confidence: float = 1.0
    detector: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, for whom and what for.

    Attributes:
        department: Key of a department of the configuration.
        principal: Id of the person or service; never a name in clear if your
            audit log must not hold one.
        purpose: What the answer is for, such as `support`.
        application: Which program asks.
    """

    department: str
    principal: str = ""
    purpose: str = ""
    application: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a policy decision depends on. Hashable, so that it can be replayed.

    Attributes:
        alias: The model alias of the request.
        endpoint: Such as `chat.completions`.
        identity: Who asks.
        label: What the caller, the history and the documents declared, joined.
        kinds: Kinds of the findings, with how often each was found.
        doubts: Codes of what could not be read or judged; each keeps the request inside.
        parameters: Names of egress and retention parameters that the request uses.
        budgets: Names of the department's budgets that are used up; each closes the clouds.
    """

    alias: str
    endpoint: str
    identity: Identity
    label: Label
    kinds: tuple[tuple[str, int], ...] = ()
    doubts: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    budgets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A backend that the policy allows, with the model to ask there."""

    backend: str
    model: str
    place: Place


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided.

    Attributes:
        code: Stable word for machines, such as `label_above_clearance`.
        message: One sentence for people, without content of the request.
        rule: Name of the rule that decided, with the file it stands in.
    """

    code: str
    message: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A backend that the policy rules out, with every reason for it."""

    backend: str
    model: str
    place: Place
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """What the policy says of one request, and why.

    Attributes:
        effect: `permit`, `deny`, or `indeterminate` (handled as deny).
        label: How sensitive the request was found to be.
        candidates: Allowed backends in the order of preference.
        rejected: All other backends of the alias, each with its reasons.
        obligations: Names of what must be done before sending.
        reasons: Why the label is what it is, and why the effect.
        policy_digest: SHA-256 of the policy in force, 64 hexadecimal digits.
        backend: The backend that answered; `None` before that.
        model: The model that answered, by its name at the backend.
        audit_id: Finds this request in the audit log.
    """

    effect: Effect
    label: Label
    candidates: tuple[Candidate, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    obligations: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    policy_digest: str = ""
    backend: str | None = None
    model: str | None = None
    audit_id: str = ""

    @property
    def place(self) -> Place | None:
        """Where the backend that answered runs; `None` before one has."""
        for candidate in self.candidates:
            if candidate.backend == self.backend and candidate.model == self.model:
                return candidate.place
        return None

    def answered_by(self, candidate: Candidate) -> PolicyDecision:
        """Return this decision with the backend that answered."""
        return replace(self, backend=candidate.backend, model=candidate.model)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to a request: the decision and all that led to it.

    Attributes:
        decision: As `create` would act on it.
        findings: What was found, by kind and place.
        doubts: What could not be read or judged.
        request_bytes: Size of the frozen request.
    """

    decision: PolicyDecision
    findings: tuple[Finding, ...] = ()
    doubts: tuple[str, ...] = field(default=())
    request_bytes: int = 0
