"""From files to a running client: what a valid configuration means."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from hybridllm.config import open_config
from hybridllm.config.state import derive, load_key
from hybridllm.errors import ConfigurationError
from hybridllm.types import Place
from tests.config.writing import ENVIRONMENT, FILE, LEGAL, ORGANISATION, changed, write

SECRET_KEY = "0123456789abcdef" * 4


def test_a_configuration_says_what_stands_in_it(tmp_path):
    """Places, clearances, order of candidates and bounds are those of the file."""
    runtime = open_config(write(tmp_path), environment=ENVIRONMENT).runtime
    policy = runtime.policy

    assert [("cloud", "big"), ("local", "small")] == [
        (target.backend, target.model) for target in policy.aliases["assistant"]
    ]
    assert Place.CLOUD is policy.destinations["cloud"].place
    assert "internal" == str(policy.destinations["cloud"].clearance)
    assert policy.scale.strictest == policy.destinations["local"].clearance
    assert "jp" == policy.destinations["cloud"].data_residency
    assert (1_000_000, 60.0, 2) == (
        runtime.limits.max_request_bytes,
        runtime.limits.timeout_s,
        runtime.limits.max_retries,
    )
    assert "sales" == runtime.default_department
    assert "confidential" == str(policy.departments["legal"].default)
    assert "internal" == str(policy.departments["sales"].default)


def test_a_cloud_is_told_to_keep_nothing(tmp_path):
    """`store` is false unless somebody says otherwise, in the file and in the call."""
    runtime = open_config(write(tmp_path), environment=ENVIRONMENT).runtime

    assert {"store": False} == dict(runtime.defaults["cloud"]["chat.completions"])
    assert {} == dict(runtime.defaults["local"])


def test_local_engines_take_their_own_fields_and_clouds_do_not(tmp_path):
    """`top_k` means something to an engine, and is one more word to a cloud."""
    destinations = open_config(write(tmp_path), environment=ENVIRONMENT).runtime.policy.destinations

    assert "top_k" in destinations["local"].parameters
    assert "top_k" not in destinations["cloud"].parameters
    assert {"prompt_cache_key"} == destinations["cloud"].parameters


def test_without_department_files_there_is_one_department(tmp_path):
    """A small company starts with one file."""
    text = ORGANISATION.replace('default_department = "sales"\n', "").replace(
        ', departments = ["sales"]', ""
    )
    (tmp_path / FILE).write_text(text, encoding="utf-8")

    runtime = open_config(tmp_path / FILE, environment=ENVIRONMENT).runtime

    assert {"default"} == runtime.policy.departments.keys()
    assert "default" == runtime.default_department


def test_with_two_departments_and_no_default_a_caller_must_name_one(tmp_path):
    """Nobody is guessed to be in a department."""
    files = changed(FILE, 'default_department = "sales"\n', "")

    runtime = open_config(write(tmp_path, files), environment=ENVIRONMENT).runtime

    assert runtime.default_department == ""


def test_a_department_may_have_a_japanese_name(tmp_path):
    """The file's name is the department's name."""
    path = write(tmp_path, {"departments/人事部.toml": "version = 1\n"})

    assert "人事部" in open_config(path, environment=ENVIRONMENT).runtime.policy.departments


def test_other_files_beside_the_departments_are_left_alone(tmp_path):
    """An editor's backup is no department."""
    path = write(tmp_path, {"departments/legal.toml.bak": "not TOML at all", "departments/x": ""})

    known = open_config(path, environment=ENVIRONMENT).runtime.policy.departments
    assert {"legal", "sales"} == known.keys()


def test_the_file_may_be_named_by_a_variable(tmp_path):
    """A service gets its configuration from its environment, and from nowhere else."""
    path = write(tmp_path)

    wiring = open_config(environment={**ENVIRONMENT, "HYBRIDLLM_CONFIG": str(path)})

    assert path == wiring.file


def test_variables_of_the_sdk_change_nothing(tmp_path, monkeypatch):
    """An ambient base URL, key or proxy never reaches a backend."""
    names = "OPENAI_BASE_URL OPENAI_API_KEY OPENAI_ORG_ID HTTP_PROXY HTTPS_PROXY ALL_PROXY".split()
    for name in names:
        monkeypatch.setenv(name, "http://elsewhere.example:1")
    path = write(tmp_path)

    wiring = open_config(path, environment={**os.environ, **ENVIRONMENT})

    for backend in wiring.runtime.backends.values():
        assert "elsewhere" not in repr(vars(backend)["_settings"].base_url)
        assert vars(backend)["_settings"].proxy is None
    assert ENVIRONMENT["CLOUD_KEY"] not in repr(wiring)
    assert ENVIRONMENT["CLOUD_KEY"] not in repr(wiring.runtime.backends)


