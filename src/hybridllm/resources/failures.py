"""Failures of backends as the OpenAI SDK's own errors.

Answers: which class does existing code expect for this failure?
Not here: the failures themselves (`wire.BackendError`).

The errors are built from codes alone. Their `request` and `response` name the
backend and the status; headers, bodies and keys are not in them.
"""

from __future__ import annotations

import httpx2
import openai

from hybridllm.errors import HybridLLMError
from hybridllm.wire import BackendError, FailureKind, NoBackendError

_BY_STATUS: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


class NoBackendAvailableError(openai.APIConnectionError):
    """No backend that may see the request is up; nothing was sent.

    Attributes:
        clearance: The label that a backend has to be cleared for.
        backends: Names of those that are, and are down.
    """

    clearance: str = ""
    backends: tuple[str, ...] = ()


class BackendBusyError(openai.RateLimitError):
    """The backend's queue is full, or took too long; nothing was sent."""


def presentable(error: BackendError | HybridLLMError) -> Exception:
    """Return the error that a caller sees: without content in it or behind it.

    A backend's failure becomes the SDK's class. The frames and causes below are cut
    off, since their local variables hold the request.
    """
    result = openai_error(error) if isinstance(error, BackendError) else error
    result.__cause__ = result.__context__ = None
    return result.with_traceback(None)


def openai_error(error: BackendError) -> openai.APIError:
    """Return the SDK's error for a failure, with `policy_decision` as one more attribute."""
    # The host is a name that cannot exist: nothing could ever be sent there.
    request = httpx2.Request("POST", "https://backend.invalid/")
    result: openai.APIError
    match error.kind:
        case FailureKind.TIMEOUT:
            result = openai.APITimeoutError(request=request)
            result.args = (error.summary,)
            result.message = error.summary
        case FailureKind.STATUS if error.status is not None:
            result = _status_error(error, status=error.status, request=request)
        case FailureKind.REPLY:
            result = openai.APIError(error.summary, request, body=None)
            result.code = error.code or None
        case FailureKind.BUSY:
            response = httpx2.Response(429, request=request)
            body = {"code": error.code, "type": error.code, "param": None}
            result = BackendBusyError(error.summary, response=response, body=body)
        case FailureKind.UNAVAILABLE:
            result = _unavailable(error, request=request)
        case _:
            result = openai.APIConnectionError(message=error.summary, request=request)
            result.code = error.code or None
    vars(result)["policy_decision"] = error.policy_decision
    return result


def _unavailable(error: BackendError, *, request: httpx2.Request) -> NoBackendAvailableError:
    result = NoBackendAvailableError(message=error.summary, request=request)
    result.code = "no_backend_available"
    if isinstance(error, NoBackendError):
        result.clearance, result.backends = error.clearance, error.backends
    return result


def _status_error(
    error: BackendError, *, status: int, request: httpx2.Request
) -> openai.APIStatusError:
    fallback = openai.InternalServerError if status >= 500 else openai.APIStatusError
    headers = {"x-request-id": error.request_id} if error.request_id else {}
    response = httpx2.Response(status, request=request, headers=headers)
    body = {"code": error.code, "type": error.code, "param": error.param} if error.code else None
    return _BY_STATUS.get(status, fallback)(error.summary, response=response, body=body)
