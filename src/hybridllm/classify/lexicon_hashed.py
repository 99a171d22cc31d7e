"""A lexicon as keyed hashes: terms are found, and their file names none.

Answers: which terms of a list stand in a text, if the list may only be kept as hashes?
Not here: where the key comes from (`config.stores`), the forms of a term (`lexicon_forms`).

The file is a line that names its kind, a line of JSON, and two sorted blocks. A *form*
is 9 bytes: 8 of a keyed digest of one writing of a term and the number of its group. A
*head* is 40 bytes: 8 of a keyed digest of how some forms begin (their first Latin word,
or two characters, after the legal form of a company) and 32 with a bit for each length
that those have. Group and lengths are masked with further bytes of the same digests.
Without the key the file tells the names of the groups, about how many terms there are,
and how many begin differently. Whoever has file *and* key can try guesses.

Reading is linear: each place where a word can begin costs one digest of its head (common
ones are kept), and one for each length if the head is known, 256 at most.
Digests are keyed BLAKE2b (RFC 7693). With 64 bits, a million forms and a text of 100 KB
meet by chance once in 10^8 texts.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridllm.classify.detectors.unfolding import readings
from hybridllm.classify.lexicon_forms import (
    LEGAL_FORMS,
    fold_with_places,
    is_latin,
    longest,
    stands_alone,
    variants,
)
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from hybridllm.classify.detector import Match
    from hybridllm.classify.lexicon import Lexicon

HEADER: Final = b"hybridllm hashed lexicon 1\n"

_ID_BYTES: Final = 8
_LENGTH_BYTES: Final = 32
_LONGEST: Final = 8 * _LENGTH_BYTES
_MAX_GROUPS: Final = 256
_LONGEST_HEAD: Final = 24
_KEPT_HEADS: Final = 65_536
"""Heads whose lengths are kept in memory: all two-character heads of a large text, and more."""

_LATIN: Final = "".join(char for char in map(chr, range(0x250)) if is_latin(char))
_STARTS: Final = re.compile(f"[{_LATIN}]+|[^{_LATIN} ]")
_LEGAL: Final = tuple(sorted(LEGAL_FORMS, key=len, reverse=True))
_LEGAL_FIRST: Final = frozenset(form[0] for form in _LEGAL)


@dataclass(frozen=True, slots=True, repr=False)
class HashedLexicon:
    """A list of terms, of which only keyed hashes are known.

    Attributes:
        groups: The groups that the terms belong to, by number.
        heads: Id of a head -> bit set of lengths, still masked.
        forms: Id of a form -> number of its group, still masked.
        key: With which all of them were made.
    """

    groups: tuple[str, ...]
    heads: Mapping[bytes, bytes]
    forms: Mapping[bytes, int]
    key: bytes

    def __repr__(self) -> str:
        return f"HashedLexicon({len(self.forms)} forms)"


class _Hashes:
    """The two kinds of keyed digests, each an id followed by a mask."""

    __slots__ = ("_form", "_head", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._form = blake2b(key=key, digest_size=_ID_BYTES + 1, person=b"lexicon form")
        self._head = blake2b(key=key, digest_size=_ID_BYTES + _LENGTH_BYTES, person=b"lexicon head")

    def form(self, text: str) -> bytes:
        state = self._form.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()

    def head(self, text: str) -> bytes:
        state = self._head.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()

    def seal(self, data: bytes) -> str:
        return blake2b(data, key=self._key, digest_size=32, person=b"lexicon file").hexdigest()


def is_hashed(path: str | Path) -> bool:
    """Return whether a file says of itself that it is a hashed lexicon."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(len(HEADER)) == HEADER
    except OSError:
        # Whoever reads the file for good says what is wrong with it.
        return False


def hash_lexicon(lexicon: Lexicon, *, key: bytes) -> bytes:
    """Return the content of a file that holds only keyed hashes of the terms.

    Raises:
        ConfigurationError: A term is too long when it is written out, or there are more
            than 256 groups.
    """
    hashes = _Hashes(key)
    groups = sorted(lexicon.groups)
    if len(groups) > _MAX_GROUPS:
        raise ConfigurationError(f"has {len(groups)} groups; expected {_MAX_GROUPS} at most")
    heads: dict[bytes, int] = {}
    forms: dict[bytes, int] = {}
    for term in lexicon.terms:
        for form in variants((term.text, *term.readings)):
            if len(form) > _LONGEST:
                raise ConfigurationError(
                    f"a term or reading is longer than {_LONGEST} characters when written out"
                )
            digest = hashes.head(_first_head(form))
            heads[digest] = heads.get(digest, 0) | 1 << (len(form) - 1)
            digest = hashes.form(form)
            forms[digest] = groups.index(term.group)
    body = b"".join(sorted(_masked_lengths(digest, lengths) for digest, lengths in heads.items()))
    body += b"".join(
        sorted(
            digest[:_ID_BYTES] + bytes((digest[_ID_BYTES] ^ group,))
            for digest, group in forms.items()
        )
    )
    told = {"groups": groups, "heads": len(heads), "forms": len(forms)}
    check = {"key": hashes.seal(b"key"), "file": hashes.seal(_told(told) + body)}
    return HEADER + _told({**told, **check}) + body


