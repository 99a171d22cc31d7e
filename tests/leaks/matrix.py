"""The leak matrix: every operation x fault x place, run many cells at once.

Answers: what happened in each cell of one operation and one fault?
Not here: what must have happened (`test_matrix`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.leaks.faults import FAULTS, Fault
from tests.leaks.operations import OPERATIONS, Answered, Operation, acall, call
from tests.leaks.places import Ask, Place, places
from tests.leaks.residue import Residue, collected
from tests.leaks.setting import (
    audit_text,
    open_async_client,
    open_client,
    unfinished,
    write_config,
)
from tests.support.loopback import dead_port
from tests.support.server import RecordingServer

_AT_ONCE = 16
_LABELLED = "confidential"


@dataclass(frozen=True, slots=True)
class Cell:
    """One operation, one fault, one place: the smallest promise."""

    operation: Operation
    fault: Fault
    place: Place
    ask: Ask = field(repr=False)

    @property
    def title(self) -> str:
        return f"{self.operation.title} / {self.fault.name} / {self.place.name}"


@dataclass(frozen=True, slots=True)
class Batch:
    """What the cells of one operation and one fault led to.

    Attributes:
        ended: An answer or an error for each cell.
        residue: What was logged and raised.
        audit: The audit log.
        open_ends: Attempts of which the audit log knows no outcome.
        to_cloud: Bytes that the cloud received.
        to_premises: Bytes that the premises received, without the calls before.
        arrived: Whole requests among them.
    """

    ended: list[tuple[Cell, Answered | BaseException]] = field(repr=False)
    residue: Residue
    audit: str
    open_ends: int
    to_cloud: bytes
    to_premises: bytes
    arrived: int


def cells(operation: Operation, fault: Fault, *, every: int = 1) -> list[Cell]:
    """Return the cells of one operation and one fault, or only each n-th place."""
    chosen = places(operation.endpoint)
    first = FAULTS.index(fault) % every  # neighbours try different places
    return [
        Cell(operation, fault, place, place.ask(number))
        for number, place in enumerate(chosen[first::every], start=1 + 1000 * FAULTS.index(fault))
    ]


def cell_count(*, every: int = 1, without: Collection[Operation] = ()) -> int:
    """Return how many cells the matrix has."""
    return sum(
        len(cells(operation, fault, every=every))
        for operation in OPERATIONS
        if operation not in without
        for fault in FAULTS
    )


def run(batch: Sequence[Cell], *, folder: Path) -> Batch:
    """Run all cells of one operation and one fault against fresh servers and a fresh state."""
    operation, fault = batch[0].operation, batch[0].fault
    with (
        collected() as residue,
        RecordingServer(name="cloud") as cloud,
        RecordingServer(name="on_premises") as inner,
    ):
        file = write_config(folder, cloud=cloud, on_premises=inner)
        _call_before(batch, file=file)
        if fault.is_dead:
            write_config(folder, cloud=cloud, on_premises=dead_port())
        inner.behave(fault.behave(cloud))
        bytes_before, requests_before = len(inner.received), len(inner.requests)
        if operation.is_async:
            results = asyncio.run(_run_in_loop(batch, file=file))
        else:
            results = _run_in_threads(batch, file=file)
        for one in results:
            if isinstance(one, BaseException):
                residue.add_error(one)
        return Batch(
            list(zip(batch, results, strict=True)),
            residue,
            audit_text(file),
            len(unfinished(file)),
            cloud.received,
            inner.received[bytes_before:],
            len(inner.requests) - requests_before,
        )


def _call_before(batch: Iterable[Cell], *, file: Path) -> None:
    """Make the labelled calls that some cells want made before, by another client object."""
    wanted = [(cell, cell.ask.before) for cell in batch if cell.ask.before is not None]
    if not wanted:
        return
    with open_client(file) as other:
        labelled = other.with_options(label=_LABELLED)
        for cell, params in wanted:
            call(labelled, Operation(cell.operation.endpoint), params=params)


def _run_in_threads(batch: Sequence[Cell], *, file: Path) -> list[Answered | BaseException]:
    with open_client(file) as client, ThreadPoolExecutor(_AT_ONCE) as pool:

        def one(cell: Cell) -> Answered | BaseException:
            mine = client.with_options(label=cell.ask.label, timeout=cell.fault.timeout_s)
            try:
                return call(mine, cell.operation, params=cell.ask.params)
            except BaseException as error:  # the boundary of a cell: judged by the test
                return error

        return list(pool.map(one, batch))


async def _run_in_loop(batch: Sequence[Cell], *, file: Path) -> list[Answered | BaseException]:
    async with open_async_client(file) as client:

        async def one(cell: Cell) -> Answered:
            mine = client.with_options(label=cell.ask.label, timeout=cell.fault.timeout_s)
            return await acall(mine, cell.operation, params=cell.ask.params)

        return await asyncio.gather(*map(one, batch), return_exceptions=True)
