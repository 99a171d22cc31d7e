"""What is in force for a department, with the origin of each line."""

from __future__ import annotations

import re
import tomllib

import pytest

from hybridllm.cli.init import write_configuration
from hybridllm.cli.policy_opening import open_policy
from hybridllm.policy.tools.effective import effective_lines

LEGAL = """\
version = 1
default = "confidential"

[findings]
"personal.name" = { level = "restricted", compartments = ["personal"] }

[[rules]]
name = "Disputes stay inside"
when = { purposes = ["dispute"] }
then = { forbid_places = ["cloud"] }
"""
SALES_RULE = """
[[rules]]
name = "Sales asks no embeddings"
when = { departments = ["general"], endpoints = ["embeddings"] }
then = { deny = true }
"""


@pytest.fixture
def opened(tmp_path):
    write_configuration(tmp_path, language="en", replace=False)
    file = tmp_path / "hybridllm.toml"
    file.write_text(file.read_text(encoding="utf-8") + SALES_RULE, encoding="utf-8")
    (tmp_path / "departments" / "legal.toml").write_text(LEGAL, encoding="utf-8")
    return open_policy(str(tmp_path))


def test_every_origin_leads_to_a_line(opened):
    """File and key of each line are really there."""
    lines = effective_lines(opened.policy, department="legal")

    for line in lines:
        file, _, key = line.origin.partition(": ")
        if file == "built in":
            continue
        node = tomllib.loads((opened.folder / file).read_text(encoding="utf-8"))
        for step in re.findall(r'"[^"]+"|\w+|\[\d+\]', key):
            node = node[int(step[1:-1])] if step.startswith("[") else node[step.strip('"')]

        assert node


def test_both_files_are_one_list(opened):
    """The owner sees what the organisation says and what the department adds."""
    lines = effective_lines(opened.policy, department="legal")

    texts = {(line.section, line.name, line.value) for line in lines}
    assert ("label", "starts at", "internal") in texts
    assert ("label", "raised to", "confidential") in texts
    assert ("findings", "personal.name", "joined to restricted (personal)") in texts
    assert (
        "rules",
        "Disputes stay inside",
        "no cloud backend; when: purpose: dispute",
    ) in texts


def test_rules_of_other_departments_are_left_out(opened):
    """A rule that can never apply to the department is not in force for it."""
    legal = {line.name for line in effective_lines(opened.policy, department="legal")}
    general = {line.name for line in effective_lines(opened.policy, department="general")}

    assert "Sales asks no embeddings" not in legal
    assert "Sales asks no embeddings" in general
    assert "Disputes stay inside" not in general
