"""Tests that stand in the files: a request, and what the policy should say of it.

Answers: does such a test name only what exists, and does a decision meet it?
Not here: judging the request (`hybridllm.flow`, as for each request), showing results.

Tests change no decision. A name that does not exist stops the start all the same: a test
that cannot come true would be believed to protect something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hybridllm.errors import ConfigurationError
from hybridllm.params import ENDPOINTS
from hybridllm.policy.load import Names, build_label, require
from hybridllm.types import Effect, Place

if TYPE_CHECKING:
    from hybridllm.labels import Label
    from hybridllm.policy.schema import PolicyTestConfig
    from hybridllm.types import PolicyDecision

REASON_CODES: Final = frozenset(
    """
    declared default department doubt endpoint finding indeterminate label_above_clearance
    budget no_backend parameter rule
    """.split()
)
"""What `Reason.code` can be, of the label and of the backends that are ruled out."""

Content = str | Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One test of a file, with every name looked up.

    Attributes:
        name: What it claims.
        origin: File and key.
        department: Whose request it is; empty for the default department.
        alias: The model; empty for the only one.
        endpoint: The operation.
        label: What the caller declares; `None` for nothing.
        principal: Who asks.
        purpose: What for.
        application: Through which program.
        content: The text, or the messages of a chat; empty if it stands in a file.
        file: Path of the text, from the folder of the organisation's file.
        effect: Expected effect, if one is expected; so are all below.
        backend: Expected first candidate.
        place: Expected place of the first candidate.
        reached: Expected label.
        reasons: Codes of which each must be given.
    """

    __test__ = False

    name: str
    origin: str
    department: str
    alias: str
    endpoint: str
    label: Label | None
    principal: str
    purpose: str
    application: str
    content: Content
    file: str | None
    effect: Effect | None
    backend: str | None
    place: Place | None
    reached: Label | None
    reasons: tuple[str, ...]

    def __repr__(self) -> str:
        return f"PolicyTest({self.name!r}, {self.origin!r})"


def build_tests(
    configs: Iterable[PolicyTestConfig], *, names: Names, file: str, own: str | None = None
) -> tuple[PolicyTest, ...]:
    """Return the tests of one file.

    Args:
        configs: As written.
        names: Everything that they may refer to.
        file: Shown in errors and results.
        own: The department whose file it is; `None` for the organisation's.

    Raises:
        ConfigurationError: A name does not exist.
    """
    return tuple(
        _test(config, names=names, file=file, key=f"tests[{position}]", own=own)
        for position, config in enumerate(configs)
    )


def mismatches(test: PolicyTest, *, decision: PolicyDecision) -> tuple[str, ...]:
    """Return in what a decision differs from what a test expects; nothing if it passes."""
    return tuple(_mismatches(test, decision))


def _mismatches(test: PolicyTest, decision: PolicyDecision) -> Iterator[str]:
    first = decision.candidates[0] if decision.candidates else None
    if test.effect is not None and decision.effect is not test.effect:
        yield f"effect: expected {test.effect}, is {decision.effect}"
    if test.backend is not None and (first is None or first.backend != test.backend):
        yield f"backend: expected {test.backend}, is {first.backend if first else 'none'}"
    if test.place is not None and (first is None or first.place is not test.place):
        yield f"place: expected {test.place}, is {first.place if first else 'none'}"
    if test.reached is not None and decision.label != test.reached:
        yield f"label: expected {test.reached}, is {decision.label}"
    given = {reason.code for reason in decision.reasons}
    given |= {reason.code for item in decision.rejected for reason in item.reasons}
    for code in test.reasons:
        if code not in given:
            yield f"reasons: expected {code}, given are {', '.join(sorted(given))}"


def _test(
    config: PolicyTestConfig, *, names: Names, file: str, key: str, own: str | None
) -> PolicyTest:
    expect = config.expect
    _check_names(config, names=names, file=file, key=key, own=own)
    label, reached = (
        None if written is None else build_label(names.scale, written, file=file, key=where)
        for written, where in (
            (config.label, f"{key}.label"),
            (expect.label, f"{key}.expect.label"),
        )
    )
    return PolicyTest(
        name=config.name,
        origin=f"{file}: {key}",
        department=own or config.department or "",
        alias=config.model or "",
        endpoint=config.endpoint,
        label=label,
        principal=config.principal,
        purpose=config.purpose,
        application=config.application,
        content=config.text if config.text is not None else config.messages or "",
        file=config.file,
        effect=None if expect.effect is None else Effect(expect.effect),
        backend=expect.backend,
        place=None if expect.place is None else Place(expect.place),
        reached=reached,
        reasons=tuple(expect.reasons),
    )


def _check_names(
    config: PolicyTestConfig, *, names: Names, file: str, key: str, own: str | None
) -> None:
    """Refuse what does not exist, what is missing, and what contradicts itself."""
    if own is not None and config.department is not None:
        raise ConfigurationError(
            f"names a department; the tests of this file are about {own!r} alone. Remove the key",
            file=file,
            key=f"{key}.department",
        )
    if config.model is None and len(names.models) > 1:
        allowed = ", ".join(sorted(names.models))
        raise ConfigurationError(
            f"is missing, since there are several; expected one of {allowed}",
            file=file,
            key=f"{key}.model",
        )
    references = {
        "department": (config.department, names.departments),
        "model": (config.model, names.models),
        "endpoint": (config.endpoint, ENDPOINTS),
        "expect.backend": (config.expect.backend, names.backends),
        **{
            f"expect.reasons[{position}]": (code, REASON_CODES)
            for position, code in enumerate(config.expect.reasons)
        },
    }
    for name, (value, allowed_names) in references.items():
        if value is not None:
            require(value, allowed=allowed_names, file=file, key=f"{key}.{name}")
    if config.messages is not None and config.endpoint == "embeddings":
        raise ConfigurationError(
            "contradicts endpoint = 'embeddings', which takes a text", file=file,
            key=f"{key}.messages",
        )  # fmt: skip
    if config.expect.effect == "deny" and (config.expect.backend or config.expect.place):
        raise ConfigurationError(
            "contradicts effect = 'deny': then there is no backend. Remove one of them",
            file=file,
            key=f"{key}.expect",
        )
