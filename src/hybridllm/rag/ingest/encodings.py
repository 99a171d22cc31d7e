"""What the bytes of a text file say.

Answers: which encoding fits all of the bytes and gives plausible text?
Not here: structure of the text (`plain`, `web`, `mail`).

Nothing is decoded with replacements. A byte order mark is believed; then ISO-2022-JP by its
escapes, then UTF-8, which other encodings hardly ever match by chance. Between EUC-JP and
CP932 (the Windows form of Shift_JIS) the more plausible reading counts: kana, punctuation
and the 2,965 kanji of level 1 of JIS X 0208 make up nearly all of ordinary Japanese. What
is neither stays unread: mojibake in an index is worse than a gap that is reported.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

from hybridllm.rag.ingest.failures import DocumentReadError, Reason

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Only where a page or mail names them: any bytes at all fit the first few.
_DECLARED: Final = frozenset(
    "iso8859-1 iso8859-15 cp1252 iso8859-2 cp1250 koi8-r cp1251 gb18030 gbk gb2312 big5 euc_kr "
    "cp949 utf-8 utf-16 shift_jis cp932 euc_jp iso2022_jp".split()
)
_ESCAPES: Final = re.compile(rb"\x1b(?:\$[@B]|\$\([DOPQ]|\([IJ])")
_SAMPLE_CHARS: Final = 200_000
# Natural text reaches 0.95 and more; European text read as CP932 stays far below.
_PLAUSIBLE: Final = 0.85
_HALF_WIDTH: Final = re.compile("[\uff61-\uff9f]")
# A voiced sound mark has its place behind some kana only.
_ODD_HALF_WIDTH: Final = re.compile("[､｡]|(?<![ｳｶ-ﾄﾊ-ﾎ])ﾞ|(?<![ﾊ-ﾎ])ﾟ")
_KANA: Final = re.compile("[ぁ-ゖァ-ヺ]")
_IDEOGRAPH: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_OTHER_CHARSETS: Final = ("gb2312", "big5", "euc_kr")
# What UTF-8 becomes as CP932 or Latin-1, and CP932 as Latin-1.
_MOJIBAKE: Final = re.compile(
    "[縺繧繝]|[\u00c2\u00c3\u00e3-\u00e9][\u0080-\u00bf\u0152-\u2122]|[\u201a\u0192][\u0021-\u00ff]"
)


def decoded(data: bytes, *, declared: str = "") -> str:
    """Return the text of a file.

    Args:
        data: Its bytes.
        declared: The encoding that a page or mail says it has; believed if all bytes fit
            and no garbage comes out.

    Raises:
        DocumentReadError: No encoding is certain, or the text has been damaged before.
    """
    if _name(declared) in _DECLARED:
        text = _strictly(data, encoding=declared)
        if text is not None and "\x1b" not in text and not is_garbled(text):
            return text
    text = _decoded(data)
    if text is None:
        raise DocumentReadError(Reason.UNKNOWN_ENCODING)
    if is_garbled(text):
        raise DocumentReadError(Reason.GARBLED)
    return text


def is_garbled(text: str) -> bool:
    """Return whether a text looks like one that was decoded wrongly.

    Looks at replacement characters, private and unassigned code points, known traces of
    mojibake, ideographs of no common character set, and rare kanji amid kana.
    """
    sample = text[:_SAMPLE_CHARS]
    others = [char for char in sample if ord(char) > 0x7F]
    if not others:
        return False
    broken = sum(char == "\ufffd" or unicodedata.category(char) in {"Co", "Cn"} for char in others)
    if broken > max(2, len(others) // 50):
        return True
    if len(_MOJIBAKE.findall(sample)) > max(3, len(others) // 10):
        return True
    ideographs = _IDEOGRAPH.findall(sample)
    levels = [_jis_level(char) for char in ideographs]
    rare = [char for char, level in zip(ideographs, levels, strict=True) if level == 0]
    rare = [char for char in rare if not _in_another_charset(char)]
    if len(rare) > max(4, len(ideographs) // 10):
        return True
    is_japanese = len(_KANA.findall(sample)) > len(others) // 20
    return is_japanese and levels.count(2) > max(10, len(levels) * 2 // 5)


def _decoded(data: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding=encoding)
    if _ESCAPES.search(data) and data.isascii():
        return _strictly(data, encoding="iso2022_jp_ext") or _strictly(
            _shift_jis(data), encoding="cp932"
        )
    # A zero byte is legal UTF-8, and a sure sign of a binary file.
    if b"\0" in data:
        return None
    if (text := _strictly(data, encoding="utf-8")) is not None:
        return text
    euc, windows = (_strictly(data, encoding=encoding) for encoding in ("euc_jp", "cp932"))
    if windows is not None and _is_half_width(windows, other=euc):
        return windows
    readings = [reading for reading in (euc, windows) if reading is not None]
    best = max(readings, key=_plausibility, default=None)
    return best if best is not None and _plausibility(best) >= _PLAUSIBLE else None


def _strictly(data: bytes, *, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _name(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        return ""


def _shift_jis(data: bytes) -> bytes:
    """Return ISO-2022-JP as Shift_JIS: mails hold signs that only Windows has, such as a circled 1.

    Source: RFC 1468; JIS X 0208:1997, annex 1 (shifted code).
    """
    pieces = []
    for piece in re.split(rb"(?=\x1b)", data):
        found = re.match(rb"\x1b(?:\$[@B]|\([BJI])", piece)
        escape, rest = (found.group(), piece[found.end() :]) if found else (b"", piece)
        if escape.startswith(b"\x1b$"):
            rest = b"".join(_shifted(*rest[at : at + 2]) for at in range(0, len(rest) - 1, 2))
        elif escape == b"\x1b(I":
            rest = bytes(byte | 0x80 for byte in rest)
        pieces.append(rest)
    return b"".join(pieces)


def _shifted(row: int, cell: int, /) -> bytes:
    lead = (row - 0x21) // 2 + 0x81
    lead += 0x40 if lead > 0x9F else 0
    trail = cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E
    return bytes([lead & 0xFF, trail & 0xFF])


def _is_half_width(text: str, *, other: str | None) -> bool:
    """Say whether CP932 text consists of half-width kana, as in bank transfers."""
    kana = _HALF_WIDTH.findall(text)
    foreign = sum(ord(char) > 0x7F for char in text)
    if len(kana) < foreign * 0.9 or len(_ODD_HALF_WIDTH.findall(text)) > len(kana) // 20:
        return False
    return other is None or len(_KANA.findall(other)) < len(other) // 20


def _plausibility(text: str) -> float:
    """Return which share of the characters beyond ASCII is common in Japanese."""
    others = [char for char in text[:_SAMPLE_CHARS] if ord(char) > 0x7F]
    common = sum(_jis_level(char) == 1 for char in others)
    return common / len(others) if others else 1.0


def _jis_level(char: str) -> int:
    """Return 1 for kana, punctuation and kanji of level 1, 2 for level 2, 0 for others."""
    try:
        code = char.encode("euc_jp")
    except UnicodeEncodeError:
        # Signs of CP932 that EUC-JP lacks, such as a circled 1, and full-width forms.
        return 1 if "\u2010" <= char <= "\u33ff" or "\uff01" <= char <= "\uff5e" else 0
    row = code[0] - 0xA0
    if len(code) != 2 or row < 1:
        return 0
    return 1 if row <= 5 or 16 <= row <= 47 else 2


def _in_another_charset(char: str) -> bool:
    for charset in _OTHER_CHARSETS:
        try:
            char.encode(charset)
        except UnicodeEncodeError:
            continue
        return True
    return False
