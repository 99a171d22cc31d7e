"""What the repository may hold."""

import re

from tests.conventions.tree import ROOT, project_files, relative

FRAGMENT = re.compile(r"[1-9]\d*\.(added|changed|fixed|removed|security)(\.[1-9]\d*)?\.md")

# Absolute paths that exist on one person's machine only; a part of a longer path is none.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:(?:home|tmp|Users)/\w+|root|work)/")


def test_no_file_names_somebodys_machine():
    """A clone works anywhere; no path of the machine it was written on is left in it."""
    found = []
    for path in project_files():
        content = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{relative(path)}: {match.group()}" for match in MACHINE_PATH.finditer(content)]

    assert [] == found


def test_every_change_note_is_named_after_its_issue_and_kind():
    """A release finds each note: `changes/<issue>.<kind>.md`, and none of them is empty."""
    notes = [path for path in project_files() if path.parent == ROOT / "changes"]
    notes = [path for path in notes if path.name != "README.md"]

    wrong = [path.name for path in notes if not FRAGMENT.fullmatch(path.name)]
    empty = [path.name for path in notes if not path.read_text(encoding="utf-8").strip()]

    assert [] == wrong
    assert [] == empty
