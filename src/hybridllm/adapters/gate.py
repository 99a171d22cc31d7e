"""Is an adapter good enough to be promoted?

Answers: what speaks against promoting a version, by its metrics?
Not here: whether its files are sound (`adapters.verifier`).

Training on a domain is paid for with forgetting: 40 steps took the loss on the domain from
3.13 to 0.01, and on general text from 3.25 to 4.29. So both are looked at, and on enough
rows. Losses are in nats per token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.adapters.reasons import Reason

if TYPE_CHECKING:
    from hybridllm.adapters.manifest import Metrics


@dataclass(frozen=True, slots=True)
class Gate:
    """Limits of a promotion.

    Attributes:
        domain_gain_min: Least part by which the loss on the domain fell.
        general_regression_max: Largest part by which the loss on general text rose.
        rows_min: Least rows of each test set.
    """

    domain_gain_min: float = 0.10
    general_regression_max: float = 0.05
    rows_min: int = 30


def check_gate(metrics: Metrics | None, *, gate: Gate) -> tuple[Reason, ...]:
    """Return what speaks against promoting an adapter with these metrics."""
    if metrics is None:
        return (Reason("gate_no_metrics", "its manifest holds no metrics"),)
    reasons = []
    rows = min(metrics.domain_rows, metrics.general_rows)
    if rows < gate.rows_min:
        text = f"it was measured on {rows} rows; expected at least {gate.rows_min}"
        reasons.append(Reason("gate_rows", text))
    gain = _part(metrics.domain_before - metrics.domain_after, of=metrics.domain_before)
    if not gain >= gate.domain_gain_min:
        text = f"the loss on its domain fell by {gain:.0%}; expected {gate.domain_gain_min:.0%}"
        reasons.append(Reason("gate_domain", text))
    rise = _part(metrics.general_after - metrics.general_before, of=metrics.general_before)
    if not rise <= gate.general_regression_max:
        most = gate.general_regression_max
        text = f"the loss on general text rose by {rise:.0%}; allowed are {most:.0%}"
        reasons.append(Reason("gate_general", text))
    return tuple(reasons)


def _part(change: float, *, of: float) -> float:
    """Return the change as a part of a loss; of none, it is no number and passes no limit."""
    return change / of if of > 0 else float("nan")
