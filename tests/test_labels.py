"""Labels form a lattice, and nothing that merely looks like a label takes part in it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.errors import ConfigurationError
from hybridllm.labels import Label, Level, Scale

SCALE = Scale.of(
    ["public", "internal", "confidential", "restricted"],
    compartments=["personal", "customer", "credentials", "機密"],
)

labels = st.builds(
    Label, st.sampled_from(SCALE.levels), st.frozensets(st.sampled_from(sorted(SCALE.compartments)))
)


class TalkativeLabel(Label):
    """A subclass that claims to receive everything."""

    def flows_to(self, clearance: Label) -> bool:
        return True


class LowLevel(Level):
    """A subclass whose comparison always agrees."""

    def __le__(self, other: Level) -> bool:
        return True

    def __lt__(self, other: Level) -> bool:
        return True


class Everything(frozenset):
    """A set that claims to hold everything."""

    def __ge__(self, other: object) -> bool:
        return True


@given(labels, labels)
def test_joining_does_not_depend_on_the_order(a, b):
    """Text made of two sources has one label, whichever came first."""
    assert a.join(b) == b.join(a)


@given(labels, labels, labels)
def test_joining_does_not_depend_on_the_grouping(a, b, c):
    """Three sources have one label, however they are put together."""
    assert a.join(b).join(c) == a.join(b.join(c))


@given(labels)
def test_joining_a_label_with_itself_changes_nothing(a):
    """Quoting the same source twice does not make a text more sensitive."""
    assert a == a.join(a)


@given(labels, labels)
def test_a_join_is_an_upper_bound(a, b):
    """Text made of two sources is at least as sensitive as each of them."""
    joined = a.join(b)

    assert a.flows_to(joined)
    assert b.flows_to(joined)


@given(labels, labels, labels)
def test_a_join_is_the_least_upper_bound(a, b, c):
    """Joining raises no further than needed: who may see both sources may see the text."""
    assert (a.flows_to(c) and b.flows_to(c)) == a.join(b).flows_to(c)


@given(labels, labels, labels)
def test_flowing_is_a_partial_order(a, b, c):
    """A text may stay where it is, and two steps that are allowed make an allowed one."""
    assert a.flows_to(a)
    if a.flows_to(b) and b.flows_to(a):
        assert a == b
    if a.flows_to(b) and b.flows_to(c):
        assert a.flows_to(c)


@given(labels)
def test_everything_flows_between_the_lowest_and_the_strictest(a):
    """The scale's ends bound every label."""
    assert SCALE.lowest.flows_to(a)
    assert a.flows_to(SCALE.strictest)


@given(labels)
def test_nothing_flows_to_an_object_that_only_looks_like_a_label(a):
    """A plugin's stand-in for a clearance receives nothing, however obliging it is."""
    obliging = SimpleNamespace(
        level=SimpleNamespace(rank=99, name="all"), compartments=SCALE.compartments
    )

    assert not a.flows_to(obliging)
    assert not a.flows_to(None)
    assert not a.flows_to("restricted")


@given(labels)
def test_nothing_flows_to_a_subclass(a):
    """A subclass may compare as it likes, so none counts as a clearance."""
    top = SCALE.strictest

    assert not a.flows_to(TalkativeLabel(top.level, top.compartments))
    assert not a.flows_to(Label(LowLevel(99, "restricted"), top.compartments))


def test_a_set_that_claims_to_hold_everything_is_no_clearance():
    """Compartments are compared as sets, not by what a subclass of one says."""
    secret = SCALE.label("internal", compartments=["customer"])

    assert not secret.flows_to(Label(SCALE.levels[3], Everything()))


@given(labels, labels)
def test_joining_never_loses_to_a_subclass_that_compares_strangely(a, b):
    """A level from elsewhere that calls itself lower cannot lower a label."""
    strange = Label(LowLevel(b.level.rank, b.level.name), b.compartments)

    assert max(a.level.rank, b.level.rank) == a.join(strange).level.rank


def test_labels_cannot_be_changed():
    """A label that was judged stays what it was."""
    label = SCALE.label("internal", compartments=["customer"])

    with pytest.raises(FrozenInstanceError):
        label.level = SCALE.levels[0]
    with pytest.raises(AttributeError):
        label.compartments.clear()
    with pytest.raises(FrozenInstanceError):
        label.level.rank = 0
    with pytest.raises(FrozenInstanceError):
        SCALE.levels = ()


def test_levels_are_ordered_by_rank():
    """Rules may ask for `at least`: a level is below the next one, and not below itself."""
    low, high = SCALE.levels[:2]
    same = Level(low.rank, low.name)

    assert (True, False, False) == (low < high, high < low, low < same)
    assert (True, False, True) == (low <= high, high <= low, low <= same)
    assert high.name == str(high)


def test_the_answer_to_a_look_alike_is_a_plain_no():
    """Nobody can take the answer for `unknown`."""
    assert False is SCALE.lowest.flows_to(None)


def test_a_label_reads_as_people_write_it():
    """Reasons and errors show a level and its compartments."""
    assert "internal" == str(SCALE.label("internal"))
    assert "restricted (customer, personal)" == str(
        SCALE.label("restricted", compartments=["personal", "customer"])
    )


def test_an_unknown_level_names_the_nearest_one():
    """A misspelt level says which ones exist and which one was meant."""
    with pytest.raises(ConfigurationError) as caught:
        SCALE.label("confidental")

    text = str(caught.value)
    assert "'confidental'" in text
    assert "public" in text
    assert "Did you mean 'confidential'?" in text
    assert "level" == caught.value.key


def test_an_unknown_compartment_names_the_nearest_one():
    """A misspelt compartment says which one was meant, in Japanese too."""
    with pytest.raises(ConfigurationError, match="Did you mean 'customer'"):
        SCALE.label("public", compartments=["custommer"])
    with pytest.raises(ConfigurationError, match="Did you mean '機密'"):
        SCALE.label("public", compartments=["機蜜"])
    with pytest.raises(ConfigurationError) as caught:
        SCALE.label("public", compartments=["nothing"])
    assert "compartments" == caught.value.key


@pytest.mark.parametrize("levels", [[], ["a", "b", "a"]])
def test_a_scale_without_order_is_refused(levels):
    """A scale needs a level, and each one once."""
    with pytest.raises(ConfigurationError):
        Scale.of(levels)
