"""From the tables of the budgets to what counts them.

Answers: which budgets are there, what do backends cost, and where is it counted?
Not here: counting (`budgets`), what a used-up budget means (`policy.decide`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.budgets import Budget, Budgets, FileCounter, MemoryCounter, Price, Window
from hybridllm.config.state import derive
from hybridllm.errors import ConfigurationError
from hybridllm.policy.load import require
from hybridllm.types import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hybridllm.config.schema import BudgetConfig
    from hybridllm.config.sources import Sources
    from hybridllm.policy.schema import BackendConfig

_MICROS = 1_000_000


def build_budgets(sources: Sources, *, state: Path | None, key: bytes) -> Budgets | None:
    """Return the budgets of an organisation; `None` if it has none.

    Args:
        sources: The files.
        state: The state directory; `None` to count in this process alone.
        key: Of the installation.

    Raises:
        ConfigurationError: A name does not exist or stands twice, a price is missing, or
            the file of the counter cannot be used.
    """
    tables = sources.organisation.budgets
    if not tables:
        return None
    departments = list(sources.departments) or ["default"]
    _check_names(tables, departments=departments, file=sources.shown)
    if any(table.max_cost is not None for table in tables):
        _check_prices(sources.organisation.backends, file=sources.shown)
    counter = (
        MemoryCounter()
        if state is None
        else FileCounter(state / "budgets.sqlite", key_check=derive(key, purpose="budgets"))
    )
    prices = {
        name: Price(backend.input_price or 0.0, backend.output_price or 0.0)
        for name, backend in sources.organisation.backends.items()
    }
    return Budgets([_budget(table) for table in tables], prices=prices, counter=counter)


def _budget(table: BudgetConfig) -> Budget:
    return Budget(
        name=table.name,
        window=Window(table.window),
        departments=frozenset(table.departments),
        max_requests=table.max_requests,
        max_tokens=table.max_tokens,
        max_micros=None if table.max_cost is None else round(table.max_cost * _MICROS),
    )


def _check_names(tables: list[BudgetConfig], *, departments: list[str], file: str) -> None:
    names: set[str] = set()
    for position, table in enumerate(tables):
        if table.name in names:
            key = f"budgets[{position}].name"
            raise ConfigurationError("repeats an earlier budget", file=file, key=key)
        names.add(table.name)
        for place, department in enumerate(table.departments):
            key = f"budgets[{position}].departments[{place}]"
            require(department, allowed=departments, file=file, key=key)


def _check_prices(backends: Mapping[str, BackendConfig], *, file: str) -> None:
    """Refuse a limit of money that some cloud would not count against."""
    for name, backend in backends.items():
        is_priced = backend.input_price is not None and backend.output_price is not None
        if backend.place == Place.CLOUD.value and not is_priced:
            missing = "input_price" if backend.input_price is None else "output_price"
            raise ConfigurationError(
                "is missing; a budget with max_cost needs the prices of every cloud. "
                "Write 0.0 for one that costs nothing",
                file=file,
                key=f"backends.{name}.{missing}",
            )
