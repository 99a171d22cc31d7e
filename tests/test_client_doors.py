"""The doors agree: sync, async, streaming and `explain` decide alike."""

from __future__ import annotations

from random import Random

import pytest

from hybridllm import AsyncHybridLLM, HybridLLM, PolicyDecision, PolicyDeniedError
from tests.audit.reading import records
from tests.model.clients import SECRET, ask, configure

SEED = 20261123
REQUESTS = 200

TEXTS = (
    "What is a good name for a cat?",
    "東京の人口は?",
    f"{SECRET} の売上は?",
    "Write to hanako.mori@example.co.jp, please.",
    "携帯は090-0000-1234です",
    "card 4539 1488 0343 6467",
    "【社内限り】 agenda",
    "the password is " + "Plum7-Kettle",
)


def generated(random: Random, number: int) -> tuple[dict, dict]:
    """Return options and arguments of a random request.

    No two requests share a text: a text that was once confidential is so for everybody.
    """

    def text() -> str:
        return f"{random.choice(TEXTS)} [{number}.{random.random()}]"

    options = {
        "department": random.choice(["sales", "legal"]),
        "label": random.choice([None, None, "public", "confidential"]),
        "purpose": random.choice([None, "support"]),
    }
    content: object = text()
    if random.random() < 0.3:
        content = [{"type": "text", "text": text()} for _ in range(2)]
    extra: dict = {}
    if random.random() < 0.2:
        extra["metadata"] = {"note": text()}
    if random.random() < 0.1:
        extra["store"] = True
    if random.random() < 0.1:
        extra["extra_body"] = {"top_k": 5}
    return options, ask(content, model=random.choice(["assistant", "assistant", "cloudy"]), **extra)


def outline(decision: PolicyDecision) -> tuple:
    """Return what must not depend on the door."""
    return (
        decision.effect,
        decision.label,
        decision.candidates,
        decision.rejected,
        decision.reasons,
        decision.policy_digest,
    )


@pytest.fixture(scope="module")
def requests() -> list[tuple[dict, dict]]:
    """Return the generated requests, the same in every run."""
    random = Random(SEED)
    return [generated(random, number) for number in range(REQUESTS)]


async def test_200_generated_requests_are_decided_alike_through_every_door(
    tmp_path, cloud, on_premises, requests
):
    """A program that changes from sync to async or to streaming changes no decision."""
    file = configure(tmp_path, cloud=cloud, local=on_premises)
    # Nothing is remembered between doors: each sees the same fresh texts.
    text = file.read_text(encoding="utf-8") + "\n[detection.memory]\npersistent = false\n"
    file.write_text(text, encoding="utf-8")
    seen: list[dict[str, tuple]] = [{} for _ in requests]

    with HybridLLM(config=file) as client:
        for (options, params), doors in zip(requests, seen, strict=True):
            chat = client.with_options(**options).chat.completions
            doors["explain"] = outline(chat.explain(**params).decision)
    for streamed in (False, True):
        with HybridLLM(config=file) as client:
            for (options, params), doors in zip(requests, seen, strict=True):
                asking = client.with_options(**options)
                doors[f"sync {streamed}"] = sync_door(asking, params, streamed)
        async with AsyncHybridLLM(config=file) as client:
            for (options, params), doors in zip(requests, seen, strict=True):
                asking = client.with_options(**options)
                doors[f"async {streamed}"] = await async_door(asking, params, streamed)

    assert [] == [doors for doors in seen if len(doors) != 5 or len(set(doors.values())) != 1]
    effects = {str(doors["explain"][0]) for doors in seen}
    assert {"permit", "deny"} == effects
    assert b"Kestrel-4711" not in cloud.received
    intents = [item for item in records(tmp_path / ".hybridllm" / "audit") if "effect" in item]
    assert 4 * REQUESTS == len(intents)


def sync_door(client: HybridLLM, params: dict, streamed: bool) -> tuple:
    """Ask through the client for threads."""
    try:
        reply = client.chat.completions.create(**params, stream=streamed)
        if streamed:
            list(reply)
        return outline(reply.policy_decision)
    except PolicyDeniedError as error:
        return outline(error.policy_decision)


async def async_door(client: AsyncHybridLLM, params: dict, streamed: bool) -> tuple:
    """Ask through the client for event loops."""
    try:
        reply = await client.chat.completions.create(**params, stream=streamed)
        if streamed:
            async for _ in reply:
                pass
        return outline(reply.policy_decision)
    except PolicyDeniedError as error:
        return outline(error.policy_decision)
