"""Document fingerprints: a prompt that quotes a document gets its label."""

import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridllm.classify.fingerprint import FingerprintDetector, FingerprintIndex
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
BOILERPLATE = (
    "This message and any attachment are intended only for the named recipient. "
    "If you received it in error, please delete it and inform the sender."
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


@pytest.mark.parametrize("text", [ENGLISH, JAPANESE])
def test_every_quote_of_60_characters_is_found(index, text):
    """Sixty characters of a contract are enough, wherever they are cut out."""
    index.add_document("minutes", text=text, label=CONFIDENTIAL)

    for first in range(len(text) - 60):
        quote = text[first : first + 60]
        prompt = f"Could you rewrite this sentence for me? 「{quote}」 Many thanks in advance!"

        assert {"minutes"} == documents(index.lookup(prompt)), first


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.replace(" ", "\n> "),
        lambda text: text.replace(".", " -").replace("、", " , ").replace("。", "\n・"),
        lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
        "\u200b".join,
        " ".join,
        lambda text: text.replace("eleven", "twelve").replace("十一", "十二"),
        lambda text: (
            text.replace(" close ", " shut ").replace("決議", "決定").replace("March", "May")
        ),
    ],
)
@pytest.mark.parametrize("text", [ENGLISH, JAPANESE])
def test_light_changes_do_not_hide_a_quote(index, text, change):
    """Spacing, width, punctuation and a changed word leave a passage recognisable."""
    index.add_document("minutes", text=text, label=CONFIDENTIAL)

    assert {CONFIDENTIAL} == {hit.label for hit in index.lookup(change(text))}


def test_a_hit_says_where_and_how_much(index):
    """The place is counted in the original text, with its own width and spaces."""
    index.add_document("minutes", text=ENGLISH + JAPANESE, label=CONFIDENTIAL)
    before, quote = "要約してください：①　", JAPANESE[:70]

    (hit,) = index.lookup(f"{before}{quote}。以上です。それでは、よろしくお願いいたします！")

    assert len(before) <= hit.start < len(before) + 19
    assert len(before) + len(quote) - 22 < hit.end <= len(before) + len(quote) + 1
    assert 0.05 < hit.share < 0.5


def test_the_whole_document_has_share_one(index):
    """Pasting all of a document finds all of it."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)

    (hit,) = index.lookup(ENGLISH)

    assert 1.0 == hit.share
    assert hit.start < 24
    assert len(ENGLISH) - 24 < hit.end


def test_two_quotes_far_apart_are_two_hits(index):
    """Highlighting marks the quotes and not the text between them."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    between = " ".join(f"word{n}" for n in range(60))

    found = index.lookup(f"{ENGLISH[:90]} {between} {ENGLISH[-90:]}")

    assert [True, False] == [hit.end < 100 for hit in found]


def test_ordinary_prompts_are_no_quotes(index):
    """A question about the same subject is not the document."""
    index.add_document("minutes", text=ENGLISH + JAPANESE, label=CONFIDENTIAL)
    prompts = ["How do I close an assembly line?", "工場の閉鎖について説明してください。", "", "ok"]

    assert [(), (), (), ()] == [index.lookup(prompt) for prompt in prompts]


@pytest.mark.parametrize("public_first", [True, False])
def test_boilerplate_of_public_documents_does_not_count(index, public_first):
    """A footer that also stands in published mails betrays nothing, to its last letter."""
    contract = ("contract", f"{ENGLISH}\n{BOILERPLATE}\n{JAPANESE}", CONFIDENTIAL)
    release = ("press release", f"A new logo!\n{BOILERPLATE} Enjoy.", PUBLIC)
    index.add_documents([release, contract] if public_first else [contract, release])

    parts = [BOILERPLATE[first : first + 70] for first in range(len(BOILERPLATE) - 50)]

    assert {()} == {index.lookup(part) for part in [BOILERPLATE, *parts]}
    assert {"contract"} == documents(index.lookup(f"{BOILERPLATE} {ENGLISH[:60]}"))
    index.remove_document("press release")
    assert {"contract"} == documents(index.lookup(BOILERPLATE))


def test_a_passage_of_several_lower_documents_has_their_label(index):
    """What stands in three internal handbooks is internal, not secret; one draft isn't enough."""
    index.add_document("secret plan", text=BOILERPLATE + ENGLISH, label=SECRET)
    index.add_document("draft 0", text=BOILERPLATE, label=INTERNAL)
    index.add_document("draft 1", text=BOILERPLATE, label=INTERNAL)
    assert SECRET in {hit.label for hit in index.lookup(BOILERPLATE)}

    index.add_document("handbook", text=BOILERPLATE, label=INTERNAL)

    assert {INTERNAL} == {hit.label for hit in index.lookup(BOILERPLATE[:-20])}
    assert {SECRET} == {hit.label for hit in index.lookup(ENGLISH)}


def test_a_public_text_about_persons_is_not_published(index):
    """The lowest level with a compartment still protects that compartment."""
    personal = SCALE.label("public", compartments=["personal"])
    index.add_document("staff list", text=ENGLISH, label=personal)

    assert {personal} == {hit.label for hit in index.lookup(ENGLISH)}


