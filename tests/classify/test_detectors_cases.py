"""Single sentences, as people write them: what is found in each, and what is not."""

from __future__ import annotations

import pytest

from hybridllm.classify.detectors import BuiltinDetector

DETECTOR = BuiltinDetector()

FOUND = [
    ("my cell is 415 555 0133 btw", "personal.phone"),
    ("call +44 7700 900123 after six", "personal.phone"),
    ("直通03-0000-5678、内線4521", "personal.phone"),
    ("電話 03(0000)5678", "personal.phone"),
    ("write to sarah.connelly99@mail.example.org", "personal.email"),
    ("Dear Ms Whitfield, thank you", "personal.name"),
    ("ask Torvald Kjeldsen, who runs the depot", "personal.name"),
    ("my name is emily carter", "personal.name"),
    ("御社の山岸様にお渡しください", "personal.name"),
    ("柊木と申します", "personal.name"),
    ("氏名：蓮見 琴音", "personal.name"),
    ("スミスさんから電話", "personal.name"),
    ("lives at 27 Rosewood Close, Bristol BS6 5QT", "personal.address"),
    ("ship to 1420 N Oakmont Dr, Springfield, IL 62704", "personal.address"),
    ("住所は東京都架空区見本1-2-3メゾン仮202です", "personal.address"),
    ("千葉市架空区仮町2の3の4", "personal.address"),
    ("DOB 4/12/87", "personal.birth_date"),
    ("生年月日 S60.5.3", "personal.birth_date"),
    ("平成元年4月1日生まれ", "personal.birth_date"),
    ("my SSN's 536 90 4399", "personal.ssn"),
    ("driver's license D1234567, issued last year", "personal.driving_licence"),
    ("UK driving licence MORGA657054SM9IJ", "personal.driving_licence"),
    ("免許証番号は第301234567890号", "personal.driving_licence"),
    ("パスポート TR1234567", "personal.passport"),
    ("保険者番号06123456 記号1234", "personal.health_insurance"),
    ("年金番号1234-567890", "personal.pension"),
    ("Patient MRN 00482913", "personal.reference"),
    ("社員番号10482の件", "personal.reference"),
    ("CPF 111.444.777-35", "personal.national_id"),
    ("DNI 12345678Z", "personal.national_id"),
    ("routing number 121000358", "financial.bank_account"),
    ("ゆうちょ 記号10120 番号12345671", "financial.bank_account"),
    ("charge 4539148803436467 again", "financial.card"),
    ("I have bipolar disorder and take lithium", "personal.health"),
    ("父は胃がんのステージ2と診断されました", "personal.health"),
    ("彼の年収は900万円らしい", "personal.finance"),
    ("she earns $72,500 a year", "personal.finance"),
    ("彼は懲戒処分を受けた", "personal.employment"),
    ("root password = hunter2!!xyz", "credentials.password"),
    ("the passphrase is 'correct horse battery staple'", "credentials.password"),
    ("creds: admin / S3cure#Pass", "credentials.password"),
    ("Blue7Kettle! is the password for staging", "credentials.password"),
    ("パスはhanako0425です", "credentials.password"),
    ("PW→Tk7!nagoya", "credentials.password"),
    ("Tk7!nagoyaがパスワードです", "credentials.password"),
    ("door code for the lab is 4821.", "credentials.password"),
    ("暗証番号は0425", "credentials.password"),
    ("api_key = '8f14e45fceea167a5a36dedd4bea2543'", "credentials.provider_key"),
    ("Server=db1;User Id=sa;Password=Gr8Plum!", "credentials.password"),
    ("VPN gateway 10.44.3.17", "credentials.internal_host"),
    (r"\\fs01.corp.local\hr", "credentials.internal_host"),
    ("弊社顧客のミナト精機様から要請", "business.customer"),
    ("(株)北斗フーズさんへ見積書を送付", "business.customer"),
    ("our client Nordvale Instruments Ltd complains", "business.customer"),
    ("TOP SECRET // draft", "marking.secret"),
    ("this is confidential, please summarise", "marking.confidential"),
    ("まだ公表していない買収の件です", "marking.confidential"),
    ("do not distribute outside the team", "marking.internal"),
    ("社外には出さないでください", "marking.internal"),
    ("We're going to lay off 30% of the team in March", "business.unreleased"),
    ("Our bid for the hospital tender is 4.2 million", "business.unreleased"),
    ("summarise the attached minutes of the executive committee", "business.unreleased"),
    ("当社の入札額は4億2千万円です", "business.unreleased"),
    ("昨夜の事故で顧客4000人分の情報が漏れました", "business.unreleased"),
    ("Tanaka-san asked for the file", "personal.name"),
    ("absences: J. Alvarez 14 days", "personal.name"),
    ("うちの部署の田所が遅刻ばかりです", "personal.name"),
    ("銀行の暗証番号を1122にしています", "credentials.password"),
    ("初期パスワード「Falcon6570!」", "credentials.password"),
]

