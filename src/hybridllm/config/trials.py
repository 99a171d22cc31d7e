"""The policies on trial that a configuration names.

Answers: which policies decide beside the one in force, and do they load?
Not here: comparing decisions (`policy.trial`), the policy in force (`config.wiring`).

Nothing on trial can stop a start or a request. A rule that is only reported stands in the
files in force, so a mistake in it is a mistake of these; another set of files that does not
load is left out, with a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from hybridllm.config.sources import Sources, read_sources
from hybridllm.policy.trial import REPORT, SHADOW, Trial

if TYPE_CHECKING:
    from hybridllm.policy.model import Policy
    from hybridllm.policy.schema import RuleConfig

LOGGER: Final = logging.getLogger("hybridllm.policy")


def build_trials(
    sources: Sources, *, reported: Callable[[], Policy], other: Callable[[Sources], Policy]
) -> tuple[Trial, ...]:
    """Return the policies on trial, and say so in the log.

    Args:
        sources: The files in force.
        reported: Builds their policy with the rules that are only reported.
        other: Builds the policy of other files.

    Raises:
        ConfigurationError: A rule that is only reported is wrong.
    """
    trials = []
    places = reported_rules(sources)
    if places:
        trials.append(Trial(REPORT, reported()))
        LOGGER.warning(
            "%d rule(s) are reported and NOT enforced: %s", len(places), ", ".join(places)
        )
    shadow = sources.shadow_file
    if shadow is not None:
        try:
            trials.append(Trial(SHADOW, other(read_sources(shadow))))
        except Exception as error:  # a boundary: a proposal must not stop a program
            _warn_of_shadow(sources, error)
        else:
            LOGGER.warning("a second policy decides beside this one; it changes nothing")
    return tuple(trials)


def reported_rules(sources: Sources) -> tuple[str, ...]:
    """Return file and key of each rule that is only reported."""
    return tuple(
        f"{shown}: rules[{position}]"
        for shown, position, rule in _rules(sources)
        if rule.mode == "report"
    )


def retired_rule(before: Sources, *, now: Sources) -> tuple[str, int] | None:
    """Return file and position of a rule that was enforced and would only be reported.

    Report mode is a way into force, and not a way out of it.
    """
    enforced = {(shown, rule.name) for shown, _, rule in _rules(before) if rule.mode == "enforce"}
    enforced_now = {(shown, rule.name) for shown, _, rule in _rules(now) if rule.mode == "enforce"}
    for shown, position, rule in _rules(now):
        was = (shown, rule.name)
        if rule.mode == "report" and was in enforced and was not in enforced_now:
            return shown, position
    return None


def _rules(sources: Sources) -> Iterator[tuple[str, int, RuleConfig]]:
    for position, rule in enumerate(sources.organisation.rules):
        yield sources.shown, position, rule
    for name, config in sources.departments.items():
        for position, rule in enumerate(config.rules):
            yield f"departments/{name}.toml", position, rule


def _warn_of_shadow(sources: Sources, error: Exception) -> None:
    place = ": ".join(
        part for name in ("file", "key") if (part := getattr(error, name, None)) is not None
    )
    LOGGER.warning(
        "the second policy that %s names does not load, so it is left out (%s)",
        sources.shown,
        place or type(error).__name__,
    )
