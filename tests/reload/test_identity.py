"""A caller acts only for a department that its identity holds."""

from __future__ import annotations

import threading
import time
from importlib.metadata import EntryPoint

import pytest

from hybridllm import DepartmentNotHeldError, HybridLLM, PolicyDeniedError, UnknownDepartmentError
from hybridllm.config.identity import GuardedDirectory, Holding, bound_identity
from hybridllm.config.start import open_config
from hybridllm.errors import ConfigurationError
from hybridllm.types import Identity
from tests.model.clients import ask, configure
from tests.reload.company import log_of

HOLDS = {"hanako": ["sales", "legal"], "taro": ["sales"]}


def directory(principal):
    return HOLDS.get(principal, ())


@pytest.fixture
def file(tmp_path, cloud, on_premises):
    """Return a configuration with the departments sales and legal."""
    return configure(tmp_path, cloud=cloud, local=on_premises)


def test_a_department_that_the_directory_knows_is_served(file, cloud):
    """Whoever belongs to a department asks for it."""
    with HybridLLM(config=file, directory=directory) as client:
        mine = client.with_options(principal="taro", department="sales")

        assert "cloud" == mine.chat.completions.create(**ask()).policy_decision.backend


@pytest.mark.parametrize(
    ("principal", "department"),
    [("taro", "legal"), ("nobody", "sales"), ("", "sales"), (None, "sales"), ("HANAKO", "legal")],
)
def test_any_other_department_is_denied_and_recorded(
    file, cloud, on_premises, principal, department
):
    """A caller cannot choose a department with milder rules, or another one's budget."""
    with HybridLLM(config=file, directory=directory) as client:
        mine = client.with_options(principal=principal, department=department)
        explained = mine.chat.completions.explain(**ask()).decision
        with pytest.raises(DepartmentNotHeldError) as caught:
            mine.chat.completions.create(**ask())

    decision = caught.value.policy_decision
    assert isinstance(caught.value, PolicyDeniedError)
    assert (decision.effect, decision.candidates) == (explained.effect, explained.candidates)
    assert b"" == cloud.received + on_premises.received
    (denied,) = (item for item in log_of(file) if item["event"] == "denied")
    assert (department, "deny") == (denied["department"], denied["effect"])
    assert ["department_not_held"] == denied["rejected"]["local"]
    assert decision.audit_id == denied["call"]
    assert "taro" not in str(caught.value)


def raises(principal):
    raise LookupError(principal)


def leaves(principal):
    raise SystemExit


def raises_midway(principal):
    yield "legal"[:1]
    raise OSError


@pytest.mark.parametrize(
    "broken",
    [
        raises,
        leaves,
        raises_midway,
        lambda principal: None,
        lambda principal: 7,
        lambda principal: True,
        lambda principal: "sales",
        lambda principal: b"sales",
        lambda principal: [["sales"]],
        lambda principal: ["Sales", "sales ", "sale"],
    ],
    ids="raises leaves midway none number true text bytes lists near".split(),
)
def test_a_directory_that_breaks_says_no(file, cloud, broken):
    """An error of a directory is never a yes."""
    with HybridLLM(config=file, directory=broken) as client:
        mine = client.with_options(principal="taro", department="sales")
        with pytest.raises(DepartmentNotHeldError):
            mine.chat.completions.create(**ask())

    assert b"" == cloud.received


def test_a_directory_that_hangs_says_no_in_time():
    """A caller waits a second and not for ever; calls that hang do not pile up without end."""
    release = threading.Event()
    asked = []

    def hangs(principal):
        asked.append(principal)
        release.wait(10.0)
        return ["sales"]

    guarded = GuardedDirectory(hangs, timeout_s=0.01)
    began = time.monotonic()
    try:
        answers = [guarded.holds("taro", department="sales") for _ in range(40)]
    finally:
        release.set()

    assert [False] * 40 == answers
    assert 16 == len(asked)
    assert time.monotonic() - began < 9.0


