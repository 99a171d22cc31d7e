"""The scores that the project promises, on the half of the set that no rule was tuned on."""

from __future__ import annotations

from functools import cache

import pytest

from hybridllm.classify.detectors import BuiltinDetector, is_available
from hybridllm.classify.lexicon import Lexicon, LexiconDetector, Term
from tests.classify.devset.generator import disguised, lexicon_terms, prompts
from tests.classify.devset.scoring import score

IDS = (
    "personal.email", "personal.phone", "personal.my_number", "personal.driving_licence",
    "personal.passport", "personal.residence_card", "personal.health_insurance", "personal.pension",
    "personal.ssn", "personal.national_id", "financial",
)  # fmt: skip
KEYS = (
    "credentials.provider_key", "credentials.jwt", "credentials.private_key",
    "credentials.connection_string",
)  # fmt: skip
NAMES = [
    False,
    pytest.param(True, marks=pytest.mark.skipif(not is_available(), reason="needs the extra 'ja'")),
]
"""Without and with the dictionary of the extra `ja`."""


@cache
def scored(language, japanese_names):
    lexicon = Lexicon(tuple(Term(text, group) for text, group in lexicon_terms()))
    detectors = (BuiltinDetector(japanese_names=japanese_names), LexiconDetector(lexicon))
    chosen = [p for p in prompts() if p.half == "test" and p.language == language]
    return score(chosen, lambda text: [m for d in detectors for m in d.detect(text)])


@pytest.mark.parametrize("japanese_names", NAMES)
@pytest.mark.parametrize("language", ["en", "ja"])
class TestOrdinaryWriting:
    """What a user writes without hiding anything."""

    def test_sensitive_requests_are_noticed(self, language, japanese_names):
        """At least 97 of 100 sensitive requests are noticed."""
        result = scored(language, japanese_names)

        assert 0.97 <= result.recall

    def test_ordinary_requests_are_left_alone(self, language, japanese_names):
        """At most 8 of 100 ordinary requests raise a false alarm."""
        result = scored(language, japanese_names)

        assert result.false_alarms <= 0.08

    @pytest.mark.parametrize(
        ("kinds", "share"),
        [
            (IDS, 0.99),
            (KEYS, 0.99),
            (("lexicon",), 0.99),
            (("personal.name",), 0.88),
            (("credentials.password",), 0.85),
        ],
    )
    def test_each_kind_is_found(self, language, japanese_names, kinds, share):
        """Structured ids, keys and own terms are found nearly always, names mostly."""
        result = scored(language, japanese_names)

        assert share <= result.entity_recall(*kinds)


@pytest.mark.parametrize("half", ["tune", "test"])
def test_disguised_values_are_found(half):
    """At least 85 of 100 values are found in more than twenty kinds of disguise."""
    chosen = [prompt for prompt in disguised() if prompt.half == half]

    result = score(chosen, BuiltinDetector().detect)

    assert 20 < len({prompt.disguise for prompt in chosen})
    assert 0.85 <= result.entity_recall("personal", "financial")


def test_the_set_is_large_and_its_halves_share_no_template():
    """The set holds at least 400 prompts, and no text stands in both halves."""
    drawn = prompts()

    texts = {half: {p.text for p in drawn if p.half == half} for half in ("tune", "test")}
    assert 400 <= len(drawn)
    assert not texts["tune"] & texts["test"]
    assert {"en", "ja"} == {p.language for p in drawn}


def test_drawing_the_set_again_gives_the_same_set():
    """A score can be repeated."""
    assert prompts() == prompts()
    assert disguised() == disguised()
