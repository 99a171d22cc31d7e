"""The same word means different things in two departments, and both get their own documents."""

from __future__ import annotations

import pytest

from hybridllm import HybridLLM
from hybridllm.cli import main
from tests.leaks.setting import write_config
from tests.rag.flow.setting import question
from tests.support.server import RecordingServer

STORE = """
[organisation]
default_department = "manufacturing"
[vector_stores.handbook]
embedder = "none"
[vector_stores.handbook.glossaries]
all = "glossary.toml"
manufacturing = "manufacturing.toml"
cosmetics = "cosmetics.toml"
[vector_stores.handbook.sources.docs]
folder = "docs"
label = "public"
readers = ["public"]
"""
GLOSSARIES = {
    "glossary.toml": 'version = 1\nlabel = "public"\n[[terms]]\npreferred = "oil"\n'
    'definition = "A liquid that does not mix with water."\n',
    "manufacturing.toml": 'version = 1\nlabel = "public"\n[[terms]]\npreferred = "oil"\n'
    'synonyms = ["engine oil", "lubricant", "gear oil"]\n'
    'definition = "What keeps machines running."\n',
    "cosmetics.toml": 'version = 1\nlabel = "confidential"\n[[terms]]\npreferred = "oil"\n'
    'synonyms = ["argan oil", "jojoba oil"]\ndefinition = "What skin is cared for with."\n',
}
DOCUMENTS = {
    "machines.md": "# Machines\n\nChange the lubricant of the gearbox every 400 hours.\n",
    "skin.md": "# Skin\n\nArgan oil goes into every evening cream; jojoba suits the morning.\n",
}


@pytest.fixture
def servers(tmp_path):
    with RecordingServer(name="cloud") as cloud, RecordingServer(name="inside") as inside:
        write_config(tmp_path, cloud=cloud.port, on_premises=inside.port, more=STORE)
        for folder, files in ((tmp_path, GLOSSARIES), (tmp_path / "docs", DOCUMENTS)):
            folder.mkdir(exist_ok=True)
            for name, text in files.items():
                (folder / name).write_text(text, encoding="utf-8")
        (tmp_path / "departments").mkdir()
        for name in ("manufacturing", "cosmetics"):
            (tmp_path / "departments" / f"{name}.toml").write_text(
                "version = 1\n", encoding="utf-8"
            )
        file = tmp_path / "hybridllm.toml"
        assert 0 == main(["rag", "sync", "--config", str(file)])
        yield file, cloud, inside


def asked(file, department):
    with HybridLLM(config=file) as base:
        client = base.with_options(department=department, vector_store_ids=["handbook"])
        return client.chat.completions.create(
            model="assistant", messages=question("Which oil do we use?")
        )


def test_manufacturing_gets_its_lubricant(servers):
    """In the workshop, oil is what keeps machines running."""
    file, cloud, _ = servers

    reply = asked(file, "manufacturing")

    assert "docs/machines.md" in {item.document for item in reply.grounding.citations}
    assert b"What keeps machines running." in cloud.received
    assert b"argan oil" not in cloud.received


def test_cosmetics_gets_its_argan_oil_and_stays_inside(servers):
    """In cosmetics it is something else, and that meaning is confidential: the label joins."""
    file, cloud, inside = servers

    reply = asked(file, "cosmetics")

    assert "docs/skin.md" in {item.document for item in reply.grounding.citations}
    assert "on_premises" == reply.policy_decision.backend
    assert b"" == cloud.received
    assert b"argan oil" in inside.received
