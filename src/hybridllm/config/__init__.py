"""Configuration: the only place that reads files and the environment, and wires everything."""

from hybridllm.config.stores import open_fingerprint_index
from hybridllm.config.wiring import Fakes, Wiring, open_config

__all__ = ["Fakes", "Wiring", "open_config", "open_fingerprint_index"]
