"""The reference pages say all that the code says, and nothing else."""

from __future__ import annotations

import argparse
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel, RootModel
from pydantic_core import PydanticUndefined

from hybridllm.backends.providers import PROVIDERS
from hybridllm.cli import status
from hybridllm.config.schema import OrganisationFile
from hybridllm.policy.schema import DepartmentConfig, LabelTable

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CONFIGURATION = REFERENCE / "configuration.md"
CLI = REFERENCE / "cli.md"
VERBS = ("init", "check", "ask", "explain", "doctor", "audit", "engine")

# Where the default depends on other settings, the page says on which.
SAID_IN_WORDS = {
    "none", "always", "as the model says", "all that the provider serves", "the provider's",
    "the organisation's",
}  # fmt: skip
PLACEHOLDERS = {
    "backends": "NAME",
    "models": "ALIAS",
    "sources": "SOURCE",
    "vector_stores": "NAME",
}


def part(title):
    """Return the rows below one of the two main headings: key -> cells."""
    text = CONFIGURATION.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2]
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text.partition("\n## ")[0], flags=re.MULTILINE)
    return {key: [cell.strip() for cell in cells.split(" | ")] for key, cells in rows}


def model_in(annotation):
    """Return the table that a field holds, alone, in a list or in a dictionary."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [model_in(argument) for argument in getattr(annotation, "__args__", ())]
    return next((model for model in inner if model is not None), None)


def fields(model, prefix=""):
    """Yield every key below a table, as the page writes it, with its field."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        key = f"{prefix}{name}"
        if inner is None or inner is LabelTable or issubclass(inner, RootModel):
            yield key, field
            continue
        kind = str(field.annotation)
        if "list[" in kind:
            if name != "rules":
                yield key, field
            yield from fields(inner, f"{key}[].")
        elif "dict[" in kind:
            yield from fields(inner, f"{key}.{PLACEHOLDERS[name]}.")
        else:
            if name in {"when", "then"}:
                yield key, field
            yield from fields(inner, f"{key}.")


ORGANISATION = dict(fields(OrganisationFile))
DEPARTMENT = {name: DepartmentConfig.model_fields[name] for name in DepartmentConfig.model_fields}


@pytest.mark.parametrize(
    ("title", "known"),
    [("hybridllm.toml", ORGANISATION), ("departments/NAME.toml", DEPARTMENT)],
)
def test_every_key_of_the_files_is_described(title, known):
    """A key that the page does not name is a key that nobody finds; the reverse is a lie."""
    assert sorted(known) == sorted(part(title))


@pytest.mark.parametrize(
    ("title", "known"),
    [("hybridllm.toml", ORGANISATION), ("departments/NAME.toml", DEPARTMENT)],
)
def test_every_default_is_the_real_one(title, known):
    """Whoever leaves a key out gets what the page says."""
    wrong = {}
    for key, (_, shown, _, _) in part(title).items():
        default = known[key].get_default(call_default_factory=True)
        if default is PydanticUndefined:
            expected = {"required"}
        elif default is None or isinstance(default, BaseModel):
            expected = SAID_IN_WORDS
        else:
            expected = {f"`{toml(default)}`"}
        if shown not in expected:
            wrong[key] = (shown, expected)

    assert {} == wrong


def toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize("title", ["hybridllm.toml", "departments/NAME.toml"])
def test_every_example_is_toml_and_sets_its_key(title):
    """An example can be copied as it stands."""
    for key, (*_, example) in part(title).items():
        text = "\n".join(re.findall(r"`([^`]+)`", example))
        tables = tomllib.loads(text)
        last = re.split(r"[.\[]", key.removesuffix("[]"))[-1]

        assert tables, key
        assert last in text or key == "findings", key


def test_every_provider_is_named_on_both_pages():
    """A provider that no page names cannot be chosen."""
    how_to = REFERENCE.parent / "how-to" / "connect-an-on-premises-engine.md"
    guide = how_to.read_text(encoding="utf-8")
    page = CONFIGURATION.read_text(encoding="utf-8")

    assert [] == [name for name in PROVIDERS if f"`{name}`" not in page]
    for name, provider in PROVIDERS.items():
        if provider.is_local_engine:
            assert f"`{name}` | `{provider.base_url}`" in guide


def options(parser):
    """Yield every option and argument of a parser and of its own verbs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from options(inner)
        else:
            yield from (name for name in action.option_strings if name.startswith("--"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_described(verb):
    """What `--help` offers is on the page, in the verb's own part or among the shared ones."""
    parser = argparse.ArgumentParser()
    import_module(f"hybridllm.cli.{verb}").register(parser.add_subparsers())
    page = CLI.read_text(encoding="utf-8")
    shared = page.partition("## Options that several verbs have")[2].partition("\n## ")[0]
    own = page.partition(f"\n## `hybridllm {verb}")[2].partition("\n## ")[0]

    assert own
    wanted = set(options(parser)) - {"--help"}
    assert [] == [name for name in sorted(wanted) if f"`{name}" not in shared + own]


def test_every_exit_status_is_described():
    """A script's author finds each number."""
    numbers = {value for name, value in vars(status).items() if name.isupper() and "_" != name[0]}
    page = CLI.read_text(encoding="utf-8")

    assert [] == [n for n in numbers if isinstance(n, int) and f"\n| {n} |" not in page]
