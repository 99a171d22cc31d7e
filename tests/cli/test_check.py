"""`hybridllm check` finds every mistake before a request does."""

from __future__ import annotations

import json

import pytest

from hybridllm.cli import status

UNSET = "A_VARIABLE_THAT_NO_TEST_SETS"


def change(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_sound_configuration_is_summed_up(run, config):
    """One line for each file, then what they add up to."""
    ended = run("check")

    assert 0 == ended.status, ended.err
    lines = ended.out.splitlines()
    assert ["hybridllm.toml", "departments/general.toml", "lexicons/names.csv"] == [
        line.removeprefix("ok  ") for line in lines[:3]
    ]
    for word in ("cloud", "on_premises", "your-local-model", "general (default)", "sound"):
        assert word in ended.out


def test_machines_get_the_sum_as_a_document(run, config):
    """A pipeline can compare what is in force with what should be."""
    document = json.loads(run("check", "--json").out)

    assert "internal" == document["default_label"]["level"]
    assert {"cloud", "local"} == set(document["backends"])
    assert "restricted" == document["backends"]["local"]["clearance"]["level"]
    assert ["cloud", "local"] == [item["backend"] for item in document["models"]["assistant"]]
    assert 64 == len(document["policy_digest"])
    assert "general" == document["default_department"]


def test_the_configuration_may_be_named_by_argument_or_variable(run, config, tmp_path, monkeypatch):
    """The command finds the same file as the client does."""
    elsewhere = tmp_path / "別の場所"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    missing = run("check")
    named = run("check", "--config", config)
    monkeypatch.setenv("HYBRIDLLM_CONFIG", str(config))
    by_variable = run("check")

    assert status.CONFIGURATION == missing.status
    assert "hybridllm.toml: does not exist; write one with: hybridllm init" in missing.err
    assert (0, 0) == (named.status, by_variable.status)


MISTAKES = [
    ("[limits]", "[limit]", ("limit", "Did you mean 'limits'")),
    ("timeout_s = 600.0", "timeout = 600.0", ("limits.timeout", "Did you mean 'timeout_s'")),
    ('default = "internal"', 'default = "intern"', ("labels.default", "'internal'", "restricted")),
    ('clearance = "internal"', 'clearance = "intrenal"', ("backends.cloud.clearance", "public")),
    ('backend = "local"', 'backend = "lokal"', ("models.assistant", "Did you mean 'local'")),
    ('["credentials.*"] }', '["credential.*"] }', ("rules[0].when.kinds[0]", "'credentials.*'")),
    ('["cloud"] }', '["clod"] }', ("rules[0].then.forbid_places[0]", "in_process")),
    ('then = { forbid_places = ["cloud"] }', 'then = { only_backends = ["lcoal"] }',
     ("rules[0].then.only_backends[0]", "Did you mean 'local'")),
    ("OPENAI_API_KEY", UNSET, ("backends.cloud.api_key_env", UNSET, "not set")),
    ('networks = ["127.0.0.0/8"]', "", ("backends.local.networks", "is missing")),
    ('provider = "vllm"', 'provider = "vlm"', ("backends.local.provider", "Did you mean 'vllm'")),
    ("version = 1", "version = 2", ("version",)),
    ('["lexicons/names.csv"]', '["lexicons/none.csv"]', ("none.csv", "detection.lexicons")),
    ('default_department = "general"', 'default_department = "generic"',
     ("organisation.default_department", "Did you mean 'general'")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "parts"), MISTAKES, ids=[new for _, new, _ in MISTAKES])
def test_a_mistake_in_the_organisations_file_is_explained(run, config, old, new, parts):
    """File, key, what is allowed and the nearest match stand in one line; status is 2."""
    change(config, old, new)

    ended = run("check")

    assert status.CONFIGURATION == ended.status
    assert ended.err.startswith("error: ")
    assert 1 == ended.err.count("\n")
    assert ".toml" in ended.err or ".csv" in ended.err
    for part in parts:
        assert part in ended.err


DEPARTMENT_MISTAKES = [
    ('default = "public"', ("default", "may only tighten", "internal")),
    ('defualt = "internal"', ("defualt", "Did you mean 'default'")),
    ('[findings]\n"marking.confidential" = "internal"',
     ('findings."marking.confidential"', "may only tighten", "confidential")),
    ('[[rules]]\nname = "r"\nwhen = { levl_at_least = "public" }\nthen = { deny = true }',
     ("rules[0].when.levl_at_least", "Did you mean 'level_at_least'")),
    ('[[rules]]\nname = "r"\nthen = { deny = false }', ("rules[0].then.deny",)),
    ('[[rules]]\nname = "r"\nthen = {}', ("rules[0].then", "does nothing")),
    ('[[rules]]\nname = "r"\nwhen = { departments = ["general"] }\nthen = { deny = true }',
     ("rules[0].when.departments", "general")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "parts"), DEPARTMENT_MISTAKES, ids=[text for text, _ in DEPARTMENT_MISTAKES]
)
def test_a_department_that_loosens_or_misspells_is_explained(run, config, text, parts):
    """A department only tightens; whoever tries otherwise is told what would be allowed."""
    file = config.parent / "departments" / "general.toml"
    file.write_text(f"version = 1\n{text}\n", encoding="utf-8")

    ended = run("check")

    assert status.CONFIGURATION == ended.status
    assert "departments/general.toml: " in ended.err
    for part in parts:
        assert part in ended.err


BROKEN_FILES = {
    "empty": (b"", "is empty"),
    "only comments": ("# 設定\n".encode(), "is empty"),
    "cp932": ('name = "社外秘"'.encode("cp932"), "is not UTF-8 (byte 8); save it as UTF-8"),
    "utf-16": ("version = 1".encode("utf-16"), "is not UTF-8"),
    "utf-16 without a mark": ("version = 1".encode("utf-16-le"), "is no valid TOML"),
    "half a table": (b"[labels\n", "is no valid TOML"),
    "binary": (bytes(range(256)), ""),
    "a million brackets": (b"a=" + b"[" * 100_000, "is nested too deeply"),
}


@pytest.mark.parametrize("name", ["hybridllm.toml", "departments/general.toml"])
@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_file_that_is_no_configuration_is_named(run, config, name, case):
    """Whatever was saved in the file's place, the message names the file and what is wrong."""
    data, message = BROKEN_FILES[case]
    (config.parent / name).write_bytes(data)

    ended = run("check")

    assert status.CONFIGURATION == ended.status
    assert ended.err.startswith(f"error: {name}: ")
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_a_byte_order_mark_is_no_mistake(run, config):
    """Editors on Windows put one in front; the file is read all the same."""
    for name in ("hybridllm.toml", "departments/general.toml", "lexicons/names.csv"):
        file = config.parent / name
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())

    ended = run("check")

    assert 0 == ended.status, ended.err


@pytest.mark.parametrize("name", ["hybridllm.toml", "departments/general.toml"])
def test_a_directory_in_the_place_of_a_file_is_named(run, config, name):
    """A directory cannot be read as a file, and that is what the message says."""
    file = config.parent / name
    file.unlink()
    file.mkdir()

    ended = run("check")

    assert status.CONFIGURATION == ended.status
    assert f"{name}: cannot be read" in ended.err


def test_a_key_in_the_place_of_its_variable_is_not_shown(run, config):
    """Whoever pastes the key itself is told so, and the key is not repeated."""
    pasted = "sk-" + "n0t-a-r3al-k3y" * 3
    change(config, "OPENAI_API_KEY", pasted)

    ended = run("check", "--json")

    assert status.CONFIGURATION == ended.status
    assert "must be the name of an environment variable" in ended.err
    assert pasted not in ended.err + ended.out
    assert "ConfigurationError" == json.loads(ended.out)["error"]
