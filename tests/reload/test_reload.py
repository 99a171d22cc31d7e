"""A running client goes over to changed files as a whole, or keeps the last good policy."""

from __future__ import annotations

import logging
import os
import signal

import pytest

from hybridllm import HybridLLM
from hybridllm.config.reload import SETTLE_S
from hybridllm.config.revision import refusals
from hybridllm.errors import AuditError, ConfigurationError
from hybridllm.testing import client_for_tests
from tests.reload.company import (
    FILE,
    STAFF,
    Clock,
    clearance,
    faked,
    log_of,
    opened,
    organisation,
    put,
    write,
)


@pytest.fixture
def file(tmp_path):
    return write(tmp_path)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def running(file, clock):
    reloader = opened(file, clock=clock)
    yield reloader
    reloader.close()


def passes(clock, seconds):
    clock.now += seconds


def test_a_change_is_in_force_after_it_stood_still(file, running, clock):
    """Whoever saves a file sees it count a few seconds later, without a restart."""
    put(file, organisation(cloud="public"))

    seen = [clearance(running)]
    for seconds in (10.0, SETTLE_S):
        passes(clock, seconds)
        seen.append(clearance(running))

    assert ["internal", "internal", "public"] == seen
    assert 1 == running.state.reloads


def test_a_file_that_is_still_being_written_does_not_count(file, running, clock):
    """A half-written file may be valid TOML with rules missing; it is never in force."""
    whole = organisation(cloud="public")
    seen = set()
    for length in range(0, len(whole), 7):
        file.write_text(whole[:length], encoding="utf-8")
        passes(clock, 10.0)
        seen.add(clearance(running))

    assert {"internal"} == seen
    assert 0 == running.state.refusals


def test_nothing_is_read_before_it_is_time(file, running, clock, monkeypatch):
    """A call does not pay for looking at files that were looked at a moment ago."""
    put(file, organisation(cloud="public"))
    looked = []
    monkeypatch.setattr(running, "_look", lambda: looked.append(clock.now))

    for _ in range(9):
        passes(clock, 1.0)
        running.latest()

    assert [] == looked


def test_a_call_keeps_the_policy_that_it_began_with(file, running):
    """What was decided about a request is not decided again in the middle of it."""
    runtime = running.latest()
    put(file, organisation(cloud="public"))

    running.reload()

    assert "internal" == runtime.policy.destinations["cloud"].clearance.level.name
    assert "public" == clearance(running)
    assert runtime.backends["cloud"] is running.latest().backends["cloud"]


@pytest.mark.parametrize(
    "mistake",
    [
        (FILE, organisation(cloud="pubic"), "backends.cloud.clearance"),
        (STAFF, "version = 1\ndefault = 'public'\n", "default"),
        (FILE, "version = 1\n[labels", ""),
        (FILE, "", ""),
    ],
)
def test_wrong_files_leave_the_last_good_policy_in_force(file, running, clock, mistake, caplog):
    """The mistake is said in four places, once, and no request fails of it."""
    name, text, key = mistake
    put(file.parent / name, text)

    with caplog.at_level(logging.WARNING, "hybridllm.policy"):
        for seconds in (10.0, 10.0, 10.0, 10.0):
            passes(clock, seconds)
            running.latest()

    assert "internal" == clearance(running)
    refused = running.state.refused
    assert (name, key, 1) == (refused.file, refused.key, running.state.refusals)
    (said,) = log_of(file)[1:]
    assert ("policy_refused", name, key) == (said["event"], said["file"], said["key"])
    assert "hybridllm check" == said["remedy"]
    ((_, note),) = refusals(file.parent / ".hybridllm")
    assert refused == note
    (line,) = caplog.records
    assert name in line.getMessage()
    assert "pubic" not in line.getMessage()


