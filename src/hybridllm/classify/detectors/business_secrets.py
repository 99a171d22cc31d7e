"""Figures and papers of a company that are secret by their nature, unmarked.

Answers: does a text tell its own company's costs, bids, leaks, or hand over its minutes
and lists?
Not here: plans that say of themselves that they are early (`business`), markings.

Three shapes count: a secret subject with a figure and a word for "ours"; an incident
with a word for "ours"; a named internal paper that is handed over ("the attached
minutes", `議事録を要約`). Talk about costs or leaks in general has none of them.
Source: own rules, after the three conditions of a trade secret (Unfair Competition
Prevention Act of Japan, article 2(6)).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "own_figure_en": (
        "bid", "tender", "unit cost", "cost price", "gross margin", "margin", "purchase price",
        "loan", "churn", "runway", "burn rate", "valuation", "term sheet", "cap table",
        "payroll", "rebate", "net loss", "order backlog",
        "walk-away price", "reserve price", "bom cost", "production cost", "largest customer",
        "biggest customer", "main supplier", "operating loss", "cash position",
        "yield", "defect rate",
    ),
    "own_figure_ja": (
        "原価", "入札額", "入札価格", "応札", "粗利", "利益率", "仕入値", "仕入れ値", "仕入価格",
        "卸値", "掛け率", "配合比", "配合", "融資", "買収額", "評価額", "資金繰り", "解約率",
        "不良率", "歩留", "売上が", "受注残", "予算案", "人件費", "値引き", "最大の取引先",
        "主要取引先", "希望退職", "人員削減", "削減", "粗利益", "営業損失", "赤字", "現預金",
        "出資比率",
    ),
    "incident_en": (
        "breach", "data leak", "leaked", "exposed", "failed audit", "incident", "ransomware",
        "compromised", "whistleblower", "investigation into", "recall of", "lawsuit", "settlement",
        "product defect",
    ),
    "incident_ja": (
        "漏れ", "漏えい", "漏洩", "流出", "不正アクセス", "ランサム", "内部通報者", "不正会計",
        "内部調査", "リコール", "訴訟", "示談", "和解案", "横領", "改ざん", "品質不正",
        "インシデント",
    ),
    "paper_en": (
        "board minutes", "minutes of the board", "minutes of the executive",
        "executive committee minutes", "salary list", "customer list", "client list",
        "payroll file", "price list", "pricing sheet", "term sheet", "board deck", "board pack",
        "supplier contract", "employee list", "draft contract", "due diligence", "investor update",
        "sales forecast", "source code", "design document", "incident report", "org chart",
    ),
    "paper_ja": (
        "経営会議の議事録", "取締役会の議事録", "役員会の議事録", "取締役会議事録",
        "経営会議議事録", "役員会議事録", "給与一覧", "給与明細", "顧客リスト", "顧客名簿",
        "顧客一覧", "取引先一覧", "社員名簿", "価格表", "原価表", "見積原価", "契約書案", "覚書案",
        "事業計画", "中期計画", "決算数値", "売上データ", "設計図", "仕様書案", "障害報告",
        "人事データ", "評価シート", "買収先", "候補先", "出願",
    ),
}  # fmt: skip

_OWN_EN = re.compile(r"(?<![a-z])(?:our|ours|we|we're|we've|we'll|us)(?![a-z])")
_OWN_JA = re.compile(
    "当社|弊社|わが社|我が社|自社|うちの|社内|社員|支店|工場|役員|取引先|顧客|提示|検討|予定|見込|社長|部下|銀行"
)
_FIGURE = re.compile("[0-9]")
_FIGURE_JA = re.compile(
    "[0-9一二三四五六七八九十百千万億]{1,12}(?:円|%|割|億|万|名|人|社)|[0-9]{2,9}"
)
_HANDED_EN = re.compile(
    r"(?<![a-z])(?:our|attached|here is|here's|here are|below|following|this|these)(?![a-z])"
)
_HANDED_JA = re.compile(
    "を(?:要約|分析|並べ|整理|直し|直して|まとめ|英訳|翻訳|翻訳|確認|チェック|比較|使って|基に|もとに|見て|読ん|添削|表に|集計)|です。|する(?:特許|発明)"
)
_GENERAL = re.compile(
    r"(?<![a-z])(?:what is|what are|how do|how does|how to|how can|explain|define|example"
    r"|template|sample|in general|average"
    r"|typical|should a|best practices)(?![a-z])|とは|一般|計算方法|平均|例題|ひな形|雛形"
    r"|テンプレート|書き方|作り方|方法は|方法を|種類|違い|意味|手順|ニュース|報道"
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield figures, incidents and papers that a company keeps to itself."""
    for group, is_secret in _SHAPES.items():
        for start, end in scan.hits.get(group, ()):
            first, last = scan.sentence(start=start, end=end, before=70, after=70)
            sentence = scan.lower[first:last]
            if is_secret(sentence, end - first) and not _GENERAL.search(sentence):
                yield Match("business.unreleased", start, end, 0.6)


def _own_figure_en(sentence: str, _place: int) -> bool:
    return _OWN_EN.search(sentence) is not None and _FIGURE.search(sentence) is not None


def _own_figure_ja(sentence: str, place: int) -> bool:
    near = sentence[max(0, place - 24) : place + 24]
    return _OWN_JA.search(sentence) is not None and _FIGURE_JA.search(near) is not None


def _incident_en(sentence: str, _place: int) -> bool:
    return _OWN_EN.search(sentence) is not None or "customer records" in sentence


def _incident_ja(sentence: str, _place: int) -> bool:
    return _OWN_JA.search(sentence) is not None


def _paper_en(sentence: str, place: int) -> bool:
    return _HANDED_EN.search(sentence[max(0, place - 48) : place]) is not None


def _paper_ja(sentence: str, place: int) -> bool:
    return _HANDED_JA.match(sentence, place) is not None or "添付" in sentence or "以下" in sentence


_SHAPES = {
    "own_figure_en": _own_figure_en,
    "own_figure_ja": _own_figure_ja,
    "incident_en": _incident_en,
    "incident_ja": _incident_ja,
    "paper_en": _paper_en,
    "paper_ja": _paper_ja,
}
