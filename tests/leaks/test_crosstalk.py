"""Many callers at once: everybody gets their own answer, label and decision."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.leaks.setting import open_async_client, open_client, unfinished, write_config
from tests.support.server import RecordingServer

_DEPARTMENTS = ("sales", "legal", "finance", "support", "research")
_AT_ONCE = 64
_FEW, _MANY = 1_000, 10_000


def _write(folder: Path, *, cloud: RecordingServer, inner: RecordingServer) -> Path:
    departments = folder / "departments"
    departments.mkdir(parents=True)
    for name in _DEPARTMENTS:
        (departments / f"{name}.toml").write_text("version = 1\n", encoding="utf-8")
    for server in (cloud, inner):
        server.say(lambda request: str(request.json()["messages"][-1]["content"]))  # type: ignore[index]
    return write_config(folder, cloud=cloud, on_premises=inner)


def _plan(number: int, dice: random.Random) -> dict[str, Any]:
    """Return what one call asks and must get."""
    inside = dice.random() < 0.5
    return {
        "text": f"Kestrel-{'inside' if inside else 'open'}-{number}",
        "label": "confidential" if inside else None,
        "backend": "on_premises" if inside else "cloud",
        "department": dice.choice(_DEPARTMENTS),
        "streams": dice.random() < 0.3,
    }


def _wrong(plan: dict[str, Any], *, text: str, decision: Any) -> str | None:
    """Say what crossed, if anything did."""
    if (plan["text"], plan["backend"]) != (text, decision.backend):
        return f"{plan['text']} got {text} from {decision.backend}"
    level = "confidential" if plan["label"] else "internal"
    return None if level == decision.label.level.name else f"{plan['text']} was {decision.label}"


async def _run_async(file: Path, count: int) -> list[str]:
    dice = random.Random(7781)
    plans = [_plan(number, dice) for number in range(count)]
    gate = asyncio.Semaphore(_AT_ONCE)
    async with open_async_client(file) as client:

        async def one(plan: dict[str, Any]) -> str | None:
            mine = client.with_options(department=plan["department"], label=plan["label"])
            ask: dict[str, Any] = {
                "model": "assistant",
                "messages": [{"role": "user", "content": plan["text"]}],
            }
            async with gate:
                if plan["streams"]:
                    stream = await mine.chat.completions.create(**ask, stream=True)
                    pieces = [piece async for piece in stream]
                    text = "".join((p.choices and p.choices[0].delta.content) or "" for p in pieces)
                    return _wrong(plan, text=text, decision=stream.policy_decision)
                reply = await mine.chat.completions.create(**ask)
                text = str(reply.choices[0].message.content)
                return _wrong(plan, text=text, decision=reply.policy_decision)

        return [wrong for wrong in await asyncio.gather(*map(one, plans)) if wrong]


def _run_threads(file: Path, count: int) -> list[str]:
    dice = random.Random(7782)
    plans = [_plan(number, dice) for number in range(count)]
    with open_client(file) as client, ThreadPoolExecutor(_AT_ONCE) as pool:

        def one(plan: dict[str, Any]) -> str | None:
            mine = client.with_options(department=plan["department"], label=plan["label"])
            reply = mine.chat.completions.create(
                model="assistant", messages=[{"role": "user", "content": plan["text"]}]
            )
            text = str(reply.choices[0].message.content)
            return _wrong(plan, text=text, decision=reply.policy_decision)

        return [wrong for wrong in pool.map(one, plans) if wrong]


def _in_a_loop(file: Path, count: int) -> list[str]:
    return asyncio.run(_run_async(file, count))


@pytest.mark.parametrize(
    ("run", "count"),
    [
        pytest.param(_in_a_loop, _FEW, id="event loop"),
        pytest.param(_run_threads, _FEW // 2, id="threads"),
        pytest.param(_in_a_loop, _MANY, id="event loop, many", marks=pytest.mark.slow),
        pytest.param(_run_threads, _MANY, id="threads, many", marks=pytest.mark.slow),
    ],
)
def test_nobody_gets_what_belongs_to_another(
    run: Callable[[Path, int], list[str]],
    count: int,
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
) -> None:
    """Sixty-four at once from five departments: no reply, label or decision crosses."""
    file = _write(tmp_path, cloud=cloud, inner=on_premises)

    wrong = run(file, count)

    assert [] == wrong
    assert count == len(cloud.requests) + len(on_premises.requests)
    assert b"Kestrel-inside" not in cloud.received
    assert b"Kestrel-open" not in on_premises.received
    assert [] == unfinished(file)
