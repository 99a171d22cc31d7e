"""Quotes, names, denials, opposites and exchanged roles."""

import pytest

from hybridllm.verify import Reason, Source
from tests.verify.sources import is_supported, reasons


def source(text: str) -> tuple[Source, ...]:
    return (Source("s", "", text),)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (
            "The seal must be replaced every year.",
            'It says "the seal must be replaced every year".',
        ),
        ("The seal must be replaced every year.", "It says “The seal … every year”."),
        (
            "封印は毎年交換しなければならない。",
            "規程には「封印は毎年交換しなければならない」とあります。",
        ),
    ],
)
def test_a_quote_is_verbatim(text, claim):
    """Width, case and an ellipsis make no difference, other words do."""
    assert Reason.QUOTE_ABSENT not in reasons(claim, sources=source(text))


def test_a_quote_of_other_words_is_noticed():
    """Quotation marks promise the very words."""
    text = source("The seal must be replaced every year.")

    assert Reason.QUOTE_ABSENT in reasons(
        'It says "the seal may be replaced every year".', sources=text
    )


def test_code_in_backquotes_has_to_be_in_the_source():
    """A command that the source does not know was invented."""
    text = source("Run `backup --all` every night.")

    assert is_supported("Run `backup --all` every night.", sources=text)
    assert Reason.CODE_ABSENT in reasons("Run `backup --purge` every night.", sources=text)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Passengers are paid extra.", "Passengers are not paid extra."),
        ("Kits of the older model do not fit.", "Kits of the older model fit."),
        ("The employer pays no salary in this time.", "The employer pays the salary in this time."),
        ("Calls are recorded only with consent.", "Calls are recorded without consent."),
        ("契約社員には適用しない。", "契約社員にも適用します。"),
        ("防火扉の前に物を置いてはならない。", "防火扉の前に物を置いてもよい。"),
        ("通話は録音する。", "通話は録音しません。"),
    ],
)
def test_a_denial_of_what_the_source_says_is_noticed(text, claim):
    """The same words with and without "not" are opposites."""
    assert Reason.NEGATION_MISMATCH in reasons(claim, sources=source(text))


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("The use of USB sticks is prohibited.", "The use of USB sticks is not allowed."),
        ("申請には承認が必要である。", "申請には承認を得なければなりません。"),
        ("防火扉の前に物を置いてはならない。", "防火扉の前に物を置くことは禁止です。"),
        ("Points are earned for bread; tobacco earns no points.", "Points are earned for bread."),
    ],
)
def test_the_same_denial_in_other_words_is_none(text, claim):
    """What is prohibited is not allowed, and しなければならない denies nothing."""
    assert Reason.NEGATION_MISMATCH not in reasons(claim, sources=source(text))


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Lock the door before you leave the hall.", "Lock the door after you leave the hall."),
        ("酸は25度以下で保管する。", "酸は25度以上で保管します。"),
        ("申請は出発の3営業日前までに提出する。", "申請は出発の3営業日後までに提出します。"),
        ("Latex gloves are insufficient for acids.", "Latex gloves are sufficient for acids."),
        ("ラテックス手袋では不十分である。", "ラテックス手袋で十分です。"),
    ],
)
def test_an_opposite_word_is_noticed(text, claim):
    """Words of order and amount turn a sentence round."""
    assert Reason.OPPOSITE_WORD in reasons(claim, sources=source(text))


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("The limit rises from 8 GB to 16 GB.", "The limit rises from 16 GB to 8 GB."),
        ("The team chose steel instead of copper.", "The team chose copper instead of steel."),
        (
            "試験は大野が作成し、図面は片桐が確認する。",
            "試験は片桐が作成し、図面は大野が確認します。",
        ),
        ("上限は20MBから50MBに上がる。", "上限は50MBから20MBに上がります。"),
    ],
)
def test_exchanged_roles_are_noticed(text, claim):
    """The same words in exchanged places say something else."""
    assert Reason.ROLES_SWAPPED in reasons(claim, sources=source(text))


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("The manager approves each claim.", "Each claim is approved by the manager."),
        ("If it rains, the gate stays shut.", "The gate stays shut if it rains."),
        ("Acids and bases are kept apart.", "Bases and acids are kept apart."),
        ("精算は経理部に行う。", "経理部に精算を行います。"),
    ],
)
def test_another_order_of_words_is_no_exchange(text, claim):
    """Passive voice and a clause in front change the order and not the sense."""
    assert Reason.ROLES_SWAPPED not in reasons(claim, sources=source(text))


def test_a_word_in_the_place_of_another_one_is_noticed():
    """Another department, colour or side is another fact."""
    english = source("The finance director signs each refund above the limit.")
    japanese = source("精算は領収書を添えて経理部に行う。")

    assert Reason.WORD_REPLACED in reasons(
        "The sales director signs each refund above the limit.", sources=english
    )
    assert Reason.WORD_REPLACED in reasons(
        "精算は領収書を添えて総務部に行います。", sources=japanese
    )


def test_a_name_that_no_source_has_is_noticed():
    """Places and people in the middle of a sentence have to come from somewhere."""
    text = source("The next meeting of the design team takes place in Malmo.")

    assert Reason.NAME_ABSENT in reasons(
        "The next meeting takes place in Gothenburg.", sources=text
    )
    assert is_supported("The next meeting takes place in Malmo.", sources=text)


def test_initials_of_words_of_the_source_are_no_strange_name():
    """An abbreviation of what the source writes out is understood."""
    text = source("The public safety office checks the gate each morning.")

    assert Reason.NAME_ABSENT not in reasons(
        "In the morning the PSO checks the gate.", sources=text
    )


def test_a_number_said_of_something_else_is_misplaced():
    """It is not enough that a number stands anywhere in the passage."""
    text = source("フィルタは500時間ごとに交換する。軸受の交換周期は8,000時間である。")

    assert Reason.NUMBER_MISPLACED in reasons("軸受の交換周期は500時間です。", sources=text)
    assert is_supported("軸受の交換周期は8,000時間です。", sources=text)


def test_a_sentence_about_something_else_has_too_few_words_in_common():
    """What no passage speaks of is invented."""
    text = source("The pump delivers water to the upper tank.")

    assert Reason.LOW_OVERLAP in reasons(
        "Visitors park their bicycles behind the canteen.", sources=text
    )
