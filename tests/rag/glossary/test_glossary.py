"""What words mean depends on the department that asks."""

import pytest

from hybridllm.rag.glossary import (
    Glossary,
    GlossaryTerm,
    MisuseKind,
    estimated_tokens,
    merged,
)
from hybridllm.rag.model import Query
from tests.rag.glossary.labels import CONFIDENTIAL, INTERNAL, PUBLIC

OIL = {
    "manufacturing": [
        GlossaryTerm("oil", PUBLIC, synonyms=("engine oil", "lubricant", "gear oil")),
        GlossaryTerm("油", PUBLIC, synonyms=("作動油", "潤滑油", "切削油"), reading="オイル"),
    ],
    "cosmetics": [
        GlossaryTerm("oil", PUBLIC, synonyms=("argan oil", "jojoba oil")),
        GlossaryTerm("油", PUBLIC, synonyms=("椿油", "アルガンオイル", "ホホバオイル")),
    ],
}


def glossary_of(department: str) -> Glossary:
    return merged([], department=department, departments=OIL)


def words(question: str, *, glossary: Glossary, clearance=INTERNAL) -> set[str]:
    return {word for word, _ in glossary.expansions(question, clearance=clearance).words}


@pytest.mark.parametrize(
    ("question", "department", "expected"),
    [
        ("What are synonyms of oil?", "manufacturing", {"engine oil", "lubricant", "gear oil"}),
        ("What are synonyms of oil?", "cosmetics", {"argan oil", "jojoba oil"}),
        ("油の同義語は何ですか", "manufacturing", {"作動油", "潤滑油", "切削油", "オイル"}),
        ("油の同義語は何ですか", "cosmetics", {"椿油", "アルガンオイル", "ホホバオイル"}),
    ],
)
def test_synonyms_of_oil_are_those_of_the_department_that_asks(question, department, expected):
    """Manufacturing means engine oil and cosmetics means argan oil, and both are right."""
    assert expected == words(question, glossary=glossary_of(department))


def test_the_answer_of_the_other_department_is_noticed():
    """Who asks in manufacturing is not told that argan oil is a synonym of oil."""
    answer = "Synonyms of oil are engine oil and argan oil."
    glossary = glossary_of("manufacturing")

    (misuse,) = glossary.check(answer, clearance=INTERNAL)

    assert MisuseKind.FOREIGN is misuse.kind
    assert "argan oil" == answer[misuse.start : misuse.end]
    assert () == glossary_of("cosmetics").check("Synonyms of oil: argan oil", clearance=INTERNAL)


def test_expansions_weigh_less_than_the_question_and_fit_a_query():
    """A synonym helps to find a passage and never outweighs the asker's own word."""
    found = glossary_of("manufacturing").expansions("the lubricant", clearance=INTERNAL)

    assert {"oil": 0.7, "engine oil": 0.5, "gear oil": 0.5} == dict(found.words)
    assert found.words == Query("the lubricant", expansions=found.words).expansions
    assert PUBLIC == found.label


def test_a_term_above_the_clearance_is_not_used():
    """What the asker may not know neither widens the search nor reaches the model."""
    terms = [GlossaryTerm("Kite", CONFIDENTIAL, synonyms=("Project 7",), definition="A new plant.")]
    glossary = Glossary.of(terms)

    assert set() == words("What is Kite?", glossary=glossary, clearance=INTERNAL)
    hidden = glossary.definitions("Kite", clearance=INTERNAL, token_budget=100)
    assert ("", None) == (hidden.text, hidden.label)
    shown = glossary.definitions("Kite", clearance=CONFIDENTIAL, token_budget=100)
    assert "A new plant." in shown.text
    assert CONFIDENTIAL == shown.label


def test_a_department_changes_the_meaning_and_never_loosens_the_label():
    """The department's synonyms win; the stricter of the two labels holds."""
    common = [
        GlossaryTerm(
            "seal", CONFIDENTIAL, synonyms=("stamp",), definition="A stamp.", forbidden=("mark",)
        )
    ]
    own = [GlossaryTerm("Seal", PUBLIC, synonyms=("gasket", "mark"), definition="A gasket.")]

    (term,) = merged(common, department="pumps", departments={"pumps": own}).terms

    assert ("gasket", "mark") == term.synonyms
    assert "A gasket." == term.definition
    assert CONFIDENTIAL == term.label
    assert () == term.forbidden


