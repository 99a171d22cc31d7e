"""Activations that a backward pass needs, counted as the tensors that autograd keeps.

Answers: how many bytes does one token leave behind in one layer, with these settings?
Not here: weights, states and the peak over a step (`sizing.training.memory`).

Units: bytes per token.
Sources: Korthikanti et al. 2022, section 4.1 (which operations keep what; explicit attention maps
add several bytes per head and token pair); the frameworks' own modules, named in
`data/frameworks.toml`. An operation keeps what its derivative reads: a linear layer keeps its input
only when its weight is trained, `silu(gate) * up` keeps all three factors, flash attention keeps q,
k, v and its output, dropout keeps a one-byte mask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hybridllm.sizing.shape import (
    FeedForward,
    FullAttention,
    GatedDelta,
    LatentAttention,
    Layers,
    Mamba2,
    MixtureOfExperts,
    ModelShape,
)
from hybridllm.sizing.training.profiles import FrameworkProfile
from hybridllm.sizing.training.run import TrainingRun


@dataclass(frozen=True, slots=True)
class Saving:
    """What decides which tensors are kept: the run, the framework, what is trained."""

    run: TrainingRun
    profile: FrameworkProfile

    @property
    def trained(self) -> bool:
        """Whether base weights get gradients, so that their inputs are kept."""
        return self.run.method == "full"

    @property
    def dropout(self) -> float:
        """Dropout in front of adapters."""
        given = self.run.lora.dropout
        return self.profile.lora_dropout if given is None else given

    @property
    def lora_input_bytes(self) -> int:
        """Width of what an adapter keeps of its input."""
        if self.run.lora.adapter_bytes == 2:
            return 2
        return self.profile.lora_input_bytes

    @property
    def keeps_4bit_input(self) -> bool:
        """Whether quantised layers keep their input although their weight is frozen."""
        return self.run.method == "qlora" and self.profile.fourbit_keeps_input

    def has_adapter(self, *targets: str) -> bool:
        """Return whether any of these matrices has an adapter."""
        named = self.run.lora.targets
        wanted = (*targets, "qkv") if set(targets) & {"q", "k", "v"} else targets
        return self.run.method != "full" and any(target in named for target in wanted)


def layer_bytes(group: Layers, *, shape: ModelShape, saving: Saving) -> float:
    """Return the bytes that one token keeps in one layer when nothing is recomputed."""
    ranks = saving.run.tensor_parallel_size
    parallel = saving.run.sequence_parallel
    residual = _norms(group, shape, saving) / (ranks if parallel else 1)
    mixer = _mixer(group, shape.hidden, saving)
    feed = _feed_forward(group, shape.hidden, saving)
    return residual + (mixer + feed) / ranks + _fourbit_inputs(group, shape, saving)


def checkpoint_bytes(shape: ModelShape, *, saving: Saving) -> float:
    """Return what one token keeps per layer under full recomputation: the 16-bit input."""
    if saving.run.offload_activations or saving.profile.offloads_checkpoints:
        return 0.0
    return (
        2.0
        * shape.hidden
        / (saving.run.tensor_parallel_size if saving.run.sequence_parallel else 1)
    )


def final_norm_bytes(shape: ModelShape, *, saving: Saving) -> float:
    """Return what the norm before the head keeps of one token."""
    last = replace(shape.layers[-1], norms=1)
    return _norms(last, shape, saving)


def _norms(group: Layers, shape: ModelShape, saving: Saving) -> float:
    profile, hidden = saving.profile, shape.hidden
    if group.norm_bias:  # LayerNorm keeps its input; parallel branches share it
        kept = 2.0 * hidden * (1 if shape.parallel_residual else group.norms)
    else:
        width = 2 if saving.run.compiled else profile.norm_bytes
        kept = float(width * hidden * group.norms)
        if saving.trained and not saving.run.compiled:
            kept += profile.norm_trainable_bytes * hidden * group.norms
    return kept


def _mixer(group: Layers, hidden: int, saving: Saving) -> float:
    mixer = group.mixer
    if isinstance(mixer, FullAttention):
        return _attention(mixer, hidden, saving)
    if isinstance(mixer, LatentAttention):
        head = mixer.nope_dim + mixer.rope_dim
        kept = 2.0 * mixer.heads * (2 * head + 2 * mixer.value_dim)
        kept += 2.0 * (mixer.kv_rank + mixer.rope_dim + (mixer.q_rank or 0))
        return kept + (2.0 * hidden if saving.trained else 0.0) + 4 * mixer.heads
    if isinstance(mixer, GatedDelta):
        keys, values = mixer.key_heads * mixer.key_dim, mixer.value_heads * mixer.value_dim
        kept = 2.0 * (2 * (2 * keys + values) + 3 * values) + 8 * mixer.value_heads
        return kept + (2.0 * hidden if saving.trained else 0.0)
    if isinstance(mixer, Mamba2):
        width = mixer.inner + 2 * mixer.groups * mixer.state
        return 2.0 * (2 * width + 3 * mixer.inner) + (2.0 * hidden if saving.trained else 0.0)
    return 0.0


def _attention(mixer: FullAttention, hidden: int, saving: Saving) -> float:
    profile = saving.profile
    query = mixer.heads * mixer.head_dim
    key, value = mixer.kv_heads * mixer.head_dim, mixer.kv_heads * mixer.value_dim
    expanded = profile.kv_expanded and mixer.kv_heads != mixer.heads
    held_key = query if expanded else key
    held_value = mixer.heads * mixer.value_dim if expanded else value
    if profile.qkv_is_one_tensor and not expanded:
        held_value = query + key + value  # v is a view: the whole projection stays
    out = mixer.heads * mixer.value_dim
    kept = 2.0 * (query + held_key + held_value + out) + 4.0 * mixer.heads
    kept += _scores(mixer, saving)
    if saving.trained:
        kept += (
            2.0 * hidden
        )  # one normed input for q, k and v; o_proj reads what attention keeps anyway
    else:
        kept += _adapter_inputs(("q", "k", "v"), hidden, saving, fused=profile.lora_fused_qkv)
        kept += _adapter_inputs(("o",), out, saving, shared=True)
        if profile.lora_index_copy and saving.has_adapter("q", "k", "v"):
            kept += _index_copy(query, key, value, saving)
    return kept


def _scores(mixer: FullAttention, saving: Saving) -> float:
    """Attention maps of the explicit path: fp32 softmax, its 16-bit copy, tanh when capped."""
    explicit = not saving.run.flash_attention or (
        mixer.softcap and saving.profile.softcap_is_explicit
    )
    each = 6.0 + (2.0 if mixer.softcap else 0.0)
    return each * mixer.heads * saving.run.sequence_tokens if explicit else 0.0


def _index_copy(query: int, key: int, value: int, saving: Saving) -> float:
    named = saving.run.lora.targets
    chosen = [
        width for target, width in (("q", query), ("k", key), ("v", value)) if target in named
    ]
    return 0.0 if "qkv" in named or len(chosen) == 3 else 2.0 * sum(chosen)


def _feed_forward(group: Layers, hidden: int, saving: Saving) -> float:
    block = group.feed_forward
    if isinstance(block, FeedForward):
        return (
            _dense(block.intermediate, hidden, saving, gated=block.gated)
            if block.intermediate
            else 0.0
        )
    routed = block.experts_per_token * _dense(
        block.intermediate, hidden, saving, gated=block.gated, routed=True
    )
    shared = (
        _dense(block.shared_intermediate, hidden, saving, gated=block.gated)
        if block.shared_intermediate
        else 0.0
    )
    return routed + shared + _routing(block, hidden)


def _routing(block: MixtureOfExperts, hidden: int) -> float:
    """Router logits and probabilities in fp32, and each expert's gathered input and output."""
    return 8.0 * block.experts + 4.0 * block.experts_per_token * hidden


