"""The child process that runs llama.cpp for the demo: `python -m hybridllm.demo.llama_child`.

Answers: how does the server run apart from the demo, and end with it?
Not here: starting and stopping it (`llama`).

It reads one line of JSON with its settings from standard input, so that the key
stands neither in the arguments nor in the environment, and writes one line of
JSON to standard output: `{"url": ...}` or `{"error": ...}`. It ends when standard
input does, which happens also when the parent is killed.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

_QUIET = -1  # llama.cpp's verbosity below "errors only"


def main() -> int:
    """Serve until standard input ends; return the exit status."""
    answers = _take_standard_output()
    settings = json.loads(sys.stdin.readline())
    try:
        server = _start(settings)
    except ImportError:
        return _say(answers, {"error": "xllamacpp is not installed"})
    except Exception as error:  # a boundary: native code may raise anything
        return _say(answers, {"error": f"llama.cpp did not start ({type(error).__name__})"})
    _say(answers, {"url": server.listening_address})
    while sys.stdin.readline():
        pass
    # Not `return`: the native threads need no tidy end, and one that hangs must not keep it.
    os._exit(0)


def _take_standard_output() -> TextIO:
    """Keep standard output for the answer; llama.cpp's own lines go nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def _say(answers: TextIO, message: dict[str, str]) -> int:
    answers.write(json.dumps(message) + "\n")
    answers.flush()
    return 1 if "error" in message else 0


def _start(settings: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = settings["port"]
    params.api_keys = [settings["api_key"]]
    params.n_ctx = settings["context_tokens"]
    params.n_parallel = 1
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    params.n_gpu_layers = 0
    params.verbosity = _QUIET
    params.ui = False
    params.endpoint_slots = False  # would show the texts in work
    # Nothing of one request is kept for the next: the departments share this server.
    params.cache_prompt = False
    params.cache_ram_mib = 0
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main())
