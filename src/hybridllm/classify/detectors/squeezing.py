"""Undoing spacing and spelling: `0 9 0`, `zero nine zero`, broken lines, reversed text.

Answers: what does a text say once letters are pushed together again, numbers that are
spelled out become digits, markup inside a value is dropped?
Not here: characters (`normalise`), encodings (`decoding`).

Each pass replaces only runs that ordinary text does not have; detectors then judge
the squeezed text like any other, so a wrong join has to pass a check digit or a cue.
Source: the families of disguise in the project's own development set.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from hybridllm.classify.normalise import KANJI_DIGITS, without_overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.normalise import Edit, Shadow

_CHAR = "[A-Za-z0-9@._+!#$%&?-]"
_SPACED = re.compile(
    rf"(?<![A-Za-z0-9]){_CHAR}([ .*_|/,~\n-])(?:{_CHAR}\1){{5,400}}{_CHAR}(?![A-Za-z0-9])"
)
_SPACED_JA = re.compile(
    "(?<![\u3041-\u9fff])[\u3041-\u9fff]([ ・.*_"
    "|/~\n-])(?:[\u3041-\u9fff0-9]\\1){2,200}[\u3041-\u9fff0-9](?![\u3041-\u9fff])"
)
# A literal start makes these ten times as fast as the patterns that they guard.
_SPACED_GATES = tuple(
    (
        mark,
        re.compile(
            rf"{re.escape(mark)}[^{re.escape(mark)}]{re.escape(mark)}[^ ]{re.escape(mark)}",
            re.DOTALL,
        ),
    )
    for mark in " ・.*_|/,~\n-"
)
_BREAK = re.compile(
    r"(?<=[A-Za-z0-9@._+/=-])(-|=|\\)?[ \t]{0,4}\r?\n[ \t>]{0,6}(?=[A-Za-z0-9@._+/=-])"
)
_INSIDE_WORDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._+/=-"

_EN_DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3",
    "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_EN_WORD = (
    "(?:(?:double|triple)[ -])?(?:zero|oh|nought|one|two|three|four|five|six|seven|eight|nine)"
)
_EN_NUMBER = re.compile(
    rf"(?<![A-Za-z])(?:{_EN_WORD}|[0-9])(?:[ ,.-]{{1,3}}(?:(?:dash"
    rf"|hyphen)[ ,]{{1,2}})?(?:{_EN_WORD}|[0-9])){{5,60}}(?![A-Za-z])",
    re.IGNORECASE,
)
_RARE_DIGIT_WORDS = ("zero", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_JA_DIGITS = {
    "ゼロ": "0", "ぜろ": "0", "れい": "0", "レイ": "0", "まる": "0", "マル": "0", "いち": "1",
    "イチ": "1", "さん": "3", "サン": "3", "よん": "4", "ヨン": "4", "ろく": "6", "ロク": "6",
    "なな": "7", "ナナ": "7", "しち": "7", "シチ": "7", "はち": "8", "ハチ": "8", "きゅう": "9",
    "キュウ": "9", "きゅー": "9", "キュー": "9", "に": "2", "ニ": "2", "ご": "5", "ゴ": "5",
    "し": "4", "シ": "4", "く": "9", "ク": "9",
}  # fmt: skip
_KANJI_GROUPS = re.compile(
    "[〇零一二三四五六七八九0-9]{1,5}(?:[のー・ -][〇零一二三四五六七八九0-9]{1,5}){1,4}"
)
_JA_WORD = "|".join(sorted(_JA_DIGITS, key=len, reverse=True))
_JA_NUMBER = re.compile(
    f"(?:{_JA_WORD})(?:[ 、・,ー-]{{0,2}}(?:の|ハイフン)?[ ]?(?:{_JA_WORD})){{6,60}}"
)
_JA_TOKEN = re.compile(f"{_JA_WORD}|の|ハイフン|[ 、,-]")

_WORD_SEPARATOR = re.compile(
    r"[0-9][ ]?(?:dash|hyphen|minus|ハイフン|ダッシュ|マイナス|dot|space|slash|スペース|\[-\]"
    r"|\(-\))[ ]?(?=[0-9])",
    re.IGNORECASE,
)
_ODD_SEPARATOR = re.compile(
    "[0-9](?:[^0-9A-Za-z\\s\u3041-\u9fff,.:%$€£¥/+=()-]{1,3}(?=[0-9])|[xX](?=[0-9]{3,4}[xX][0-9]"
    "|(?<=[0-9]{3}[xX])[0-9]{4}(?![0-9]))|[)\\]}]{1,2}[(\\[{]{1,2}(?=[0-9]))"
)
_MARKUP = re.compile(
    r"<(?:!--.{0,60}?--|/?[A-Za-z][^<>\n]{0,60})>|\*\*|__|~~|`|\"[ ]?[+.][ ]?\"|'[ ]?[+.][ ]?'"
    r"|\\(?=[_*.@-])|\u200b"
)
_REVERSED_MAIL = re.compile(
    r"(?<![A-Za-z0-9.@-])[a-z]{2,6}\.[A-Za-z0-9.-]{2,60}@[A-Za-z0-9._+-]{1,64}(?![A-Za-z0-9.@-])",
    re.IGNORECASE,
)
_REVERSED_ENDS = (
    "moc.",
    "pj.",
    "ten.",
    "gro.",
    "oi.",
    "ed.",
    "ku.",
    "ofni.",
    "ude.",
    "vog.",
    "pj.oc.",
    "elpmaxe.",
    "tset.",
)
_REVERSAL_CUES = (
    "revers",
    "backward",
    "逆順",
    "逆から",
    "逆さ",
    "逆に",
    "後ろから",
    "反対から",
    "右から左",
)
_REVERSIBLE = re.compile(r"[0-9A-Za-z@._!#$%&*+-]{6,80}(?:[ -][0-9]{2,4}){0,4}")
_LOOK_ALIKE_RUN = re.compile(
    r"(?<![A-Za-z0-9])[0-9OoQlI|SBZ]{1,19}(?:[- .][0-9OoQlI|SBZ]{1,8}){0,5}(?![A-Za-z0-9])"
)
_LOOK_ALIKE_DIGITS = str.maketrans("OoQlI|SBZ", "000111582")
_POSING = frozenset("OoQlI|SBZ")
_DIGITS = re.compile("[0-9]+")
_ROT13_CUE = re.compile("rot-?13", re.IGNORECASE)
_MANY_LINES = 8


def squeezed(shadow: Shadow) -> Shadow:
    """Return the shadow with spacing and spelling undone, or itself."""
    for find in (_markup, _rotated, _runs, _numbers, _separators):
        shadow = shadow.edited(without_overlaps(list(find(shadow.text))))
    return shadow


def _markup(text: str) -> Iterator[Edit]:
    if any(mark in text for mark in ("<", "**", "__", "~~", "`", '"', "'", "\\")):
        for found in _MARKUP.finditer(text):
            yield (*found.span(), "")


def _rotated(text: str) -> Iterator[Edit]:
    if "rot" in text or "ROT" in text:
        cue = _ROT13_CUE.search(text)
        if cue:
            yield (cue.end(), len(text), codecs.encode(text[cue.end() :], "rot13"))
            yield (0, cue.start(), codecs.encode(text[: cue.start()], "rot13"))


def _runs(text: str) -> Iterator[Edit]:
    """Yield single characters pushed together, lines joined, reversed tokens turned."""
    if any(text.count(mark) > 1 and gate.search(text) for mark, gate in _SPACED_GATES):
        for pattern in (_SPACED, _SPACED_JA):
            for found in pattern.finditer(text):
                yield (*found.span(), found.group()[0::2])
    if "\n" in text:
        yield from _broken_lines(text)
    yield from _reversed(text)


def _reversed(text: str) -> Iterator[Edit]:
    if "@" in text:
        for found in _REVERSED_MAIL.finditer(text):
            if found.group().lower().startswith(_REVERSED_ENDS):
                yield (*found.span(), found.group()[::-1])
    lower = text.lower()
    if any(cue in lower for cue in _REVERSAL_CUES):
        for found in _REVERSIBLE.finditer(text):
            token = found.group()
            if any(char.isdigit() for char in token) or "@" in token:
                yield (*found.span(), token[::-1])


def _broken_lines(text: str) -> Iterator[Edit]:
    many = text.count("\n") > _MANY_LINES
    for found in _BREAK.finditer(text):
        start, end = found.start(), found.end()
        head, tail = text[max(0, start - 80) : start], text[end : end + 80]
        left = head[len(head.rstrip(_INSIDE_WORDS)) :]
        right = tail[: len(tail) - len(tail.lstrip(_INSIDE_WORDS))]
        both = left + right
        if len(both) < 8 or not any(char.isdigit() or char in "@_" for char in both):
            continue
        if left.isdigit() and right.isdigit() and (many or (found[1] is None and len(both) > 19)):
            continue  # a column of figures
        keep = "-" if found[1] == "-" else ""
        yield (start, end, keep)


def _numbers(text: str) -> Iterator[Edit]:
    """Yield numbers that are spelled out, and letters that pose as digits."""
    lower = text.lower()
    # "one" hides in many words, so it counts only where it is doubled.
    if sum(map(lower.count, _RARE_DIGIT_WORDS)) >= 2 or "one one" in lower:
        for found in _EN_NUMBER.finditer(text):
            words = found.group().lower()
            if sum(char.isalpha() for char in words) >= 9:
                yield (*found.span(), _english_digits(words))
    if not text.isascii():
        yield from _japanese_numbers(text)
    yield from _posing_letters(text)


def _japanese_numbers(text: str) -> Iterator[Edit]:
    for found in _KANJI_GROUPS.finditer(text):
        plain = found.group().translate(KANJI_DIGITS)
        if sum(char.isdigit() for char in plain) >= 7:
            yield (*found.span(), plain)
    for found in _JA_NUMBER.finditer(text):
        tokens = _JA_TOKEN.findall(found.group())
        signs = {"の": "-", "ハイフン": "-", "-": "-"} | _JA_DIGITS
        yield (*found.span(), "".join(signs.get(token, "") for token in tokens))


def _posing_letters(text: str) -> Iterator[Edit]:
    if not any(_poses(text, found.start(), found.end()) for found in _DIGITS.finditer(text)):
        return
    for found in _LOOK_ALIKE_RUN.finditer(text):
        token = found.group()
        digits = sum(char.isdigit() for char in token)
        letters = sum(char.isalpha() or char == "|" for char in token)
        if letters and digits >= 4 and digits > letters and digits + letters >= 7:
            yield (*found.span(), token.translate(_LOOK_ALIKE_DIGITS))


def _poses(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] in _POSING or text[end : end + 1] in _POSING


def _english_digits(words: str) -> str:
    digits: list[str] = []
    times = 1
    for word in re.findall("[a-z]+|[0-9]", words):
        if word in {"double", "triple"}:
            times = 2 if word == "double" else 3
            continue
        if word in {"dash", "hyphen"}:
            digits.append("-")
            continue
        digits.append(_EN_DIGITS.get(word, word) * times)
        times = 1
    return "".join(digits)


def _separators(text: str) -> Iterator[Edit]:
    for pattern in (_WORD_SEPARATOR, _ODD_SEPARATOR):
        for found in pattern.finditer(text):
            yield (found.start() + 1, found.end(), "-")
