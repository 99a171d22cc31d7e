"""Small mistakes that somebody could make in a module, one at a time.

Answers: which mutants does this source have, and what is each one's code?
Not here: running tests against them (`__main__`).

Why not a library: mutmut 3.8 leaves properties, decorated functions and module constants
alone, and those hold half of the guards here (the walker's lists of fields, clearances);
its mutants have numbers for names, so a reason for a survivor would not outlive an edit.

What people read is left alone: docstrings, annotations, f-strings and sentences.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

_PAIRS = (
    (ast.Lt, ast.LtE),
    (ast.Gt, ast.GtE),
    (ast.Eq, ast.NotEq),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
    (ast.And, ast.Or),
    (ast.BitOr, ast.BitAnd),
    (ast.Add, ast.Sub),
    (ast.Mult, ast.FloorDiv),
)
_SWAPS: dict[type, type] = dict((*_PAIRS, *((two, one) for one, two in _PAIRS)))
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_REMOVABLE = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a module.

    Attributes:
        name: Where it is changed and how; the same as long as these words stay.
        line: Where that stands today.
        number: Its position among all changes of this source.
    """

    name: str
    line: int
    number: int


@dataclass(frozen=True, slots=True)
class _Change:
    node: ast.AST
    before: str
    after: str
    apply: Callable[[], None]


def mutants_of(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, top to bottom."""
    tree = ast.parse(source)
    homes = _homes(tree)
    names: Counter[str] = Counter()
    for number, change in enumerate(_changes(tree)):
        title = f"{homes[change.node]}: {change.before} -> {change.after}"
        names[title] += 1
        suffix = f" ({names[title]})" if names[title] > 1 else ""
        yield Mutant(title + suffix, getattr(change.node, "lineno", 0), number)


def compiled(source: str, *, file: str, mutant: Mutant | None = None) -> CodeType:
    """Return the code of a module with one change, or without any."""
    tree = ast.parse(source)
    if mutant is not None:
        list(_changes(tree))[mutant.number].apply()
    return compile(ast.fix_missing_locations(tree), file, "exec")


def _homes(tree: ast.Module) -> dict[ast.AST, str]:
    """Return for each node the function, class or constant that it stands in."""
    homes: dict[ast.AST, str] = {}

    def visit(node: ast.AST, home: str) -> None:
        name = getattr(node, "name", None)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and not home:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            name = ast.unparse(target)
        if isinstance(name, str) and not isinstance(node, (ast.alias, ast.ExceptHandler)):
            home = f"{home}.{name}".lstrip(".")
        homes[node] = home
        for child in ast.iter_child_nodes(node):
            visit(child, home)

    visit(tree, "")
    return homes


def _changes(tree: ast.Module) -> Iterator[_Change]:
    """Yield every change; `apply` edits this very tree."""
    for node in _code(tree):
        yield from _of_operators(node)
        yield from _of_constants(node)
        yield from _of_flow(node)


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run, in order, without what only people and type checkers read."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"} or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_for_readers(child):
                yield from _code(child)


def _is_for_readers(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    is_expression = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_expression or (isinstance(node, ast.keyword) and node.arg == "slots")


def _of_operators(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            yield from _swap(node, node.ops, position, operator)
    elif isinstance(node, ast.BoolOp):
        yield from _replace(node, "op", _SWAPS[type(node.op)]())
        for position in range(len(node.values)):
            rest = [value for at, value in enumerate(node.values) if at != position]
            # One value alone is no `BoolOp`; twice the same says the same.
            yield from _replace(node, "values", rest if len(rest) > 1 else rest * 2)
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _SWAPS:
        yield from _replace(node, "op", _SWAPS[type(node.op)]())
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield from _replace(node, "func", ast.Name(_CALLS[node.func.id], ast.Load()))


def _of_constants(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        words, is_list = node.func.value, node.func.attr == "split" and not node.args
        if is_list and isinstance(words, ast.Constant) and isinstance(words.value, str):
            for word in words.value.split():
                rest = " ".join(one for one in words.value.split() if one != word)
                yield _Change(node, f"the word {word}", "none", _setter(words, "value", rest))
    if not isinstance(node, ast.Constant):
        return
    value: Any = node.value
    if isinstance(value, bool):
        yield from _replace(node, "value", not value)
    elif isinstance(value, int):
        yield from _replace(node, "value", value + 1)
    elif isinstance(value, str) and not any(mark.isspace() for mark in value.strip()):
        yield from _replace(node, "value", f"{value}~")


def _of_flow(node: ast.AST) -> Iterator[_Change]:
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield from _replace(node, "test", ast.UnaryOp(ast.Not(), node.test), only="test")
    if isinstance(node, ast.comprehension):
        for position in range(len(node.ifs)):
            rest = [value for at, value in enumerate(node.ifs) if at != position]
            yield _Change(
                node.ifs[position],
                f"if {ast.unparse(node.ifs[position])}",
                "always",
                _setter(node, "ifs", rest),
            )
    if isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
        yield from _replace(node, "value", ast.Constant(None))
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        for position, statement in enumerate(block if isinstance(block, list) else ()):
            if isinstance(statement, _REMOVABLE) or _acts(statement):
                shown = ast.unparse(statement)
                yield _Change(statement, shown, "nothing", _item(block, position, ast.Pass()))


def _acts(statement: ast.AST) -> bool:
    """Return whether a statement is an expression that does something."""
    return isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant)


def _swap(node: ast.AST, items: list[Any], position: int, operator: ast.AST) -> Iterator[_Change]:
    before = ast.unparse(node)
    old, items[position] = items[position], _SWAPS[type(operator)]()
    after, items[position] = ast.unparse(node), old
    yield _Change(node, before, after, _item(items, position, _SWAPS[type(operator)]()))


def _replace(node: ast.AST, name: str, value: Any, *, only: str = "") -> Iterator[_Change]:
    """Yield the change of one field; for its name the node is changed and changed back."""
    before = ast.unparse(getattr(node, only) if only else node)
    old = getattr(node, name)
    setattr(node, name, value)
    after = ast.unparse(getattr(node, only) if only else node)
    setattr(node, name, old)
    yield _Change(node, before, after, _setter(node, name, value))


def _setter(node: ast.AST, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(node, name, value)


def _item(items: Any, position: int, value: Any) -> Callable[[], None]:
    return lambda: items.__setitem__(position, value)
