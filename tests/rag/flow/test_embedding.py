"""A question's vector is asked for through the flow: embedding is egress like any other."""

from __future__ import annotations

import pytest

from hybridllm import HybridLLM
from hybridllm.cli import main
from tests.leaks.setting import write_config
from tests.rag.flow.setting import question
from tests.support import chat_shapes
from tests.support.behaviours import Status
from tests.support.server import RecordingServer

STORE = """
[vector_stores.handbook]
embedder = "model"
embedding_model = "assistant"
dimensions = {dimensions}
[vector_stores.handbook.markings]
confidential = "confidential"
[vector_stores.handbook.sources.docs]
folder = "docs"
label = "public"
readers = ["public"]
"""
OPEN = "# Canteen\n\nThe canteen opens at 11:30 and serves soup.\n"
SECRET = (
    "---\nclassification: confidential\n---\n# Pump\n\nThe pump Bluefinch fails at 412 degrees.\n"
)


@pytest.fixture
def firm(tmp_path):
    with RecordingServer(name="cloud") as cloud, RecordingServer(name="inside") as inside:
        dimensions = len(stub_vector())
        more = STORE.format(dimensions=dimensions)
        file = write_config(tmp_path, cloud=cloud.port, on_premises=inside.port, more=more)
        (tmp_path / "departments").mkdir()
        (tmp_path / "departments" / "sales.toml").write_text("version = 1\n", encoding="utf-8")
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "canteen.md").write_text(OPEN, encoding="utf-8")
        (tmp_path / "docs" / "pump.md").write_text(SECRET, encoding="utf-8")
        assert 0 == main(["rag", "sync", "--config", str(file)])
        yield file, cloud, inside


def stub_vector():
    return chat_shapes.embeddings({"model": "m", "input": "text"})["data"][0]["embedding"]


def embedded(server):
    return b"".join(
        request.body for request in server.requests if request.path.endswith("/embeddings")
    )


def test_passages_are_embedded_under_their_own_label(firm):
    """Reading in sends public passages where they may go, and confidential ones inside alone."""
    _, cloud, inside = firm

    assert b"canteen" in embedded(cloud)
    assert b"Bluefinch" not in cloud.received
    assert b"Bluefinch" in embedded(inside)


def test_a_confidential_question_is_embedded_inside(firm):
    """The vector of a question gives the question away, so it is asked for under its label."""
    file, cloud, inside = firm
    text = "社外秘: when does the canteen open for the Bluefinch team?"
    with HybridLLM(config=file) as base:
        client = base.with_options(vector_store_ids=["handbook"])
        client.chat.completions.create(model="assistant", messages=question(text))

    assert b"Bluefinch" not in cloud.received
    assert "社外秘".encode() in embedded(inside)


def test_where_embedding_is_refused_the_search_goes_on_by_words(firm):
    """Nothing is sent elsewhere, and the passage is found all the same."""
    file, cloud, inside = firm
    inside.behave(Status(503))
    before = len(cloud.requests)
    with HybridLLM(config=file) as base:
        client = base.with_options(label="confidential", max_retries=0)
        found = client.vector_stores.search("handbook", query="When does the canteen open?")

    assert "docs/canteen.md" in {item.file_id for item in found}
    assert before == len(cloud.requests)
