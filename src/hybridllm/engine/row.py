"""One answer in the making.

Answers: what has this answer so far, and has it ended?
Not here: its keys and values (`engine.cache`), its next token (`engine.sampling`).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from hybridllm.engine.exchange import FinishReason, Generation, Piece, Sampling, TokenScore
from hybridllm.engine.grammar import Matcher
from hybridllm.engine.model import Tokenizer
from hybridllm.engine.sampling import Choice
from hybridllm.engine.text import TextStream
from hybridllm.engine.ticket import Ticket

# A seed for the i-th answer of a request; a prime keeps the streams of neighbours apart.
_SEED_STRIDE = 1_000_003


class Row:
    """An answer: its tokens, its text and its own source of chance.

    Attributes:
        finish_reason: Why it ended; `None` while it runs.
        cached_tokens: Those of the prompt that did not have to be read; of several answers to one
            prompt, the first has them.
    """

    def __init__(
        self, ticket: Ticket, *, index: int, prompt: tuple[int, ...], sampling: Sampling,
        limit: int, tokenizer: Tokenizer, stops: tuple[str, ...], eos: Iterable[int],
        matcher: Matcher | None,
    ) -> None:  # fmt: skip
        self.ticket = ticket
        self.index = index
        self.prompt = prompt
        self.sampling = sampling
        job = ticket.job
        self.adapter = job.adapter if isinstance(job, Generation) else None
        self.scope = job.scope if isinstance(job, Generation) else None
        self.cached_tokens = 0
        self.output: list[int] = []
        self.finish_reason: FinishReason | None = None
        self._limit = limit
        self._tokenizer = tokenizer
        self._text = TextStream(tokenizer.decode, stops=stops)
        self._eos = frozenset(eos)
        self._matcher = matcher
        self._generator = torch.Generator()
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed((sampling.seed + index * _SEED_STRIDE) % 2**63)
        self._point: float | None = None

    @property
    def tokens(self) -> tuple[int, ...]:
        """Prompt and answer so far."""
        return (*self.prompt, *self.output)

    @property
    def length(self) -> int:
        """Tokens of prompt and answer so far."""
        return len(self.prompt) + len(self.output)

    def draw(self) -> float:
        """Return a number from 0 to 1; the same one until a token is accepted."""
        if self._point is None:
            self._point = float(torch.rand((), generator=self._generator, dtype=torch.float64))
        return self._point

    def allowed(self) -> torch.Tensor | None:
        """Return which tokens the schema permits, or `None` for all."""
        return self._matcher.allowed() if self._matcher else None

    def accept(self, choice: Choice) -> Piece | None:
        """Add a token; return the text that it makes final, if any."""
        token = choice.token
        self._point = None
        self.output.append(token)
        if self._matcher:
            self._matcher.accept(token)
        ended = token in self._eos
        text = "" if ended else self._text.push(token)
        if ended or self._text.stopped or (self._matcher and self._matcher.finished):
            self.finish_reason = "stop"
        elif len(self.output) >= self._limit:
            self.finish_reason = "length"
        if self.finish_reason:
            text += self._text.finish()
        scores = () if choice.logprob is None or ended else (self._score(choice),)
        if not (text or scores or self.finish_reason):
            return None
        return Piece(self.index, text, scores=scores, finish_reason=self.finish_reason)

    def _score(self, choice: Choice) -> TokenScore:
        best = tuple(self._named(token, logprob) for token, logprob in choice.alternatives)
        named = self._named(choice.token, choice.logprob or 0.0)
        return TokenScore(named.token, raw=named.raw, logprob=named.logprob, alternatives=best)

    def _named(self, token: int, logprob: float) -> TokenScore:
        text = self._tokenizer.token_text(token)
        # A part of a character has no text, and the tokenizer does not tell its bytes.
        raw = None if "\ufffd" in text else text.encode("utf-8")
        return TokenScore(text, raw=raw, logprob=logprob)
