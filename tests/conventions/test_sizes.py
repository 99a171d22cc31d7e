"""Modules and functions stay small enough to read on the first pass."""

import ast
import warnings

from tests.conventions.tree import Function, code_files, functions, relative, syntax, text

SOFT_MODULE_LINES = 300
MODULE_LINES = 400
FUNCTION_LINES = 50

# path -> (lines, why). May only shrink: lower the number when the module got shorter.
LONG_MODULES: dict[str, tuple[int, str]] = {}
# path::function -> (lines, why). May only shrink.
LONG_FUNCTIONS: dict[str, tuple[int, str]] = {}


def body_lines(function: Function) -> int:
    """Count the lines from `def` to the end, the docstring not included."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def complaints(
    sizes: dict[str, int], *, limit: int, exceptions: dict[str, tuple[int, str]]
) -> list[str]:
    """Say what is too long, and which exception is larger than needed."""
    found = []
    for name, lines in sizes.items():
        allowed, _ = exceptions.get(name, (limit, ""))
        if lines > allowed:
            found.append(f"{name}: {lines} lines, at most {allowed}")
        elif name in exceptions and lines < allowed:
            found.append(f"{name}: {lines} lines now; lower its exception, or drop it at {limit}")
    found += [f"{name}: an exception for nothing" for name in exceptions if name not in sizes]
    return found


def test_no_module_is_longer_than_its_limit():
    """A module answers one question; beyond 400 lines it answers two."""
    sizes = {relative(path): len(text(path).splitlines()) for path in code_files()}

    for name, lines in sizes.items():
        if SOFT_MODULE_LINES < lines <= MODULE_LINES:
            warnings.warn(f"{name}: {lines} lines, above the soft limit", stacklevel=1)

    assert [] == complaints(sizes, limit=MODULE_LINES, exceptions=LONG_MODULES)


def test_no_function_is_longer_than_its_limit():
    """A function fits on a screen: 50 lines without its docstring."""
    sizes = {
        f"{relative(path)}::{name}": body_lines(function)
        for path in code_files()
        for name, function in functions(syntax(path))
    }

    assert [] == complaints(sizes, limit=FUNCTION_LINES, exceptions=LONG_FUNCTIONS)


def test_an_exception_may_only_shrink():
    """A listed module that grows, or that no longer needs its entry, is reported."""
    exceptions = {"grown.py": (410, ""), "shrunk.py": (420, ""), "gone.py": (430, "")}

    found = complaints(
        {"grown.py": 411, "shrunk.py": 419, "new.py": 401, "fine.py": 400},
        limit=400,
        exceptions=exceptions,
    )

    assert ["grown.py", "shrunk.py", "new.py", "gone.py"] == [line.split(":")[0] for line in found]
