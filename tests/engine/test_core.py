"""The engine's thread survives its callers, its model and itself."""

import asyncio
import random
import threading
import time
import tracemalloc

import openai
import pytest

pytest.importorskip("torch")

from hybridllm.backends.in_process import InProcessBackend
from hybridllm.engine.scheduler import Scheduler
from tests.engine import tiny
from tests.engine.asking import aask, ask, chat, text_of, wire

pytestmark = pytest.mark.local


def test_a_fault_in_one_turn_leaves_nobody_waiting(new_backend, monkeypatch):
    """Whoever is served when something breaks gets an error without content; the next is served."""
    backend = new_backend()
    ask(backend, chat("Hello", max_tokens=1))

    with monkeypatch.context() as patched:
        patched.setattr(Scheduler, "_sweep", lambda self: {}["社外秘"])
        with pytest.raises(openai.InternalServerError) as caught:
            ask(backend, chat("Hello", max_tokens=1))

    assert "engine_failed" == caught.value.code
    assert "社外秘" not in f"{caught.value} {caught.value.body}"
    assert 1 == ask(backend, chat("Hello", max_tokens=1))["usage"]["completion_tokens"]


def test_a_template_bomb_costs_one_request(new_backend, tmp_path):
    """A poisoned template is refused for each request, and the engine goes on."""
    folder = tiny.build(tmp_path / "model")
    bomb = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}"
    (folder / "chat_template.jinja").write_text(bomb, encoding="utf-8")
    backend = new_backend(model_path=folder)

    with pytest.raises(openai.BadRequestError) as caught:
        ask(backend, chat("Hello"))

    assert "template_refused" == caught.value.code
    reply = ask(backend, {"model": "tiny", "prompt": "Hello", "max_tokens": 1})
    assert 1 == reply["usage"]["completion_tokens"]


def test_other_errors_while_loading_are_told_by_their_kind(new_backend, monkeypatch):
    """A fault of the machine reaches the callers too."""
    backend = new_backend(device="cuda:77")

    with pytest.raises(openai.InternalServerError) as caught:
        ask(backend, chat("Hello"))

    assert "model_not_loaded" == caught.value.code


async def visit(backend, number, *, chance):
    """Ask for something, and now and then give up half-way."""
    body = chat(f"Caller {number}", max_tokens=chance.randint(1, 12), temperature=0)
    kind = chance.randrange(3)
    if kind == 0:
        await aask(backend, body)
    elif kind == 1:
        task = asyncio.create_task(aask(backend, body))
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    else:
        request, permit = wire(body | {"stream": True})
        events = (await backend.asend(request, permit=permit)).events
        for _ in range(chance.randrange(3)):
            await events.aread()
        await events.aclose()


async def crowd(backend, *, clients, visits, seed):
    chance = random.Random(seed)

    async def client(number):
        for _ in range(visits):
            await visit(backend, number, chance=chance)

    await asyncio.gather(*(client(number) for number in range(clients)))


def crowd_leaves_nothing(backend, *, seconds):
    """Let 64 clients come, cancel and go; return threads and bytes before and after."""
    asyncio.run(crowd(backend, clients=64, visits=2, seed=0))
    tracemalloc.start()
    before = (threading.active_count(), tracemalloc.get_traced_memory()[0])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        asyncio.run(crowd(backend, clients=64, visits=3, seed=int(end)))
    ask(backend, chat("Hello", max_tokens=1))
    after = (threading.active_count(), tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return before, after


def test_clients_that_come_cancel_and_go_leave_nothing(new_backend):
    """After hundreds of visits, threads and memory are as before, and answers are right."""
    backend = new_backend()
    expected = text_of(ask(backend, chat("Hello", max_tokens=12, temperature=0)))

    before, after = crowd_leaves_nothing(backend, seconds=2)

    assert before[0] == after[0]
    assert after[1] - before[1] < 1_000_000
    assert expected == text_of(ask(backend, chat("Hello", max_tokens=12, temperature=0)))


@pytest.mark.slow
def test_ten_minutes_of_clients_leave_nothing(new_backend):
    """A long day leaves threads and memory as they were."""
    before, after = crowd_leaves_nothing(new_backend(), seconds=600)

    assert before[0] == after[0]
    assert after[1] - before[1] < 2_000_000


def test_two_models_in_one_process_do_not_meet(tmp_path):
    """Each backend has its own thread, its own model and its own answers."""
    other = InProcessBackend(
        "tiny", model_path=tiny.build(tmp_path / "other", seed=5), dtype="float32", threads=1
    )
    first = InProcessBackend("tiny", model_path=tiny.shared(), dtype="float32", threads=1)
    body = chat("Hello", max_tokens=12, temperature=0)

    answers = [text_of(ask(backend, body)) for backend in (first, other, first, other)]
    first.close()
    other.close()

    assert answers[:2] == answers[2:]
    assert answers[0] != answers[1]
