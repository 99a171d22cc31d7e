"""A question is embedded under the label of its whole request, not under its own alone."""

from __future__ import annotations

import pytest

from hybridllm import HybridLLM
from tests.rag.flow.setting import question
from tests.rag.flow.test_embedding import firm  # noqa: F401 - a fixture

QUESTION = "Bluefinch buys the canteen?"
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.mark.parametrize(
    "messages",
    [
        [*question("社外秘 What follows is confidential"), *question(QUESTION)],
        [{"role": "user", "content": [{"type": "text", "text": QUESTION}, IMAGE]}],
    ],
    ids=["a marking before it", "an image beside it"],
)
def test_a_request_that_stays_inside_is_embedded_inside(firm, messages):  # noqa: F811 - the fixture
    """The vector of an ordinary question gives a confidential conversation away."""
    file, cloud, _ = firm
    with HybridLLM(config=file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        reply = client.chat.completions.create(model="assistant", messages=messages)

    assert "on_premises" == reply.policy_decision.backend
    assert b"Bluefinch" not in cloud.received


def test_a_short_question_beside_passages_keeps_its_label(firm):  # noqa: F811 - the fixture
    """What was declared confidential is known again, though passages stood in its message."""
    file, cloud, _ = firm
    with HybridLLM(config=file) as base:
        client = base.with_options(vector_store_ids=["handbook"], label="confidential")
        client.chat.completions.create(model="assistant", messages=question(QUESTION))
    with HybridLLM(config=file) as later:
        reply = later.chat.completions.create(model="assistant", messages=question(QUESTION))

    assert "on_premises" == reply.policy_decision.backend
    assert b"Bluefinch" not in cloud.received
