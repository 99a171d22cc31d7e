"""The next token is drawn as the request asks."""

from dataclasses import dataclass, field

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.engine import sampling
from hybridllm.engine.exchange import Sampling
from hybridllm.engine.sampling import choose, resolved

pytestmark = pytest.mark.local


@dataclass
class Row:
    """A row with a point that is given."""

    sampling: Sampling
    point: float = 0.5
    prompt: tuple[int, ...] = ()
    output: list[int] = field(default_factory=list)
    mask: object = None

    def draw(self):
        return self.point

    def allowed(self):
        return self.mask


def asked(**settings):
    return resolved(Sampling(**settings), defaults=Sampling())


def tokens(logits, *rows):
    return [choice.token for choice in choose(torch.tensor(logits), rows=rows)]


def naive(logits, *, point, temperature, top_k, top_p, min_p):
    """Draw by the textbook: sort, cut, add up until the point is passed."""
    logits = torch.tensor(logits, dtype=torch.float64) / temperature
    ranked = sorted(enumerate(torch.softmax(logits, -1).tolist()), key=lambda item: -item[1])
    best = ranked[0][1]
    kept = [item for item in ranked[: top_k or None] if item[1] >= min_p * best]
    whole = sum(p for _, p in kept)
    nucleus, before = [], 0.0
    for token, p in kept:
        if nucleus and before >= top_p:
            break
        nucleus.append((token, p / whole))
        before += p / whole
    passed, goal = 0.0, point * sum(p for _, p in nucleus)
    for token, p in nucleus:
        passed += p
        if passed > goal:
            return token
    return nucleus[-1][0]


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    temperature=st.floats(0.1, 2.0),
    top_k=st.integers(1, 12),
    top_p=st.floats(0.05, 0.99),
    min_p=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_cuts_are_those_of_the_textbook(data, temperature, top_k, top_p, min_p):
    """Top-k, top-p and min-p keep exactly the tokens that their definitions keep."""
    # Whole numbers, all different: a tie has no order.
    logits = [float(value) for value in data.draw(st.permutations(range(10)))]
    # Away from the edges of 32-bit numbers.
    point = data.draw(st.integers(0, 99)) / 100 + 0.00371
    how = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}

    assert [naive(logits, point=point, **how)] == tokens([logits], Row(asked(**how), point=point))


def test_a_head_of_the_vocabulary_gives_what_the_whole_gives(monkeypatch):
    """Looking only at the best tokens first is faster and changes nothing."""
    torch.manual_seed(0)
    logits = torch.randn(6, 3000) * 3
    rows = [
        Row(asked(temperature=1.0, **cut), point=0.137 * (place + 1))
        for place, cut in enumerate(
            [{"top_p": 0.5}, {"top_p": 0.999}, {"top_k": 7}, {"min_p": 0.2}, {"top_k": 900}, {}]
        )
    ]

    together = [choice.token for choice in choose(logits, rows=rows)]
    monkeypatch.setattr(sampling, "_HEAD", 3000)
    whole = [choice.token for choice in choose(logits, rows=rows)]
    monkeypatch.setattr(sampling, "_HEAD", 256)
    alone = [choose(logits[i : i + 1], rows=[row])[0].token for i, row in enumerate(rows)]

    assert whole == together == alone


def test_no_temperature_takes_the_best_token():
    """Temperature 0 is no chance at all, beside rows that have some."""
    logits = [[0.0, 5.0, 1.0], [0.0, 0.0, 0.0]]

    found = tokens(logits, Row(asked(temperature=0.0)), Row(asked(temperature=1.0), point=0.99))

    assert [1, 2] == found


def test_penalties_count_what_has_been_said():
    """Presence is paid once, frequency for each time; the prompt counts only for repetition."""
    logits = [[3.0, 2.9, 2.0]]
    cold = {"temperature": 0.0}

    assert [0] == tokens(logits, Row(asked(**cold), output=[0, 0]))
    assert [1] == tokens(logits, Row(asked(presence_penalty=0.2, **cold), output=[0, 0]))
    assert [2] == tokens(logits, Row(asked(frequency_penalty=0.6, **cold), output=[0, 0, 1, 1]))
    assert [0] == tokens(logits, Row(asked(presence_penalty=2.0, **cold), prompt=(0,)))
    assert [1] == tokens(logits, Row(asked(repetition_penalty=1.2, **cold), prompt=(0,)))


def test_repetition_makes_an_unlikely_token_no_likelier():
    """A negative logit is multiplied, not divided."""
    logits = [[-1.0, -1.5]]

    found = tokens(logits, Row(asked(temperature=0.0, repetition_penalty=2.0), prompt=(0,)))

    assert [1] == found


def test_only_what_the_grammar_allows_is_drawn():
    """A forbidden token has no chance, however likely it is."""
    mask = torch.tensor([False, True, False])

    found = tokens([[9.0, 0.0, 8.0]], Row(asked(temperature=1.0), point=0.01, mask=mask))

    assert [1] == found


@pytest.mark.parametrize("point", [0.0, 0.5, 1.0])
def test_a_token_without_any_chance_is_never_drawn(point):
    """Rounding at the edges does not pick a token that was cut off."""
    logits = [[-torch.inf, 1.0, 1.0, -torch.inf]]

    assert tokens(logits, Row(asked(temperature=1.0), point=point))[0] in {1, 2}


def test_scores_are_those_of_the_untouched_logits():
    """Reported probabilities are the model's own, before temperature and penalties."""
    row = Row(asked(temperature=0.5, logprobs=2, logit_bias=((0, -100.0),)), point=0.0)

    choice = choose(torch.tensor([[2.0, 1.0, 0.0]]), rows=[row])[0]

    expected = torch.log_softmax(torch.tensor([2.0, 1.0, 0.0]), -1).tolist()
    assert 1 == choice.token
    assert pytest.approx(expected[1]) == choice.logprob
    assert [0, 1] == [token for token, _ in choice.alternatives]


def test_a_models_own_settings_apply_where_the_request_is_silent():
    """A small model keeps the temperature that its makers recommend."""
    defaults = Sampling(temperature=0.2, top_k=40)

    assert 0.2 == resolved(Sampling(), defaults=defaults).temperature
    assert 1.0 == resolved(Sampling(temperature=1.0), defaults=defaults).temperature
    assert (40, 1.0, 0.0) == (
        resolved(Sampling(), defaults=defaults).top_k,
        resolved(Sampling(), defaults=defaults).top_p,
        resolved(Sampling(), defaults=defaults).min_p,
    )
