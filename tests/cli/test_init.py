"""`hybridllm init` writes a configuration that works."""

from __future__ import annotations

import json
import tomllib

import pytest

from hybridllm.cli import status

LANGUAGES = ("en", "ja", "both")
FILES = [".gitignore", "departments/general.toml", "hybridllm.toml", "lexicons/names.csv"]


def written(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_init_writes_loads_with_the_one_key_that_it_names(
    run, tmp_path, monkeypatch, language
):
    """The next step after `init` is not a correction."""
    monkeypatch.setenv("OPENAI_API_KEY", "no-real-key")

    ended = run("init", tmp_path, "--language", language)
    checked = run("check", "--config", tmp_path / "hybridllm.toml")

    assert (0, 0) == (ended.status, checked.status), checked.err
    assert "OPENAI_API_KEY" in ended.out
    assert "hybridllm check" in ended.out
    for name in FILES:
        assert name.rpartition("/")[2] in ended.out


def test_without_the_key_the_message_names_the_variable(run, tmp_path, monkeypatch):
    """Whoever skips the step is told which variable is missing, and where it is named."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    run("init", tmp_path)

    ended = run("check", "--config", tmp_path / "hybridllm.toml")

    assert status.CONFIGURATION == ended.status
    assert "hybridllm.toml: backends.cloud.api_key_env: names the variable OPENAI_API_KEY" in (
        ended.err
    )


def test_the_settings_do_not_depend_on_the_language(run, tmp_path):
    """A Japanese configuration does what the English one does."""
    for language in LANGUAGES:
        run("init", tmp_path / language, "--language", language)

    for name in ("hybridllm.toml", "departments/general.toml"):
        texts = {lang: (tmp_path / lang / name).read_text("utf-8") for lang in LANGUAGES}
        assert 1 == len({json.dumps(tomllib.loads(text)) for text in texts.values()})
        assert texts["en"].isascii()
        assert "clearance" in texts["ja"] or "部門" in texts["ja"]
        assert "#en" not in texts["both"] + texts["en"]
        assert "#ja" not in texts["both"] + texts["ja"]
        assert len(texts["both"]) > max(len(texts["en"]), len(texts["ja"]))


def test_the_commented_settings_are_sound_too(run, tmp_path, monkeypatch):
    """Whoever takes the `#` away gets a setting that loads."""
    monkeypatch.setenv("OPENAI_API_KEY", "no-real-key")
    run("init", tmp_path)
    file = tmp_path / "departments" / "general.toml"
    lines = file.read_text("utf-8").splitlines()
    settings = [line.removeprefix("# ") if is_setting(line) else line for line in lines]
    file.write_text("\n".join(settings), encoding="utf-8")

    ended = run("check", "--config", tmp_path / "hybridllm.toml", "--json")

    assert 0 == ended.status, ended.err
    department = json.loads(ended.out)["departments"]["general"]
    assert "confidential" == department["default"]["level"]
    assert (1, 1) == (department["findings"], len(department["rules"]))


def is_setting(line):
    return line.startswith("# ") and (" = " in line or line.startswith("# ["))


def test_nothing_is_overwritten_and_then_nothing_is_written(run, tmp_path):
    """A configuration that somebody works on is safe, and no half of a new one appears."""
    kept = tmp_path / "lexicons" / "names.csv"
    kept.parent.mkdir()
    kept.write_text("term,group\nミホン,customer\n", encoding="utf-8")

    ended = run("init", tmp_path)

    assert status.CONFIGURATION == ended.status
    assert "exists, so nothing was written; --force replaces it" in ended.err
    assert ["lexicons/names.csv"] == written(tmp_path)
    assert "ミホン" in kept.read_text("utf-8")


def test_force_replaces_the_files_and_keeps_the_rest(run, tmp_path):
    """Starting over touches the files of `init` and no others."""
    run("init", tmp_path)
    (tmp_path / "departments" / "legal.toml").write_text("version = 1\n", encoding="utf-8")
    (tmp_path / "hybridllm.toml").write_text("broken", encoding="utf-8")

    ended = run("init", tmp_path, "--force", "--json")

    assert 0 == ended.status
    assert "version = 1" in (tmp_path / "hybridllm.toml").read_text("utf-8")
    assert sorted([*FILES, "departments/legal.toml"]) == written(tmp_path)
    assert 3 == len(json.loads(ended.out)["written"])


@pytest.mark.parametrize("before", ["", "*.log", "*.log\n", "秘密.txt\r\n"])
def test_the_state_is_kept_out_of_the_repository(run, tmp_path, before):
    """The key and the log are never committed by accident; other entries stay, added once."""
    ignore = tmp_path / ".gitignore"
    ignore.write_bytes(before.encode())

    run("init", tmp_path)
    run("init", tmp_path, "--force")

    lines = ignore.read_text("utf-8").splitlines()
    assert 1 == lines.count(".hybridllm/")
    assert before.strip() in [*lines, ""]


def test_a_file_in_the_place_of_the_directory_is_an_error(run, tmp_path):
    """The message names the path, and no traceback is shown."""
    file = tmp_path / "taken"
    file.write_text("", encoding="utf-8")

    ended = run("init", file)

    assert status.CONFIGURATION == ended.status
    assert "taken" in ended.err
    assert "Traceback" not in ended.err


def test_files_are_utf8_with_unix_line_ends(run, tmp_path):
    """The same files come out on every system."""
    run("init", tmp_path, "--language", "ja")

    for name in FILES:
        data = (tmp_path / name).read_bytes()
        assert b"\r" not in data
        assert not data.startswith(b"\xef\xbb\xbf")
        data.decode("utf-8")
