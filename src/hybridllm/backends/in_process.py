"""A model in this process, as a backend.

Answers: how does the flow ask a model that runs here?
Not here: the engine (`hybridllm.engine`), which alone imports torch, and only when it is needed.

Nothing leaves the process, and the permit is redeemed all the same. Failures are the OpenAI
SDK's own classes, made from codes and counts.
Units: seconds, tokens.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

import httpx2
import openai

from hybridllm.backends.base import WireReply, WireRequest
from hybridllm.engine.call import Call
from hybridllm.engine.exchange import Embedding, Refusal
from hybridllm.engine.mailbox import LoopMailbox, ThreadMailbox
from hybridllm.engine.replies import ReplyWriter, answers_of
from hybridllm.engine.wire import read_body, read_job, wants_usage
from hybridllm.errors import ConfigurationError, MissingExtraError
from hybridllm.types import Place

if TYPE_CHECKING:
    from hybridllm.engine.core import Engine
    from hybridllm.permit import Permit

# How long `close` waits for the step that is running; loading cannot be interrupted.
_CLOSE_TIMEOUT_S = 30.0
_POLL_S = 0.01
# Nothing is sent there; the SDK's errors need a request with an address.
_ADDRESS = "http://in-process.invalid/v1/"
_KINDS: Mapping[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
}


class InProcessBackend:
    """Answers with a model of this process.

    Args:
        name: Key of the backend in the configuration.
        model_path: Folder with safetensors, or a GGUF file.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        dtype: `auto`, `float32`, `bfloat16` or `float16`.
        max_batch: Answers that grow at the same time.
        max_model_len: Tokens of prompt and answer together; `None`: as the model says.
        served_names: Names that requests may give as `model`; default: `name`.
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
        pooling: Literal["cls", "last", "mean"] | None = None,
        cache_dir: Path | str | None = None,
        max_waiting: int = 256,
        threads: int | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._name = name
        self._path = Path(model_path)
        if not self._path.exists():
            raise ConfigurationError("there is no such file or folder", file=str(model_path))
        self._served = tuple(served_names) or (name,)
        self._cache = Path(cache_dir) if cache_dir else Path.home() / ".cache" / "hybridllm"
        self._settings = {
            "device": device, "dtype": dtype, "max_model_len": max_model_len, "pooling": pooling,
        }  # fmt: skip
        self._limits = {"max_batch": max_batch, "max_waiting": max_waiting, "threads": threads}
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
        call = self._open(request, permit=permit, mailbox=ThreadMailbox())
        try:
            call.wait()
            while not (request.stream or call.complete):
                call.wait()
        except BaseException as error:  # whatever ends the wait must end the work as well
            call.cancel()
            if isinstance(error, Refusal):
                raise _error(error, path=request.path) from None
            raise
        return _reply(call, request=request)

    async def asend(self, request: WireRequest, *, permit: Permit) -> WireReply:
        """Make one attempt without blocking the event loop."""
        call = self._open(request, permit=permit, mailbox=LoopMailbox())
        try:
            await call.await_next()
            while not (request.stream or call.complete):
                await call.await_next()
        except BaseException as error:  # whatever ends the wait must end the work as well
            call.cancel()
            if isinstance(error, Refusal):
                raise _error(error, path=request.path) from None
            raise
        return _reply(call, request=request)

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

    def _open(
        self, request: WireRequest, *, permit: Permit, mailbox: ThreadMailbox | LoopMailbox
    ) -> Call:
        permit.redeem(backend=self._name, body=request.body, now=time.monotonic())
        try:
            return self._submit(request, mailbox=mailbox)
        except Refusal as refusal:
            raise _error(refusal, path=request.path) from None

    def _submit(self, request: WireRequest, *, mailbox: ThreadMailbox | LoopMailbox) -> Call:
        body = read_body(request.body)
        if body.get("model") not in self._served:
            raise Refusal(
                f"this backend serves {', '.join(self._served)}",
                code="model_not_found", status=404, param="model",
            )  # fmt: skip
        job = read_job(request.path, body=body)
        if not isinstance(job, Embedding) and job.streams != request.stream:
            raise Refusal("body and request differ", code="invalid_value", param="stream")
        writer = ReplyWriter(
            request.path, body=body, reply_id=secrets.token_hex(12), created=int(time.time()),
            answers=answers_of(job), with_usage=wants_usage(body),
        )  # fmt: skip
        ticket = self._started().submit(job, mailbox=mailbox, deadline=request.deadline)
        return Call(ticket, mailbox=mailbox, writer=writer, streams=request.stream)

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
            from hybridllm.engine.limits import Limits
            from hybridllm.engine.load import LoadSettings, load
        except ImportError as error:
            if str(error.name).partition(".")[0] == "hybridllm":
                raise
            raise MissingExtraError(feature="a model in this process", extra="local") from None
        settings = LoadSettings(path=self._path, cache=self._cache, **self._settings)  # type: ignore[arg-type]
        limits = Limits(**self._limits)  # type: ignore[arg-type]
        return Engine(
            lambda: load(settings, progress=self._progress), limits=limits, name=self._name
        )


