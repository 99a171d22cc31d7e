"""Postal addresses of private places in Japan, North America and Britain.

Answers: which full addresses, down to the house, stand in a text?
Not here: towns and countries by themselves, which are no findings.

A Japanese address is a municipality followed by a block number (`丁目`, `番地`, `1-2-3`);
an English one is a house number, capitalised words and a street word. Public
buildings are no findings. Sources: Act on Indication of Residential Address
(住居表示に関する法律), article 2; USPS Publication 28, appendix C1 (street suffixes);
Royal Mail PAF postcode form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

PREFECTURES = (
    "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県", "栃木県",
    "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県", "石川県", "福井県",
    "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県", "滋賀県", "京都府", "大阪府",
    "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県", "岡山県", "広島県", "山口県", "徳島県",
    "香川県", "愛媛県", "高知県", "福岡県", "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県",
    "鹿児島県", "沖縄県",
)  # fmt: skip
CUES = {
    "prefecture": PREFECTURES,
    "block": ("丁目", "番地", "番町", "号室"),
    "ja_address": (
        "住所", "届け先", "お届け先", "自宅", "送り先", "居住地", "転居先", "住まい", "実家",
        "本籍", "帰省先", "〒", "配送先", "在住",
    ),
    "municipality": ("市", "区", "町", "村"),
    "street": (
        "street", "st", "avenue", "ave", "road", "rd", "lane", "ln", "drive", "dr", "boulevard",
        "blvd", "court", "ct", "way", "place", "pl", "terrace", "circle", "cir", "square",
        "crescent", "close", "parkway", "pkwy", "highway", "hwy", "row", "gardens", "mews", "trail",
        "hill", "grove", "walk", "loop", "alley", "park", "rise", "view",
    ),
    "po_box": ("po box", "p.o. box"),
    "en_address": (
        "address", "lives at", "live at", "ship to", "deliver to", "home", "residence", "moved to",
        "resides at", "mail it to", "zip", "postcode", "postal code", "living at", "shipping",
        "billing",
    ),
    "public_place": (
        "市役所", "役所", "官庁", "省庁", "区役所", "役場", "県庁", "都庁", "府庁", "道庁",
        "博物館", "美術館", "図書館", "公園", "水族館", "国会", "官邸", "空港", "神社", "寺",
        "大使館", "裁判所", "警察署", "税務署", "動物園", "タワー", "駅前広場", "観光", "城",
        "museum", "embassy", "city hall", "white house", "headquarters", "library", "capitol",
        "courthouse", "cathedral", "stadium", "airport", "tourist*", "landmark", "visitor center",
        "baker street", "downing street", "pennsylvania avenue", "sesame street",
    ),
}  # fmt: skip

_J = "一-鿿々ヶヵノケぁ-んァ-ヺー"
_BLOCK = re.compile(
    f"[{_J}A-Z ]{{0,24}}?(?:[0-9]{{1,4}}|[一二三四五六七八九十]{{1,3}})[ ]?(?:丁目|番地?"
    f"|[-ーの−][ ]?[0-9]{{1,4}}|号)"
    f"(?:[ ]?の?[-ーの−]?[ ]?[0-9]{{1,4}}(?:番地?|号室?|号|[-ー]|F|階)?){{0,4}}"
    f"(?:[ ]?[ァ-ヺーA-Za-z{_J}]{{2,20}}[ ]?[0-9]{{1,4}}(?:号室|号|F|階)?)?"
)
_MUNICIPALITY = re.compile(f"[{_J}]{{1,10}}?[市区町村郡]")
_HEAD = re.compile(f"[{_J}]{{2,20}}[0-9]{{1,3}}$|[{_J}]{{2,20}}[一二三四五六七八九十]{{1,3}}$")
_TOWN_BEFORE = re.compile("[一-鿿々ヶ]{2,12}$")
_NOT_TOWN = (
    "全市",
    "都市",
    "各区",
    "地区",
    "学区",
    "市区",
    "同市",
    "当市",
    "各市",
    "本町",
    "特別区",
    "都区",
    "政令市",
    "株式",
    "上市",
    "朝市",
    "門前町",
)
_ZIP = re.compile("[ ]?[0-9]{3}-?[0-9]{4}[ \n]{0,3}")

_NUMBER_HEAD = re.compile(
    r"(?<![A-Za-z0-9.$,-])(\d{1,6}[A-Za-z]?(?:-\d{1,4})?,?[ ](?:(?:[NSEW]|North|South|East|West"
    r"|NE|NW|SE|SW)\.?[ ])?"
    r"(?:(?:[A-Z][A-Za-z'’.-]{1,20}|\d{1,3}(?:st|nd|rd|th)|de|la|of|the)[ ]){1,4})$"
)
_STREET_TAIL = re.compile(
    r"\.?(?:,?[ \n]{1,2}(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|#)\.?[ ]?#?[A-Za-z0-9-]{1,6})?"
    r"(?:,?[ \n]{1,2}[A-Z][A-Za-z'’.]{1,20}(?:[ ][A-Z][A-Za-z'’]{1,20}){0,2})?"
    r"(?:,?[ ](?:[A-Z]{2}[ ]\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?[ ]\d[A-Z]{2}))?"
)
_POSTCODE_GB = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}(?![A-Za-z0-9])")
_PO_BOX = re.compile(r"[ ]#?(\d{1,6})")
_CITY_STATE = re.compile(r"[A-Z][A-Za-z'’.]{2,20}(?:[ ][A-Z][A-Za-z]{2,20}){0,2},?[ ][A-Z]{2}[ ]$")


def find(scan: Scan) -> Iterator[Match]:
    """Yield the postal addresses in a text."""
    taken = -1
    for start, end in scan.hits.get("prefecture", ()):
        match = _from_prefecture(scan, start, end)
        if match is not None:
            taken = match.end
            yield match
    for start, end in scan.hits.get("municipality", ()):
        if start < taken:
            continue
        match = _from_municipality(scan, start, end)
        if match is not None:
            taken = match.end
            yield match
    yield from _in_english(scan)


def _in_english(scan: Scan) -> Iterator[Match]:
    for start, end in scan.hits.get("street", ()):
        if match := _street(scan, start, end):
            yield match
    for start, end in scan.hits.get("po_box", ()):
        if found := _PO_BOX.match(scan.text, end):
            yield Match("personal.address", start, found.end(), 0.7)
    if scan.hits.get("en_address"):
        yield from _postcodes(scan)


def _from_prefecture(scan: Scan, start: int, end: int) -> Match | None:
    town = _MUNICIPALITY.match(scan.text, end)
    block = _BLOCK.match(scan.text, town.end() if town else end)
    if block is None or _is_public(scan, start, block.end()):
        return None
    return Match("personal.address", start, block.end(), 0.9)


def _from_municipality(scan: Scan, start: int, end: int) -> Match | None:
    text = scan.text
    block = _BLOCK.match(text, end)
    if block is None or block.start() == block.end():
        return None
    head = text[max(0, start - 12) : start]
    town = _TOWN_BEFORE.search(head)
    if town is None or (town.group() + text[start:end]).endswith(_NOT_TOWN):
        return None
    first = start - len(town.group())
    tail = block.group()
    exact = sum(c.isdigit() for c in tail) >= 2 or "丁目" in tail or "番地" in tail
    cued = scan.near("ja_address", start=first, end=block.end(), before=16, after=0)
    between = tail[: next((i for i, c in enumerate(tail) if c.isdigit()), 0)]
    if not exact or _is_public(scan, first, block.end()) or not (cued or between):
        return None
    return Match("personal.address", first, block.end(), 0.85 if cued else 0.75)


def _street(scan: Scan, start: int, end: int) -> Match | None:
    text = scan.text
    offset = max(0, start - 72)
    found = _NUMBER_HEAD.search(text[offset:start])
    if found is None or not text[start].isupper():
        return None
    number = found.group(1).split()[0].strip(",")
    if number in {"1600", "10", "221B"} and _is_public(scan, offset + found.start(1), end):
        return None
    tail = _STREET_TAIL.match(text, end)
    stop = tail.end() if tail else end
    first = offset + found.start(1)
    if _is_public(scan, first, stop):
        return None
    return Match("personal.address", first, stop, 0.85)


def _postcodes(scan: Scan) -> Iterator[Match]:
    """Yield a city with its code where the text says that it is an address."""
    text = scan.text
    for start, end in scan.groups:
        if end - start == 5:
            offset = max(0, start - 64)
            if found := _CITY_STATE.search(text[offset:start]):
                first = offset + found.start()
                if scan.near("en_address", start=first, end=end) and not _is_public(
                    scan, first, end
                ):
                    yield Match("personal.address", first, end, 0.75)
        elif end - start == 1 and start >= 3:
            for first in (start - 4, start - 5, start - 2, start - 1):
                found = _POSTCODE_GB.match(text, max(0, first))
                free = first <= 0 or not text[first - 1].isalnum()
                if (
                    found
                    and free
                    and found.end() > end
                    and scan.near("en_address", start=first, end=found.end())
                ):
                    yield Match("personal.address", found.start(), found.end(), 0.75)
                    break


def _is_public(scan: Scan, start: int, end: int) -> bool:
    return scan.near("public_place", start=start, end=end, before=16, after=12)
