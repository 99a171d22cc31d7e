"""Chat templates, rendered as data.

Answers: what text does a model's own chat template make of a conversation?
Not here: its budget (`engine.sandbox`), the prompt's tokens (`engine.prompts`).

Source: the values that a template sees are those that transformers gives to chat templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateError
from jinja2.exceptions import SecurityError

from hybridllm.engine.exchange import Refusal
from hybridllm.engine.sandbox import Budget, OverBudget, sandbox


class ChatTemplate:
    """A chat template, compiled once.

    Args:
        source: Text of the template.
        special_tokens: Named tokens that templates write, such as `bos_token`.

    Raises:
        ValueError: The template is no valid Jinja.
    """

    def __init__(self, source: str, *, special_tokens: Mapping[str, str]) -> None:
        self._budget = Budget()
        self._special_tokens = dict(special_tokens)
        try:
            self._template = sandbox(self._budget).from_string(source)
        except (TemplateError, RecursionError) as error:
            raise ValueError(f"the chat template is not valid: {type(error).__name__}") from None

    def render(
        self, messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """Return the prompt, ready for the model's answer.

        Raises:
            Refusal: The template rejects the conversation, or exceeds its budget.
        """
        self._budget.refill()
        values = {
            **self._special_tokens,
            "messages": [dict(message) for message in messages],
            "tools": [dict(tool) for tool in tools] or None,
            "documents": None,
            "add_generation_prompt": True,
        }
        pieces: list[str] = []
        try:
            for piece in self._template.generate(values):
                self._budget.write(len(piece))
                pieces.append(piece)
        except OverBudget:
            raise Refusal("the chat template takes too long", code="template_refused") from None
        except SecurityError:
            raise Refusal("the chat template is not safe", code="template_refused") from None
        except Exception as error:  # The template is a stranger's program: it may raise anything.
            raise Refusal(
                "the model's chat template does not accept this conversation "
                f"({type(error).__name__})",
                code="template_refused",
                param="messages",
            ) from None
        return "".join(pieces)
