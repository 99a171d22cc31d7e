"""Sentences that claim nothing, and those that say that nothing was found.

Answers: is a sentence an abstention, a greeting, an introduction or a question?
Not here: whether a claim is carried (`check`).

A sentence that abstains and goes on to claim something is a claim.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from hybridllm.verify.model import ABSTENTION_EN, ABSTENTION_JA
from hybridllm.verify.words import is_japanese, wanted


class Speech(StrEnum):
    """What a sentence does."""

    CLAIM = "claim"
    ABSTENTION = "abstention"
    NO_CLAIM = "no_claim"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_SOURCES_EN: Final = (
    r"(?:documents?|sources?|passages?|context|texts?|materials?|references?|excerpts?|files?"
    r"|information|documentation)"
)
# "The policy does not include breakfast" is a claim, so verbs that things can do need an object.
_ABSTAINS_EN: Final = _any(
    r"\b(?:not|nowhere) (?:be )?(?:found|mentioned|stated|specified|contained|covered|described"
    rf"|available|addressed|included|provided|given)\b.{{0,30}}\b(?:in|by)\b.{{0,30}}\b{_SOURCES_EN}\b",
    rf"\b{_SOURCES_EN}\b.{{0,30}}\b(?:do|does|did)(?: not|n['’]t) (?:\w+ )?"
    r"(?:mention|say|state|specify|cover|describe|address|indicate|discuss|explain|answer|tell)\b",
    rf"\b{_SOURCES_EN}\b.{{0,30}}\b(?:do|does|did)(?: not|n['’]t) (?:\w+ )?(?:contain|include"
    r"|provide|give|have|hold) (?:\w+ ){0,3}(?:answer|information|details?|mention|anything)\b",
    rf"\b{_SOURCES_EN}\b.{{0,30}}\b(?:contains?|provides?|gives?|has|have|holds?|says?)"
    r" (?:nothing|no (?:\w+ )?(?:answer|information|details?|mention|statement))\b",
    r"\bi (?:do not|don['’]t|cannot|can['’]t|could not|couldn['’]t|am unable to|was unable to"
    r"|am not able to) (?:know|find|answer|tell|determine|locate|say|confirm)\b",
    r"\b(?:there is|there's|i found|i have|we found) (?:no|not enough|insufficient|nothing)"
    r" (?:\w+ ){0,3}?(?:information|answer|details?|mention|about)\b",
    r"\bno (?:relevant |such |specific )?(?:information|answer|details|mention)\b.{0,40}"
    r"\b(?:found|available|provided|given|in the|about)\b",
    r"\bcannot be (?:answered|determined|confirmed)\b",
    r"^not found\b",
    r"\bunable to (?:find|answer|determine)\b",
    r"\b(?:not enough|insufficient) information\b",
)
_SOURCES_JA: Final = (
    "(?:文書|資料|文献|情報|出典|マニュアル|ドキュメント|テキスト|文章|文脈|ソース|記述|記載|内容)"
)
_NOT_JA: Final = (
    r"(?:い|お|あ|さ|され|て)*(?:りま|ませ|ま)*(?:せん|ん|ない|なかった|おらず|なく|ず)"
)
_ABSTAINS_JA: Final = _any(
    r"(?:見つか|見つけられ|見当たり|見当たら|見当た)[りらま]?(?:ま?せん|ない|なかった)",
    rf"(?:記載|記述|言及|明記|触れられ|書かれ)(?:が|は|も|て|について)*{_NOT_JA}",
    rf"{_SOURCES_JA}[^。、]{{0,14}}(?:説明|掲載|記され|含まれ|示され|述べられ|提供され)"
    rf"(?:が|は|も|て)*{_NOT_JA}",
    r"(?:分か|わか|お答えでき|回答でき|答えられ|判断でき|確認でき|特定でき)[りら]*(?:ません|ない|ず)",
    r"(?:お答えし|判断し|回答し)(?:かね|兼ね)",
    rf"{_SOURCES_JA}(?:が|は)(?:あり|ござい|存在し)?(?:ません|ない|なかった)",
    r"該当する[^。]{0,12}(?:ありません|ございません|ない)",
    r"不明です",
)
_TURNS: Final = _any(
    r"(?:[,;]|\.)\s*(?:but|however|although|though|yet)\b", "が、", "ですが", "ものの", "ただし"
)
_EMPTY_EN: Final = _any(
    r"(?:hi|hello|hey|bye|goodbye|regards|dear|thanks|thank you|sorry)\b",
    r"(?:sure|certainly|of course|great|absolutely)\b",
    r"you['’]re welcome\b",
    r"(?:i hope|i am happy|i['’]m happy|i can help|happy to help)\b",
    r"(?:let me know|please let me|please feel free|feel free)\b",
    r"if you (?:have|need) (?:any|more|further)\b",
    r"(?:here|below) (?:is|are)\b",
    r"good (?:question|morning|afternoon|day)\b",
    r"(?:based on|according to) (?:the|your) [\w ]{3,30}[,:.]?$",
    r"(?:in summary|to summari[sz]e)[,:.]?$",
)
_EMPTY_JA: Final = _any(
    "こんにちは|こんばんは|おはよう|ありがとう|承知|かしこまり|了解|お疲れ|お世話|もちろん|はじめまして",
    "ご質問ありがとう|お問い合わせありがとう|申し訳|すみません|ご不明な点|ご参考|お役に立て",
    "(?:ほか|他)に(?:も)?ご質問|以下に(?:まとめ|説明|示し|回答|お答え)",
    "(?:資料|文書|規程|出典|マニュアル|ドキュメント)によ(?:ると|れば)[、,。]?$",
    "(?:以下|次)の?(?:とおり|通り)|まとめると[、。]?$",
)
_POLITE_END_JA: Final = re.compile(
    r"(?:お申し付け|お尋ね|お知らせ|ご質問|お問い合わせ|ご連絡|ご確認|お聞かせ)ください[。!！]?$"
)
_CLOSES_JA: Final = re.compile(
    r"(?:参考|お役)[^。、]{0,8}(?:幸い|うれしい|嬉しい)|(?:につい|に関し)て(?:お答え|ご説明|ご案内)し"
)
_LEADS_IN: Final = re.compile(
    r"(?:[:：]|(?:以下|次)の(?:とおり|通り)(?:です|となります|になります)?[。:：]?)\s*$"
)
_ASKS: Final = re.compile(r"[?？]\s*[」』)）\"”']*\s*$|(?:でしょう|です|ます)か[。]?$")
_FEW_WORDS: Final = 3.0


def speech(text: str) -> Speech:
    """Return what a sentence does, citations and list marks already taken off."""
    plain = text.strip().strip("*_# ")
    has_figures = any(char.isdigit() for char in plain)
    if is_abstention(plain):
        return Speech.ABSTENTION
    if _ASKS.search(plain):
        return Speech.NO_CLAIM
    if has_figures:
        return Speech.CLAIM
    if _LEADS_IN.search(plain):
        return Speech.NO_CLAIM
    empty = _EMPTY_JA if is_japanese(plain) else _EMPTY_EN
    if empty.match(plain) and _weight(plain) <= 3 * _FEW_WORDS:
        return Speech.NO_CLAIM
    if is_japanese(plain) and _is_polite(plain):
        return Speech.NO_CLAIM
    return Speech.CLAIM


def _is_polite(text: str) -> bool:
    """Return whether a Japanese sentence only closes an answer or asks for a reply."""
    if _CLOSES_JA.search(text) is not None:
        return True
    return _POLITE_END_JA.search(text) is not None and _EMPTY_JA.match(text) is not None


def is_abstention(text: str) -> bool:
    """Return whether a sentence says that the documents do not hold the answer, and only that."""
    pattern = _ABSTAINS_JA if is_japanese(text) else _ABSTAINS_EN
    found = pattern.search(text)
    if found is None:
        return False
    turn = _TURNS.search(text, found.start())
    return turn is None or _weight(text[turn.end() :]) < _FEW_WORDS


def abstention(like: str) -> str:
    """Return the sentence that takes an answer's place, in the language of a text."""
    return ABSTENTION_JA if is_japanese(like) else ABSTENTION_EN


def _weight(text: str) -> float:
    return sum(item.weight for item in wanted(text))
