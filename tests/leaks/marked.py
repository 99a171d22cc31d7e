"""Questions whose replies repeat them, so that everybody can tell whose answer it is.

Answers: did a caller get the answer to their own question?
Not here: what is done to the connection meanwhile (the tests).
"""

from __future__ import annotations

from typing import Any

from hybridllm import AsyncHybridLLM, HybridLLM
from tests.support.server import RecordingServer

LONG_S = 20.0


def ask(mark: str) -> dict[str, Any]:
    """Return the arguments of a question with this mark."""
    return {
        "model": "assistant",
        "messages": [{"role": "user", "content": f"Kestrel plan {mark}"}],
        "timeout": LONG_S,
    }


def echo(server: RecordingServer) -> RecordingServer:
    """Let every reply repeat its own question."""
    return server.say(lambda request: str(request.json()["messages"][-1]["content"]))  # type: ignore[index]


def answers(client: HybridLLM, mark: str) -> None:
    """Ask, and fail unless the reply repeats the question."""
    reply = client.chat.completions.create(**ask(mark))
    assert f"Kestrel plan {mark}" == reply.choices[0].message.content


async def answers_its_own(client: AsyncHybridLLM, mark: str) -> None:
    """Ask in an event loop, and fail unless the reply repeats the question."""
    reply = await client.chat.completions.create(**ask(mark))
    assert f"Kestrel plan {mark}" == reply.choices[0].message.content
