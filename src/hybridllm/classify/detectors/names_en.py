"""Names of private people in English text.

Answers: who is named in a text by title, label, greeting or a known given name?
Not here: Japanese script (`names_ja`), names that only your lexicon knows.

A cue opens a place where one to three capitalised words are a name. Without a cue a
frequent given name needs a capitalised word after it. People who are spoken of for
their public role (an author, a president) are no findings, and neither are the
long dead whom every schoolbook names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.name_cues_en import CUES
from hybridllm.classify.detectors.name_data_en import (
    DEAD_AND_FAMOUS,
    FAMILY_NAMES,
    GIVEN_NAMES,
    NOT_NAMES,
    PLACES_AND_THINGS,
    SENTENCE_STARTS,
    WORDS_TOO,
)

__all__ = ["CUES", "find"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan


_WORD = (
    r"(?:[A-ZÀ-Þ][a-zß-ÿ]{1,20}(?:['’-][A-ZÀ-Þ]?[a-zß-ÿ]{1,20})?|(?:O|D)['’][A-Z][a-z]{1,20}"
    r"|Mc[A-Z][a-z]{1,18}|[A-Z]\.)"
)
_NAME = re.compile(rf"{_WORD}(?:[ ](?:(?:van|von|de|del|da|di|la|bin|al)[ ]){{0,2}}{_WORD}){{0,3}}")
_AFTER_LABEL = re.compile(
    r"(?:'s name)?(?:[ ](?:is|was|named|called|number|our|my))?[ ]?[:,\-#]?[ \n]{0,3}"
)
_CANDIDATE = re.compile(r"[A-ZÀ-Þ][a-zß-ÿ'’-]{1,20}[ ](?=[A-ZÀ-Þ])")
_NO_START = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'’.-/@#_")
_ROLE_BEFORE = re.compile(
    r"(?:(?:my|our|his|her|their|your|the|new|patient|employee|candidate|colleague"
    r"|boss)[ ](?:[a-z-]{2,12}[ ]){0,2}"
    r"(?:neighbou?r|candidate|patient|employee|colleague|boss|manager|client|customer|wife"
    r"|husband|son|daughter|sister|brother|mother|"
    r"father|tenant|landlord|assistant|nurse|student|pupil|friend|co-?worker|intern|accountant"
    r"|engineer|applicant|claimant|director|"
    r"teacher|partner|lawyer|doctor|buyer|contact|lead|supervisor|recruiter|analyst|consultant"
    r"|developer|technician|driver|holder)|"
    r"(?:candidate|patient|employee|applicant|tenant|claimant|policy ?holder|account ?holder"
    r"|insured|beneficiary|borrower|colleague|"
    r"neighbou?r|caller|attendee|passenger|guest|recipient|hired|interviewed|fired|promoted|met"
    r"|met with|spoke with|spoke to|speak to|"
    r"talked to|reply to|email|ask|tell|remind|thank|invite|contact|call|letter for|letter to"
    r"|reference for|card for|behalf of|"
    r"named|signed by|reported by|assigned to|written by|sent by|approved by|prepared by|for my"
    r"|i,|i am|i'm|this is))[,:]?[ ]$",
    re.IGNORECASE,
)
_ROLE_ENDS = tuple(
    """
    neighbour neighbor candidate patient employee colleague boss manager client customer wife
    husband son daughter sister brother mother father tenant landlord assistant nurse student
    pupil friend worker intern accountant engineer applicant claimant director teacher partner
    lawyer doctor buyer contact lead supervisor recruiter analyst consultant developer technician
    driver holder insured beneficiary borrower caller attendee passenger guest recipient hired
    interviewed fired promoted met with to email ask tell remind thank invite call for of named by
    my i am i'm is
    """.split()
)
"""How everything ends that `_ROLE_BEFORE` finds; looked at first, since most text has none."""
_MAIL_AFTER = re.compile(r"[ ]?[(<;,|/-][ ]?[\w.+-]{1,64}@|[;,|][ ]?\+?\(?[0-9]{2,4}[ )-]")
_WHO_AFTER = re.compile(
    r",?[ ](?:who|whose|from (?:accounting|finance|hr|payroll|sales|legal|it|facilities"
    r"|procurement|marketing|support))(?![a-z])",
    re.IGNORECASE,
)
_PERSON_AFTER = re.compile(
    r"(?:,[ ]who|'s|[ ](?:said|called|wants|asked|agreed|joined|left|missed|earns|lives))(?![a-z])"
)
_ART = (
    r"(?:novel|poem|book|song|film|movie|play|painting|speech|quote|album|theory|work|essay|lecture"
    r"|symphony|theorem|story)s?"
)
_PUBLIC_BEFORE = re.compile(
    r"(?:(?:president|prime minister|senator|actor|actress|singer|novelist|poet|painter|physicist"
    r"|philosopher|mathematician|composer|"
    r"king|queen|emperor|inventor|economist|minister|chancellor|pope|saint|scientist|author"
    r"|playwright|astronaut|footballer|"
    r"governor|rapper|comedian|celebrity|historian|writer|director|general)[ ]|(?:who|when"
    r"|where)[ ](?:is|was|were|did)[ ]|biography of[ ]|life of[ ]|"
    rf"{_ART}[ ](?:\w{{1,12}}[ ])?(?:by|of|from)[ ]|leadership style of[ ]|philosophy of[ ]"
    rf"|famous[ ]|did[ ])(?:\w{{1,12}}[ ])?$",
    re.IGNORECASE,
)
_PUBLIC_AFTER = re.compile(
    rf"(?:'s|’s)[ ](?:\w{{1,12}}[ ])?(?:{_ART}|law|equation|philosophy|legacy|music"
    rf"|paradox)(?![a-z])|[ ](?:wrote|painted|invented|composed|discovered)[ ](?:the|his|her|a"
    rf"|\")|,?[ ]the (?:\w{{1,12}}[ ])?(?:president|singer|actor|actress|novelist|poet|physicist)"
)
_INITIAL = re.compile(r"[A-Z]\.[ ]?([A-Z][a-z]{2,20})(?![a-z])(?! et al)")
_LAST_WORD = re.compile(r"(?<![A-Za-z])[A-Z][a-z]{1,18}$")
_CAPITALS = re.compile(r"([A-Z]{2,20})[ ]([A-Z]{2,20})(?![A-Za-z])")
_LOWER_PAIR = re.compile(r"([a-z]{2,20}) ([a-z]{2,20})(?![a-z])")
# Labels after which a single capitalised word, or two unknown ones, is a name.
_STRONG = frozenset(
    """
    name|full name|patient|customer name|my name is|applicant|cardholder|account holder
    beneficiary|attn|dear|regards|best regards|surname|last name|first name|given name|sincerely
    kind regards|signed|contact person|insured|claimant|tenant|policyholder|passenger|candidate
    employee|recipient|colleague|coworker|co-worker|wife|husband|daughter|son|sister|brother
    on behalf of|spoke with|met with|boss|landlord|guest|i am|i'm
    """.replace("\n", "|")
    .replace("    ", "")
    .strip("|")
    .split("|")
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield the names of private people in an English text."""
    text = scan.text
    labels = {end for _, end in scan.hits.get("en_label", ())}
    for title, end in scan.hits.get("en_title", ()):
        if not text[title].isupper():
            continue  # "20 ms. Then" is a time
        start = end + (text[end : end + 1] == ".")
        found = _NAME.match(text, start + 1) if text[start : start + 1] == " " else None
        name = _trimmed(found.group()) if found else ""
        if found and name and not _is_public(scan, name, found.start()):
            yield Match("personal.name", found.start(), found.start() + len(name), 0.9)
    for end in labels:
        if match := _labelled(scan, end):
            yield match
    yield from _in_text(scan, labels)
    yield from _in_other_forms(scan)


