"""Callers of a model in this process come, wait, give up and go."""

import asyncio
import gc
import threading
import time

import openai
import pytest

pytest.importorskip("torch")

from hybridllm.backends.in_process_replies import error_of
from hybridllm.engine.exchange import Refusal
from hybridllm.wire import BackendError
from tests.engine import tiny
from tests.engine.asking import aask, ask, chat, raw, text_of

pytestmark = pytest.mark.local


def read_all(events):
    while events.read() is not None:
        pass


def engine_threads():
    return [thread for thread in threading.enumerate() if "hybridllm-engine" in thread.name]


def test_many_callers_at_once_get_their_own_answers(backend):
    """Forty callers, threads and tasks together, are never mixed up."""
    texts = [f"Question {number} " + "報告" * (number % 7) for number in range(20)]
    alone = [text_of(ask(backend, chat(text, max_tokens=12, temperature=0))) for text in texts]
    found = {}

    def in_thread(text):
        found[text] = text_of(ask(backend, chat(text, max_tokens=12, temperature=0)))

    async def in_tasks():
        bodies = [chat(text, max_tokens=12, temperature=0) for text in texts]
        replies = await asyncio.gather(*(aask(backend, body) for body in bodies))
        return [text_of(reply) for reply in replies]

    threads = [threading.Thread(target=in_thread, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    together = asyncio.run(in_tasks())
    for thread in threads:
        thread.join()

    assert alone == together
    assert alone == [found[text] for text in texts]


def test_a_closed_stream_frees_its_place(new_backend):
    """With one place, the next caller is served as soon as a reader goes away."""
    backend = new_backend(max_batch=1)
    events = raw(backend, chat("Hello", max_tokens=200, ignore_eos=True, stream=True)).events
    events.read()

    events.close()
    reply = ask(backend, chat("Bye", max_tokens=2))

    assert 2 == reply["usage"]["completion_tokens"]
    with pytest.raises(BackendError, match="closed"):
        events.read()


def test_a_dropped_stream_frees_its_place(new_backend):
    """A reader that forgets to close a stream does not block the next caller for ever."""
    backend = new_backend(max_batch=1)
    events = raw(backend, chat("Hello", max_tokens=200, ignore_eos=True, stream=True)).events
    events.read()

    del events
    gc.collect()

    assert 2 == ask(backend, chat("Bye", max_tokens=2))["usage"]["completion_tokens"]


async def test_a_cancelled_task_frees_its_place(new_backend):
    """A task that is cancelled takes its request with it."""
    backend = new_backend(max_batch=1)
    await aask(backend, chat("Hello", max_tokens=1))
    task = asyncio.create_task(aask(backend, chat("Hello", max_tokens=230, ignore_eos=True)))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert 2 == (await aask(backend, chat("Bye", max_tokens=2)))["usage"]["completion_tokens"]
    await backend.aclose()
    assert not backend.running


def test_a_deadline_ends_the_wait_with_a_timeout(backend):
    """A call never takes longer than it may."""
    body = chat("Hello", max_tokens=200, ignore_eos=True, n=16)

    with pytest.raises(openai.APITimeoutError):
        ask(backend, body, deadline_s=0.01)


def test_a_full_queue_refuses_with_a_rate_limit(new_backend):
    """Too much work is refused at once, so that the caller can go elsewhere."""
    backend = new_backend(max_waiting=1)
    events = raw(backend, chat("Hello", max_tokens=200, ignore_eos=True, stream=True)).events

    with pytest.raises(openai.RateLimitError) as caught:
        ask(backend, chat("Bye", max_tokens=1))

    events.close()
    assert "engine_overloaded" == caught.value.code


@pytest.mark.parametrize("settings", [{"max_tokens": 5000}, {}])
def test_a_prompt_that_does_not_fit_is_refused_with_the_counts(backend, settings):
    """Nothing is cut off silently."""
    text = "長い文章 " * (1 if settings else 200)

    with pytest.raises(openai.BadRequestError) as caught:
        ask(backend, chat(text, **settings))

    assert "context_length_exceeded" == caught.value.code
    assert str(tiny.CONTEXT) in str(caught.value)
    assert "長い" not in f"{caught.value!r} {caught.value.body}"


def test_closing_ends_the_thread_and_all_requests(new_backend):
    """After `close` nothing of the engine is left, and whoever still waits gets an error."""
    backend = new_backend()
    before = len(engine_threads())
    events = raw(backend, chat("Hello", max_tokens=230, ignore_eos=True, stream=True)).events

    backend.close()
    backend.close()

    assert before == len(engine_threads())
    with pytest.raises(BackendError, match="closed"):
        read_all(events)
    with pytest.raises(openai.InternalServerError):
        ask(backend, chat("Hello"))


def test_a_model_that_cannot_be_loaded_says_why(new_backend, tmp_path):
    """A broken folder gives an error that names the file, and keeps giving it."""
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    backend = new_backend(model_path=tmp_path)

    for _ in range(2):
        with pytest.raises(openai.InternalServerError, match=r"model\.safetensors") as caught:
            ask(backend, chat("Hello"))
        assert "model_not_loaded" == caught.value.code


def test_only_a_full_queue_is_worth_another_try():
    """The flow neither asks a broken engine again nor gives up on one that is busy."""
    tried = {
        status: error_of(Refusal("x", code="x", status=status), backend="tiny")
        for status in (400, 408, 429, 500, 503)
    }

    assert [429] == [status for status, error in tried.items() if error.may_retry]
    assert [408, 429, 500, 503] == [code for code, error in tried.items() if error.may_fall_back]


def test_loading_reports_its_progress(new_backend):
    """A user sees what takes time."""
    told = []
    backend = new_backend(progress=lambda what, share: told.append((what, share)))

    ask(backend, chat("Hello", max_tokens=1))

    assert ("ready", 1.0) == told[-1]


async def test_the_event_loop_is_not_held_up(backend):
    """Other tasks go on while the model works."""
    await aask(backend, chat("Hello", max_tokens=1))
    lags, done = [], asyncio.Event()

    async def watch():
        while not done.is_set():
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - start)

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(aask(backend, chat(f"{n}", max_tokens=60)) for n in range(8)))
    done.set()
    await watcher

    assert sorted(lags)[len(lags) // 2] < 0.05
