"""The files beside this one are checked by mypy and pyright (`nox -s types`) and never run."""

import re
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parent.glob("*.py"))
UNNAMED = re.compile(r"#\s*(?:type|pyright):\s*ignore(?!\[)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_expected_type_error_names_its_code(path: Path) -> None:
    """A line that must not type-check says which error is meant, so another one is noticed."""
    lines = path.read_text(encoding="utf-8").splitlines()

    unnamed = [number for number, line in enumerate(lines, start=1) if UNNAMED.search(line)]

    assert [] == unnamed
