"""Providers and local servers as rows of data.

Answers: what differs between servers that speak the OpenAI API?
Not here: speaking it (`backends.openai_compatible`). There is no code per vendor.

Sources: the OpenAI API reference for paths and `store`; for the local servers
their own documentation (vLLM 0.32, SGLang, llama.cpp server, Ollama, NVIDIA NIM 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_BASIC = frozenset({"chat.completions", "embeddings"})
_NO_RESPONSES = _BASIC | {"completions"}
_EVERY = _NO_RESPONSES | {"responses"}


@dataclass(frozen=True, slots=True)
class Provider:
    """What is particular about one kind of server.

    Attributes:
        name: As the configuration writes it.
        base_url: Where it is if the configuration does not say.
        endpoints: Operations that it serves.
        defaults: By endpoint, fields that are sent unless the caller sets them.
        key_header: Header that carries the key.
        key_prefix: What stands before the key in it.
        health_path: Below the base URL; answers without any content.
        is_local_engine: Whether it understands the extra fields of local engines.
    """

    name: str
    base_url: str | None = None
    endpoints: frozenset[str] = _BASIC
    defaults: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    health_path: str = "models"
    is_local_engine: bool = False


_KEEP_NOTHING = MappingProxyType(
    {"chat.completions": {"store": False}, "responses": {"store": False}}
)

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        row.name: row
        for row in (
            Provider("openai_compatible"),
            Provider(
                "openai",
                base_url="https://api.openai.com/v1",
                endpoints=_EVERY | {"responses.input_tokens"},
                defaults=_KEEP_NOTHING,
            ),
            Provider(
                "azure_openai",
                endpoints=_EVERY,
                defaults=_KEEP_NOTHING,
                key_header="api-key",
                key_prefix="",
            ),
            Provider("vllm", "http://127.0.0.1:8000/v1", _EVERY, is_local_engine=True),
            Provider("sglang", "http://127.0.0.1:30000/v1", _NO_RESPONSES, is_local_engine=True),
            Provider(
                "llama_server", "http://127.0.0.1:8080/v1", _NO_RESPONSES, is_local_engine=True
            ),
            Provider("ollama", "http://127.0.0.1:11434/v1", _NO_RESPONSES, is_local_engine=True),
            Provider("nim", "http://127.0.0.1:8000/v1", _NO_RESPONSES, is_local_engine=True),
        )
    }
)