NOT_FOUND = [
    "Our helpline is 1-800-555-0199",
    "フリーダイヤル 0120-123-456、ナビダイヤル 0570-000-123",
    "ISBN 978-4-00-310101-8, version 10.15.7, build 19H2",
    "法人番号7000012050002",
    "order 4539148803436467 and 注文番号 123456789018",
    "Use user@example.com in the tutorial",
    "AKIAIOSFODNN7EXAMPLE is the example key",
    "test card 4242 4242 4242 4242 in the sandbox docs",
    "mail info@company.example or support@company.example",
    "my password is not working",
    "password must have 12 characters",
    "password: str = Field(min_length=8)",
    "token = os.environ['API_TOKEN']",
    "Authorization: Bearer <token>",
    "パスワードは8文字以上にしてください",
    "postgres://user:password@localhost/db",
    "router at 192.168.1.1, docs use 192.0.2.7",
    "What does confidential mean in a confidentiality agreement?",
    "社外秘とは何ですか",
    "「極秘」を英語で言うと？",
    "社内限定セールの告知文",
    "機密保持契約のひな形",
    "皆様、お客様、神様、奥様、仕様、模様",
    "営業部長と人事課長の役割",
    "お医者さん、パン屋さん、皆さん",
    "夏目漱石の『こころ』と徳川家康",
    "Albert Einstein and Marie Curie",
    "a novel by Jane Smithson",
    "who was Peter Falkner?",
    "New York, Los Angeles and the United Nations",
    "株式会社と合同会社の違い",
    "トヨタ自動車株式会社の売上高は公表されていますか",
    "東京都渋谷区の人口",
    "東京都千代田区霞が関1-1-1にある役所",
    "What are symptoms of diabetes?",
    "糖尿病の食事療法",
    "年収の高い業界",
    "What is a good salary for a teacher?",
    "鈴木という名字の由来",
    "昭和60年5月3日は何曜日？",
    "3.14159265358979 and 0.1 0.2 0.3 0.4 0.5",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "2024-01-15T09:30:00Z INFO started on port 8080",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "00:1A:2B:3C:4D:5E",
    "git clone git@git.example.com:org/repo.git",
    "How do I calculate gross margin with 3 products?",
    "We offer a 10% discount in our public spring sale",
    "Our budget for the team lunch is 200 euros",
    "Create a pipeline with 3 stages for our repository",
    "pip install requests and pass `capture_all=True` to the call",
    "the call took 20 ms. Then it returned",
    "My cat has diabetes, what food is ok?",
    "原価計算の方法を教えて",
    "情報漏洩対策の研修資料の目次を作って",
    '依存関係の配列にパスしなかった場合は "stale" になります',
    "社内の懇親会の予算は1人5000円です",
]


@pytest.mark.parametrize(("text", "kind"), FOUND)
def test_something_sensitive_is_found(text, kind):
    """A sentence that gives something away is noticed, as the right kind."""
    assert kind in {match.kind for match in DETECTOR.detect(text)}


@pytest.mark.parametrize("text", NOT_FOUND)
def test_ordinary_text_is_left_alone(text):
    """A sentence that only looks sensitive raises no alarm."""
    assert [] == [match.kind for match in DETECTOR.detect(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("please call 090-0000-1234 now", "090-0000-1234"),
        ("please call +81 90-0000-1234 now", "+81 90-0000-1234"),
        ("ring (415) 555-0132 now", "(415) 555-0132"),
        ("mail: hanako.mori@example.co.jp。", "hanako.mori@example.co.jp"),
        ("連絡先は０９０－００００－１２３４です", "０９０－００００－１２３４"),
        ("password is Plum7-Kettle, thanks", "Plum7-Kettle"),
        ("IBAN GB82 WEST 1234 5698 7654 32 ok", "GB82 WEST 1234 5698 7654 32"),
        ("t a r o @ e x a m p l e . o r g です", "t a r o @ e x a m p l e . o r g"),
    ],
)
def test_a_finding_covers_the_value_exactly(text, value):
    """A finding marks what the user wrote, no more and no less."""
    assert [value] == [text[match.start : match.end] for match in DETECTOR.detect(text)]
