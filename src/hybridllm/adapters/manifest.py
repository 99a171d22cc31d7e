"""What is known of one version of an adapter.

Answers: which bytes, for which base model, from which data, under which licence, for whom?
Not here: the file it is kept in (`adapters.schema`), whether it may serve (`adapters.registry`).

A manifest never changes. What changes with time (verified, promoted, revoked) is kept
beside it, so that a signature covers all of the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from hybridllm.adapters.contents import WEIGHTS

EVERYBODY = "*"


class Status(StrEnum):
    """How far a version has come."""

    IMPORTED = "imported"
    VERIFIED = "verified"
    PROMOTED = "promoted"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a version."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BaseId:
    """Which model an adapter was trained on, told by digests and not by its name.

    Attributes:
        id: What the organisation calls it, such as `llm-jp/llm-jp-4-8b-instruct`.
        revision: Its commit; empty if it has none.
        names: Further names of the same model, such as the path of a trainer.
        weights_sha256: Of all weight files.
        tokenizer_sha256: Of the files that make tokens.
        template_sha256: Of the chat template; `None` if it has none.
        architecture: First of `architectures` in its `config.json`.
    """

    id: str
    weights_sha256: str
    tokenizer_sha256: str
    template_sha256: str | None
    architecture: str
    revision: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoraFacts:
    """What kind of LoRA it is.

    Attributes:
        alpha: Numerator of the scale; the scale is `alpha / rank`, or `alpha / sqrt(rank)`
            for rsLoRA.
        dtype: Format of its numbers, as in safetensors.
        tensors: Count of tensors.
        parameters: Count of numbers.
    """

    rank: int
    alpha: float
    target_modules: tuple[str, ...]
    dtype: str
    use_dora: bool
    use_rslora: bool
    tensors: int
    parameters: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What it was trained on. The adapter is as sensitive as the most sensitive row.

    Attributes:
        level: Name of the label's level.
        compartments: Of the label.
        sha256: Of the training set, if that is known.
        rows: Count of rows, if that is known.
    """

    level: str
    compartments: tuple[str, ...] = ()
    sha256: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Licence:
    """Under which terms it may be used.

    Attributes:
        id: Of the adapter.
        base: Of the base model; an adapter inherits it.
        notices: Texts that must be shown, such as "Built with Llama".
    """

    id: str
    base: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metrics:
    """Loss before and after training, on the task and on general text, in nats per token."""

    domain_before: float
    domain_after: float
    domain_rows: int
    general_before: float
    general_after: float
    general_rows: int
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Canary:
    """A prompt whose first token shows whether the adapter has an effect.

    Attributes:
        prompt: A fixed text; it is shown nowhere.
        base_token: First token of the base model.
        adapter_token: First token with the adapter.
        logprob: Of `adapter_token`, with the adapter.
    """

    prompt: str = field(repr=False)
    base_token: str = field(repr=False)
    adapter_token: str = field(repr=False)
    logprob: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What the importer knows of an adapter, and its files do not say.

    Attributes:
        departments: Who may use it; `*` is everybody, none is nobody.
    """

    base: BaseId
    data: TrainingData
    licence: Licence
    departments: tuple[str, ...] = ()
    metrics: Metrics | None = None
    canary: Canary | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known of one version; it never changes."""

    name: str
    content_sha256: str
    created: str
    files: Mapping[str, FileDigest]
    lora: LoraFacts
    facts: Facts

    @property
    def weights_sha256(self) -> str:
        """The digest of the file with the numbers."""
        return self.files[WEIGHTS].sha256


def content_digest(files: Mapping[str, FileDigest]) -> str:
    """Return the SHA-256 of a version: over the names and digests of its files."""
    lines = "".join(f"{name}\0{files[name].sha256}\n" for name in sorted(files))
    return sha256(lines.encode()).hexdigest()
