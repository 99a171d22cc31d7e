"""Fleets are declared in a line or a file, or read from the driver."""

# ruff: noqa: N802 - the fake has the driver library's own names

import sys
import types

import pytest

from hybridllm.sizing.errors import FleetError
from hybridllm.sizing.fleet import parse_fleet, uniform_fleet
from hybridllm.sizing.gpus import catalogue, find_gpu
from hybridllm.sizing.live import live_cards, live_fleet
from tests.sizing.facts import gib

GIB = 2**30


class FakeNvml(types.ModuleType):
    """The functions of `pynvml` that are used, with two cards."""

    class NVMLError(Exception):
        """What the driver raises."""

    def __init__(self, *, cards=(), mig=(), broken=False):
        super().__init__("pynvml")
        self.cards, self.mig, self.broken, self.closed = cards, mig, broken, False

    def nvmlInit(self):
        if self.broken:
            raise self.NVMLError("driver not loaded")

    def nvmlShutdown(self):
        self.closed = True

    def nvmlDeviceGetCount(self):
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self.cards[index]

    def nvmlDeviceGetName(self, handle):
        return handle["name"].encode()

    def nvmlDeviceGetMemoryInfo(self, handle):
        return types.SimpleNamespace(total=handle["total"], free=handle["free"])

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        return [types.SimpleNamespace(usedGpuMemory=used) for used in handle.get("used", ())]

    def nvmlDeviceGetMigMode(self, handle):
        if not handle.get("mig"):
            raise self.NVMLError("not supported")
        return 1, 1

    def nvmlDeviceGetMaxMigDeviceCount(self, handle):
        return 3

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, number):
        if number >= len(handle["mig"]):
            raise self.NVMLError("not found")
        return handle["mig"][number]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("8xH100-80GB", "8xH100-80GB"),
        ("2xL40S-48GB, 1xA100-40GB", "2xL40S-48GB,1xA100-40GB"),
        ("rtx 4090", "1xRTX-4090-24GB"),
        ("4 x NVIDIA H100 80GB HBM3", "4xH100-80GB"),
        ("1xMI300X", "1xMI300X-192GB"),
        ("CPU", "1xCPU"),
    ],
)
def test_a_fleet_is_written_in_one_line(text, label):
    """Counts, lists, and names as drivers and people write them."""
    assert label == parse_fleet(text).label


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("0xH100-80GB", "zero H100"),
        ("2xH1000-80GB", "Did you mean"),
        ("", "write items"),
        ("2xL40S-48GB;1xT4", "write items"),
        ("nothing.toml", "does not exist"),
    ],
)
def test_a_fleet_that_cannot_be_read_is_refused(text, match):
    """The message names what was found and what to write."""
    with pytest.raises(FleetError, match=match):
        parse_fleet(text)


def test_a_fleet_of_no_cards_is_refused():
    """A count starts at one."""
    with pytest.raises(FleetError, match="0 GPUs"):
        uniform_fleet("H100-80GB", count=0)


def test_a_fleet_file_declares_unlike_and_unknown_cards(tmp_path):
    """Cards in use, and cards that the catalogue does not have."""
    path = tmp_path / "fleet.toml"
    path.write_text(
        'cards_per_node = 4\n[[gpu]]\nname = "L40S-48GB"\ncount = 2\nfree_gib = 30\n'
        '[[gpu]]\nname = "Lab-Card"\nmemory_gib = 12.5\n',
        encoding="utf-8",
    )

    fleet = parse_fleet(str(path))

    assert 4 == fleet.cards_per_node
    assert [30.0, 30.0, 12.5] == [gib(card.free_bytes) for card in fleet.cards]
    assert [0, 1, 2] == [card.index for card in fleet.cards]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[[gpu]]\nname = 'L4'\ncout = 2\n", "cout"),
        ("[[gpu]]\nname = 'L4'\ncount = 0\n", "count"),
        ("gpu = [", "not TOML"),
        ("gpu = []\n", "no GPU"),
    ],
)
def test_a_wrong_fleet_file_is_refused(tmp_path, text, match):
    """Unknown keys, impossible counts, broken TOML, no card at all."""
    path = tmp_path / "fleet.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(FleetError, match=match):
        parse_fleet(str(path))


@pytest.mark.parametrize(
    ("name", "logged_gib"),
    [("H100-80GB", 79.18), ("A100-80GB", 79.22), ("A10G-24GB", 22.07), ("T4-16GB", 14.56)],
)
def test_a_card_offers_what_start_logs_print(name, logged_gib):
    """A card of 80 GB does not offer 80 GiB."""
    assert logged_gib == gib(find_gpu(name).usable_bytes)


def test_every_card_says_where_its_values_are_from():
    """A number without a source is a bug."""
    for gpu in catalogue().values():
        assert gpu.memory_source
        assert gpu.speed_source
        assert gpu.written.startswith("2026-")
        assert gpu.usable_bytes <= gpu.memory_bytes


def test_live_cards_are_read_with_what_is_free_and_who_else_is_there():
    """Another process holds half of the first card."""
    card = {"name": "NVIDIA L4", "total": 24 * GIB, "free": 10 * GIB, "used": [12 * GIB]}
    nvml = FakeNvml(cards=[card, {**card, "free": 22 * GIB, "used": []}])

    first, second = live_cards(nvml)

    assert (10.0, 1, 12.0) == (
        gib(first.card.free_bytes),
        first.other_processes,
        gib(first.other_bytes),
    )
    assert (1, 0) == (second.card.index, second.other_processes)
    assert "L4-24GB" == first.card.gpu.name
    assert nvml.closed


def test_a_card_that_is_cut_offers_its_slices():
    """MIG slices are separate cards of their own size."""
    part = {"name": "", "total": 20 * GIB, "free": 19 * GIB}
    whole = {"name": "NVIDIA H100 80GB HBM3", "total": 80 * GIB, "free": 0, "mig": [part, part]}

    fleet = live_fleet(FakeNvml(cards=[whole]))

    assert [19.0, 19.0] == [gib(card.free_bytes) for card in fleet.cards]
    assert ["MIG 0", "MIG 1"] == [card.mig for card in fleet.cards]


@pytest.mark.parametrize(
    ("nvml", "match"),
    [(FakeNvml(broken=True), "does not answer"), (FakeNvml(), "lists no GPU")],
)
def test_a_driver_without_answer_is_told(nvml, match):
    """The message says how to declare a fleet instead."""
    with pytest.raises(FleetError, match=match):
        live_fleet(nvml)


def test_a_missing_extra_gives_one_line(monkeypatch):
    """What to install, and what to write otherwise."""
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(FleetError, match=r"hybridllm\[gpu\]"):
        live_fleet()
