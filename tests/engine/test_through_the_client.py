"""The client asks a model in this process as it asks any other backend."""

import json

import openai
import pytest

pytest.importorskip("torch")

from hybridllm import AsyncHybridLLM, HybridLLM
from tests.engine import tiny

pytestmark = pytest.mark.local

CONFIGURATION = """
version = 1
[labels]
levels = ["public", "internal", "confidential"]
compartments = ["customer"]
default = "internal"
[backends.own]
place = "in_process"
model_path = {path}
device = "cpu"
dtype = "float32"
clearance = {{ level = "confidential", compartments = "all" }}
parameters = ["previous_response_id", "store"]
[models.assistant]
candidates = [{{ backend = "own", model = "tiny" }}]
"""
SECRET = "社外秘-Falcon"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("company") / "hybridllm.toml"
    file.write_text(CONFIGURATION.format(path=json.dumps(str(tiny.shared()))), encoding="utf-8")
    (file.parent / "departments").mkdir()
    for department in ("legal", "sales"):
        (file.parent / "departments" / f"{department}.toml").write_text("version = 1\n")
    return file


@pytest.fixture(scope="module")
def client(config):
    with HybridLLM(config=config) as client:
        yield client.with_options(department="legal", label="confidential")


def turn(text):
    return [{"role": "user", "content": text}]


def test_every_endpoint_answers_in_the_sdks_types(client):
    """One model serves chats, responses, plain text and counts; the words are the same."""
    chat = client.chat.completions.create(
        model="assistant", messages=turn("Hello"), max_tokens=8, temperature=0
    )
    whole = client.responses.create(
        model="assistant", input="Hello", max_output_tokens=8, temperature=0
    )
    with client.responses.create(
        model="assistant", input="Hello", max_output_tokens=8, temperature=0, stream=True
    ) as events:
        last = [event.type for event in events][-1]
    text = client.completions.create(model="assistant", prompt="Hello", max_tokens=4, temperature=0)
    pieces = client.completions.create(
        model="assistant", prompt="Hello", max_tokens=4, temperature=0, stream=True
    )
    count = client.responses.input_tokens.count(model="assistant", input="Hello")

    assert chat.choices[0].message.content == whole.output_text
    assert "response.incomplete" == last
    assert text.choices[0].text == "".join(piece.choices[0].text for piece in pieces)
    assert chat.usage.prompt_tokens == count.input_tokens == whole.usage.input_tokens
    assert {"own"} == {one.policy_decision.backend for one in (chat, whole, text, count)}


@pytest.mark.parametrize("settings", [{"store": True}, {"previous_response_id": "resp_1"}])
def test_what_needs_memory_is_a_clear_error(client, settings):
    """The caller learns which parameter it is, and what to send instead."""
    with pytest.raises(openai.BadRequestError, match="keeps nothing") as caught:
        client.responses.create(model="assistant", input=SECRET, **settings)

    assert [*settings] == [caught.value.param]
    assert SECRET not in f"{caught.value!r} {caught.value.body}"


def test_a_prompt_that_is_too_long_is_told_with_its_size(client):
    """The error says how much there is room for, and shows nothing of the prompt."""
    with pytest.raises(openai.BadRequestError, match="holds 256 tokens") as caught:
        client.chat.completions.create(model="assistant", messages=turn(SECRET * 200))

    assert "context_length_exceeded" == caught.value.code
    assert SECRET not in f"{caught.value!r}"
    assert caught.value.policy_decision.candidates


def test_what_was_read_is_shared_inside_one_label_of_one_department(client):
    """The second question of a department is read faster; no other department or label gains."""
    messages = turn("長い前置き " * 12)

    def known(**who):
        reply = client.with_options(**who).chat.completions.create(
            model="assistant", messages=messages, max_tokens=1
        )
        return reply.usage.prompt_tokens_details.cached_tokens > 0

    assert [False, True] == [known(department="sales") for _ in range(2)]
    assert not known(department="legal")
    assert not known(department="sales", compartments=("customer",))
    assert known(department="sales")


async def test_a_stream_in_an_event_loop_can_be_given_up(config):
    """Whoever leaves early frees the row, and the next call works."""
    async with AsyncHybridLLM(config=config) as client:
        mine = client.with_options(department="sales")
        stream = await mine.chat.completions.create(
            model="assistant", messages=turn("Hello"), stream=True,
            extra_body={"min_p": 0.1},
        )  # fmt: skip
        async for _ in stream:
            break
        await stream.close()

        reply = await mine.responses.create(model="assistant", input="Hello", max_output_tokens=2)

    assert 2 == reply.usage.output_tokens
