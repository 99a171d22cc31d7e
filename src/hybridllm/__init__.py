"""One client for cloud and local models; what must stay inside never leaves.

    from hybridllm import HybridLLM as OpenAI

    client = OpenAI(config="hybridllm.toml")
    reply = client.chat.completions.create(model="assistant", messages=[...])
    reply.policy_decision.backend, reply.policy_decision.reasons

Names are loaded on first use: importing this package loads neither openai nor torch
and opens no file or connection.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hybridllm._version import __version__

if TYPE_CHECKING:
    from hybridllm.client import AsyncHybridLLM, HybridLLM
    from hybridllm.errors import (
        AddressRefusedError,
        AuditError,
        ConfigurationError,
        DepartmentNotHeldError,
        HybridLLMError,
        MissingExtraError,
        PermitError,
        PolicyDeniedError,
        PolicyIndeterminateError,
        RequestError,
        RequestTooLargeError,
        StoreError,
        UnknownDepartmentError,
        UnknownModelError,
        UnknownParameterError,
        UnsupportedEndpointError,
    )
    from hybridllm.labels import Label, Level, Scale
    from hybridllm.resources.failures import BackendBusyError, NoBackendAvailableError
    from hybridllm.types import (
        Candidate,
        Effect,
        Explanation,
        Finding,
        Place,
        PolicyDecision,
        Reason,
        Rejection,
    )

_HOMES = {
    "hybridllm.client": "AsyncHybridLLM HybridLLM",
    "hybridllm.errors": """
        AddressRefusedError AuditError ConfigurationError DepartmentNotHeldError HybridLLMError
        MissingExtraError
        PermitError PolicyDeniedError PolicyIndeterminateError RequestError RequestTooLargeError
        StoreError
        UnknownDepartmentError UnknownModelError UnknownParameterError UnsupportedEndpointError
    """,
    "hybridllm.labels": "Label Level Scale",
    "hybridllm.resources.failures": "BackendBusyError NoBackendAvailableError",
    "hybridllm.types": (
        "Candidate Effect Explanation Finding Place PolicyDecision Reason Rejection"
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AddressRefusedError",
    "AsyncHybridLLM",
    "AuditError",
    "BackendBusyError",
    "Candidate",
    "ConfigurationError",
    "DepartmentNotHeldError",
    "Effect",
    "Explanation",
    "Finding",
    "HybridLLM",
    "HybridLLMError",
    "Label",
    "Level",
    "MissingExtraError",
    "NoBackendAvailableError",
    "PermitError",
    "Place",
    "PolicyDecision",
    "PolicyDeniedError",
    "PolicyIndeterminateError",
    "Reason",
    "Rejection",
    "RequestError",
    "RequestTooLargeError",
    "Scale",
    "StoreError",
    "UnknownDepartmentError",
    "UnknownModelError",
    "UnknownParameterError",
    "UnsupportedEndpointError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'hybridllm' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
