"""Grounding: an answer is checked against the passages that its request took along.

Answers: what is checked in a reply, whole or streamed, and what becomes of it?
Not here: the checks (`verify`), the search (`augment`).

Nothing of the check reaches the wire: verdicts stand beside the reply, as the decision does.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from hybridllm.effects import Compute, Effect
from hybridllm.prompting import NOTHING_FOUND, with_correction
from hybridllm.verify.actions import Action, Mode, decide_action
from hybridllm.verify.answerability import answerable
from hybridllm.verify.check import AnswerChecker
from hybridllm.verify.model import AnswerVerdict, Source
from hybridllm.verify.streaming import StreamVerifier

if TYPE_CHECKING:
    from hybridllm.augment import Complete, Sources
    from hybridllm.rag.model import Hit
    from hybridllm.runtime import Call, Completed

_THOUGHTS: Final = ("reasoning", "reasoning_content")
"""Where engines write what a model thinks before it answers: vLLM and others."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered source of an answer.

    Attributes:
        number: As the answer cites it, from 1.
        document: Id of the document.
        version: SHA-256 of the document that was read.
        page: Page, from 1; 0 if it has none.
        start: First character in the document's text.
        end: Character behind the last.
        label: Of the document.
        title: Of the document.
        headings: Above the passage, outermost first.
    """

    number: int
    document: str
    version: str
    page: int
    start: int
    end: int
    label: str
    title: str
    headings: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Citation(number={self.number}, page={self.page}, label={self.label!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Grounding:
    """What the documents carry of an answer.

    Attributes:
        verdict: Of the answer and of each sentence.
        action: What was done: `give`, `annotate`, `retry` (a second answer was given) or
            `abstain` (the answer was replaced).
        citations: What the model was shown, by number.
        is_answerable: Whether the passages speak of what was asked.
        withheld: Whether a ceiling kept passages back that the asker may see.
    """

    verdict: AnswerVerdict
    action: Action
    citations: tuple[Citation, ...]
    is_answerable: bool
    withheld: bool

    def __repr__(self) -> str:
        return f"Grounding(verdict={self.verdict.verdict.value!r}, action={self.action.value!r})"


class Grounder:
    """Checks the replies of one request.

    Args:
        sources: What the request took along.
        mode: What becomes of an answer that they do not carry.
    """

    def __init__(self, sources: Sources, *, mode: Mode) -> None:
        self._sources = sources
        self._mode = mode
        self._checker = AnswerChecker.of(
            [_source(number, hit) for number, hit in enumerate(sources.hits, 1)],
            terms=sources.terms,
            question=sources.question,
        )
        self._is_answerable = answerable(
            sources.question, sources=self._checker.sources
        ).is_answerable
        self._streams: dict[int, StreamVerifier] = {}
        self._shown: dict[int, list[str]] = {}

    def judge(self, reply: Mapping[str, Any], *, retries_left: int) -> Grounding:
        """Return what the documents carry of a whole reply."""
        sentences = [
            sentence
            for text in texts_of(reply)
            for sentence in self._checker.answer(text).sentences
        ]
        verdict = AnswerVerdict.of(sentences)
        action = decide_action(verdict, mode=self._mode, retries_left=retries_left)
        if self._gives_up and not verdict.is_abstention:
            action = Action.ABSTAIN  # whatever it says, these passages do not say it
        return self._grounding(verdict, action)

    @property
    def _gives_up(self) -> bool:
        return self._mode is not Mode.ANNOTATE and not self._is_answerable

    def correction(self, grounding: Grounding) -> str:
        """Return what to tell a model whose answer was not carried."""
        count = sum(item.verdict.value == "unsupported" for item in grounding.verdict.sentences)
        if self._sources.language == "ja":
            return (
                f"直前の回答のうち {count} 文は出典で裏付けられません。出典にあることだけを使い、"
                f"各文に [1] のように出典を示して、もう一度答えてください。"
                f"答えがない場合は「{NOTHING_FOUND['ja']}」とだけ答えてください。"
            )
        return (
            f"{count} sentences of your last answer are not carried by the sources. Answer again, "
            "only with what the sources say, and cite after each sentence, such as [1]. If they "
            f'do not hold the answer, say only: "{NOTHING_FOUND["en"]}"'
        )

    def replaced(self, reply: Mapping[str, Any]) -> dict[str, Any]:
        """Return a reply that says that nothing was found, in place of its texts."""
        changed: dict[str, Any] = deepcopy(dict(reply))
        said = NOTHING_FOUND[self._sources.language]
        for part, key in _places(changed):
            part[key], said = said, ""
        for choice in changed.get("choices") or ():
            message = choice.get("message") or {}
            _withhold(choice, message)
            # Nothing else of the message: a refusal or a call would tell its text once more.
            choice["message"] = {"role": "assistant", "content": message.get("content") or ""}
        if "output" in changed:
            messages = [item for item in changed["output"] if item.get("type") == "message"]
            for item in messages:
                for part in item.get("content") or ():
                    part.pop("logprobs", None)
            changed["output"] = messages
        return changed

    def take(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Return the piece of a streamed chat completion that may be shown now."""
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            index = choice.get("index", 0)
            stream = self._streams.get(index)
            if stream is None:
                mode = Mode.ANNOTATE if self._mode is Mode.ANNOTATE else Mode.ABSTAIN
                stream = self._streams[index] = StreamVerifier(self._checker, mode=mode)
            piece = delta.get("content")
            shown = stream.feed(piece) if isinstance(piece, str) else ""
            if choice.get("finish_reason") is not None:
                shown += stream.finish()
                delta.setdefault("content", "")
            if self._gives_up:
                is_last = choice.get("finish_reason") is not None
                shown = NOTHING_FOUND[self._sources.language] if is_last else ""
            if self._mode is not Mode.ANNOTATE:
                _withhold(choice, delta)
                if "content" in delta:
                    delta["content"] = shown
                    choice["delta"] = delta
                self._shown.setdefault(index, []).append(shown)
        return chunk

    @property
    def shown(self) -> list[str]:
        """What a stream has shown of each answer: less than was written, if it was stopped."""
        return ["".join(pieces) for pieces in self._shown.values()]

    def streamed(self, texts: Iterable[str]) -> Grounding:
        """Return what the documents carry of a stream that has come to its end.

        Args:
            texts: Of the reply, where the pieces were handed on unseen.
        """
        if not self._streams:
            found = [item for text in texts for item in self._checker.answer(text).sentences]
            verdict = AnswerVerdict.of(found)
            return self._grounding(verdict, decide_action(verdict, mode=Mode.ANNOTATE))
        found = [item for stream in self._streams.values() for item in stream.verdict.sentences]
        actions = [stream.action for stream in self._streams.values()]
        gave_up = Action.ABSTAIN in actions or self._gives_up
        action = Action.ABSTAIN if gave_up else Action.ANNOTATE
        if actions and set(actions) == {Action.GIVE} and not gave_up:
            action = Action.GIVE
        return self._grounding(AnswerVerdict.of(found), action)

    def _grounding(self, verdict: AnswerVerdict, action: Action) -> Grounding:
        citations = tuple(
            _citation(number, hit) for number, hit in enumerate(self._sources.hits, 1)
        )
        return Grounding(verdict, action, citations, self._is_answerable, self._sources.withheld)


