"""What goes into the engine and what comes back.

Answers: which values pass between the callers' threads and the engine's thread?
Not here: reading them from JSON (`engine.wire`), writing them as JSON (`engine.replies`).

Units: tokens; deadlines are seconds of `time.monotonic`. No `repr` here shows content.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hybridllm.engine.tools import ToolFormat

FinishReason = Literal["stop", "length", "tool_calls"]


class Refusal(Exception):  # noqa: N818 - it is an answer to a request, as well as an error
    """The engine does not do what was asked.

    Attributes:
        status: HTTP status that says the same: 400, 404, 408, 429, 500 or 503.
        code: Stable word for machines.
        param: Name of the parameter, where one is at fault.
    """

    def __init__(
        self, message: str, *, code: str, status: int = 400, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.param = param


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. `None`: what the model's own files say, else OpenAI's default.

    Attributes:
        logprobs: How many alternatives to report for each token; `None` reports nothing.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    logit_bias: tuple[tuple[int, float], ...] = ()
    logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation that the model's chat template turns into a prompt."""

    messages: tuple[dict[str, Any], ...] = field(repr=False)
    tools: tuple[dict[str, Any], ...] = field(default=(), repr=False)


Prompt = Chat | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Generation:
    """One request for text: one or more prompts, `n` answers to each.

    Attributes:
        max_tokens: `None` fills the context.
        schema: JSON Schema that each answer fulfils, as JSON text.
        streams: Whether the caller wants each piece as it comes.
        adapter: Name of the adapter, `None` for the model itself.
        scope: Whose request it is: only with equals of this it shares what the model has read;
            `None` shares nothing.
    """

    prompts: tuple[Prompt, ...] = field(repr=False)
    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    stop: tuple[str, ...] = field(default=(), repr=False)
    n: int = 1
    schema: str | None = field(default=None, repr=False)
    ignore_eos: bool = False
    streams: bool = False
    adapter: str | None = None
    scope: Hashable = None


@dataclass(frozen=True, slots=True)
class Count:
    """One request for the number of tokens of a conversation."""

    chat: Chat


@dataclass(frozen=True, slots=True)
class Embedding:
    """One request for vectors."""

    inputs: tuple[str | tuple[int, ...], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AdapterChange:
    """Load an adapter, or with no path unload it."""

    name: str
    path: Path | None = None


Request = Generation | Embedding | Count
Job = Request | AdapterChange


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A token with its log probability before temperature and filters."""

    token: str = field(repr=False)
    raw: bytes | None = field(repr=False)
    logprob: float
    alternatives: tuple[TokenScore, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request has been read and waits for its turn.

    Attributes:
        tools: How the model writes calls, where the request offers tools.
    """

    prompt_tokens: int
    tools: ToolFormat | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """New text of one answer; the last one of an answer says why it ended."""

    index: int
    text: str = field(repr=False)
    scores: tuple[TokenScore, ...] = field(default=(), repr=False)
    finish_reason: FinishReason | None = None


@dataclass(frozen=True, slots=True)
class Vectors:
    """The embeddings, in the order of the inputs."""

    values: tuple[tuple[float, ...], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The request is complete.

    Attributes:
        cached_tokens: Those of the prompt that were not read again.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The request ended without an answer."""

    refusal: Refusal


Event = Accepted | Piece | Vectors | Done | Failed
