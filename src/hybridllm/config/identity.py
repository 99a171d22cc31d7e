"""Who may act for which department.

Answers: does this identity hold the department that it names?
Not here: what happens if it does not (`policy.identity`, `flow`).

Two things can bind a caller. The environment of a service (`HYBRIDLLM_DEPARTMENT`,
`HYBRIDLLM_PRINCIPAL`): what it says, code cannot change. And a directory of the user's own,
which returns the departments of a principal: one from the configuration (an entry point)
and one from code; if both are there, both must say yes. A directory that raises, hangs or
answers nonsense has not said yes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from hybridllm.errors import ConfigurationError, expected_one_of
from hybridllm.plugins import load_directory
from hybridllm.types import Identity

if TYPE_CHECKING:
    from hybridllm.config.sources import Sources

Directory = Callable[[str], Iterable[str]]
"""Returns the departments that a principal holds."""

DEPARTMENT_VARIABLE: Final = "HYBRIDLLM_DEPARTMENT"
PRINCIPAL_VARIABLE: Final = "HYBRIDLLM_PRINCIPAL"
_MOST_LATE: Final = 16
_MOST_DEPARTMENTS: Final = 100_000


def bound_identity(environment: Mapping[str, str]) -> Identity:
    """Return what the environment says of every call of this process.

    Raises:
        ConfigurationError: A variable is set and empty: somebody meant something by it.
    """
    values = []
    for name in (DEPARTMENT_VARIABLE, PRINCIPAL_VARIABLE):
        value = environment.get(name)
        if value is not None and not value.strip():
            raise ConfigurationError(f"the variable {name} is empty. Give it a value, or unset it")
        values.append(value or "")
    return Identity(*values)


def build_holds(
    sources: Sources, *, bound: Identity, known: Iterable[str], directory: Directory | None
) -> Callable[[Identity], bool] | None:
    """Return what says whether an identity holds its department; `None` if nobody asks.

    Args:
        sources: The configuration, which may name a directory.
        bound: What the environment says.
        known: All departments.
        directory: From code.

    Raises:
        ConfigurationError: The environment names a department that does not exist, or the
            directory cannot be loaded.
    """
    departments = set(known)
    if bound.department and bound.department not in departments:
        text = expected_one_of(bound.department, allowed=departments)
        raise ConfigurationError(f"the variable {DEPARTMENT_VARIABLE} {text}")
    settings = sources.organisation.identity
    asked = [] if directory is None else [directory]
    if settings.directory is not None:
        asked.append(load_directory(settings.directory, file=sources.shown))
    if not (asked or bound.department or bound.principal):
        return None
    guarded = tuple(GuardedDirectory(item, timeout_s=settings.timeout_s) for item in asked)
    return Holding(bound, guarded)


class Holding:
    """Says whether an identity holds its department."""

    def __init__(self, bound: Identity, directories: tuple[GuardedDirectory, ...]) -> None:
        self._bound = bound
        self._directories = directories

    def __call__(self, identity: Identity) -> bool:
        """Return whether everybody who is asked says yes. Never raises."""
        bound = self._bound
        if bound.department and identity.department != bound.department:
            return False
        if bound.principal and identity.principal != bound.principal:
            return False
        return all(
            directory.holds(identity.principal, department=identity.department)
            for directory in self._directories
        )


class GuardedDirectory:
    """Asks a directory in a thread of its own, and waits only so long.

    Python cannot stop a thread. Calls that hang are left behind, and when too many of them
    are, nobody is asked any more until one has come back.
    """

    def __init__(self, directory: Directory, *, timeout_s: float) -> None:
        self._directory = directory
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._late: list[threading.Thread] = []

    def holds(self, principal: str, *, department: str) -> bool:
        """Return whether the directory says in time that a principal holds a department."""
        if not principal:
            return False
        with self._lock:
            self._late = [thread for thread in self._late if thread.is_alive()]
            if len(self._late) >= _MOST_LATE:
                return False
        answers: SimpleQueue[bool] = SimpleQueue()
        arguments = (principal, department, answers)
        thread = threading.Thread(target=self._ask, args=arguments, daemon=True)
        thread.start()
        try:
            return answers.get(timeout=self._timeout_s)
        except Empty:
            with self._lock:
                self._late.append(thread)
            return False

    def _ask(self, principal: str, department: str, answers: SimpleQueue[bool]) -> None:
        try:
            found = self._directory(principal)
            held = not isinstance(found, (str, bytes)) and any(
                type(name) is str and name == department
                for name in islice(found, _MOST_DEPARTMENTS)
            )
            answers.put(held)
        except BaseException:  # a boundary: whatever a directory raises is no yes
            answers.put(False)
