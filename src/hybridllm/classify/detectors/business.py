"""Business secrets that carry no marking: named customers, unreleased plans and figures.

Answers: does a text name a company as customer or partner, or tell a figure or plan
that its own company has not published?
Not here: terms that only you know (`lexicon`), markings (`markings`).

Public companies named as such are no findings. Source: own rules, after the three
conditions of a trade secret (Unfair Competition Prevention Act of Japan, article 2(6);
US 18 U.S.C. 1839(3)).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "legal_form_ja": ("株式会社", "(株)", "有限会社", "合同会社", "御中"),
    "customer_ja": (
        "取引先", "顧客", "お客様", "得意先", "クライアント", "提携先", "買収", "契約", "発注",
        "見積", "請求", "値引", "納入", "納品", "受注", "商談", "提案書", "解約", "更新", "導入先",
        "仕入先", "委託先", "御中", "クレーム", "与信", "支払", "お世話になって", "ご担当", "合併",
        "訴訟", "交渉", "弊社", "先方", "担当者", "契約金額", "値上げ", "要請",
    ),
    "customer_en": (
        "our client", "our customer", "our largest customer", "our biggest customer", "client",
        "customer", "our vendor", "our supplier", "our partner", "acquire", "acquisition of",
        "acquiring", "contract with", "renewal with", "deal with", "merger with", "proposal for",
        "proposal to", "quote for", "pricing for", "invoice for", "account", "negotiating with",
        "negotiation with", "dispute with", "lawsuit against", "key account", "represent",
        "terminate", "hasn't paid", "overdue", "complained", "complains", "complaint", "reply to",
        "breach", "the customer", "the client", "msa with", "nda with", "term sheet", "buyout of",
        "supplier", "invoice to", "engagement with",
    ),
    "legal_form_en": (
        "inc", "inc.", "ltd", "ltd.", "llc", "gmbh", "corp", "corp.", "plc", "holdings", "co.",
        "k.k.", "pte", "llp", "ag", "corporation", "industries", "partners", "logistics", "systems",
        "group", "capital", "pharma", "pharmaceuticals", "consulting", "ventures", "robotics",
        "foods", "energy", "medical", "dental", "motors", "airlines", "technologies", "labs",
        "insurance", "construction", "builders", "biotech", "biosciences", "instruments", "bank",
        "clinic", "electronics", "chemicals", "textiles", "shipping", "brewing", "aerospace",
        "retail", "networks", "associates", "analytics", "studios",
    ),
    "company_suffix_ja": (
        "精機", "製作所", "工業", "商事", "建設", "電機", "産業", "物流", "薬品", "化学", "食品",
        "フーズ", "システムズ", "ホールディングス", "不動産", "運輸", "印刷", "鉄工", "電子",
        "テクノロジー", "コーポレーション", "商店", "酒造", "製薬", "クリニック", "商会", "興業",
        "水産", "紡績", "エンジニアリング",
    ),
    "own_en": ("our", "we", "internal", "company's", "my company", "board"),
    "secret_subject_en": (
        "gross margin", "margin", "cost price", "unit cost", "churn", "runway", "burn rate",
        "valuation", "term sheet", "cap table", "layoffs", "layoff", "restructuring", "acquisition",
        "merger", "bid", "tender", "pipeline", "forecast", "q1 revenue", "q2 revenue", "q3 revenue",
        "q4 revenue", "revenue", "discount", "acquire", "acquiring", "merge with", "lay off",
        "laying off", "shut down", "divest", "spin off", "ipo", "series b", "series c",
        "price increase", "raise prices", "plant closure", "job cuts", "takeover", "buyout",
        "settlement", "pricing floor", "floor price", "roadmap", "launch", "patent application",
        "source code", "headcount", "bom cost", "yield", "recipe", "formula", "security incident",
        "breach", "vulnerability", "board meeting", "earnings", "operating profit", "rebate",
    ),
    "unreleased_en": (
        "before we announce", "before the announcement", "unannounced", "draft", "planned",
        "plan to", "planning to", "secret", "unpublished", "next quarter", "upcoming",
        "will announce", "not announced", "confidentially", "next year", "ahead of", "next week",
        "next month", "votes", "not public", "quietly", "considering", "intend to", "preliminary",
        "pre-release", "we will cut", "going to", "unpatched", "not disclosed", "undisclosed",
        "is up for", "fell to", "is down", "is at", "hidden", "walk away", "lowest",
    ),
    "own_ja": (
        "当社", "弊社", "わが社", "我が社", "自社", "社内", "うちの会社", "本社", "当部",
        "取締役会", "役員会", "経営会議",
    ),
    "secret_subject_ja": (
        "原価", "粗利", "仕入値", "仕入れ値", "値引き率", "掛け率", "利益率", "営業利益",
        "売上見込", "業績予想", "予算案", "買収", "合併", "リストラ", "人員削減", "希望退職",
        "新製品", "発売日", "開発計画", "ロードマップ", "入札", "入札価格", "応札", "特許出願",
        "配合", "歩留", "不良率", "脆弱性", "情報漏えい", "インシデント", "議事録", "経営計画",
        "売却", "撤退", "資金繰り", "評価額", "出資", "増資", "上場準備", "ipo", "設計図",
        "ソースコード", "価格表", "卸値", "損失", "赤字", "売上高", "決算", "事業計画", "組織再編",
    ),
    "unreleased_ja": (
        "予定", "検討", "見込", "計画", "発表前", "公表前", "まだ公", "未定稿", "ドラフト", "極秘",
        "水面下", "交渉中", "進めて", "来期", "下期", "内定", "案です", "案を", "予測", "下限",
        "最低", "方針", "準備", "見通し", "出願前", "リリース前", "修正前", "未修正",
    ),
}  # fmt: skip

_PUBLIC_JA = re.compile(
    "トヨタ|ソニー|任天堂|ホンダ|本田技研|日産|日立|パナソニック|三菱|三井|住友|富士通|NEC|NTT"
    "|KDDI|ソフトバンク|楽天|キヤノン|キーエンス|セブン|"
    "イオン|ファーストリテイリング|ユニクロ|東芝|シャープ|日本航空|全日本空輸|みずほ|りそな|野村"
    "|リクルート|サントリー|アサヒ|キリン|味の素|資生堂|花王|武田薬品|日本製鉄|"
    "サイバーエージェント|メルカリ|LINE|ヤフー|東京電力|JR|日本郵"
)
_PUBLIC_EN = frozenset(
    """
    microsoft google apple amazon openai anthropic meta facebook netflix nvidia intel amd ibm
    oracle sap salesforce adobe tesla toyota sony nintendo honda samsung walmart target costco
    starbucks boeing airbus siemens bosch nestle unilever pfizer moderna visa paypal stripe uber
    airbnb spotify twitter linkedin github gitlab slack zoom dell hp cisco qualcomm tsmc alphabet
    berkshire jpmorgan goldman
    """.split()
)
_COMPANY_AFTER = re.compile(
    "[ ]?([一-鿿々ァ-ヺーぁ-んA-Za-z0-9&・]{2,16}?)(?=[様さのはがをにへとでやもより、。 \n"
    "()「」,.:殿御]|$)"
)
_COMPANY_BEFORE = re.compile("([一-鿿々ァ-ヺーA-Za-z0-9&・]{2,16})$")
_NOT_A_COMPANY = re.compile(
    "^(?:で|に|の|と|を|は|が|や|化|とは|設立|法|組織|会社|各|同|当|本|名|支店|の設立|を設立|形態"
    "|制度)"
)
_CAPITALISED = re.compile(
    r"[ ,:]{1,2}(?:the[ ])?((?:[A-Z][A-Za-z0-9&'-]{1,24})(?:[ ](?:[A-Z][A-Za-z0-9&'-]{1,24}|&"
    r"|of)){0,3})"
)
_BEFORE_FORM = re.compile(r"((?:(?:[A-Z][A-Za-z0-9&'-]{1,24}|&)[ ,]{1,2}){1,4})$")


def find(scan: Scan) -> Iterator[Match]:
    """Yield named customers and unreleased business facts in a text."""
    for start, end in scan.hits.get("legal_form_ja", ()):
        if match := _company_ja(scan, start, end):
            yield match
    for start, end in scan.hits.get("company_suffix_ja", ()):
        if match := _company_by_suffix(scan, start, end):
            yield match
    for start, end in scan.hits.get("legal_form_en", ()):
        if match := _company_en(scan, start, end):
            yield match
    yield from _unreleased(scan, "en", before=60, after=60)
    yield from _unreleased(scan, "ja", before=24, after=24)


def _company_ja(scan: Scan, start: int, end: int) -> Match | None:
    text = scan.text
    before = _COMPANY_BEFORE.search(text[max(0, start - 16) : start])
    after = _COMPANY_AFTER.match(text, end) if text[start:end] != "御中" else None
    if after and not _NOT_A_COMPANY.match(after[1]):
        first, stop, name = start, after.end(1), after[1]
    elif before:
        name = before[1]
        first, stop = start - len(name), end
    else:
        return None
    if _PUBLIC_JA.search(name) or name in {"架空", "一般的な"}:
        return None
    if not scan.near("customer_ja", start=first, end=stop, before=30, after=40):
        return None
    if scan.near_in_sentence("about_words_after", start=first, end=stop, before=0, after=20):
        return None
    return Match("business.customer", first, stop, 0.7)


def _company_by_suffix(scan: Scan, start: int, end: int) -> Match | None:
    """Return a company without its legal form, where it is addressed or dealt with."""
    text = scan.text
    head = _COMPANY_BEFORE.search(text[max(0, start - 10) : start])
    addressed = text.startswith(
        ("様", "さん", "さま", "御中", "社", "の担当", "との", "から", "向け", "への"), end
    )
    if head is None or not addressed or _PUBLIC_JA.search(head[1]):
        return None
    first = start - len(head[1])
    if not scan.near_in_sentence("customer_ja", start=first, end=end, before=30, after=30):
        return None
    return Match("business.customer", first, end, 0.65)


def _company_en(scan: Scan, start: int, end: int) -> Match | None:
    text = scan.text
    if not text[start].isupper():
        return None
    head = text[max(0, start - 60) : start]
    found = _BEFORE_FORM.search(head)
    if found is None:
        return None
    name = found[1].strip(" ,&")
    if not name:
        return None
    first = start - (len(head) - found.start(1))
    if name.split()[0].lower() in _PUBLIC_EN or not scan.near(
        "customer_en", start=first, end=end, before=40, after=40
    ):
        return None
    return Match("business.customer", first, end, 0.7)


def _unreleased(scan: Scan, language: str, *, before: int, after: int) -> Iterator[Match]:
    for start, end in scan.hits.get(f"secret_subject_{language}", ()):
        if not scan.near(f"own_{language}", start=start, end=end, before=before, after=after):
            continue
        if not scan.near(
            f"unreleased_{language}", start=start, end=end, before=before, after=after
        ):
            continue
        window = scan.text[max(0, start - before) : end + after]
        if any(char.isdigit() for char in window) and not scan.near(
            "about_words", start=start, end=end, before=28, after=8
        ):
            yield Match("business.unreleased", start, end, 0.6)