def load_hashed_lexicon(path: str | Path, *, key: bytes) -> HashedLexicon:
    """Read a file that `hash_lexicon` made.

    Raises:
        ConfigurationError: The file cannot be read, is damaged, or was made with another
            key: nothing of it would be found, and nobody would notice.
    """
    name = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=name) from None
    damaged = ConfigurationError("is damaged; make it again from its CSV file", file=name)
    line, _, body = data.removeprefix(HEADER).partition(b"\n")
    try:
        found = json.loads(line)
        told = {key: found[key] for key in ("groups", "heads", "forms")}
        checks = str(found["key"]), str(found["file"])
        parts = int(told["heads"]), int(told["forms"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged from None
    hashes = _Hashes(key)
    if not hmac.compare_digest(hashes.seal(b"key"), checks[0]):
        raise ConfigurationError(
            "was hashed with another key, so nothing of it could be found. Hash the CSV file "
            "again here, or share the key of the installation (state.key_env)",
            file=name,
        )
    if not hmac.compare_digest(hashes.seal(_told(told) + body), checks[1]):
        raise damaged
    return _from_body(body, groups=tuple(told["groups"]), parts=parts, key=key)


def _from_body(
    body: bytes, *, groups: tuple[str, ...], parts: tuple[int, int], key: bytes
) -> HashedLexicon:
    head_bytes, form_bytes = _ID_BYTES + _LENGTH_BYTES, _ID_BYTES + 1
    middle = parts[0] * head_bytes
    heads = {
        body[place : place + _ID_BYTES]: body[place + _ID_BYTES : place + head_bytes]
        for place in range(0, middle, head_bytes)
    }
    forms = {
        body[place : place + _ID_BYTES]: body[place + _ID_BYTES]
        for place in range(middle, len(body), form_bytes)
    }
    return HashedLexicon(groups, heads, forms, key)


class HashedLexiconDetector:
    """Finds the terms of a hashed lexicon; the same findings as of its CSV file."""

    __slots__ = ("_hashes", "_kept", "_kinds", "_lexicon", "kinds")

    name = "lexicon"

    def __init__(self, lexicon: HashedLexicon) -> None:
        self._lexicon = lexicon
        self._hashes = _Hashes(lexicon.key)
        self._kinds = [f"lexicon.{group}" for group in lexicon.groups]
        self._kept: dict[str, Sequence[int]] = {}
        self.kinds: frozenset[str] = frozenset(self._kinds)

    def detect(self, text: str) -> list[Match]:
        """Return where terms stand in `text`; of overlapping ones the longest."""
        found: list[tuple[int, int, str]] = []
        for shadow in readings(text) if self._lexicon.forms else ():
            folded, places = fold_with_places(shadow.text)
            for first, last, kind in self._terms(folded):
                start, end = places[first], places[last - 1] + 1
                if stands_alone(shadow.text, start=start, end=end):
                    found.append((*shadow.original_span((start, end)), kind))
        return list(longest(found))

    def _terms(self, folded: str) -> Iterator[tuple[int, int, str]]:
        forms, kept, size = self._lexicon.forms, self._kept, len(folded)
        for start in _STARTS.finditer(folded):
            first = start.start()
            for head in _heads(folded, first, start.end()):
                lengths = kept.get(head)
                if lengths is None:
                    lengths = self._lengths(head)
                for length in lengths:
                    last = first + length
                    if last > size:
                        break
                    if last < size and is_latin(folded[last]) and is_latin(folded[last - 1]):
                        continue
                    digest = self._hashes.form(folded[first:last])
                    group = forms.get(digest[:_ID_BYTES])
                    if group is not None:
                        yield first, last, self._kinds[group ^ digest[_ID_BYTES]]

    def _lengths(self, head: str) -> Sequence[int]:
        """Return the lengths of forms that begin like this, the shortest first."""
        digest = self._hashes.head(head)
        masked = self._lexicon.heads.get(digest[:_ID_BYTES])
        lengths: Sequence[int] = ()
        if masked is not None:
            bits = int.from_bytes(masked) ^ int.from_bytes(digest[_ID_BYTES:])
            lengths = tuple(place + 1 for place in range(_LONGEST) if bits >> place & 1)
        if len(self._kept) >= _KEPT_HEADS:
            self._kept.clear()
        self._kept[head] = lengths
        return lengths


def _first_head(form: str) -> str:
    start = _STARTS.match(form)
    *_, head = _heads(form, 0, start.end() if start else 1)
    return head


def _heads(folded: str, start: int, end: int) -> tuple[str, ...]:
    """Return how forms that start here may begin. `end` is where the first word ends.

    Thousands of companies begin with their legal form, so what follows it counts too;
    forms too short for that stand under their first two characters.
    """
    first = folded[start]
    if is_latin(first):
        return (folded[start : min(end, start + _LONGEST_HEAD)],)
    short = folded[start : start + 2]
    if first in _LEGAL_FIRST:
        for legal in _LEGAL:
            if folded.startswith(legal, start) and len(folded) >= start + len(legal) + 2:
                return short, folded[start : start + len(legal) + 2]
    return (short,)


def _masked_lengths(digest: bytes, lengths: int) -> bytes:
    mask = int.from_bytes(digest[_ID_BYTES:])
    return digest[:_ID_BYTES] + (mask ^ lengths).to_bytes(_LENGTH_BYTES)


def _told(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True).encode() + b"\n"
