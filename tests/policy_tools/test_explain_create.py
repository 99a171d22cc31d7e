"""What `explain` says is what `create` does."""

from __future__ import annotations

from random import Random

import pytest

from hybridllm import PolicyDecision, PolicyDeniedError
from hybridllm.testing import client_for_tests
from tests.reload.company import organisation, write

SEED = 20261125
RULES = """
[models.cloudy]
candidates = [{ backend = "cloud", model = "big" }]

[[rules]]
name = "support stays inside"
when = { purposes = ["support"], kinds = ["personal.*"] }
then = { forbid_places = ["cloud"] }

[[rules]]
name = "the crm is secret"
when = { applications = ["crm"] }
then = { label = "secret" }

[[rules]]
name = "robots are refused"
when = { principals = ["robot"], models = ["cloudy"] }
then = { deny = true }

[[rules]]
name = "research may leave some day"
mode = "report"
when = { purposes = ["research"] }
then = { only_backends = ["local"] }
"""
TEXTS = (
    "What is a good name for a cat?",
    "東京の人口は?",
    "社外秘 Kestrel の売上は?",
    "Write to hanako.mori@example.co.jp, please.",
    "携帯は090-0000-1234です",
    "card 4539 1488 0343 6467",
)


def generated(random: Random, number: int) -> tuple[dict, dict]:
    """Return options and arguments. No two texts are equal: what was secret once stays so."""
    options = {
        "department": random.choice(["staff", "legal"]),
        "label": random.choice([None, None, None, "public", "secret"]),
        "purpose": random.choice([None, "support", "research"]),
        "application": random.choice([None, None, None, "crm"]),
        "principal": random.choice([None, "hanako", "robot"]),
    }
    texts = [f"{random.choice(TEXTS)} [{number}.{part}]" for part in range(random.randint(1, 2))]
    params: dict = {
        "model": random.choice(["assistant", "assistant", "cloudy"]),
        "messages": [{"role": "user", "content": text} for text in texts],
    }
    if random.random() < 0.1:
        params["store"] = True
    if random.random() < 0.1:
        params["extra_body"] = {"top_k": 5}
    return options, params


def outline(decision: PolicyDecision) -> tuple:
    """Return all that a decision says of the request."""
    return (
        decision.effect,
        decision.label,
        decision.candidates,
        decision.rejected,
        decision.reasons,
        decision.policy_digest,
    )


@pytest.mark.parametrize("cases", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_explain_and_create_agree(tmp_path, cases):
    """Whoever asks first what would happen is not surprised afterwards."""
    file = write(tmp_path, text=organisation(more=RULES))
    legal = tmp_path / "departments" / "legal.toml"
    legal.write_text('version = 1\ndefault = "secret"\n', encoding="utf-8")
    random, different, effects = Random(SEED), [], set()

    with client_for_tests(file) as client:
        for number in range(cases):
            options, params = generated(random, number)
            chat = client.with_options(**options).chat.completions
            said = chat.explain(**params).decision
            try:
                done = chat.create(**params).policy_decision
            except PolicyDeniedError as error:
                done = error.policy_decision
            effects.add((done.effect.value, done.backend))
            if outline(said) != outline(done):
                different.append(number)

    assert [] == different
    assert {("permit", "cloud"), ("permit", "local"), ("deny", None)} == effects
