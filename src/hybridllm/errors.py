"""Every error that this package raises.

    Exception
    └── HybridLLMError
        ├── ConfigurationError (ValueError)     a file or setting is wrong; nothing started
        ├── MissingExtraError (ImportError)     an optional part is not installed
        ├── RequestError (ValueError)           the request itself is wrong; nothing was sent
        │   ├── UnknownModelError               no such model alias
        │   ├── UnknownDepartmentError          no such department
        │   ├── UnknownParameterError           a parameter that the ledger does not know
        │   ├── RequestTooLargeError            more bytes than the configured limit
        │   └── UnsupportedEndpointError        an endpoint that nobody guards yet
        ├── PolicyDeniedError                   the policy allows no backend
        │   ├── PolicyIndeterminateError        deciding failed; handled as a denial
        │   └── DepartmentNotHeldError          the caller may not act for this department
        ├── AddressRefusedError                 a backend's peer is outside its declared networks
        ├── PermitError                         bytes without a valid permit reached a backend
        ├── StoreError                          a store of labels cannot be read or written
        ├── DocumentReadError                   a file cannot be read in (`rag.ingest`)
        ├── SyncRefusedError                    a sync would delete too much (`rag.ingest`)
        └── AuditError                          a record could not be made durable

Backend failures keep the classes of the OpenAI SDK (`openai.APIStatusError`,
`openai.APIConnectionError` and so on) and carry `policy_decision` as well. Two have
names of their own, and are subclasses: `NoBackendAvailableError` (of
`openai.APIConnectionError`) and `BackendBusyError` (of `openai.RateLimitError`).
None of the classes in the tree is an `openai.OpenAIError`: a wrapper that retries or
falls back on those must not swallow a denial.

No message holds a prompt, a passage, a reply or a key. Messages name codes,
places and counts.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hybridllm.types import PolicyDecision


class HybridLLMError(Exception):
    """Base of all errors of this package."""

    policy_decision: PolicyDecision | None = None
    """The decision that was in force, where one had been made."""


class ConfigurationError(HybridLLMError, ValueError):
    """A configuration file or setting is wrong; nothing has been started.

    Attributes:
        file: The file as the user named it, or `None` for code.
        key: Path of the setting, such as `rules[2].when.label`.
    """

    def __init__(self, message: str, *, file: str | None = None, key: str | None = None) -> None:
        self.file = file
        self.key = key
        place = ": ".join(part for part in (file, key) if part)
        super().__init__(f"{place}: {message}" if place else message)


class MissingExtraError(HybridLLMError, ImportError):
    """An optional part of the package is needed and not installed."""

    def __init__(self, *, feature: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{feature} needs the extra '{extra}'. "
            f"Install it with: pip install 'hybridllm[{extra}]'"
        )


class RequestError(HybridLLMError, ValueError):
    """The request cannot be read or is incomplete; nothing was sent."""


class UnknownModelError(RequestError):
    """The request names a model alias that the configuration does not have."""


class UnknownDepartmentError(RequestError):
    """The request names a department that the configuration does not have."""


class UnknownParameterError(RequestError):
    """The request has a parameter that the ledger does not know."""


class RequestTooLargeError(RequestError):
    """The request is larger than `limits.max_request_bytes`."""


class UnsupportedEndpointError(RequestError, AttributeError):
    """An endpoint of the OpenAI SDK that this package does not guard yet.

    It is an `AttributeError` too, so that `hasattr` and completion work.
    """


class PolicyDeniedError(HybridLLMError):
    """The policy allows no backend for this request; nothing was sent."""

    def __init__(self, message: str, *, policy_decision: PolicyDecision) -> None:
        super().__init__(message)
        self.policy_decision = policy_decision


class PolicyIndeterminateError(PolicyDeniedError):
    """Deciding failed, so the request was denied."""


class DepartmentNotHeldError(PolicyDeniedError):
    """The identity of the caller does not hold the department that it named."""


class AddressRefusedError(HybridLLMError):
    """A backend's host resolves outside the networks that the backend declares."""


class PermitError(HybridLLMError):
    """A backend was handed bytes for which it holds no valid permit."""


class StoreError(HybridLLMError):
    """A store cannot be read or written, so nobody knows what it would have said."""


class AuditError(HybridLLMError):
    """An audit record could not be made durable, so nothing was sent."""


def unknown_name(found: object, *, allowed: Iterable[str]) -> str:
    """Return "is not known; expected one of a, b. Did you mean 'a'?" for a request's name.

    The name itself is never quoted: it may be content that ended up in the wrong
    argument.
    """
    names = sorted(allowed)
    text = f"is not known; expected one of {', '.join(names) or '(none defined)'}."
    close = get_close_matches(found, names, n=1) if isinstance(found, str) else []
    return f"{text} Did you mean {close[0]!r}?" if close else text


def expected_one_of(found: object, *, allowed: Iterable[str]) -> str:
    """Return "is 'x'; expected one of a, b. Did you mean 'a'?" for a setting.

    Only for names from configuration files: the value is quoted, so it must
    never be used for text of a request.
    """
    names = sorted(allowed)
    text = f"is {found!r}; expected one of {', '.join(names) or '(none defined)'}."
    close = get_close_matches(str(found), names, n=1, cutoff=0.5)
    return f"{text} Did you mean {close[0]!r}?" if close else text
