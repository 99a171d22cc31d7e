"""What must come of a question, by the independent model and by what its texts carry.

Answers: which label is the least that this question may have, and which backends may see it?
Not here: the product's own opinion.

A mark that somebody was told keeps the label of the call it came from; a question that
holds the mark must have that label at least, whoever asks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.model import cases
from tests.model import decision as model
from tests.simulation.plan import Question
from tests.simulation.world import MARK

Label = tuple


@dataclass(frozen=True, slots=True)
class Expected:
    """What the model says of one call: the whole decision, with at least this label.

    Attributes:
        label: Of the whole request.
        text_label: Of its texts, whatever was found in them: a finding is found again.
        effect: `permit` or `deny`.
        candidates: Backends and models that may be asked, in order.
    """

    label: Label
    text_label: Label
    effect: str
    candidates: tuple[tuple[str, str], ...]


@dataclass
class Taints:
    """Which label each mark carries, as far as callers were told it.

    Attributes:
        heard: Every mark that some caller has heard, for others to quote.
    """

    policy: cases.Json
    labels: dict[str, Label] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    def learn(self, question: Question, *, marks: list[str], expected: Expected) -> None:
        """Keep what an answered question and its reply carry, as the product promises to."""
        self._keep(f"k{question.number}q", expected.text_label)
        if question.endpoint.name == "embeddings":
            return  # vectors are no text that anybody could quote
        for mark in marks:
            self.heard.append(mark)
            self._keep(mark, expected.label)

    def _keep(self, mark: str, label: Label) -> None:
        if not model.flows(label, self.policy["default"]):
            self.labels[mark] = label

    def of(self, texts: list[str]) -> list[Label]:
        """Return the labels that these texts bring along."""
        marks = {mark for text in texts for mark in MARK.findall(text)}
        return [self.labels[mark] for mark in sorted(marks) if mark in self.labels]


def expected_of(
    question: Question,
    texts: list[str],
    *,
    policy: cases.Json,
    taints: Taints,
    memory_failed: bool,
) -> Expected:
    """Return the least that must be said of a question, and who may see it at most."""
    brought = [] if memory_failed else taints.of(texts)
    label = model.join((0, set()), question.declared, *brought)
    floor = policy["departments"][question.department]["default"]
    text_label = model.join(label, policy["default"], floor)
    found = {kind for text in texts for kind in cases.KINDS if f"<{kind}>" in text}
    decided = model.decide(
        policy,
        {
            "alias": question.alias,
            "endpoint": question.endpoint.name,
            "department": question.department,
            "principal": question.principal,
            "purpose": question.purpose,
            "application": "",
            "label": label,
            "kinds": dict.fromkeys(sorted(found), 1),
            "doubts": {"doubt"} if question.is_unreadable or memory_failed else set(),
            "parameters": {"store"} if question.stores else set(),
            "budgets": set(),
        },
    )
    return Expected(
        label=decided["label"],
        text_label=text_label,
        effect=decided["effect"],
        candidates=tuple(decided["candidates"]),
    )


def request_of(question: Question, texts: list[str]) -> dict[str, Any]:
    """Return the arguments of the call."""
    fields: dict[str, Any] = {"model": question.alias}
    if question.streams:
        fields["stream"] = True
    if question.stores:
        fields["store"] = True
    if question.endpoint.name == "embeddings":
        return {**fields, "input": texts}
    content: list[Any] = [{"role": "user", "content": text} for text in texts]
    if question.is_unreadable:
        part = {"type": "image_url", "image_url": {"url": "data:,x"}}
        content.insert(0, {"role": "user", "content": [part]})
    name = "messages" if question.endpoint.name == "chat.completions" else "input"
    return {**fields, name: content}
