"""From the tables of the backends to their running state.

Answers: how many calls may be at a backend, and how many may wait for it?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.fleet import Fleet, Member
from hybridllm.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hybridllm.policy.schema import BackendConfig


def build_fleet(backends: Mapping[str, BackendConfig]) -> Fleet:
    """Return the fleet of a client, with nothing running yet."""
    return Fleet(
        {
            name: Member(
                gate=Gate(max_concurrency=config.max_concurrency, max_queue=config.max_queue),
                queue_timeout_s=config.queue_timeout_s,
            )
            for name, config in backends.items()
        }
    )
