"""Cheap signs that a sentence says the opposite of the passage that it resembles.

Answers: is one of two alike sentences denied, or turned round by a word?
Not here: which two are alike (`evidence`), exchanged words (`exchange`), knowledge.

These signs are looked for only where two sentences share nearly all their words, since anywhere
else they mean nothing. The opposites are a closed list of words of order, amount and permission;
there is no dictionary of antonyms.
"""

from __future__ import annotations

import re
from typing import Final

from hybridllm.verify.words import coverage, holdings, is_japanese, ordered_words, wanted

_NEUTRAL: Final = re.compile(
    r"\bnot only\b|\bno (?:later|earlier|more|less|fewer|longer than|greater) than\b"
    r"|\bnot (?:later|earlier|more|less) than\b|\bwhether or not\b|\bno\. ?\d|\bif not\b"
    r"|\bnot (?:just|merely|necessarily)\b|\bno matter\b"
    r"|だけで(?:は)?な[くい]|のみな?らず|のみで(?:は)?な[くい]"
    r"|(?:なければ|なくては|ないと|ねば)(?:な[らり]|いけ)(?:ない|ませ?ん|ず|なかった)?"
    r""
    r"|かもしれ(?:な|ま)(?:い|せん)|しかな[いく]|しか(?=[^。、]{0,12}な[いく])|に違いな|間違いな|少な"
    r"|危な|はかな|ほかな[らり]|に過ぎな|やむを得な|ざるを得な|欠かせな|限らな|かまわな|構わな|問題な|差し支えな",
    re.IGNORECASE,
)
_STRICT: Final = re.compile(
    r"\b(?:not|never|none|nobody|nothing|neither|nor|cannot|without|unable|no)\b|n['’]t\b"
    r"|な(?:い|く(?!な[るりっ])|かっ|けれ)|ませ?ん|(?<=[かさたなばまらがわしきみりちけめれべせえて])ず(?:に|、|。|$)|不可|不要|禁[止じ]"
    r"|でき(?:ず|ぬ)|非対応|未対応|対象外",
    re.IGNORECASE,
)
_BROAD: Final = re.compile(
    r"\b(?:prohibit|forbid|forbade|ban|bann|den[iy]|refus|reject|disallow|disabl|exclud|only|unless"
    r"|except|fail|lack|avoid|prevent|absent|ignor|invalid|exempt|free of|instead|stop|rather"
    r"|un(?!i|der|til|d)|im(?:possib|prop)|in(?:valid|capab|effect|eligib|suffic|complet|accur|compat)|il(?:legal)|non)"
    r"|[禁不無非未除拒]|対象外|却下|以外|のみ|だけ|限[るりらっ]|ない|ません",
    re.IGNORECASE,
)
_WITHOUT: Final = re.compile(r"\bwithout\s+((?:[\w'’-]+\s*){1,4})", re.IGNORECASE)
_WITH: Final = re.compile(r"\bwith\s+((?:[\w'’-]+\s*){1,5})", re.IGNORECASE)
_PREDICATE_EN: Final = re.compile(
    r"(?:\b(?:not|never|cannot|without|no)|n['’]t)\s+((?:[\w-]+\s*){1,4})", re.IGNORECASE
)
_FILLERS: Final = frozenset({"long", "any", "allow", "permit", "able", "yet"})
_HEAD: Final = 16  # characters in front of ない that hold what is denied
_ASSERTED: Final = 0.75
_COPIED: Final = 0.8
_QUOTED: Final = re.compile(r"`[^`]*`|\"[^\"]{1,20}\"|“[^”]{1,20}”")
_OPPOSITES: Final = tuple(
    (frozenset(one.split(",")), frozenset(other.split(",")))
    for pair in (
        "before,prior|after,following;at least,minimum,or more,no less than|at most,maximum,or"
        " less,up to,no more than;above,exceed,exceeds,more than|below,less than,fewer than;"
        "increase,increases,increased,increasing,rise,rises,rose|decrease,decreases,decreased,"
        "decreasing,reduce,reduces,reduced,fall,falls,fell;"
        "allowed,permitted,may|prohibited,forbidden,banned;required,mandatory,compulsory|optional,"
        "voluntary;enable,enables,enabled|disable,disables,disabled;always|never;"
        "higher,highest|lower,lowest;first|last;earlier,earliest|later,latest;internal|external;"
        "largest,larger|smallest,smaller;longer,longest|shorter,shortest;include,includes,included"
        "|exclude,excludes,excluded;true|false;left|right;upper|lower;"
        "accept,accepts,accepted|reject,rejects,rejected;open,opens,opened,opening|close,closes,closed,closing;"
        "paid|unpaid;success,succeeds,succeeded|failure,fails,failed;ascending|descending;"
        "以上|以下,未満;以前,前まで|以後,以降;増加,増え,上昇|減少,減り,減っ,低下;有効|無効;必須|任意;"
        "許可,認め|禁止;可能|不可;最大,上限|最小,下限,最低;午前|午後;前に|後に;上が|下が;"
        "社内|社外;内部|外部;含む,含み,含ま|除く,除き,除外;公開|非公開;承認|却下;開始|終了;"
        "増やす,増やし|減らす,減らし;高い,高く|低い,低く;早い,早く|遅い,遅く;長い,長く|短い,短く;"
        "有料,有償|無料,無償;常に|決して;"
        "正社員|契約社員;先に|後で;昇順|降順;成功|失敗;左|右;開い,開き,開け,開く|閉じ,閉め;全員|一部;義務|任意;暖か|冷た"
    ).split(";")
    for one, other in [pair.split("|")]
)


