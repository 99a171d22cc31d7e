"""Margins that a fit decision adds, stated instead of an unexplained factor.

Answers: how much above the need must be free before "fits" is said?
Units: share of the need.

Serving keeps 3 %, the error that `docs/reference/sizing-accuracy.md` holds it to: with 5 % more
true fits were refused near the edge of a card, with 2 % the first false "fits" appeared. Training
adds the size of the framework profile's error: a third of its band, which is about one median error
of its source in `docs/reference/sizing-accuracy.md`, and 20 % where no framework is named.
"""

from __future__ import annotations

from typing import Final

from hybridllm.sizing.training.profiles import FrameworkProfile

SERVING_MARGIN: Final = 0.03
UNNAMED_MARGIN: Final = 0.20


def training_margin(profile: FrameworkProfile) -> float:
    """Return the margin for a training run under this profile."""
    return UNNAMED_MARGIN if profile.name == "plain" else round(profile.error_band / 3, 4)
