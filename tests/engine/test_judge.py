"""A judge with a real model in this process."""

from __future__ import annotations

import json
import time

import pytest

pytest.importorskip("torch")

from hybridllm import AsyncHybridLLM, HybridLLM, PolicyDeniedError
from hybridllm.permit import Permit
from hybridllm.wire import WireRequest
from tests.engine import tiny
from tests.support.server import RecordingServer

pytestmark = pytest.mark.local

PROMPT = "Please send the report to the sales team today."


def test_the_judge_gets_the_model_s_own_answer(backend):
    """Asking beside the flow gives the same words as a request does."""
    body = json.dumps(
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": PROMPT}],
            "temperature": 0,
            "max_tokens": 8,
        }
    ).encode()
    deadline = time.monotonic() + 60
    permit = Permit(backend="tiny", body=body, policy_digest="0", deadline=deadline)
    request = WireRequest(path="chat/completions", body=body, deadline=deadline)
    reply = json.loads(backend.send(request, permit=permit).body)

    answer = backend.ask(PROMPT, max_tokens=8, timeout_s=60.0)

    assert reply["choices"][0]["message"]["content"] == answer


@pytest.fixture
def setting(tmp_path):
    with RecordingServer(name="cloud") as cloud:
        (tmp_path / "hybridllm.toml").write_text(
            f"""
version = 1
labels = {{ levels = ["public", "restricted"], default = "public" }}
[backends.cloud]
place = "cloud"
clearance = "public"
base_url = "{cloud.base_url}"
[backends.inside]
place = "in_process"
clearance = "restricted"
model_path = '{tiny.shared()}'
[models.assistant]
candidates = [{{ backend = "cloud", model = "m" }}]
[detection]
timeout_s = 60.0
[detection.judge]
backend = "inside"
timeout_s = 60.0
""",
            encoding="utf-8",
        )
        yield tmp_path / "hybridllm.toml", cloud


def test_a_model_that_rambles_keeps_everything_inside(setting):
    """What is neither of the two words is no judgement, and no request leaves on it."""
    file, cloud = setting
    with HybridLLM(config=file) as client, pytest.raises(PolicyDeniedError) as denied:
        client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": PROMPT}]
        )

    assert "doubt" in str(denied.value.policy_decision.reasons)
    assert [] == cloud.requests


async def test_an_event_loop_goes_on_while_the_judge_thinks(setting):
    """The judge waits in a thread, and a denial comes all the same."""
    file, cloud = setting
    async with AsyncHybridLLM(config=file) as client:
        with pytest.raises(PolicyDeniedError):
            await client.chat.completions.create(
                model="assistant", messages=[{"role": "user", "content": PROMPT}]
            )

    assert [] == cloud.requests