def test_corrected_files_come_into_force_and_the_notes_go(file, running, clock):
    """After the mistake is mended nothing is left of it but the record."""
    put(file, "nonsense")
    for _ in range(2):
        passes(clock, 10.0)
        running.latest()

    put(file, organisation(cloud="public"))
    for _ in range(2):
        passes(clock, 10.0)
        running.latest()

    assert "public" == clearance(running)
    assert running.state.refused is None
    assert [] == refusals(file.parent / ".hybridllm")
    events = [item["event"] for item in log_of(file)]
    assert ["start", "policy_refused", "policy_loaded"] == events


def test_a_change_is_recorded_before_it_is_in_force(file):
    """An auditor finds from when on which policy decided."""
    reloader, sink = faked(file)
    before = reloader.state.digest
    put(file, organisation(cloud="public", top="revision = 3"))

    after = reloader.reload()

    (loaded,) = sink.records
    assert {
        "event": "policy_loaded",
        "policy": after.digest,
        "revision": 3,
        "previous": before,
        "previous_revision": 0,
        "files": 2,
    } == loaded


def test_a_change_that_cannot_be_recorded_does_not_happen(file, monkeypatch):
    """A policy that no log knows decides nothing."""
    reloader, sink = faked(file)
    put(file, organisation(cloud="public"))

    def full(record):
        raise AuditError("no space")

    monkeypatch.setattr(sink, "write", full)
    with pytest.raises(AuditError):
        reloader.reload()

    assert "internal" == clearance(reloader)


def test_an_unexpected_failure_of_reading_fails_no_request(file, running, clock, monkeypatch):
    """Even a mistake of ours in reading files leaves the policy in force."""
    put(file, organisation(cloud="public"))

    def broken(*args, **more):
        raise RuntimeError

    monkeypatch.setattr("hybridllm.config.reload.read_decided", broken)
    for _ in range(2):
        passes(clock, 10.0)
        running.latest()

    assert ("internal", "RuntimeError") == (clearance(running), running.state.refused.problem)


def test_a_word_list_is_reloaded_too(file, running, clock):
    """New names of customers are found in the next request."""
    names = file.parent / "names.csv"
    put(names, "term,group\n東和精機,customer\n")
    put(file, organisation(more='[detection]\nlexicons = ["names.csv"]\n'))
    running.reload()

    def kinds(text):
        fields = {"model": "assistant", "messages": [{"role": "user", "content": text}]}
        return dict(running.latest().classifier.classify(fields).kinds)

    before = kinds("見本商事の件")
    put(names, "term,group\n見本商事,customer\n")
    for _ in range(2):
        passes(clock, 10.0)
        running.latest()

    assert {} == before
    assert {"lexicon.customer": 1} == kinds("見本商事の件")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"public", "internal", "secret"', '"public", "internal", "more", "secret"',
         "labels.levels"),
        ("https://api.example/v1", "https://other.example/v1", "backends.cloud.base_url"),
        ("[models", '[state]\ndirectory = "other"\n[models', "state.directory"),
        ("[models", "[audit]\ncheckpoint_lines = 5\n[models", "audit.checkpoint_lines"),
        ("[models", "[detection.memory]\nmax_entries = 5\n[models",
         "detection.memory.max_entries"),
    ],
)  # fmt: skip
def test_what_was_set_up_at_the_start_needs_a_restart(file, running, old, new, key):
    """A running client says so, and does not go over half of the way."""
    put(file, organisation().replace(old, new, 1))

    with pytest.raises(ConfigurationError, match="Restart the program") as caught:
        running.reload()

    assert (FILE, key) == (caught.value.file, caught.value.key)
    assert 0 == running.state.reloads


def test_a_backend_may_come_and_go(file, running):
    """Taking a cloud away is the fastest way to stop it, and needs no restart."""
    before = running.latest().backends
    text = organisation().replace('  { backend = "cloud", model = "big" },\n', "")
    head, _, tail = text.partition("[backends.cloud]")
    put(file, head + tail[tail.index("[backends.local]") :])

    running.reload()
    gone = set(running.latest().backends)
    put(file, organisation())
    running.reload()

    assert {"local"} == gone
    assert before["local"] is running.latest().backends["local"]
    assert before["cloud"] is not running.latest().backends["cloud"]
    assert 3 == len(running.backends)


