"""A policy decision, as people and as machines read it.

Answers: how are label, candidates and reasons shown?
Not here: deciding.

Nothing here holds text of a request: the values have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridllm.labels import Label
    from hybridllm.types import Explanation, PolicyDecision, Reason


def one_line(decision: PolicyDecision) -> str:
    """Return where a request went and why, as one line."""
    why = "; ".join(reason.message for reason in decision.reasons)
    line = f"answered by {decision.backend} ({decision.place}, {decision.model}); {why}"
    ruled_out = ", ".join(
        f"{rejection.backend} ({', '.join(sorted({r.code for r in rejection.reasons}))})"
        for rejection in decision.rejected
    )
    return f"{line}; ruled out: {ruled_out}" if ruled_out else line


def decision_document(decision: PolicyDecision) -> dict[str, Any]:
    """Return a decision as JSON."""
    return {
        "effect": decision.effect.value,
        "label": label_document(decision.label),
        "backend": decision.backend,
        "model": decision.model,
        "place": None if decision.place is None else decision.place.value,
        "candidates": [
            {"backend": item.backend, "model": item.model, "place": item.place.value}
            for item in decision.candidates
        ],
        "rejected": [
            {
                "backend": item.backend,
                "model": item.model,
                "place": item.place.value,
                "reasons": [_reason_document(reason) for reason in item.reasons],
            }
            for item in decision.rejected
        ],
        "reasons": [_reason_document(reason) for reason in decision.reasons],
        "obligations": list(decision.obligations),
        "audit_id": decision.audit_id,
        "policy_digest": decision.policy_digest,
    }


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON."""
    document = decision_document(explanation.decision)
    # Nothing has been sent or recorded, so these say nothing.
    for name in ("backend", "model", "place", "audit_id"):
        del document[name]
    return {
        **document,
        "findings": [
            {
                "kind": finding.kind,
                "path": finding.path,
                "start": finding.start,
                "end": finding.end,
                "confidence": finding.confidence,
                "detector": finding.detector,
            }
            for finding in explanation.findings
        ],
        "doubts": list(explanation.doubts),
        "request_bytes": explanation.request_bytes,
    }


def label_document(label: Label) -> dict[str, Any]:
    """Return a label as JSON."""
    return {"level": label.level.name, "compartments": sorted(label.compartments)}


def _reason_document(reason: Reason) -> dict[str, str]:
    return {"code": reason.code, "message": reason.message, "rule": reason.rule}
