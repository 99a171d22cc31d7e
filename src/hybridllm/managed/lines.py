"""What an engine writes, without what it was told.

Answers: which facts in a server's own output are worth keeping?
Not here: where they are kept (`managed.folder`).

An engine's lines may quote prompts, paths and keys. So none is kept: known patterns yield a code
and numbers, the class of an error, and nothing else. Text between is never looked at again.
Source: the log lines of vLLM 0.32, SGLang and llama.cpp's server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NUMBER = r"([0-9]{1,12}(?:\.[0-9]{1,6})?)"
_PATTERNS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (code, names, re.compile(pattern.replace("#", _NUMBER)))
    for code, names, pattern in (
        (
            "load",
            ("prompt_tokens_per_s", "tokens_per_s", "running", "waiting", "kv_usage_percent"),
            (
                r"Avg prompt throughput: # tokens/s, Avg generation throughput: # tokens/s, "
                r"Running: # reqs, Waiting: # reqs, GPU KV cache usage: #%"
            ),
        ),
        ("weights_loaded", ("seconds",), r"Loading weights took # seconds"),
        ("model_loaded", ("gib", "seconds"), r"Model loading took # GiB(?: memory)? and # seconds"),
        ("kv_cache", ("gib",), r"Available KV cache memory: # GiB"),
        ("kv_cache_tokens", ("tokens",), r"GPU KV cache size: ([0-9,]{1,16}) tokens"),
        ("started", (), r"Application startup complete|server is listening on"),
        ("out_of_memory", (), r"CUDA out of memory|OutOfMemoryError|failed to allocate"),
        ("port_in_use", (), r"[Aa]ddress already in use|couldn't bind"),
        ("no_gpu", (), r"No CUDA GPUs are available|Failed to infer device type"),
    )
)
# Only names of Python's and the engines' own shape, so that no text can pass for a class.
_ERROR = re.compile(r"^(?:\(\w{1,40} pid=\d{1,9}\) )?(?:[\w.]{1,80}\.)?([A-Z][A-Za-z]{2,40}Error):")
_LONGEST_LINE = 4_000


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that an engine said.

    Attributes:
        code: Such as `out_of_memory`, or `error`.
        values: Numbers by name; for `error` there are none.
        error: Class of the error.
    """

    code: str
    values: dict[str, float] = field(default_factory=dict)
    error: str = ""


def read_line(line: str) -> Fact | None:
    """Return what a line says, if it is something known."""
    line = line[:_LONGEST_LINE].strip()
    for code, names, pattern in _PATTERNS:
        found = pattern.search(line)
        if found:
            numbers = [float(text.replace(",", "")) for text in found.groups() if text]
            return Fact(code, dict(zip(names, numbers, strict=False)))
    named = _ERROR.match(line)
    return Fact("error", error=named[1]) if named else None
