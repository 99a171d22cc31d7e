"""What a decision says of itself: each rule, restriction and reason on a small policy."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from hybridllm.labels import Scale
from hybridllm.policy.decide import decide
from hybridllm.policy.model import (
    Condition,
    Department,
    Destination,
    FindingLabel,
    Policy,
    Rule,
    Target,
)
from hybridllm.types import Effect, Facts, Identity, Place, PolicyDecision

SEED = int(os.environ.get("HYBRIDLLM_TEST_SEED", "20261123"))
# The mutation run asks for fewer: it repeats everything for each mutant.
POLICIES = int(os.environ.get("HYBRIDLLM_TEST_POLICIES", "2000"))
FACTS_PER_POLICY = 50
SCALE = Scale.of(["public", "internal", "confidential", "restricted"], compartments=["personal"])

# One small policy, to read the laws in clear.

CLOUD = Destination(
    "cloud", Place.CLOUD, SCALE.strictest, frozenset({"chat.completions"}), frozenset({"store"})
)
LOCAL = replace(CLOUD, name="local", place=Place.ON_PREMISES)


def small_policy(*rules: Rule, clearance: str = "restricted") -> Policy:
    """Return a policy with a cloud and an engine inside; both cleared as given."""
    cleared = SCALE.label(clearance, compartments=["personal"])
    return Policy(
        scale=SCALE,
        default=SCALE.lowest,
        finding_labels=(),
        destinations={
            "cloud": replace(CLOUD, clearance=cleared),
            "local": replace(LOCAL, clearance=SCALE.strictest),
        },
        aliases={"assistant": (Target("cloud", "big"), Target("local", "small"))},
        rules=rules,
        departments={"legal": Department("legal", SCALE.lowest)},
        digest="d" * 64,
    )


def facts(**changes: object) -> Facts:
    """Return a harmless request with changes."""
    plain = Facts("assistant", "chat.completions", Identity("legal"), SCALE.lowest)
    return replace(plain, **changes)


def backends(decided: PolicyDecision) -> list[str]:
    """Return the candidates by name."""
    return [candidate.backend for candidate in decided.candidates]


def test_candidates_keep_the_order_of_the_alias():
    """The organisation's preference decides among what is allowed."""
    assert ["cloud", "local"] == backends(decide(small_policy(), facts()))


def test_a_forbid_wins_over_everything():
    """One rule that forbids is enough, whatever other rules name the backend."""
    keep = Rule("keep", "test", Condition(), only_backends=frozenset({"cloud", "local"}))
    forbid = Rule("forbid", "test", Condition(), forbid_backends=frozenset({"cloud"}))

    assert ["local"] == backends(decide(small_policy(keep, forbid, keep), facts()))


def test_a_denial_wins_over_everything():
    """A rule that denies leaves nothing, and says its name and file."""
    deny = Rule("no exports", "departments/legal.toml: rules[0]", Condition(), deny=True)

    decided = decide(small_policy(deny), facts())

    assert Effect.DENY is decided.effect
    titles = {reason.rule for item in decided.rejected for reason in item.reasons}
    assert {"no exports (departments/legal.toml: rules[0])"} == titles


def test_a_doubt_never_reaches_a_cloud_even_with_the_top_clearance():
    """What nobody could read stays on the premises, however trusted the cloud is."""
    decided = decide(small_policy(), facts(doubts=frozenset({"unreadable:image_url"})))

    assert ["local"] == backends(decided)
    assert SCALE.strictest == decided.label
    assert {"doubt"} == {reason.code for reason in decided.rejected[0].reasons}


def test_a_used_up_budget_closes_the_cloud_and_nothing_inside():
    """Money that is spent keeps nobody from the company's own engines."""
    decided = decide(small_policy(), facts(budgets=frozenset({"month"})))

    assert ["local"] == backends(decided)
    assert ["budget"] == [reason.code for reason in decided.rejected[0].reasons]
    assert SCALE.lowest == decided.label


def test_a_kind_that_nobody_mentions_is_the_strictest():
    """A detector that is new to the policy cannot open anything."""
    decided = decide(small_policy(clearance="confidential"), facts(kinds=(("new.kind", 1),)))

    assert SCALE.strictest == decided.label
    assert ["local"] == backends(decided)


