"""A program that passes for `vllm serve`: a real process with vLLM's recorded shapes.

Answers: what does an engine look like from outside, well and in trouble?

`--fake` makes trouble: `exit` ends with an error, `open` asks nobody for a key, `stubborn` does not
hear SIGTERM. A prompt makes more: CRASH ends the process in mid-stream, HANG stops its answers,
SLOW takes until `/release` is asked for. It imports the standard library alone.
"""

import argparse
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="tiny"}} {running}.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{{engine="0",model_name="tiny"}} 0.0
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{{engine="0",model_name="tiny"}} 0.0625
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{{engine="0",model_name="tiny"}} 37.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{{engine="0",model_name="tiny"}} 1.2e+03
"""


class State:
    running = 0
    hangs = threading.Event()
    release = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if State.hangs.is_set():
            threading.Event().wait()
        if self.path == "/health":
            return self.answer(200, b"")
        if self.path == "/metrics":
            return self.answer(200, METRICS.format(running=State.running).encode())
        if self.path == "/release":
            State.release.set()
            return self.answer(200, b"")
        if not self.may_enter():
            return self.answer(401, b'{"error":"Unauthorized"}')
        models = {"object": "list", "data": [{"id": OPTIONS.served_model_name, "object": "model"}]}
        return self.answer(200, json.dumps(models).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if not self.may_enter():
            return self.answer(401, b'{"error":"Unauthorized"}')
        # What an engine must not do, and does when it is told to log requests.
        say(f"INFO 11-25 Received request cmpl-1: prompt: {body}")
        State.running += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.piece("Hello")
        if "CRASH" in body:
            os._exit(139)
        if "HANG" in body:
            State.hangs.set()
        if "SLOW" in body:
            State.release.wait(60)
        self.piece("", finish="stop")
        self.chunk(b'data: {"choices": [], "usage": {"completion_tokens": 2}}\n\n')
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")
        State.running -= 1
        return None

    def may_enter(self):
        key = os.environ.get("VLLM_API_KEY", "")
        return "open" in OPTIONS.fake or self.headers["Authorization"] == f"Bearer {key}"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def piece(self, text, finish=None):
        choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish}
        event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                 "model": OPTIONS.served_model_name, "choices": [choice]}  # fmt: skip
        self.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *_):
        pass


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--served-model-name")
    parser.add_argument("--fake", default="")
    return parser.parse_known_args()[0]


def main():
    if "exit" in OPTIONS.fake:
        say(f"(EngineCore pid={os.getpid()}) ValueError: Falcon 社外秘 does not fit")
        return 1
    if "stubborn" in OPTIONS.fake:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("INFO 11-25 Available KV cache memory: 3.25 GiB")
    server = ThreadingHTTPServer((OPTIONS.host, OPTIONS.port), Handler)
    server.daemon_threads = True
    say("INFO:     Application startup complete.")
    server.serve_forever()
    return 0


if __name__ == "__main__":
    OPTIONS = options()
    sys.exit(main())
