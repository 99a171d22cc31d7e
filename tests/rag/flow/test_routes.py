"""The label of what was found decides where a question goes, at the wire."""

from __future__ import annotations

import openai
import pytest

from hybridllm import (
    AsyncHybridLLM,
    DepartmentNotHeldError,
    HybridLLM,
    PolicyDeniedError,
    RequestError,
)
from tests.rag.flow.setting import OPEN, SALARY, SECRET, company, question
from tests.support.behaviours import Status

TURBINE = "Above how many degrees does the turbine fail?"
CAFETERIA = "When does the cafeteria open?"


@pytest.fixture
def firm(tmp_path):
    with company(tmp_path) as made:
        yield made


@pytest.fixture
def client(firm):
    with HybridLLM(config=firm.file) as made:
        yield made.with_options(vector_store_ids=["handbook"])


def test_a_confidential_passage_keeps_an_innocent_question_inside(client, firm):
    """Nothing in the question is sensitive; what answers it is."""
    reply = client.chat.completions.create(model="assistant", messages=question(TURBINE))

    assert "on_premises" == reply.policy_decision.backend
    assert b"" == firm.cloud_bytes
    assert SECRET.encode() in firm.inside_bytes


def test_a_public_passage_goes_where_the_question_goes(client, firm):
    """Public text costs nobody the better model."""
    reply = client.chat.completions.create(model="assistant", messages=question(CAFETERIA))

    assert "cloud" == reply.policy_decision.backend
    assert OPEN.encode() in firm.cloud_bytes
    assert b"Bluefinch" not in firm.cloud_bytes


def test_streams_obey_the_same_label(client, firm):
    """A stream is no way around the documents' labels."""
    with client.chat.completions.create(
        model="assistant", messages=question(TURBINE), stream=True
    ) as stream:
        pieces = list(stream)

    assert pieces
    assert stream.grounding is not None
    assert b"" == firm.cloud_bytes
    assert SECRET.encode() in firm.inside_bytes


