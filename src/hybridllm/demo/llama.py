"""The demo's local engine: llama.cpp on 127.0.0.1, in a process of its own.

Answers: how does the local model start, stop and start again?
Not here: the process itself (`llama_child`), the weights (`weights`).

llama.cpp comes from the package `xllamacpp`, which brings it compiled. Its server
listens on a port that the system chose and asks for a key made for this run.

Units: seconds, tokens.
"""

from __future__ import annotations

import http
import http.client
import json
import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO, cast
from urllib.parse import urlsplit

from hybridllm.demo import DemoError
from hybridllm.errors import MissingExtraError

MODEL_NAME = "smollm2-135m-instruct"
CONTEXT_TOKENS = 2048  # the story's longest request has fewer than 400
START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 3.0
_POLL_S = 0.05


class LlamaServer:
    """A llama.cpp server that can be stopped and started again on the same port.

    Args:
        model: The GGUF file.
        threads: How many to compute with. By default all cores but one: llama.cpp
            spins, and slows down a great deal when it competes for a core.
    """

    def __init__(self, model: Path, *, threads: int | None = None) -> None:
        self.api_key = secrets.token_hex(16)
        self._model = model
        self._threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def base_url(self) -> str:
        """The address that an OpenAI client wants; known after the first start."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the server and wait until it is ready.

        Raises:
            MissingExtraError: xllamacpp is not installed.
            DemoError: It did not start, or not in time.
        """
        if self.is_running:
            return
        if find_spec("xllamacpp") is None:
            raise MissingExtraError(feature="the demo's local model", extra="demo")
        deadline = time.monotonic() + timeout_s
        try:
            self._process = self._launch()
            url = self._read_url(self._process, timeout_s=timeout_s)
            self._port = urlsplit(url).port or 0
            self._wait_until_healthy(deadline)
        except BaseException:  # whatever happened, no process is left behind
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; nothing of it is left when this returns."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            with suppress(OSError):  # it may have gone already
                process.stdin.close()  # the child ends by itself on this
        try:
            process.wait(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def _launch(self) -> subprocess.Popen[str]:
        # A group of its own: Ctrl-C is for the demo, which stops the child itself.
        windows = sys.platform == "win32"
        process = subprocess.Popen(
            [sys.executable, "-m", "hybridllm.demo.llama_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=not windows,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        settings = {
            "model": str(self._model),
            "alias": MODEL_NAME,
            "port": self._port,
            "api_key": self.api_key,
            "context_tokens": CONTEXT_TOKENS,
            "threads": self._threads,
        }
        with suppress(OSError):  # if it died at once, `_read_url` says so
            stdin = cast("TextIO", process.stdin)
            stdin.write(json.dumps(settings) + "\n")
            stdin.flush()
        return process

    def _read_url(self, process: subprocess.Popen[str], *, timeout_s: float) -> str:
        lines: queue.Queue[str] = queue.Queue()
        # A thread, since a pipe cannot be read with a timeout on every system.
        reader = threading.Thread(
            target=lambda out: lines.put(out.readline()),
            args=(cast("TextIO", process.stdout),),
            daemon=True,
        )
        reader.start()
        try:
            line = lines.get(timeout=timeout_s)
        except queue.Empty:
            raise DemoError(
                f"the local engine was not ready after {timeout_s:.0f} s. "
                "Is the machine very busy? Try again"
            ) from None
        if not line:
            raise DemoError(
                "the local engine ended while it started: the model file may be damaged or "
                "need more memory than there is, or this processor is too old for xllamacpp"
            )
        answer = json.loads(line)
        if "url" not in answer:
            raise DemoError(f"the local engine did not start: {answer.get('error')}")
        return str(answer["url"])

    def _wait_until_healthy(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1.0)
            with closing(connection), suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/health")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            time.sleep(_POLL_S)
        raise DemoError("the local engine started and did not become ready in time. Try again")

    def __repr__(self) -> str:
        return f"LlamaServer(port={self._port}, running={self.is_running})"
