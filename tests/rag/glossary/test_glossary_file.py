"""A glossary file is read, or refused with the place and a remedy."""

import pytest

from hybridllm.errors import ConfigurationError
from hybridllm.rag.glossary_file import load_glossary
from tests.rag.glossary.labels import CONFIDENTIAL, INTERNAL, PUBLIC, SCALE

GOOD = """
version = 1
label = "internal"

[[terms]]
preferred = "作動油"
synonyms = ["油圧油", "ハイドロリックオイル"]
forbidden = ["機械油"]
definition = "油圧機器を動かす油。"
reading = "さどうゆ"
language = "ja"

[[terms]]
preferred = "oil"
label = "public"

[[terms]]
preferred = "base 7"
label = { level = "confidential", compartments = ["formula"] }
"""


def load(tmp_path, text):
    path = tmp_path / "glossary.toml"
    path.write_text(text, encoding="utf-8")
    return load_glossary(path, scale=SCALE)


def test_a_file_says_what_terms_mean_and_how_secret_they_are(tmp_path):
    """A term's label is its own, or the file's."""
    japanese, oil, base = load(tmp_path, GOOD)

    assert ("油圧油", "ハイドロリックオイル") == japanese.synonyms
    assert ("機械油",) == japanese.forbidden
    assert ("さどうゆ", "ja") == (japanese.reading, japanese.language)
    assert INTERNAL == japanese.label
    assert PUBLIC == oil.label
    assert SCALE.label("confidential", compartments=["formula"]) == base.label


def test_without_a_label_a_term_is_strictest(tmp_path):
    """Whoever forgot the label has hidden the term, not published it."""
    (term,) = load(tmp_path, 'version = 1\n[[terms]]\npreferred = "oil"\n')

    assert SCALE.strictest == term.label
    assert not term.label.flows_to(CONFIDENTIAL)


TERM = "version = 1\n[[terms]]\npreferred = 'oil'\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[terms]]\npreferred = 'oil'\n", "version: is missing"),
        ("version = 1\nterms = []\n", "terms: "),
        ("version = 1\n[[terms]]\n", "terms[0].preferred: is missing"),
        (TERM + "synonims = ['x']\n", "terms[0].synonims: unknown key; it is 'synonims'; expected"),
        (TERM + "synonims = ['x']\n", "Did you mean 'synonyms'?"),
        (TERM + "label = 'secret'\n", "terms[0].label: is 'secret'; expected one of confidential"),
        (TERM + "label = { level = 'secret' }\n", "terms[0].label.level: "),
        (TERM + "label = { level = 'public', compartments = ['x'] }\n", "compartments[0]: "),
        (TERM + "language = 'jp'\n", "terms[0].language: is not known; expected"),
        (TERM + "synonyms = ['']\n", "terms[0].synonyms[0]: is empty"),
        (TERM + "forbidden = ['OIL']\n", "terms[0].forbidden[0]: is the preferred term"),
        (
            TERM + "[[terms]]\npreferred = 'Oil'\n",
            "terms[1].preferred: is a term already, terms[0]",
        ),
        (TERM + "definition = 3\n", "terms[0].definition: input should be a valid string"),
        ("version = \n", "is no valid TOML: at line 1"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, text, expected):
    """Whoever wrote the file knows which line to change, and how."""
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, text)

    assert "glossary.toml: " in str(raised.value)
    assert expected in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """A missing file, and one in another encoding, are errors and no empty glossaries."""
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_glossary(tmp_path / "none.toml", scale=SCALE)

    (tmp_path / "sjis.toml").write_bytes("version = 1 # 用語".encode("cp932"))
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_glossary(tmp_path / "sjis.toml", scale=SCALE)
