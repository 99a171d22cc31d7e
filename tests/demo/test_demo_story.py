"""The demo's requests are consistent: what they claim about themselves is true."""

import json

from hybridllm.demo.leak import find_leak
from hybridllm.demo.story import (
    CARD,
    MY_NUMBER,
    REQUESTS,
    confidential_fragments,
)


def body(request):
    """Return a request as it would stand on the wire."""
    return json.dumps({"messages": request.messages}, ensure_ascii=False).encode()


def test_about_twelve_requests_from_two_departments_in_two_languages():
    """The demo shows ordinary and confidential work of two departments, English and Japanese."""
    kinds = {
        (request.department, request.language, request.is_confidential) for request in REQUESTS
    }

    assert 12 == len(REQUESTS)
    assert len({request.title for request in REQUESTS}) == len(REQUESTS)
    assert {"sales", "legal"} == {department for department, _, _ in kinds}
    assert {("en", True), ("en", False), ("ja", True), ("ja", False)} == {
        (language, confidential) for _, language, confidential in kinds
    }


def test_the_card_number_has_a_valid_luhn_digit():
    """The card is a published test number that a checksum accepts (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in CARD if digit.isdigit()][::-1]

    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]

    assert 0 == (sum(digits[::2]) + sum(doubled)) % 10


def test_the_my_number_has_a_valid_check_digit():
    """The twelfth digit follows the ministry's formula (Ordinance 85 of 2014, article 5)."""
    digits = [int(digit) for digit in MY_NUMBER if digit.isdigit()]
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)

    rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=False)) % 11

    assert 12 == len(digits)
    assert (0 if rest <= 1 else 11 - rest) == digits[-1]


def test_every_secret_stands_in_its_request():
    """A secret that is not in the text would never be found, and prove nothing."""
    missing = [
        (request.title, secret)
        for request in REQUESTS
        for secret in request.secrets
        if not any(secret in text for text in request.texts)
    ]

    assert [] == missing


def test_no_fragment_occurs_in_an_ordinary_request():
    """What may go to the cloud holds nothing that the counter would count."""
    ordinary = [body(request) for request in REQUESTS if not request.is_confidential]

    assert 0 == find_leak(ordinary, fragments=confidential_fragments()).confidential_bytes


def test_every_confidential_request_would_be_noticed_at_the_cloud():
    """Positive control: were any of them sent, the counter would not be zero."""
    fragments = confidential_fragments()

    unnoticed = [
        request.title
        for request in REQUESTS
        if request.is_confidential
        and find_leak([body(request)], fragments=fragments).confidential_bytes == 0
    ]

    assert [] == unnoticed


def test_a_last_turn_can_be_innocent():
    """Two requests hold their secret in an earlier turn only."""
    innocent = [
        request.title
        for request in REQUESTS
        if request.secrets and not any(secret in request.last_text for secret in request.secrets)
    ]

    assert 2 == len(innocent)
