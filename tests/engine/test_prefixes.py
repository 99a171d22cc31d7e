"""What was read once is not read again, inside one label of one department and nowhere else."""

import pytest

pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.engine.exchange import AdapterChange, Done
from hybridllm.engine.load import load
from hybridllm.engine.mailbox import ThreadMailbox
from hybridllm.engine.prefixes import BLOCK_TOKENS
from hybridllm.engine.settings import LoadSettings
from hybridllm.engine.ticket import Ticket
from hybridllm.labels import Label, Level
from hybridllm.wire import Scope
from tests.engine import tiny
from tests.engine.asking import ask, chat
from tests.engine.scheduling import Bench

pytestmark = pytest.mark.local

LOW, HIGH = Label(Level(1, "internal")), Label(Level(2, "confidential"))
LEGAL, SALES = Scope("legal", LOW), Scope("sales", LOW)
LONG = tuple(range(10, 10 + 3 * BLOCK_TOKENS))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    how = LoadSettings(
        path=tiny.shared(), cache=tmp_path_factory.mktemp("cache"), dtype="float32", device="cpu"
    )
    return load(how, progress=lambda what, share: None)


def expected_text(loaded, prompt, tokens):
    answer = tiny.greedy(tiny.shared(), prompt=list(prompt), tokens=tokens)
    if answer and answer[-1] in loaded.eos:
        answer.pop()
    return loaded.tokenizer.decode(answer)


def cached(bench, prompt, **how):
    """Ask, and return how many tokens of the prompt were not read."""
    ticket = bench.submit(prompt, **{"max_tokens": 4, "ignore_eos": True} | how)
    bench.run()
    return next(event.cached_tokens for event in bench.events(ticket) if isinstance(event, Done))


def prefixes(bench):
    return bench.scheduler._reader.prefixes


def test_a_prompt_that_begins_alike_is_read_from_where_it_differs(loaded):
    """The same instructions in front of each question are read once."""
    bench = Bench(loaded)

    first, second = (cached(bench, (*LONG, last), scope=LEGAL) for last in (3, 4))

    assert (0, len(LONG)) == (first, second)


@pytest.mark.parametrize(
    "other",
    [SALES, Scope("legal", HIGH), Scope("legal", Label(LOW.level, frozenset({"customer"}))), None],
    ids=["department", "level", "compartment", "nobody"],
)
def test_nothing_is_shared_between_departments_or_labels(loaded, other):
    """Not even the time of an answer tells what another department or label has asked."""
    bench = Bench(loaded)
    cached(bench, LONG, scope=LEGAL)

    there, here = cached(bench, LONG, scope=other), cached(bench, LONG, scope=LEGAL)

    assert 0 == there
    assert 0 < here


def test_two_departments_that_ask_the_same_at_once_are_read_apart(loaded):
    """Equal prompts that come together are one reading inside a scope, and two across."""
    bench = Bench(loaded)
    for scope in (LEGAL, LEGAL, SALES, None, None):
        bench.submit(LONG, max_tokens=4, scope=scope)

    bench.scheduler._reader.admit(bench.scheduler._waiting, fits=bench.scheduler._fits)

    (group,) = bench.scheduler._reader.groups
    assert [0, 0, 1, 2, 3] == group.sources


def test_without_a_scope_nothing_is_kept(loaded):
    """A request of which nobody says whose it is leaves nothing behind."""
    bench = Bench(loaded)

    assert [0, 0] == [cached(bench, LONG) for _ in range(2)]
    assert 0 == prefixes(bench).held_bytes


def test_the_next_turn_of_a_conversation_goes_on_where_the_last_answer_ended(loaded):
    """What the model said is not read again either."""
    bench = Bench(loaded)
    ticket = bench.submit(LONG, max_tokens=2 * BLOCK_TOKENS, ignore_eos=True, scope=LEGAL)
    bench.run()
    (row,) = [row for row in bench.rows() if row.ticket is ticket]

    again = cached(bench, (*row.tokens, 7, 8, 9), scope=LEGAL)

    assert again == (len(row.tokens) - 1) // BLOCK_TOKENS * BLOCK_TOKENS > len(LONG)


