"""What may change in the files of a client that runs.

Answers: can a running client go over to these files, or does it need a restart?
Not here: whether the files are sound (`config.wiring`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hybridllm.config.trials import retired_rule
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hybridllm.config.sources import Sources

DECIDED: Final = frozenset({"clearance", "data_residency", "endpoints", "parameters"})
"""Settings of a backend on which decisions depend. All others say how it is reached."""

_FIXED: Final = ("labels", "state", "audit")
_FIXED_TABLES: Final = ("budgets", "vector_stores")
_RESTART: Final = (
    "differs from what the running client was started with. Restart the program, or set it back"
)
_FIXED_DETECTION: Final = ("memory", "fingerprints")


def must_fit(sources: Sources, *, running: Sources) -> None:
    """Refuse files that a running client cannot go over to.

    Raises:
        ConfigurationError: They change what was set up at the start, or take a rule that is
            in force back into report mode.
    """
    old, new = running.organisation, sources.organisation
    for table in _FIXED:
        _must_equal(getattr(old, table), new=getattr(new, table), table=table, file=sources.shown)
    for table in _FIXED_DETECTION:
        before, now = getattr(old.detection, table), getattr(new.detection, table)
        _must_equal(before, new=now, table=f"detection.{table}", file=sources.shown)
    for table in _FIXED_TABLES:
        if getattr(old, table) != getattr(new, table):
            raise ConfigurationError(_RESTART, file=sources.shown, key=table)
    glossaries = {
        name for store in new.vector_stores.values() for name in store.glossaries.values()
    }
    before = {item.shown: item.digest for item in running.files}
    for item in sources.files:
        if item.shown in glossaries and before.get(item.shown) != item.digest:
            raise ConfigurationError(_RESTART, file=item.shown, key="terms")
    for name, backend in new.backends.items():
        if name in old.backends:
            _must_equal(
                old.backends[name],
                new=backend,
                table=f"backends.{name}",
                file=sources.shown,
                free=DECIDED,
            )
    retired = retired_rule(running, now=sources)
    if retired is not None:
        file, position = retired
        raise ConfigurationError(
            "is 'report', and the rule is enforced now; report mode is for new rules. "
            "Remove the key, or give the rule another name",
            file=file,
            key=f"rules[{position}].mode",
        )


def _must_equal(
    old: BaseModel,
    *,
    new: BaseModel,
    table: str,
    file: str,
    free: frozenset[str] = frozenset(),
) -> None:
    for name in type(new).model_fields:
        if name in free or name == "default":  # of labels: what is decided, too
            continue
        if getattr(old, name) != getattr(new, name):
            raise ConfigurationError(_RESTART, file=file, key=f"{table}.{name}")
