"""The judge that a configuration names: a model of this process is asked about each text.

Answers: which backend is asked, and may it be?
Not here: the question and the answer (`classify.semantic.judge`), the model (`backends`).

Deciding makes no network call, so only a backend of place `in_process` can judge; a server
on the premises cannot, and the start says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hybridllm.classify.semantic.judge import DEFAULT_QUESTION, ORDINARY, JudgeDetector
from hybridllm.errors import ConfigurationError, expected_one_of
from hybridllm.types import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hybridllm.config.schema import JudgeConfig
    from hybridllm.wire import Backend

_KEY = "detection.judge"


@runtime_checkable
class _CanBeAsked(Protocol):
    def ask(self, prompt: str, *, max_tokens: int, timeout_s: float) -> str: ...


def build_judge(
    settings: JudgeConfig, *, backends: Mapping[str, Backend], file: str, is_fake: bool
) -> JudgeDetector:
    """Return the detector.

    Args:
        settings: As configured.
        backends: By name.
        file: Configuration file, for errors.
        is_fake: For tests: nobody is asked, and every text is ordinary to this detector.

    Raises:
        ConfigurationError: The backend is unknown, or runs elsewhere; or the kind is wrong.
    """
    backend = backends.get(settings.backend)
    if backend is None:
        text = expected_one_of(settings.backend, allowed=backends)
        raise ConfigurationError(text, file=file, key=f"{_KEY}.backend")
    if backend.place is not Place.IN_PROCESS:
        raise ConfigurationError(
            f"is {settings.backend!r}, whose place is {backend.place.value!r}. Deciding makes no "
            "network call: name a backend with place = 'in_process'",
            file=file,
            key=f"{_KEY}.backend",
        )

    def ask(prompt: str) -> str:
        if is_fake or not isinstance(backend, _CanBeAsked):
            return ORDINARY if is_fake else ""  # an empty answer is none, and so a doubt
        return backend.ask(
            prompt, max_tokens=settings.max_answer_tokens, timeout_s=settings.timeout_s
        )

    try:
        return JudgeDetector(
            ask,
            kind=settings.kind,
            min_characters=settings.min_characters,
            max_windows=settings.max_windows,
            timeout_s=settings.timeout_s,
            question=settings.question or DEFAULT_QUESTION,
        )
    except ConfigurationError as error:
        raise ConfigurationError(str(error), file=file, key=f"{_KEY}.kind") from None
