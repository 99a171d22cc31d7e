"""May this adapter serve on this model and this engine?

Answers: everything that is wrong with an adapter, before it is loaded.
Not here: whether it has an effect on a running engine (its canary, on the host), who may
use it (the policy), keeping it (`adapters.registry`).

An adapter that does nothing, or something else, is no error to the engines: of 26 damaged and
foreign ones PEFT refuses 8 and warns of 6. So all of these checks run, and none relies on
the engine. Damaged input gives reasons, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Final

from hybridllm.adapters.base import Skeleton
from hybridllm.adapters.contents import CONTENT, MANIFEST, SIGNATURE, WEIGHTS, check_contents
from hybridllm.adapters.digests import file_sha256
from hybridllm.adapters.engines import EngineRules, check_engine
from hybridllm.adapters.errors import DamagedError
from hybridllm.adapters.lora import LoraConfig, read_config
from hybridllm.adapters.manifest import BaseId, FileDigest, LoraFacts, Manifest
from hybridllm.adapters.reasons import Reason, Reasons, quoted
from hybridllm.adapters.tensor_file import TensorFacts, read_header
from hybridllm.adapters.tensors import Pair, check_modules, check_numbers, check_pairs, pair_up

ALLOWED: Final = frozenset({*CONTENT, MANIFEST, SIGNATURE})


def verify(
    folder: Path,
    *,
    manifest: Manifest,
    skeleton: Skeleton,
    engine: EngineRules | None = None,
) -> tuple[Reason, ...]:
    """Return everything that is wrong with an adapter; nothing if it may serve.

    Args:
        folder: The adapter's files.
        manifest: What they must be.
        skeleton: The running model.
        engine: The rules of the engine that is to serve it, beside those of all.
    """
    reasons = Reasons()
    try:
        reasons.take(check_contents(folder, allowed=ALLOWED))
        _check_files(folder, files=manifest.files, reasons=reasons)
        reasons.take(check_base(manifest.facts.base, running=skeleton.id))
        config, wrong = read_config(folder)
        reasons.take(wrong)
        tensors = _read_tensors(folder / WEIGHTS, reasons)
        if config is not None:
            _check_facts(config, tensors, manifest=manifest, reasons=reasons)
            _check_tensors(
                folder / WEIGHTS, tensors, config=config, skeleton=skeleton, reasons=reasons
            )
            if engine is not None:
                _check_engine(config, tensors, skeleton=skeleton, rules=engine, reasons=reasons)
    except Exception as error:  # a boundary: a check that fails is no permission
        text = f"a check failed ({type(error).__name__})"
        reasons.add("check_failed", message=text)
    return reasons.all()


def check_base(trained_on: BaseId, *, running: BaseId) -> tuple[Reason, ...]:
    """Return how the model that runs differs from the one that the adapter was trained on."""
    compared = (
        ("base_weights", "weights", trained_on.weights_sha256, running.weights_sha256),
        ("base_tokenizer", "tokenizer", trained_on.tokenizer_sha256, running.tokenizer_sha256),
        ("base_template", "chat template", trained_on.template_sha256, running.template_sha256),
        ("base_architecture", "architecture", trained_on.architecture, running.architecture),
        ("base_id", "name", trained_on.id, running.id),
    )
    return tuple(
        Reason(code, f"it was trained on a model with another {what}")
        for code, what, expected, found in compared
        if expected != found
    )


def inspect(folder: Path) -> tuple[LoraFacts | None, tuple[Reason, ...]]:
    """Return what the files of an adapter say of it, and what is wrong without any model."""
    reasons = Reasons()
    config, wrong = read_config(folder)
    reasons.take(wrong)
    tensors = _read_tensors(folder / WEIGHTS, reasons)
    if config is None or tensors is None:
        return None, reasons.all()
    pairs = pair_up(tensors, reasons=reasons)
    check_pairs(pairs, config=config, reasons=reasons)
    return _facts(config, tensors), reasons.all()


def digests(folder: Path, *, names: tuple[str, ...] = CONTENT) -> dict[str, FileDigest]:
    """Return the digests of those files that are there.

    Raises:
        OSError: One cannot be read.
    """
    paths = [folder / name for name in names if (folder / name).is_file()]
    return {path.name: FileDigest(file_sha256(path), path.stat().st_size) for path in paths}


def _check_files(folder: Path, *, files: Mapping[str, FileDigest], reasons: Reasons) -> None:
    try:
        found = digests(folder)
    except OSError as error:
        text = f"a file cannot be read ({error.strerror})"
        reasons.add("file_unreadable", message=text)
        return
    for name in sorted(files.keys() | found.keys()):
        if files.get(name) != found.get(name):
            what = "is missing" if name not in found else "is not the one of the manifest"
            reasons.add("file_digest", message=f"this file {what}", place=name)


def _read_tensors(path: Path, reasons: Reasons) -> tuple[TensorFacts, ...] | None:
    try:
        return read_header(path)
    except DamagedError as error:
        reasons.take((error.reason,))
    except OSError as error:
        text = f"it cannot be read ({error.strerror})"
        reasons.add("file_missing", message=text, place=path.name)
    return None


def _facts(config: LoraConfig, tensors: tuple[TensorFacts, ...]) -> LoraFacts:
    return LoraFacts(
        rank=config.rank,
        alpha=config.alpha,
        target_modules=config.targets,
        dtype=tensors[0].dtype if tensors else "",
        use_dora=False,
        use_rslora=config.use_rslora,
        tensors=len(tensors),
        parameters=sum(prod(tensor.shape) for tensor in tensors),
    )


def _check_facts(
    config: LoraConfig,
    tensors: tuple[TensorFacts, ...] | None,
    *,
    manifest: Manifest,
    reasons: Reasons,
) -> None:
    base = manifest.facts.base
    if config.base_name not in {base.id, *base.names}:
        text = f"its configuration names another base model: {quoted(config.base_name)}"
        reasons.add("base_id", message=text)
    found = _facts(config, tensors or ())
    if tensors is None:  # what is not known of a damaged file is not compared
        found = replace(
            found,
            dtype=manifest.lora.dtype,
            tensors=manifest.lora.tensors,
            parameters=manifest.lora.parameters,
        )
    for name in ("rank", "alpha", "target_modules", "dtype", "use_rslora", "tensors", "parameters"):
        if getattr(found, name) != getattr(manifest.lora, name):
            text = f"{name} is not what the manifest says"
            reasons.add("lora_facts", message=text, place=name)


def _check_tensors(
    path: Path,
    tensors: tuple[TensorFacts, ...] | None,
    *,
    config: LoraConfig,
    skeleton: Skeleton,
    reasons: Reasons,
) -> None:
    if tensors is None:
        return
    pairs = pair_up(tensors, reasons=reasons)
    check_pairs(pairs, config=config, reasons=reasons)
    check_modules(pairs, config=config, skeleton=skeleton, reasons=reasons)
    try:
        check_numbers(path, pairs=pairs, reasons=reasons)
    except OSError as error:
        text = f"it cannot be read ({error.strerror})"
        reasons.add("file_unreadable", message=text, place=path.name)


def _check_engine(
    config: LoraConfig,
    tensors: tuple[TensorFacts, ...] | None,
    *,
    skeleton: Skeleton,
    rules: EngineRules,
    reasons: Reasons,
) -> None:
    pairs: dict[str, Pair] = pair_up(tensors or (), reasons=Reasons())
    known = {name: skeleton.modules[name] for name in pairs if name in skeleton.modules}
    embeddings = {name for name, module in known.items() if module.is_embedding}
    reasons.take(check_engine(config, modules=known.keys(), embeddings=embeddings, rules=rules))
