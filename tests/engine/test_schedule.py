"""Whoever else is in the batch, an answer is the one that the prompt gets alone.

The engine's scheduler is driven turn by turn, without its thread, so that every order of joins,
cancels and stops can be made, and made again.
"""

import time

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.engine.exchange import Done, Failed, Piece, Sampling
from hybridllm.engine.load import load
from hybridllm.engine.settings import LoadSettings
from tests.engine import tiny
from tests.engine.scheduling import Bench

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    settings = LoadSettings(
        path=tiny.shared(), cache=tmp_path_factory.mktemp("cache"), dtype="float32", device="cpu"
    )
    return load(settings, progress=lambda what, share: None)


def expected_text(loaded, prompt, *, tokens, stop=""):
    """Return what transformers' own `generate` says, cut at the stop string."""
    answer = tiny.greedy(tiny.shared(), prompt=list(prompt), tokens=tokens)
    if answer and answer[-1] in loaded.eos:
        answer.pop()
    text = loaded.tokenizer.decode(answer)
    return text.partition(stop)[0] if stop else text


REQUESTS = st.lists(
    st.fixed_dictionaries(
        {
            "prompt": st.lists(st.integers(2, 300), min_size=1, max_size=40),
            "tokens": st.integers(1, 24),
            "wait": st.integers(0, 6),
            "cancel_after": st.none() | st.integers(0, 10),
            "stop": st.sampled_from(["", "e", "12", "th"]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(requests=REQUESTS, room=st.integers(1, 6), chunk=st.sampled_from([4, 16, 512]))
def test_every_schedule_gives_the_answers_of_generate(loaded, requests, room, chunk):
    """Joins, cancels, stops and chunked prompts in any order change no token of any answer."""
    bench = Bench(loaded, max_batch=room, prefill_tokens=chunk)
    tickets, cancels, turn = [], {}, 0
    for request in requests:
        for _ in range(request["wait"]):
            bench.scheduler.turn()
            turn += 1
            for ticket, due in cancels.items():
                if turn >= due:
                    ticket.cancel()
        stops = (request["stop"],) if request["stop"] else ()
        ticket = bench.submit(request["prompt"], max_tokens=request["tokens"], stop=stops)
        tickets.append(ticket)
        if request["cancel_after"] is not None:
            cancels[ticket] = turn + request["cancel_after"]
    for ticket in cancels:
        ticket.cancel()

    bench.run()

    for request, ticket in zip(requests, tickets, strict=True):
        expected = expected_text(
            loaded, request["prompt"], tokens=request["tokens"], stop=request["stop"]
        )
        text = bench.text(ticket)
        assert expected.startswith(text) if ticket in cancels else expected == text


@settings(max_examples=25, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 2**32), min_size=2, max_size=5),
    top_p=st.sampled_from([0.3, 0.9, 1.0]),
    data=st.data(),
)
def test_a_seed_gives_the_same_answer_in_any_company(loaded, seeds, top_p, data):
    """Seeded sampling does not depend on who else is in the batch."""

    def asked(seed):
        return Sampling(temperature=1.0, top_p=top_p, seed=seed)

    alone = []
    for place, seed in enumerate(seeds):
        bench = Bench(loaded)
        ticket = bench.submit([5 + place, 9, 40], max_tokens=12, sampling=asked(seed))
        bench.run()
        alone.append(bench.text(ticket))

    bench = Bench(loaded)
    tickets = []
    for place, seed in enumerate(seeds):
        tickets.append(bench.submit([5 + place, 9, 40], max_tokens=12, sampling=asked(seed)))
        for _ in range(data.draw(st.integers(0, 3))):
            bench.scheduler.turn()
    bench.run()

    assert alone == [bench.text(ticket) for ticket in tickets]


def out_of_memory_once(bench, *, at):
    """Make the model run out of memory at one of its forward passes."""
    calls, model = [0], bench.loaded.model

    def fail(*_):
        calls[0] += 1
        if calls[0] == at:
            raise torch.OutOfMemoryError("simulated")

    return model.model.layers[-1].register_forward_pre_hook(fail)


@pytest.mark.parametrize("at", [1, 2, 4, 9])
def test_out_of_memory_changes_no_answer(loaded, at):
    """When memory runs out, fewer answers grow at once, and each is still the right one."""
    bench = Bench(loaded)
    hook = out_of_memory_once(bench, at=at)
    prompts = [[7, 8, 9], [30, 31], [50] * 12, [60, 61, 62, 63]]

    try:
        tickets = [bench.submit(prompt, max_tokens=16) for prompt in prompts]
        bench.run()
    finally:
        hook.remove()

    texts = [bench.text(ticket) for ticket in tickets]
    assert [expected_text(loaded, prompt, tokens=16) for prompt in prompts] == texts


def test_one_request_that_does_not_fit_is_refused_and_the_next_runs(loaded):
    """A request that is too large for the memory gets an error; nobody else notices."""
    bench = Bench(loaded)
    hook = out_of_memory_once(bench, at=1)

    try:
        large = bench.submit([7] * 30, max_tokens=4)
        bench.run()
        small = bench.submit([7, 8], max_tokens=4)
        bench.run()
    finally:
        hook.remove()

    assert "out_of_memory" == bench.events(large)[-1].refusal.code
    assert expected_text(loaded, [7, 8], tokens=4) == bench.text(small)


def test_room_grows_back_after_memory_was_short(loaded):
    """One bad moment does not slow the engine for ever."""
    bench = Bench(loaded, max_batch=8)
    hook = out_of_memory_once(bench, at=2)
    for _ in range(4):
        bench.submit([7, 8], max_tokens=3, ignore_eos=True)
    bench.run()
    hook.remove()
    small = bench.scheduler.room

    for _ in range(4):
        bench.submit([7, 8], max_tokens=200, ignore_eos=True)
    bench.run()

    assert small < bench.scheduler.room


def test_keys_and_values_stay_within_their_memory(loaded):
    """With little room for keys and values, answers take turns and are all right."""
    bench = Bench(loaded, kv_cache_bytes=loaded.kv_bytes_per_token * 50)
    prompts = [[7, 8, 9], [30, 31], [50] * 12, [60, 61, 62, 63]]

    tickets = [bench.submit(prompt, max_tokens=24) for prompt in prompts]
    bench.run()

    texts = [bench.text(ticket) for ticket in tickets]
    assert [expected_text(loaded, prompt, tokens=24) for prompt in prompts] == texts


def test_a_cancelled_request_costs_no_further_step(loaded):
    """Closing a stream frees its place at once."""
    bench = Bench(loaded)
    ticket = bench.submit([7, 8], max_tokens=200, ignore_eos=True)
    bench.scheduler.turn()

    ticket.cancel()
    bench.scheduler.turn()

    assert not bench.scheduler.busy
    assert not any(isinstance(event, Done | Failed) for event in bench.events(ticket))


def test_a_request_past_its_deadline_is_dropped(loaded):
    """The engine works for nobody who has stopped waiting."""
    bench = Bench(loaded)
    ticket = bench.submit([7, 8], max_tokens=200, ignore_eos=True, deadline=time.monotonic() - 1)

    bench.scheduler.turn()

    assert not bench.scheduler.busy
    assert "deadline_exceeded" == bench.events(ticket)[-1].refusal.code


def test_a_long_prompt_holds_nobody_up_for_longer_than_a_chunk(loaded):
    """While a long prompt is read, running answers grow with every chunk of it."""
    bench = Bench(loaded, prefill_tokens=16)
    running = bench.submit([7, 8], max_tokens=100, ignore_eos=True)
    bench.scheduler.turn()
    before = len(bench.scheduler.running[0].output)

    bench.submit([9] * 100, max_tokens=4)
    short = bench.submit([10, 11], max_tokens=4)
    bench.scheduler.turn()
    bench.scheduler.turn()

    assert before + 2 == len(bench.scheduler.running[0].output)
    assert any(isinstance(event, Piece) for event in bench.events(short))
    running.cancel()
    bench.run()


def test_answers_to_one_prompt_read_it_once(loaded):
    """Asking for `n` answers costs one reading of the prompt."""
    bench = Bench(loaded)
    sampling = Sampling(temperature=1.0, seed=3)
    widths = []
    hook = loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: widths.append(tuple(kwargs["input_ids"].shape)),
        with_kwargs=True,
    )

    ticket = bench.submit([7, 8, 9], max_tokens=6, n=4, sampling=sampling, ignore_eos=True)
    bench.run()
    hook.remove()

    assert [(1, 3), (4, 1), (4, 1), (4, 1), (4, 1), (4, 1)] == widths
    assert Done(3, completion_tokens=24) == bench.events(ticket)[-1]
