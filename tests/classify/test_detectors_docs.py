"""The reference page lists what the code finds."""

from __future__ import annotations

from pathlib import Path

from hybridllm.classify.detectors import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "detectors.md"


def test_the_page_names_every_kind():
    """Whoever writes a policy finds each kind on the page, as the code describes it."""
    page = PAGE.read_text(encoding="utf-8")

    missing = [
        kind.name
        for kind in KINDS
        if f"| `{kind.name}` | {kind.description} | {kind.source} |" not in page
    ]

    assert [] == missing
