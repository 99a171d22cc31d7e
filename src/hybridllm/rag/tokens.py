"""The words that a lexical search compares.

Answers: which tokens does a text have, as a document and as a question?
Not here: how tokens are counted and weighed (`lexical`), synonyms (`glossary`).

Text in scripts that write words apart gives stemmed words. Japanese and the other scripts
that do not give pairs of neighbouring characters, and, if SudachiPy and a dictionary are
installed (extra `ja`), the normalised content words too. Pairs beat every word splitter
alone, and both together are best (R@5 0.535, 0.451 to 0.472 and 0.583 on one Japanese set).

A document also gives each kanji by itself, a question only those that stand alone in it:
油 is found inside 潤滑油, and a long question is not blurred by its single characters.
Sources: Unicode Standard Annex 15 (NFKC); snowballstemmer 3; SudachiPy 0.7, mode A.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

from hybridllm.errors import MissingExtraError

_KANJI = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Kana, Bopomofo, Hangul, Thai, Lao, Tibetan, Burmese and Khmer.
_UNSPACED = (
    _KANJI
    + "\u3041-\u3096\u309d-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"
    + ("\uac00-\ud7a3\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff")
)
_PIECES: Final = re.compile(
    rf"(?P<run>[{_UNSPACED}]+)|(?P<word>(?:(?![{_UNSPACED}])[^\W_])+"
    rf"(?:[-_./,:](?:(?![{_UNSPACED}])[^\W_])+)*)"
)
_KANJI_RUN: Final = re.compile(f"[{_KANJI}]+")
_JAPANESE: Final = re.compile(f"[{_KANJI}\u3041-\u30ff]")
_APOSTROPHE: Final = re.compile(r"(?<=\w)['’](?=\w)")
_PARTS: Final = re.compile(r"[^\W\d_]+|\d+")
_JOINTS: Final = re.compile("[-_/,:]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # half a character, which SudachiPy refuses

_STOP_WORDS: Final = frozenset(
    "a an and are as at be by for from in is it of on or that the this to was with".split()
)
_CONTENT: Final = frozenset({"名詞", "動詞", "形容詞", "形状詞", "副詞", "接頭辞", "接尾辞"})
_EMPTY_WORDS: Final = frozenset("為る 居る 有る 成る 事 物 無い 出来る 其れ 此れ 為 様".split())
_SUDACHI_PIECE: Final = 8_000  # characters; SudachiPy refuses more than 49,149 bytes
_WORD_MARK: Final = "\u2060"  # WORD JOINER: keeps a word apart from an equal pair of characters

_BUILDING = threading.Lock()
_OF_THREAD = threading.local()


def document_tokens(text: str) -> list[str]:
    """Return the tokens of a passage, in no promised order, with repeats."""
    return list(_tokens(text, is_query=False))


def query_tokens(text: str) -> list[str]:
    """Return the tokens of a question, with repeats."""
    return list(_tokens(text, is_query=True))


def splits_japanese() -> bool:
    """Return whether Japanese words are looked up, and not only pairs of characters."""
    return _dictionary() is not None


def _tokens(text: str, *, is_query: bool) -> Iterator[str]:
    folded = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", text).lower())
    for piece in _PIECES.finditer(folded):
        if (run := piece["run"]) is not None:
            yield from _pairs(run, is_query=is_query)
        else:
            yield from _words(piece["word"])
    if _JAPANESE.search(folded) is not None:
        yield from _japanese_words(folded)


def _pairs(run: str, *, is_query: bool) -> Iterator[str]:
    yield from map("".join, pairwise(run))
    if len(run) == 1:
        yield run
        return
    for kanji in _KANJI_RUN.findall(run):
        if not is_query or len(kanji) == 1:
            yield from kanji


def _words(word: str) -> Iterator[str]:
    """Yield a word, the parts of a compound or part number, and its writing in one."""
    parts = _PARTS.findall(word)
    if len(parts) > 1:
        # 1,000 and 1000, AB-1234 and ab1234 are the same; 3.14 and 314 are not.
        yield _JOINTS.sub("", word)
    for part in parts:
        if part not in _STOP_WORDS or len(parts) > 1:
            yield _stem(part)


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    if not word.isascii() or not word.isalpha() or len(word) < 3:
        return word
    stemmer = getattr(_OF_THREAD, "stemmer", None)
    if stemmer is None:
        stemmer = _OF_THREAD.stemmer = _english_stemmer()
    return str(stemmer.stemWord(word))


def _english_stemmer() -> Any:
    """Return a stemmer; it keeps the word that it works on, so each thread has its own."""
    try:
        from snowballstemmer import stemmer
    except ImportError:
        raise MissingExtraError(feature="Searching documents", extra="rag") from None
    return stemmer("english")


def _japanese_words(text: str) -> Iterator[str]:
    tokenizer = _japanese_tokenizer()
    if tokenizer is None:
        return
    clean = _SURROGATE.sub("?", text)
    for start in range(0, len(clean), _SUDACHI_PIECE):
        for morpheme in tokenizer.tokenize(clean[start : start + _SUDACHI_PIECE]):
            if morpheme.part_of_speech()[0] not in _CONTENT:
                continue
            word = str(morpheme.normalized_form())
            if word not in _EMPTY_WORDS and _JAPANESE.search(morpheme.surface()) is not None:
                yield _WORD_MARK + word


def _japanese_tokenizer() -> Any:
    """Return this thread's tokenizer, `None` without the extra; two threads may not share one."""
    if not hasattr(_OF_THREAD, "japanese"):
        with _BUILDING:
            dictionary = _dictionary()
        _OF_THREAD.japanese = None if dictionary is None else _short_units(dictionary)
    return _OF_THREAD.japanese


def _short_units(dictionary: Any) -> Any:
    from sudachipy import SplitMode

    # `tokenizer` came with SudachiPy 0.7, which warns of the older name.
    build = getattr(dictionary, "tokenizer", None) or dictionary.create
    return build(mode=SplitMode.A)


@cache
def _dictionary() -> Any:
    if find_spec("sudachipy") is None:
        return None
    from sudachipy import Dictionary

    for size in ("core", "small", "full"):
        if find_spec(f"sudachidict_{size}") is not None:
            return Dictionary(dict=size)
    return None
