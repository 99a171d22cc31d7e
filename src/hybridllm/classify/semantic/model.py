"""The trained model, as a file.

Answers: what does a model hold, and is this file one, whole and unchanged?
Not here: training it (`training`), reading texts with it (`detector`).

The file is JSON with a digest over everything in it: damage and careless edits are
noticed. The digest has no key, so whoever may write the file may replace the model:
keep it where the configuration is kept. The weights were learnt from confidential
texts and tell something of their words, so the file is readable by its owner only.
"""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from hybridllm.classify.semantic.logistic import Weights
from hybridllm.classify.semantic.windows import OVERLAP_CHARACTERS
from hybridllm.errors import ConfigurationError

FORMAT: Final = "hybridllm-semantic-1"
_KIND: Final = re.compile(r"semantic\.[a-z0-9_]{1,40}")
_MAX_FILE_BYTES: Final = 64_000_000
_WINDOW_CHARACTERS: Final = range(OVERLAP_CHARACTERS + 1, 1_000_001)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the threshold was chosen, on texts that the classifier had not seen.

    Attributes:
        folds: Of the cross-validation.
        confidential: How many confidential texts there were.
        ordinary: How many ordinary ones.
        max_false_alarms: The rate that was asked for, of ordinary texts.
        false_alarms: Ordinary texts above the threshold.
        recognised: Confidential texts above it.
        area: Chance that a confidential text scores above an ordinary one (AUC).
    """

    folds: int
    confidential: int
    ordinary: int
    max_false_alarms: float
    false_alarms: int
    recognised: int
    area: float


@dataclass(frozen=True, slots=True)
class SemanticModel:
    """A linear classifier over an embedder's vectors, with its threshold.

    Attributes:
        kind: What it finds, `semantic.confidential` or another `semantic.*`.
        embedder: Name of the embedder that it was trained with.
        weights: Of the classifier.
        threshold: Log-odds above which a text counts as confidential.
        window_characters: Longest text that is judged at once.
        calibration: How the threshold was chosen.
    """

    kind: str
    embedder: str
    weights: Weights
    threshold: float
    window_characters: int
    calibration: Calibration

    @property
    def digest(self) -> str:
        """SHA-256 over everything in the model, 64 hexadecimal digits."""
        return _digest(_document(self))

    def save(self, path: Path | str) -> None:
        """Write the model to a file, whole or not at all."""
        document = _document(self)
        text = json.dumps({**document, "digest": _digest(document)}, ensure_ascii=False)
        target = Path(path)
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)

    def __repr__(self) -> str:
        return f"SemanticModel(kind={self.kind!r}, embedder={self.embedder!r})"


def load_model(path: Path | str) -> SemanticModel:
    """Return the model in a file.

    Raises:
        ConfigurationError: It cannot be read, or is no whole model.
    """
    name = Path(path).name
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=name) from None
    try:
        document = json.loads(data[:_MAX_FILE_BYTES])
        digest, found_format = document.pop("digest"), document.pop("format")
        model = _model(document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ConfigurationError("is no semantic model; train it again", file=name) from None
    if found_format != FORMAT:
        raise ConfigurationError(f"is no model of format {FORMAT}", file=name)
    if digest != model.digest:
        raise ConfigurationError("was damaged or edited; train it again", file=name)
    return model


def check_kind(kind: str) -> str:
    """Return a kind if it may be one of the semantic stage.

    Raises:
        ConfigurationError: It is none.
    """
    if not _KIND.fullmatch(kind):
        raise ConfigurationError(
            "the kind must be 'semantic.' and 1 to 40 of a-z, 0-9 and _,"
            " such as semantic.confidential"
        )
    return kind


def _document(model: SemanticModel) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": model.kind,
        "embedder": model.embedder,
        "window_characters": model.window_characters,
        "threshold": model.threshold,
        "calibration": asdict(model.calibration),
        "bias": model.weights.bias,
        "weights": list(model.weights.values),
    }


def _model(document: dict[str, Any]) -> SemanticModel:
    """Return the model that a document describes, every number checked.

    Raises:
        ValueError, TypeError, KeyError, ConfigurationError: It describes none.
    """
    numbers = [document["threshold"], document["bias"], *document["weights"]]
    if not all(type(number) is float and math.isfinite(number) for number in numbers):
        raise ValueError("a number is missing")
    if document["window_characters"] not in _WINDOW_CHARACTERS:
        raise ValueError("window_characters is out of bounds")
    return SemanticModel(
        kind=check_kind(document["kind"]),
        embedder=str(document["embedder"]),
        weights=Weights(tuple(document["weights"]), document["bias"]),
        threshold=document["threshold"],
        window_characters=document["window_characters"],
        calibration=Calibration(**document["calibration"]),
    )


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("ascii")).hexdigest()
