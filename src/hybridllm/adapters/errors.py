"""What goes wrong with adapters.

    HybridLLMError
    ├── AdapterRefusedError           an adapter that must not be used; with every reason
    └── RequestError
        └── UnknownAdapterError       no such adapter or alias

A registry that cannot be read or written is a `StoreError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.errors import HybridLLMError, RequestError

if TYPE_CHECKING:
    from hybridllm.adapters.reasons import Reason


class UnknownAdapterError(RequestError):
    """The registry has no adapter or alias of this name."""


class AdapterRefusedError(HybridLLMError):
    """An adapter must not be used.

    Attributes:
        reasons: Everything that is wrong, in the order of the checks.
    """

    def __init__(self, what: str, *, reasons: tuple[Reason, ...]) -> None:
        self.reasons = reasons
        told = "; ".join(f"{reason} ({reason.code})" for reason in reasons)
        super().__init__(f"{what}: {told}")


class DamagedError(Exception):
    """One file cannot be read as what it claims to be. Never leaves this package."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.code)
