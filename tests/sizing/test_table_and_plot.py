"""The rule of thumb as a table, memory as a plot."""

import itertools
import sys
import xml.etree.ElementTree as ET

import pytest

from hybridllm.sizing.errors import FleetError, SizingError
from hybridllm.sizing.plot import memory_curves, memory_plot
from hybridllm.sizing.serving import EngineSettings
from hybridllm.sizing.table import rule_table
from tests.sizing.facts import H100, LLAMA_8B


def test_the_founding_rule_holds_on_an_h100():
    """3B, 7B and 14B serve on one, 70B on several; full training of 3B on one, 7B on several."""
    gpus = {(cell.size, cell.use): cell.gpus for cell in rule_table("H100-80GB")}

    assert [1, 1, 1] == [gpus[size, "inference"] for size in ("3B", "7B", "14B")]
    assert 1 < gpus["70B", "inference"]
    assert 1 == gpus["3B", "full"]
    assert all(1 < gpus[size, "full"] for size in ("7B", "14B", "70B"))


def test_adapters_break_the_founding_rule():
    """LoRA and QLoRA train 14B on one card, QLoRA 70B as well."""
    gpus = {(cell.size, cell.use): cell.gpus for cell in rule_table("H100-80GB")}

    assert (1, 1, 1) == (gpus["14B", "LoRA"], gpus["14B", "QLoRA"], gpus["70B", "QLoRA"])


def test_a_table_for_an_unknown_card_is_refused():
    """The message lists the catalogue."""
    with pytest.raises(FleetError, match="H100-80GB"):
        rule_table("H9000")


def test_curves_rise_with_context_and_users():
    """One line per number of users, none below the one before."""
    curves = memory_curves(LLAMA_8B, cards=H100.cards, settings=EngineSettings())

    assert [1, 4, 16, 64] == [curve.users for curve in curves]
    for lower, upper in itertools.pairwise(curves):
        assert all(a[1] <= b[1] for a, b in zip(lower.points, upper.points, strict=True))


def test_an_svg_is_well_formed_and_names_its_parts(tmp_path):
    """A drawing that a browser shows, with title, limit and legend."""
    path = memory_plot(LLAMA_8B, cards=H100.cards, path=tmp_path / "memory.svg")
    drawing = ET.fromstring(path.read_text(encoding="utf-8"))
    texts = " ".join(element.text or "" for element in drawing.iter())

    assert "H100-80GB" in texts
    assert "64 users" in texts
    assert "allowed 71" in texts


def test_a_png_is_drawn_where_matplotlib_is_installed(tmp_path):
    """The same plot for reports."""
    pytest.importorskip("matplotlib")

    path = memory_plot(LLAMA_8B, cards=H100.cards, path=tmp_path / "memory.png")

    assert b"\x89PNG" == path.read_bytes()[:4]


def test_a_png_without_matplotlib_says_what_to_install(tmp_path, monkeypatch):
    """And that an SVG needs nothing."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(SizingError, match="pip install matplotlib"):
        memory_plot(LLAMA_8B, cards=H100.cards, path=tmp_path / "memory.png")


def test_another_ending_is_refused(tmp_path):
    """The message names the two that are written."""
    with pytest.raises(SizingError, match=r"\.svg or \.png"):
        memory_plot(LLAMA_8B, cards=H100.cards, path=tmp_path / "memory.pdf")
