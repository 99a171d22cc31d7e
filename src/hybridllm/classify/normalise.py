"""Shadow text: the same text without disguise, and the way back to the original.

Answers: what does this text say once invisible characters, width and script
variants, look-alike letters and written-out signs are undone, and which original
characters does a place in it stand for?
Not here: undoing encodings (`detectors.decoding`) and spacing (`detectors.squeezing`).

The original is never changed. A shadow is the text plus a stack of layers; each
layer lists the places that one pass replaced, so a pass that finds nothing costs
one scan and no copy. Offsets are code points.
Sources: Unicode 15.1, UAX #15 (NFKC), UTS #39 (confusable letters, mixed scripts).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Edit = tuple[int, int, str]
"""Start, end and replacement. Edits of one pass are sorted and do not overlap."""


@dataclass(frozen=True, slots=True, repr=False)
class _Layer:
    """What one pass replaced: places in the new text and in the text before."""

    new_starts: tuple[int, ...]
    new_ends: tuple[int, ...]
    old_starts: tuple[int, ...]
    old_ends: tuple[int, ...]

    def start(self, position: int) -> int:
        """Return where the character at `position` starts in the text before."""
        index = bisect_right(self.new_starts, position) - 1
        # A deletion has no characters of its own, so it never contains one.
        if index < 0:
            return position
        if position >= self.new_ends[index]:
            return self.old_ends[index] + position - self.new_ends[index]
        if self._is_one_to_one(index):
            return self.old_starts[index] + position - self.new_starts[index]
        return self.old_starts[index]

    def end(self, position: int) -> int:
        """Return where the character before `position` ends in the text before."""
        last = position - 1
        index = bisect_right(self.new_starts, last) - 1
        if index < 0:
            return position
        if last >= self.new_ends[index]:
            return self.old_ends[index] + position - self.new_ends[index]
        if self._is_one_to_one(index):
            return self.old_starts[index] + position - self.new_starts[index]
        return self.old_ends[index]

    def _is_one_to_one(self, index: int) -> bool:
        new = self.new_ends[index] - self.new_starts[index]
        return new == self.old_ends[index] - self.old_starts[index]


@dataclass(frozen=True, slots=True, repr=False)
class Shadow:
    """A text without disguise.

    Attributes:
        text: What detectors read.
        layers: What was replaced, first pass first.
    """

    text: str
    layers: tuple[_Layer, ...] = ()

    def original_span(self, span: tuple[int, int]) -> tuple[int, int]:
        """Return the original characters that this part of `text` stands for."""
        start, end = span
        for layer in reversed(self.layers):
            start, end = layer.start(start), layer.end(end)
        return start, max(end, start + 1)

    def then(self, next_shadow: Shadow) -> Shadow:
        """Return one shadow for a shadow of this shadow's text."""
        return Shadow(next_shadow.text, (*self.layers, *next_shadow.layers))

    def edited(self, edits: Sequence[Edit]) -> Shadow:
        """Return this shadow with one more layer, or itself when nothing changes."""
        if not edits:
            return self
        pieces: list[str] = []
        new_starts: list[int] = []
        new_ends: list[int] = []
        length = position = 0
        for start, end, replacement in edits:
            pieces.append(self.text[position:start])
            pieces.append(replacement)
            length += start - position
            new_starts.append(length)
            length += len(replacement)
            new_ends.append(length)
            position = end
        pieces.append(self.text[position:])
        layer = _Layer(
            tuple(new_starts),
            tuple(new_ends),
            tuple(edit[0] for edit in edits),
            tuple(edit[1] for edit in edits),
        )
        return Shadow("".join(pieces), (*self.layers, layer))


def normalise(text: str) -> Shadow:
    """Return the shadow of `text`: one writing for each character and sign.

    Check: `normalise("０９０").text == "090"`.
    """
    shadow = Shadow(text)
    if text.isascii():
        if not text.replace("\n", "").replace("\t", "").replace("\r", "").isprintable():
            shadow = shadow.edited([(m.start(), m.end(), "") for m in _CONTROL.finditer(text)])
    else:
        shadow = shadow.edited(_fold_characters(text))
        if not shadow.text.isascii():
            shadow = shadow.edited(_latin_look_alikes(shadow.text))
            shadow = shadow.edited(_kanji_digits(shadow.text))
    return shadow.edited(_written_out_signs(shadow.text))


