"""Rules in report mode and shadow policies are recorded, and change no request."""

from __future__ import annotations

import logging

import pytest

from hybridllm.errors import ConfigurationError
from hybridllm.testing import RecordingSink, client_for_tests
from tests.reload.company import FILE, STAFF, Clock, opened, organisation, put, write

RULE = """
[[rules]]
name = "support stays inside"
{mode}
when = {{ purposes = ["support"] }}
then = {{ forbid_places = ["cloud"] }}
"""
REPORTED = RULE.format(mode='mode = "report"')
ENFORCED = RULE.format(mode="")


def ask(client, content="Hello", **options):
    """Ask, and return where the answer came from."""
    reply = client.with_options(**options).chat.completions.create(
        model="assistant", messages=[{"role": "user", "content": content}]
    )
    return reply.policy_decision.backend


def shadows(sink):
    return [item for item in sink.records if item["event"] == "shadow"]


def test_a_reported_rule_records_what_it_would_do_and_does_nothing(tmp_path):
    """A new rule shows for a week whom it would touch."""
    sink = RecordingSink()
    with client_for_tests(write(tmp_path, text=organisation(more=REPORTED)), audit=sink) as client:
        seen = [ask(client), ask(client, purpose="support")]

    assert ["cloud", "cloud"] == seen
    (shadow,) = shadows(sink)
    intent = [item for item in sink.records if item["event"] == "intent"][1]
    assert ("report", intent["call"]) == (shadow["source"], shadow["call"])
    assert ["cloud", "local"] == shadow["candidates"]
    assert ["local"] == shadow["would"]["candidates"]
    assert ["support stays inside (hybridllm.toml: rules[0])"] == shadow["would"]["rules"]


def test_a_rule_of_a_department_may_be_reported_too(tmp_path):
    """A department tries its own rules on its own requests."""
    sink = RecordingSink()
    staff = f"version = 1\n{REPORTED}"
    with client_for_tests(write(tmp_path, staff=staff), audit=sink) as client:
        assert "cloud" == ask(client, purpose="support")

    (shadow,) = shadows(sink)
    assert ["support stays inside (departments/staff.toml: rules[0])"] == shadow["would"]["rules"]


@pytest.mark.parametrize("effect", ['label = "secret"', "deny = true"])
def test_every_effect_can_be_reported(tmp_path, effect):
    """Denials and labels too: what would be refused or raised is seen before it is."""
    sink = RecordingSink()
    text = organisation(more=REPORTED.replace('forbid_places = ["cloud"]', effect))
    with client_for_tests(write(tmp_path, text=text), audit=sink) as client:
        assert "cloud" == ask(client, purpose="support")

    (shadow,) = shadows(sink)
    would = shadow["would"]
    expected = ("permit", "secret") if "label" in effect else ("deny", "internal")
    assert expected == (would["effect"], would["label"]["level"])


def test_report_mode_weakens_nothing_that_is_enforced(tmp_path):
    """Label, clearance, doubt and other rules count as if the reported rule were not there."""
    plain = write(tmp_path / "plain", text=organisation(more=ENFORCED.replace("support", "x", 1)))
    more = ENFORCED.replace("support", "x", 1) + REPORTED.replace("name = ", "name = '2'#")
    tried = write(tmp_path / "tried", text=organisation(more=more))
    image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    cases = [
        ("Hello", {}),
        ("hanako.mori@example.co.jp", {}),
        ("Hello", {"label": "secret"}),
        ("Hello", {"purpose": "support"}),
        ("Hello", {"purpose": "x"}),
        (image, {}),
    ]

    with client_for_tests(plain) as one, client_for_tests(tried) as two:
        answers = [(ask(one, text, **more), ask(two, text, **more)) for text, more in cases]

    assert [] == [pair for pair in answers if pair[0] != pair[1]]
    assert {"cloud", "local"} == {pair[0] for pair in answers}


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ("[labels]\n", "labels.mode"),
        ("[backends.cloud]\n", "backends.cloud.mode"),
        ("version = 1\n", "mode"),
        ("[detection]\n", "detection.mode"),
    ],
)
def test_nothing_but_a_rule_can_be_reported(tmp_path, where, key):
    """There is no switch that turns the policy, a clearance or detection into a report."""
    text = organisation(more="[detection]\n").replace(where, f'{where}mode = "report"\n', 1)

    with pytest.raises(ConfigurationError, match="unknown key") as caught:
        client_for_tests(write(tmp_path, text=text))

    assert (FILE, key) == (caught.value.file, caught.value.key)


def test_a_rule_without_a_mode_is_enforced(tmp_path):
    """Report mode is never the default."""
    with client_for_tests(write(tmp_path, text=organisation(more=ENFORCED))) as client:
        assert "local" == ask(client, purpose="support")


def test_a_start_with_a_reported_rule_says_so(tmp_path, caplog):
    """Nobody believes for months that a rule is in force that is not."""
    with (
        caplog.at_level(logging.WARNING, "hybridllm.policy"),
        client_for_tests(write(tmp_path, text=organisation(more=REPORTED))) as client,
    ):
        assert ("hybridllm.toml: rules[0]",) == client.policy_state.reported_rules

    (line,) = caplog.records
    assert "NOT enforced: hybridllm.toml: rules[0]" in line.getMessage()