_PREFIXED: Final = re.compile(
    r"[不無非未](?P<ja>[\u4e00-\u9fff]{2})|\b(?:un|in|im|non-?|ir|il|dis)(?P<en>[a-z]{5,})\b"
)
_BEFORE: Final = re.compile(r"(?<=[日月年間週時])前")
_AFTER: Final = re.compile(r"(?<=[日月年間週時])後")


def is_denied(sentence: str, *, source: str) -> bool:
    """Return whether exactly one of two alike sentences denies what both speak of.

    Args:
        sentence: Of the answer.
        source: The sentence of the source that is most like it.
    """
    mine, theirs = _plain(sentence), _plain(source)
    denials, denials_there = len(_STRICT.findall(mine)), len(_STRICT.findall(theirs))
    if denials == denials_there:
        return False
    if _lacks_what_is_needed(mine, source=theirs):
        return True
    if denials > denials_there:
        # A claim that merges two sentences has the denials of both.
        is_one = coverage(wanted(mine), held=holdings(theirs)) >= _COPIED
        is_copy = coverage(wanted(theirs), held=holdings(mine)) >= _COPIED
        says_otherwise = bool(_broad(theirs) - _broad(mine))
        return is_one and not says_otherwise and (not denials_there or is_copy)
    return not _broad(mine) - _broad(theirs) and _asserts_what_is_denied(mine, source=theirs)


def has_opposite(sentence: str, *, source: str, around: str) -> bool:
    """Return whether a word of order, amount or permission is turned into its opposite."""
    mine, theirs, near = (text.lower() for text in (sentence, source, around))
    denied = bool(_STRICT.search(_plain(mine)))
    if denied != bool(_STRICT.search(_plain(theirs))):
        return False  # "not after" is "before"
    before, after = bool(_BEFORE.search(mine)), bool(_AFTER.search(mine))
    if (before != after) and (
        (before, after) == (bool(_AFTER.search(theirs)), bool(_BEFORE.search(theirs)))
    ):
        return True
    if _is_prefixed(mine, plain_in=theirs) or _is_prefixed(theirs, plain_in=mine):
        return True
    for pair in _OPPOSITES:
        for here, there in (pair, pair[::-1]):
            if (
                _holds(mine, words=here)
                and not _holds(mine, words=there)
                and _holds(theirs, words=there)
                and not _holds(near, words=here)
            ):
                return True
    return False


def _plain(text: str) -> str:
    """Return a text without quoted words and without denials that deny nothing."""
    return _NEUTRAL.sub(" ", _QUOTED.sub(" ", text))


def _broad(text: str) -> set[str]:
    """Return the words that may deny in other words, such as "prohibited"."""
    return {match.group().lower() for match in _BROAD.finditer(_STRICT.sub(" ", text))}


def _lacks_what_is_needed(sentence: str, *, source: str) -> bool:
    """Return whether the sentence goes without something that the source goes with."""
    for match in _WITHOUT.finditer(sentence):
        lacked = ordered_words(match[1])[:2]
        for other in _WITH.finditer(source):
            if lacked and set(lacked) & set(ordered_words(other[1])[:3]):
                return True
    return False


def _asserts_what_is_denied(sentence: str, *, source: str) -> bool:
    """Return whether the sentence holds the very words that the source denies."""
    said = holdings(sentence)
    for match in _PREDICATE_EN.finditer(source):
        denied = [word for word in ordered_words(match[1]) if word not in _FILLERS][:2]
        if re.match(r"no\s", match[0], re.IGNORECASE):
            # "Pays no salary" denies paying; "no points" alone denies nothing that is said here.
            clause = re.split(r"[,;:.]", source[: match.start()])[-1]
            before = ordered_words(clause)
            denied = [*before, *denied[:1]] if before else []
        if denied and all(word in said for word in denied):
            return True
    for match in _STRICT.finditer(source):
        if not is_japanese(match.group()):
            continue
        head = re.split(r"[。、]", source[: match.start()])[-1][-_HEAD:]
        # The verb's kanji stand in front of ない: 承認できない, 持ち込めません.
        if (denied_ja := wanted(head)) and coverage(denied_ja, held=said) >= _ASSERTED:
            return True
    return False


def _is_prefixed(text: str, *, plain_in: str) -> bool:
    """Return whether a text has 不十分 or "unsafe" where the other one has 十分 or "safe"."""
    for match in _PREFIXED.finditer(text):
        word = match["ja"] or match["en"]
        bare = rf"(?<![不無非未]){word}" if match["ja"] else rf"\b{word}\b"
        whole = match.group()
        if re.search(bare, plain_in) and whole not in plain_in and not re.search(bare, text):
            return True
    return False


def _holds(text: str, *, words: frozenset[str]) -> bool:
    return any(
        re.search(rf"\b{re.escape(word)}\b", text) if word.isascii() else word in text
        for word in words
    )
