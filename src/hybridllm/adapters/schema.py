"""The manifest and the other documents of a registry, as files.

Answers: is this JSON a manifest, a state or an alias, and how is one written?
Not here: what they mean (`adapters.manifest`), when they are written (`adapters.registry`).

Unknown keys are refused, and so are numbers that are not finite: what nobody understands
must not be ignored in a file that says who may use what.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from hybridllm.adapters.contents import CONTENT, WEIGHTS
from hybridllm.adapters.manifest import (
    BaseId,
    Canary,
    Facts,
    FileDigest,
    Licence,
    LoraFacts,
    Manifest,
    Metrics,
    TrainingData,
    content_digest,
)  # fmt: skip
from hybridllm.adapters.names import is_name, is_version
from hybridllm.errors import StoreError

MOST_DOCUMENT_BYTES: Final = 4 * 2**20

_STRICT: Final = ConfigDict(
    extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
)
Document = TypeVar("Document", bound=BaseModel)


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError("is no name of an adapter")
    return text


def _version(text: str) -> str:
    if not is_version(text):
        raise ValueError("is no name of a version")
    return text


Name = Annotated[str, AfterValidator(_name)]
Version = Annotated[str, AfterValidator(_version)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(max_length=4096)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Positive = Annotated[int, Field(gt=0, lt=2**63)]
Time = Annotated[str, Field(max_length=40)]


class _Document(BaseModel):
    model_config = _STRICT


class FileEntry(_Document):
    """One file."""

    sha256: Sha256
    size_bytes: Count


class BaseEntry(_Document):
    """The base model."""

    id: Text
    revision: Text = ""
    names: tuple[Text, ...] = ()
    weights_sha256: Sha256
    tokenizer_sha256: Sha256
    template_sha256: Sha256 | None
    architecture: Text


class LoraEntry(_Document):
    """The kind of LoRA."""

    rank: Positive
    alpha: float
    target_modules: tuple[Text, ...]
    dtype: Text
    use_dora: bool
    use_rslora: bool
    tensors: Positive
    parameters: Positive


class DataEntry(_Document):
    """The training data."""

    level: Text
    compartments: tuple[Text, ...] = ()
    sha256: Sha256 | None = None
    rows: Count | None = None


class LicenceEntry(_Document):
    """The licence."""

    id: Text
    base: Text
    notices: tuple[Text, ...] = ()


class MetricsEntry(_Document):
    """What was measured."""

    domain_before: float
    domain_after: float
    domain_rows: Count
    general_before: float
    general_after: float
    general_rows: Count
    engine: Text = ""


class CanaryEntry(_Document):
    """A prompt that shows an effect."""

    prompt: Text
    base_token: Text
    adapter_token: Text
    logprob: float


class ManifestFile(_Document):
    """`manifest.json`."""

    format: Literal[1]
    name: Name
    content_sha256: Sha256
    created: Time
    files: dict[Text, FileEntry]
    base: BaseEntry
    lora: LoraEntry
    data: DataEntry
    licence: LicenceEntry
    departments: tuple[Text, ...]
    metrics: MetricsEntry | None = None
    canary: CanaryEntry | None = None


class ReasonEntry(_Document):
    """One reason."""

    code: Text
    message: Text
    place: Text = ""


class StateFile(_Document):
    """`states/VERSION.json`: the last verification."""

    format: Literal[1] = 1
    content_sha256: Sha256
    manifest_sha256: Sha256
    verified: bool
    at: Time
    engine: Text = ""
    reasons: tuple[ReasonEntry, ...] = ()


class Promotion(_Document):
    """One version that an alias was moved to."""

    version: Version
    content_sha256: Sha256
    at: Time
    by: Text
    gate: tuple[Text, ...] = ()


class Event(_Document):
    """One move of an alias."""

    action: Literal["promote", "rollback"]
    version: Version
    at: Time
    by: Text


class AliasFile(_Document):
    """`aliases/ALIAS.json`: the last promotion is where the alias points."""

    format: Literal[1] = 1
    promotions: Annotated[tuple[Promotion, ...], Field(min_length=1)]
    events: tuple[Event, ...] = ()


class RevocationFile(_Document):
    """`revoked/SHA256.json`: these weights must never serve again, under any name."""

    format: Literal[1] = 1
    version: Version
    weights_sha256: Sha256
    at: Time
    by: Text


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest that stands in a file.

    Raises:
        ValueError: It is none; with the key that is wrong.
    """
    read = parse(data, shape=ManifestFile)
    files = {name: FileDigest(entry.sha256, entry.size_bytes) for name, entry in read.files.items()}
    if not {WEIGHTS} <= files.keys() <= set(CONTENT):
        raise ValueError("files: names files that no adapter has, or not its weights")
    if read.content_sha256 != content_digest(files):
        raise ValueError("content_sha256: does not match the digests of the files")
    facts = Facts(
        base=BaseId(**read.base.model_dump()),
        data=TrainingData(**read.data.model_dump()),
        licence=Licence(**read.licence.model_dump()),
        departments=read.departments,
        metrics=Metrics(**read.metrics.model_dump()) if read.metrics else None,
        canary=Canary(**read.canary.model_dump()) if read.canary else None,
    )
    lora = LoraFacts(**read.lora.model_dump())
    return Manifest(read.name, read.content_sha256, read.created, files, lora, facts)


def write_manifest(manifest: Manifest) -> bytes:
    """Return the file of a manifest. The same manifest gives the same bytes.

    Raises:
        ValueError: It would not be read again.
    """
    plain = dataclasses.asdict(manifest)
    facts = plain.pop("facts")
    data = (
        json.dumps({"format": 1, **plain, **facts}, ensure_ascii=False, indent=1, sort_keys=True)
        + "\n"
    ).encode()
    read_manifest(data)
    return data


def parse(data: bytes, *, shape: type[Document]) -> Document:
    """Return a document.

    Raises:
        ValueError: It is none; with the key that is wrong, never with its value.
    """
    if len(data) > MOST_DOCUMENT_BYTES:
        raise ValueError(f"is larger than {MOST_DOCUMENT_BYTES} bytes")
    try:
        return shape.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step)[:80] for step in first["loc"])
        raise ValueError(f"{place or 'file'}: {first['msg']}") from None


def render(document: BaseModel) -> bytes:
    """Return the file of a document."""
    return (document.model_dump_json(indent=1) + "\n").encode()


def parse_own(data: bytes, *, shape: type[Document], shown: str) -> Document:
    """Return a document that the registry itself wrote.

    Raises:
        StoreError: It is damaged.
    """
    try:
        return parse(data, shape=shape)
    except ValueError as error:
        raise StoreError(f"{shown} in the registry is damaged ({error})") from None
