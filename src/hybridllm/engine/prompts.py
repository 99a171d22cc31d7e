"""Prompts as tokens.

Answers: which tokens does the model read for this request, and does it fit?
Not here: reading the request (`engine.wire`), the chat template (`engine.template`).

What a person wrote never turns into a control token: where a message contains the text of one,
such as the end of a turn, it is encoded as ordinary text. So nobody can close their own turn and
speak as the system.
Units: tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hybridllm.engine.exchange import Chat, Prompt, Refusal
from hybridllm.engine.template import ChatTemplate

# Private-use characters around what must stay text. They stand for nothing anywhere, so a message
# that holds one itself is read without it.
_OPEN, _CLOSE = "\U0010fde0", "\U0010fde1"


class Encoder(Protocol):
    """The tokenizer, as far as it is needed here."""

    def encode(self, text: str, *, control_tokens: bool, add_special: bool) -> list[int]:
        """Return the tokens of a text; with `control_tokens`, their texts become those tokens."""
        ...


class PromptReader:
    """Turns prompts into tokens for one model.

    Args:
        encoder: The model's tokenizer.
        control_tokens: Texts of all control tokens.
        longest_token: Most characters that one token stands for.
        template: The model's chat template, where it has one.
        max_model_len: Tokens of prompt and answer together.
        vocab_size: Number of tokens that the model knows.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        control_tokens: Sequence[str],
        longest_token: int,
        template: ChatTemplate | None,
        max_model_len: int,
        vocab_size: int,
    ) -> None:
        self._encoder = encoder
        self._template = template
        self._longest_token = max(longest_token, 1)
        self._max_model_len = max_model_len
        self._vocab_size = vocab_size
        words = sorted(filter(None, control_tokens), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, words))) if words else None

    def read(self, prompt: Prompt, *, max_tokens: int | None) -> tuple[int, ...]:
        """Return the tokens of a prompt that leaves room for the answer.

        Args:
            prompt: A conversation, a text or tokens.
            max_tokens: Room for the answer; `None` needs one token, 0 needs none.

        Raises:
            Refusal: It does not fit, is empty, or the model cannot read it.
        """
        if isinstance(prompt, tuple):
            tokens = list(prompt)
            if max(tokens, default=0) >= self._vocab_size:
                raise Refusal("the model has no such token", code="invalid_value", param="prompt")
        elif isinstance(prompt, Chat):
            tokens = self._encode_chat(self._render(prompt))
        else:
            self._check_characters(len(prompt), max_tokens=max_tokens)
            tokens = self._encoder.encode(prompt, control_tokens=False, add_special=True)
        if not tokens:
            raise Refusal("the prompt is empty", code="invalid_value")
        self._check_tokens(len(tokens), max_tokens=max_tokens)
        return tuple(tokens)

    def _render(self, chat: Chat) -> str:
        if self._template is None:
            raise Refusal(
                "this model has no chat template; use completions, or an instruction-tuned model",
                code="no_chat_template",
            )
        characters = sum(len(str(message.get("content"))) for message in chat.messages)
        self._check_characters(characters, max_tokens=None)
        return self._template.render(
            [self._marked(message) for message in chat.messages],
            tools=[self._marked(tool) for tool in chat.tools],
        )

    def _marked(self, value: Any) -> Any:
        """Return a message with every text of a control token between marks."""
        if isinstance(value, str):
            plain = value.replace(_OPEN, "").replace(_CLOSE, "")
            if self._control is None:
                return plain
            return self._control.sub(lambda found: f"{_OPEN}{found[0]}{_CLOSE}", plain)
        if isinstance(value, Mapping):
            return {self._marked(key): self._marked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._marked(item) for item in value]
        return value

    def _encode_chat(self, text: str) -> list[int]:
        tokens: list[int] = []
        for place, part in enumerate(re.split(f"{_OPEN}(.*?){_CLOSE}", text, flags=re.DOTALL)):
            plain = part.replace(_OPEN, "").replace(_CLOSE, "")
            if plain:  # every second part stood between marks
                control = place % 2 == 0
                tokens += self._encoder.encode(plain, control_tokens=control, add_special=False)
        return tokens

    def _check_characters(self, count: int, *, max_tokens: int | None) -> None:
        """Refuse a hopeless prompt before the tokenizer spends seconds on it."""
        self._check_tokens(count // self._longest_token, max_tokens=max_tokens, least=True)

    def _check_tokens(self, count: int, *, max_tokens: int | None, least: bool = False) -> None:
        answer = 1 if max_tokens is None else max_tokens
        if count + answer > self._max_model_len:
            raise Refusal(
                f"the context holds {self._max_model_len} tokens; the prompt has "
                f"{'at least ' if least else ''}{count} and the answer asks for {answer}",
                code="context_length_exceeded",
                param="messages",
            )
