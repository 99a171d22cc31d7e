"""Check digits: published examples, and the laws that make them worth asking for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.detectors import checks

DIGITS = "0123456789"


def digits(size):
    return st.text(alphabet=DIGITS, min_size=size, max_size=size)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.passes_luhn, "4539148803436467", "8273123273520569"),
        (checks.is_card, "378282246310005", "4111111111111112"),
        (checks.is_my_number, "123456789018", "123456789012"),
        (checks.is_corporate_number, "7000012050002", "8000012050002"),
        (checks.is_iban, "GB82WEST12345698765432", "GB82WEST12345698765431"),
        (checks.is_iban, "DE89370400440532013000", "DE8937040044053201300"),
        (checks.is_ssn, "536904399", "666904399"),
        (checks.is_isbn, "9780306406157", "9780306406158"),
        (checks.is_driving_licence, "301234567890", "091234567890"),
    ],
)
def test_published_examples_pass_and_wrong_ones_fail(check, good, bad):
    """A number that the authority prints as an example is right; its neighbour is not."""
    assert check(good)
    assert not check(bad)


@given(digits(11))
def test_exactly_one_last_digit_makes_a_my_number(body):
    """A mistyped last digit of a My Number is always noticed."""
    passing = [last for last in DIGITS if checks.is_my_number(body + last)]

    assert 1 == len(passing) or len(set(body)) == 1


@given(digits(15))
def test_exactly_one_last_digit_passes_luhn(body):
    """A mistyped last digit of a card is always noticed."""
    assert 1 == sum(checks.passes_luhn(body + last) for last in DIGITS)


@given(digits(16), st.integers(0, 15), st.integers(1, 9))
def test_luhn_notices_every_single_wrong_digit(number, place, shift):
    """One wrong digit anywhere in a card number is noticed."""
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]

    assert not (checks.passes_luhn(number) and checks.passes_luhn(wrong))


@given(digits(12))
def test_exactly_one_first_digit_makes_a_corporate_number(body):
    """The public number of a company is told apart from a card."""
    assert 1 == sum(checks.is_corporate_number(first + body) for first in "123456789")


@given(digits(18))
def test_exactly_one_pair_of_check_digits_makes_an_iban(body):
    """An account number is right for one pair of check digits only."""
    passing = [n for n in range(2, 99) if checks.is_iban(f"DE{n:02d}{body}")]

    assert 1 == len(passing)


@pytest.mark.parametrize("number", ["1111111111111111", "0000000000000000", "6304000000000000"])
def test_one_repeated_digit_and_foreign_ranges_are_no_card(number):
    """What passes Luhn by accident is no card."""
    assert not checks.is_card(number)
