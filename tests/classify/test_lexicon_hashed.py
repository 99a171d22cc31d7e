"""The hashed lexicon: the same findings as the plain one, from a file that tells nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.classify.lexicon import Lexicon, LexiconDetector, Term
from hybridllm.classify.lexicon_hashed import (
    HashedLexiconDetector,
    hash_lexicon,
    is_hashed,
    load_hashed_lexicon,
)
from hybridllm.errors import ConfigurationError

KEY = bytes(range(32))
TERMS = Lexicon(
    (
        Term("株式会社ミホン商事", "customer"),
        Term("有限会社青", "customer"),
        Term("Project Bluefinch", "code_name"),
        Term("Nordvale Instruments Ltd", "customer"),
        Term("ABC製作所", "customer"),
        Term("青葉Tech", "customer"),
        Term("森本花子", "employee", ("もりもとはなこ", "Hanako Morimoto")),
        Term("ORION", "code_name"),
    )
)
PLAIN = LexiconDetector(TERMS)


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "terms.hlx"
    made.write_bytes(hash_lexicon(TERMS, key=KEY))
    return made


@pytest.fixture(scope="module")
def hashed(tmp_path_factory):
    made = tmp_path_factory.mktemp("hashed") / "terms.hlx"
    made.write_bytes(hash_lexicon(TERMS, key=KEY))
    return HashedLexiconDetector(load_hashed_lexicon(made, key=KEY))


@pytest.mark.parametrize(
    "text",
    [
        "株式会社ミホン商事の件",
        "ミホン商事株式会社の件",
        "㈱ミホン商事さま",
        "ﾐﾎﾝ商事の見積",
        "ミ ホ ン 商 事",
        "みほん商事",
        "有限会社青の件",
        "青有限会社",
        "about project  bluefinch now",
        "ＰＲＯＪＥＣＴ　ＢＬＵＥＦＩＮＣＨ",
        "Nordvale Instruments asked",
        "森本 花子さん",
        "モリモトハナコ",
        "from hanako morimoto",
        "ABC製作所と青葉TECH",
        "P\u200broject Blue\u200bfinch",
        "status of UHJvamVjdCBCbHVlZmluY2g= please",
        "status of ProjectBluefinch please",
    ],
)
def test_a_hashed_term_is_found_however_it_is_written(hashed, text):
    """Hashing a list costs no finding: variants and disguises are known all the same."""
    expected = PLAIN.detect(text)

    assert expected
    assert expected == hashed.detect(text)


PIECES = [
    "project",
    "Bluefinch",
    "ORION",
    "orions",
    "株式会社",
    "(株)",
    "有限会社",
    "ミホン商事",
    "みほん",
    "青",
    "森本",
    "花子",
    "さん",
    " ",
    "　",
    "-",
    "\n",
    "Nordvale",
    "Instruments",
    "Ltd",
    ", ",
    "é",
    "ABC",
    "製作所",
    "abc",
    "青葉",
    "Tech",
    "1",
    "。",
    "(",
    "もりもと",
    "はなこ",
    "\ud800",
    "😀",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_hashes_find_what_the_terms_find(hashed, text):
    """Whatever stands around a term, both kinds of list say the same of it."""
    assert PLAIN.detect(text) == hashed.detect(text)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(PIECES[:-2]), min_size=1, max_size=4), min_size=1, max_size=5
    ),
    st.lists(st.sampled_from(PIECES), max_size=14),
)
def test_any_list_can_be_hashed(tmp_path_factory, terms, text):
    """No term is lost by being hashed, however odd it is written."""
    lexicon = Lexicon(tuple(Term("".join(term), "customer") for term in terms))
    path = tmp_path_factory.mktemp("any") / "terms.hlx"
    path.write_bytes(hash_lexicon(lexicon, key=KEY))
    said = "".join(text) + "".join(terms[0])

    found = HashedLexiconDetector(load_hashed_lexicon(path, key=KEY)).detect(said)

    assert LexiconDetector(lexicon).detect(said) == found


def test_the_file_holds_no_term(path):
    """Whoever steals the file without the key learns no customer."""
    stored = path.read_bytes().lower()

    for word in ("bluefinch", "nordvale", "ミホン", "森本", "orion"):
        assert word.encode() not in stored
    assert KEY not in stored


def test_two_keys_share_no_byte_of_hashes(path):
    """Lists of two installations cannot be compared with one another."""
    other = hash_lexicon(TERMS, key=bytes(32))

    first, second = (data.split(b"\n", 2)[2] for data in (path.read_bytes(), other))

    assert len(first) == len(second)
    assert {first[i : i + 8] for i in range(0, len(first), 8)}.isdisjoint(
        second[i : i + 8] for i in range(0, len(second), 8)
    )


def test_the_order_of_the_list_does_not_show(path):
    """Equal lists in another order make equal files."""
    assert path.read_bytes() == hash_lexicon(Lexicon(TERMS.terms[::-1]), key=KEY)


def test_the_groups_are_the_kinds(path):
    """A policy can name the groups of a hashed list as it names those of a CSV file."""
    detector = HashedLexiconDetector(load_hashed_lexicon(path, key=KEY))

    assert PLAIN.kinds == detector.kinds


def test_another_key_stops_the_start(path):
    """With the wrong key nothing would be found, and nobody would notice."""
    with pytest.raises(ConfigurationError, match=r"terms\.hlx: was hashed with another key"):
        load_hashed_lexicon(path, key=bytes(32))


@pytest.mark.parametrize("place", [30, 60, -1, -9, -40])
def test_a_damaged_file_stops_the_start(path, place):
    """One wrong byte is noticed: a term that is silently gone would be a leak."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)

    with pytest.raises(ConfigurationError, match=r"terms\.hlx"):
        load_hashed_lexicon(path, key=KEY)