def test_every_reason_against_a_backend_is_given():
    """A person who asks why sees all reasons at once, not the first one."""
    rule = Rule("no cloud", "test", Condition(), forbid_places=frozenset({Place.CLOUD}))
    request = facts(
        label=SCALE.label("restricted"),
        endpoint="embeddings",
        parameters=frozenset({"web_search_options"}),
        doubts=frozenset({"detector_failed"}),
    )

    decided = decide(small_policy(rule, clearance="public"), request)

    expected = {"label_above_clearance", "endpoint", "parameter", "doubt", "rule"}
    assert expected == {reason.code for reason in decided.rejected[0].reasons}
    assert Effect.DENY is decided.effect


@pytest.mark.parametrize(
    "broken",
    [
        {"alias": "nowhere"},
        {"identity": Identity("nobody")},
        {"identity": None},
        {"label": None},
        {"label": "public"},
        {"kinds": 5},
        {"kinds": ((),)},
        {"kinds": ((None, 1),)},
        {"parameters": 7},
        {"alias": []},
    ],
    ids=str,
)
def test_an_error_inside_deciding_is_indeterminate_and_permits_nothing(broken):
    """Deciding is total: nonsense gives an answer, and the answer is no."""
    decided = decide(small_policy(), facts(**broken))

    assert decided.effect in {Effect.INDETERMINATE, Effect.DENY}
    assert () == decided.candidates


def test_a_condition_that_raises_is_indeterminate():
    """A rule that cannot be evaluated is not skipped."""

    class Hostile(frozenset):
        def __contains__(self, item: object) -> bool:
            raise ZeroDivisionError("社外秘")

    rule = Rule("broken", "test", Condition(principals=Hostile({"p"})), deny=True)

    decided = decide(small_policy(rule), facts())

    assert Effect.INDETERMINATE is decided.effect
    assert () == decided.candidates
    assert "社外秘" not in str(decided)
    assert "d" * 64 == decided.policy_digest
    assert ["indeterminate"] == [reason.code for reason in decided.reasons]
    assert SCALE.strictest == decided.label


def test_every_step_that_raised_the_label_is_a_reason():
    """A person sees what made a request confidential, in order, and nothing that did not."""
    raising = Rule("contracts", "test", Condition(), label=SCALE.label("restricted"))
    idle = Rule("idle", "test", Condition(), label=SCALE.label("public"))
    policy = replace(
        small_policy(raising, idle),
        finding_labels=(FindingLabel("personal.*", SCALE.label("confidential")),),
    )
    request = facts(label=SCALE.label("internal"), kinds=(("personal.email", 2),))

    decided = decide(policy, request)

    codes = [reason.code for reason in decided.reasons]
    assert ["default", "declared", "finding", "rule"] == codes
    assert "personal.email was found 2 times: confidential" == decided.reasons[2].message
    assert "contracts (test)" == decided.reasons[3].rule
    once = decide(policy, facts(kinds=(("personal.email", 1),)))
    assert "personal.email was found once: confidential" == once.reasons[1].message


def test_a_doubt_is_a_reason_with_its_codes():
    """Whoever asks why a request stayed inside learns what could not be read."""
    decided = decide(small_policy(), facts(doubts=frozenset({"unreadable:part", "a"})))

    assert "not everything could be judged: a, unreadable:part" == decided.reasons[-1].message
    assert "doubt" == decided.reasons[-1].code
    against = [reason.code for item in decided.rejected for reason in item.reasons]
    assert ["doubt"] == against


def test_the_floor_of_a_department_is_a_reason():
    """Whoever asks from a department that starts higher sees that this was why."""
    strict = {"legal": Department("legal", SCALE.label("confidential"))}

    decided = decide(replace(small_policy(), departments=strict), facts())

    assert ["default", "department"] == [reason.code for reason in decided.reasons]
    assert SCALE.label("confidential") == decided.label


def test_only_a_denial_says_that_no_backend_is_left():
    """The last reason of a denial is the denial itself."""
    deny = Rule("no", "test", Condition(), deny=True)

    assert "no_backend" == decide(small_policy(deny), facts()).reasons[-1].code
    assert "no_backend" not in [item.code for item in decide(small_policy(), facts()).reasons]


def test_deciding_changes_nothing_and_repeats_itself():
    """The same request under the same policy is decided alike, for ever."""
    policy, request = small_policy(), facts(kinds=(("personal.email", 2),))

    assert decide(policy, request) == decide(policy, request)
    assert small_policy() == policy