def grounded(
    completed: Completed, *, call: Call, grounder: Grounder, complete: Complete
) -> Generator[Effect, Any, Completed]:
    """Check a whole reply; ask once more, or replace it, where the stores say so."""
    judge = partial(grounder.judge, completed.reply, retries_left=1)
    grounding = yield Compute(judge, touches_disk=True)
    if grounding.action is Action.RETRY:
        correction = grounder.correction(grounding)
        answers = texts_of(completed.reply)
        params = with_correction(call.params, answers=answers, text=correction)
        frame = (*call.frame, correction)
        # Judged as a whole anew: it holds the first answer too.
        again = yield from complete(replace(call, params=params, vector_stores=(), frame=frame))
        completed = again or completed
        judge = partial(grounder.judge, completed.reply, retries_left=0)
        grounding = yield Compute(judge, touches_disk=True)
    reply = completed.reply
    if grounding.action is Action.ABSTAIN:
        reply = grounder.replaced(reply)
    return replace(completed, reply=reply, grounding=grounding)


def _withhold(choice: dict[str, Any], message: dict[str, Any]) -> None:
    """Take out of a choice what would tell its text once more: probabilities, thoughts."""
    if choice.get("logprobs") is not None:
        choice["logprobs"] = None
    for name in _THOUGHTS:
        message.pop(name, None)


def texts_of(reply: Mapping[str, Any]) -> list[str]:
    """Return the answers in a whole reply of chat completions or responses."""
    return [part[key] for part, key in _places(reply)]


def _places(reply: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """Yield what holds each text of a reply, and under which key."""
    for choice in reply.get("choices") or ():
        message = choice.get("message") or {}
        if isinstance(message.get("content"), str):
            yield message, "content"
    for item in reply.get("output") or ():
        for part in item.get("content") or ():
            if isinstance(part.get("text"), str):
                yield part, "text"


def _source(number: int, hit: Hit) -> Source:
    return Source(str(number), hit.title, hit.passage.text)


def _citation(number: int, hit: Hit) -> Citation:
    span = hit.passage.span
    return Citation(
        number, span.document, span.version, span.page, span.start, span.end, str(hit.label),
        hit.title, span.headings,
    )  # fmt: skip