def _in_other_forms(scan: Scan) -> Iterator[Match]:
    """Yield names with a romanised honorific, and names in capitals that lists know."""
    text = scan.text
    for start, _ in scan.hits.get("romaji_honorific", ()):
        head = text[max(0, start - 20) : start]
        if found := _LAST_WORD.search(head):
            first = start - len(found.group())
            yield Match("personal.name", first, start, 0.85)
    for found in _INITIAL.finditer(text):
        if found.start() and text[found.start() - 1] in _NO_START:
            continue
        if found[1].lower() in FAMILY_NAMES and not _is_public(scan, found[1], found.start()):
            yield Match("personal.name", *found.span(), 0.65)
    for found in _CAPITALS.finditer(text):
        one, two = found[1].lower(), found[2].lower()
        if (one in GIVEN_NAMES and two in FAMILY_NAMES) or (
            one in FAMILY_NAMES and two in GIVEN_NAMES
        ):
            yield Match("personal.name", *found.span(), 0.75)


def _labelled(scan: Scan, end: int) -> Match | None:
    """Return the single name after a label such as `Dear` or `surname:`."""
    text, lower = scan.text, scan.lower
    gap = _AFTER_LABEL.match(text, end)
    start = gap.end() if gap else end
    label = max((word for word in _STRONG if lower.endswith(word, 0, end)), key=len, default="")
    found = _NAME.match(text, start)
    if found is None or not label:
        pair = _LOWER_PAIR.match(text, start) if lower.endswith("name is", 0, end) else None
        if pair and pair[1] in GIVEN_NAMES:
            return Match("personal.name", *pair.span(), 0.8)
        return None
    name = _trimmed(found.group())
    words = name.split()
    if len(words) != 1 or _is_public(scan, name, start):
        return None
    plain = _plain(name)
    colon = ":" in text[end : start + 1] or label in {"surname", "last name"}
    if plain in PLACES_AND_THINGS or label == "name":
        colon = False
    known = plain in GIVEN_NAMES or plain in WORDS_TOO or plain in FAMILY_NAMES
    if known or (colon and label.endswith("name")):
        return Match("personal.name", start, start + len(name), 0.7)
    return None