@pytest.mark.parametrize("size", [0, 10, 27, 40, 200, -1])
def test_a_file_that_was_cut_off_stops_the_start(path, size):
    """Half a list is no list."""
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(ConfigurationError, match=r"is damaged"):
        load_hashed_lexicon(path, key=KEY)


def test_a_file_says_what_it_is(path, tmp_path):
    """The first line tells a hashed list from a CSV file."""
    (tmp_path / "terms.csv").write_text("term,group\n", encoding="utf-8")

    assert is_hashed(path)
    assert not is_hashed(tmp_path / "terms.csv")
    assert not is_hashed(tmp_path / "none")


def test_nothing_hashed_names_anything_in_its_repr(path):
    """Printing a hashed list shows neither key nor hashes."""
    assert repr(load_hashed_lexicon(path, key=KEY)).startswith("HashedLexicon(")
    assert KEY.hex() not in repr(load_hashed_lexicon(path, key=KEY))


def test_a_reading_that_is_too_long_is_refused():
    """A term that could never be found is an error, and the message does not show it."""
    lexicon = Lexicon((Term("ORION", "code_name", ("x" * 300,)),))

    with pytest.raises(ConfigurationError, match="longer than 256 characters") as caught:
        hash_lexicon(lexicon, key=KEY)

    assert "xxx" not in str(caught.value)


def test_an_empty_list_finds_nothing(tmp_path):
    """An empty list is no error."""
    path = tmp_path / "empty.hlx"
    path.write_bytes(hash_lexicon(Lexicon(()), key=KEY))

    assert [] == HashedLexiconDetector(load_hashed_lexicon(path, key=KEY)).detect("anything")


def cpu_s(call):
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("unit", ["a", "project ", "株式会社", "株", "(", "ABC製作所", "orion "])
def test_hostile_text_takes_linear_time(hashed, unit):
    """A text made of beginnings of terms stalls nobody: twice the text, about twice the time."""
    small, large = ((unit * size)[:size] for size in (20_000, 40_000))
    hashed.detect(small)

    assert cpu_s(lambda: hashed.detect(large)) < 4 * cpu_s(lambda: hashed.detect(small)) + 0.02
