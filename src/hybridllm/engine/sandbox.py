"""A sandbox for chat templates that also ends.

Answers: what may a template of a downloaded model do, and for how long?
Not here: which template and which values (`engine.template`).

A template is a stranger's program. Jinja's immutable sandbox keeps it from files, imports and
Python's insides. It does not keep it from running for ever, so this one has a budget: a step
for each round of a loop, each call and each element that is turned into text, and a number of
characters. What makes long text out of short text is counted or not there.
Source: block trimming, loop controls, `tojson`, `raise_exception`, `strftime_now` and the
`generation` tag are those that transformers gives to chat templates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import wraps
from typing import Any

from jinja2 import Environment, TemplateError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

# A conversation of a thousand messages takes a few tens of thousands of steps.
_STEPS = 500_000
_CHARACTERS = 256 * 2**20
# Filters that make long text out of short text, or look outside.
_NO_FILTERS = (
    "batch", "center", "filesizeformat", "format", "pprint", "random", "round", "slice", "urlize",
    "wordwrap", "xmlattr",
)  # fmt: skip
# Filters that turn their argument into text first, whatever it is.
_TEXT_FILTERS = (
    "capitalize", "e", "escape", "forceescape", "indent", "lower", "replace", "safe",
    "string", "striptags", "title", "tojson", "trim", "truncate", "upper", "urlencode",
    "wordcount",
)  # fmt: skip
_NO_METHODS = frozenset({"center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"})


# What Jinja passes to some filters in front of the template's own values.
_JINJA = (Context, Environment, nodes.EvalContext)


class OverBudget(Exception):  # noqa: N818 - it says what happened
    """A template used up its steps or characters."""


class Budget:
    """What is left to the current rendering."""

    __slots__ = ("_characters", "_steps")

    def __init__(self) -> None:
        self.refill()

    def refill(self) -> None:
        """Start a new rendering."""
        self._steps = _STEPS
        self._characters = _CHARACTERS

    def step(self) -> None:
        """Count a round of a loop, a call or an element."""
        self._steps -= 1
        if self._steps < 0:
            raise OverBudget

    def write(self, characters: int) -> None:
        """Count text."""
        self._characters -= characters
        if self._characters < 0:
            raise OverBudget

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        """Count the rounds of a loop."""
        for item in items:
            self.step()
            yield item

    def measure(self, value: Any) -> None:
        """Count the text that a value turns into, before it does."""
        if isinstance(value, str):
            self.write(len(value))
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self.step()
                self.measure(key)
                self.measure(item)
        elif isinstance(value, list | tuple | set | frozenset):
            for item in value:
                self.step()
                self.measure(item)


def sandbox(budget: Budget) -> Environment:
    """Return an environment for chat templates that spends from a budget."""
    return _Sandbox(budget)


class _Sandbox(ImmutableSandboxedEnvironment):  # type: ignore[misc]
    """Jinja's sandbox with a budget."""

    intercepted_binops = frozenset({"%", "*", "**", "+"})

    def __init__(self, budget: Budget) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_GenerationTag, loopcontrols],
            finalize=self._measured,
        )
        self._budget = budget
        for name in _NO_FILTERS:
            self.filters.pop(name, None)
        self.filters |= {"indent": _indent, "replace": self._replace, "tojson": _to_json}
        for name in _TEXT_FILTERS:
            self.filters[name] = self._measuring(self.filters[name])
        self.filters["join"] = self._join
        self.filters["budgeted"] = self._rounds
        self.filters["joined"] = self._joined
        self.globals.pop("lipsum", None)
        self.globals["raise_exception"] = _raise_exception
        self.globals["strftime_now"] = _strftime_now

    def concat(self, pieces: Iterable[str]) -> str:
        """Join what a block or a macro has written."""
        return self._joined(list(pieces))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the template, for a step."""
        self._budget.step()
        if isinstance(getattr(obj, "__self__", None), str) and obj.__name__ in {"join", "replace"}:
            counted = self._replace if obj.__name__ == "replace" else self._join_method
            return counted(obj.__self__, *args, **kwargs)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate; a text or list times a number, and `%` on a text, can be of any length."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or (operator != "+" and not numbers):
            raise SecurityError("this operator is for numbers only")
        for value in (left, right):
            if not isinstance(value, int | float):
                # An element of a list takes 8 bytes and more; a text is copied.
                self._budget.write(len(value) * (1 if isinstance(value, str) else 64))
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Say whether the template may read an attribute."""
        if isinstance(obj, str) and attr in _NO_METHODS:
            return False
        return bool(super().is_safe_attribute(obj, attr, value))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Refuse `str.format`, whose widths make text of any length."""
        if super().wrap_str_format(value) is not None:
            raise SecurityError("no str.format in chat templates")
        return None

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _CountEverything().visit(super()._parse(source, name, filename))
        tree.set_environment(self)
        return tree

    def _rounds(self, items: Any) -> Any:
        return items if isinstance(items, Undefined) else list(self._budget.each(items))

    def _measured(self, value: Any) -> Any:
        if not isinstance(value, str):  # the text of a piece is counted where it is written
            self._budget.measure(value)
        return value

    def _joined(self, items: list[Any]) -> str:
        self._budget.measure(items)
        return "".join(map(str, items))

    def _join(self, items: Any, d: Any = "", attribute: Any = None) -> str:
        values = list(self._budget.each(items))
        if attribute is not None:
            values = [self.getitem(value, attribute) for value in values]
        self._budget.write(len(str(d)) * len(values))
        self._budget.measure(values)
        return str(d).join(map(str, values))

    def _join_method(self, glue: str, items: Any) -> str:
        return self._join(items, glue)

    def _replace(self, text: Any, old: Any, new: Any, count: Any = -1) -> str:
        text, old, new = str(text), str(old), str(new)
        self._budget.write((text.count(old) + 1) * len(new) + len(text))
        replaced: str = text.replace(old, new, -1 if count is None else count)
        return replaced

    def _measuring(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the filter, counting its arguments; it keeps its mark for Jinja's context."""

        @wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._budget.measure([value for value in args if not isinstance(value, _JINJA)])
            return call(*args, **kwargs)

        return counted


