"""A model in this process, as a backend.

Answers: how does the flow ask a model that runs here?
Not here: the engine (`hybridllm.engine`), which alone imports torch, and only when it is needed.

Nothing leaves the process, and the permit is redeemed all the same. Failures are `BackendError`,
made from codes, names and counts.
Units: seconds, tokens.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from hybridllm.backends.in_process_replies import error_of, reply_of
from hybridllm.engine.call import Call
from hybridllm.engine.exchange import (
    AdapterChange,
    Done,
    Embedding,
    Failed,
    Generation,
    Refusal,
)
from hybridllm.engine.mailbox import LoopMailbox, ThreadMailbox
from hybridllm.engine.settings import Limits, LoadSettings, Pooling
from hybridllm.engine.wire import read_body, read_job
from hybridllm.engine.writers import writer_for
from hybridllm.errors import ConfigurationError, MissingExtraError
from hybridllm.types import Place
from hybridllm.wire import WireReply, WireRequest

if TYPE_CHECKING:
    from hybridllm.engine.core import Engine
    from hybridllm.permit import Permit

# How long `close` waits for the step that is running; loading cannot be interrupted.
_CLOSE_TIMEOUT_S = 30.0
_POLL_S = 0.01
# Loading an adapter waits for the model, which may have to be loaded first.
_CHANGE_TIMEOUT_S = 600.0


class InProcessBackend:
    """Answers with a model of this process.

    Args:
        name: Key of the backend in the configuration.
        model_path: Folder with safetensors, or a GGUF file.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        dtype: `auto`, `float32`, `bfloat16` or `float16`.
        max_batch: Answers that grow at the same time.
        max_model_len: Tokens of prompt and answer together; `None`: as the model says.
        served_names: Names that requests may give as `model`; empty: any, since the flow's
            candidates come from the configuration and there is only one model here.
        adapters: Folders of LoRA adapters by name. A request names one as `model`; the model itself
            is then `served_names` or `name`, and any other name is an error.
        pooling: How an embedding model pools; `None`: as its own files say.
        cache_dir: Keeps converted GGUF files.
        max_waiting: Requests that may wait or run before more are refused.
        threads: CPU threads; `None` leaves one core to the rest of the program.
        progress: Called from the engine's thread while the model loads.

    Raises:
        ConfigurationError: `model_path` does not exist.
    """

    def __init__(
        self,
        name: str,
        *,
        model_path: Path | str,
        device: str = "auto",
        dtype: str = "auto",
        max_batch: int = 64,
        max_model_len: int | None = None,
        served_names: Sequence[str] = (),
        adapters: Mapping[str, Path | str] | None = None,
        pooling: Pooling | None = None,
        cache_dir: Path | str | None = None,
        max_waiting: int = 256,
        threads: int | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._name = name
        path = Path(model_path)
        if not path.exists():
            raise ConfigurationError("there is no such file or folder", file=str(model_path))
        self._served = tuple(served_names)
        self._adapters = {key: Path(path) for key, path in (adapters or {}).items()}
        self._settings = LoadSettings(
            path=path,
            cache=Path(cache_dir) if cache_dir else Path.home() / ".cache" / "hybridllm",
            device=device,
            dtype=dtype,
            max_model_len=max_model_len,
            pooling=pooling,
            adapters=self._adapters,
        )
        self._limits = Limits(max_batch=max_batch, max_waiting=max_waiting, threads=threads)
        self._progress = progress or _silent
        self._lock = Lock()
        self._engine: Engine | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """Key of the backend in the configuration."""
        return self._name

    @property
    def place(self) -> Place:
        """Where it runs."""
        return Place.IN_PROCESS

    @property
    def running(self) -> bool:
        """Whether the engine's thread is there; it starts with the first request."""
        return self._engine is not None and self._engine.running

    def send(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt."""
        permit.redeem(backend=self._name, body=request.body, now=time.monotonic())
        return self._wait(request)

    def _wait(self, request: WireRequest) -> WireReply:
        call = self._open(request, mailbox=ThreadMailbox())
        try:
            call.wait()
            while not (request.stream or call.complete):
                call.wait()
        except BaseException as error:  # whatever ends the wait must end the work as well
            call.cancel()
            if isinstance(error, Refusal):
                raise error_of(error, backend=self._name) from None
            raise
        return reply_of(call, request=request, backend=self._name)

    async def asend(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt without blocking the event loop."""
        permit.redeem(backend=self._name, body=request.body, now=time.monotonic())
        call = self._open(request, mailbox=LoopMailbox())
        try:
            await call.await_next()
            while not (request.stream or call.complete):
                await call.await_next()
        except BaseException as error:  # whatever ends the wait must end the work as well
            call.cancel()
            if isinstance(error, Refusal):
                raise error_of(error, backend=self._name) from None
            raise
        return reply_of(call, request=request, backend=self._name)

    def ask(self, prompt: str, *, max_tokens: int, timeout_s: float) -> str:
        """Return the model's answer to a prompt, at temperature 0.

        For the judge: it decides about a request, so there is no permit yet, and none is
        needed; the prompt stays in this process.

        Raises:
            openai.OpenAIError: The model did not answer in time, or not at all.
        """
        body = {
            "model": self._served[0] if self._served else self._name,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": max_tokens,
        }
        request = WireRequest(
            path="chat/completions",
            body=json.dumps(body).encode(),
            deadline=time.monotonic() + timeout_s,
        )
        reply = json.loads(self._wait(request).body)
        return str(reply["choices"][0]["message"]["content"])

    def load_adapter(self, name: str, *, path: Path | str) -> None:
        """Load a LoRA adapter between two steps; requests may name it as `model` from then on.

        Raises:
            ConfigurationError: It does not belong to this model, or is not plain LoRA.
        """
        self._change(AdapterChange(name, path=Path(path)))
        with self._lock:
            self._adapters = self._adapters | {name: Path(path)}

    def unload_adapter(self, name: str) -> None:
        """Forget an adapter; requests that name it fail from then on.

        Raises:
            ConfigurationError: Requests still use it.
        """
        self._change(AdapterChange(name))
        # The name stays known as one that is not the model itself.

    def time_generate(self, texts: Sequence[str], *, tokens: int) -> float:
        """Return the seconds that plain `generate` takes for the same model, text by text.

        For comparison; the model is loaded once more for it, and its weights are not reordered.

        Raises:
            ConfigurationError: The model cannot be loaded.
            MissingExtraError: torch is not installed.
        """
        try:
            from hybridllm.engine.sequential import generate_in_turn
        except ImportError as error:
            raise _missing(error) from None
        settings = replace(self._settings, packed=False, adapters={})
        return generate_in_turn(
            settings, texts=texts, tokens=tokens, threads=self._limits.threads or 1
        )

    def close(self) -> None:
        """End the engine's thread and free the model."""
        engine = self._end()
        if engine:
            engine.join(timeout_s=_CLOSE_TIMEOUT_S)

    async def aclose(self) -> None:
        """End the engine's thread and free the model."""
        engine = self._end()
        deadline = time.monotonic() + _CLOSE_TIMEOUT_S
        # Waiting in a thread of the loop's pool would leave that thread behind.
        while engine and engine.running and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)

    def _end(self) -> Engine | None:
        with self._lock:
            self._closed = True
            engine = self._engine
        if engine:
            engine.close()
        return engine

    def _open(self, request: WireRequest, *, mailbox: ThreadMailbox | LoopMailbox) -> Call:
        try:
            return self._submit(request, mailbox=mailbox)
        except Refusal as refusal:
            raise error_of(refusal, backend=self._name) from None

    def _submit(self, request: WireRequest, *, mailbox: ThreadMailbox | LoopMailbox) -> Call:
        body = read_body(request.body)
        adapter = self._adapter(body.get("model"))
        job = read_job(request.path, body=body)
        if adapter and isinstance(job, Embedding):
            raise Refusal("adapters do not embed", code="unsupported_model", param="model")
        if isinstance(job, Generation):
            job = replace(job, adapter=adapter, scope=request.scope)
            if job.streams != request.stream:
                raise Refusal("body and request differ", code="invalid_value", param="stream")
        writer = writer_for(
            request.path, body=body, job=job, reply_id=secrets.token_hex(12),
            created=int(time.time()),
        )  # fmt: skip
        ticket = self._started().submit(job, mailbox=mailbox, deadline=request.deadline)
        return Call(ticket, mailbox=mailbox, writer=writer, streams=request.stream)

    def _adapter(self, model: object) -> str | None:
        """Return the adapter that a request names, `None` for the model itself."""
        with self._lock:
            if isinstance(model, str) and model in self._adapters:
                return model
            own = self._served or ((self._name,) if self._adapters else ())
            names = [*own, *self._adapters]
        if not isinstance(model, str) or (own and model not in own):
            # Never the bare model in silence where an adapter may have been meant.
            raise Refusal(
                f"this backend serves {', '.join(names) or 'a model with a name'}",
                code="model_not_found", status=404, param="model",
            )  # fmt: skip
        return None

    def _change(self, change: AdapterChange) -> None:
        mailbox = ThreadMailbox()
        try:
            self._started().submit(change, mailbox=mailbox, deadline=float("inf"))
            event = mailbox.next(timeout_s=_CHANGE_TIMEOUT_S)
        except Refusal as refusal:
            event = Failed(refusal)
        if not isinstance(event, Done):
            reason = event.refusal.message if isinstance(event, Failed) else "it took too long"
            raise ConfigurationError(f"adapter {change.name!r}: {reason}")

    def _started(self) -> Engine:
        with self._lock:
            if self._closed:
                raise Refusal("the backend is closed", code="engine_closed", status=503)
            if self._engine is None:
                self._engine = self._build()
            return self._engine

    def _build(self) -> Engine:
        try:
            from hybridllm.engine.core import Engine
            from hybridllm.engine.load import load
        except ImportError as error:
            raise _missing(error) from None
        return Engine(
            lambda: load(self._settings, progress=self._progress),
            limits=self._limits,
            name=self._name,
        )


def _missing(error: ImportError) -> ImportError:
    """Return what is to be raised when a part of the extra is not there."""
    if str(error.name).partition(".")[0] == "hybridllm":
        return error  # a mistake of ours
    return MissingExtraError(feature="a model in this process", extra="local")


def _silent(_: str, __: float) -> None:
    """Report nothing."""
