"""Numbers, dates and codes are equal in all their spellings, and in no other way."""

import pytest

from hybridllm.verify.exact import Exact
from hybridllm.verify.numerals import in_digits
from hybridllm.verify.quantities import quantities


def carries(source: str, *, claim: str) -> bool:
    """Say whether a source has everything exact that a claim says."""
    digits = in_digits(source)
    return all(
        Exact.of(quantities(digits)).carries(item, text=digits)
        for item in quantities(in_digits(claim))
    )


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("1,234.5", "１，２３４．５"),
        ("1億2,000万円", "120,000,000円"),
        ("三十日", "30日"),
        ("二〇二四年", "2024年"),
        ("3万5千円", "35,000 yen"),
        ("twenty-five days", "25 days"),
        ("1.5 million dollars", "$1,500,000"),
        ("$3.5M", "3.5 million dollars"),
        ("3%", "3 percent"),
        ("3パーセント", "3％"),
        ("3割", "30%"),
        ("5 km", "5キロメートル"),
        ("5 km", "5,000 m"),
        ("60 minutes", "1 hour"),
        ("2週間", "14日"),
        ("a 30-day period", "30日"),
        ("３〜５営業日", "5 business days"),
        ("25 °C", "25度"),
        ("¥1,200", "1,200円"),
        ("5ヶ月", "5カ月"),
    ],
)
def test_the_same_amount_in_another_spelling_is_the_same(source, claim):
    """Readers write numbers in many ways, and none of them is a mistake."""
    assert quantities(in_digits(claim))
    assert carries(source, claim=claim)


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("3.14", "3.1"),
        ("about 1,000", "1,001"),
        ("5 days", "5 hours"),
        ("10 business days", "10 days"),
        ("3%", "3 kg"),
        ("1億円", "1万円"),
        ("500 mg", "500 g"),
        ("AB-1234", "AB-1243"),
        ("AB-1234", "AB-123"),
        ("version 4.2.1", "version 4.2.2"),
        ("use --force", "use --purge"),
    ],
)
def test_another_amount_is_another(source, claim):
    """Rounding, other units and other part numbers are not what the source says."""
    assert not carries(source, claim=claim)


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("2026-05-03", "May 3, 2026"),
        ("令和8年5月3日", "2026年5月3日"),
        ("R8.5.3", "3 May 2026"),
        ("3rd of May 2026", "令和8年5月3日"),
        ("平成元年", "1989年"),
        ("2026年5月3日", "5月3日"),
        ("On 3 May. The year is 2026.", "May 3, 2026"),
        ("午後3時半", "15:30"),
        ("3 p.m.", "15:00"),
        ("正午", "12:00"),
        ("火曜日", "on Tuesday"),
        ("03/05/2026", "2026年5月3日"),
    ],
)
def test_the_same_moment_in_another_calendar_or_clock_is_the_same(source, claim):
    """Eras, months by name and both clocks say one thing."""
    assert carries(source, claim=claim)


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("2026-05-03", "May 4, 2026"),
        ("令和8年", "2025年"),
        ("5月3日", "6月3日"),
        ("午後3時", "午前3時"),
        ("Tuesday", "Wednesday"),
        ("In 2026", "3 May 2026"),
    ],
)
def test_another_moment_is_another(source, claim):
    """A date with a part that the source lacks is invented."""
    assert not carries(source, claim=claim)


@pytest.mark.parametrize(
    "text", ["十分な説明", "一般的な一部の話", "千葉の百科", "one of them", "四角い箱"]
)
def test_words_that_look_like_numbers_are_none(text):
    """Kanji digits and "one" inside words count nothing."""
    assert () == quantities(in_digits(text))


@pytest.mark.parametrize("size", [2_000, 4_000])
def test_a_hostile_text_is_read_in_time(size):
    """Digits and separators without end cost no more than other text."""
    for piece in ("1,", "9" * 5 + "-", "十百千", "a-", "one hundred ", "2026年"):
        assert isinstance(quantities(in_digits(piece * (size // len(piece)))), tuple)
