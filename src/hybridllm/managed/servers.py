"""Servers as rows of data.

Answers: which command starts each server, how is it given its key, and what does it call its
numbers?
Not here: running it (`managed.supervisor`), how many GPUs it takes (`sizing`).

Each server is told to keep nothing of one request for the next: what it has read is shared
between departments otherwise, and the time that an answer takes would tell of it.
Sources: vLLM 0.32 (engine arguments, metrics), SGLang (server arguments, production metrics) and
llama.cpp (server README). vLLM's shapes were recorded; the other two are from their pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hybridllm.errors import ConfigurationError, expected_one_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a server shall do.

    Attributes:
        model: Folder, file, or the name that the server knows.
        served_name: How clients call it.
        host: Where it listens.
        port: On which port.
        flags: Further arguments, such as those of a plan.
        shares_prefixes: Whether what was read for one request may serve all others.
    """

    model: str
    served_name: str
    host: str
    port: int
    flags: tuple[str, ...] = ()
    shares_prefixes: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What a server calls its numbers; the first name that it shows counts."""

    running: tuple[str, ...]
    waiting: tuple[str, ...]
    kv_usage: tuple[str, ...]
    prompt_tokens: tuple[str, ...]
    generated_tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """What is particular about one server.

    Attributes:
        name: As the command line calls it.
        provider: As `hybridllm.toml` calls it.
        command: Starts it, without arguments.
        arguments: Returns the arguments for a wish and a file with the key.
        key_file: Returns what that file holds, for a key.
        key_variable: Variable that hands it the key; empty: the file does.
        environment: Further variables.
        names: Of its metrics.
    """

    name: str
    provider: str
    command: tuple[str, ...]
    arguments: Callable[[Wanted, Path], list[str]]
    key_file: Callable[[str], str]
    key_variable: str
    environment: Mapping[str, str]
    names: Names


def server(name: str) -> Server:
    """Return the server of a name.

    Raises:
        ConfigurationError: There is no such server.
    """
    if name not in SERVERS:
        raise ConfigurationError(f"the server {expected_one_of(name, allowed=SERVERS)}")
    return SERVERS[name]


def command_line(
    kind: Server, *, wanted: Wanted, key_file: Path, command: tuple[str, ...] = ()
) -> list[str]:
    """Return the words that start a server.

    Args:
        kind: Which one.
        wanted: What it shall do.
        key_file: Holds its key.
        command: In the place of the usual one, such as another interpreter.
    """
    words = list(command or kind.command)
    arguments = kind.arguments(wanted, key_file)
    if kind.name == "vllm" and words[-1] != "serve":  # its module takes the model as an option
        arguments = ["--model", *arguments]
    return [*words, *arguments]


def _plain_key(key: str) -> str:
    return f"{key}\n"


def _sglang_key(key: str) -> str:
    # A key is letters, digits, dashes and underscores; in quotes it is YAML and JSON at once.
    return f'api-key: "{key}"\n'


def _vllm(wanted: Wanted, _: Path) -> list[str]:
    return [
        wanted.model,
        *_address(wanted),
        *("--served-model-name", wanted.served_name),
        *wanted.flags,
        "--enable-prefix-caching" if wanted.shares_prefixes else "--no-enable-prefix-caching",
        "--disable-uvicorn-access-log",
    ]


def _sglang(wanted: Wanted, key_file: Path) -> list[str]:
    return [
        *("--config", str(key_file), "--model-path", wanted.model),
        *_address(wanted),
        *("--served-model-name", wanted.served_name),
        "--enable-metrics",
        *wanted.flags,
        *(() if wanted.shares_prefixes else ("--disable-radix-cache",)),
    ]


def _llama(wanted: Wanted, key_file: Path) -> list[str]:
    sharing = ("--cache-prompt",) if wanted.shares_prefixes else ("--no-cache-prompt",)
    return [
        *("-m", wanted.model),
        *_address(wanted),
        *("--alias", wanted.served_name, "--api-key-file", str(key_file), "--metrics"),
        "--no-slots",  # would show the texts in work
        *wanted.flags,
        *sharing,
        *(() if wanted.shares_prefixes else ("--cache-ram", "0")),
    ]


def _address(wanted: Wanted) -> tuple[str, ...]:
    return ("--host", wanted.host, "--port", str(wanted.port))


_QUIET = MappingProxyType({
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
    # A server whose parent shows every line it writes keeps requests out of them.
    "VLLM_LOGGING_LEVEL": "INFO",
})  # fmt: skip

SERVERS: Mapping[str, Server] = MappingProxyType({
    row.name: row
    for row in (
        Server(
            "vllm", "vllm", ("vllm", "serve"), _vllm, _plain_key, "VLLM_API_KEY", _QUIET,
            Names(
                running=("vllm:num_requests_running",),
                waiting=("vllm:num_requests_waiting",),
                kv_usage=("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
                prompt_tokens=("vllm:prompt_tokens_total",),
                generated_tokens=("vllm:generation_tokens_total",),
            ),
        ),
        Server(
            "sglang", "sglang", ("python", "-m", "sglang.launch_server"), _sglang, _sglang_key,
            "", _QUIET,
            Names(
                running=("sglang:num_running_reqs",),
                waiting=("sglang:num_queue_reqs",),
                kv_usage=("sglang:token_usage",),
                prompt_tokens=("sglang:prompt_tokens_total",),
                generated_tokens=("sglang:generation_tokens_total",),
            ),
        ),
        Server(
            "llama-server", "llama_server", ("llama-server",), _llama, _plain_key, "", _QUIET,
            Names(
                running=("llamacpp:requests_processing",),
                waiting=("llamacpp:requests_deferred",),
                kv_usage=("llamacpp:kv_cache_usage_ratio",),
                prompt_tokens=("llamacpp:prompt_tokens_total",),
                generated_tokens=("llamacpp:tokens_predicted_total",),
            ),
        ),
    )
})  # fmt: skip
