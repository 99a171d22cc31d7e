"""The README's example and its relatives, as a user's type checker sees them. Never run."""

from __future__ import annotations

from typing import assert_type

from openai import AsyncStream, Stream
from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)

from hybridllm import (
    AsyncHybridLLM,
    Candidate,
    ConfigurationError,
    Effect,
    Explanation,
    Finding,
    Label,
    Place,
    PolicyDecision,
    PolicyDeniedError,
    Reason,
    Rejection,
)
from hybridllm import HybridLLM as OpenAI

MESSAGES: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Suggest three names for a newsletter."},
]
TOOL: ChatCompletionToolParam = {"type": "function", "function": {"name": "look_up"}}


def assert_sdk(reply: ChatCompletion | CreateEmbeddingResponse) -> None:
    """Take a reply where the SDK's own type is wanted."""


def one_line_switch() -> None:
    """Ask, as in the README."""
    client = OpenAI(config="hybridllm.toml")
    reply = client.chat.completions.create(
        model="assistant",
        messages=[{"role": "user", "content": "Suggest three names for a newsletter."}],
        temperature=0.2,
        tools=[TOOL],
        timeout=30.0,
        extra_body={"top_k": 5},
    )
    completion: ChatCompletion = reply
    assert_type(completion.choices[0].message.content, str | None)
    assert_type(reply.policy_decision.backend, str | None)

    legal = client.with_options(department="legal", label="confidential")
    assert_type(legal, OpenAI)
    plan = legal.chat.completions.explain(model="assistant", messages=MESSAGES)
    assert_type(plan, Explanation)
    assert_type(plan.decision.candidates, tuple[Candidate, ...])
    assert_type(plan.findings, tuple[Finding, ...])
    assert_type(plan.doubts, tuple[str, ...])


def decision_fields(decision: PolicyDecision) -> None:
    """Read every field of a decision."""
    assert_type(decision.effect, Effect)
    assert_type(decision.label, Label)
    assert_type(decision.candidates, tuple[Candidate, ...])
    assert_type(decision.rejected, tuple[Rejection, ...])
    assert_type(decision.reasons, tuple[Reason, ...])
    assert_type(decision.obligations, tuple[str, ...])
    assert_type(decision.place, Place | None)
    assert_type(decision.backend, str | None)
    assert_type(decision.model, str | None)
    assert_type(decision.policy_digest, str)
    assert_type(decision.audit_id, str)
    assert_type(decision.rejected[0].reasons[0].message, str)
    assert_type(decision.label.join(decision.label), Label)
    decision.backend = "cloud"  # type: ignore[misc]


def streamed(client: OpenAI, want_stream: bool) -> str:
    """Stream, with and without knowing it beforehand."""
    stream = client.chat.completions.create(model="assistant", messages=MESSAGES, stream=True)
    assert_type(stream.policy_decision, PolicyDecision)
    text = ""
    annotated: Stream[ChatCompletionChunk] = stream
    annotated.close()
    with stream as pieces:
        for chunk in pieces:
            assert_type(chunk, ChatCompletionChunk)
            text += chunk.choices[0].delta.content or ""
    either = client.chat.completions.create(
        model="assistant", messages=MESSAGES, stream=want_stream
    )
    if isinstance(either, ChatCompletion):
        assert_type(either.policy_decision, PolicyDecision)
    return text


async def in_an_event_loop() -> None:
    """The same, awaited."""
    async with AsyncHybridLLM(config="hybridllm.toml") as client:
        named = client.with_options(principal="p-17", purpose="support", max_retries=1)
        assert_type(named, AsyncHybridLLM)
        reply = await named.chat.completions.create(model="assistant", messages=MESSAGES)
        assert_sdk(reply)
        stream = await named.chat.completions.create(
            model="assistant", messages=MESSAGES, stream=True
        )
        annotated: AsyncStream[ChatCompletionChunk] = stream
        await annotated.close()
        async for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
        assert_type(stream.policy_decision.backend, str | None)
        assert_type(named.chat.completions.explain(model="m", messages=MESSAGES), Explanation)
        vectors = await named.embeddings.create(model="assistant", input=["a", "b"])
        assert_sdk(vectors)
        models = await named.models.list()
        assert_type(models, tuple[Model, ...])


def others(client: OpenAI) -> None:
    """Embeddings, plain text, counts, models and errors."""
    assert_type(client.responses.input_tokens.count(model="m", input="text").input_tokens, int)
    text: Completion = client.completions.create(model="m", prompt=["a", "b"], max_tokens=3)
    assert_type(text.choices[0].text, str)
    pieces: Stream[Completion] = client.completions.create(model="m", prompt="a", stream=True)
    pieces.close()
    vectors = client.embeddings.create(model="assistant", input="text")
    assert_type(vectors.policy_decision, PolicyDecision)
    assert_type(client.models.list(), tuple[Model, ...])
    try:
        client.with_options(compartments=("customer",))
        asked = client.with_options(vector_store_ids=["handbook"], ceiling="public")
        found = asked.vector_stores.search("handbook", query="What?", max_num_results=3)
        assert_type(found.withheld, bool)
    except ConfigurationError as error:
        assert_type(error.key, str | None)
    try:
        client.chat.completions.create(model="assistant", messages=MESSAGES)
    except PolicyDeniedError as denial:
        assert_type(denial.policy_decision, PolicyDecision | None)


def mistakes(client: OpenAI, asynchronous: AsyncHybridLLM) -> None:
    """Each of these lines must be an error."""
    create, acreate = client.chat.completions.create, asynchronous.chat.completions.create
    explain, embed = client.chat.completions.explain, client.embeddings.create
    create(model="m", mesages=MESSAGES)  # type: ignore[call-overload]
    create(model="m")  # type: ignore[call-overload]
    create(model=5, messages=MESSAGES)  # type: ignore[call-overload]
    create(model="m", messages="hello")  # type: ignore[arg-type]
    create(model="m", messages=MESSAGES, temprature=1)  # type: ignore[call-overload]
    create(model="m", messages=MESSAGES, extra_headers={})  # type: ignore[call-overload]
    create(messages=MESSAGES, model="m", stream="yes")  # type: ignore[call-overload]
    acreate(model="m", message=MESSAGES)  # type: ignore[call-overload]
    explain(model="m", messages=MESSAGES, seeds=3)  # type: ignore[call-arg]
    embed(model="m", inputs="text")  # type: ignore[call-arg]
    client.with_options(departement="legal")  # type: ignore[call-arg]
    client.with_options(label=3)  # type: ignore[arg-type]
    OpenAI(api_key="x")  # type: ignore[call-arg]