async def test_the_event_loop_goes_on_while_a_directory_is_asked(file, cloud):
    """A slow directory of one caller holds up no other one."""
    import asyncio

    from hybridllm import AsyncHybridLLM

    asked, answer = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(principal):
        loop.call_soon_threadsafe(asked.set)
        answer.wait(5.0)
        return ["sales"]

    text = file.read_text(encoding="utf-8") + "\n[identity]\ntimeout_s = 10.0\n"
    file.write_text(text, encoding="utf-8")
    async with AsyncHybridLLM(config=file, directory=slow) as client:
        mine = client.with_options(principal="taro", department="sales")
        call = asyncio.create_task(mine.chat.completions.create(**ask()))
        await asked.wait()
        answer.set()

        assert "cloud" == (await call).policy_decision.backend


def test_what_the_environment_says_code_cannot_change(file, cloud, monkeypatch):
    """A service that runs for legal acts for legal, whatever its code says."""
    monkeypatch.setenv("HYBRIDLLM_DEPARTMENT", "legal")
    monkeypatch.setenv("HYBRIDLLM_PRINCIPAL", "batch-7")
    with HybridLLM(config=file) as client:
        reply = client.chat.completions.create(**ask())
        for other in (
            client.with_options(department="sales"),
            client.with_options(principal="hanako"),
        ):
            with pytest.raises(DepartmentNotHeldError):
                other.chat.completions.create(**ask())

    assert "local" == reply.policy_decision.backend
    assert b"" == cloud.received
    (intent,) = (item for item in log_of(file) if item["event"] == "intent")
    assert ("legal", "batch-7") == (intent["department"], intent["principal"])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HYBRIDLLM_DEPARTMENT", "legall", "Did you mean 'legal'?"),
        ("HYBRIDLLM_DEPARTMENT", "", "is empty"),
        ("HYBRIDLLM_PRINCIPAL", " ", "is empty"),
    ],
)
def test_a_variable_that_means_nothing_stops_the_start(file, name, value, says):
    """A typing error in a unit file is found at the start."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        open_config(file, environment={name: value})

    assert says in str(caught.value)


def test_a_variable_that_is_not_set_binds_nobody():
    """Most programs say in code who asks."""
    assert Identity("") == bound_identity({})


def entry(monkeypatch, made):
    """Install an entry point `ours` for the length of a test."""
    point = EntryPoint("ours", "nowhere:nothing", "hybridllm.directories")
    monkeypatch.setattr(EntryPoint, "load", lambda self: lambda: made)
    monkeypatch.setattr("hybridllm.plugins.entry_points", lambda group: (point,))


def test_a_directory_of_the_configuration_cannot_be_replaced_by_code(file, monkeypatch):
    """If both are there, both must say yes."""
    entry(monkeypatch, directory)
    text = file.read_text(encoding="utf-8") + '\n[identity]\ndirectory = "ours"\n'
    file.write_text(text, encoding="utf-8")

    with HybridLLM(config=file, directory=lambda principal: ["sales", "legal"]) as client:
        with pytest.raises(DepartmentNotHeldError):
            client.with_options(principal="taro", department="legal").chat.completions.create(
                **ask()
            )
        mine = client.with_options(principal="hanako", department="legal")
        assert "local" == mine.chat.completions.create(**ask()).policy_decision.backend


@pytest.mark.parametrize(
    ("name", "made", "says"),
    [("our", directory, "Did you mean 'ours'?"), ("ours", 7, "cannot be called")],
)
def test_a_directory_that_cannot_be_loaded_stops_the_start(file, monkeypatch, name, made, says):
    """A configuration error never switches the check off."""
    entry(monkeypatch, made)
    text = file.read_text(encoding="utf-8") + f'\n[identity]\ndirectory = "{name}"\n'
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        open_config(file, environment={})

    assert ("hybridllm.toml", "identity.directory") == (caught.value.file, caught.value.key)
    assert says in str(caught.value)


def test_an_unknown_department_is_said_as_before(file):
    """A typing error is no question of rights."""
    with HybridLLM(config=file, directory=directory) as client:
        mine = client.with_options(principal="taro")

        with pytest.raises(UnknownDepartmentError):
            mine.chat.completions.create(**ask())


def test_nobody_is_asked_when_nobody_binds():
    """A binding without a directory needs no thread."""
    holding = Holding(Identity("legal"), ())

    assert holding(Identity("legal", "anybody"))
    assert not holding(Identity("sales", "anybody"))