def test_opening_twice_gives_the_same_policy_and_keys(tmp_path):
    """A restart changes nothing that the files do not say."""
    path = write(tmp_path)

    one, two = (open_config(path, environment=ENVIRONMENT).runtime for _ in range(2))

    assert one.policy == two.policy
    assert one.key == two.key


def test_nothing_secret_is_in_the_repr_of_a_wiring(tmp_path):
    """A debugger shows names and a digest."""
    runtime = open_config(write(tmp_path), environment=ENVIRONMENT).runtime

    assert repr(runtime.key) not in repr(runtime)
    assert f"policy={runtime.policy.digest[:12]!r}" in repr(runtime)


# The key of an installation.


def key_of(folder, **options) -> bytes:
    """Return the key of a state directory."""
    chosen = {"key_env": None, "environment": {}, "file": FILE} | options
    return load_key(folder, **chosen)


def test_a_key_is_made_once_and_kept(tmp_path):
    """The log of last year can still be verified."""
    first = key_of(tmp_path / "state")

    assert first == key_of(tmp_path / "state")
    assert 32 == len(first)
    assert first != key_of(tmp_path / "other")


@pytest.mark.skipif(sys.platform == "win32", reason="rights are POSIX's")
def test_the_key_is_readable_by_its_owner_alone(tmp_path):
    """Other users of the machine can neither read the key nor the log's directory."""
    key_of(tmp_path / "state")

    assert 0o700 == stat.S_IMODE((tmp_path / "state").stat().st_mode)
    assert 0o600 == stat.S_IMODE((tmp_path / "state" / "key").stat().st_mode)
    assert ["key"] == [path.name for path in (tmp_path / "state").iterdir()]


def test_each_purpose_has_a_key_of_its_own():
    """Nothing that one part leaks helps against another."""
    keys = {derive(b"k" * 32, purpose=purpose) for purpose in ("audit", "bodies", "memory")}

    assert 3 == len(keys)


def test_machines_that_share_state_may_share_a_key(tmp_path):
    """The variable's text is the key, and no file is written."""
    options = {"key_env": "STATE_KEY", "environment": {"STATE_KEY": SECRET_KEY}}

    assert key_of(tmp_path / "a", **options) == key_of(tmp_path / "b", **options)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("value", [None, "", "short", "x" * 31])
def test_a_missing_or_short_key_is_refused_and_not_shown(tmp_path, value):
    """A guessable key would make the log's hashes worthless."""
    environment = {} if value is None else {"STATE_KEY": value}

    with pytest.raises(ConfigurationError, match="STATE_KEY") as caught:
        key_of(tmp_path, key_env="STATE_KEY", environment=environment)

    assert "state.key_env" == caught.value.key
    assert not value or value not in str(caught.value).replace("STATE_KEY", "")


@pytest.mark.parametrize("content", [b"", b"00", b"zz" * 32, b"\xff" * 64, b"ab" * 31, b"ab" * 33])
def test_a_damaged_key_file_is_refused_and_not_replaced(tmp_path, content):
    """A new key in its place would make the old log look forged."""
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(ConfigurationError, match="damaged"):
        key_of(tmp_path)

    assert content == (tmp_path / "key").read_bytes()


def test_a_state_directory_that_is_a_file_is_refused(tmp_path):
    """The message names the setting."""
    (tmp_path / "state").write_text("", encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        key_of(tmp_path / "state")

    assert "state.directory" == caught.value.key


def test_two_starts_at_once_agree_on_the_key(tmp_path, monkeypatch):
    """Of two processes that start together, one makes the key and both use it."""
    winner = "ab" * 32
    link = os.link

    def beaten(source, target):
        """Let another process come first."""
        target.write_text(winner, encoding="ascii")
        link(source, target)

    monkeypatch.setattr(os, "link", beaten)

    assert bytes.fromhex(winner) == key_of(tmp_path)
    assert ["key"] == [path.name for path in tmp_path.iterdir()]


def test_a_department_file_is_named_in_its_rules(tmp_path):
    """A reason leads to the line that gave it."""
    policy = open_config(write(tmp_path), environment=ENVIRONMENT).runtime.policy

    (rule,) = policy.departments["legal"].rules
    assert f"contracts are the customer's ({LEGAL}: rules[0])" == rule.title
