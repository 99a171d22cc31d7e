"""Runs the tests of a guard against every mutant of it, and lists the mutants that survive.

Answers: which small mistakes in the guards would no test notice?
Not here: making the mutants (`mutants`), the reasons for survivors (`survivors.toml`).

    python -m tests.mutation [MODULE...]          such as labels or policy.decide

Each mutant lives in a process of its own, forked from one that has loaded the libraries.
Ends with 1 if a mutant survives without a reason, or a reason has no survivor any more.
Needs a system that can fork, and `hybridllm` installed editable or on the path.

Units: seconds.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
import tomllib
import traceback
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from tests.mutation.mutants import Mutant, compiled, mutants_of

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.toml")
LONGEST_S = 60.0
# Each is compared on fifty requests: ten thousand decisions for each mutant.
FEWER_POLICIES = "200"
_STEP_S = 0.005
_OPTIONS = (
    *("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
    # The libraries are loaded before pytest could have rewritten their asserts.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)

# Module -> tests, the most telling first. Without those that start other processes: these load
# the module as it is written.
TARGETS: dict[str, tuple[str, ...]] = {
    "labels": ("tests/test_labels.py",),
    "permit": ("tests/test_permit.py",),
    "policy.decide": ("tests/policy/test_decide.py",),
    "policy.model": ("tests/policy/test_model.py", "tests/policy/test_decide.py"),
    "classify.walk": ("tests/classify/test_walk_lists.py", "tests/classify/test_walk.py"),
    "audit.record": ("tests/audit/test_record.py",),
    "audit.segment": ("tests/audit/test_log.py", "tests/audit/test_tampering.py"),
    "audit.verify": ("tests/audit/test_tampering.py",),
}
DEFAULT = ("labels", "permit", "policy.decide", "policy.model", "classify.walk")


class _Loader(SourceFileLoader):
    """Loads a module from other code than the file's."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder:
    """Finds the mutant where the module would be found."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        loader = _Loader(name, str(self._path), self._code)
        return importlib.util.spec_from_file_location(name, self._path, loader=loader)


def main(arguments: Sequence[str]) -> int:
    """Run the mutants of these modules, or of the default ones; return the status."""
    _load_libraries()
    os.environ.setdefault("HYBRIDLLM_TEST_POLICIES", FEWER_POLICIES)
    failed = False
    for short in arguments or DEFAULT:
        path = _source(short)
        started = time.monotonic()
        source = path.read_text("utf-8")
        if _is_killed(short, path, source):
            _say(f"{short}: its tests fail without any change")
            return 1
        known, names = reasons().get(short, {}), set()
        mutants = list(mutants_of(source))
        for mutant in mutants:
            if not _is_killed(short, path, source, mutant=mutant):
                names.add(mutant.name)
                if mutant.name not in known:
                    _say(f"  survived, line {mutant.line}: {mutant.name}")
        spent = time.monotonic() - started
        _say(f"{short}: {len(mutants)} mutants, {len(names)} survived, {spent:.0f} s")
        for name in sorted(known.keys() - names):
            _say(f"  a reason for nothing: {name}")
        failed = failed or names != set(known)
    return int(failed)


def reasons() -> dict[str, dict[str, str]]:
    """Return for each module the mutants that may survive, and why."""
    return tomllib.loads(SURVIVORS.read_text("utf-8"))


def _source(short: str) -> Path:
    spec = importlib.util.find_spec("hybridllm")
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], *short.split(".")).with_suffix(".py")


def _load_libraries() -> None:
    """Load what every child needs, and nothing of the package itself."""
    for name in ("anyio", "httpx2", "hypothesis", "openai", "pydantic", "pytest", "rich"):
        importlib.import_module(name)
    assert "hybridllm" not in sys.modules


def _is_killed(short: str, path: Path, source: str, *, mutant: Mutant | None = None) -> bool:
    """Return whether a test fails, or does not come to an end, with this mutant."""
    child = os.fork()
    if not child:
        code = compiled(source, file=str(path), mutant=mutant)
        _test(short, path, code, is_quiet=mutant is not None)
    stop = time.monotonic() + LONGEST_S
    while time.monotonic() < stop:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(_STEP_S)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _test(short: str, path: Path, code: CodeType, *, is_quiet: bool) -> None:
    """Run the tests in this child and end it with their status."""
    os.setsid()
    if is_quiet:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
    status = 1
    try:
        import pytest

        sys.meta_path.insert(0, _Finder(f"hybridllm.{short}", path, code))  # type: ignore[arg-type]
        tests = [str(ROOT / test) for test in TARGETS[short]]
        status = pytest.main([*_OPTIONS, f"--rootdir={ROOT}", *tests])
        sys.stdout.flush()
    except BaseException:  # the end of this process either way; its parent reads the status
        traceback.print_exc()
    os._exit(int(status))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
