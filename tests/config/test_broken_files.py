"""A broken file stops the start with one message that names file, key and remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from hybridllm.config import open_config
from hybridllm.errors import ConfigurationError
from tests.config.writing import ENVIRONMENT, FILE, LEGAL, SALES, TEXTS, changed, write


@dataclass(frozen=True)
class Broken:
    """A file with one mistake, and what its message must say."""

    old: str
    new: str
    key: str
    says: tuple[str, ...]
    file: str = FILE


def row(old: str, new: str, key: str, *says: str, file: str = FILE) -> Broken:
    """Return one broken file."""
    return Broken(old, new, key, says, file)


NOT_A_NAME = "names have letters, digits"

ROWS = [
    # Keys that do not exist, with the nearest one.
    row("[limits]", "[limit]", "limit", "unknown key", "Did you mean 'limits'?"),
    row("max_retries", "max_retrys", "limits.max_retrys", "Did you mean 'max_retries'?"),
    row("levels =", "level =", "labels.level", "Did you mean 'levels'?"),
    row("api_key_env", "api_key", "backends.cloud.api_key", "Did you mean 'api_key_env'?"),
    row("networks =", "network =", "backends.local.network", "Did you mean 'networks'?"),
    row('name = "legal', 'nmae = "legal', "rules[1].nmae", "Did you mean 'name'?"),
    row("level_at_least", "level_atleast", "rules[1].when.level_atleast", "level_at_least"),
    row("only_backends", "only_backend", "rules[1].then.only_backend", "only_backends"),
    row("forbid_places", "forbid_place", "rules[0].then.forbid_place", "forbid_places"),
    row("persistent", "persistant", "detection.memory.persistant", "persistent"),
    row("directory", "dir", "state.dir", "directory"),
    row("default_department", "department", "organisation.department", "default_department"),
    row('model = "big"', 'name = "big"', "models.assistant.candidates[0].name", "model"),
    row("[models.assistant]\ncandidates", "[models.assistant]\ntargets",
        "models.assistant.targets", "candidates"),
    row("description", "descripton", "descripton", "Did you mean 'description'?", file=LEGAL),
    row("[[rules]]", "[[rule]]", "rule", "Did you mean 'rules'?", file=LEGAL),
    row("version = 1\n", "version = 1\n[backends.own]\nplace = 'cloud'\n", "backends",
        "unknown key", file=SALES),
    row("version = 1\n", "version = 1\n[models.m]\ncandidates = []\n", "models",
        "unknown key", file=SALES),
    row("then = { label = {", "then = { clearance = {", "rules[0].then.clearance",
        "unknown key", "label", file=LEGAL),
    row('level = "restricted", compartments = "all"', 'level = "restricted", compartment = "all"',
        "backends.local.clearance.compartment", "Did you mean 'compartments'?"),
    row('{ level = "restricted", compartments = ["credentials"] }', '{ levle = "restricted" }',
        'findings."credentials.*".levle', "Did you mean 'level'?"),
    # Names that do not exist, with the nearest one.
    row('default = "internal"', 'default = "intrenal"', "labels.default", "'intrenal'",
        "Did you mean 'internal'?"),
    row('clearance = "internal"', 'clearance = "secret"', "backends.cloud.clearance",
        "expected one of", "restricted"),
    row('level = "confidential", compartments = ["personal"]',
        'level = "confidental", compartments = ["personal"]',
        'findings."personal.*".level', "Did you mean 'confidential'?"),
    row('compartments = ["personal"] }', 'compartments = ["persona"] }',
        'findings."personal.*".compartments[0]', "Did you mean 'personal'?"),
    row('"marking.*"', '"markings.*"', 'findings."markings.*"', "Did you mean 'marking.*'?"),
    row('backend = "cloud"', 'backend = "clout"', "models.assistant.candidates[0].backend",
        "Did you mean 'cloud'?"),
    row('only_backends = ["local"]', 'only_backends = ["locall"]',
        "rules[1].then.only_backends[0]", "Did you mean 'local'?"),
    row('forbid_places = ["cloud"]', 'forbid_places = ["clouds"]',
        "rules[0].then.forbid_places[0]", "Did you mean 'cloud'?"),
    row('"business.customer"', '"business.customers"', "rules[0].when.kinds[0]",
        "Did you mean 'business.customer'?"),
    row('departments = ["sales"]', 'departments = ["salse"]', "rules[0].when.departments[0]",
        "Did you mean 'sales'?"),
    row('models = ["assistant"]', 'models = ["asistant"]', "rules[1].when.models[0]",
        "Did you mean 'assistant'?"),
    row('endpoints = ["embeddings"] }', 'endpoints = ["embedding"] }',
        "rules[1].when.endpoints[0]", "Did you mean 'embeddings'?"),
    row('level_at_least = "confidential"', 'level_at_least = "top"',
        "rules[1].when.level_at_least", "expected one of", "restricted"),
    row('endpoints = ["chat.completions", "embeddings"]', 'endpoints = ["chat.completion"]',
        "backends.local.endpoints[0]", "Did you mean 'chat.completions'?"),
    row('"prompt_cache_key"', '"prompt_cache_keys"', "backends.cloud.parameters[0]",
        "Did you mean 'prompt_cache_key'?"),
    row('provider = "vllm"', 'provider = "vlm"', "backends.local.provider",
        "Did you mean 'vllm'?"),
    row('place = "on_premises"', 'place = "on_premise"', "backends.local.place",
        "Did you mean 'on_premises'?"),
    row('default_department = "sales"', 'default_department = "sale"',
        "organisation.default_department", "Did you mean 'sales'?"),
    row('compartments = ["customer"]', 'compartments = ["custmer"]',
        "rules[0].then.label.compartments[0]", "Did you mean 'customer'?", file=LEGAL),
    row('default = "confidential"', 'default = "confidentiel"', "default",
        "Did you mean 'confidential'?", file=LEGAL),
    # Values of the wrong type or size.
    row("version = 1", "version = 2", "version", "1"),
    row("version = 1", 'version = "1"', "version", "1"),
    row("version = 1", "version = 0", "version", "1", file=LEGAL),
    row("max_retries = 2", "max_retries = 11", "limits.max_retries", "less than or equal to 10"),
    row("max_retries = 2", "max_retries = -1", "limits.max_retries", "greater than or equal to 0"),
    row("max_retries = 2", 'max_retries = "2"', "limits.max_retries", "integer"),
    row("max_retries = 2", "max_retries = true", "limits.max_retries", "integer"),
    row("max_request_bytes = 1_000_000", "max_request_bytes = 10", "limits.max_request_bytes",
        "greater than or equal to 1000"),
    row("max_request_bytes = 1_000_000", "max_request_bytes = 1e9", "limits.max_request_bytes",
        "integer"),
    row("timeout_s = 60.0", "timeout_s = 0", "limits.timeout_s", "greater than 0"),
    row("timeout_s = 60.0", "timeout_s = nan", "limits.timeout_s", "finite"),
    row("timeout_s = 60.0", "timeout_s = inf", "limits.timeout_s", "finite"),
    row("timeout_s = 5.0", "timeout_s = 61", "detection.timeout_s", "less than or equal to 60"),
    row("persistent = false", "persistent = 0", "detection.memory.persistent", "boolean"),
    row('levels = ["public", "internal", "confidential", "restricted"]', "levels = []",
        "labels.levels", "at least 1"),
    row('levels = ["public", "internal"', 'levels = ["public", "public", "internal"',
        "labels.levels", "twice"),
    row('levels = ["public"', 'levels = ["pub lic"', "labels.levels[0]", NOT_A_NAME),
    row('clearance = "internal"', "clearance = 3", "backends.cloud.clearance", "string"),
    row('clearance = "internal"', "clearance = []", "backends.cloud.clearance", "string"),
    row('compartments = "all"', 'compartments = "every"',
        "backends.local.clearance.compartments", "all"),
    row('networks = ["127.0.0.0/8", "10.20.0.0/16"]', 'networks = "127.0.0.0/8"',
        "backends.local.networks", "list"),
    row('candidates = [\n  { backend = "cloud", model = "big" },\n'
        '  { backend = "local", model = "small" },\n]', "candidates = []",
        "models.assistant.candidates", "at least 1"),
    row('model = "big"', 'model = ""', "models.assistant.candidates[0].model",
        "at least 1 character"),
    row('name = "legal stays inside"', 'name = ""', "rules[1].name", "at least 1 character"),
    row("[backends.local]", '[backends."lo cal"]', 'backends."lo cal"', NOT_A_NAME),
    row("then = { only_backends", "then = { deny = false, only_backends", "rules[1].then.deny",
        "True"),
    # What is missing.
    row("version = 1\n", "", "version", "is missing"),
    row('place = "cloud"\n', "", "backends.cloud.place", "is missing"),
    row('clearance = "internal"\n', "", "backends.cloud.clearance", "is missing"),
    row('default = "internal"\n', "", "labels.default", "is missing"),
    row('name = "legal stays inside"\n', "", "rules[1].name", "is missing"),
    row('then = { only_backends = ["local"] }\n', "", "rules[1].then", "is missing"),
    row('networks = ["127.0.0.0/8", "10.20.0.0/16"]\n', "", "backends.local.networks",
        "is missing", '["127.0.0.0/8"]'),
    row('provider = "openai"\n', "", "backends.cloud.base_url", "is missing"),
    # What contradicts itself, or cannot be.
    row('place = "cloud"', 'place = "in_process"', "backends.cloud.api_key_env", "contradicts",
        "remove one"),
    row('place = "on_premises"', 'place = "in_process"', "backends.local.base_url", "contradicts"),
    row('place = "cloud"', 'place = "cloud"\nmodel_path = "m"', "backends.cloud.model_path",
        "contradicts"),
    row('networks = ["127', 'proxy = "http://127.0.0.1:8/"\nnetworks = ["127',
        "backends.local.proxy", "contradicts"),
    row('"10.20.0.0/16"', '"10.20.0.0/33"', "backends.local.networks[1]", "'10.20.0.0/16'"),
    row('"10.20.0.0/16"', '"0.0.0.0/0"', "backends.local.networks[1]", "public addresses"),
    row('"10.20.0.0/16"', '"engine.example"', "backends.local.networks[1]", "expected such as"),
    row('provider = "openai"', 'provider = "openai"\nbase_url = "http://api.example/v1"',
        "backends.cloud.base_url", "not encrypted", "https://"),
    row("http://127.0.0.1:9/v1", "http://user:word@127.0.0.1:9/v1", "backends.local.base_url",
        "http(s)://host"),
    row("http://127.0.0.1:9/v1", "http://127.0.0.1:99999/v1", "backends.local.base_url", "port"),
    row("http://127.0.0.1:9/v1", "ftp://127.0.0.1/v1", "backends.local.base_url",
        "http(s)://host"),
    row("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1?a=b", "backends.local.base_url",
        "nothing else"),
    row('provider = "vllm"', 'provider = "vllm"\nca_file = "missing.pem"',
        "backends.local.ca_file", "does not exist"),
    row('"CLOUD_KEY"', '"UNSET_KEY"', "backends.cloud.api_key_env", "UNSET_KEY", "Set it"),
    row('"CLOUD_KEY"', '"sk-0123 not a name"', "backends.cloud.api_key_env",
        "name of an environment variable"),
    row('directory = ".state"', 'key_env = "UNSET_KEY"', "state.key_env", "UNSET_KEY",
        "secrets.token_hex"),
    row('{ backend = "local", model = "small" }', '{ backend = "cloud", model = "big" }',
        "models.assistant.candidates[1]", "repeats"),
    row('then = { only_backends = ["local"] }', "then = {}", "rules[1].then", "does nothing",
        "only_backends"),
    row("then = { only_backends", 'then = { label = "restricted", only_backends', "rules[1].then",
        "two rules"),
    row('then = { only_backends = ["local"] }', 'then = { label = "restricted" }',
        "rules[1].when", "order of rules"),
    row("timeout_s = 5.0", 'lexicons = ["missing.toml"]', "detection.lexicons[0]", "missing.toml",
        "does not exist"),
    # A department that would loosen something.
    row('default = "confidential"', 'default = "public"', "default", "below", "only tighten",
        file=LEGAL),
    row('level = "restricted", compartments = ["personal", "customer"]',
        'level = "internal", compartments = ["personal"]', 'findings."personal.*"', "only tighten",
        file=LEGAL),
    row('{ level = "restricted", compartments = ["personal", "customer"] }', '"restricted"',
        'findings."personal.*"', "below", file=LEGAL),
    row('when = { purposes = ["contract"] }', 'when = { departments = ["sales"] }',
        "rules[0].when.departments", "Remove the key", file=LEGAL),
]  # fmt: skip


def refused(path) -> ConfigurationError:
    """Open a configuration that must not load; return its error."""
    with pytest.raises(ConfigurationError) as caught:
        open_config(path, environment=ENVIRONMENT)
    return caught.value


def test_there_are_enough_broken_files():
    """The table stays as large as it was asked for, and the valid file is one of none."""
    assert 60 <= len(ROWS)


def test_the_file_that_the_broken_ones_come_from_is_valid(tmp_path):
    """Each row below is wrong for its own reason and no other."""
    wiring = open_config(write(tmp_path), environment=ENVIRONMENT)

    assert {"cloud", "local"} == wiring.runtime.backends.keys()
    assert {"legal", "sales"} == wiring.runtime.policy.departments.keys()


@pytest.mark.parametrize("broken", ROWS, ids=lambda broken: f"{broken.key} {broken.new[:24]!r}")
def test_a_broken_file_names_file_key_and_remedy(tmp_path, broken):
    """Whoever made the mistake sees where it is and what to write instead."""
    path = write(tmp_path, changed(broken.file, broken.old, broken.new))

    error = refused(path)

    assert (broken.file, broken.key) == (error.file, error.key)
    assert str(error).startswith(f"{broken.file}: {broken.key}: ")
    assert [] == [words for words in broken.says if words not in str(error)], str(error)
    assert 1 == len(str(error).splitlines())
    assert len(str(error)) < 1_000


@pytest.mark.parametrize("broken", ROWS[::7], ids=lambda broken: broken.key)
def test_a_broken_file_starts_nothing(tmp_path, broken):
    """No key, log or memory is made for a configuration that does not load."""
    path = write(tmp_path, changed(broken.file, broken.old, broken.new))
    before = sorted(tmp_path.rglob("*"))

    refused(path)

    assert before == sorted(tmp_path.rglob("*"))


def keys_of(name: str) -> list[tuple[str, str, int]]:
    """Return file, key and offset of every key that a file sets, findings' kinds not included."""
    text = TEXTS[name]
    return [
        (name, match[1], match.start(1))
        for match in re.finditer(r"(?m)(?:^|[{,] )([a-z_]+) = ", text)
        if len(match[1]) > 3
    ]


