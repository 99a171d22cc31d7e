"""The mutation run makes the mistakes it should, and its list of survivors is no waste bin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hybridllm
from tests.mutation.__main__ import DEFAULT, TARGETS, reasons
from tests.mutation.mutants import compiled, mutants_of

SOURCE = '''"""Words for people."""
NAMES = frozenset("text type".split())
def may(level: int, *, top: int = 3) -> bool:
    """Say so."""
    if level is None:
        raise ValueError("there is no level")
    return level <= top and "x" in NAMES
'''


def names() -> list[str]:
    return [mutant.name for mutant in mutants_of(SOURCE)]


def test_every_kind_of_mistake_is_made():
    """Comparisons, words of lists, numbers, operands, conditions, answers and raised errors."""
    expected = {
        "NAMES: the word text -> none",
        "may: level <= top -> level < top",
        "may: 3 -> 4",
        "may: 'x' -> 'x~'",
        "may: level is None -> not level is None",
        "may: raise ValueError('there is no level') -> nothing",
        "may: return level <= top and 'x' in NAMES -> return None",
        "may: level <= top and 'x' in NAMES -> level <= top or 'x' in NAMES",
        "may: level <= top and 'x' in NAMES -> level <= top and level <= top",
    }

    assert set() == expected - set(names())


def test_what_people_read_is_left_alone():
    """Docstrings, annotations and sentences have no tests, and need none."""
    assert not [name for name in names() if "Words" in name or "there is" in name.split("->")[1]]


def test_a_mutant_behaves_differently():
    """The change reaches the code: with `<` the limit itself is refused."""
    mutant = next(one for one in mutants_of(SOURCE) if one.name.endswith("level < top"))

    answers = []
    for chosen in (None, mutant):
        room: dict = {}
        exec(compiled(SOURCE.replace('"x"', '"text"'), file="m.py", mutant=chosen), room)
        answers.append(room["may"](3))

    assert [True, False] == answers


def test_every_listed_survivor_exists_and_has_a_reason():
    """A reason stands for a mistake that can be made in today's code."""
    package = Path(hybridllm.__file__).parent
    for module, survivors in reasons().items():
        source = (package / Path(*module.split("."))).with_suffix(".py").read_text("utf-8")
        known = {mutant.name for mutant in mutants_of(source)}
        assert set() == survivors.keys() - known, module
        assert all(len(reason) > 15 for reason in survivors.values()), module


def test_the_guards_are_all_covered():
    """Labels, permit, policy, walker and audit each have tests to be run against."""
    assert {"labels", "permit", "policy", "classify", "audit"} == {
        name.partition(".")[0] for name in TARGETS
    }
    assert set(DEFAULT) <= TARGETS.keys()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants live in forked processes")
def test_no_mutant_of_the_permit_survives_without_a_reason():
    """The whole run, on the smallest guard."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.mutation", "permit"]

    done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)

    assert 0 == done.returncode, done.stdout