class _Events:
    """The events of a streamed reply."""

    def __init__(self, call: Call, *, path: str) -> None:
        self._call = call
        self._path = path
        self._closed = False

    def read(self) -> bytes | None:
        """Return the next event, or `None` after the last."""
        try:
            while not (self._call.ready or self._call.complete or self._closed):
                self._call.wait()
        except Refusal as refusal:
            raise _broken_off(refusal, path=self._path) from None
        return self._next()

    async def aread(self) -> bytes | None:
        """Return the next event, or `None` after the last."""
        try:
            while not (self._call.ready or self._call.complete or self._closed):
                await self._call.await_next()
        except Refusal as refusal:
            raise _broken_off(refusal, path=self._path) from None
        except asyncio.CancelledError:
            self.close()
            raise
        return self._next()

    def close(self) -> None:
        """Stop the engine's work on it."""
        if not self._closed:
            self._closed = True
            self._call.cancel()

    async def aclose(self) -> None:
        """Stop the engine's work on it."""
        self.close()

    def _next(self) -> bytes | None:
        if self._closed and not self._call.complete:
            request = httpx2.Request("POST", _ADDRESS + self._path)
            raise openai.APIConnectionError(message="the stream was closed", request=request)
        return self._call.ready.popleft() if self._call.ready else None


def _reply(call: Call, *, request: WireRequest) -> WireReply:
    if request.stream:
        return WireReply(events=_Events(call, path=request.path), request_id=call.reply_id)
    return WireReply(body=call.body, request_id=call.reply_id)


def _error(refusal: Refusal, *, path: str) -> openai.APIError:
    """Return the SDK's error for a refusal; it holds codes, names and counts."""
    request = httpx2.Request("POST", _ADDRESS + path)
    if refusal.status == 408:
        return openai.APITimeoutError(request)
    kind = _KINDS.get(refusal.status, openai.InternalServerError)
    body = {
        "message": refusal.message,
        "type": "invalid_request_error" if refusal.status < 429 else "server_error",
        "param": refusal.param,
        "code": refusal.code,
    }
    # Trying again helps only against a full queue.
    headers = {"x-should-retry": "true" if refusal.status == 429 else "false"}
    response = httpx2.Response(refusal.status, request=request, headers=headers)
    return kind(refusal.message, response=response, body=body)


def _broken_off(refusal: Refusal, *, path: str) -> openai.APIConnectionError:
    """Return the error of a stream that ends too early."""
    request = httpx2.Request("POST", _ADDRESS + path)
    if refusal.status == 408:
        return openai.APITimeoutError(request)
    return openai.APIConnectionError(message=refusal.message, request=request)


def _silent(_: str, __: float) -> None:
    """Report nothing."""
