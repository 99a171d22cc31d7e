"""The demo's stand-in for a cloud API: a small OpenAI-compatible server on 127.0.0.1.

Answers: what would the cloud receive? Each byte is in `recording`.
Not here: a model. It answers with one honest sentence.

Plain HTTP on loopback: nothing that it gets leaves this machine.
"""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hybridllm.demo.recording import RecordedSocket, Recording

MODEL_NAME = "stand-in"

# Where Japanese kana begin and end in Unicode: Hiragana and Katakana.
_KANA = range(0x3040, 0x3100)


class StandInCloud:
    """A loopback server that answers chat requests and records what it receives."""

    def __init__(self) -> None:
        self.recording = Recording()
        self._server = _Server(self.recording)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="demo-cloud",
            daemon=True,
        )
        self._thread.start()

    @property
    def base_url(self) -> str:
        """The address that an OpenAI client wants."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        """Stop, and note what was still on its way; the recording is complete after this."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._thread.join()
        self._server.accept_pending()
        self._server.close_connections()
        self._server.server_close()  # waits for the connections' threads


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them

    def __init__(self, recording: Recording) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recording = recording
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_idle = False

    def accept_pending(self) -> None:
        """Take in who connected and was not served yet."""
        self.timeout = 0
        while not self._is_idle:
            self.handle_request()

    def handle_timeout(self) -> None:
        self._is_idle = True

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the other side was faster
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a connection that breaks is no news, and a traceback holds content."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._socket = RecordedSocket(self.connection, recording=self.server.recording)
        self.rfile = io.BufferedReader(self._socket)

    def finish(self) -> None:
        self._socket.drain()
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log."""

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/v1/models":
            self._send_json({"object": "list", "data": [{"id": MODEL_NAME, "object": "model"}]})
        else:
            self._send_error("there is no such route")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.rstrip("/") != "/v1/chat/completions":
            self._send_error("there is no such route")
            return
        try:
            asked = json.loads(body)
            messages = asked["messages"]
        except (ValueError, KeyError, TypeError):
            self._send_error("the body is no chat request", status=HTTPStatus.BAD_REQUEST)
            return
        text = _answer(messages, received_bytes=len(body))
        if asked.get("stream"):
            self._send_events(asked, text=text)
        else:
            self._send_json(_completion(asked, text=text))

    def _send_json(self, body: dict[str, Any], *, status: HTTPStatus = HTTPStatus.OK) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_error(self, message: str, *, status: HTTPStatus = HTTPStatus.NOT_FOUND) -> None:
        self.close_connection = True  # a body may be unread
        self._send_json({"error": {"message": message, "type": "demo"}}, status=status)

    def _send_events(self, asked: dict[str, Any], *, text: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in (*_chunks(asked, text=text), "[DONE]"):
            line = event if isinstance(event, str) else json.dumps(event)
            data = f"data: {line}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")


def _answer(messages: object, *, received_bytes: int) -> str:
    """Return what the stand-in says; in Japanese to a question in Japanese."""
    if any(ord(character) in _KANA for character in json.dumps(messages, ensure_ascii=False)):
        return (
            "（クラウドの代役です）本番ではここでクラウドのモデルが答えます。"
            f"受信した本文は{received_bytes}バイトです。"
        )
    return (
        "(Stand-in for the cloud.) A cloud model would answer here; "
        f"I received a body of {received_bytes} bytes."
    )


def _head(asked: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-demo",
        "object": kind,
        "created": int(time.time()),
        "model": str(asked.get("model", MODEL_NAME)),
    }


def _usage(text: str) -> dict[str, int]:
    # A stand-in has no tokenizer; it counts the characters that it sent.
    return {"prompt_tokens": 0, "completion_tokens": len(text), "total_tokens": len(text)}


def _completion(asked: dict[str, Any], *, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {**_head(asked, "chat.completion"), "choices": [choice], "usage": _usage(text)}


def _chunks(asked: dict[str, Any], *, text: str) -> list[dict[str, Any]]:
    size = 12
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[start : start + size]} for start in range(0, len(text), size)]
    ends = [None] * len(deltas) + ["stop"]
    head = _head(asked, "chat.completion.chunk")
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        for delta, end in zip([*deltas, {}], ends, strict=True)
    ]
    options = asked.get("stream_options") or {}
    if isinstance(options, dict) and options.get("include_usage"):
        chunks.append({**head, "choices": [], "usage": _usage(text)})
    return chunks
