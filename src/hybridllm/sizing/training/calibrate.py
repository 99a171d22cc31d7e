"""A framework profile of this machine, from one short measured step.

Answers: by how much does this machine's framework differ from its profile, and where is that kept?
Not here: the profiles (`sizing.training.profiles`).

`calibrate` calls a step that the caller gives and reads the peak before and after through two
functions, so it imports no framework itself. With torch: `torch.cuda.reset_peak_memory_stats` and
`torch.cuda.max_memory_allocated`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hybridllm.sizing.errors import FactsError
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.training.memory import training_memory
from hybridllm.sizing.training.profiles import FrameworkProfile, find_profile, with_measured
from hybridllm.sizing.training.run import TrainingRun

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """A measured step beside its prediction."""

    profile: FrameworkProfile
    predicted_bytes: int
    measured_bytes: int

    @property
    def error_percent(self) -> float:
        """How far the profile was off before, in percent of the measured peak."""
        return 100 * (self.predicted_bytes / self.measured_bytes - 1)


def calibrate(
    shape: ModelShape,
    *,
    run: TrainingRun,
    step: Callable[[], object],
    reset_peak: Callable[[], object],
    read_peak: Callable[[], int],
) -> Calibration:
    """Run one step, measure its peak and return the profile that meets it.

    The step should be the second of its kind: the first one allocates optimizer states after its
    peak.

    Raises:
        SizingError: Nothing was measured, or prediction and measurement differ by more than twice.
    """
    predicted = training_memory(shape, run=run)
    inside = sum(term.size_bytes for term in predicted.terms if term.name != "process")
    reset_peak()
    step()
    measured = int(read_peak())
    profile = with_measured(
        find_profile(run.framework), predicted_bytes=inside, measured_bytes=measured
    )
    return Calibration(profile, inside, measured)


def write_profile(calibration: Calibration, *, path: Path) -> None:
    """Keep a calibrated profile: what it started from, its factor and its band."""
    profile = calibration.profile
    document = {
        "format": _FORMAT,
        "framework": profile.name.removesuffix("-calibrated"),
        "reserved_ratio": profile.reserved_ratio,
        "error_band": profile.error_band,
        "predicted_bytes": calibration.predicted_bytes,
        "measured_bytes": calibration.measured_bytes,
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def read_profile(path: Path) -> FrameworkProfile:
    """Return a profile that `write_profile` kept.

    Raises:
        FactsError: The file is missing, is no profile, or is of another format.
        UnknownKindError: Its framework is not known.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        name, ratio = str(document["framework"]), float(document["reserved_ratio"])
        band, version = float(document["error_band"]), int(document["format"])
    except FileNotFoundError:
        raise FactsError(f"profile '{path.name}' does not exist.") from None
    except (ValueError, KeyError, TypeError):
        raise FactsError(f"'{path.name}' is no calibrated profile.") from None
    if version != _FORMAT or not 0.1 <= ratio <= 10 or not 0 < band <= 1:
        raise FactsError(f"'{path.name}' is of format {version} with values that are not possible.")
    return replace(
        find_profile(name),
        name=f"{name}-calibrated",
        reserved_ratio=ratio,
        error_band=band,
        fitted=f"calibrated, from {path.name}",
    )
