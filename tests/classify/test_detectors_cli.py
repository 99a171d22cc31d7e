"""`hybridllm scan` and `hybridllm detectors` in a terminal and for machines."""

from __future__ import annotations

import json

import pytest

from hybridllm.classify.detectors import KINDS
from hybridllm.cli import main, status

SECRET = "hanako.mori@example.co.jp"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clean.txt").write_text("Nothing to see here.\n", encoding="utf-8")
    (tmp_path / "名簿.txt").write_text(f"一行目\n連絡先は {SECRET} です\n", encoding="utf-8")
    (tmp_path / "image.bin").write_bytes(b"\x00\xff\x00")
    return tmp_path


def test_findings_are_shown_with_their_line(folder, capsys):
    """A person sees file, line, kind and the marked text."""
    ended = main(["scan", str(folder)])

    shown = capsys.readouterr().out
    assert status.REFUSED == ended
    assert "名簿.txt:2:6" in shown.replace("\n", "")
    assert "personal.email" in shown
    assert "image.bin: not read" in shown.replace("\n", "")


def test_the_document_for_machines_holds_no_value(folder, capsys):
    """A pipeline gets places and kinds; what was found stays in the file."""
    main(["scan", str(folder), "--json"])

    written = capsys.readouterr().out
    (finding,) = [f for file in json.loads(written)["files"] for f in file["findings"]]
    assert SECRET not in written
    assert ("personal.email", 2, 6, 9) == tuple(
        finding[name] for name in ("kind", "line", "column", "start")
    )


def test_values_come_only_when_asked_for(folder, capsys):
    """Whoever needs the values says so."""
    main(["scan", str(folder), "--json", "--show-values"])

    assert SECRET in capsys.readouterr().out


def test_a_clean_file_ends_well(folder, capsys):
    """A script can tell from the exit status that nothing was found."""
    assert status.OK == main(["scan", str(folder / "clean.txt")])
    assert "nothing found in 1 file" in capsys.readouterr().out


def test_only_the_kinds_asked_for_are_reported(folder, capsys):
    """A search can be narrowed."""
    assert status.OK == main(["scan", str(folder / "名簿.txt"), "--kind", "financial"])


def test_own_terms_are_found_from_a_lexicon(folder, capsys):
    """A list of code names can be given on the command line."""
    terms = folder / "terms.csv"
    terms.write_text("term,group\nNothing to see,code_name\n", encoding="utf-8")

    main(["scan", str(folder / "clean.txt"), "--lexicon", str(terms), "--json"])

    assert "lexicon.code_name" in capsys.readouterr().out


def test_a_value_on_the_seam_of_two_pieces_is_found_once(tmp_path, capsys):
    """A long file is read in pieces, and nothing is lost or counted twice between them."""
    file = tmp_path / "long.txt"
    file.write_text("word " * 39_996 + f"mail {SECRET} end " + "word " * 2_000, encoding="utf-8")

    main(["scan", str(file), "--json"])

    assert 1 == json.loads(capsys.readouterr().out)["findings"]


def test_a_missing_path_is_an_error(tmp_path, capsys):
    """A wrong name is said and not taken for a clean result."""
    assert status.CONFIGURATION == main(["scan", str(tmp_path / "none")])


def test_all_kinds_are_listed_with_examples(capsys):
    """The list is the one that the detectors themselves report."""
    assert status.OK == main(["detectors", "--json"])

    document = json.loads(capsys.readouterr().out)
    assert [kind.name for kind in KINDS] == [item["kind"] for item in document["kinds"]]


def test_the_list_can_be_narrowed(capsys):
    """A person asks for one category, and a wrong word is noticed."""
    assert status.OK == main(["detectors", "financial"])
    assert "financial.iban" in capsys.readouterr().out
    assert status.REFUSED == main(["detectors", "nothing"])
