"""Exit statuses, and how an error is said.

Answers: with which status does an error end a command, and what does the user read?
Not here: the errors (`hybridllm.errors`).

An error is one line on standard error. With `--json` a document on standard output says
the same to machines. Neither holds text of a request: the errors themselves have none.
"""

from __future__ import annotations

import json
import sys
from typing import Final

from hybridllm.cli.decisions import decision_document
from hybridllm.errors import (
    AddressRefusedError,
    AuditError,
    ConfigurationError,
    HybridLLMError,
    MissingExtraError,
    PermitError,
    PolicyDeniedError,
    RequestError,
)

OK: Final = 0
REFUSED: Final = 1
CONFIGURATION: Final = 2
REQUEST: Final = 3
BACKEND: Final = 4
MISTAKE: Final = 70
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

LEGEND: Final = """\
exit status:
  0  done
  1  denied by the policy, or a check found a fault
  2  the configuration or the command line is wrong
  3  the request is wrong
  4  no backend answered
  70 a mistake in hybridllm itself
  130 interrupted
"""

_STATUS_OF: Final[tuple[tuple[type[HybridLLMError], int], ...]] = (
    (PolicyDeniedError, REFUSED),
    (PermitError, REFUSED),
    (ConfigurationError, CONFIGURATION),
    (MissingExtraError, CONFIGURATION),
    (AuditError, CONFIGURATION),
    (RequestError, REQUEST),
    (AddressRefusedError, BACKEND),
)


def status_of(error: BaseException) -> int:
    """Return the exit status that an error means."""
    for shape, status in _STATUS_OF:
        if isinstance(error, shape):
            return status
    # The SDK is not imported for this: an error of its own exists only once it is loaded.
    sdk = sys.modules.get("openai")
    if sdk is not None and isinstance(error, sdk.OpenAIError):
        return BACKEND
    return REFUSED if isinstance(error, HybridLLMError) else MISTAKE


def report(error: Exception, *, as_json: bool) -> int:
    """Say an error and return its status."""
    status = status_of(error)
    kind = type(error).__name__
    # What a mistake of ours says may hold anything, so only its class is shown.
    message = (
        f"unexpected {kind}; this is a mistake in hybridllm. "
        "Please report it with the output of: hybridllm --traceback ..."
        if status == MISTAKE
        else " ".join(str(error).split())
    )
    print(f"error: {message}", file=sys.stderr)
    if as_json:
        document = {"error": kind, "message": message, "exit_status": status}
        decision = getattr(error, "policy_decision", None)
        if decision is not None:
            document["policy_decision"] = decision_document(decision)
        print(json.dumps(document, ensure_ascii=False, indent=2))
    return status