def test_a_department_that_is_new_can_be_used_at_once(file):
    """Copies of a client made before the change share what is in force."""
    with client_for_tests(file) as client:
        copy = client.with_options(purpose="support")
        put(file.parent / "departments/legal.toml", 'version = 1\ndefault = "secret"\n')

        client.reload()
        reply = copy.with_options(department="legal").chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "Hello"}]
        )

    assert "local" == reply.policy_decision.backend


def test_a_namespace_that_was_kept_uses_what_is_in_force(file):
    """`chat = client.chat` in a program does not hold on to an old policy."""
    with client_for_tests(file) as client:
        chat = client.chat.completions
        ask = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
        before = chat.create(**ask).policy_decision.backend
        put(file, organisation(cloud="public"))
        client.reload()

        after = chat.create(**ask).policy_decision.backend

    assert ["cloud", "local"] == [before, after]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_a_signal_makes_the_next_call_look(file):
    """`kill -HUP` is what people know from other services; nobody else's handler is lost."""
    heard = []
    before = signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
    try:
        with HybridLLM(config=file) as client:
            client.reload_on_hangup()
            put(file, organisation(cloud="public"))

            os.kill(os.getpid(), signal.SIGHUP)

            assert "public" == clearance(client._reloader)
            assert 1 == client.policy_state.reloads
    finally:
        signal.signal(signal.SIGHUP, before)

    assert [signal.SIGHUP] == heard


def test_a_system_without_the_signal_says_what_to_do(running, monkeypatch):
    """On Windows a program calls `reload` itself."""
    monkeypatch.delattr(signal, "SIGHUP", raising=False)

    with pytest.raises(ConfigurationError, match=r"client\.reload\(\)"):
        running.listen()


def test_a_child_process_reloads_although_its_parent_was_at_it(running):
    """A lock that another thread held at the fork would never be opened again."""
    running._lock.acquire()
    running._process = -1

    running.reload()

    assert 1 == running.state.reloads


def test_checking_can_be_turned_off(tmp_path, clock):
    """With 0 seconds only `reload` and the signal count."""
    file = write(tmp_path, text=organisation(more="[reload]\ncheck_s = 0\n"))
    reloader = opened(file, clock=clock)
    put(file, organisation(cloud="public"))

    for _ in range(3):
        passes(clock, 10_000.0)
        reloader.latest()
    reloader.close()

    assert 0 == reloader.state.reloads


async def test_an_event_loop_goes_over_too(file):
    """The client for event loops has the same reload, and reads outside of the loop."""
    from hybridllm.testing import async_client_for_tests

    async with async_client_for_tests(file) as client:
        ask = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
        before = (await client.chat.completions.create(**ask)).policy_decision.backend
        put(file, organisation(cloud="public"))
        await client.reload()

        after = (await client.chat.completions.create(**ask)).policy_decision.backend

    assert ["cloud", "local"] == [before, after]


def test_a_program_that_changes_its_directory_keeps_its_files(tmp_path, monkeypatch):
    """A relative name means the file of the start, wherever the program goes later."""
    write(tmp_path / "mine")
    write(tmp_path / "other", text=organisation(cloud="secret"))
    monkeypatch.chdir(tmp_path / "mine")
    with HybridLLM(config=FILE) as client:
        monkeypatch.chdir(tmp_path / "other")

        client.reload()

        assert "internal" == clearance(client._reloader)
    assert not (tmp_path / "other" / ".hybridllm").exists()


def test_files_that_never_stand_still_are_refused(file, running, monkeypatch):
    """What was read in the first file would not fit what stands in the second."""
    monkeypatch.setattr("hybridllm.config.wiring.changed", lambda sources: True)

    with pytest.raises(ConfigurationError, match="rename them into place"):
        running.reload()

    assert 1 == running.state.refusals
