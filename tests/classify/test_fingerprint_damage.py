"""Document fingerprints: damage, wrong keys and edited files lead to the stricter side."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.classify.fingerprint import FingerprintIndex, StoreError
from hybridllm.classify.fingerprint.winnow import normalised
from hybridllm.errors import ConfigurationError
from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential", "secret"], compartments=["personal"])
KEY = bytes(range(32))
PUBLIC, INTERNAL, CONFIDENTIAL, SECRET = (Scale.label(SCALE, level.name) for level in SCALE.levels)
ENGLISH = (
    "The board agreed to close the assembly line in the northern plant by the end of March. "
    "Staff will be offered positions at the coastal site; those who decline receive eleven "
    "months of pay. The buyer of the land has asked that its name be kept out of all minutes."
)
JAPANESE = (
    "取締役会は、北工場の組立ラインを三月末までに閉鎖することを決議した。"
    "従業員には沿岸拠点での配置転換を提示し、辞退者には十一か月分の給与を支給する。"
    "土地の買主は、社名を一切の議事録に記載しないよう求めている。"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index.db"


@pytest.fixture
def index(path):
    made = FingerprintIndex(path, scale=SCALE, key=KEY)
    yield made
    made.close()


def documents(hits):
    return {hit.document_id for hit in hits}


def bytes_on_disk(path):
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_another_key_is_refused(index, path):
    """With the wrong key nothing would be found, and nobody would notice."""
    with pytest.raises(ConfigurationError, match="another key"):
        FingerprintIndex(path, scale=SCALE, key=bytes(32))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE document SET level = 'public'",
        "UPDATE document SET name = 'other'",
        "UPDATE listing SET fingerprints = substr(fingerprints, 9)",
        "UPDATE listing SET fingerprints = zeroblob(length(fingerprints))",
        "DROP TABLE listing",
    ],
)
def test_an_edited_index_stops_the_start(index, path, damage):
    """Nobody without the key can lower a label or take a passage out of a document."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    index.close()
    editor = sqlite3.connect(path)
    editor.execute(damage)
    editor.commit()
    editor.close()

    with pytest.raises(ConfigurationError, match=r"index\.db: is damaged"):
        FingerprintIndex(path, scale=SCALE, key=KEY)


def test_damage_while_running_is_an_error(index, path):
    """Another process that writes nonsense leads to an error, and so to the stricter side."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    index.lookup(ENGLISH)
    editor = sqlite3.connect(path)
    editor.execute("DROP TABLE passage")
    editor.commit()
    editor.close()

    with pytest.raises(StoreError, match="fingerprint index failed"):
        index.lookup(ENGLISH)


def test_a_closed_index_is_an_error(index):
    """After closing nobody gets the answer "no quote" by accident."""
    index.close()

    with pytest.raises(StoreError, match="is closed"):
        index.lookup(ENGLISH)


def test_a_renamed_level_is_the_strictest(index, path):
    """A document keeps its protection when the configuration forgets its level."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    other = Scale.of(["open", "closed"])

    with closing(FingerprintIndex(path, scale=other, key=KEY)) as reopened:
        (hit,) = reopened.lookup(ENGLISH)

    assert other.strictest == hit.label


def test_a_failed_batch_stores_nothing_and_hides_nothing(index):
    """An error in one document of a batch loses no other document afterwards."""
    insert = index._insert

    def failing(connection, names, content, fingerprints):
        insert(connection, names, content, fingerprints)
        raise StoreError("full")

    index._insert = failing
    with pytest.raises(StoreError, match="full"):
        index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    index._insert = insert
    assert () == index.lookup(ENGLISH)

    index.add_document("report", text=JAPANESE, label=CONFIDENTIAL)

    assert {"report"} == documents(index.lookup(JAPANESE))


def test_nothing_of_a_text_is_stored(index, path):
    """The file gives no passage away."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    index.close()
    stored = bytes_on_disk(path).lower()
    letters = normalised(ENGLISH).encode()

    assert not any(letters[first : first + 6] in stored for first in range(0, len(letters) - 6, 6))


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=300), st.integers(0, 60))
def test_no_text_breaks_the_lookup(text, cut):
    """Half characters and odd marks are no way around; a hit lies inside the text."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(FingerprintIndex(Path(folder, "index.db"), scale=SCALE, key=KEY)) as index,
    ):
        index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
        hits = index.lookup(text + ENGLISH[cut : cut + 100] + text)

    assert hits
    assert all(0 <= hit.start < hit.end <= 2 * len(text) + 100 for hit in hits)
