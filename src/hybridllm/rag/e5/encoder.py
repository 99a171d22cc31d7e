"""The encoder of BERT, in numpy.

Answers: which vector does the model give for these word pieces?
Not here: weights (`weights`), pieces (`pieces`), what a vector is used for.

The pieces of all texts of a batch stand below each other, so each matrix is multiplied once
for all; only attention is computed text by text, and no padding is needed.
Source: Devlin et al. 2019 ("BERT"); GELU by its tanh form (Hendrycks and Gimpel 2016),
whose error of 0.0003 is far below that of weights of 4 bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from hybridllm.rag.e5.weights import dequantised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hybridllm.rag.e5.weights import Weights

    Array = NDArray[np.float32]

_GELU: Final = math.sqrt(2 / math.pi)
_GELU_CUBE: Final = 0.044715


class Encoder:
    """A model that is ready to compute. Safe to use from any thread."""

    def __init__(self, weights: Weights) -> None:
        self._width, self._heads = weights.width, weights.heads
        self._epsilon = weights.epsilon
        self._words = weights.blocks("emb.word", columns=self._width)
        self._positions = weights.vector("emb.pos").reshape(-1, self._width)
        self._positions = self._positions + weights.vector("emb.type")[: self._width]
        self._norm = (weights.vector("emb.ln.w"), weights.vector("emb.ln.b"))
        self._layers = [_Layer(weights, number=number) for number in range(weights.layers)]

    def means(self, texts: Sequence[Sequence[int]]) -> Array:
        """Return the mean of the last layer for each text.

        Args:
            texts: Numbers of pieces, with those that begin and end a text; none is empty.
        """
        stops = np.cumsum([len(text) for text in texts]).tolist()
        bounds = list(zip([0, *stops[:-1]], stops, strict=True))
        values = dequantised(self._words[np.concatenate([np.array(text) for text in texts])])
        for start, stop in bounds:
            values[start:stop] += self._positions[: stop - start]
        values = self._normed(values, norm=self._norm)
        for layer in self._layers:
            mixed = self._attended(layer, values=values, bounds=bounds)
            values = self._normed(values + mixed, norm=layer.norm_attention)
            inner = _gelu(values @ layer.inner.T + layer.inner_bias)
            values = self._normed(
                values + (inner @ layer.outer.T + layer.outer_bias), norm=layer.norm_outer
            )
        return np.stack([values[start:stop].mean(axis=0) for start, stop in bounds])

    def _attended(
        self, layer: _Layer, *, values: Array, bounds: Sequence[tuple[int, int]]
    ) -> Array:
        together = values @ layer.attention.T + layer.attention_bias
        size = self._width // self._heads
        mixed = np.empty_like(values)
        for start, stop in bounds:
            # Three of [heads, pieces, size]: queries, keys and values.
            parts = together[start:stop].reshape(-1, 3, self._heads, size).transpose(1, 2, 0, 3)
            scores = (parts[0] * np.float32(size**-0.5)) @ parts[1].transpose(0, 2, 1)
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            mixed[start:stop] = (scores @ parts[2]).transpose(1, 0, 2).reshape(stop - start, -1)
        result: Array = mixed @ layer.output.T + layer.output_bias
        return result

    def _normed(self, values: Array, *, norm: tuple[Array, Array]) -> Array:
        values -= values.mean(axis=-1, keepdims=True)
        variance = np.einsum("ij,ij->i", values, values)[:, None] / np.float32(self._width)
        values *= norm[0] / np.sqrt(variance + np.float32(self._epsilon))
        values += norm[1]
        return values


class _Layer:
    """The matrices of one layer."""

    def __init__(self, weights: Weights, *, number: int) -> None:
        def matrix(name: str, *, columns: int = weights.width) -> Array:
            return weights.matrix(f"l{number}.{name}.w", columns=columns)

        def vector(name: str) -> Array:
            return weights.vector(f"l{number}.{name}")

        self.attention = np.concatenate([matrix(name) for name in "qkv"])
        self.attention_bias = np.concatenate([vector(f"{name}.b") for name in "qkv"])
        self.output, self.output_bias = matrix("ao"), vector("ao.b")
        self.norm_attention = (vector("aln.w"), vector("aln.b"))
        self.inner, self.inner_bias = matrix("fi"), vector("fi.b")
        self.outer = matrix("fo", columns=weights.inner_width)
        self.outer_bias = vector("fo.b")
        self.norm_outer = (vector("oln.w"), vector("oln.b"))


def _gelu(values: Array) -> Array:
    cubed = values * values
    cubed *= values
    cubed *= np.float32(_GELU_CUBE)
    cubed += values
    cubed *= np.float32(_GELU)
    np.tanh(cubed, out=cubed)
    cubed += 1
    cubed *= values
    cubed *= np.float32(0.5)
    return cubed
