"""Servers of our own for a shared memory, and somebody who listens in between.

Answers: where is a real Redis that a test may do anything to, and what do clients send it?
Not here: PostgreSQL (`tests.support.postgres`).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from hybridllm.addresses import DeclaredNetworks
from hybridllm.classify.memory_postgres import PostgresMemory
from hybridllm.classify.memory_redis import RedisMemory
from hybridllm.classify.postgres import PostgresServer
from hybridllm.labels import Scale

SCALE = Scale.of(["public", "internal", "confidential"], compartments=["personal"])
KEY = bytes(range(32))
CONFIDENTIAL = SCALE.label("confidential")
INTERNAL = SCALE.label("internal", compartments=["personal"])
TEXT = "The forecast for the northern region was revised after the audit."
LOOPBACK = DeclaredNetworks.of("memory", networks=["127.0.0.0/8", "::1/128"], role="store")
ELSEWHERE = DeclaredNetworks.of("memory", networks=["10.20.0.0/16"], role="store")
SHOWN = "detection.memory.url_env"
URLS = {
    "redis": "redis://:pass-phrase@127.0.0.1:{port}/0",
    "postgresql": "postgresql://tester:pass-phrase@127.0.0.1:{port}/postgres",
}


def made(url, *, networks=LOOPBACK, **settings):
    settings = {"scale": SCALE, "key": KEY, **settings}
    if url.startswith("redis"):
        return RedisMemory(url, networks=networks, shown=SHOWN, **settings)
    return PostgresMemory(PostgresServer(url, networks=networks, shown=SHOWN), **settings)


def require_library(kind):
    name = {"redis": "redis", "postgresql": "psycopg"}[kind]
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")


@contextmanager
def running_redis():
    folder = tempfile.mkdtemp(prefix="redis")
    path = Path(folder) / "socket"
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder]
    command += ["--save", "", "--appendonly", "no", "--unixsocket", path]
    server = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        while "Ready to accept connections" not in (line := server.stdout.readline()):
            assert line, "redis-server ended"
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def relay(url):
    """Stand between client and server, and keep what the client sends."""
    host, port = "127.0.0.1", int(url.rpartition(":")[2].partition("/")[0])
    sent, ends = [], []

    def copy(source, target, kept):
        with suppress(OSError):  # the other end may have gone meanwhile
            while data := _received(source):
                kept.append(data)
                target.sendall(data)

    def serve():
        while (client := _accepted(listener)) is not None:
            server = socket.create_connection((host, port))
            ends.extend((client, server))
            for arguments in ((client, server, sent), (server, client, [])):
                threads.append(threading.Thread(target=copy, args=arguments))
                threads[-1].start()

    with socket.create_server((host, 0)) as listener:
        threads = [threading.Thread(target=serve)]
        threads[0].start()
        try:
            yield url.replace(f":{port}/", f":{listener.getsockname()[1]}/"), sent
        finally:
            _shut(listener)
            threads[0].join()
            for end in ends:
                _shut(end)
            for thread in threads[1:]:
                thread.join()
            for end in ends:
                end.close()


def _received(source):
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _accepted(listener):
    try:
        return listener.accept()[0]
    except OSError:
        return None


def _shut(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        end.close()
