"""Confidential requests, with the on-premises side failing in every way, next to a willing cloud.

The promise: the cloud gets none of it, and it shows in no error, log record or audit line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import openai
import pytest

from tests.leaks.faults import FAULTS, HEALTHY, Fault
from tests.leaks.matrix import Batch, Cell, cell_count, cells, run
from tests.leaks.operations import OPERATIONS, SPARED, Answered, Operation
from tests.leaks.places import PLACES
from tests.leaks.residue import fold
from tests.support.search import contains

_FEWEST_CELLS = 2_000
_EVERY = 4  # in the default run, neighbouring faults share the places between them

_operations = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
_most_operations = pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one not in SPARED], ids=lambda one: one.title
)
_faults = pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)


@_most_operations
@_faults
def test_nothing_confidential_leaves_the_premises(
    operation: Operation, fault: Fault, tmp_path: Path
) -> None:
    """Whatever breaks inside, a confidential request reaches no cloud, no log and no error."""
    batch = cells(operation, fault, every=1 if fault is HEALTHY else _EVERY)

    ended = run(batch, folder=tmp_path)

    assert b"" == ended.to_cloud
    assert [] == shown(ended)
    assert [] == unexpected(ended, fault)
    assert 0 == ended.open_ends


@pytest.mark.slow
@_operations
@_faults
def test_no_cell_of_the_whole_matrix_leaks(
    operation: Operation, fault: Fault, tmp_path: Path
) -> None:
    """Every place of a request meets every fault; what was left behind is searched in depth."""
    batch = cells(operation, fault)

    ended = run(batch, folder=tmp_path)

    assert b"" == ended.to_cloud
    assert [] == shown(ended)
    assert [] == shown_in_disguise(ended)
    assert [] == unexpected(ended, fault)


@_operations
def test_a_healthy_engine_inside_receives_and_answers_everything(
    operation: Operation, tmp_path: Path
) -> None:
    """Silence is no safety: each confidential text did arrive on the premises."""
    batch = cells(operation, HEALTHY)

    ended = run(batch, folder=tmp_path)

    received = fold(ended.to_premises.decode("utf-8", "replace"))
    assert [] == [
        cell.title
        for cell in batch
        if not all(fold(one) in received for one in cell.ask.sent or (cell.ask.secret,))
    ]
    assert {"on_premises"} == {
        result.backend for _, result in ended.ended if isinstance(result, Answered)
    }


def test_the_matrix_is_as_large_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every operation meets every fault at every place."""
    count, fewer = cell_count(), cell_count(every=_EVERY, without=SPARED)
    sizes = f"{len(OPERATIONS)} operations, {len(FAULTS)} faults, {len(PLACES)} places"
    with capsys.disabled():
        sys.stdout.write(f"\nleak matrix: {count:,} cells ({sizes}), {fewer:,} by default\n")

    assert _FEWEST_CELLS <= fewer < count


def shown(ended: Batch) -> list[str]:
    """Say where a secret shows that nobody should see."""
    texts = [fold(text) for text in (*ended.residue.texts, ended.audit)]
    margins = "\n".join(texts)
    found = []
    for cell, _ in ended.ended:
        wanted = fold(cell.ask.secret)
        if wanted in margins:
            where = next((text for text in texts if wanted in text), "")
            found.append(f"{cell.title}: {where.split(wanted)[0][-60:]}")
    return found


def shown_in_disguise(ended: Batch) -> list[str]:
    """Say the same after undoing every encoding that hides a text."""
    margins = "\n".join((*ended.residue.texts, ended.audit)).encode("utf-8", "backslashreplace")
    return [
        f"{cell.title}: {ways}"
        for cell, _ in ended.ended[:3]  # the search is thorough, and takes seconds a megabyte
        if (ways := contains(margins, cell.ask.secret))
    ]


def unexpected(ended: Batch, fault: Fault) -> list[str]:
    """Say which cell ended in another way than its fault means."""
    return [
        f"{cell.title}: {result!r:.80}"
        for cell, result in ended.ended
        if not _as_expected(cell, result, fault)
    ]


def _as_expected(cell: Cell, result: Answered | BaseException, fault: Fault) -> bool:
    if isinstance(result, Answered):
        return fault.answers != "never" and result.backend == "on_premises"
    decision = getattr(result, "policy_decision", None)
    return (
        fault.answers != "always"
        and isinstance(result, openai.APIError)
        and decision is not None
        and ["on_premises"] == [candidate.backend for candidate in decision.candidates]
    )