def test_a_document_added_again_replaces_the_old_one(index):
    """A new version, or a new label, is what counts."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    index.add_document("minutes", text=JAPANESE, label=SECRET)

    assert () == index.lookup(ENGLISH)
    assert {SECRET} == {hit.label for hit in index.lookup(JAPANESE)}
    assert 1 == index.stats().documents


def test_a_document_that_became_too_short_is_removed(index):
    """A file whose content was taken out no longer marks anything."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)

    assert 0 == index.add_document("minutes", text="moved", label=CONFIDENTIAL)
    assert () == index.documents()
    assert () == index.lookup(ENGLISH)


def test_has_document_knows_the_text_and_the_label(index):
    """Only an unchanged file may be passed over on the second run."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)

    assert index.has_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    assert not index.has_document("minutes", text=ENGLISH + "!", label=CONFIDENTIAL)
    assert not index.has_document("minutes", text=ENGLISH, label=SECRET)
    assert not index.has_document("other", text=ENGLISH, label=CONFIDENTIAL)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**32), st.integers(60, 4000))
def test_a_removed_document_is_gone_from_the_file(tmp_path, seed, characters):
    """After removing, not one of its fingerprints is in the file or its log."""
    path = tmp_path / str(len(list(tmp_path.iterdir()))) / "index.db"
    path.parent.mkdir()
    index = FingerprintIndex(path, scale=SCALE, key=KEY)
    kept = "".join(random.Random(seed + 1).choices("abcdefghijklmnop", k=2000))
    gone = "".join(random.Random(seed).choices("abcdefghijklmnop", k=characters))
    index.add_documents([("kept", kept, CONFIDENTIAL), ("gone", gone, CONFIDENTIAL)])
    fingerprints = index._winnower.fingerprints(gone)
    stored = bytes_on_disk(path)
    assert all(number.to_bytes(8, "big", signed=True) in stored for number in fingerprints)

    assert index.remove_document("gone")

    stored = bytes_on_disk(path)
    assert fingerprints
    assert not any(number.to_bytes(8, "big", signed=True) in stored for number in fingerprints)
    assert not any(number.to_bytes(8, "little", signed=True) in stored for number in fingerprints)
    assert b"gone" not in stored
    assert () == index.lookup(gone)
    assert {"kept"} == documents(index.lookup(kept))
    index.close()


def test_a_replaced_version_is_gone_after_compacting(index, path):
    """A new version of a document leaves nothing of the old one."""
    old = "".join(random.Random(5).choices("abcdefghijklmnop", k=9000))
    for number in range(5):
        index.add_document(str(number), text=old[number * 1000 :][::-1], label=CONFIDENTIAL)
    index.add_document("minutes", text=old, label=CONFIDENTIAL)
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)

    index.compact()

    stored = bytes_on_disk(path)
    fingerprints = index._winnower.fingerprints(old)
    assert not any(number.to_bytes(8, "big", signed=True) in stored for number in fingerprints)


def test_removing_an_unknown_document_says_so(index):
    """A misspelt name is not taken for a success."""
    assert not index.remove_document("never added")


def test_other_processes_see_what_was_added_and_removed(index, path):
    """A running gateway learns of new documents without a restart."""
    other = FingerprintIndex(path, scale=SCALE, key=KEY)
    assert () == other.lookup(ENGLISH)

    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    assert {"minutes"} == documents(other.lookup(ENGLISH))

    index.remove_document("minutes")
    assert () == other.lookup(ENGLISH)
    other.close()


def test_many_documents_outgrow_the_bitmap(index):
    """The bitmap grows with the index, and nothing is lost on the way."""
    texts = ["".join(random.Random(n).choices("abcdefghijklmnop", k=30_000)) for n in range(6)]
    for number, text in enumerate(texts):
        index.add_document(str(number), text=text, label=CONFIDENTIAL)
        index.lookup(text)

    found = [documents(index.lookup(text[5000:5100])) for text in texts]

    assert [{str(number)} for number in range(6)] == found
    assert index.stats().memory_bytes > 8192


def test_one_more_document_does_not_build_the_bitmap_again(index):
    """Adding to a large index costs as much as adding to a small one."""
    text = "".join(random.Random(4).choices("abcdefghijklmnop", k=40_000))
    index.add_document("0", text=text, label=CONFIDENTIAL)
    index.lookup(ENGLISH)
    bitmap = index._front

    for number in range(1, 5):
        index.add_document(str(number), text=JAPANESE, label=CONFIDENTIAL)
        index.lookup(JAPANESE)

    assert bitmap is index._front


def test_threads_may_look_up_and_add_at_once(index):
    """A gateway serves many requests while documents are added."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    found = []

    def ask():
        found.extend(documents(index.lookup(ENGLISH)) == {"minutes"} for _ in range(30))

    def add():
        for number in range(10):
            index.add_document(f"other {number}", text=JAPANESE, label=INTERNAL)

    threads = [threading.Thread(target=target) for target in (ask, ask, add)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [True] * 60 == found
    assert {f"other {number}" for number in range(10)} == documents(index.lookup(JAPANESE))


def test_the_detector_reports_each_place_once(index):
    """As a detector, the index gives kind and place; the labels come as a join."""
    index.add_document("minutes", text=ENGLISH, label=CONFIDENTIAL)
    index.add_document(
        "copy", text=ENGLISH, label=SCALE.label("internal", compartments=["personal"])
    )
    detector = FingerprintDetector(index)

    (match,) = detector.detect(ENGLISH)

    assert "document_quote" == match.kind
    assert {match.kind} == detector.kinds
    assert SCALE.label("confidential", compartments=["personal"]) == detector.recall(["x", ENGLISH])
    assert detector.recall(["nothing of it"]) is None
