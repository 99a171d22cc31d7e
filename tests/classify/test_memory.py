"""Message memory: a text keeps its label wherever it turns up again."""

import threading
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.classify.memory import SqliteMemory, VolatileMemory
from hybridllm.errors import ConfigurationError
from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential", "secret"], compartments=["a", "b"])
KEY = bytes(range(32))
CONFIDENTIAL = SCALE.label("confidential", compartments=["a"])
ENGLISH = "The forecast for the northern region was revised after the audit."
JAPANESE = "北部地域の四半期予測は監査の後に見直され、ガイドラインが更新されました。"

labels = st.builds(
    lambda level, some: SCALE.label(level, compartments=some),
    st.sampled_from([level.name for level in SCALE.levels]),
    st.sets(st.sampled_from(sorted(SCALE.compartments))),
)
texts = st.text(min_size=1, max_size=200)
spaces = st.sampled_from(["", " ", "\n", "\t", "\u3000", "\u200b", "\ufeff", "\u2060", "\r\n"])


@pytest.fixture(params=["volatile", "sqlite"])
def memory(request, tmp_path):
    if request.param == "volatile":
        made = VolatileMemory(SCALE, key=KEY)
    else:
        made = SqliteMemory(tmp_path / "memory.db", scale=SCALE, key=KEY)
    yield made
    made.close()


def wide(text):
    """Write ASCII in full width."""
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


@pytest.mark.parametrize("text", [ENGLISH, JAPANESE])
def test_a_text_is_known_again(memory, text):
    """What was confidential in one conversation is confidential in the next."""
    memory.remember([text], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall(["Something else", text])


def test_an_unknown_text_has_no_label(memory):
    """Ordinary questions are not slowed down by somebody else's secrets."""
    memory.remember([ENGLISH], label=CONFIDENTIAL)

    assert memory.recall(["How do I write a polite answer to a customer?"]) is None
    assert memory.recall([]) is None


@pytest.mark.parametrize(
    "changed",
    [
        ENGLISH.upper(),
        wide(ENGLISH),
        ENGLISH.replace(" ", "\n"),
        "\u200b".join(ENGLISH),
        f"  {ENGLISH}\n\n",
    ],
)
def test_width_case_and_spacing_do_not_hide_a_text(memory, changed):
    """Copying through another program changes spaces and width, not the secret."""
    memory.remember([ENGLISH], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall([changed])


def test_half_width_kana_are_the_same_text(memory):
    """Old systems write ガ as two half-width characters."""
    memory.remember(["ガイドラインガイドラインガイドライン"], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall(["ｶﾞｲﾄﾞﾗｲﾝ ｶﾞｲﾄﾞﾗｲﾝ ｶﾞｲﾄﾞﾗｲﾝ"])


def test_one_paragraph_is_enough(memory):
    """Pasting a paragraph of a long confidential reply is still confidential."""
    reply = f"Here is what I found.\n\n{ENGLISH}\n{JAPANESE}\n\nAnything else?"
    memory.remember([reply], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall([f"Please translate this:\n{ENGLISH}\nThank you."])


def test_a_short_text_inside_a_longer_message_is_known(memory):
    """A remembered one-line message counts as a line of another message too."""
    memory.remember(["四半期の売上は前年より三割減りました"], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall(["訳してください。\n四半期の売上は前年より三割減りました"])


@pytest.mark.parametrize(
    "phrase", ["ありがとうございます", "Thank you! :)", "はい、お願いします。", ""]
)
def test_common_phrases_taint_nobody(memory, phrase):
    """Whoever says thank you in a confidential chat does not lock up everyone else."""
    memory.remember([phrase], label=CONFIDENTIAL)

    assert memory.recall([phrase]) is None


def test_a_lone_string_is_one_text(memory):
    """A caller who forgets the list must not lose the taint."""
    memory.remember(ENGLISH, label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall(ENGLISH)


def test_a_lone_surrogate_is_remembered(memory):
    """JSON may hold half a character; it is no way around the memory."""
    memory.remember([ENGLISH + "\ud800"], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memory.recall([ENGLISH + "\ud800"])


def test_another_key_knows_nothing():
    """Digests of one organisation are useless to another."""
    ours, theirs = (VolatileMemory(SCALE, key=bytes([number] * 32)) for number in (1, 2))
    digests = ours._digests.to_recall([ENGLISH]) & theirs._digests.to_recall([ENGLISH])

    assert set() == digests


@pytest.mark.parametrize("key", [b"", b"short", bytes(65)])
def test_a_weak_key_is_refused(tmp_path, key):
    """A guessable key would make the stored digests guessable."""
    with pytest.raises(ConfigurationError, match="expected 16 to 64"):
        VolatileMemory(SCALE, key=key)
    with pytest.raises(ConfigurationError, match="expected 16 to 64"):
        SqliteMemory(tmp_path / "memory.db", scale=SCALE, key=key)


def test_memory_in_the_process_is_bounded():
    """A busy server doesn't fill up; the least recently used texts go first."""
    memory = VolatileMemory(SCALE, key=KEY, max_entries=2)
    first, second, third = (f"confidential message {name}" for name in ("one", "two", "three"))
    memory.remember([first], label=CONFIDENTIAL)
    memory.remember([second], label=CONFIDENTIAL)
    memory.recall([first])

    memory.remember([third], label=CONFIDENTIAL)

    assert memory.recall([second]) is None
    assert CONFIDENTIAL == memory.recall([first])


def test_threads_share_a_memory(memory):
    """What one thread remembers, every thread recalls, and nothing is lost."""
    messages = [[f"confidential message {thread} {n}" for n in range(20)] for thread in range(4)]
    threads = [
        threading.Thread(target=memory.remember, args=(some,), kwargs={"label": CONFIDENTIAL})
        for some in messages
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(memory.recall([text]) == CONFIDENTIAL for some in messages for text in some)


@given(st.lists(st.tuples(texts, labels), max_size=8), texts)
def test_a_label_never_falls(events, extra):
    """Whatever is remembered later, what was once confidential stays at least that."""
    memory = VolatileMemory(SCALE, key=KEY)
    before = None
    for text, label in events:
        memory.remember([text, extra], label=label)
        after = memory.recall([text, extra])

        assert before is None or after is None or before.flows_to(after)
        before = memory.recall([extra])


@settings(deadline=None)
@given(st.data(), st.text(min_size=16, max_size=120), labels)
def test_recall_finds_what_was_remembered_under_other_spaces(data, text, label):
    """No choice of spaces, line breaks and invisible characters hides a text."""
    memory = VolatileMemory(SCALE, key=KEY)
    memory.remember([text], label=label)
    known = memory.recall([text])
    signs = unicodedata.normalize("NFC", text)
    changed = "".join(sign + data.draw(spaces) for sign in signs)

    assert known == memory.recall([changed]) or known is None


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=16), labels)
def test_recall_finds_what_was_remembered_in_full_width(text, label):
    """Full-width letters and digits are the same letters and digits."""
    memory = VolatileMemory(SCALE, key=KEY)
    memory.remember([text], label=label)

    assert label == memory.recall([wide(text).swapcase()])
