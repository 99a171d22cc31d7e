"""The answers that a request asks for.

Answers: which rows does a request become, with which prompt, limits and grammar?
Not here: reading the request (`engine.wire`), running the rows (`engine.scheduler`).
"""

from __future__ import annotations

from hybridllm.engine.exchange import Chat, Count, Generation, Refusal
from hybridllm.engine.grammar import Grammars
from hybridllm.engine.model import LoadedModel
from hybridllm.engine.row import Row
from hybridllm.engine.sampling import resolved
from hybridllm.engine.ticket import Ticket
from hybridllm.engine.tools import ToolFormat

_MOST_ROWS = 1024


class RowFactory:
    """Makes rows for one model."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._grammars = Grammars(
            loaded.tokenizer.wrapped, vocab_size=loaded.vocab_size, eos=loaded.eos
        )

    def rows(self, ticket: Ticket) -> list[Row]:
        """Return one row for each answer; the ticket learns the number of prompt tokens.

        Raises:
            Refusal: A prompt does not fit, or the model cannot do what is asked.
        """
        job, loaded = ticket.job, self._loaded
        assert isinstance(job, Generation)  # noqa: S101 - told to the type checker
        if not loaded.writes:
            raise Refusal("this model embeds texts and writes none", code="unsupported_model")
        if job.adapter is not None and job.adapter not in loaded.adapters:
            raise Refusal(
                "the adapter is not loaded", code="adapter_not_loaded", status=404, param="model"
            )
        if len(job.prompts) * job.n > _MOST_ROWS:
            raise Refusal(f"more than {_MOST_ROWS} answers", code="invalid_value", param="n")
        ticket.tools = self._tools(job)
        sampling = resolved(job.sampling, defaults=loaded.defaults)
        prompts = [loaded.prompts.read(prompt, max_tokens=job.max_tokens) for prompt in job.prompts]
        ticket.prompt_tokens = sum(map(len, prompts))
        return [
            Row(
                ticket,
                index=index,
                prompt=prompt,
                sampling=sampling,
                limit=job.max_tokens or loaded.max_model_len - len(prompt),
                tokenizer=loaded.tokenizer,
                stops=job.stop,
                eos=() if job.ignore_eos else loaded.eos,
                matcher=self._grammars.matcher(job.schema) if job.schema else None,
            )
            for index, prompt in enumerate(prompt for prompt in prompts for _ in range(job.n))
        ]

    def count(self, job: Count) -> int:
        """Return how many tokens a conversation has.

        Raises:
            Refusal: It does not fit, or the model reads no conversations.
        """
        if job.chat.tools:
            self._known_tools()
        return len(self._loaded.prompts.read(job.chat, max_tokens=0))

    def _tools(self, job: Generation) -> ToolFormat | None:
        if not any(isinstance(prompt, Chat) and prompt.tools for prompt in job.prompts):
            return None
        return self._known_tools()

    def _known_tools(self) -> ToolFormat:
        if self._loaded.tools is None:
            raise Refusal(
                "this model's chat template does not show a kind of tool call that is known here",
                code="unsupported_parameter",
                param="tools",
            )
        return self._loaded.tools
