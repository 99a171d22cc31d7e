"""The published schema accepts what loads and says what the reference says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from hybridllm.cli.init import write_configuration
from hybridllm.config.schema import OrganisationFile
from hybridllm.policy.json_schema import json_schema
from hybridllm.policy.schema import DepartmentConfig
from tests.docs.pages import ROOT, pages, snippets
from tests.policy_tools.describing import DATA, data_text

ORGANISATION = json_schema(OrganisationFile, title="hybridllm.toml", part="organisation")
DEPARTMENT = json_schema(DepartmentConfig, title="departments/NAME.toml", part="department")


def faults(schema, tables):
    validator = jsonschema.Draft202012Validator(schema)
    return [error.json_path for error in validator.iter_errors(tables)]


@pytest.mark.parametrize("schema", [ORGANISATION, DEPARTMENT])
def test_the_schema_is_one(schema):
    """Editors and checkers can read it."""
    jsonschema.Draft202012Validator.check_schema(schema)

    assert "null" not in json.dumps(schema)


def test_the_descriptions_are_those_of_the_reference():
    """What an editor shows is what the page says; `describing.py` writes the file anew."""
    written = DATA.read_text(encoding="utf-8")

    assert data_text() == written, "run: python -m tests.policy_tools.describing"


@pytest.mark.parametrize("schema", [ORGANISATION, DEPARTMENT])
def test_every_key_has_a_description(schema):
    """Whoever completes a key reads what it does."""
    tables = [schema, *schema["$defs"].values()]
    silent = [
        f"{table.get('description', 'file')}: {name}"
        for table in tables
        for name, field in table.get("properties", {}).items()
        if "description" not in field and "$ref" not in field
        and table is not schema["$defs"].get("LabelTable")
    ]  # fmt: skip

    assert [] == silent


def test_the_files_of_init_are_valid(tmp_path):
    """A first configuration has no red line in an editor."""
    write_configuration(tmp_path, language="both", replace=False)
    organisation = (tmp_path / "hybridllm.toml").read_text(encoding="utf-8")
    department = (tmp_path / "departments" / "general.toml").read_text(encoding="utf-8")

    assert [] == faults(ORGANISATION, tomllib.loads(organisation))
    assert [] == faults(DEPARTMENT, tomllib.loads(department))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_departments_first_file_is_valid(language):
    """So is the file that `policy new` writes."""
    template = ROOT / f"src/hybridllm/cli/templates/department.{language}.toml"
    text = template.read_text(encoding="utf-8")
    text = text.replace("@model@\n", "").replace("@inside@", 'effect = "deny"')

    assert [] == faults(DEPARTMENT, tomllib.loads(text))


def whole_files():
    for page in pages():
        for snippet in snippets(page):
            tables = tomllib.loads(snippet.text) if snippet.language == "toml" else {}
            if "version" in tables and "terms" not in tables:  # a glossary has a check of its own
                yield f"{snippet.page}:{snippet.line}", tables


@pytest.mark.parametrize(("place", "tables"), [*whole_files()])
def test_files_that_pages_show_are_valid(place, tables):
    """An example of the documentation can be pasted without a red line."""
    schema = ORGANISATION if "backends" in tables else DEPARTMENT

    assert [] == faults(schema, tables), place


@pytest.mark.parametrize(
    ("tables", "path"),
    [
        ({"version": 2}, "$.version"),
        ({"version": 1, "rulez": []}, "$"),
        ({"version": 1, "rules": [{"name": "x", "then": {"deny": False}}]}, "$.rules[0].then"),
        ({"version": 1, "tests": [{"name": "x", "expect": {"effect": "maybe"}}]}, "$.tests[0]"),
        ({"version": 1, "default": 3}, "$.default"),
    ],
)
def test_mistakes_get_a_red_line(tables, path):
    """A wrong type or an unknown key is shown where it stands."""
    assert any(found.startswith(path) for found in faults(DEPARTMENT, tables))


def test_the_schemas_say_which_file_they_are_for():
    """Two schemas are not mixed up."""
    assert "hybridllm.toml" == ORGANISATION["title"]
    assert "departments/NAME.toml" == DEPARTMENT["title"]
    assert Path(DATA).is_file()
