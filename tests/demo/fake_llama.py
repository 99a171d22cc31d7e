"""A package `xllamacpp` that serves without a model, written where a test wants it.

Answers: how does a test start the demo's child process without llama.cpp?
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

import hybridllm

SOURCE = """
import http.server
import json
import threading
import time
from types import SimpleNamespace


class CommonParams(SimpleNamespace):
    def __init__(self):
        super().__init__(
            model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
        )


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/chat/completions" and asked["stream"]
        known = self.headers["Authorization"] == f"Bearer {self.server.key}"
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta, end in (({"content": "From "}, None), ({"content": "inside."}, "stop")):
            choice = {"index": 0, "delta": delta, "finish_reason": end}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            line = json.dumps({**chunk, "choices": [choice]})
            self.wfile.write(f"data: {line}\\n\\n".encode())
        self.wfile.write(b"data: [DONE]\\n\\n")

    def log_message(self, *args):
        pass


class Server:
    def __init__(self, params):
        name = params.model.path
        if name.endswith("broken.gguf"):
            raise RuntimeError("the text of a request")
        if name.endswith("slow.gguf"):
            time.sleep(600)
        print("a line of the engine, on standard output", flush=True)
        assert params.hostnames == ["127.0.0.1"] and params.api_keys[0]
        server = http.server.ThreadingHTTPServer(("127.0.0.1", params.port), Handler)
        server.key = params.api_keys[0]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_address[1]}"
"""


def install(folder: Path, *, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package importable in this process and in its children."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "xllamacpp.py").write_text(SOURCE, encoding="utf-8")
    ours = str(Path(hybridllm.__path__[0]).parent)
    path = os.pathsep.join([str(folder), ours, os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