def test_forbidden_words_of_the_organisation_hold_in_departments_too():
    """A department that says nothing of a forbidden word has not allowed it."""
    common = [GlossaryTerm("staff", PUBLIC, forbidden=("manpower",))]
    own = [GlossaryTerm("staff", PUBLIC, synonyms=("crew",))]
    glossary = merged(common, department="ship", departments={"ship": own})

    (misuse,) = glossary.check("We need more manpower and crew.", clearance=PUBLIC)

    assert MisuseKind.FORBIDDEN is misuse.kind
    assert "staff" == misuse.preferred


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("Gear oils", True),
        ("GEAR-OIL", True),
        ("ｇｅａｒ　ｏｉｌ", True),
        ("gear\noil", True),
        ("gearoil", False),
        ("ungear oil", False),
        ("gear oiler", False),
    ],
)
def test_english_words_are_found_in_any_case_and_number_and_stand_alone(text, is_found):
    """Plural, capitals, width and hyphens make no difference; other words do."""
    glossary = Glossary.of([GlossaryTerm("gear oil", PUBLIC, synonyms=("transmission fluid",))])

    assert is_found == bool(words(text, glossary=glossary))


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("このサーバーを", True),
        ("このサーバを", True),
        ("ﾌｧｲﾙｻｰﾊﾞｰ", True),
        ("社内サーバー室", True),
        ("サービス", False),
    ],
)
def test_japanese_words_are_found_inside_others_in_any_width(text, is_found):
    """Half-width kana and a missing long vowel mark are the same word."""
    glossary = Glossary.of([GlossaryTerm("サーバー", PUBLIC, synonyms=("計算機",))])

    assert is_found == bool(words(text, glossary=glossary))


def test_a_single_character_is_not_found_inside_a_word():
    """油 is not meant where 油断 is written."""
    assert set() == words("油断大敵", glossary=glossary_of("cosmetics"))


def test_the_longest_word_counts():
    """What is called engine oil is a word of its own and no case of oil."""
    glossary = Glossary.of(
        [
            GlossaryTerm("oil", PUBLIC, synonyms=("fat",)),
            GlossaryTerm("engine oil", PUBLIC, synonyms=("motor oil",)),
        ]
    )

    assert {"motor oil"} == words("Which engine oil?", glossary=glossary)


def test_definitions_keep_to_the_budget_and_to_the_terms_that_occur():
    """The model reads what it needs, first come first, and no more tokens than allowed."""
    terms = [
        GlossaryTerm("lead time", PUBLIC, definition="Days from order to delivery."),
        GlossaryTerm("takt", INTERNAL, definition="Time per piece. " * 20),
        GlossaryTerm(
            "kanban", PUBLIC, definition="A card that orders parts.", forbidden=("ticket",)
        ),
        GlossaryTerm("heijunka", PUBLIC, definition="Levelling."),
    ]
    glossary = Glossary.of(terms)

    found = glossary.definitions(
        "How do takt and kanban change the lead time?", clearance=INTERNAL, token_budget=60
    )

    assert [
        "- kanban: A card that orders parts. | do not say: ticket",
        "- lead time: Days from order to delivery.",
    ] == found.text.splitlines()
    assert PUBLIC == found.label
    assert 1 == found.left_out
    assert estimated_tokens(found.text) <= 60


def test_japanese_definitions_are_told_in_japanese():
    """The line for the model is in the language of the term."""
    glossary = glossary_of("manufacturing")

    found = glossary.definitions("油について", clearance=PUBLIC, token_budget=100)

    assert "- 油: 同義語: 作動油、潤滑油、切削油" == found.text


def test_offsets_of_wrong_words_point_into_the_answer():
    """Half-width kana are two characters and one sound; the place is still right."""
    glossary = Glossary.of([GlossaryTerm("従業員", PUBLIC, forbidden=("ガードマン",))])
    answer = "ｶﾞｰﾄﾞﾏﾝが来ます。"

    (misuse,) = glossary.check(answer, clearance=PUBLIC)

    assert "ｶﾞｰﾄﾞﾏﾝ" == answer[misuse.start : misuse.end]


def test_a_glossary_shows_none_of_its_words():
    """A log line about a glossary does not tell code names."""
    shown = repr(glossary_of("cosmetics")) + repr(OIL["cosmetics"][0])

    assert "argan" not in shown
    assert "oil" not in shown


def test_an_empty_glossary_changes_nothing():
    """Without terms a question is searched as it is."""
    empty = merged([], department="any", departments={})

    assert () == empty.expansions("oil", clearance=PUBLIC).words
    assert () == empty.check("oil", clearance=PUBLIC)