@pytest.mark.parametrize(
    ("name", "key", "at"),
    [item for name in (FILE, LEGAL) for item in keys_of(name)],
    ids=str,
)
@pytest.mark.parametrize("typo", ["swapped", "lost", "doubled"])
def test_every_misspelt_key_names_the_right_one(tmp_path, name, key, at, typo):
    """Two letters swapped, one lost or one too many: the message says what was meant."""
    wrong = {
        "swapped": f"{key[:-3]}{key[-2]}{key[-3]}{key[-1]}",
        "lost": key[:2] + key[3:],
        "doubled": key + key[-1],
    }[typo]
    if wrong == key:
        pytest.skip("its letters are equal")
    text = TEXTS[name]

    error = refused(write(tmp_path, {name: text[:at] + wrong + text[at + len(key) :]}))

    assert name == error.file
    assert error.key is not None
    assert wrong == error.key.split(".")[-1]
    assert "unknown key" in str(error)
    assert f"Did you mean '{key}'?" in str(error)


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        (name, match.start(1), match[1])
        for name in (FILE, LEGAL)
        for match in re.finditer(r' = ("[^"\n]*"|\[[^]]*\]|[0-9_.]+|true|false)', TEXTS[name])
    ],
    ids=lambda value: str(value)[:24],
)
@pytest.mark.parametrize("wrong", ["1979-05-27", "{ a = [[1]] }"])
def test_every_value_of_a_wrong_type_is_refused(tmp_path, name, at, value, wrong):
    """A date or a table in the place of a text, list or number never loads."""
    text = TEXTS[name]

    error = refused(write(tmp_path, {name: text[:at] + wrong + text[at + len(value) :]}))

    assert name == error.file
    assert error.key
    assert 1 == len(str(error).splitlines())


