"""The built-in detector as a whole: what it promises for any text."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.detector import Detector
from hybridllm.classify.detectors import (
    KINDS,
    BuiltinDetector,
    builtin_detectors,
    is_available,
    names_sudachi,
)
from hybridllm.errors import MissingExtraError

DETECTOR = BuiltinDetector()
PIECES = st.sampled_from(
    [
        "password", "は", "090", "-", "1234", "@", "example.com", "山田", "さん", "様", " ", "\n",
        "＠", "\u200b", "%40", "&#64;", "\\u0040", "東京都", "1丁目", "Mr. ", "Emily ", "Carter",
        "://", "a:b@", "eyJ", "sk-", "【社外秘】", "0x41", "一二三四", "ゼロ", "DE89", "3704 0044",
        "がん", "と診断",
    ]
)  # fmt: skip


@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=30).map("".join)))
def test_any_text_gives_valid_findings(text):
    """Whatever a text holds, findings have a known kind and lie inside it."""
    for match in DETECTOR.detect(text):
        assert match.kind in DETECTOR.kinds
        assert 0 <= match.start < match.end <= len(text)
        assert 0.5 <= match.confidence <= 1.0


def test_a_lone_surrogate_does_no_harm():
    """Half of a character, as broken clients send it, is read over."""
    assert [] == DETECTOR.detect("\ud83d and \udc00")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_is_found_in_its_own_example(kind):
    """The example that the documentation shows for a kind is found as that kind."""
    detector = builtin_detectors()[0]

    assert kind.name in {match.kind for match in detector.detect(kind.example)}


def test_kinds_are_documented_once_and_whole():
    """Each kind has a description, an example and a source, and stands once."""
    assert len(KINDS) == len({kind.name for kind in KINDS})
    assert all(kind.description and kind.example and kind.source for kind in KINDS)
    assert {kind.name for kind in KINDS} == set(DETECTOR.kinds)


def test_the_built_in_detectors_are_detectors():
    """They meet the protocol that plug-ins meet."""
    assert all(isinstance(detector, Detector) for detector in builtin_detectors())


def test_threads_get_the_same_findings():
    """Many threads may share one detector, also on its first use."""
    text = "電話は090-1234-5678、氏名：森本 花子、password: Plum7-Kettle"

    with ThreadPoolExecutor(8) as pool:
        detect = builtin_detectors()[0].detect
        found = set(pool.map(lambda _: tuple(detect(text)), range(64)))

    assert 1 == len(found)


def test_importing_compiles_and_loads_nothing_heavy():
    """Whoever only imports the package pays for neither tables nor dictionaries."""
    code = (
        "import sys, hybridllm.classify.detectors as d; d.builtin_detectors();"
        "heavy = {'ahocorasick', 'sudachipy', 'hybridllm.classify.normalise'};"
        "print(sorted(heavy & set(sys.modules)))"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == ran.stdout.strip()


def test_missing_dictionary_names_the_extra(monkeypatch):
    """Asking for tagged names without SudachiPy says what to install."""
    names_sudachi._dictionary.cache_clear()
    monkeypatch.setattr(names_sudachi, "_OF_THREAD", threading.local())
    monkeypatch.setitem(sys.modules, "sudachipy", None)

    with pytest.raises(MissingExtraError, match=r"hybridllm\[ja\]"):
        BuiltinDetector(japanese_names=True).detect("山田さんです")

    names_sudachi._dictionary.cache_clear()


@pytest.mark.skipif(not is_available(), reason="needs the extra 'ja'")
@given(st.lists(st.one_of(PIECES, st.characters()), max_size=30).map("".join))
def test_any_text_can_be_tagged(text):
    """The dictionary meets the same promise, and half characters do not stop it."""
    for match in BuiltinDetector(japanese_names=True).detect(text):
        assert 0 <= match.start < match.end <= len(text)


@pytest.mark.skipif(not is_available(), reason="needs the extra 'ja'")
def test_places_are_right_after_an_emoji_and_half_a_character():
    """Offsets count characters, whatever the dictionary counts."""
    text = "😀\ud83d小鳥遊さん"

    found = BuiltinDetector(japanese_names=True).detect(text)

    assert ["小鳥遊"] == [text[match.start : match.end] for match in found]


@pytest.mark.skipif(not is_available(), reason="needs the extra 'ja'")
def test_a_long_japanese_text_is_read_to_its_end():
    """The dictionary refuses long texts, so they are read in pieces, with right places."""
    text = "これは普通の文です。" * 9_000 + "担当は小鳥遊さんです。"

    found = BuiltinDetector(japanese_names=True).detect(text)

    assert ["小鳥遊"] == [text[match.start : match.end] for match in found]


def test_one_number_is_one_finding():
    """A number that fits several kinds is reported once, as the surest."""
    found = DETECTOR.detect("IBAN DE89 3704 0044 0532 0130 00")

    assert ["financial.iban"] == [match.kind for match in found]


def test_a_value_hidden_twice_is_found():
    """Two encodings one in the other are undone, and the finding covers what was written."""
    inner = base64.b64encode(b"hanako.mori@example.co.jp").decode()
    text = "mail " + "".join(f"%{byte:02X}" for byte in inner.encode()) + " now"

    found = DETECTOR.detect(text)

    assert [("personal.email", 5, len(text) - 4)] == [(m.kind, m.start, m.end) for m in found]
