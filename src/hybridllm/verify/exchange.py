"""Words that changed places, or were put in another's place.

Answers: does a claim say of one thing what the source, in the same words, says of another?
Not here: denial and opposites (`polarity`); claims in words of their own, where nothing can be
told from the order of words.

Two words count as exchanged if the claim has `x M y` where the source has `y M x`, with the
same words M between them, and M is no mere "and". A word counts as replaced if the claim has
`x h` where the source has `y h` (sales director, finance director), h names a sort of thing, and
x is in no source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from hybridllm.verify.words import KANJI, KATAKANA, LATIN, STOP_WORDS, is_japanese, stem

_TOKENS: Final = re.compile(
    rf"\d+(?:\.\d+)?|[{KANJI}]+|[{KATAKANA}]+|[\u3041-\u3096]+|[{LATIN}]+(?:['’-][{LATIN}]+)*"
)
_SYMMETRIC: Final = frozenset(
    "and or nor with is are was were be as well the a an of in for at their its on"
    " と や も か および 及び または 又は の で に は が を です である".split()
)
_REACH: Final = 4  # words that x and y may have
_GAP: Final = 2  # words such as "the" between them and M
_BEING: Final = frozenset({"be", "been", "being", "is", "are", "was", "were"})
_CLAUSE_STARTS: Final = frozenset(
    "because and but when while if so which that since as for".split()
)
_PARTICLES: Final = frozenset("が を に へ と から まで より は も で の".split())
_MAX_TOKENS: Final = 120  # a longer sentence is no sentence
_KIND_ENDS: Final = "部課室局署係長会社店県市区町村駅国州側棟階級員者法式型色号便席線門校所場館院"
"""Last characters that say what sort of thing a compound names."""
_KINDS_EN: Final = frozenset(
    stem(word)
    for word in (
        "team department office manager director officer committee board head division unit agency"
        " ministry company supplier customer member staff leader desk line lane tape label key"
        " cable door room hall building floor street park city road port class type model series"
        " version edition level contract plan card form licence license degree grade colour color"
        " point gate exit entrance side street region country market site plant valve pump seal"
    ).split()
)
"""Words that name a sort of thing, so that the word before tells which one."""


def are_exchanged(claim: str, *, source: str) -> bool:
    """Return whether two words of the source have changed places in the claim."""
    mine, theirs = _tokens(claim), _tokens(source)
    if max(len(mine), len(theirs)) > _MAX_TOKENS:
        return False
    for here, there, size in _common(mine, theirs):
        if all(token in _SYMMETRIC for token in mine[here : here + size]):
            continue
        if _is_passive(mine, start=here, size=size) != _is_passive(theirs, start=there, size=size):
            continue
        left, left_there = _left_of(mine, end=here), _left_of(theirs, end=there)
        right, follows = _right_of(mine, start=here + size)
        right_there, follows_there = _right_of(theirs, start=there + size)
        if not _is_alike_behind(follows, follows_there):
            continue
        if (left & right_there) - right - left_there and (right & left_there) - left - right_there:
            return True
    return False


def is_replaced(claim: str, *, source: str, held: frozenset[str]) -> bool:
    """Return whether a word stands where the source has another, and is in no source.

    Args:
        claim: Without its numbers.
        source: The sentence that is most like it.
        held: Everything that the words of all sources carry (`words.holdings`).
    """
    mine, theirs = _tokens(claim), _tokens(source)
    heads = {second: first for first, second in _compounds(theirs)}
    for first, second in _compounds(mine):
        rival = heads.get(second)
        if rival is None or rival == first or _is_held(first, held=held):
            continue
        if rival in mine or not _is_rival(first, rival=rival):
            continue
        if second.isascii() and second not in _KINDS_EN:
            continue
        return True
    return any(
        token not in theirs
        and not _is_held(token, held=held)
        and any(_are_one_kind(token, other) and other not in mine for other in theirs)
        for token in mine
        if is_japanese(token)
    )


def _tokens(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).lower()
    return [
        stem(token) if token.isascii() and token not in STOP_WORDS else token
        for token in _TOKENS.findall(folded)
    ]


def _common(mine: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield every longest stretch of tokens that both have: where it is in each, how long."""
    for here in range(len(mine)):
        for there in range(len(theirs)):
            if mine[here] != theirs[there]:
                continue
            if here and there and mine[here - 1] == theirs[there - 1]:
                continue
            size = 1
            while (
                here + size < len(mine)
                and there + size < len(theirs)
                and mine[here + size] == theirs[there + size]
            ):
                size += 1
            yield here, there, size


