"""No text can stall detection: time grows with the length and stays small."""

from __future__ import annotations

import re
import time
from importlib import import_module
from pkgutil import iter_modules

import pytest

import hybridllm.classify.detectors as package
from hybridllm.classify import lexicon, normalise
from hybridllm.classify.detectors import BuiltinDetector

UNITS = [
    "a", "A", "0", "1 ", "a ", "A ", "Aa ", "Aaaa ", "a.", "a@", "@", "1-", "1.", "12 ", "0x41 ",
    "%41", "&#65;", "\\u0041", "=41", "aA1", "-", "_", "/", "::", "password ", "password: ",
    "pass=", "山", "山 ", "ア", "一", "一-", "東京都", "市", "さん", "山田 ", "1丁目", "Mr. Aaa ",
    "zero ", "ゼロ", "a\n", "1\n", "(1)", "<b", "<b>", '"+"', "eyJ", "eyJa.", "sk-", "://",
    "a://b:", "[at]", "a at b dot ", "  ", "\n", "U+0041 ", "Street 1 Aaa ", "は", "「", "aaaaaaa-",
    "A1", "Aa1!", "-----BEGIN ", "か\u3099", "\u200b", "０", "аb", "xn--a",
]  # fmt: skip
MODULES = [normalise, lexicon] + [
    import_module(f"{package.__name__}.{module.name}") for module in iter_modules(package.__path__)
]
PATTERNS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}
# The targets are 50 ms for a pattern; a busy machine of a stranger may be slower.
PATTERN_S = 0.2
ALL_S = 0.5
WORTH_A_RATIO_S = 0.03
LINEAR = 3.2


def hostile(unit, size):
    return (unit * size)[:size]


def cpu_s(work):
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
        if best < 0.005:
            break
    return best


@pytest.mark.parametrize("name", PATTERNS)
def test_each_pattern_is_linear(name):
    """Twice the text takes about twice the time, for every single expression."""
    pattern = PATTERNS[name]

    def search_s(text):
        return cpu_s(lambda: sum(1 for _ in pattern.finditer(text)))

    for unit in UNITS:
        short = search_s(hostile(unit, 20_000))
        assert short < PATTERN_S, unit
        if short > WORTH_A_RATIO_S:
            assert search_s(hostile(unit, 40_000)) < LINEAR * short, unit


@pytest.mark.parametrize("unit", UNITS)
def test_detection_as_a_whole_is_linear(unit):
    """A text made to stall a scanner is read about as fast as any other."""
    detector = BuiltinDetector()
    detector.detect("warm up")

    short = cpu_s(lambda: detector.detect(hostile(unit, 20_000)))
    long = cpu_s(lambda: detector.detect(hostile(unit, 40_000)))

    assert short < ALL_S
    assert long < max(LINEAR * short, WORTH_A_RATIO_S)


def test_no_pattern_repeats_without_a_bound():
    """Every repeat of more than one character class has an upper limit."""
    unbounded = re.compile(r"(?<!\\)(?:[*+]|\{\d+,\})")

    def repeats(expression):
        plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])+\]|\(\?[:=!<P][=!]?", "x", expression)
        plain = re.sub(r"\{\d*,?\d+\}\+", "{}", plain)  # possessive and bounded
        return unbounded.search(plain)

    found = {name for name, pattern in PATTERNS.items() if repeats(pattern.pattern)}

    # One class alone, and matched once for each place: linear by itself.
    assert {"scanning._DIGITS", "squeezing._DIGITS"} == found
