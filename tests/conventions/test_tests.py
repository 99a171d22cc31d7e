"""The tests read like a specification."""

import ast

from tests.conventions.tree import ROOT, code_files, functions, relative, syntax


def test_every_test_says_what_a_user_gains():
    """The name of a test is its claim; the docstring says it in the user's words."""
    silent = [
        f"{relative(path)}::{name}"
        for path in code_files()
        if path.is_relative_to(ROOT / "tests") and path.name.startswith("test_")
        for name, function in functions(syntax(path))
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]

    assert [] == silent
