"""`hybridllm fingerprint`: documents are added, listed and removed at a terminal."""

import json
import os
import sys
from contextlib import closing

import pytest

from hybridllm.classify.fingerprint import FingerprintIndex
from hybridllm.cli import fingerprint as command
from hybridllm.cli import main
from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["personal"])
KEY = bytes(range(32))
TEXT = (
    "The board agreed to close the assembly line in the northern plant by the end of March. "
    "Staff will be offered positions at the coastal site."
)


@pytest.fixture
def index_path(tmp_path, monkeypatch):
    path = tmp_path / "index.db"
    monkeypatch.setattr(
        command,
        "_open_index",
        lambda config: FingerprintIndex(path, scale=SCALE, key=KEY),
    )
    return path


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "documents"
    made.mkdir()
    (made / "minutes.txt").write_text(TEXT, encoding="utf-8")
    (made / "議事録.txt").write_text(
        "取締役会は、北工場の組立ラインを三月末までに閉鎖することを決議した。" * 2, encoding="cp932"
    )
    (made / "page.html").write_text(f"<p>{TEXT[::-1]}</p>", encoding="utf-8")
    (made / "short.md").write_text("too short", encoding="utf-8")
    (made / "slides [final].pptx").write_bytes(b"PK")
    return made


def called(*arguments):
    return main(["fingerprint", *map(str, arguments)])


def called_json(capsys, *arguments):
    status = called(*arguments, "--json")
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("index_path")
def test_a_folder_is_added_and_found_again(folder, capsys):
    """One command makes a folder's passages known, and names what it couldn't read."""
    status, report = called_json(capsys, "add", folder, "--label", "confidential")

    assert (0, 3, 0) == (status, report["added"], report["unchanged"])
    assert ["short.md", "slides [final].pptx"] == sorted(
        item["path"].rsplit("/", 1)[-1].rsplit("\\", 1)[-1] for item in report["skipped"]
    )


def test_a_second_run_reads_only_what_is_new(index_path, folder, capsys):
    """After an interruption the same command goes on where it stopped."""
    called("add", folder, "--label", "confidential")
    (folder / "new.txt").write_text(TEXT[::2], encoding="utf-8")
    capsys.readouterr()

    status, report = called_json(capsys, "add", folder, "--label", "confidential")

    assert (0, 1, 3) == (status, report["added"], report["unchanged"])
    with closing(FingerprintIndex(index_path, scale=SCALE, key=KEY)) as index:
        names = {hit.document_id.rsplit("/", 1)[-1] for hit in index.lookup(TEXT)}
    assert {"minutes.txt"} == names


def test_what_was_stored_before_an_interruption_stays(index_path, folder, monkeypatch, capsys):
    """Pressing Ctrl+C loses at most one batch."""
    monkeypatch.setattr(command, "_BATCH_CHARACTERS", 1)
    real, calls = command._new_text, []

    def interrupted(file, **rest):
        calls.append(file)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(file, **rest)

    monkeypatch.setattr(command, "_new_text", interrupted)

    assert 130 == called("add", folder, "--label", "confidential")
    assert "run it again" in capsys.readouterr().out
    with closing(FingerprintIndex(index_path, scale=SCALE, key=KEY)) as index:
        assert 1 == index.stats().documents


@pytest.mark.usefixtures("index_path")
def test_list_and_stats_show_documents_and_labels(folder, capsys):
    """An administrator sees which documents are known under which label."""
    arguments = ("add", folder / "minutes.txt", "--label", "internal", "--compartment", "personal")
    called(*arguments)
    capsys.readouterr()

    _, (listed,) = called_json(capsys, "list")
    _, stats = called_json(capsys, "stats")

    assert ("internal (personal)", True) == (listed["label"], listed["fingerprints"] > 5)
    assert (1, {"internal (personal)": 1}) == (stats["documents"], stats["labels"])


@pytest.mark.usefixtures("index_path")
def test_the_tables_for_people_name_the_documents(folder, capsys):
    """Without --json the same is shown as a table, square brackets in names included."""
    renamed = folder / "minutes [v2].txt"
    (folder / "minutes.txt").rename(renamed)
    called("add", renamed, "--label", "confidential")
    added = capsys.readouterr().out

    assert 0 == called("list")
    assert 0 == called("stats")
    assert "1 documents added as confidential" in added
    assert "confidential" in capsys.readouterr().out


@pytest.mark.usefixtures("index_path")
def test_a_removed_folder_is_removed_with_all_its_documents(folder, capsys):
    """Removing a folder removes what was read below it, also after the files are gone."""
    called("add", folder, "--label", "confidential")
    capsys.readouterr()

    status, report = called_json(capsys, "remove", folder)

    assert (0, 3) == (status, len(report["removed"]))
    assert (1, {"removed": []}) == called_json(capsys, "remove", folder)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such file names")
@pytest.mark.usefixtures("index_path")
def test_a_file_name_that_is_not_utf_8_is_no_obstacle(tmp_path, capsys):
    """Folders from old Japanese systems have names in CP932."""
    path = tmp_path / os.fsdecode("議事録.txt".encode("cp932"))
    path.write_text(TEXT, encoding="utf-8")

    _, report = called_json(capsys, "add", path, "--label", "confidential")
    status, removed = called_json(capsys, "remove", path)

    assert (1, 0, 1) == (report["added"], status, len(removed["removed"]))


@pytest.mark.usefixtures("index_path")
def test_nothing_readable_is_not_a_success(tmp_path, capsys):
    """An empty folder, perhaps an unmounted one, has its own exit status."""
    (tmp_path / "empty").mkdir()

    assert 1 == called("add", tmp_path / "empty", "--label", "confidential")


@pytest.mark.usefixtures("index_path")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--label", "confidental"], "Did you mean 'confidential'?"),
        (["--label", "internal", "--compartment", "personel"], "Did you mean 'personal'?"),
    ],
)
def test_a_misspelt_label_adds_nothing(folder, capsys, arguments, expected):
    """The message names the nearest level, and no document is added under a wrong one."""
    status, report = called_json(capsys, "add", folder, *arguments)

    assert 2 == status
    assert expected in report["message"]


@pytest.mark.usefixtures("index_path")
def test_a_missing_folder_is_named(tmp_path, capsys):
    """A misspelt folder is no empty folder."""
    status, report = called_json(capsys, "add", tmp_path / "missing", "--label", "internal")

    assert 2 == status
    assert "missing" in report["message"]


def test_a_damaged_index_has_its_own_exit_status(index_path, folder, capsys):
    """A script can tell damage from an empty folder."""
    index_path.write_bytes(b"no database" * 100)

    status, report = called_json(capsys, "add", folder, "--label", "internal")

    assert (2, "ConfigurationError") == (status, report["error"])