class _CountEverything(NodeTransformer):  # type: ignore[misc]
    """Puts the budget into the template's own loops and joins."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja names it
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "budgeted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        items = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(items, "joined", [], [], None, None, lineno=node.lineno)


class _GenerationTag(Extension):  # type: ignore[misc]
    """Accepts `{% generation %}`, which marks answers for training, and writes what is in it."""

    tags = {"generation"}  # noqa: RUF012 - Jinja reads it from the class

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        body: list[nodes.Node] = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return body


def _indent(text: Any, width: Any = 4, first: Any = None, blank: Any = None) -> str:
    """Indent a text by at most 32 characters."""
    if len(width) > 32 if isinstance(width, str) else width > 32:
        raise SecurityError("too deep an indentation")
    pad = width if isinstance(width, str) else " " * width
    first_line, *rest = str(text).splitlines() or [""]
    lines = [pad + line if line or blank else line for line in rest]
    return "\n".join([pad + first_line if first else first_line, *lines])


def _to_json(
    value: Any,
    ensure_ascii: Any = None,
    indent: Any = None,
    separators: Any = None,
    sort_keys: Any = None,
) -> str:
    """Write JSON as transformers does: no escaping for HTML."""
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= 16):
        raise SecurityError("too deep an indentation")
    return json.dumps(
        value, ensure_ascii=bool(ensure_ascii), indent=indent, separators=separators,
        sort_keys=bool(sort_keys),
    )  # fmt: skip


def _raise_exception(message: object) -> None:  # noqa: ARG001 - it may quote the conversation
    raise TemplateError("the template refuses")


def _strftime_now(pattern: str) -> str:
    if len(pattern) > 64:
        raise SecurityError("too long a pattern")
    return datetime.now().astimezone().strftime(pattern)
