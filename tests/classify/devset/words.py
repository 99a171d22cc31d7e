"""Made-up names, places and words for the development set.

Answers: of what are fabricated values made? Frequent and rare names are mixed on purpose.
"""

from __future__ import annotations

EN_GIVEN = """
    Odalys Torvald Ximena Priyanka Margaret Daniel Keisha Bartholomew Ingrid Wiremu Laura Thomas
    Anneliese Dmitri Shanice Olivia Marcus Fatima Declan Beatriz Naomi Gareth Yusuf Helena Patrick
    Simone Ravi Chloe Andrew Mireille Joanna Samuel Tamsin Hector Leila Stephen
""".split()
EN_FAMILY = """
    Brennecke Kjeldsen Ibarra Raghunathan Whitcombe Okafor Lindqvist Pemberton Marsh Delacroix
    Hargreaves Tanaka Novak Castellanos Aldous Quigley Merriweather Anderson Fitzgerald Osei
    Bianchi Thackeray Young Sorensen Varga Chaudhry Bell Ellison Prescott Haddad Carver Nakagawa
""".split()
JA_FAMILY = """
    蓮見 越智 氷室 仁科 椎名 高橋 佐々木 渡辺 森本 中村 小野寺 三枝 都築 長谷川 安西 桐谷 柏原
    西園寺 榎本 田辺 吉岡 寺島 久我 草野 宮下 大沢 堀江 藤崎 水原 日向 秋月 柳 小池 石塚 岩城
    阿久津 鈴木 山口
""".split()
JA_GIVEN = """
    陽翔 結菜 美咲 健太 直樹 恵子 彩乃 隼人 翔平 千尋 沙織 浩一 真理子 拓海 奈緒 悠真 芽衣 大輔
    由美子 和也 琴音 慎吾 麻衣 晴香 正夫 美穂 智子 誠 航 里奈 幸子 亮介 詩織 優斗 文子 雅彦
""".split()
JA_KANA = (
    "ハスミ ハルト|オチ ユナ|ヒムロ ミサキ|タカハシ ケンタ|モリモト ナオキ|ナカムラ ケイコ".split(
        "|"
    )
)
COMPANY_CORE = "アオゾラ精機 ミナト産業 北斗フーズ シオン電子 カワセミ物流 ヒバリ薬品".split()
CUSTOMERS = [
    "Nordvale Instruments", "Tessellate Foods", "Quarrystone Logistics", "Hollowell & Finch",
    "株式会社ミホン商事", "架空製作所", "ソラノネ化学", "東都仮想物産",
]  # fmt: skip
CODES = [
    "Project Bluefinch",
    "Operation Lanternfish",
    "Halcyon-7",
    "青鷺計画",
    "プロジェクト白露",
    "KESTREL",
]
EN_STREETS = "Alder Birchwood Calloway Dunmore Elmcroft Fernhill Glenrowan Hawthorn".split()
EN_TYPES = "Street Avenue Road Lane Drive Court St. Ave Blvd Crescent".split()
EN_TOWNS = ["Milford, CT 06460", "Ashton, OR 97401", "Brookhaven, NY 11719", "Fairmont, TX 75001"]
JA_TOWNS = [
    "東京都架空区見本町", "神奈川県横浜市港北区仮名台", "大阪府大阪市北区架空",
    "北海道札幌市中央区南一条西", "福岡県福岡市博多区見本", "愛知県名古屋市中区仮町",
    "さいたま市大宮区桜仮町", "京都府京都市左京区架空町",
]  # fmt: skip
WORDS = "Plum Kettle Orbit Maple Rivet Comet Walnut Ember Quartz Falcon".split()