# Everything that ordinary English and Japanese text is made of and that NFKC
# leaves alone: ASCII, accented Latin, kana, kanji, common Japanese punctuation.
_STABLE = (
    "\t\n\r\x20-\x7e\u00a1-\u00a7\u00a9\u00ab\u00ac\u00ae\u00b0\u00b1\u00b6\u00b7\u00bb\u00bf-\u017e"
    "\u3001-\u3007\u3008-\u3015\u3041-\u3096\u30a1-\u30fe\u3400-\u4dbf\u4e00-\u9fff"
    "\u2026\u2018\u2019\u201c\u201d\u2022\u2190-\u2193\u25a0\u25cb\u25cf\u2605\u2606\u203b"
)
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u3099\u309a\u20d0-\u20f0\uff9e\uff9f"
    "\ufe00-\ufe0f\ufe20-\ufe2f"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CLUSTER = re.compile(
    f"[\U000e0020-\U000e007e]{{4,200}}|[^{_STABLE}][{_MARKS}]{{0,8}}|[{_STABLE}][{_MARKS}]{{1,8}}"
)
_HAS_CLUSTER = re.compile(f"[^{_STABLE}]")

_HYPHENS = frozenset(
    "\u02d7\u058a\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u23af\u2500\u2501"
    "\u2796\u2e3a\u2e3b\u30a0\ufe31\ufe58\ufe63\uff0d"
)
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5\ufffc")
_NEGATIVE_CIRCLED = {0x24FF: "0"} | {
    first + i: str(i + 1) for first in (0x2776, 0x24F5, 0x278A) for i in range(9)
}


def _fold_characters(text: str) -> list[Edit]:
    """Return the edits that give every character its plainest writing."""
    if _HAS_CLUSTER.search(text) is None:
        return []
    folded = ((found, _fold(found.group())) for found in _CLUSTER.finditer(text))
    return [(*found.span(), plain) for found, plain in folded if plain != found.group()]


def _fold_tags(cluster: str) -> str:
    """Return the ASCII text that a run of tag characters hides (UTS #51, annex C)."""
    return " " + "".join(chr(ord(char) - 0xE0000) for char in cluster)


@lru_cache(maxsize=8192)
def _fold(cluster: str) -> str:
    """Return the plainest writing of one character and its marks."""
    first = ord(cluster[0])
    if len(cluster) > 3 and 0xE0020 <= first <= 0xE007E:
        return _fold_tags(cluster)
    return "".join(map(_plain, unicodedata.normalize("NFKC", cluster)))


def _plain(char: str) -> str:
    code = ord(char)
    if code < 0x80:
        return "" if _CONTROL.match(char) else char
    if char in _HYPHENS:
        return "-"
    if char in _BLANKS:
        return ""
    if code in _NEGATIVE_CIRCLED:
        return _NEGATIVE_CIRCLED[code]
    for first, base in ((0x1F150, "A"), (0x1F170, "A"), (0x1F1E6, "a")):
        if first <= code < first + 26:
            return chr(ord(base) + code - first)
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.digit(char))
    if category in {"Cf", "Mn", "Me", "Cc"}:
        return ""
    if category in {"Zs", "Zl", "Zp"}:
        return " " if category == "Zs" else "\n"
    return char


