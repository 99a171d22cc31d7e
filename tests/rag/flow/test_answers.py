"""Answers are checked against the passages that their request took along."""

from __future__ import annotations

import pytest

from hybridllm import AsyncHybridLLM, HybridLLM, RequestError
from tests.rag.flow.setting import SECRET, company, question

ASK = question("Above how many degrees does the turbine fail?")
RIGHT = "The Bluefinch turbine fails above 412 degrees [1]."
WRONG = "The Bluefinch turbine fails above 512 degrees [1]."


@pytest.fixture(params=["annotate", "retry", "abstain"])
def mode(request):
    return request.param


@pytest.fixture
def firm(tmp_path, mode):
    with company(tmp_path, answers=mode) as made:
        yield made


def ask(firm, **params):
    with HybridLLM(config=firm.file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        return client.chat.completions.create(model="assistant", messages=ASK, **params)


def streamed(firm):
    with HybridLLM(config=firm.file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        with client.chat.completions.create(model="assistant", messages=ASK, stream=True) as stream:
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    return "".join(pieces), stream.grounding


def test_a_right_answer_is_given_with_its_citation(firm):
    """Number, document, page and label of each source come with the answer."""
    firm.on_premises.say(lambda _: RIGHT)

    reply = ask(firm)

    assert RIGHT == reply.choices[0].message.content
    assert ("supported", "give") == (reply.grounding.verdict.verdict, reply.grounding.action)
    first = reply.grounding.citations[0]
    assert (1, "files/turbine.md", "confidential") == (first.number, first.document, first.label)


def test_a_wrong_number_is_not_given_unmarked(firm, mode):
    """The store's setting says whether it is marked, asked for again, or withheld."""
    firm.on_premises.say(lambda _: WRONG)

    reply = ask(firm)

    expected = {
        "annotate": ("annotate", WRONG, 1),
        "retry": ("abstain", "Not found in your documents.", 2),
        "abstain": ("abstain", "Not found in your documents.", 1),
    }[mode]
    said = reply.choices[0].message.content
    assert expected == (reply.grounding.action, said, len(firm.on_premises.requests))
    assert "number_absent" in reply.grounding.verdict.reasons
    assert b"" == firm.cloud_bytes


@pytest.mark.parametrize("mode", ["retry"], indirect=True)
def test_a_second_answer_that_is_right_is_given(firm):
    """Asked again, the model may do better; the second request is judged like the first."""
    answers = iter([WRONG, RIGHT])
    firm.on_premises.say(lambda _: next(answers))

    reply = ask(firm)

    assert RIGHT == reply.choices[0].message.content
    assert "give" == reply.grounding.action
    second = firm.on_premises.requests[1].json()["messages"]
    assert [WRONG, "assistant"] == [second[-2]["content"], second[-2]["role"]]
    assert SECRET in second[-3]["content"]
    assert b"" == firm.cloud_bytes


def test_a_stream_shows_no_sentence_that_fails(firm, mode):
    """What the documents do not carry is held back while the answer is still being written."""
    firm.on_premises.say(lambda _: f"{RIGHT} {WRONG} And so on.")

    text, grounding = streamed(firm)

    assert text.startswith(RIGHT)
    assert (mode == "annotate") == ("512" in text)
    assert ("annotate" if mode == "annotate" else "abstain") == grounding.action
    assert 1 == len(firm.on_premises.requests)


def test_a_stream_of_a_right_answer_is_whole(firm):
    """Checking loses no character."""
    firm.on_premises.say(lambda _: RIGHT)

    text, grounding = streamed(firm)

    assert RIGHT == text
    assert "give" == grounding.action


async def test_event_loops_get_the_same_check(firm, mode):
    """The doors agree on answers too."""
    firm.on_premises.say(lambda _: WRONG)
    async with AsyncHybridLLM(config=firm.file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        reply = await client.chat.completions.create(model="assistant", messages=ASK)

    assert ("annotate" if mode == "annotate" else "abstain") == reply.grounding.action


def test_a_streamed_response_is_checked_or_refused(firm, mode):
    """Events of responses cannot be held back; a mode that needs it refuses before sending."""
    firm.on_premises.say(lambda _: RIGHT)
    with HybridLLM(config=firm.file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        if mode == "annotate":
            with client.responses.create(
                model="assistant", input=ASK[0]["content"], stream=True
            ) as stream:
                list(stream)
            assert "give" == stream.grounding.action
        else:
            with pytest.raises(RequestError, match=r"chat\.completions"):
                client.responses.create(model="assistant", input=ASK[0]["content"], stream=True)
            assert b"" == firm.inside_bytes


def test_nothing_of_the_check_is_dumped_or_shown(firm):
    """Verdicts and titles stay out of `model_dump` and `repr`."""
    firm.on_premises.say(lambda _: RIGHT)

    reply = ask(firm)

    assert "grounding" not in reply.model_dump_json()
    shown = f"{reply.grounding!r} {reply.grounding.citations!r} {reply.grounding.verdict!r}"
    assert "Title of" not in shown
    assert "turbine" not in shown


@pytest.mark.parametrize("mode", ["abstain"], indirect=True)
def test_what_is_withheld_is_not_told_once_more(firm):
    """Neither probabilities of tokens nor thoughts hold the answer that was refused."""
    firm.on_premises.say(lambda _: WRONG)

    reply = ask(firm, n=2, logprobs=True)
    with HybridLLM(config=firm.file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        with client.chat.completions.create(
            model="assistant", messages=ASK, stream=True, logprobs=True
        ) as stream:
            pieces = "".join(chunk.model_dump_json() for chunk in stream)

    assert "512" not in reply.model_dump_json()
    assert "512" not in pieces


@pytest.mark.parametrize("mode", ["abstain"], indirect=True)
def test_what_a_stopped_stream_has_shown_keeps_its_label(firm):
    """The user has read the sentences before the one that failed; they stay inside."""
    firm.on_premises.say(lambda _: f"It fails above 412 degrees [1]. {WRONG}")
    text, _ = streamed(firm)
    shown = text.partition("\n")[0].strip()

    with HybridLLM(config=firm.file) as later:
        reply = later.chat.completions.create(model="assistant", messages=question(shown))

    assert "It fails above 412 degrees [1]." == shown
    assert "on_premises" == reply.policy_decision.backend
    assert b"" == firm.cloud_bytes
