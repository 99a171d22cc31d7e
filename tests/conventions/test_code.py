"""Rules of the code that a linter does not know."""

import ast
import io
import re
import tokenize
from pathlib import Path

from tests.conventions.tree import (
    SOURCE,
    Function,
    code_files,
    functions,
    relative,
    source_files,
    syntax,
    text,
)

# A module is named after what it knows; these names know nothing.
EMPTY_NAMES = {"common", "helper", "helpers", "misc", "util", "utils"}

# path::function -> why it takes more than one positional argument. May only shrink.
POSITIONAL_ARGUMENTS: dict[str, str] = {
    "src/hybridllm/admission.py::admit": "what and with what, as all of the flow",
    "src/hybridllm/attempts.py::attempts": "what and with what, as all of the flow",
    "src/hybridllm/backends/exchange.py::header": "reads as a look-up: header(headers, name)",
    "src/hybridllm/backends/exchange.py::raise_as_backend_error": "who and why, nothing else",
    "src/hybridllm/backends/network.py::AsyncJudgedNetwork.connect_tcp": "httpcore2's signature",
    "src/hybridllm/backends/network.py::JudgedNetwork.connect_tcp": "httpcore2's signature",
    "src/hybridllm/dispatch.py::count_reply": "what and with what, as all of the flow",
    "src/hybridllm/dispatch.py::dispatch": "what and with what, as all of the flow",
    "src/hybridllm/dispatch.py::note": "what and with what, as all of the flow",
    "src/hybridllm/flow.py::complete": "what and with what, as all of the flow",
    "src/hybridllm/flow.py::explain": "what and with what, as all of the flow",
    "src/hybridllm/policy/decide.py::decide": "the field's order: policy, then request",
    "src/hybridllm/policy/load.py::build_department": "what it is called and what it is",
    "src/hybridllm/policy/load.py::build_label": "the scale is what the label is on",
    "src/hybridllm/resources/replies.py::chat_chunk": "called through `streams.Build`",
    "src/hybridllm/resources/replies.py::response_event": "called through `streams.Build`",
    "src/hybridllm/resources/replies.py::text_chunk": "called through `streams.Build`",
}

# Folders whose work is to speak to a person at a terminal.
SPEAKING = ("cli", "demo")

BROAD = {"BaseException", "Exception"}
# A comment that only quiets a tool explains nothing.
TOOL_COMMENT = re.compile(r"#\s*(noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|pragma:[^#]*)\s*")


def is_public(name: str) -> bool:
    """Say whether each part of a dotted name is public; what a function defines is not."""
    return not any(part.startswith(("_", "<")) for part in name.split("."))


def positional_count(name: str, function: Function) -> int:
    """Count the arguments a caller may pass by position, `self` and `cls` not included."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    decorators = {node.id for node in function.decorator_list if isinstance(node, ast.Name)}
    bound = "." in name and "staticmethod" not in decorators
    bound = bound and bool(arguments) and arguments[0].arg in {"self", "cls"}
    return len(arguments) - bound


def caught_names(handler: ast.ExceptHandler) -> set[str]:
    """Return the class names that an `except` catches; a bare one catches everything."""
    if handler.type is None:
        return {"BaseException"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler only cleans up: its last statement raises the same error again."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def explained_lines(source: str) -> set[int]:
    """Return the lines that carry a comment for readers and not only for a tool."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]
        for token in tokens
        if token.type == tokenize.COMMENT and TOOL_COMMENT.sub("", token.string).strip("# ")
    }


def unexplained_catches(source: str) -> list[int]:
    """Return the lines of broad `except` clauses with no comment on, above or below them."""
    explained = explained_lines(source)
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ExceptHandler)
        and caught_names(node) & BROAD
        and not passes_on(node)
        and not explained & {node.lineno - 1, node.lineno, node.lineno + 1}
    ]


def may_speak(path: Path) -> bool:
    """Say whether a source file belongs to a folder that prints."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py") in SPEAKING


def test_no_module_is_named_after_nothing():
    """A reader finds a function by its module's name; there is no `utils.py`."""
    assert [] == [relative(path) for path in code_files() if path.stem in EMPTY_NAMES]


def test_arguments_after_the_first_are_keyword_only():
    """A call of a public function reads like a sentence and survives a new argument."""
    found = {
        f"{relative(path)}::{name}"
        for path in source_files()
        for name, function in functions(syntax(path))
        if is_public(name) and positional_count(name, function) > 1
    }

    assert set(POSITIONAL_ARGUMENTS) == found


def test_only_the_command_line_and_the_demo_print():
    """A library that prints can print content; only two folders speak to a person."""
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in source_files()
        if not may_speak(path)
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert [] == found


def test_a_broad_except_says_why():
    """Whoever catches everything explains which boundary this is."""
    found = {relative(path): unexplained_catches(text(path)) for path in source_files()}

    assert {} == {name: lines for name, lines in found.items() if lines}


def test_self_is_no_argument_and_private_names_are_free():
    """Only what a caller outside can pass by position counts."""
    source = "class A:\n    def good(self, a, *, b): ...\n    def bad(self, a, b): ...\n"
    source += "    def _own(self, a, b): ...\ndef f():\n    def inner(a, b): ...\n"

    counts = {
        name: positional_count(name, function)
        for name, function in functions(ast.parse(source))
        if is_public(name)
    }

    assert {"A.good": 1, "A.bad": 2, "f": 0} == counts


def test_a_note_to_a_linter_is_no_explanation():
    """Silencing the linter does not say why everything is caught."""
    silenced = "try:\n    f()\nexcept Exception:  # noqa: BLE001\n    g()\n"
    explained = (
        "try:\n    f()\nexcept Exception:  # noqa: BLE001 - plugins may raise anything\n    g()\n"
    )
    passed_on = "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"

    assert [3] == unexplained_catches(silenced)
    assert [] == unexplained_catches(passed_on)
    assert [] == unexplained_catches(explained)
