"""`hybridllm ask` sends one question where it may go, and says where that was."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import status
from tests.support.behaviours import Status
from tests.support.loopback import dead_port

PLAIN = "Name three rivers, please."
MARKED = "社外秘: 来期の販売計画を要約してください"


def test_an_ordinary_question_is_answered_by_the_cloud(run, config, cloud):
    """The reply is on standard output, and one line beside it says where it went and why."""
    ended = run("ask", PLAIN)

    assert (0, "ok from cloud\n") == (ended.status, ended.out)
    assert 1 == ended.err.count("\n")
    assert "answered by cloud (cloud, your-cloud-model)" in ended.err
    assert "text that nobody labelled is internal" in ended.err


def test_a_marked_text_stays_inside(run, config, cloud, on_premises):
    """A confidential text goes to the engine on the premises; the line says what ruled it."""
    ended = run("ask", MARKED)

    assert (0, "ok from on_premises\n") == (ended.status, ended.out)
    assert "answered by local (on_premises" in ended.err
    assert "marking.confidential was found once" in ended.err
    assert "ruled out: cloud (label_above_clearance)" in ended.err
    assert b"" == cloud.received
    assert 1 == len(on_premises.requests)


def test_the_user_may_raise_the_label(run, config, cloud):
    """`--label` and `--compartment` keep a plain text inside."""
    ended = run("ask", PLAIN, "--label", "confidential", "--compartment", "customer")

    assert "answered by local" in ended.err
    assert b"" == cloud.received


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_a_streamed_reply_is_the_same_text(run, config, on_premises, stream):
    """Whether in pieces or at once, the same is written, and nothing else."""
    on_premises.say(lambda request: "隅田川、荒川、多摩川")

    ended = run("ask", MARKED, *stream)

    assert "隅田川、荒川、多摩川\n" == ended.out
    assert "answered by local" in ended.err


def test_a_piped_text_is_utf8_whatever_the_system_thinks(run, config, on_premises):
    """Japanese text comes through a pipe on every system, with or without a mark in front."""
    for head in (b"", b"\xef\xbb\xbf"):
        run("ask", "-", stdin=head + f"{MARKED}\n".encode())

    bodies = [json.loads(request.body) for request in on_premises.requests]
    assert [MARKED, MARKED] == [body["messages"][0]["content"] for body in bodies]


def test_files_are_put_below_the_question(run, config, on_premises, tmp_path):
    """A question about a file holds the file's text, and what is in it counts."""
    for name, text in (("a.txt", "極秘\n来期の計画\n"), ("b.txt", "二つ目")):
        (tmp_path / name).write_text(text, encoding="utf-8")

    ended = run("ask", "要約して", "--file", "a.txt", "--file", "b.txt")

    sent = json.loads(on_premises.requests[0].body)["messages"][0]["content"]
    assert "要約して\n\n極秘\n来期の計画\n\n二つ目" == sent
    assert "marking.secret" in ended.err


def test_machines_get_one_document(run, config):
    """With --json everything is in one document on standard output."""
    ended = run("ask", MARKED, "--json")

    document = json.loads(ended.out)
    assert "ok from on_premises" == document["text"]
    assert "chat.completion" == document["reply"]["object"]
    decision = document["policy_decision"]
    assert ("permit", "local") == (decision["effect"], decision["backend"])
    assert {"level": "confidential", "compartments": []} == decision["label"]
    assert "label_above_clearance" == decision["rejected"][0]["reasons"][0]["code"]
    assert "" == ended.err


def test_a_denial_ends_with_status_one_and_shows_no_text(run, config, cloud, on_premises):
    """When nobody may receive a text, nothing is sent and the text is not repeated."""
    text = config.read_text("utf-8")
    config.write_text(
        text.replace('{ level = "restricted", compartments = "all" }', '"internal"'), "utf-8"
    )

    ended = run("ask", MARKED, "--json")

    assert status.REFUSED == ended.status
    assert ended.err.startswith("error: no backend may receive this request")
    assert 1 == ended.err.count("\n")
    document = json.loads(ended.out)
    assert ("PolicyDeniedError", 1) == (document["error"], document["exit_status"])
    assert ["cloud", "local"] == [i["backend"] for i in document["policy_decision"]["rejected"]]
    assert "販売計画" not in ended.out + ended.err
    assert b"" == cloud.received + on_premises.received


@pytest.mark.parametrize("flags", [[], ["--stream"], ["--json"]])
def test_a_failing_backend_ends_with_status_four(run, config, on_premises, cloud, flags):
    """A backend that fails is named; what it said is not repeated, since it may echo."""
    on_premises.behave(Status(500))

    ended = run("ask", MARKED, *flags)

    assert status.BACKEND == ended.status
    assert ended.err.startswith("error: backend 'local' answered with status 500")
    assert 1 == ended.err.count("\n")
    assert "販売計画" not in ended.err + ended.out
    assert b"" == cloud.received


def test_an_engine_that_is_not_there_is_named(run, config, on_premises):
    """Nobody listens at the address: the message says which backend that is."""
    text = config.read_text("utf-8").replace(str(on_premises.port), str(dead_port()))
    config.write_text(text, "utf-8")

    ended = run("ask", MARKED)

    assert status.BACKEND == ended.status
    assert "backend 'local' cannot be reached" in ended.err


@pytest.mark.parametrize(
    ("argv", "stdin", "message"),
    [
        ([], b"", "there is no text"),
        (["-"], b" \n", "there is no text"),
        (["-"], "極秘".encode("cp932"), "standard input: is not UTF-8 text (byte 0)"),
        (["-"], "極秘".encode("utf-16"), "standard input: is UTF-16; save it as UTF-8"),
        (["--file", "none.txt"], b"", "none.txt: cannot be read"),
        (["--file", "departments"], b"", "departments: cannot be read"),
        (["x", "--model", "asistant"], b"", "Did you mean 'assistant'"),
        (["half \ud800 a character"], b"", "lone surrogate"),
    ],
)
@pytest.mark.usefixtures("config")
def test_a_wrong_request_ends_with_status_three(run, cloud, argv, stdin, message):
    """One line says what is wrong with the request; nothing is sent."""
    ended = run("ask", *argv, stdin=stdin)

    assert status.REQUEST == ended.status
    assert ended.err.startswith("error: ")
    assert 1 == ended.err.count("\n")
    assert message in ended.err
    assert b"" == cloud.received


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--label", "confidental"], "Did you mean 'confidential'"),
        (["--compartment", "custmer"], "Did you mean 'customer'"),
        (["--department", "generl"], "Did you mean 'general'"),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest_one(run, config, argv, message):
    """A misspelt label, compartment or department is not taken for none."""
    ended = run("ask", "x", *argv)

    assert ended.status in (status.CONFIGURATION, status.REQUEST)
    assert message in ended.err


def test_with_several_models_one_must_be_named(run, config):
    """The command does not guess which model was meant."""
    more = '[models.small]\ncandidates = [{ backend = "local", model = "s" }]\n'
    config.write_text(
        config.read_text("utf-8").replace("[detection]", f"{more}[detection]"), "utf-8"
    )

    assert "choose with --model: assistant, small" in run("ask", PLAIN).err
    assert 0 == run("ask", PLAIN, "--model", "small").status


def test_a_reply_without_text_is_an_empty_line(run, config, cloud):
    """A reply that holds no text is shown as none."""
    cloud.say(lambda request: "")

    assert (0, "\n") == (run("ask", PLAIN).status, run("ask", PLAIN).out)