def _in_text(scan: Scan, labels: set[int]) -> Iterator[Match]:
    """Yield two to four capitalised words that are a name by list or by context."""
    text = scan.text
    position = 0
    while candidate := _CANDIDATE.search(text, position):
        start = candidate.start()
        position = candidate.end()
        if start and text[start - 1] in _NO_START:
            continue
        found = _NAME.match(text, start)
        if found is None:
            continue
        position = max(position, found.end())
        start, name = _core(found.group(), start)
        words = name.split()
        if not 2 <= len(words) <= 4:
            continue
        confidence = _confidence(scan, words, start, start + len(name), labels)
        if confidence and not _is_public(scan, name, start):
            yield Match("personal.name", start, start + len(name), confidence)


def _confidence(scan: Scan, words: list[str], start: int, end: int, labels: set[int]) -> float:
    first, last = _plain(words[0]), _plain(words[-1])
    if len(last) < 2 or last in PLACES_AND_THINGS or first in PLACES_AND_THINGS:
        return 0.0
    if first in GIVEN_NAMES and first not in WORDS_TOO:
        return 0.8
    is_swapped = first in FAMILY_NAMES and last in GIVEN_NAMES and last not in WORDS_TOO
    if is_swapped or (last in FAMILY_NAMES and len(first) > 1):
        return 0.75
    text = scan.text
    head, tail = text[max(0, start - 40) : start], text[end : end + 40]
    if _has_role(head) or _MAIL_AFTER.match(tail) or _WHO_AFTER.match(tail):
        return 0.7
    labelled = any(place in labels for place in range(max(0, start - 4), start + 1))
    return 0.7 if labelled or (first in WORDS_TOO and _PERSON_AFTER.match(tail)) else 0.0


def _has_role(head: str) -> bool:
    """Return whether the text before a name says what the person is."""
    ends = head.rstrip(" ,:").lower().endswith(_ROLE_ENDS)
    return ends and _ROLE_BEFORE.search(head) is not None


def _core(name: str, start: int) -> tuple[int, str]:
    """Return the name without the words of a sentence that stand before or after it."""
    words = name.split(" ")
    while words and (
        _plain(words[0]) in NOT_NAMES
        or _plain(words[0]) in SENTENCE_STARTS
        or (
            len(words) > 2
            and _plain(words[0]) not in GIVEN_NAMES
            and _plain(words[1]) in GIVEN_NAMES
        )
    ):
        start += len(words[0]) + 1
        words = words[1:]
    return start, _trimmed(" ".join(words))


def _trimmed(name: str) -> str:
    """Return the name up to the first word that no name contains."""
    words: list[str] = []
    for word in name.split(" "):
        if _plain(word) in NOT_NAMES:
            break
        words.append(word)
    return " ".join(words).removesuffix("'s").removesuffix("’s")


def _plain(word: str) -> str:
    lower = word.lower()
    if lower.isalpha():  # most words; the rest takes five times as long
        return lower
    return lower.removesuffix("'s").removesuffix("’s").replace("'", "").rstrip(".")


def _is_public(scan: Scan, name: str, start: int) -> bool:
    text = scan.text
    plain = " ".join(_plain(word) for word in name.split())
    if plain in DEAD_AND_FAMOUS:
        return True
    head = text[max(0, start - 48) : start]
    if scan.near(
        "public_role", start=start, end=start, before=48, after=0
    ) and _PUBLIC_BEFORE.search(head):
        return True
    return _PUBLIC_AFTER.match(text, start + len(name)) is not None
