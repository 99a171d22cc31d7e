"""The shape of a language model: which layers it has and how wide they are.

Answers: what is this model made of, layer kind by layer kind?
Not here: reading a shape from files (`sizing.from_config`), bytes (`sizing.weights`,
`sizing.kv_cache`).

Units: plain counts of heads, elements and layers.
Sources: Ainslie et al. 2023 (grouped-query attention); DeepSeek-V2 2024, section 2.1 (latent
attention); Yang et al. 2024 (gated delta); Dao and Gu 2024 (Mamba-2).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from hybridllm.sizing.errors import FactsError, require_count
from hybridllm.sizing.quantisation import Quantisation


@dataclass(frozen=True, slots=True)
class FullAttention:
    """Softmax attention with grouped key-value heads, over everything or over a sliding window."""

    heads: int
    kv_heads: int
    head_dim: int
    value_head_dim: int = 0  # 0: as head_dim
    window: int | None = None  # tokens a sliding layer can see; None: all
    output_gate: bool = False  # Qwen3-Next and Qwen3.5: q_proj is twice as wide
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: bool = False
    sinks: bool = False  # gpt-oss: one learned logit per head
    value_is_key: bool = False  # Gemma 4: global layers have no projection for values
    softcap: bool = False  # Gemma 2: attention logits pass through tanh

    @property
    def value_dim(self) -> int:
        """Width of one value head."""
        return self.value_head_dim or self.head_dim


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention (MLA): one compressed vector per token for all heads."""

    heads: int
    kv_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    q_rank: int | None = None
    index_heads: int = 0  # DeepSeek sparse attention: the indexer that picks tokens
    index_dim: int = 0


@dataclass(frozen=True, slots=True)
class GatedDelta:
    """Linear attention with a gated delta rule: a fixed state instead of a growing cache."""

    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    conv_kernel: int


@dataclass(frozen=True, slots=True)
class Mamba2:
    """A Mamba-2 state-space layer: a fixed state of `heads * head_dim * state`."""

    heads: int
    head_dim: int
    state: int
    groups: int
    conv_kernel: int

    @property
    def inner(self) -> int:
        """Width of the layer inside."""
        return self.heads * self.head_dim


@dataclass(frozen=True, slots=True)
class NoMixer:
    """A layer that mixes no tokens (the feed-forward layers of Nemotron-H)."""


Mixer = FullAttention | LatentAttention | GatedDelta | Mamba2 | NoMixer


@dataclass(frozen=True, slots=True)
class FeedForward:
    """The multilayer perceptron of a layer; `intermediate` 0 means that there is none."""

    intermediate: int
    gated: bool = True
    bias: bool = False


@dataclass(frozen=True, slots=True)
class MixtureOfExperts:
    """Routed experts: all of them are resident, `experts_per_token` of them work."""

    experts: int
    experts_per_token: int
    intermediate: int
    shared_intermediate: int = 0
    gated: bool = True
    bias: bool = False
    shared_gate: bool = False  # Qwen: one more row that weighs the shared expert


@dataclass(frozen=True, slots=True)
class Layers:
    """A number of equal layers."""

    count: int
    mixer: Mixer
    feed_forward: FeedForward | MixtureOfExperts
    norms: int = 2  # of hidden size
    norm_bias: bool = False


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Everything about a model that decides how much memory it needs."""

    name: str
    hidden: int
    vocab: int
    layers: tuple[Layers, ...]
    tied_embeddings: bool = False
    head_bias: bool = False
    max_position: int = 0
    extra_parameters: int = 0  # vision tower, projector: kept in 16 bit, not sharded
    draft_layers: int = 0  # multi-token prediction layers in the checkpoint
    dtype: str = "bf16"
    quantisation: Quantisation = field(default_factory=Quantisation)
    parallel_residual: bool = False
    source: str = "declared"
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_count(self.hidden, name="hidden", least=1)
        require_count(self.vocab, name="vocab", least=1)
        if not self.layers:
            raise FactsError(f"{self.name}: a model without layers has no size.")
        for group in self.layers:
            require_count(group.count, name="layers", least=1)

    @property
    def layer_count(self) -> int:
        """Number of layers of all kinds."""
        return sum(group.count for group in self.layers)

    @property
    def intermediate(self) -> int:
        """Widest feed-forward that one token uses (experts at work and shared, summed)."""
        return max(active_intermediate(group) for group in self.layers)

    @property
    def format_label(self) -> str:
        """Number format of the weights, as people name it."""
        label = self.quantisation.label
        return self.dtype if label == "none" else label

    def with_quantisation(self, quantisation: Quantisation) -> ModelShape:
        """Return the same model in another number format."""
        return replace(self, quantisation=quantisation)


def active_intermediate(group: Layers) -> int:
    """Return the feed-forward width that one token uses in these layers."""
    block = group.feed_forward
    if isinstance(block, FeedForward):
        return block.intermediate
    return block.experts_per_token * block.intermediate + block.shared_intermediate


def dense_shape(
    name: str,
    *,
    layers: int,
    hidden: int,
    heads: int,
    kv_heads: int,
    intermediate: int,
    vocab: int,
    head_dim: int = 0,
    tied_embeddings: bool = False,
    norm: Literal["rms", "ln"] = "rms",
    max_position: int = 0,
) -> ModelShape:
    """Return a declared shape of the plain decoder that most models are.

    Raises:
        SizingError: A count is negative or zero.
    """
    for label, value in (("layers", layers), ("heads", heads), ("kv_heads", kv_heads)):
        require_count(value, name=label, least=1)
    mixer = FullAttention(heads, kv_heads, head_dim or hidden // heads)
    group = Layers(layers, mixer, FeedForward(intermediate), norm_bias=norm == "ln")
    return ModelShape(
        name,
        hidden=hidden,
        vocab=vocab,
        layers=(group,),
        tied_embeddings=tied_embeddings,
        max_position=max_position,
    )