def _dense(width: int, hidden: int, saving: Saving, *, gated: bool, routed: bool = False) -> float:
    tensors = min(3, saving.profile.mlp_tensors if not saving.run.compiled else 2)
    kept = 2.0 * width * (tensors if gated else 1)
    if saving.trained:  # down_proj keeps its input, and so do gate and up together
        return kept + 2.0 * width + (0.0 if routed else 2.0 * hidden)
    names = ("gate", "up") if gated else ("up",)
    kept += _adapter_inputs(names, hidden, saving, shared=routed)
    recomputed = tensors == 2 and gated  # the compiler makes the product again
    return kept + _adapter_inputs(("down",), width, saving, shared=recomputed)


def _adapter_inputs(
    targets: tuple[str, ...],
    width: int,
    saving: Saving,
    *,
    fused: bool = False,
    shared: bool = False,
) -> float:
    """Return what the adapters of matrices that read one input keep of it.

    Without dropout they share one copy (none, when another operation keeps it already); with
    dropout each keeps its own dropped copy and a mask.
    """
    with_adapter = [target for target in targets if saving.has_adapter(target)]
    if not with_adapter:
        return 0.0
    each = float(saving.lora_input_bytes * width)
    count = 1 if fused else len(with_adapter)
    inner = 2.0 * saving.run.lora.rank * len(with_adapter)
    if saving.dropout > 0:
        return count * (each + width) + inner
    if saving.lora_input_bytes == 2:
        return (0.0 if shared else each) + inner
    return count * each + inner


def _fourbit_inputs(group: Layers, shape: ModelShape, saving: Saving) -> float:
    """Inputs that 4-bit layers keep: normed hidden states, once per branch, and inner values.

    They hang on the graph's nodes, not on saved variables, so those of the step before stay alive
    while its loss is. A run that meets its longest sample first has no such step before it.
    """
    if not saving.keeps_4bit_input:
        return 0.0
    branches = 1 if shape.parallel_residual and group.norms == 1 else 2
    block = group.feed_forward
    inner = (
        block.intermediate
        if isinstance(block, FeedForward)
        else block.experts_per_token * block.intermediate
    )
    steps = 1 if saving.run.longest_first else saving.profile.fourbit_input_steps
    return 2.0 * steps * (branches * shape.hidden + inner)
