"""Embedding is egress: where texts go is decided like for any request."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hybridllm import HybridLLM, PolicyDeniedError
from hybridllm.rag.embedding import ClientEmbedder
from hybridllm.rag.retrieval import Retriever
from tests.model.clients import SECRET, configure
from tests.rag.store.documents import access, document, passages, store_in


class FakeClient:
    """Answers with vectors of the text's length, last text first."""

    def __init__(self, *, models=("m",), wrong=None):
        self.embeddings = self
        self.calls = []
        self._models, self._wrong = models, wrong

    def create(self, *, input, **options):
        """Return a reply of the SDK's shape."""
        self.calls.append((input, options))
        data = [
            SimpleNamespace(index=index, embedding=[float(len(text)), 1.0])
            for index, text in enumerate(input)
        ]
        model = self._models[min(len(self.calls), len(self._models)) - 1]
        return SimpleNamespace(data=data[::-1] if self._wrong is None else self._wrong, model=model)


@pytest.fixture
def client(tmp_path, cloud, on_premises):
    """A real client of the sales department."""
    with HybridLLM(config=configure(tmp_path, cloud=cloud, local=on_premises)) as opened:
        yield opened.with_options(department="sales")


def test_a_confidential_passage_is_not_embedded_in_the_cloud(client, cloud, on_premises):
    """A vector gives its text away, so the text decides where it may be computed."""
    size = len(client.embeddings.create(model="assistant", input=["x"]).data[0].embedding)
    received = len(cloud.received)
    embedder = ClientEmbedder(client, model="assistant", dimensions=size)

    vectors = embedder.embed_passages([SECRET])

    assert size == len(vectors[0])
    assert received == len(cloud.received)
    assert b"Kestrel-4711" in on_premises.received


def test_a_question_that_may_go_nowhere_is_denied(client, cloud):
    """A denial is not turned into a search without vectors."""
    embedder = ClientEmbedder(client, model="cloudy", dimensions=2)

    with pytest.raises(PolicyDeniedError):
        embedder.embed_queries([SECRET])
    assert b"" == cloud.received


def test_questions_and_passages_get_their_prefixes_in_batches():
    """Models of the E5 family get what they were trained with."""
    client = FakeClient()
    embedder = ClientEmbedder(
        client, model="e5", dimensions=2, query_prefix="query: ", passage_prefix="p: ", batch=2
    )

    queries = embedder.embed_queries(["oil"])
    found = embedder.embed_passages(["a", "bb", "ccc"])

    assert [[10.0, 1.0]] == queries
    assert [[4.0, 1.0], [5.0, 1.0], [6.0, 1.0]] == found
    assert [["query: oil"], ["p: a", "p: bb"], ["p: ccc"]] == [texts for texts, _ in client.calls]
    assert [] == embedder.embed_passages([])


def test_dimensions_are_asked_for_only_if_wanted():
    """An endpoint that doesn't know the parameter isn't sent it."""
    client = FakeClient()

    ClientEmbedder(client, model="m", dimensions=2).embed_queries(["x"])
    ClientEmbedder(client, model="m", dimensions=2, asks_dimensions=True).embed_queries(["x"])

    assert [False, True] == ["dimensions" in options for _, options in client.calls]


@pytest.mark.parametrize(
    "wrong",
    [
        [SimpleNamespace(index=0, embedding=[1.0])],
        [SimpleNamespace(index=1, embedding=[1.0, 1.0])],
        [],
    ],
)
def test_vectors_that_were_not_asked_for_are_refused(wrong):
    """A broken endpoint is noticed before its vectors are stored."""
    embedder = ClientEmbedder(FakeClient(wrong=wrong), model="m", dimensions=2)

    with pytest.raises(ValueError, match="vector"):
        embedder.embed_queries(["x"])


def test_two_models_behind_one_alias_are_refused():
    """Vectors of two models are not mixed in one store."""
    embedder = ClientEmbedder(FakeClient(models=("big", "small")), model="m", dimensions=2)
    embedder.embed_queries(["x"])

    with pytest.raises(ValueError, match="cannot be compared"):
        embedder.embed_queries(["y"])


def test_the_name_tells_embedders_apart():
    """A store that was built with other prefixes is not searched by mistake."""
    client = FakeClient()
    kinds = [
        ClientEmbedder(client, model="m", dimensions=2),
        ClientEmbedder(client, model="m", dimensions=3),
        ClientEmbedder(client, model="m", dimensions=2, query_prefix="query: "),
    ]

    assert 3 == len({embedder.name for embedder in kinds})


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"dimensions": 0}])
def test_sizes_out_of_range_are_refused(wrong):
    """A configuration error stops the start."""
    with pytest.raises(ValueError, match="at least 1"):
        ClientEmbedder(FakeClient(), model="m", **{"dimensions": 2, **wrong})


def test_a_question_is_compared_by_its_vector(tmp_path):
    """A passage without a word in common is found by its meaning."""
    store = store_in(tmp_path, dimensions=2)
    embedder = ClientEmbedder(FakeClient(), model="m", dimensions=2)
    with store.begin_sync("files") as run:
        for name, text in {"short": "x", "long": "x" * 500}.items():
            item = document(name, text=text)
            vectors = embedder.embed_passages([text])
            run.put(item, passages=passages(item, texts=[text]), vectors=vectors)
        run.commit()

    asked = Retriever(store, embedder=embedder).retrieve("y" * 400, access=access())
    given = Retriever(store).retrieve("y", access=access(), vector=(400.0, 1.0))

    assert "x" * 500 == asked.hits[0].passage.text
    assert "x" * 500 == given.hits[0].passage.text
    store.close()
