"""The values between stages: frozen, hashable, and without content."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from hybridllm import types
from hybridllm.labels import Scale
from hybridllm.types import (
    Candidate,
    Effect,
    Facts,
    Finding,
    Identity,
    Place,
    PolicyDecision,
)

SCALE = Scale.of(["public", "internal"])
CLOUD = Candidate("cloud", "big", Place.CLOUD)
LOCAL = Candidate("local", "small", Place.ON_PREMISES)


def value_classes() -> list[type]:
    """Return every dataclass of the module."""
    found = vars(types).values()
    return [item for item in found if inspect.isclass(item) and dataclasses.is_dataclass(item)]


@pytest.mark.parametrize("kind", value_classes(), ids=lambda kind: kind.__name__)
def test_every_value_is_frozen_and_slotted(kind):
    """What one stage has said, no later stage can change."""
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)


def test_no_value_has_a_place_for_text():
    """A finding says what and where; there is no field for the thing itself."""
    fields = {field.name for kind in value_classes() for field in dataclasses.fields(kind)}

    assert set() == fields & {"text", "value", "content", "prompt", "body", "match", "match_text"}
    assert {"kind", "path", "start", "end", "confidence", "detector"} == {
        field.name for field in dataclasses.fields(Finding)
    }


def test_facts_are_hashable_so_that_a_decision_can_be_replayed():
    """Equal facts are one key; a log of them can be decided again."""
    one = Facts("assistant", "embeddings", Identity("legal"), SCALE.lowest, (("a.b", 2),))
    two = Facts("assistant", "embeddings", Identity("legal"), SCALE.lowest, (("a.b", 2),))

    assert 1 == len({one, two})


def test_a_decision_knows_its_place_only_when_a_backend_has_answered():
    """Before an answer nobody can say where it came from."""
    decision = PolicyDecision(Effect.PERMIT, SCALE.lowest, candidates=(CLOUD, LOCAL))

    assert decision.place is None
    assert Place.ON_PREMISES is decision.answered_by(LOCAL).place
    assert Place.CLOUD is decision.answered_by(CLOUD).place
    assert decision.backend is None


def test_a_backend_that_was_no_candidate_has_no_place():
    """A name that the policy did not allow is never shown as an allowed place."""
    decision = PolicyDecision(Effect.PERMIT, SCALE.lowest, candidates=(LOCAL,))

    assert decision.answered_by(CLOUD).place is None


def test_the_effects_and_places_are_the_words_of_the_files():
    """Logs, files and code use one word for one thing."""
    assert {"permit", "deny", "indeterminate"} == {effect.value for effect in Effect}
    assert {"cloud", "on_premises", "in_process"} == {place.value for place in Place}