async def test_event_loops_obey_the_same_label(firm):
    """The doors agree."""
    async with AsyncHybridLLM(config=firm.file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        reply = await client.chat.completions.create(model="assistant", messages=question(TURBINE))

    assert "on_premises" == reply.policy_decision.backend
    assert b"" == firm.cloud_bytes


def test_responses_obey_the_same_label(client, firm):
    """So do responses, with a plain text as their input."""
    reply = client.responses.create(model="assistant", input=TURBINE)

    assert "on_premises" == reply.policy_decision.backend
    assert b"" == firm.cloud_bytes
    assert SECRET.encode() in firm.inside_bytes


def test_an_explanation_says_the_same_and_sends_nothing(client, firm):
    """Explain searches too."""
    explained = client.chat.completions.explain(model="assistant", messages=question(TURBINE))

    assert "confidential" == explained.decision.label.level.name
    assert b"" == firm.cloud_bytes + firm.inside_bytes


def test_a_ceiling_searches_public_text_alone(client, firm):
    """A call that is bound for the cloud takes public passages, and says that more exists."""
    reply = client.with_options(ceiling="public").chat.completions.create(
        model="assistant", messages=question(TURBINE)
    )

    assert "cloud" == reply.policy_decision.backend
    assert reply.grounding is not None
    assert reply.grounding.withheld
    assert b"Bluefinch" not in firm.cloud_bytes


def test_a_ceiling_only_falls(client):
    """A part of a program cannot lift the ceiling that another has set."""
    low = client.with_options(ceiling="public").with_options(ceiling="restricted")

    assert "public" == low._options.ceiling.level.name


def test_nobody_reads_another_department_s_documents(client, firm):
    """Legal's pay bands are found for legal, and for nobody else."""
    ask = question("Where does the pay band of grade seven end?")
    client.chat.completions.create(model="assistant", messages=ask)
    assert SALARY.encode() not in firm.cloud_bytes + firm.inside_bytes

    client.with_options(department="legal").chat.completions.create(model="assistant", messages=ask)
    assert SALARY.encode() in firm.inside_bytes
    assert SALARY.encode() not in firm.cloud_bytes


def test_a_passage_stays_inside_when_a_tool_brings_it_back(firm):
    """A program searches, and puts the passage into a later turn by itself."""
    with HybridLLM(config=firm.file) as client:
        found = client.vector_stores.search("handbook", query=TURBINE)
        text = found[0].content[0].text
    with HybridLLM(config=firm.file) as later:
        reply = later.chat.completions.create(
            model="assistant",
            messages=[
                {"role": "user", "content": "Use the tool."},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "1",
                            "type": "function",
                            "function": {"name": "search", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "1", "content": text},
            ],
        )

    assert SECRET == text
    assert "on_premises" == reply.policy_decision.backend
    assert b"" == firm.cloud_bytes


def test_an_answer_stays_inside_when_it_is_summarised(client, firm):
    """The reply is as sensitive as what the model saw, in another conversation as well."""
    firm.on_premises.say(lambda _: "It fails above four hundred and twelve degrees [1].")
    reply = client.chat.completions.create(model="assistant", messages=question(TURBINE))
    said = reply.choices[0].message.content

    with HybridLLM(config=firm.file) as later:
        again = later.chat.completions.create(
            model="assistant", messages=question(f"Summarise: {said}")
        )

    assert "on_premises" == again.policy_decision.backend
    assert b"" == firm.cloud_bytes


def test_premises_that_are_down_send_nothing_to_the_cloud(client, firm):
    """The passage stays inside even if nobody inside can answer."""
    firm.on_premises.behave(Status(503))

    with pytest.raises(openai.InternalServerError):
        client.with_options(max_retries=0).chat.completions.create(
            model="assistant", messages=question(TURBINE)
        )
    assert b"" == firm.cloud_bytes


def test_a_store_that_does_not_exist_is_named(client):
    """A typing mistake is an error when it is made."""
    with pytest.raises(Exception, match="Did you mean 'handbook'"):
        client.with_options(vector_store_ids=["handbok"])


def test_a_question_is_needed(client):
    """Without one there is nothing to search for."""
    with pytest.raises(RequestError, match="needs a question"):
        client.chat.completions.create(
            model="assistant", messages=[{"role": "system", "content": "Be short."}]
        )


def test_a_damaged_store_is_no_empty_one(firm):
    """A store that cannot be read stops the start; it does not answer without documents."""
    path = firm.file.parent / ".hybridllm" / "vector_stores" / "handbook.sqlite"
    path.write_bytes(b"no database at all" * 400)

    with pytest.raises(Exception, match=r"handbook\.sqlite"):
        HybridLLM(config=firm.file)


def test_a_denied_department_may_not_search(tmp_path):
    """A store can be for some departments alone."""
    with company(tmp_path, more='departments = ["legal"]\n') as firm:
        with HybridLLM(config=firm.file) as client, pytest.raises(RequestError):
            client.vector_stores.search("handbook", query=TURBINE)
        assert b"" == firm.cloud_bytes + firm.inside_bytes


def test_a_confidential_passage_is_denied_where_nobody_inside_serves(tmp_path):
    """No backend for the label: a denial, and no byte anywhere."""
    with company(tmp_path) as firm:
        text = firm.file.read_text(encoding="utf-8")
        rule = '[[rules]]\nname = "not inside"\nthen = { forbid_places = ["on_premises"] }\n'
        firm.file.write_text(f"{text}\n{rule}", encoding="utf-8")
        with HybridLLM(config=firm.file) as base:
            client = base.with_options(vector_store_ids=["handbook"])
            with pytest.raises(PolicyDeniedError):
                client.chat.completions.create(model="assistant", messages=question(TURBINE))
        assert b"" == firm.cloud_bytes + firm.inside_bytes


def test_a_department_that_is_not_held_searches_nothing(firm):
    """Whoever names a department that is not his gets none of its passages, in any way."""
    with HybridLLM(config=firm.file, directory=lambda _: ["sales"]) as base:
        client = base.with_options(principal="p-1", department="legal")
        ask = question("Where does the pay band of grade seven end?")
        with pytest.raises(DepartmentNotHeldError):
            client.vector_stores.search("handbook", query=ask[0]["content"])
        with pytest.raises(DepartmentNotHeldError):
            client.with_options(vector_store_ids=["handbook"]).chat.completions.create(
                model="assistant", messages=ask
            )
        explained = client.with_options(vector_store_ids=["handbook"]).chat.completions.explain(
            model="assistant", messages=ask
        )

    assert "internal" == explained.decision.label.level.name
    assert b"" == firm.cloud_bytes + firm.inside_bytes


def test_a_passage_that_is_far_behind_raises_nothing(client, firm):
    """Public questions are not kept inside by confidential documents about something else."""
    reply = client.chat.completions.create(
        model="assistant", messages=question("When does the cafeteria open, and with which soup?")
    )

    assert ["files/cafeteria.md"] == [item.document for item in reply.grounding.citations]
    assert "cloud" == reply.policy_decision.backend


@pytest.mark.parametrize("answer", ["It fails early.", "Not found in your documents."])
def test_a_confidential_answer_labels_no_other_question(client, firm, answer):
    """The sentences around passages, and a refusal, stand in every request: none is remembered."""
    firm.on_premises.say(lambda _: answer)
    inside = client.chat.completions.create(model="assistant", messages=question(TURBINE))
    assert "on_premises" == inside.policy_decision.backend

    for other in (CAFETERIA, "Name three rivers", "川の名前を三つ挙げてください"):
        reply = client.chat.completions.create(model="assistant", messages=question(other))
        assert "cloud" == reply.policy_decision.backend

    refused = [
        *question("Hello"),
        {"role": "assistant", "content": "Not found in your documents."},
        *question("Then name a river"),
    ]
    reply = client.chat.completions.create(model="assistant", messages=refused)
    assert "cloud" == reply.policy_decision.backend
