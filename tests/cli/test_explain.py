"""`hybridllm explain` says what would happen, sends nothing and shows no text."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import status

SECRET = "hanako.mori@example.co.jp"
TEXT = f"ミホン商事の担当は {SECRET} です"


@pytest.fixture
def nothing_sent(cloud, on_premises):
    """Check at the end that neither backend received a byte."""
    yield
    assert b"" == cloud.received + on_premises.received


@pytest.mark.usefixtures("nothing_sent")
def test_a_person_reads_label_findings_and_every_backend(run, config):
    """Kind and place of each finding, and why each backend may or may not receive the text."""
    ended = run("explain", TEXT)

    assert 0 == ended.status
    assert "label: confidential (customer, personal)" in ended.out
    for word in ("personal.email", "lexicon.customer", "/messages/0/content", "10-35"):
        assert word in ended.out
    assert "cleared for" in ended.out
    assert "assistant: would go to local (on_premises)" in ended.out
    assert SECRET not in ended.out + ended.err
    assert "ミホン" not in ended.out + ended.err


@pytest.mark.usefixtures("nothing_sent")
def test_machines_get_the_same(run, config):
    """Everything that people read is in the document, and no text either."""
    ended = run("explain", TEXT, "--json")

    document = json.loads(ended.out)
    assert "permit" == document["effect"]
    assert ["local"] == [item["backend"] for item in document["candidates"]]
    assert ["cloud"] == [item["backend"] for item in document["rejected"]]
    assert {"personal.email", "lexicon.customer"} <= {f["kind"] for f in document["findings"]}
    assert {"customer", "personal"} == set(document["label"]["compartments"])
    assert [] == document["doubts"]
    assert SECRET not in ended.out


@pytest.mark.usefixtures("nothing_sent")
def test_a_whole_request_is_read_from_a_file(run, config, tmp_path):
    """What stands in a tool's schema or in an early turn is found where it is."""
    request = {
        "model": "assistant",
        "messages": [
            {"role": "user", "content": "社外秘です"},
            {"role": "assistant", "content": "はい"},
            {"role": "user", "content": "続けて"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "mail", "description": f"to {SECRET}"}}
        ],
        "stream": True,
    }
    (tmp_path / "request.json").write_text(json.dumps(request), encoding="utf-8")

    document = json.loads(run("explain", "--request", "request.json", "--json").out)

    places = {finding["kind"]: finding["path"] for finding in document["findings"]}
    assert "/messages/0/content" == places["marking.confidential"]
    assert "/tools/0/function/description" == places["personal.email"]


@pytest.mark.usefixtures("nothing_sent")
@pytest.mark.parametrize("endpoint", ["responses", "embeddings"])
def test_other_endpoints_can_be_explained(run, config, endpoint):
    """An embedding or a response is judged like a chat."""
    request = json.dumps({"input": "社外秘です"}).encode()

    ended = run("explain", "--request", "-", "--endpoint", endpoint, "--json", stdin=request)

    document = json.loads(ended.out)
    assert "/input" == document["findings"][0]["path"]
    assert ["cloud"] == [item["backend"] for item in document["rejected"]]


@pytest.mark.usefixtures("nothing_sent")
def test_what_cannot_be_read_is_a_doubt_and_stays_inside(run, config):
    """An image may show anything, so the dry run says that it stays."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    request = json.dumps({"messages": [{"role": "user", "content": [image]}]}).encode()

    ended = run("explain", "--request", "-", stdin=request)

    assert "doubts: " in ended.out
    assert "unreadable:image_url" in ended.out
    assert "would go to local" in ended.out


@pytest.mark.usefixtures("nothing_sent")
def test_a_denial_ends_with_status_one(run, config):
    """A script can ask whether a text has somewhere to go at all."""
    text = config.read_text("utf-8")
    config.write_text(
        text.replace('{ backend = "local", model = "your-local-model" },', ""), "utf-8"
    )

    ended = run("explain", "社外秘")

    assert status.REFUSED == ended.status
    assert "denied; no backend may receive this" in ended.out


@pytest.mark.usefixtures("nothing_sent")
def test_nothing_is_recorded_or_remembered(run, config, tmp_path):
    """A dry run leaves no line in the audit log and does not taint what comes later."""
    run("explain", "--label", "restricted", "an innocent sentence of some length")

    document = json.loads(run("explain", "an innocent sentence of some length", "--json").out)

    assert "internal" == document["label"]["level"]
    assert not list(tmp_path.glob(".hybridllm/audit/*"))


@pytest.mark.usefixtures("nothing_sent")
@pytest.mark.parametrize(
    ("request_text", "message"),
    [
        ("", "is no valid JSON (line 1, column 1)"),
        ('{"messages": [', "is no valid JSON (line 1, column 15)"),
        ("[1, 2]", "must hold a JSON object"),
        ('{"messages": []}', "'messages', and it must not be empty"),
        ('{"messages": [{"role": "user", "content": "x"}], "temprature": 1}', "temperature"),
        ('{"model": "nobody", "messages": [{"role": "user", "content": "x"}]}', "assistant"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"messages": ' + "[" * 200 + "]" * 200 + "}", "nested more than 64 levels"),
        ('{"n": 1' + "0" * 5000 + "}", "too many digits"),
        ('{"messages": [{"role": "user", "content": "\\ud800"}]}', "lone surrogate"),
    ],
)
def test_a_request_that_cannot_be_read_ends_with_status_three(run, config, request_text, message):
    """The message says what is wrong and where, without a traceback and without the text."""
    ended = run("explain", "--request", "-", stdin=request_text.encode())

    assert status.REQUEST == ended.status
    assert message in ended.err
    assert 1 == ended.err.count("\n")


@pytest.mark.usefixtures("nothing_sent")
def test_a_text_beside_a_whole_request_is_a_contradiction(run, config):
    """It would not be clear what is explained."""
    ended = run("explain", "x", "--request", "-", stdin=b"{}")

    assert status.REQUEST == ended.status
    assert "--request is the whole request" in ended.err
