"""The owner of a folder says in it who may find which file."""

from __future__ import annotations

import pytest

from hybridllm.errors import ConfigurationError
from hybridllm.labels import Scale
from hybridllm.rag.ingest.access_file import AccessRules, FileAccess, parse_access

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["customer"])
RULES = """
[[access]]
files = ["**"]
readers = ["group:staff"]
label = "internal"

[[access]]
files = ["contracts/**", "board/*.pdf"]
readers = ["group:legal", "user:ada"]
departments = ["legal", "sales"]
label = "confidential"

[[access]]
files = ["contracts/open/price list.csv"]
readers = ["public"]
label = "public"
"""


def rules(text: str) -> AccessRules:
    """Return the rules of an access file."""
    return parse_access(text.encode("utf-8"), scale=SCALE)


@pytest.mark.parametrize(
    ("path", "readers", "label"),
    [
        ("a.txt", {"group:staff"}, "internal"),
        ("deep/down/a.txt", {"group:staff"}, "internal"),
        ("contracts/a.pdf", {"group:legal", "user:ada"}, "confidential"),
        ("contracts/deep/a.pdf", {"group:legal", "user:ada"}, "confidential"),
        ("board/a.pdf", {"group:legal", "user:ada"}, "confidential"),
        ("board/deep/a.pdf", {"group:staff"}, "internal"),
        ("contracts/open/price list.csv", {"public"}, "public"),
    ],
)
def test_the_most_specific_rule_counts(path, readers, label):
    """A rule for one file wins over its folder's, and that over the whole's."""
    access = rules(RULES).of(path)

    assert readers == access.readers
    assert SCALE.label(label) == access.label


def test_each_setting_is_decided_for_itself():
    """A rule that only gives a label leaves the readers as they were."""
    access = rules(
        '[[access]]\nfiles = ["**"]\nreaders = ["group:staff"]\n'
        '[[access]]\nfiles = ["a/**"]\nlabel = "confidential"\ncompartments = ["customer"]\n'
    ).of("a/b.txt")

    assert frozenset({"group:staff"}) == access.readers
    assert SCALE.label("confidential", compartments=["customer"]) == access.label
    assert access.departments is None


def test_of_equal_rules_the_strictest_reading_counts():
    """Where two rules disagree, only those may find a file that both name."""
    access = rules(
        '[[access]]\nfiles = ["a/**"]\nreaders = ["user:ada", "user:bob"]\nlabel = "internal"\n'
        '[[access]]\nfiles = ["a/**"]\nreaders = ["user:bob"]\nlabel = "confidential"\n'
    ).of("a/b.txt")

    assert frozenset({"user:bob"}) == access.readers
    assert SCALE.label("confidential") == access.label


def test_rules_that_agree_on_no_department_admit_nobody():
    """An empty set of departments would mean all of them."""
    access = rules(
        '[[access]]\nfiles = ["**"]\nreaders = ["public"]\ndepartments = ["legal"]\n'
        '[[access]]\nfiles = ["**"]\nreaders = ["public"]\ndepartments = ["sales"]\n'
    ).of("a.txt")

    assert frozenset() == access.readers


def test_a_file_without_a_rule_is_left_to_the_settings():
    """The access file says nothing of it."""
    only = rules('[[access]]\nfiles = ["a/*"]\nreaders = ["public"]\n')

    assert FileAccess() == only.of("b/c.txt")


def test_a_rule_that_names_no_file_is_noticed():
    """A pattern with a typo would leave a file open."""
    assert (2, 3) == rules(RULES).unused(["a.txt", "contract/b.pdf"])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "at least one"),
        ("access = 3", "at least one"),
        ("[[access", "TOML"),
        ("[[rules]]\nfiles = ['*']", "Did you mean 'access'|expected one of access"),
        ("[[access]]\nreaders = ['public']", "pattern"),
        ("[[access]]\nfiles = '*'", "list"),
        ("[[access]]\nfiles = ['*']\nreader = ['public']", "Did you mean 'readers'"),
        ("[[access]]\nfiles = ['*']\nreaders = ['staff']", "group:NAME"),
        ("[[access]]\nfiles = ['*']\nreaders = ['group:']", "group:NAME"),
        ("[[access]]\nfiles = ['*']\ndepartments = []", "empty"),
        ("[[access]]\nfiles = ['*']\nlabel = 'confidental'", "Did you mean 'confidential'"),
        ("[[access]]\nfiles = ['*']\nlabel = 3", "name of a level"),
        ("[[access]]\nfiles = ['*']\ncompartments = ['customer']", "label beside"),
        ("[[access]]\nfiles = ['../*']", "from the folder"),
        ("[[access]]\nfiles = ['a\\b']", "from the folder"),
    ],
)
def test_a_broken_file_is_an_error(text, part):
    """Whoever wrote it meant something by it, so nothing is guessed."""
    with pytest.raises(ConfigurationError, match=part):
        rules(text)


def test_a_file_in_another_encoding_is_an_error():
    """Half-read rules would be wrong rules."""
    with pytest.raises(ConfigurationError, match="UTF-8"):
        parse_access('[[access]]\nfiles = ["契約"]'.encode("cp932"), scale=SCALE)
