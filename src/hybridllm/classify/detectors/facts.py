"""Facts about one person: health, money, work.

Answers: does a sentence tie somebody to an illness, a debt, a salary or a warning?
Not here: who that is (`names_en`, `names_ja`); questions about illness as such.

A fact needs three things near each other: a person (a pronoun, an honorific, a role),
the subject, and a word that ties them. Sources: Act on the Protection of Personal
Information of Japan, article 2(3) (special care-required information); GDPR, article 9.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "health_en": (
        "diabetes", "diabetic", "cancer", "tumor", "tumour", "depression", "bipolar",
        "schizophrenia", "hiv", "aids", "epilepsy", "hepatitis", "leukemia", "lymphoma",
        "chemotherapy", "dialysis", "insulin", "antidepressant*", "sertraline", "metformin",
        "warfarin", "lithium", "pregnant", "pregnancy", "miscarriage", "abortion", "ivf",
        "alcoholism", "rehab", "overdose", "suicidal", "anorexia", "bulimia", "ptsd", "adhd",
        "autism", "dementia", "alzheimer*", "parkinson*", "multiple sclerosis", "crohn*",
        "ulcerative colitis", "copd", "asthma", "stroke", "heart attack", "pacemaker", "biopsy",
        "a1c", "hba1c", "blood pressure", "mental breakdown", "burnout", "panic attack*",
        "anxiety disorder", "std", "syphilis", "chlamydia", "tuberculosis", "disability",
        "medical leave", "psychiatrist", "therapist", "oncologist", "surgery", "stage iii",
        "stage iv", "stage 2", "stage 3", "stage 4", "prescription", "ssri", "migraine*", "lupus",
    ),
    "health_ja": (
        "うつ病", "鬱病", "糖尿病", "癌", "がん", "ガン", "白血病", "統合失調症", "双極性障害",
        "適応障害", "発達障害", "てんかん", "肝炎", "hiv", "エイズ", "透析", "抗がん剤", "抗うつ",
        "インスリン", "妊娠", "流産", "不妊治療", "アルコール依存", "依存症", "認知症",
        "パーキンソン", "心筋梗塞", "脳梗塞", "高血圧", "血糖値", "腫瘍", "手術", "休職", "診断書",
        "障害者手帳", "精神科", "心療内科", "通院", "入院", "持病", "喘息", "アレルギー", "結核",
        "梅毒", "パニック障害", "adhd", "自閉症", "摂食障害", "ヘルニア", "狭心症", "不整脈",
        "リウマチ", "クローン病", "潰瘍性大腸炎", "メンタル不調", "余命", "再検査",
    ),
    "money_en": (
        "salary", "earns", "earning", "income", "debt", "owes", "owe", "mortgage", "credit score",
        "net worth", "bankrupt", "bankruptcy", "foreclosure", "overdue", "arrears", "savings",
        "paycheck", "bonus", "alimony", "garnish*", "compensation", "pay rise", "loan",
        "garnishment", "account balance", "inheritance", "pension pot", "makes", "payslip",
        "severance",
    ),
    "money_ja": (
        "年収", "給与", "月給", "手取り", "賞与", "ボーナス", "借金", "ローン", "残高", "滞納",
        "自己破産", "債務", "差し押さえ", "差押", "相続", "預金", "貯金", "家賃", "養育費", "報酬",
        "退職金", "基本給", "時給", "信用情報", "ブラックリスト", "未納", "資産", "給料", "保険金",
        "慰謝料", "負債",
    ),
    "work_en": (
        "performance improvement plan", "pip", "disciplinary", "termination", "fired",
        "harassment", "written warning", "performance review", "underperforming", "laid off",
        "layoff list", "misconduct", "grievance", "demotion", "performance rating",
        "criminal record", "convicted", "arrested", "union membership", "background check",
    ),
    "work_ja": (
        "人事評価", "懲戒", "解雇", "退職勧奨", "降格", "パワハラ", "セクハラ", "査定", "評価文",
        "評価シート", "遅刻が多", "評価は", "前科", "逮捕", "始末書", "問題社員", "人事考課",
        "減給", "異動", "内部通報", "リストラ対象", "面談記録", "退職理由", "退職届", "昇格",
        "離婚", "不倫", "調停", "犯罪歴", "信仰", "国籍", "部落", "性的指向",
    ),
}  # fmt: skip


_PERSON_EN = re.compile(
    "(?<![a-z0-9])(?:"
    "my|his|her|he|she|i|i'm|i've|mr|mrs|ms|patient|employee|wife|husband|son|daughter|mother"
    "|father|colleague|coworker|tenant|client|applicant|candidate|brother|sister|boss|customer"
    "|resident|claimant|who|whose|him|he's|she's|they|borrower|intern|manager|their|our engineer"
    ")(?![a-z0-9])"
)
_TIE_EN = re.compile(
    "(?<![a-z0-9])(?:"
    "diagnosed|diagnosis|said|says|treated|treatment|suffers|suffering|suffered|has|takes|taking"
    "|on leave"
    "|tested positive|prescribed|on medical leave|on sick leave|hospitalized|hospitalised"
    "|undergoing|due to|because of"
    "|history of|started|recovering|disclosed|admitted|relapse[a-z]{0,3}|receives|have|had"
    ")(?![a-z0-9])"
)
_PERSON_JA = re.compile(
    "(?:"
    "さん|様|氏|くん|彼|彼女|私|患者|社員|従業員|妻|夫|母|父|娘|息子|部下|上司|同僚|本人|部長"
    "|課長|係長|主任|お客様|契約者|利用者|応募者|候補者|祖母|祖父|弟"
    "|妹|兄|姉|生徒|入居者|わたし|僕|俺"
    ")"
)
_TIE_JA = re.compile(
    "(?:"
    "診断|患|治療|服用|通院|入院|発症|休職|手術|投与|検査結果|闘病|持病|既往|わかり|判明|受け"
    "|復職|悩|再発|療養|により|のため|で休|と言われ|を抱え|があ|陽性"
    "|受診|処方|が悪化|高く|ステージ|取得|中です|中で|しまし|した|してい|飲んで|飲み"
    ")"
)
_NAMED = re.compile(
    r"(?<=[:,;] )[A-Z][a-z]{2,15} (?:is|has|was|earns|[$€£]?[0-9]{2,3}[k,])|"
    r"[A-Z][a-z]{2,20}['’]s |[A-Z][a-z]{1,20} [A-Z][a-z]{1,20}(?:,| (?:[a-z]{2,12}ly )?(?:is|was"
    r"|has|had|got|gets|earns|received|owes|makes|filed|took))"
)
_ANIMAL = re.compile(
    r"(?<![a-z])(?:cats?|dogs?|hamster|horse|pets?|puppy|kitten)(?![a-z])|猫|犬|ペット"
)
_IS_JA = re.compile("です|だと|だった|で(?!は)|になっ|が見つ|が再")
_MY_HEALER = re.compile(r"(?<![a-z])(?:my|his|her|their) (?:[a-z]{2,12} )?$")
_AMOUNT = re.compile(
    "[0-9][0-9,.]{0,12} ?(?:k|usd|円|万|千円|%|億)|[$€£¥] ?[0-9]|[0-9]{1,3},[0-9]{3}"
)


def find(scan: Scan) -> Iterator[Match]:
    """Yield the facts about persons in a text."""
    for start, end in scan.hits.get("health_en", ()):
        if _tied(scan, start, end) and not _asks(scan, start):
            yield Match("personal.health", start, end, 0.7)
    for start, end in scan.hits.get("health_ja", ()):
        if _tied_ja(scan, start, end):
            yield Match("personal.health", start, end, 0.7)
    yield from _money_and_work(scan)


def _money_and_work(scan: Scan) -> Iterator[Match]:
    for group, kind in (("money_en", "personal.finance"), ("work_en", "personal.employment")):
        for start, end in scan.hits.get(group, ()):
            if scan.lower[start:end] == "pip" and scan.text[start:end] != "PIP":
                continue  # the installer
            amount = group == "work_en" or _has_amount(scan, start, end)
            if amount and _near_person(scan, start, end) and not _asks(scan, start):
                yield Match(kind, start, end, 0.7)
    for group, kind in (("money_ja", "personal.finance"), ("work_ja", "personal.employment")):
        for start, end in scan.hits.get(group, ()):
            amount = group == "work_ja" or _has_amount(scan, start, end)
            if amount and _person_ja(scan, start, end):
                yield Match(kind, start, end, 0.7)


def _tied(scan: Scan, start: int, end: int) -> bool:
    if scan.lower[start:end] in {"therapist", "psychiatrist", "oncologist"}:
        return _MY_HEALER.search(scan.lower[max(0, start - 20) : start]) is not None
    first, last = scan.sentence(start=start, end=end, before=90, after=60)
    sentence = scan.lower[first:last]
    if _ANIMAL.search(sentence):
        return False
    person = _PERSON_EN.search(sentence) or _NAMED.search(scan.text, first, last)
    return person is not None and _TIE_EN.search(sentence) is not None


def _tied_ja(scan: Scan, start: int, end: int) -> bool:
    first, last = scan.sentence(start=start, end=end, before=40, after=16)
    if not _person_ja(scan, start, end) or _ANIMAL.search(scan.lower, first, last):
        return False
    if _IS_JA.match(scan.lower, end):
        return True
    return _TIE_JA.search(scan.lower, max(first, start - 16), last) is not None


def _near_person(scan: Scan, start: int, end: int) -> bool:
    first, last = scan.sentence(start=start, end=end, before=60, after=40)
    person = _PERSON_EN.search(scan.lower[first:last]) or _NAMED.search(scan.text, first, last)
    return person is not None


def _person_ja(scan: Scan, start: int, end: int) -> bool:
    if scan.near_in_sentence("family_name", start=start, end=end, before=24, after=24):
        return True
    first, _ = scan.sentence(start=start, end=end, before=40, after=0)
    if _PERSON_JA.search(scan.lower, first, start) is not None:
        return True
    return scan.near("honorific", start=start, end=start, before=start - first, after=0)


def _has_amount(scan: Scan, start: int, end: int) -> bool:
    return _AMOUNT.search(scan.lower, max(0, start - 24), end + 32) is not None


def _asks(scan: Scan, start: int) -> bool:
    """Return whether the sentence asks a general question ("what is", "how does")."""
    return scan.near("about_words", start=start, end=start, before=28, after=0)