# Letters that UTS #39 lists as confusable with a Latin letter or a digit.
_LOOK_ALIKES = {
    ord(pair[0]): pair[1]
    for pair in (
        "аa вb гr еe ёe з3 кk мm нh оo рp сc тt уy хx ѕs іi јj ԁd ԛq ԝw һh ӏl ьb АA ВB ЕE З3 ІI "
        "ЈJ КK МM НH ОO РP СC ТT УY ХX ЅS ԌG ԚQ ԜW ӀI Ьb αa βb εe ιi κk νv οo ρp τt υu χx γy ηn "
        "ωw ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ɑa ɡg ɩi ɪi ոn սu օo ցg հh ԼL ՕO ᴀa ʙb ᴄc "
        "ᴅd ᴇe ɢg ʜh ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ᴛt ᴜu ᴠv ᴡw ʏy ᴢz ıi "
    ).split()
}
_LOOK_ALIKE = re.compile("[\u0131\u01c3\u0250-\u02af\u0370-\u052f\u0531-\u0587\u1d00-\u1d22]")
_TOKEN_SIDE = 64
_TOKEN_CHARS = re.compile(r"[^\s\u3000-\u9fff\uff00-\uffef,;:!?()\[\]{}<>\"']")


def _latin_look_alikes(text: str) -> list[Edit]:
    """Return edits for foreign letters that pose as Latin ones inside Latin words.

    A token counts when it has ASCII letters or digits too and when every foreign
    letter in it is a look-alike: a word of real Russian or Greek fails the second.
    """
    edits: list[Edit] = []
    done = 0
    for found in _LOOK_ALIKE.finditer(text):
        if found.start() < done:
            continue
        start = found.start()
        floor = max(done, start - _TOKEN_SIDE)
        while start > floor and _TOKEN_CHARS.match(text[start - 1]):
            start -= 1
        end = found.end()
        ceiling = min(len(text), end + _TOKEN_SIDE)
        while end < ceiling and _TOKEN_CHARS.match(text[end]):
            end += 1
        token, done = text[start:end], end
        latin = token.translate(_LOOK_ALIKES)
        if any(char.isascii() and char.isalnum() for char in token) and latin.isascii():
            edits.append((start, end, latin))
    return edits


KANJI_DIGITS = str.maketrans("〇零一二三四五六七八九壱弐参", "00123456789123")
_KANJI_RUN = re.compile("[〇零一二三四五六七八九壱弐参]{3,40}")
_SIGN = re.compile(
    r"[\[({<【《「]\s?(?:(at|a|@|アット|アットマーク|あっと)|(dot|\.|d0t|ドット|どっと"
    r"|点))\s?[\])}>】》」]",
    re.IGNORECASE,
)
_SIGN_WORD = re.compile(
    "(?<=[A-Za-z0-9])[ ]?(?:(アットマーク|アット|あっとまーく|あっと|[★☆◎●])|(ドット|どっと))[ ]?"
    "(?=[A-Za-z0-9])"
)
_SPOKEN_MAIL = re.compile(
    r"(?<![A-Za-z0-9._-])([A-Za-z0-9._-]{2,40})[ ](at|AT|At)[ ]"
    r"([A-Za-z0-9-]{2,40}(?:[ ](?:dot|DOT|Dot)[ ][A-Za-z]{2,15}){1,3})(?![A-Za-z0-9])"
)


def _kanji_digits(text: str) -> list[Edit]:
    return [
        (found.start(), found.end(), found.group().translate(KANJI_DIGITS))
        for found in _KANJI_RUN.finditer(text)
    ]


def _written_out_signs(text: str) -> list[Edit]:
    """Return edits that write `[at]`, `(dot)` and spoken addresses with signs."""
    edits: list[Edit] = []
    for pattern in (_SIGN,) if text.isascii() else (_SIGN, _SIGN_WORD):
        for found in pattern.finditer(text):
            start, end = found.span()
            if start and text[start - 1] == " ":
                start -= 1
            if end < len(text) and text[end] == " ":
                end += 1
            edits.append((start, end, "@" if found.group(1) else "."))
    if " dot " in text or " DOT " in text or " Dot " in text:
        for found in _SPOKEN_MAIL.finditer(text):
            host = re.sub(" (?:dot|DOT|Dot) ", ".", found.group(3))
            edits.append((*found.span(), f"{found.group(1)}@{host}"))
    return without_overlaps(edits)


def without_overlaps(edits: list[Edit]) -> list[Edit]:
    """Return the edits in order; of overlapping ones the first."""
    edits.sort()
    kept: list[Edit] = []
    for edit in edits:
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept
