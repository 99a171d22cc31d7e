"""What was confidential once stays so: later turns, other clients, replies, a restart.

Taint hangs on the text and not on a session: a client that forgets an id loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybridllm import HybridLLM
from tests.leaks.setting import open_client, write_config
from tests.support.reply import Reply, ToolCall
from tests.support.server import RecordingServer

_PLAN = "Kestrel 東和精機 closes two plants in spring"
_ANSWER = "Then the Osprey line in Minato should close first"
_ARGUMENTS = '{"plant": "Heron works near the old harbour"}'


@pytest.fixture
def file(tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer) -> Path:
    on_premises.say(lambda _: _ANSWER)
    return write_config(tmp_path, cloud=cloud, on_premises=on_premises)


@pytest.fixture
def client(file: Path) -> Iterator[HybridLLM]:
    with open_client(file) as client:
        yield client


def _turns(*texts: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [
        one if isinstance(one, dict) else {"role": roles[place % 2], "content": one}
        for place, one in enumerate(texts)
    ]
    return {"model": "assistant", "messages": messages}


def _where(client: HybridLLM, *texts: Any, **more: Any) -> str | None:
    reply: Any = client.chat.completions.create(**_turns(*texts), **more)
    backend: str | None = reply.policy_decision.backend
    return backend


def test_an_innocent_last_turn_does_not_open_a_conversation(
    client: HybridLLM, cloud: RecordingServer
) -> None:
    """The label of the first turn holds for the history that goes along with the last one."""
    labelled = client.with_options(label="confidential")
    answer = labelled.chat.completions.create(**_turns(_PLAN)).choices[0].message.content

    backend = _where(client, _PLAN, answer, "thanks!")

    assert ("on_premises", b"") == (backend, cloud.received)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_a_reply_alone_carries_its_label(
    streams: bool, client: HybridLLM, cloud: RecordingServer
) -> None:
    """Quoting only the answer, in a new conversation, stays inside as well."""
    labelled = client.with_options(label="confidential")
    if streams:
        list(labelled.chat.completions.create(**_turns(_PLAN), stream=True))
    else:
        labelled.chat.completions.create(**_turns(_PLAN))

    backend = _where(client, _ANSWER)

    assert ("on_premises", b"") == (backend, cloud.received)


def test_a_reply_that_was_cut_short_carries_its_label(
    client: HybridLLM, cloud: RecordingServer
) -> None:
    """What was read of a stream before it was closed is remembered too."""
    labelled = client.with_options(label="confidential")
    with labelled.chat.completions.create(**_turns(_PLAN), stream=True) as stream:
        read = ""
        for chunk in stream:
            read += chunk.choices[0].delta.content or ""
            if len(read) >= 24:
                break

    backend = _where(client, read)

    assert ("on_premises", b"") == (backend, cloud.received)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_tool_calls_that_the_model_makes_carry_its_label(
    streams: bool, client: HybridLLM, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """Arguments that the model wrote from confidential text are confidential."""
    on_premises.say(lambda _: Reply(tool_calls=(ToolCall("close", _ARGUMENTS),)))
    labelled = client.with_options(label="confidential")
    made = labelled.chat.completions.create(**_turns(_PLAN), stream=streams)
    if streams:
        list(made)
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "close", "arguments": _ARGUMENTS},
    }

    backend = _where(
        client,
        "go on",
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "done"},
    )

    assert ("on_premises", b"") == (backend, cloud.received)


def test_another_client_and_a_restart_know_it_too(
    file: Path, client: HybridLLM, cloud: RecordingServer
) -> None:
    """The memory outlives the client object that learnt it."""
    _where(client.with_options(label="confidential"), _PLAN)
    client.close()

    with open_client(file) as other:
        backend = _where(other, _PLAN)

    assert ("on_premises", b"") == (backend, cloud.received)


def test_a_text_that_was_refused_is_remembered(
    client: HybridLLM, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """A labelled request that no backend could take leaves its label on the text all the same."""
    from hybridllm import PolicyDeniedError

    with pytest.raises(PolicyDeniedError):
        _where(client.with_options(label="confidential"), _PLAN, web_search_options={})

    backend = _where(client, _PLAN)

    assert ("on_premises", b"") == (backend, cloud.received)


def test_chat_history_is_known_to_embeddings_and_responses(
    client: HybridLLM, cloud: RecordingServer
) -> None:
    """The same text through another endpoint is the same text."""
    _where(client.with_options(label="confidential"), _PLAN)

    vectors = client.embeddings.create(model="assistant", input=["plum", _PLAN])
    response = client.responses.create(model="assistant", input=_PLAN)

    decided = {vectors.policy_decision.backend, response.policy_decision.backend}
    assert ({"on_premises"}, b"") == (decided, cloud.received)


@pytest.mark.parametrize(
    "copied",
    [
        f"  {_PLAN}\n",
        _PLAN.upper(),
        f"plum\n{_PLAN}\npear",
        _PLAN.replace(" ", "\u3000"),
        f"{_PLAN}\r\nand what now?",
        _PLAN.replace("spring", "spr\u00ading"),
    ],
    ids=["spaces", "capitals", "a line of three", "wide spaces", "a line more", "soft hyphen"],
)
def test_a_copy_that_looks_alike_is_recognised(
    copied: str, client: HybridLLM, cloud: RecordingServer
) -> None:
    """Pasting changes spaces, case and line ends; the label survives that."""
    _where(client.with_options(label="confidential"), _PLAN)

    assert "on_premises" == _where(client, copied)
    assert b"" == cloud.received


def test_the_label_of_a_client_never_reaches_another_call(
    client: HybridLLM, cloud: RecordingServer, on_premises: RecordingServer
) -> None:
    """Positive control: an unrelated question after a confidential one goes to the cloud."""
    _where(client.with_options(label="confidential"), _PLAN)

    assert "cloud" == _where(client, "what is a good name for a cat?")
    assert b"Kestrel" not in cloud.received


def test_no_caller_can_lower_a_label(client: HybridLLM, cloud: RecordingServer) -> None:
    """Calling something public that was said to be confidential changes nothing."""
    confidential = client.with_options(label="confidential")

    assert "on_premises" == _where(confidential.with_options(label="public"), _PLAN)
    assert "on_premises" == _where(client.with_options(label="public"), _PLAN)
    assert b"" == cloud.received


def _hello(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "hi"}], **more}


COMES_BACK: dict[str, dict[str, Any]] = {
    "system prompt": {"messages": [{"role": "system", "content": _PLAN}, *_hello()["messages"]]},
    "developer prompt": {
        "messages": [{"role": "developer", "content": _PLAN}, *_hello()["messages"]]
    },
    "system prompt, with more": {
        "messages": [
            {"role": "system", "content": f"Answer from these notes.\n\n{_PLAN}\n"},
            *_hello()["messages"],
        ]
    },
    "tool description": _hello(
        tools=[{"type": "function", "function": {"name": "f", "description": _PLAN}}]
    ),
    "metadata": _hello(metadata={"note": _PLAN}),
    "prediction": _hello(prediction={"type": "content", "content": _PLAN}),
}


@pytest.mark.parametrize("place", COMES_BACK)
def test_a_known_text_is_recognised_wherever_it_comes_back(
    place: str, client: HybridLLM, cloud: RecordingServer
) -> None:
    """Retrieved passages and summaries are put into instructions; the label goes with them."""
    _where(client.with_options(label="confidential"), _PLAN)

    reply = client.chat.completions.create(model="assistant", **COMES_BACK[place])

    assert ("on_premises", b"") == (reply.policy_decision.backend, cloud.received)


def test_a_known_text_is_recognised_in_instructions(
    client: HybridLLM, cloud: RecordingServer
) -> None:
    """The same for the instructions of a response."""
    _where(client.with_options(label="confidential"), _PLAN)

    reply = client.responses.create(model="assistant", input="hi", instructions=_PLAN)

    assert ("on_premises", b"") == (reply.policy_decision.backend, cloud.received)
