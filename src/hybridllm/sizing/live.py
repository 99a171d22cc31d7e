"""The GPUs of this machine, as the NVIDIA driver reports them now.

Answers: which cards are here, how much is free, who else uses them, is MIG on?
Not here: declared fleets (`sizing.fleet`).

Needs the extra `gpu` (`nvidia-ml-py`). It is imported on the first call, never before.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from types import ModuleType

from hybridllm.sizing.errors import FleetError
from hybridllm.sizing.fleet import Card, Fleet, fleet_of
from hybridllm.sizing.gpus import Gpu, find_gpu


@dataclass(frozen=True, slots=True)
class LiveCard:
    """One card now: the card, and the memory that other processes hold."""

    card: Card
    other_processes: int
    other_bytes: int


def live_fleet(library: ModuleType | None = None) -> Fleet:
    """Return the cards of this machine with what is free on each.

    Args:
        library: A module with the functions of `pynvml`; the installed one otherwise.

    Raises:
        FleetError: The extra is not installed, or the driver does not answer.
    """
    return fleet_of([one.card for one in live_cards(library)])


def live_cards(library: ModuleType | None = None) -> tuple[LiveCard, ...]:
    """Return every card, or every MIG slice of a card that is cut, with its other users."""
    nvml = library or _pynvml()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise FleetError(
            f"the NVIDIA driver does not answer: {error}. Declare the fleet instead."
        ) from None
    try:
        found: list[LiveCard] = []
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name = _text(nvml.nvmlDeviceGetName(handle))
            slices = _slices(nvml, handle)
            for number, part in enumerate(slices or [handle]):
                found.append(_card(nvml, part, name, index, f"MIG {number}" if slices else ""))
    finally:
        nvml.nvmlShutdown()
    if not found:
        raise FleetError(
            "the NVIDIA driver lists no GPU. Declare the fleet instead, such as '1xL4-24GB'."
        )
    return tuple(found)


def _card(nvml: ModuleType, handle: object, name: str, index: int, mig: str) -> LiveCard:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    total, free = int(memory.total), int(memory.free)
    try:
        known = find_gpu(name)
    except FleetError:
        known = Gpu(name, "nvidia", total, total, 0.0)
    usable = total if mig or known.usable_bytes > total else known.usable_bytes
    gpu = replace(known, memory_bytes=total, usable_bytes=usable, memory_source="driver, live")
    held = sum(int(process.usedGpuMemory or 0) for process in running)
    return LiveCard(Card(gpu, min(free, usable), index, mig), len(running), held)


def _slices(nvml: ModuleType, handle: object) -> list[object]:
    """Return the MIG devices of a card; a card without MIG answers with an error or `0`."""
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(handle)
        if not current:
            return []
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except nvml.NVMLError:
        return []
    slices = []
    for number in range(count):
        try:
            slices.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number))
        except nvml.NVMLError:
            continue
    return slices


def _pynvml() -> ModuleType:
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        raise FleetError(
            "reading live GPUs needs the extra 'gpu': pip install 'hybridllm[gpu]'. "
            "Or declare the fleet, such as --gpus 2xL40S-48GB."
        ) from None


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
