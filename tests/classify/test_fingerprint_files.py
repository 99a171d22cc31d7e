"""Reading documents from a disk: encodings, markup, and what is skipped."""

import sys

import pytest

from hybridllm.classify.fingerprint.files import (
    MAX_FILE_BYTES,
    Skipped,
    TextFile,
    decoded,
    find_files,
    read_file,
    without_markup,
)

JAPANESE = "取締役会は、北工場の組立ラインを閉鎖することを決議した。ﾃｽﾄ：①〜③、髙橋様の件。"
PLAIN = "取締役会は、北工場の組立ラインを三月末までに閉鎖することを決議した。"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932", "euc_jp"])
def test_japanese_files_of_each_encoding_are_read(encoding):
    """Old and new Japanese text files say the same."""
    assert PLAIN == decoded(PLAIN.encode(encoding))


@pytest.mark.parametrize("word", ["表示", "能力", "ソフト", "監査", "資料。", "カナ", "ひらがな"])
@pytest.mark.parametrize("encoding", ["cp932", "euc_jp"])
def test_short_japanese_files_are_read(encoding, word):
    """A few characters are enough to tell the old encodings apart."""
    assert word * 3 == decoded((word * 3).encode(encoding))


def test_characters_of_windows_are_read():
    """CP932 has characters that Shift_JIS doesn't have."""
    text = JAPANESE.replace("〜", "～")

    assert text == decoded(text.encode("cp932"))


@pytest.mark.parametrize("data", [b"\xff\xfe\xff", b"abc\x00def", bytes(range(128, 256)), b"\x81"])
def test_bytes_that_are_no_text_are_not_guessed(data):
    """A binary file under a text suffix is skipped, not read as rubbish."""
    assert decoded(data) is None


def test_markup_is_no_text():
    """Tags, styles and scripts don't stand between the words of a passage."""
    page = (
        "<html><head><style>p { color: red }</style><script>if (a < b) go()</script></head>"
        "<body><p>Net <b>reve</b>nue &amp; co&#12539;売上</p><img alt='a chart'></body></html>"
    )

    assert "Net revenue & co・売上 a chart " == without_markup(page)


def test_a_folder_is_read_in_order_with_reasons_for_what_is_not(tmp_path):
    """Every file is either read or named with a reason."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "note.md").write_text("# Minutes", encoding="utf-8")
    (tmp_path / "a.csv").write_bytes("氏名,金額".encode("cp932"))
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "d.txt").write_bytes(b"\x00\x01")

    read = [read_file(path) for path in find_files(tmp_path)]

    assert ["氏名,金額", "# Minutes"] == [item.text for item in read if isinstance(item, TextFile)]
    assert [("c.pdf", True), ("d.txt", False)] == [
        (item.path.name, ".pdf" in item.reason) for item in read if isinstance(item, Skipped)
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_are_not_followed(tmp_path):
    """A link inside a folder doesn't pull in files from elsewhere."""
    (tmp_path / "target.txt").write_text("text", encoding="utf-8")
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "target.txt")

    assert Skipped(link, "a link") == read_file(link)


def test_a_huge_file_is_skipped(tmp_path):
    """A dump of a database doesn't fill the memory."""
    path = tmp_path / "dump.csv"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)

    assert Skipped(path, "larger than 64 MiB") == read_file(path)


def test_a_missing_path_is_an_error(tmp_path):
    """A misspelt folder is no empty folder."""
    with pytest.raises(OSError, match="missing"):
        find_files(tmp_path / "missing")


def test_a_file_that_vanished_is_skipped(tmp_path):
    """A folder may change while it is read."""
    found = read_file(tmp_path / "gone.txt")

    assert isinstance(found, Skipped)
    assert "No such file" in found.reason


def test_the_text_is_not_in_the_repr(tmp_path):
    """A traceback or a log line never shows a document."""
    (tmp_path / "a.txt").write_text("confidential words", encoding="utf-8")

    assert "confidential" not in repr(read_file(tmp_path / "a.txt"))
