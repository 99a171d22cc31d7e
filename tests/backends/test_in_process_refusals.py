"""What a model in this process cannot do is refused by name, before any model is loaded."""

import subprocess
import sys
from pathlib import Path

import openai
import pytest

from hybridllm.backends.in_process import InProcessBackend
from hybridllm.errors import ConfigurationError
from tests.engine.asking import ask, chat, prompt

SECRET = "社外秘-Falcon"


@pytest.fixture
def backend(tmp_path):
    backend = InProcessBackend("tiny", model_path=tmp_path, served_names=["tiny"])
    yield backend
    assert not backend.running


def refused(backend, body, **how):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(backend, body, **how)
    shown = f"{caught.value} {caught.value!r} {caught.value.body} {caught.value.response.content}"
    assert SECRET not in shown
    return caught.value


UNSUPPORTED = {
    "audio": {"voice": "x", "format": "wav"},
    "dimensions": 3,
    "function_call": "auto",
    "modalities": ["text", "audio"],
    "prediction": {"type": "content", "content": SECRET},
    "reasoning_effort": "high",
    "service_tier": "flex",
    "store": True,
    "tool_choice": "required",
    "web_search_options": {},
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_parameter_that_cannot_be_honoured_is_refused(backend, name):
    """Nothing that was asked for is dropped silently."""
    error = refused(backend, chat(SECRET, **{name: UNSUPPORTED[name]}))

    assert (400, "unsupported_parameter") == (error.status_code, error.code)


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 2.5},
        {"temperature": True},
        {"temperature": SECRET},
        {"top_p": -0.1},
        {"n": 0},
        {"n": 1.5},
        {"seed": "1"},
        {"stop": [""]},
        {"stop": [SECRET] * 99},
        {"max_tokens": 0},
        {"max_tokens": 3, "max_completion_tokens": 4},
        {"logit_bias": {SECRET: 1}},
        {"logit_bias": {"5": 101}},
        {"top_logprobs": 2},
        {"response_format": {"type": SECRET}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": SECRET}}},
        {"stream_options": {"include_usage": True}},
        {"tools": [{"type": "custom", "name": SECRET}]},
        {"messages": []},
        {"messages": [{"role": SECRET, "content": "x"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": [{"role": "user", "content": "x", SECRET: 1}]},
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(backend, settings):
    """The error says which parameter is wrong; it holds nothing of the request."""
    error = refused(backend, chat(SECRET) | settings)

    assert 400 == error.status_code
    assert error.code in {"invalid_value", "unsupported_content"}


def test_an_unknown_parameter_is_refused_by_its_place(backend):
    """A made-up parameter may itself be content; its name is not repeated."""
    error = refused(backend, chat("x", **{SECRET: 1}))

    assert "place 2" in str(error)


def test_what_has_no_effect_on_an_answer_is_read_over():
    """`user` and `metadata` are for the provider's records."""
    from hybridllm.engine.wire import read_job

    body = chat("x", user="u", metadata={"a": "b"}, store=False, service_tier="auto")

    assert read_job("chat/completions", body=body) == read_job("chat/completions", body=chat("x"))


@pytest.mark.parametrize("path", ["responses/x", "models", "../completions"])
def test_other_paths_are_not_served(backend, path):
    """Only what the engine can do is offered."""
    error = refused(backend, prompt(SECRET), path=path)

    assert 404 == error.status_code


@pytest.mark.parametrize("name", ["gpt-9", 7, ""])
def test_another_model_is_not_found(backend, name):
    """Where names are given, a model that is not there is not replaced by one that is."""
    error = refused(backend, chat(SECRET) | {"model": name})

    assert (404, "model_not_found") == (error.status_code, error.code)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"a": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_refused(body):
    """Broken bytes and lone surrogates reach no tokenizer."""
    from hybridllm.engine.exchange import Refusal
    from hybridllm.engine.wire import read_body

    with pytest.raises(Refusal) as caught:
        read_body(body)

    assert "invalid_json" == caught.value.code


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
sys.path.insert(0, sys.argv[1])
from hybridllm.backends.in_process import InProcessBackend
from hybridllm.errors import MissingExtraError
from tests.engine.asking import ask, chat
try:
    ask(InProcessBackend("tiny", model_path="."), chat("Hello"))
except MissingExtraError as error:
    print(error)
"""


def test_without_torch_one_line_says_what_to_install():
    """Whoever has not installed the extra learns its name, and nothing else breaks."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(root)],
        check=True, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip

    assert "hybridllm[local]" in done.stdout


def test_a_model_that_does_not_exist_stops_the_start(tmp_path):
    """A wrong path is noticed when the backend is made."""
    with pytest.raises(ConfigurationError, match="no such file"):
        InProcessBackend("tiny", model_path=tmp_path / "nowhere")