CLASSICS = {
    "empty": (b"", "is empty", "write one with: hybridllm"),
    "only a comment": (b"# nothing yet\n\n", "is empty", "write one with: hybridllm"),
    "only spaces": (b" \n\t\n", "is empty", "write one with: hybridllm"),
    "Shift_JIS": ("description = '法務部'\n".encode("shift_jis"), "not UTF-8", "save it as UTF-8"),
    "UTF-16": ("version = 1\n".encode("utf-16"), "not UTF-8", "save it as UTF-8"),
    "half a table": (b"version = 1\n[labels\n", "no valid TOML", "line 2"),
    "a key twice": (b"version = 1\nversion = 1\n", "no valid TOML", "line 2"),
    "YAML": (b"version: 1\n", "no valid TOML", "line 1"),
    "JSON": (b'{"version": 1}', "no valid TOML", "line 1"),
    "a NUL byte": (b"version = 1\n\x00", "no valid TOML", "line 2"),
    "deep nesting": (b"a = " + b"[" * 20_000, "nested too deeply", ""),
    "huge": (b"# " + b"x" * 5_000_000, "larger than", "4,194,304"),
}


@pytest.mark.parametrize("name", CLASSICS)
@pytest.mark.parametrize("file", [FILE, LEGAL])
def test_a_file_that_is_none_says_what_it_is(tmp_path, name, file):
    """Empty, not UTF-8, not TOML: each has its own words, for both kinds of files."""
    content, *says = CLASSICS[name]

    error = refused(write(tmp_path, {file: content}))

    assert file == error.file
    assert str(error).startswith(f"{file}: ")
    assert [] == [words for words in says if words not in str(error)], str(error)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    """Editors on Windows write one, and it changes nothing."""
    text = (write(tmp_path)).read_text(encoding="utf-8")
    path = write(tmp_path, {FILE: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()})

    assert "見本商事" == open_config(path, environment=ENVIRONMENT).config.organisation.name


