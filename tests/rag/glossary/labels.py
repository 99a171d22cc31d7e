"""Labels for the tests of glossaries."""

from __future__ import annotations

from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["formula"])
PUBLIC = SCALE.label("public")
INTERNAL = SCALE.label("internal")
CONFIDENTIAL = SCALE.label("confidential")
