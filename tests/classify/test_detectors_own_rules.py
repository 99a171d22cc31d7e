"""Rules that users bring along: key rules of a file, and shapes of numbers."""

from __future__ import annotations

import re

import pytest

from hybridllm.classify.detectors.references import ShapeDetector
from hybridllm.classify.detectors.rule_files import KeyRulesDetector, bounded, load_key_rules
from hybridllm.errors import ConfigurationError

FILE = """
title = "own rules"

[[rules]]
id = "acme-token"
description = "Token of an inner service"
regex = '''\\b(acme_(?i)[a-z0-9]{20,})\\b'''
keywords = ["acme_"]
entropy = 3.0

[[rules]]
regex = '''zz-[0-9]+'''
"""


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(FILE, encoding="utf-8")
    return load_key_rules(file)


def test_a_key_of_an_own_provider_is_found(rules):
    """An organisation adds the keys of its own services in a format that it knows."""
    text = "use acme_" + "q7Wd93kLmZ20xTbV4rPs" + " here"

    (match,) = KeyRulesDetector(rules).detect(text)

    assert ("credentials.provider_key", 4, len(text) - 5) == (match.kind, match.start, match.end)


@pytest.mark.parametrize(
    "text",
    [
        "use acme_" + "a" * 20,
        "use acme_short",
        "use acme_" + "example" * 4,
        "nothing at all",
    ],
)
def test_what_is_no_key_is_left_alone(rules, text):
    """Placeholders and values without entropy are no keys."""
    assert [] == KeyRulesDetector(rules).detect(text)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a+[b*]{3,}", "a{1,200}[b*]{3,200}"),
        (r"\*\+x*", r"\*\+x{0,200}"),
        (r"[^]+*]+?y", r"[^]+*]{1,200}?y"),
        (r"k(?i)[a-z]{8}\z", r"(?i)k[a-z]{8}\Z"),
        ("x{300,}", "x{300,300}"),
    ],
)
def test_every_repeat_gets_a_bound(expression, expected):
    """A rule from elsewhere cannot stall a scan by an endless repeat."""
    assert expected == bounded(expression)
    re.compile(expected)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("rules = 3", r"has no \[\[rules\]\]"),
        ("[[rules]]\nid = 'x'", r"rules\[0\]\.regex: is missing"),
        ("[[rules]]\nregex = '(ab'", r"rules\[0\]\.regex: is no expression"),
        ("not toml", "cannot be read as TOML"),
    ],
)
def test_a_wrong_rule_file_stops_the_start(tmp_path, content, complaint):
    """The message names the file and the rule."""
    file = tmp_path / "rules.toml"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=complaint) as caught:
        load_key_rules(file)

    assert str(file) in str(caught.value)


def test_numbers_are_found_by_their_own_shape():
    """An organisation says how its numbers look, without writing an expression."""
    detector = ShapeDetector({"employee": "EMP-#####", "customer": "@@######"})
    text = "ＥＭＰ－１２３４５ and KD123456, not XEMP-12345 nor EMP-123456"

    found = [(m.kind, text[m.start : m.end]) for m in detector.detect(text)]

    assert [("shape.employee", "ＥＭＰ－１２３４５"), ("shape.customer", "KD123456")] == found
    assert {"shape.employee", "shape.customer"} == detector.kinds


@pytest.mark.parametrize("shape", ["##", "EMP", "#" * 41, "a(b)#"])
def test_a_shape_that_matches_too_much_is_refused(shape):
    """A shape of two digits would stand in every text."""
    with pytest.raises(ConfigurationError, match=r"shapes\.employee"):
        ShapeDetector({"employee": shape})
