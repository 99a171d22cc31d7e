"""Search recorded bytes for a secret, through the encodings it may hide in.

Answers: does a recording hold this text, and in which disguise?
Not here: texts split over several messages or connections, base32, ciphers, compression
other than gzip, zlib and deflate, and paraphrase. Search their parts yourself.

The search takes views of the recording (as it is, unescaped, unpacked ...) up to three layers
deep and looks in each for the secret's bytes in several encodings. A name such as
`gzip/json/utf-8` tells the layers from the outside in. It takes about two seconds a megabyte.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable

from tests.support.views import VIEWS

_DEPTH = 3
_FEWEST_BYTES = 6  # anything shorter turns up by chance
_CHARSETS = ("utf-8", "utf-16-le", "utf-16-be", "cp932", "euc_jp", "iso2022_jp", "latin-1")
_ISO_2022_ENDS = re.compile(rb"^\x1b\$[@B]|\x1b\([BJ]$")  # neighbours may share the mode
_HEX_GAPS = re.compile(rb"\\x|0x|[\s:,-]")
_GAPS = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]+"
)
_NOT_WORD = re.compile(r"[\W_]+")

Needles = dict[str, bytes]


def contains(received: bytes, secret: str) -> list[str]:
    """Return the names of the encodings in which `received` holds `secret`; empty if none.

    Raises:
        ValueError: The secret has fewer than six bytes of UTF-8.
    """
    if len(secret.encode("utf-8")) < _FEWEST_BYTES:
        raise ValueError("a secret of fewer than 6 bytes would be found by chance")
    needles = _needles(secret)
    folds = {name: (fold, fold(secret)) for name, fold in _FOLDS.items()}
    found: list[str] = []
    seen: set[bytes] = set()
    layer: list[tuple[str, bytes]] = [("", received)]
    for depth in range(_DEPTH + 1):
        deeper: list[tuple[str, bytes]] = []
        for path, data in layer:
            if data in seen or not data:
                continue
            seen.add(data)
            found += [path + name for name in _matches(data, needles=needles, folds=folds)]
            if depth < _DEPTH:
                deeper += [
                    (f"{path}{name}/", view(data))
                    for name, view in VIEWS.items()
                    if name != "base64" or name not in path  # the needles see one layer more
                ]
        layer = deeper
    return found


Fold = Callable[[str], str]


def _matches(data: bytes, *, needles: Needles, folds: dict[str, tuple[Fold, str]]) -> list[str]:
    found = [name for name, needle in needles.items() if needle in data]
    hexadecimal = _HEX_GAPS.sub(b"", data.lower())
    found += [
        f"hex-{charset}"
        for charset in ("utf-8", "utf-16-le", "utf-16-be")
        if needles[charset].hex().encode("ascii") in hexadecimal
    ]
    if "utf-8" not in found:
        text = data.decode("utf-8", "replace")
        found += [name for name, (fold, wanted) in folds.items() if wanted in fold(text)]
    return found


def _needles(secret: str) -> Needles:
    needles: Needles = {}
    for charset in _CHARSETS:
        try:
            needle = _ISO_2022_ENDS.sub(b"", secret.encode(charset))
        except UnicodeEncodeError:
            continue
        if needle not in needles.values():
            needles[charset] = needle
    for charset in ("utf-8", "utf-16-le", "utf-16-be", "cp932"):
        for shift in range(3):
            if charset in needles and (needle := _base64_core(needles[charset], shift=shift)):
                needles[f"base64+{shift}-{charset}"] = needle
                urlsafe = needle.translate(bytes.maketrans(b"+/", b"-_"))
                if urlsafe != needle:
                    needles[f"base64url+{shift}-{charset}"] = urlsafe
    return needles


def _base64_core(data: bytes, *, shift: int) -> bytes:
    """Return the characters that depend on `data` alone, `shift` bytes into a group of three."""
    encoded = base64.b64encode(bytes(shift) + data).rstrip(b"=")
    start = (0, 2, 3)[shift]
    end = (shift + len(data)) * 8 // 6  # the last, partly filled character depends on what follows
    return encoded[start:end]


def _strip_gaps(text: str) -> str:
    """Drop white space, control and invisible characters."""
    return _GAPS.sub("", text)


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _loose(text: str) -> str:
    """Fold case and width, keep letters and digits only: 1234-5678 equals １２３４ ５６７８."""
    return _NOT_WORD.sub("", _nfkc(_nfkc(text).casefold()))


_FOLDS: dict[str, Fold] = {
    "case-folded": str.casefold,
    "whitespace-stripped": _strip_gaps,
    "nfkc": _nfkc,
    "letters-and-digits": _loose,
}
