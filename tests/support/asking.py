"""Plain ways to ask a stub: bare HTTP without a library's habits, and the unguarded SDK.

Answers: what comes back for this request, byte for byte?
Not here: the product's own client.
"""

from __future__ import annotations

import http.client
import json

import httpx2
import openai

from tests.support.loopback import HOST
from tests.support.server import RecordingServer

CHAT = "/v1/chat/completions"
ASK = {"model": "m", "messages": [{"role": "user", "content": "東和精機 & Kestrel"}]}
_TIMEOUT_S = 10.0


def post(server: RecordingServer, path: str, *, body: object) -> tuple[int, bytes]:
    """Return status and body of one request on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", path, json.dumps(body).encode())
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def event_data(body: bytes) -> list[bytes]:
    """Return what the events of a stream carry."""
    return [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]


def plain_sdk(server: RecordingServer) -> openai.OpenAI:
    """Return the SDK's own client, pointed at the stub and deaf to proxy variables."""
    return openai.OpenAI(
        base_url=server.base_url,
        api_key="none",
        max_retries=0,
        timeout=_TIMEOUT_S,
        http_client=httpx2.Client(trust_env=False, follow_redirects=True),
    )
