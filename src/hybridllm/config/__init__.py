"""Configuration: the only place that reads files and the environment, and wires everything."""

from hybridllm.config.wiring import Wiring, open_config

__all__ = ["Wiring", "open_config"]
