"""Sentences that say that nothing was found."""

import pytest

from hybridllm.verify import Reason, abstention, is_abstention
from tests.verify.sources import checked, only


@pytest.mark.parametrize(
    "answer",
    [
        "Not found in your documents.",
        "The documents do not mention the dress code.",
        "I could not find this in the sources.",
        "There is no information about parking in the documents.",
        "The provided context does not contain information on this.",
        "I don't know.",
        "該当する記載は文書に見つかりませんでした。",
        "資料には記載がありません。",
        "提供された情報からは分かりません。",
        "文書にはその説明が含まれていません。",
        "お答えできません。",
        "その点については言及されていません。",
    ],
)
def test_an_abstention_is_recognised(answer):
    """Models say in many ways that the documents do not hold the answer."""
    assert is_abstention(answer)
    assert (Reason.ABSTENTION,) == only(answer).reasons
    assert checked(answer).is_abstention


@pytest.mark.parametrize(
    "answer",
    [
        "The policy does not include breakfast.",
        "Contractors have no claim to leave.",
        "The documents do not mention a fee, but late requests are always refused at once.",
        "朝食は料金に含まれません。",
        "契約社員には適用されません。",
        "資料に記載はありませんが、申請期限は翌月末の営業日です。",
    ],
)
def test_a_claim_is_no_abstention(answer):
    """A negative sentence is a claim, and one that goes on to claim something is too."""
    assert not is_abstention(answer)


def test_the_sentence_in_place_of_an_answer_is_an_abstention_itself():
    """What the product says when nothing is found passes its own check."""
    assert is_abstention(abstention("What?"))
    assert is_abstention(abstention("何ですか"))
    assert abstention("What?").isascii()