def test_a_missing_file_says_how_to_write_one(tmp_path):
    """The first start leads to the first configuration."""
    error = refused(tmp_path / FILE)

    assert "hybridllm.toml: does not exist; write one with: hybridllm init" == str(error)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    """The message comes from us and names the file."""
    (tmp_path / FILE).mkdir()

    assert str(refused(tmp_path / FILE)).startswith("hybridllm.toml: cannot be read")


def test_a_key_written_in_place_of_its_variable_is_not_shown(tmp_path):
    """A secret in the file stays out of the message, and so out of the log of the start."""
    secret = f"sk-{'proj'}-0123456789abcdef"  # in pieces, so that no scanner stops at it
    path = write(tmp_path, changed(FILE, '"CLOUD_KEY"', f'"{secret}"'))

    error = refused(path)

    assert secret not in str(error)
    assert secret not in repr(error)


@pytest.mark.parametrize("value", ["", " ", "two words", "new\nline", "鍵"], ids=repr)
def test_a_variable_without_a_usable_key_is_refused(tmp_path, value):
    """A key with a line break would become a header of its own; it is not shown either."""
    with pytest.raises(ConfigurationError) as caught:
        open_config(write(tmp_path), environment={"CLOUD_KEY": value})

    assert "backends.cloud.api_key_env" == caught.value.key
    assert "CLOUD_KEY" in str(caught.value)
    assert not value.strip() or value not in str(caught.value)


def test_several_mistakes_give_one_message_that_counts_the_others(tmp_path):
    """People fix one thing at a time and know that more will come."""
    files = changed(FILE, "max_retries = 2", "max_retries = 99\ncolour = 1\nsize = 2")

    text = str(refused(write(tmp_path, files)))

    assert 1 == len(text.splitlines())


def test_no_value_of_a_broken_file_is_mistaken_for_a_pattern(tmp_path):
    """Names with quotes, braces and line breaks in them make one plain line."""
    files = changed(FILE, 'default = "internal"', 'default = "{x}\\n%s\\u0007"')

    text = str(refused(write(tmp_path, files)))

    assert 1 == len(text.splitlines())
    assert re.search(r"labels\.default", text)
