"""Checking an answer while it is being written.

Answers: which sentences of a stream may be shown by now?
Not here: the checks (`check`), whole answers (`actions`).

A sentence is shown once it is complete and checked. In the modes `retry` and `abstain` an
unsupported one is never shown, nor anything behind it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from hybridllm.verify import citations, claims, sentences
from hybridllm.verify.actions import Action, Mode, Tolerance, decide_action, exceeds
from hybridllm.verify.check import AnswerChecker
from hybridllm.verify.model import AnswerVerdict, SentenceVerdict

_MAX_PENDING: Final = 20_000  # characters without an end are a sentence, or memory would grow
_MAY_GO_ON: Final = re.compile(r"[\s\"'”’)\]」』）*_.!?。！？`~]*")


class StreamVerifier:
    """Takes an answer piece by piece, and gives it back sentence by sentence.

    Args:
        checker: Checks the sentences.
        mode: What happens at an unsupported sentence. `annotate` shows it; the verdicts say
            what it is. `retry` and `abstain` end the stream in front of it.
        tolerance: Of shares that are known only at the end, `annotate` alone makes use; the
            other modes end at the first unsupported sentence.

    Not for use from several threads.
    """

    def __init__(
        self, checker: AnswerChecker, *, mode: Mode, tolerance: Tolerance | None = None
    ) -> None:
        self._checker = checker
        self._mode = mode
        self._tolerance = tolerance or Tolerance()
        self._pending = ""
        self._offset = 0
        self._verdicts: list[SentenceVerdict] = []
        self._has_shown = False
        self._is_stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether an unsupported sentence ended the stream; nothing more is shown."""
        return self._is_stopped

    @property
    def verdict(self) -> AnswerVerdict:
        """What was found so far, the sentence that ended the stream included."""
        return AnswerVerdict.of(self._verdicts)

    @property
    def action(self) -> Action:
        """What to do now: `retry` only while nothing has been shown."""
        if not self._is_stopped:
            if self._mode is Mode.ANNOTATE or not exceeds(self.verdict, tolerance=self._tolerance):
                return decide_action(self.verdict, mode=self._mode, tolerance=self._tolerance)
            return Action.ABSTAIN
        if self._mode is Mode.RETRY and not self._has_shown:
            return Action.RETRY
        return Action.ABSTAIN

    def feed(self, piece: str) -> str:
        """Take the next piece; return what may be shown now, often nothing."""
        if self._is_stopped:
            return ""
        self._pending += piece
        found = sentences.split(self._pending)
        complete = found[: self._complete(found)]
        return self._checked(complete, is_end=False)

    def finish(self) -> str:
        """Take the end of the answer; return the rest that may be shown.

        If the stream was stopped and is not tried again, the rest is the sentence that says
        that nothing was found, in the language of the answer.
        """
        shown = ""
        if not self._is_stopped:
            shown = self._checked(sentences.split(self._pending), is_end=True)
        return shown + self._farewell()

    def _complete(self, found: list[sentences.Sentence]) -> int:
        """Return how many sentences cannot change any more."""
        if len(self._pending) > _MAX_PENDING:
            return len(found)
        count = len(found) - 1
        if count < 0:
            return 0
        last = found[-1]
        # A citation or closing mark that comes behind a full stop belongs to it.
        if citations.may_begin_citation(last.text) or _MAY_GO_ON.fullmatch(last.text):
            count -= 1
        return max(0, count)

    def _checked(self, complete: list[sentences.Sentence], *, is_end: bool) -> str:
        shown_to = 0
        for sentence in complete:
            found = self._checker.sentence(sentence)
            moved = replace(found, start=found.start + self._offset, end=found.end + self._offset)
            self._verdicts.append(moved)
            if self._mode is not Mode.ANNOTATE and self._is_refused(moved):
                self._is_stopped = True
                break
            shown_to = sentence.end
        if is_end and not self._is_stopped:
            shown_to = len(self._pending)
        shown, self._pending = self._pending[:shown_to], self._pending[shown_to:]
        self._offset += shown_to
        self._has_shown = self._has_shown or bool(shown.strip())
        return shown

    def _is_refused(self, found: SentenceVerdict) -> bool:
        alone = AnswerVerdict.of([found])
        return exceeds(alone, tolerance=replace(self._tolerance, unsupported=0.0))

    def _farewell(self) -> str:
        if not self._is_stopped or self.action is Action.RETRY:
            return ""
        text = "".join(item.text for item in self._verdicts)
        gap = "\n\n" if self._has_shown else ""
        return gap + claims.abstention(text)
