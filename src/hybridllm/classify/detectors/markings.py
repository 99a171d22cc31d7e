"""Markings that an author put on a text: confidential, internal, secret.

Answers: does a text say of itself that it must not leave?
Not here: what a marking means for the label (`policy`).

The same words are used to talk *about* confidentiality ("what does confidential
mean?", `社外秘とは`), so a marking counts by its form (capitals, brackets, own line) or
by its phrase, and not inside a question about words. Sources: ISO/IEC 27002:2022,
5.13 (labelling of information); FIRST Traffic Light Protocol 2.0; METI, Handbook for
the protection of trade secrets (秘密情報の保護ハンドブック).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "marking.internal": (
        "社内限り", "社内限定", "社内用", "社外持出禁止", "持出禁止", "持ち出し禁止", "社外不出",
        "内部資料", "取扱注意", "取り扱い注意", "社内資料", "社外への共有", "internal use only",
        "for internal use", "internal only", "company internal", "internal-only",
        "do not share externally", "not for external", "do not distribute", "do not forward",
        "not for distribution", "for official use only", "tlp:amber", "tlp:amber+strict",
        "employees only", "部内限り", "社外には出さない", "社外に出さない", "社外へ出さない",
        "閲覧禁止", "門外不出", "厳重注意", "持出厳禁", "複製禁止", "転送禁止", "口外厳禁",
        "社外に漏", "社外には漏", "課内限り", "グループ内限定", "not for circulation",
        "don't share outside", "do not share outside",
    ),
    "marking.confidential": (
        "社外秘", "部外秘", "関係者外秘", "関係者限り", "関係者限定", "秘密情報です", "マル秘",
        "丸秘", "(秘)", "[秘]", "【秘】", "対外秘", "機密資料", "機密扱い", "機密文書", "【機密】",
        "[機密]", "(機密)", "機密情報です", "秘扱い", "機密につき", "秘密保持契約に基づ", "nda締結",
        "未公開の", "未公表", "公表していない", "発表していない", "公表されていない", "取引先秘",
        "顧客秘", "口外", "まだ言わないで", "まだ内緒", "未公開情報", "未発表の", "未発表情報",
        "公表前の", "公表前", "発表前の", "非公開の", "非公開情報", "公開前の", "インサイダー情報",
        "口外しない", "口外無用", "他言無用", "ここだけの話", "内密に", "オフレコ", "内々の",
        "strictly confidential", "highly confidential", "company confidential",
        "proprietary and confidential", "confidential and proprietary",
        "privileged and confidential", "privileged & confidential", "attorney-client privileged",
        "commercial in confidence", "commercial-in-confidence", "confidential", "under nda",
        "under embargo", "embargoed", "not yet public", "not public yet", "not yet announced",
        "unannounced", "unreleased", "pre-announcement", "before the announcement",
        "not been announced", "hasn't been announced", "haven't announced",
        "not yet been announced", "off the record", "company private", "material non-public",
        "material nonpublic", "mnpi", "non-public", "private and confidential", "between us",
        "nda-protected", "trade secret of", "do not disclose", "not to be disclosed",
        "in strict confidence",
    ),
    "marking.secret": (
        "極秘", "厳秘", "最高機密", "トップシークレット", "top secret", "eyes only", "tlp:red",
        "strictly secret", "most confidential", "機密性3", "機密性３",
    ),
    "about_words": (
        "what does", "what is", "what's the difference", "meaning of", "definition", "define",
        "synonym*", "translate the word", "translation of", "the word", "the term", 'translate "',
        "translate “", "etymology", "difference between", "spell", "how do companies", "how should",
        "when should", "when is", "should a", "do i have to", "best practice*", "pros and cons",
        "how does", "how do", "explain what", "what are", "example of", "in general", "generally",
        "template", "一般的", "一般に", "一般論", "ドラマ", "映画", "小説", "movie", "novel",
        "film", "song", "game",
    ),
    "about_words_after": (
        "とは", "という言葉", "という単語", "という語", "の意味", "の違い", "の英語", "を英語",
        "英訳", "の定義", "の読み方", "の書き方", "英語で", "の例文", "の対義語", "の類義語",
        "類語", "言い換え", "ラベルの付け方", "分類の", "雛形", "ひな形", "テンプレート", "mean",
        "means", "stand for", "agreement", "と書かれ", "マーク", "スタンプ", "シール", "ラベル",
        "documentary", "series", "club", "というスタンプ", "の使い分け", "は何を",
    ),
}  # fmt: skip

_OPEN = frozenset('[(【<《「『*#=-_★※◆■|!"“')
_CLOSE = frozenset('/])】>》」』*#=-_★※◆■|!:"”.,、。')
_PLAIN_EN = frozenset({"confidential"})
_STATES = re.compile(
    r"(?:is|are|remains|treat (?:this|it) as|marked|it's|this is|strictly|highly|kept|considered"
    r"|keep (?:this|it)|stay|still|as)\s{1,2}$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"(?:ity|\s(?:information (?:policy|law)|agreement|clause|computing|business information))",
    re.IGNORECASE,
)
# Quoted words are spoken of, unless a document follows: 「社外秘」の資料.
_MENTIONED = re.compile(
    '[」』"”](?:の(?!資料|情報|文書|書類|案|データ|ファイル|内容|扱)|と|を|って|という|は|に)'
)
_HARMLESS_JA = re.compile(
    "出産|結婚|来日|裏|入籍|交際|セール|イベント|特典|販売|グッズ|保持契約|保護法|株|会社|でない"
)
_KIND_CONFIDENCE = {"marking.internal": 0.85, "marking.confidential": 0.9, "marking.secret": 0.95}


def find(scan: Scan) -> Iterator[Match]:
    """Yield the markings in a text."""
    for kind, confidence in _KIND_CONFIDENCE.items():
        for start, end in scan.hits.get(kind, ()):
            if _counts(scan, start, end):
                yield Match(kind, start, end, confidence)


def _counts(scan: Scan, start: int, end: int) -> bool:
    text = scan.text
    framed = _is_framed(text, start, end)
    shout = text[start:end].isupper() and text[start:end].isascii()
    word = scan.lower[start:end]
    if _MENTIONED.match(text, end) and text[start - 1 : start] in {"「", "『", '"', "“"}:
        return False
    if _HARMLESS.match(text, end) or _HARMLESS_JA.match(text, end):
        return False
    if _is_question_about(scan, start, end) and not (framed and shout):
        return False
    if word in _PLAIN_EN:
        stated = _STATES.search(text[max(0, start - 24) : start]) is not None
        asked = "?" in text[end : end + 3]
        quoted = text[start - 1 : start] in {'"', "'", "“", "`"}
        return shout or (framed and not quoted) or (stated and not asked)
    return True


def _is_framed(text: str, start: int, end: int) -> bool:
    """Return whether a marking stands alone: in brackets, or as a line's head."""
    line_start = text.rfind("\n", max(0, start - 4), start) + 1 if start else 0
    head = text[max(line_start, start - 3) : start].strip()
    tail = text[end : end + 2].strip(" ")
    opened = start == 0 or (head == "" and (start <= 2 or "\n" in text[max(0, start - 3) : start]))
    opened = opened or (head != "" and head[-1] in _OPEN)
    closed = tail == "" or tail[0] in _CLOSE or tail[0] == "\n"
    return opened and closed


def _is_question_about(scan: Scan, start: int, end: int) -> bool:
    """Return whether the sentence asks what the words mean instead of using them."""
    if scan.near_in_sentence("about_words", start=start, end=end, before=60, after=0):
        return True
    return scan.near_in_sentence("about_words_after", start=start, end=end, before=0, after=12)
