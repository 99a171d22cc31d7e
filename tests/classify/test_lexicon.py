"""The lexicon: own terms are found in every writing, and bad files say where."""

from __future__ import annotations

import pytest

from hybridllm.classify.lexicon import Lexicon, LexiconDetector, Term, load_lexicon
from hybridllm.errors import ConfigurationError

TERMS = Lexicon(
    (
        Term("株式会社ミホン商事", "customer"),
        Term("Project Bluefinch", "code_name"),
        Term("Nordvale Instruments Ltd", "customer"),
        Term("森本花子", "employee", ("もりもとはなこ", "Hanako Morimoto")),
        Term("ORION", "code_name"),
    )
)


def found(text):
    return [(m.kind, text[m.start : m.end]) for m in LexiconDetector(TERMS).detect(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("株式会社ミホン商事の件", "lexicon.customer", "株式会社ミホン商事"),
        ("ミホン商事株式会社の件", "lexicon.customer", "ミホン商事株式会社"),
        ("㈱ミホン商事さま", "lexicon.customer", "㈱ミホン商事"),
        ("ﾐﾎﾝ商事の見積", "lexicon.customer", "ﾐﾎﾝ商事"),
        ("ミ ホ ン 商 事", "lexicon.customer", "ミ ホ ン 商 事"),
        ("みほん商事", "lexicon.customer", "みほん商事"),
        ("about project  bluefinch now", "lexicon.code_name", "project  bluefinch"),
        (
            "ＰＲＯＪＥＣＴ　ＢＬＵＥＦＩＮＣＨ",
            "lexicon.code_name",
            "ＰＲＯＪＥＣＴ　ＢＬＵＥＦＩＮＣＨ",
        ),
        ("Nordvale Instruments asked", "lexicon.customer", "Nordvale Instruments"),
        ("森本 花子さん", "lexicon.employee", "森本 花子"),
        ("モリモトハナコ", "lexicon.employee", "モリモトハナコ"),
        ("from hanako morimoto", "lexicon.employee", "hanako morimoto"),
        ("P\u200broject Blue\u200bfinch", "lexicon.code_name", "P\u200broject Blue\u200bfinch"),
    ],
)
def test_a_term_is_found_however_it_is_written(text, kind, value):
    """Width, case, kana form, spacing and the place of the legal form do not matter."""
    assert [(kind, value)] == found(text)


@pytest.mark.parametrize("text", ["orionids are meteors", "an orionx device", "花子さん", ""])
def test_a_part_of_another_word_is_no_term(text):
    """A term inside a longer word is not that term."""
    assert [] == found(text)


def test_the_longest_of_overlapping_terms_counts_once():
    """A full name is one finding, not one for each variant inside it."""
    assert 1 == len(found("株式会社ミホン商事"))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_csv_file_is_read_with_or_without_byte_order_mark(tmp_path, mark):
    """A file saved by a spreadsheet is read as it is."""
    file = tmp_path / "terms.csv"
    file.write_text(
        f"{mark}term,group,romaji\r\n青葉工業,customer,Aoba Kogyo\r\n\r\n", encoding="utf-8"
    )

    lexicon = load_lexicon(file)

    assert (Term("青葉工業", "customer", ("Aoba Kogyo",)),) == lexicon.terms


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"name,group\nx,y\n", r"line 1: column is 'name'; expected one of group, reading"),
        (b"term\nabc\n", r"line 1: has no column 'group'"),
        (b"term,group\nabcd,customer\nsecretname,Big Customers\n", r"line 3: group must be"),
        (b"term,group\na,customer\n", r"line 2: term needs at least 2"),
        (b'term,group\n"abc,customer\n', r"line 2: is no valid CSV"),
        ("term,group\n青葉,customer\n".encode("cp932"), r"is not UTF-8 \(byte 11\)"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_line(tmp_path, content, complaint):
    """The message says where to look and never repeats a term."""
    file = tmp_path / "terms.csv"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=complaint) as caught:
        load_lexicon(file)

    assert str(file) in str(caught.value)
    assert "secretname" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    """A lexicon that is not there stops the start."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_lexicon(tmp_path / "none.csv")


def test_an_empty_lexicon_finds_nothing():
    """An empty list is no error."""
    assert [] == LexiconDetector(Lexicon(())).detect("anything")


def test_a_lexicon_names_no_term_in_its_repr():
    """Printing a lexicon gives nothing away."""
    assert "Lexicon(5 terms)" == repr(TERMS)


@pytest.mark.parametrize(
    "text",
    [
        "status of UHJvamVjdCBCbHVlZmluY2g= please",
        "status of Project%20Bluefinch please",
        "status of P r o j e c t B l u e f i n c h please",
        "status of project-bluefinch please",
        "status of ProjectBluefinch please",
        "status of Project\nBluefinch please",
        "status of **Project** Bluefinch please",
    ],
)
def test_a_term_is_found_behind_encodings_and_spellings(text):
    """A code name does not slip through because it was encoded, split or run together."""
    assert ["lexicon.code_name"] == [kind for kind, _ in found(text)]
