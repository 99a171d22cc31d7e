"""How the tests ask a backend in this process.

Answers: what does the flow do to a backend, in one line?
"""

from __future__ import annotations

import json
import time
from typing import Any

from hybridllm.backends.in_process import InProcessBackend
from hybridllm.permit import Permit
from hybridllm.resources.failures import openai_error
from hybridllm.wire import BackendError, Scope, WireReply, WireRequest


def chat(text: str, **settings: Any) -> dict[str, Any]:
    """Return the body of a chat completion."""
    return {"model": "tiny", "messages": [{"role": "user", "content": text}]} | settings


def prompt(text: str | list[int], **settings: Any) -> dict[str, Any]:
    """Return the body of a completion."""
    return {"model": "tiny", "prompt": text} | settings


def wire(
    body: dict[str, Any],
    *,
    path: str | None = None,
    deadline_s: float = 60.0,
    scope: Scope | None = None,
) -> tuple[WireRequest, Permit]:
    """Return a request with the permit for it."""
    path = path or ("chat/completions" if "messages" in body else "completions")
    data = json.dumps(body).encode()
    deadline = time.monotonic() + deadline_s
    request = WireRequest(
        path=path, body=data, deadline=deadline, stream=bool(body.get("stream")), scope=scope
    )
    return request, Permit(
        backend="tiny", body=data, policy_digest="", deadline=time.monotonic() + 60
    )


def raw(backend: InProcessBackend, body: dict[str, Any], **how: Any) -> WireReply:
    """Send a request and return what the backend returns; a failure is the SDK's own class."""
    request, permit = wire(body, **how)
    try:
        return backend.send(request, permit=permit)
    except BackendError as error:
        raise openai_error(error) from None


def ask(backend: InProcessBackend, body: dict[str, Any], **how: Any) -> dict[str, Any]:
    """Send a request and return its reply."""
    reply: dict[str, Any] = json.loads(raw(backend, body, **how).body)
    return reply


async def aask(backend: InProcessBackend, body: dict[str, Any], **how: Any) -> dict[str, Any]:
    """Send a request from an event loop and return its reply."""
    request, permit = wire(body, **how)
    try:
        reply: dict[str, Any] = json.loads((await backend.asend(request, permit=permit)).body)
    except BackendError as error:
        raise openai_error(error) from None
    return reply


def stream(backend: InProcessBackend, body: dict[str, Any], **how: Any) -> list[dict[str, Any]]:
    """Send a request and return all events of its stream."""
    events = raw(backend, body | {"stream": True}, **how).events
    assert events is not None
    found = []
    while (event := events.read()) is not None:
        found.append(json.loads(event))
    return found


def text_of(reply: dict[str, Any]) -> str:
    """Return the text of the first answer."""
    choice = reply["choices"][0]
    text: str = choice["text"] if "text" in choice else choice["message"]["content"]
    return text
