"""Hundreds of broken files: none loads, and each message says file, key and what to do."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from hybridllm.config import open_config
from hybridllm.errors import ConfigurationError
from tests.config.mutants import Mutant, mutants
from tests.config.test_broken_files import CLASSICS, ROWS
from tests.config.writing import ENVIRONMENT, FILE, LEGAL, changed, write

MUTANTS = mutants()

REMEDY = re.compile(
    r"expected |such as|Make one|Ask for|two rules|names have letters|Did you mean"
    r"|input should be|Add it|[Rr]emove|[Gg]ive "
    r"|[Ss]et it|save it as|correct it|hybridllm \w+|write |must be|needs https|or more|at least"
)
"""What a message says when it tells its reader what to do."""


def refused(path) -> ConfigurationError:
    """Open a configuration that must not load; return its error."""
    with pytest.raises(ConfigurationError) as caught:
        open_config(path, environment=ENVIRONMENT)
    return caught.value


def test_there_are_enough_of_them():
    """Two hundred were asked for, of every kind, beside those that were written by hand."""
    kinds = Counter("type" if item.kind.startswith("not") else item.kind for item in MUTANTS)

    assert 200 <= len(MUTANTS)
    assert {"unknown key", "type", "misspelt", "left out"} == set(kinds)
    assert 20 <= min(kinds.values())
    assert 100 <= len(ROWS) + 2 * len(CLASSICS)


def test_the_file_that_they_come_from_is_valid(tmp_path):
    """Each of them is wrong for its own change and no other."""
    from tests.config import mutants as made

    whole = made.MORE + (write(tmp_path)).read_text(encoding="utf-8").partition("\n")[2]
    path = write(tmp_path, {FILE: f"version = 1\n{whole}"})

    assert 3 == open_config(path, environment=ENVIRONMENT).config.revision


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda item: f"{item.file[:-5]} {item.key} {item.kind}"
)
def test_a_changed_file_names_file_key_and_remedy(tmp_path, mutant: Mutant):
    """Whoever made the mistake sees where it is and what to write instead; nothing starts."""
    path = write(tmp_path, {mutant.file: mutant.text})
    before = sorted(tmp_path.rglob("*"))

    error = refused(path)

    text = str(error)
    assert (mutant.file, mutant.key) == (error.file, error.key), text
    assert text.startswith(f"{mutant.file}: {mutant.key}: ")
    said = text.removeprefix(f"{mutant.file}: {mutant.key}: ")
    assert REMEDY.search(said), said
    assert 1 == len(text.splitlines())
    assert len(text) < 1_500
    assert not mutant.meant or f"Did you mean '{mutant.meant}'?" in said, said
    assert before == sorted(tmp_path.rglob("*"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.key} {row.new[:24]!r}")
def test_a_hand_written_mistake_has_a_remedy_too(tmp_path, row):
    """What `test_broken_files` expects of single messages holds for what to do as well."""
    text = str(refused(write(tmp_path, changed(row.file, row.old, row.new))))

    assert REMEDY.search(text.removeprefix(f"{row.file}: {row.key}: ")), text


@pytest.mark.parametrize("name", CLASSICS)
@pytest.mark.parametrize("file", [FILE, LEGAL])
def test_a_file_that_is_none_has_a_remedy_too(tmp_path, name, file):
    """An empty file, another encoding, another format: each says what to do."""
    content, *_ = CLASSICS[name]

    text = str(refused(write(tmp_path, {file: content})))

    assert REMEDY.search(text) or "write plain tables" in text or "keep word lists" in text, text


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("version = 1\n", "version = 1\nrevision = -1\n", "revision", "or equal to 0"),
        ("version = 1\n", "version = 1\nrevision = 1.5\n", "revision", "integer"),
        ("[limits]", "[reload]\ncheck_s = -1\n[limits]", "reload.check_s", "equal to 0"),
        ("[limits]", "[reload]\ncheck_s = 1e9\n[limits]", "reload.check_s", "3600"),
        ("[limits]", "[reload]\ncheck = 1\n[limits]", "reload.check", "Did you mean 'check_s'?"),
        ("[limits]", "[shadow]\nfile = 'x'\n[limits]", "shadow.file", "expected one of config"),
        ("[limits]", "[identity]\ntimeout_s = 0\n[limits]", "identity.timeout_s", "greater than"),
        ("[limits]", "[identity]\ndirectory = 'x'\n[limits]", "identity.directory", "Install"),
        ('name = "legal stays inside"\n', 'name = "x"\nmode = "off"\n', "rules[1].mode",
         "expected one of enforce, report"),
        ('name = "legal stays inside"\n', 'name = "x"\nmode = "Report"\n', "rules[1].mode",
         "Did you mean 'report'?"),
    ],
)  # fmt: skip
def test_the_settings_of_a_change_are_checked(tmp_path, old, new, key, says):
    """Revision, reload, shadow, directory and mode: a wrong value never means "off"."""
    error = refused(write(tmp_path, changed(FILE, old, new)))

    assert (FILE, key) == (error.file, error.key)
    assert says in str(error)
