"""A model in this process turns texts into vectors."""

import base64
import json
import math
import struct

import openai
import pytest

pytest.importorskip("torch")

import torch
from openai.types import CreateEmbeddingResponse
from transformers import BertConfig, BertModel

from tests.engine import tiny
from tests.engine.asking import ask, chat, raw

pytestmark = pytest.mark.local


def bert(folder):
    """Write a tiny embedding model in the layout of sentence-transformers."""
    tokenizer = tiny.tokenizer()
    tokenizer.model_max_length = 32
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=34,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    kinds = ["Transformer", "Pooling", "Normalize"]
    modules = [{"idx": i, "type": f"sentence_transformers.models.{k}"} for i, k in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    return folder


def test_embeddings_are_pooled_as_the_model_says(new_backend, tmp_path):
    """Vectors do not depend on what else is in the batch, and have length 1."""
    backend = new_backend(model_path=bert(tmp_path))
    texts = ["三月の請求書", "report", "a longer text about an invoice"]
    body = {"model": "tiny", "input": texts}

    reply = raw(backend, body, path="embeddings")
    packed = ask(backend, body | {"encoding_format": "base64"}, path="embeddings")

    read = CreateEmbeddingResponse.model_validate_json(reply.body, strict=True)
    for place, text in enumerate(texts):
        alone = ask(backend, body | {"input": text}, path="embeddings")["data"][0]["embedding"]
        assert pytest.approx(alone, abs=1e-5) == read.data[place].embedding
        assert pytest.approx(1.0, abs=1e-5) == math.hypot(*alone)
        raw_bytes = base64.b64decode(packed["data"][place]["embedding"])
        assert pytest.approx(alone, abs=1e-5) == list(struct.unpack("<32f", raw_bytes))
    with pytest.raises(openai.BadRequestError):
        ask(backend, chat("Hello"))
    with pytest.raises(openai.BadRequestError) as caught:
        ask(backend, body | {"input": "long " * 40}, path="embeddings")
    assert "context_length_exceeded" == caught.value.code


def test_a_model_that_writes_does_not_embed_unless_told_how(new_backend):
    """No vector is made up; declaring the pooling makes a language model embed."""
    plain = new_backend()
    pooling = new_backend(pooling="last")
    body = {"model": "tiny", "input": "Hello"}

    with pytest.raises(openai.BadRequestError):
        ask(plain, body, path="embeddings")

    assert 64 == len(ask(pooling, body, path="embeddings")["data"][0]["embedding"])
