"""Damaged and foreign adapters are refused before they serve, with the right reason."""

from __future__ import annotations

import pytest

from hybridllm.adapters import read_skeleton
from tests.adapters.by_hand import HandWorkshop
from tests.adapters.cases import CASES
from tests.adapters.judging import judge, judge_case
from tests.adapters.made import BASE, facts

STRUCTURAL = [case for case in CASES if not case.needs_manifest]


@pytest.fixture
def workshop(tmp_path):
    return HandWorkshop(tmp_path / "workshop")


def test_there_are_26_cases():
    """The table is the one that was tried on PEFT; none of it got lost."""
    assert 26 == len(CASES)


def test_a_good_adapter_passes(workshop, tmp_path):
    """Nothing is refused for no reason."""
    running = read_skeleton(workshop.base("base"), id=BASE)

    where, reasons = judge(
        tmp_path / "registry",
        folder=workshop.adapter("base"),
        told=facts(running.id),
        running=running,
    )

    assert ("verify", ()) == (where, reasons)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_adapter_is_refused_with_the_right_reason(case, workshop, tmp_path, monkeypatch):
    """Whoever looks at the message knows what is wrong with the adapter."""
    monkeypatch.chdir(tmp_path)

    reasons = judge_case(case, workshop=workshop, root=tmp_path)

    assert case.code in {reason.code for reason in reasons}
    assert not (tmp_path / "unpickled.txt").exists()


@pytest.mark.parametrize("case", STRUCTURAL, ids=lambda case: case.name)
def test_a_manifest_that_lies_hides_no_wrong_structure(case, workshop, tmp_path):
    """Who names the wrong base model by mistake is still told what does not fit."""
    reasons = judge_case(case, workshop=workshop, root=tmp_path, is_honest=False)

    assert case.code in {reason.code for reason in reasons}
