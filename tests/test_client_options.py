"""What a program can say of its calls, and which shape the clients have."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator

import pytest

from hybridllm import (
    AsyncHybridLLM,
    ConfigurationError,
    HybridLLM,
    RequestError,
    UnknownDepartmentError,
    UnknownModelError,
    UnsupportedEndpointError,
)
from tests.audit.reading import records
from tests.model.clients import SECRET, ask, configure

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def file(tmp_path, cloud, on_premises):
    """Return the configuration for both servers."""
    return configure(tmp_path, cloud=cloud, local=on_premises)


@pytest.fixture
def client(file) -> Iterator[HybridLLM]:
    """Return a client for the sales department."""
    with HybridLLM(config=file) as opened:
        yield opened.with_options(department="sales")


def log(file) -> list[dict]:
    """Return the audit log's records."""
    return records(file.parent / ".hybridllm" / "audit")


# Saying more of a call.


def test_a_label_is_only_ever_raised(client, cloud):
    """A caller that says less than the content shows, or than it said before, changes nothing."""
    secret = client.with_options(label="confidential")

    lower = secret.with_options(label="public")

    assert "local" == lower.chat.completions.create(**ask()).policy_decision.backend
    public = client.with_options(label="public")
    assert "local" == public.chat.completions.create(**ask(SECRET)).policy_decision.backend
    assert b"Kestrel" not in cloud.received


def test_compartments_add_up(client):
    """What two parts of a program know of a text holds for it together."""
    both = client.with_options(compartments=("personal",)).with_options(compartments=("customer",))

    label = both.chat.completions.explain(**ask()).decision.label

    assert {"personal", "customer"} == label.compartments


def test_one_client_says_nothing_for_another(client):
    """Options belong to the copy; the client they came from is as before."""
    client.with_options(label="restricted", department="legal", principal="p-1", timeout=1.0)

    decision = client.chat.completions.create(**ask()).policy_decision

    assert "internal" == str(decision.label)
    assert "cloud" == decision.backend


def test_who_asked_is_on_record(client, file):
    """Department, principal, purpose and application reach the log, and no backend."""
    named = client.with_options(principal="p-17", purpose="support", application="crm")

    named.chat.completions.create(**ask())

    intent = next(item for item in log(file) if item["event"] == "intent")
    assert ("sales", "p-17", "support", "crm") == tuple(
        intent[key] for key in ("department", "principal", "purpose", "application")
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"department": "lega"}, "Did you mean 'legal'"),
        ({"label": "confidental"}, "Did you mean 'confidential'"),
        ({"compartments": ("persona",)}, "Did you mean 'personal'"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1.0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"principal": "\ud83d"}, "principal"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_where_they_are_given(client, options, words):
    """A mistake in `with_options` does not wait for the first call."""
    with pytest.raises(ConfigurationError, match=words):
        client.with_options(**options)


def test_without_a_department_a_call_says_how_to_name_one(file):
    """With several departments and no default nobody is guessed to be in one."""
    with HybridLLM(config=file) as nobody, pytest.raises(UnknownDepartmentError, match="legal"):
        nobody.chat.completions.create(**ask())


# The shape of the clients.


@pytest.mark.parametrize(
    "name", "audio batches beta files fine_tuning images realtime uploads".split()
)
def test_an_endpoint_that_nobody_guards_is_refused(client, name):
    """An unguarded way out is an error, and `hasattr` still works."""
    assert not hasattr(client, name)
    with pytest.raises(UnsupportedEndpointError, match="not guarded"):
        getattr(client, name)


def test_a_name_that_does_not_exist_is_a_plain_attribute_error(client):
    """Typing mistakes look as they always do."""
    with pytest.raises(AttributeError, match="no attribute 'chats'"):
        client.chats  # noqa: B018 - looking it up is the test


def test_sync_and_async_have_the_same_names_and_arguments():
    """What one client can do, the other can."""

    def surface(kind: type) -> dict[str, str]:
        names = [name for name in dir(kind) if not name.startswith("_")]
        return {
            name: str(inspect.signature(member)) if callable(member := getattr(kind, name)) else ""
            for name in names
        }

    assert surface(HybridLLM) == surface(AsyncHybridLLM)


def test_nothing_that_a_client_shows_holds_a_secret(client):
    """`repr` in a log or a debugger is harmless."""
    reply = client.chat.completions.create(**ask(SECRET))
    stream = client.chat.completions.create(**ask(SECRET, stream=True))

    shown = repr((client, client.with_options(principal="p-17"), stream, reply.policy_decision))

    assert "Kestrel" not in shown
    stream.close()


def test_the_decision_is_never_sent_with_the_history(client, cloud, on_premises):
    """A reply can be put back into the messages; what we know of it stays here."""
    reply = client.chat.completions.create(**ask())

    client.chat.completions.create(
        model="assistant", messages=[*ask()["messages"], reply.choices[0].message]
    )

    assert b"policy" not in cloud.received
    assert "policy_decision" not in json.dumps(reply.model_dump(mode="json"))


def test_models_are_the_aliases_of_the_configuration(client, cloud):
    """A program lists what it may ask for, without asking anybody."""
    assert ["assistant", "cloudy"] == [model.id for model in client.models.list()]
    assert "assistant" == client.models.retrieve("assistant").id
    with pytest.raises(UnknownModelError, match="Did you mean 'assistant'"):
        client.models.retrieve("asistant")
    assert b"" == cloud.received


def test_a_closed_client_leaves_no_thread_and_an_ended_log(file, cloud):
    """Closing ends everything that the client started."""
    before = set(threading.enumerate())
    with HybridLLM(config=file) as opened:
        opened.with_options(department="sales").chat.completions.create(**ask())

    ours = {thread for thread in threading.enumerate() if "cloud" not in thread.name} - before
    assert set() == {thread for thread in ours if "on_premises" not in thread.name}
    assert "stop" == log(file)[-1]["event"]
    cloud.wait_until_idle()


def test_calls_share_a_connection(client, cloud):
    """One call after the other, whole or streamed, needs one connection."""
    for streamed in (False, True, False):
        reply = client.chat.completions.create(**ask(stream=streamed))
        if streamed:
            assert list(reply)

    assert 1 == len(cloud.connections)


@pytest.mark.parametrize("name", ["parse", "stream", "with_raw_response"])
def test_methods_of_the_sdk_that_nobody_guards_are_explained(client, name):
    """Code that is switched over learns what it may call, and nothing slips through."""
    with pytest.raises(UnsupportedEndpointError, match="Guarded here are: create, explain"):
        getattr(client.chat.completions, name)


def test_a_class_in_place_of_a_schema_is_explained(client):
    """`response_format` takes a schema; a class would have to be parsed by the SDK's helper."""
    with pytest.raises(RequestError, match="json_schema"):
        client.chat.completions.create(**ask(), response_format=Exception)