def test_a_rule_in_force_does_not_go_back_to_report(tmp_path):
    """Report mode leads into force and not out of it."""
    reloader = opened(write(tmp_path, text=organisation(more=ENFORCED)), clock=Clock())
    put(tmp_path / FILE, organisation(more=REPORTED))

    with pytest.raises(ConfigurationError, match="report mode is for new rules") as caught:
        reloader.reload()
    put(tmp_path / FILE, organisation(more=ENFORCED + REPORTED.replace('stays"', 'stays 2"')))
    reloader.reload()
    reloader.close()

    assert (FILE, "rules[0].mode") == (caught.value.file, caught.value.key)


def test_a_mistake_in_a_reported_rule_stops_the_start(tmp_path):
    """The rule stands in the files in force, so its mistake is theirs."""
    more = REPORTED.replace('"cloud"', '"clout"').replace("forbid_places", "forbid_backends")

    with pytest.raises(ConfigurationError) as caught:
        client_for_tests(write(tmp_path, text=organisation(more=more)))

    assert "rules[0].then.forbid_backends[0]" == caught.value.key


@pytest.fixture
def shadowed(tmp_path):
    """Return a function that writes a policy beside the one in force."""

    def make(text, *, staff="version = 1\n"):
        write(tmp_path / "next", text=text, staff=staff)
        more = f'[shadow]\nconfig = "next/{FILE}"\n'
        return write(tmp_path, text=organisation(more=more))

    return make


def test_a_shadow_records_where_it_would_decide_otherwise(shadowed):
    """Two policies are compared on today's requests before one replaces the other."""
    sink = RecordingSink()
    file = shadowed(organisation(more=ENFORCED))
    with client_for_tests(file, audit=sink) as client:
        seen = [ask(client), ask(client, purpose="support")]

    assert ["cloud", "cloud"] == seen
    (shadow,) = shadows(sink)
    assert ("shadow", ["local"]) == (shadow["source"], shadow["would"]["candidates"])
    assert shadow["policy"] != shadow["would"]["policy"]


def test_a_shadow_that_permits_more_permits_nothing(shadowed):
    """What only the shadow allows is refused all the same."""
    sink = RecordingSink()
    file = shadowed(organisation(cloud="secret"))
    with client_for_tests(file, audit=sink) as client:
        assert "local" == ask(client, label="secret")

    (shadow,) = shadows(sink)
    assert (["local"], ["cloud", "local"]) == (
        shadow["candidates"],
        shadow["would"]["candidates"],
    )


def test_labels_of_a_shadow_are_compared_by_name(shadowed):
    """Another scale has other ranks; `secret` means `secret` on both."""
    sink = RecordingSink()
    text = organisation().replace('"public", "internal"', '"open", "public", "internal"')
    with client_for_tests(shadowed(text), audit=sink) as client:
        assert "local" == ask(client, label="secret")
        assert "cloud" == ask(client)

    assert [] == shadows(sink)


@pytest.mark.parametrize(
    "text",
    [
        organisation().replace('"secret"]', '"sekret"]').replace('"secret"', '"sekret"'),
        organisation().replace("models.assistant", "models.other"),
    ],
)
def test_a_shadow_that_cannot_decide_touches_no_request(shadowed, text):
    """A name that the shadow lacks is a difference, and no failure."""
    sink = RecordingSink()
    with client_for_tests(shadowed(text), audit=sink) as client:
        assert "local" == ask(client, label="secret")

    assert ["indeterminate"] == [item["would"]["effect"] for item in shadows(sink)]


@pytest.mark.parametrize("text", ["", "nonsense", organisation(cloud="sekret")])
def test_a_shadow_that_does_not_load_is_left_out(shadowed, text, caplog):
    """A broken proposal stops no program; the log of the program says so."""
    file = shadowed(organisation())
    (file.parent / "next" / FILE).write_text(text, encoding="utf-8")

    with caplog.at_level(logging.WARNING), client_for_tests(file) as client:
        assert "cloud" == ask(client)

    assert ["is left out" in item.getMessage() for item in caplog.records] == [True]
    assert "sekret" not in caplog.text


def test_a_mistake_of_ours_in_building_a_shadow_stops_no_program(shadowed, monkeypatch, caplog):
    """Whatever goes wrong with a proposal, the policy in force is what the client has."""
    from hybridllm.config import wiring

    def broken(*args, **more):
        raise RuntimeError("sekret")

    file = shadowed(organisation())
    monkeypatch.setattr(wiring, "_policy_alone", broken)

    with client_for_tests(file) as client:
        assert "cloud" == ask(client)

    assert "is left out (RuntimeError)" in caplog.text
    assert "sekret" not in caplog.text


def test_a_failure_of_the_shadow_never_touches_the_request(shadowed, monkeypatch, caplog):
    """Not even a mistake of ours in comparing, or a log that takes no notes, is felt."""
    from hybridllm import flow

    def broken(*args, **more):
        raise RuntimeError("Hello")

    with client_for_tests(shadowed(organisation(more=ENFORCED))) as client:
        monkeypatch.setattr(flow, "divergence", broken)

        assert "cloud" == ask(client, purpose="support")

    assert "failed: RuntimeError" in caplog.text
    assert "Hello" not in caplog.text


def test_a_shadow_is_exchanged_with_its_files(shadowed):
    """A proposal that is improved is compared as it is now."""
    file = shadowed(organisation())
    sink = RecordingSink()
    with client_for_tests(file, audit=sink) as client:
        ask(client, purpose="support")
        put(file.parent / "next" / STAFF, f"version = 1\n{ENFORCED}")
        client.reload()
        ask(client, purpose="support")

    assert 1 == len(shadows(sink))