REQUESTS = st.lists(
    st.fixed_dictionaries(
        {
            "shared": st.integers(0, 100),
            "own": st.lists(st.integers(2, 300), min_size=1, max_size=20),
            "tokens": st.integers(1, 40),
            "wait": st.integers(0, 6),
            "cancel": st.booleans(),
            "scope": st.sampled_from([LEGAL, SALES, None]),
        }
    ),
    min_size=2,
    max_size=6,
)
COMMON = tuple(3 + (7 * place) % 290 for place in range(100))


@settings(max_examples=20, deadline=None)
@given(
    requests=REQUESTS, chunk=st.sampled_from([8, 64, 512]), room=st.integers(1, 6),
    kept=st.sampled_from([20_000, 2**30]),
)  # fmt: skip
def test_no_answer_changes_whoever_has_read_its_beginning(loaded, requests, chunk, room, kept):
    """Prompts that share beginnings, in any order and with any room, answer as alone."""
    bench = Bench(loaded, max_batch=room, prefill_tokens=chunk, prefix_cache_bytes=kept)
    tickets = []
    for request in requests:
        bench.run(turns=request["wait"], to_the_end=False)
        prompt = (*COMMON[: request["shared"]], *request["own"])
        ticket = bench.submit(prompt, max_tokens=request["tokens"], scope=request["scope"])
        tickets.append((ticket, prompt, request))
        if request["cancel"]:
            bench.scheduler.turn()
            ticket.cancel()
    bench.run()

    for ticket, prompt, request in tickets:
        expected = expected_text(loaded, prompt, request["tokens"])
        text = bench.text(ticket)
        assert expected.startswith(text) if request["cancel"] else expected == text
    assert prefixes(bench).held_bytes <= kept


def test_what_is_kept_never_takes_more_than_it_may(loaded):
    """The beginnings that were not used for the longest time make room."""
    one_block = loaded.kv_bytes_per_token * BLOCK_TOKENS
    bench = Bench(loaded, prefix_cache_bytes=4 * one_block)
    prompts = [tuple(range(first, first + 2 * BLOCK_TOKENS + 1)) for first in (2, 100, 200)]

    for prompt in prompts:
        cached(bench, prompt, max_tokens=1, scope=LEGAL)
    held = prefixes(bench).held_bytes

    assert 4 * one_block == held
    assert [2 * BLOCK_TOKENS, 2 * BLOCK_TOKENS, 0] == [
        cached(bench, prompt, max_tokens=1, scope=LEGAL) for prompt in (*prompts[:0:-1], prompts[0])
    ]


def test_lack_of_memory_and_faults_empty_the_store(loaded):
    """Memory that running answers need is given back, and after a fault nothing is trusted."""
    bench = Bench(loaded)
    for empty in (
        bench.scheduler._shrink,
        lambda: bench.scheduler.fail_all(Exception),
    ):
        cached(bench, LONG, scope=LEGAL)

        empty()

        assert 0 == prefixes(bench).held_bytes
        assert 0 == cached(bench, LONG, scope=LEGAL)


def test_an_adapter_shares_nothing_with_the_model_or_its_own_successor(loaded):
    """Other weights read the same prompt differently."""
    bench = Bench(loaded)
    store = prefixes(bench)
    cached(bench, LONG, scope=LEGAL)
    bare = store.held_bytes
    store._trees[LEGAL, "style"] = store._trees.pop((LEGAL, None))

    assert store.find(LONG, scope=LEGAL, adapter=None) is None
    assert store.find((*LONG, 3), scope=LEGAL, adapter="style").length == len(LONG)
    change = AdapterChange("style")
    bench.scheduler.add(Ticket(change, mailbox=ThreadMailbox(), deadline=float("inf")))
    assert (0, None) == (
        store.held_bytes, store.find((*LONG, 3), scope=LEGAL, adapter="style"),
    )  # fmt: skip
    assert bare > 0


def test_a_caller_sees_how_much_was_known(backend):
    """The usage says it, as the cloud's does."""
    body = chat("長い前置き " * 12, max_tokens=2)

    seen = [
        ask(backend, body, scope=scope)["usage"]["prompt_tokens_details"]["cached_tokens"]
        for scope in (LEGAL, LEGAL, SALES, None)
    ]

    assert seen[0] == seen[2] == seen[3] == 0
    assert seen[1] >= BLOCK_TOKENS
