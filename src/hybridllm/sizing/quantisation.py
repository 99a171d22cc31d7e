"""Bits that one weight takes in each number format, scales and zero points included.

Answers: how many bytes do `n` weights take in format `f`, and which tensors of a model are in it?
Not here: which tensors a model has (`sizing.weights`), reading a checkpoint's own table
(`sizing.checkpoint`).

Units: bits per weight.
Sources: GPTQ and AWQ store one 16-bit scale and one zero point of the weight's width per group;
bitsandbytes NF4 stores an fp32 absmax per 64 weights, or 8 bit plus an fp32 per 256 blocks when
quantised twice (Dettmers et al. 2023, section 3: saves 0.373 bits); OCP MX 1.0: 8-bit scale per 32;
NVFP4: 8-bit scale per 16; ggml block layouts: ggml-common.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hybridllm.sizing.errors import UnknownKindError, nearest

FLOAT_BITS: Final = {"fp32": 32.0, "fp16": 16.0, "bf16": 16.0, "fp8": 8.0, "int8": 8.0}

_FIXED_BITS: Final = {
    **FLOAT_BITS,
    "nf4": 4.5,  # 4 + 32/64
    "nf4-dq": 4 + 8 / 64 + 32 / (64 * 256),  # 4.127
    "fp4": 4.5,
    "fp4-dq": 4 + 8 / 64 + 32 / (64 * 256),
    "bnb-int8": 8.03,  # one fp32 scale per output row; 16-bit outliers appear while running
    "fp8": 8.01,  # one fp32 scale per output channel
    "fp8-block": 8 + 32 / (128 * 128),
    "mxfp4": 4.25,
    "nvfp4": 4.5,
}
GGUF_BITS: Final = {
    "q4_0": 4.5,
    "q4_1": 5.0,
    "q5_0": 5.5,
    "q5_1": 6.0,
    "q8_0": 8.5,
    "q2_k": 2.625,
    "q3_k": 3.4375,
    "q4_k": 4.5,
    "q5_k": 5.5,
    "q6_k": 6.5625,
    "iq4_nl": 4.5,
    "iq4_xs": 4.25,
    "iq3_s": 3.4375,
    "iq3_xxs": 3.0625,
    "iq2_s": 2.5625,
    "iq2_xs": 2.3125,
    "iq2_xxs": 2.0625,
    "iq1_s": 1.5625,
    "iq1_m": 1.75,
}
# Mixes vary tensor by tensor; these stand in until the file's own table is read.
_GGUF_MIX_BITS: Final = {
    "q4_k_m": 4.85,
    "q4_k_s": 4.58,
    "q5_k_m": 5.69,
    "q5_k_s": 5.54,
    "q3_k_m": 3.91,
}
_GROUPED: Final = {"gptq-int4": 4, "awq": 4, "int4": 4, "gptq-int8": 8, "gptq-int3": 3}

LINEAR_ROLES: Final = ("attention", "mlp", "expert", "shared_expert", "linear_attention")


@dataclass(frozen=True, slots=True)
class Quantisation:
    """Number format of each role of tensor; roles that are not named keep the model's dtype."""

    formats: tuple[tuple[str, str], ...] = ()  # (role, format)
    group_size: int = 128  # 0: one scale per output row
    exact_bits: tuple[
        tuple[str, float], ...
    ] = ()  # (role, bits) as a checkpoint's own table counts them

    @property
    def label(self) -> str:
        """The formats in use, as people name them."""
        if self.exact_bits and not self.formats:
            return "as in the checkpoint"
        return "+".join(sorted({name for _, name in self.formats})) or "none"

    def bits(self, role: str, *, dtype: str) -> float:
        """Return bits per weight of tensors with this role."""
        for known, bits in self.exact_bits:
            if known == role:
                return bits
        for known, name in self.formats:
            if known == role:
                return bits_per_weight(name, group_size=self.group_size)
        return bits_per_weight(dtype)


def quantise(name: str | None, *, group_size: int = 128) -> Quantisation:
    """Return the usual tensor choice of a format: every linear layer inside the blocks.

    MXFP4 as released covers the experts alone; GGUF files quantise embeddings and head too.
    Embeddings, head, norms and routers stay as they are otherwise.

    Raises:
        UnknownKindError: The format is not known.
    """
    if name in (None, "", "none", "bf16", "fp16"):
        return Quantisation()
    lowered = str(name).lower()
    bits_per_weight(lowered, group_size=group_size)
    roles: tuple[str, ...] = LINEAR_ROLES
    if lowered == "mxfp4":
        roles = ("expert",)
    elif lowered in GGUF_BITS or lowered in _GGUF_MIX_BITS:
        roles = (*LINEAR_ROLES, "embedding", "head")
    return Quantisation(tuple((role, lowered) for role in roles), group_size)


def bits_per_weight(name: str, *, group_size: int = 128) -> float:
    """Return the bits of one weight in a named format, overheads included.

    Args:
        name: `bf16`, `nf4`, `awq`, `gptq-int4`, `fp8-block`, `mxfp4`, a GGUF type as `q4_k`.
        group_size: Weights that share one scale in GPTQ and AWQ; 0 means a whole row.

    Raises:
        UnknownKindError: The format is not known.

    Check: GPTQ 4 bit, groups of 128 -> 4.15625 (GPTQ-for-LLaMa measured 4.15); NF4 quantised twice
    -> 4.127.
    """
    lowered = name.lower()
    if lowered in _GROUPED:
        width = _GROUPED[lowered]
        return width + (16 + width) / group_size if group_size > 0 else width + 0.01
    for table in (_FIXED_BITS, GGUF_BITS, _GGUF_MIX_BITS):
        if lowered in table:
            return table[lowered]
    allowed = (*_FIXED_BITS, *_GROUPED, *GGUF_BITS, *_GGUF_MIX_BITS)
    raise UnknownKindError(
        f"number format '{name}' is not known; expected one of {', '.join(sorted(allowed))}."
        f"{nearest(name, allowed=allowed)}"
    )
