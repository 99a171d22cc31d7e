"""Configuration: the only place that reads files and the environment, and wires everything."""

from hybridllm.config.identity import Directory
from hybridllm.config.reload import Reloader
from hybridllm.config.revision import PolicyState
from hybridllm.config.start import Wiring, open_config
from hybridllm.config.stores import open_fingerprint_index
from hybridllm.config.wiring import Fakes

__all__ = [
    "Directory",
    "Fakes",
    "PolicyState",
    "Reloader",
    "Wiring",
    "open_config",
    "open_fingerprint_index",
]
