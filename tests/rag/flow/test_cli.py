"""`hybridllm rag`: documents are read in, searched and erased from a terminal."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import main
from tests.leaks.setting import write_config

PUMP = """\
---
classification: confidential
---
# Pump P-300

The pump P-300 must not run above 85 degrees for more than 20 minutes.
"""
CANTEEN = "# 食堂\n\n食堂は11時30分に開きます。月曜日は味噌汁があります。\n"
STORE = """
[vector_stores.handbook]
embedder = "none"
[vector_stores.handbook.markings]
confidential = "confidential"
[vector_stores.handbook.sources.docs]
folder = "docs"
label = "internal"
readers = ["public"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "pump.md").write_text(PUMP, encoding="utf-8")
    (docs / "canteen.md").write_text(CANTEEN, encoding="utf-8")
    write_config(tmp_path, cloud=9, on_premises=10, more=STORE)
    (tmp_path / "departments").mkdir()
    (tmp_path / "departments" / "sales.toml").write_text("version = 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    def run_rag(*words):
        status = main(["rag", *words])
        written = capsys.readouterr()
        return status, written.out, written.err

    return run_rag


def test_a_folder_is_read_in_and_searched(folder, run):
    """Two commands lead from a folder to a passage with its label."""
    status, out, _ = run("sync")
    assert (0, True) == (status, "2 added" in out)

    status, out, _ = run("search", "How hot may the pump get?", "--json")
    found = json.loads(out)

    assert 0 == status
    assert "docs/pump.md" == found["passages"][0]["file_id"]
    assert "confidential" == found["passages"][0]["attributes"]["label"]


def test_japanese_documents_are_found_by_japanese_questions(folder, run):
    """No dictionary is needed for that."""
    run("sync")

    _, out, _ = run("search", "食堂は何時に開きますか", "--json")

    assert "docs/canteen.md" == json.loads(out)["passages"][0]["file_id"]


def test_a_ceiling_says_that_it_withheld_something(folder, run):
    """And not what."""
    run("sync")

    _, out, _ = run("search", "pump", "--ceiling", "internal")

    assert "the ceiling keeps more back" in out
    assert "pump.md" not in out


def test_a_passage_is_recognised_in_a_prompt(folder, run, capsys):
    """Reading a folder in also feeds the fingerprints: a quote keeps the document's label."""
    run("sync")
    quote = "the pump P-300 must not run above 85 degrees for more than 20 minutes"

    assert 1 in (main(["explain", quote, "--json"]), 1)
    explained = json.loads(capsys.readouterr().out)

    assert "confidential" in json.dumps(explained)


def test_erasing_leaves_no_text_anywhere(folder, run):
    """Text, title and passages are gone from every file of the state directory."""
    run("sync")

    status, out, _ = run("erase", "docs/pump.md", "--json")

    receipt = json.loads(out)
    assert (0, ["docs/pump.md"], "purged") == (status, receipt["documents"], receipt["level"])
    files = [path for path in (folder / ".hybridllm").rglob("*") if path.is_file()]
    assert [] == [path.name for path in files if b"P-300" in path.read_bytes()]


def test_what_cannot_be_read_is_named_with_its_remedy(folder, run):
    """One broken file stops no other, and the exit status says that there was one."""
    (folder / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")

    status, out, _ = run("sync", "--json")

    (source,) = json.loads(out)["sources"]
    broken = next(file for file in source["files"] if file["name"].endswith("broken.pdf"))
    assert (1, "skipped") == (status, broken["status"])
    assert broken["remedy"]
    assert 2 == source["counts"]["added"]


def test_documents_without_readers_are_told_loudly(folder, run):
    """A folder that nobody can find anything of is a mistake."""
    other = folder / "other"
    other.mkdir()
    (other / "note.md").write_text("# Note\n\nSomething.\n", encoding="utf-8")

    status, out, _ = run("add", "other", "--source", "other", "--label", "internal")

    assert 1 == status
    assert "NOBODY can find them" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("sync", "dosc"), "Did you mean 'docs'"),
        (("sync", "--store", "handbok"), "Did you mean 'handbook'"),
        (("add", "docs", "--source", "docs"), "use rag sync"),
        (("add", "nowhere", "--source", "new"), "nowhere"),
        (("search", "pump", "--ceiling", "secret"), "secret"),
        (("search", "pump", "-k", "0"), "1 to 50"),
    ],
)
def test_a_mistake_is_an_error_in_words(folder, run, words, complaint):
    """Each says where it is and what would be right."""
    run("sync")

    status, _, err = run(*words)

    assert status in (2, 3)
    assert complaint in err


def test_the_size_of_a_store_is_told(folder, run):
    """Documents, passages and bytes."""
    run("sync")

    status, out, _ = run("stats", "--json")

    found = json.loads(out)
    assert (0, 2, 0) == (status, found["documents"], found["dimensions"])


def test_questions_are_scored_in_a_table(folder, run):
    """Recall, abstention and grounding with intervals, for each language."""
    run("sync")
    (folder / "q.jsonl").write_text(
        '{"language": "en", "question": "How hot may the pump get?",'
        ' "relevant": ["docs/pump.md"], "claims": ['
        '{"text": "The pump P-300 must not run above 85 degrees.", "supported": true},'
        '{"text": "The pump P-300 must not run above 95 degrees.", "supported": false}]}\n'
        '{"language": "ja", "question": "食堂は何時に開きますか",'
        ' "relevant": ["docs/canteen.md"]}\n'
        '{"language": "en", "question": "Who won the tennis cup?", "relevant": []}\n',
        encoding="utf-8",
    )

    status, out, _ = run("eval", "q.jsonl", "--json")

    scores = json.loads(out)["scores"]["all"]["as configured"]
    assert (0, 1.0, 1.0) == (
        status,
        scores["recall"]["1"]["value"],
        scores["grounding"]["value"],
    )
    assert 1.0 == scores["abstention"]["value"]


def test_a_wrong_question_file_names_the_line(folder, run):
    """And shows no question."""
    (folder / "q.jsonl").write_text('{"question": "secret words"}\n', encoding="utf-8")

    status, _, err = run("eval", "q.jsonl")

    assert 2 == status
    assert "line 1" in err
    assert "secret words" not in err


def test_a_document_that_comes_back_is_told(folder, run):
    """Erasing what still lies in the folder is undone by the next sync, and the command says so."""
    run("sync")

    _, out, _ = run("erase", "docs/pump.md")

    assert "docs/pump.md is still in its folder" in out


def test_a_reader_that_is_no_department_stops_the_start(folder, run):
    """A typing mistake in a reader would lose its documents to everybody."""
    file = folder / "hybridllm.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('readers = ["public"]', 'readers = ["group:slaes"]'), "utf-8")

    status, _, err = run("sync")

    assert 2 == status
    assert "sources.docs.readers[0]" in err
    assert "Did you mean 'sales'" in err


def test_a_marking_that_nobody_named_is_told(folder, run):
    """Documents that become the strictest for lack of a setting are not a riddle."""
    (folder / "docs" / "plan.md").write_text(
        "---\nclassification: internal\n---\n# Plan\n\nText.\n", encoding="utf-8"
    )

    _, out, _ = run("sync")

    assert "Markings that the settings do not name: internal" in out
