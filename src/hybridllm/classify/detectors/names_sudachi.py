"""Japanese names by part of speech, with SudachiPy and its dictionary (extra `ja`).

Answers: which words does a morphological dictionary tag as names of people?
Not here: cues without a dictionary (`names_ja`).

A family name followed by a given name or an honorific is a finding; a tagged word
alone is not, since many names are places and words too. SudachiPy refuses more than
49,149 bytes, so a long text is read in pieces that end at a sentence. Sources:
SudachiPy 0.7; SudachiDict (UniDic tags, 名詞-固有名詞-人名).
"""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.name_cues_ja import HONORIFICS
from hybridllm.classify.detectors.name_data_ja import COMMON_FAMILY_NAMES
from hybridllm.classify.detectors.names_ja import is_public
from hybridllm.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES: dict[str, tuple[str, ...]] = {}

_PIECE = 8_000
_JAPANESE = re.compile("[\u4e00-\u9fff\u30a1-\u30fa]")
_HONORIFICS = frozenset(HONORIFICS) | {"サン", "サマ", "方", "宛"}
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which the tokenizer refuses
_BUILDING = threading.Lock()
_OF_THREAD = threading.local()
_LABELS = re.compile(
    "(?:氏名|名前|担当者?|患者名?|顧客名|契約者|申込者|応募者|候補者|社員名?|宛名|代表者|名義人?"
    "|保護者|上司|部下|同僚|後任|前任)[:はがの ]?$"
)
_PARTICLES = frozenset("が は に へ の と も を や から より です".split())


def find(scan: Scan) -> Iterator[Match]:
    """Yield the names of private people in a Japanese text.

    Raises:
        MissingExtraError: SudachiPy or its dictionary is not installed.
    """
    text = scan.text
    if text.isascii() or _JAPANESE.search(text) is None:
        return
    for start, end, confidence in _names(scan):
        yield Match("personal.name", start, end, confidence)


def _names(scan: Scan) -> Iterator[tuple[int, int, float]]:
    for offset, piece in _pieces(scan.text):
        words = [
            (morpheme.surface(), morpheme.part_of_speech(), morpheme.begin() + offset)
            for morpheme in _tokenizer().tokenize(_SURROGATE.sub("?", piece))
        ]
        yield from _people(scan, words)


def _people(scan: Scan, words: list[tuple[str, Any, int]]) -> Iterator[tuple[int, int, float]]:
    index = 0
    while index < len(words):
        _, tags, start = words[index]
        if tags[2] != "人名":
            index += 1
            continue
        last = index
        while last + 1 < len(words) and _continues(words, last):
            last += 1
        end = words[last][2] + len(words[last][0])
        confidence = _confidence(scan.text, words, index, last)
        if confidence and not is_public(scan, name=scan.text[start:end], start=start, end=end):
            yield start, end, confidence
        index = last + 1


def _continues(words: list[tuple[str, Any, int]], last: int) -> bool:
    surface, tags, _ = words[last + 1]
    if tags[2] == "人名":
        return bool(words[last][1][3] != "名" or tags[3] != "姓")
    is_space = surface in {" ", "・", "="}
    return bool(
        is_space
        and last + 2 < len(words)
        and words[last + 2][1][2] == "人名"
        and words[last][1][3] != "名"
    )


def _confidence(text: str, words: list[tuple[str, Any, int]], first: int, last: int) -> float:
    start, end = words[first][2], words[last][2] + len(words[last][0])
    following = words[last + 1][0] if last + 1 < len(words) else ""
    honoured = following in _HONORIFICS or text[end : end + 3].startswith(HONORIFICS)
    kinds = [words[i][1][3] for i in range(first, last + 1)]
    labelled = _LABELS.search(text[max(0, start - 8) : start]) is not None
    full = "姓" in kinds and "名" in kinds
    if full:
        return 0.85
    if (honoured or labelled) and end - start > 1:
        return 0.8
    if len(kinds) == 1 and kinds[0] == "姓" and end - start > 1 and honoured:
        return 0.8
    is_common = text[start:end] in COMMON_FAMILY_NAMES
    named_as_such = text.startswith(("という", "って"), end)
    return 0.6 if is_common and following in _PARTICLES and not named_as_such else 0.0


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    while start < len(text):
        stop = min(len(text), start + _PIECE)
        if stop < len(text):
            cut = max(
                text.rfind("。", start, stop),
                text.rfind("\n", start, stop),
                text.rfind("、", start, stop),
            )
            stop = cut + 1 if cut > start else stop
        yield start, text[start:stop]
        start = stop


def _tokenizer() -> Any:
    """Return this thread's tokenizer; one may not be used by two threads at once."""
    tokenizer = getattr(_OF_THREAD, "tokenizer", None)
    if tokenizer is None:
        with _BUILDING:
            dictionary = _dictionary()
        # `tokenizer` came with SudachiPy 0.7, which warns of the older name.
        build = getattr(dictionary, "tokenizer", None) or dictionary.create
        tokenizer = _OF_THREAD.tokenizer = build()
    return tokenizer


@cache
def _dictionary() -> Any:
    try:
        from sudachipy import Dictionary
    except ImportError:
        raise MissingExtraError(feature="Finding Japanese names", extra="ja") from None
    for size in ("core", "small", "full"):
        if find_spec(f"sudachidict_{size}") is not None:
            return Dictionary(dict=size)
    raise MissingExtraError(feature="Finding Japanese names", extra="ja")