def _left_of(tokens: Sequence[str], *, end: int) -> set[str]:
    """Return the content words next to the left of a place, up to _GAP others between."""
    place, gap = end - 1, 0
    while place >= 0 and _is_empty(tokens[place]) and gap < _GAP:
        place, gap = place - 1, gap + 1
    found: set[str] = set()
    while place >= 0 and len(found) < _REACH and not _is_empty(tokens[place]):
        found.add(tokens[place])
        place -= 1
    return found


def _right_of(tokens: Sequence[str], *, start: int) -> tuple[set[str], str]:
    """Return the content words next to the right of a place, and the token behind them."""
    place, gap = start, 0
    while place < len(tokens) and _is_empty(tokens[place]) and gap < _GAP:
        place, gap = place + 1, gap + 1
    found: set[str] = set()
    while place < len(tokens) and len(found) < _REACH and not _is_empty(tokens[place]):
        found.add(tokens[place])
        place += 1
    return found, tokens[place] if place < len(tokens) else ""


def _is_alike_behind(one: str, other: str) -> bool:
    """Return whether x and y are followed by the same, or both by the end of their clause."""
    return one == other or (_is_end(one) and _is_end(other))


def _is_end(token: str) -> bool:
    return not token or token in _CLAUSE_STARTS or (_is_hiragana(token) and token not in _PARTICLES)


def _is_empty(token: str) -> bool:
    return token in STOP_WORDS or _is_hiragana(token)


def _is_hiragana(token: str) -> bool:
    return all("\u3041" <= char <= "\u3096" for char in token)


def _is_passive(tokens: Sequence[str], *, start: int, size: int) -> bool:
    """Return whether the words around a stretch turn subject and object round."""
    after = start + size
    near = tokens[max(0, after - 2) : after + 2]
    return (
        "by" in near
        or any(token in _BEING for token in tokens[max(0, start - 2) : start])
        or any(token.startswith(("れ", "られ", "され")) or "によ" in token for token in near)
    )


def _compounds(tokens: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield neighbouring content words; in Japanese a particle may stand between them."""
    for place, first in enumerate(tokens):
        if first in STOP_WORDS or _is_hiragana(first) or first.isdigit():
            continue
        if len(first) == 1 and not "".join(tokens[place + 1 : place + 2]).startswith("い"):
            continue  # 経つ is a verb, 赤い tells which one
        for second in tokens[place + 1 : place + 3]:
            if _is_hiragana(second) and len(second) <= 2:
                continue
            if second not in STOP_WORDS and not _is_hiragana(second):
                yield first, second
            break


def _is_held(token: str, *, held: frozenset[str]) -> bool:
    if not is_japanese(token) or len(token) == 1:
        return token in held
    return any(pair in held for pair in map("".join, pairwise(token)))


def _is_rival(token: str, *, rival: str) -> bool:
    """Return whether two words may not mean the same: in Japanese, those sharing no character."""
    if is_japanese(token) or is_japanese(rival):
        return not set(token) & set(rival) or _are_one_kind(token, rival)
    return token[:3] != rival[:3]


def _are_one_kind(one: str, other: str) -> bool:
    """Return whether two compounds name different things of one sort: 経理部 and 人事部."""
    return (
        2 <= len(one) <= 6
        and 2 <= len(other) <= 6
        and one[-1] == other[-1]
        and one[-1] in _KIND_ENDS
        and not set(one[:-1]) & set(other[:-1])
    )
