"""Text files say what their author wrote, or are reported."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.rag.ingest.encodings import decoded, is_garbled
from hybridllm.rag.ingest.failures import DocumentReadError, Reason

TEXT = "これは契約書の雛形です。株式会社の部長が承認し、カタカナの用語も使います。\nＡＢＣ 123"
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp932", "euc_jp", "iso2022_jp"]
KANA = st.text(alphabet="あいうえおかきくけこさしすせそのはをにがでカタナ。、", min_size=12)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_japanese_text_is_read_in_each_usual_encoding(encoding):
    """Old files in Shift_JIS, EUC-JP and ISO-2022-JP come out as they were written."""
    assert TEXT == decoded(TEXT.encode(encoding))


@settings(deadline=None)
@given(KANA, st.sampled_from(["cp932", "euc_jp", "iso2022_jp", "utf-8"]))
def test_kana_is_never_mistaken(text, encoding):
    """Whatever is written in kana survives, however short the words are."""
    assert text == decoded(text.encode(encoding))


def test_half_width_kana_of_bank_transfers_is_read():
    """Files of banks hold nothing but half-width kana and digits."""
    text = "ｶ)ﾔﾏﾀﾞｼｮｳｼﾞ 1234567 ﾌﾘｺﾐ ｺｳｻﾞ ﾊﾞﾝｺﾞｳ\n" * 5

    assert text == decoded(text.encode("cp932"))


def test_signs_of_windows_in_a_mail_are_read():
    """Mail programs put a circled 1 into ISO-2022-JP, which the standard does not have."""
    data = (
        "会議は".encode("iso2022_jp")[:-3] + b"\x2d\x21\x2d\x6a\x1b(B" + "です".encode("iso2022_jp")
    )

    assert "会議は①㈱です" == decoded(data)


def test_half_width_kana_of_an_old_mail_is_read():
    """ISO-2022-JP has an escape for them that the standard of mails forbids."""
    data = "会議".encode("iso2022_jp") + b"\x1b(I" + bytes([0x36, 0x45]) + b"\x1b$B\x2d\x21\x1b(B"

    assert "会議ｶﾅ①" == decoded(data)


@pytest.mark.parametrize(
    "data",
    [
        "für Grüße, déjà vu — naïve façade".encode("cp1252"),
        "Привет, это обычный текст".encode("koi8-r"),
        "这是一个简体中文的句子，没有标记。".encode("gb18030"),
        bytes(range(1, 256)),
        b"MZ\x00\x01binary",
        TEXT.encode("cp932")[:-20] + b"\xff\xfe\xfd" + TEXT.encode("euc_jp"),
    ],
    ids=["latin", "russian", "chinese", "bytes", "binary", "mixed"],
)
def test_an_uncertain_encoding_is_reported(data):
    """Text that would come out as garbage is not indexed; the report says so."""
    with pytest.raises(DocumentReadError) as caught:
        decoded(data)

    assert caught.value.reason in {Reason.UNKNOWN_ENCODING, Reason.GARBLED}


@pytest.mark.parametrize(
    "text",
    [
        TEXT.encode("utf-8").decode("cp932", errors="ignore"),
        TEXT.encode("utf-8").decode("latin-1"),
        TEXT.encode("utf-8").decode("cp1252", errors="ignore"),
        TEXT.encode("cp932").decode("cp1252", errors="ignore"),
        "仕様書\ufffd\ufffd\ufffd\ufffdです\ufffd\ufffd",
        "\ue000\ue001\ue002\ue003\ue004 abc",
        "".join(chr(code) for code in range(0x3400, 0x3430)),
    ],
    ids=["as cp932", "as latin", "as cp1252", "sjis as cp1252", "lost", "private", "rare"],
)
def test_mojibake_is_noticed(text):
    """A file that was saved wrongly before is no document."""
    assert is_garbled(text)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "Grüße aus Köln, naïve café — “quoted” … 50 €",
        "这是一个简体中文的句子，没有标记。",
        "한국어 문장입니다.",
        "齟齬を来さぬよう、醤油と檸檬を吟味し、薔薇を愛でる。躊躇せず邁進する。",
        "x = α·β² → ∞ ☎ 🎉",
    ],
)
def test_ordinary_text_is_no_mojibake(text):
    """Other languages, rare words and symbols are read."""
    assert not is_garbled(text)


def test_a_declared_encoding_is_believed_if_it_fits():
    """A page that says it is Latin-1 is read as such, and a false claim is not believed."""
    german = "Grüße".encode("latin-1")
    japanese = TEXT.encode("utf-8")

    assert "Grüße" == decoded(german, declared="iso-8859-1")
    assert TEXT == decoded(japanese, declared="shift_jis")
    assert TEXT == decoded(japanese, declared="no-such-code")
