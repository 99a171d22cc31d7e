"""Whom an encrypted connection trusts: the file of the configuration, and nothing ambient.

Needs the `openssl` command to make certificates; without it these tests skip.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import openai
import pytest

from tests.leaks.setting import open_client, write_config
from tests.support.server import RecordingServer

_OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(_OPENSSL is None, reason="the command `openssl` is not installed")

_REPLY = b'{"object":"list","model":"m","data":[],"usage":{"prompt_tokens":1,"total_tokens":1}}'


@dataclass
class EncryptedServer:
    """An engine behind TLS that answers every embedding request with no vectors.

    Attributes:
        names: Server names that clients asked for in the clear, before the handshake.
        received: What arrived encrypted.
        handshakes: How many succeeded.
    """

    certificate: Path
    names: list[str | None] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)
    handshakes: int = 0

    def __enter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="encrypted", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with plain:
                plain.settimeout(5)
                self._answer(plain)

    def _answer(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self.handshakes += 1
                while b"plan" not in self.received:
                    self.received += connection.recv(1 << 16)
                head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                connection.sendall(head % len(_REPLY) + _REPLY)
        except (OSError, ssl.SSLError):
            return  # the client did not trust us, which is what some tests want


def _certificate(folder: Path, name: str) -> Path:
    """Make a certificate for a name that vouches for itself; key and certificate in one file."""
    folder.mkdir(exist_ok=True)
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        str(_OPENSSL),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={name}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _certificate(tmp_path_factory.mktemp("certificates") / "inner", "DNS:localhost")


@pytest.fixture
def engine(certificate: Path) -> Iterator[EncryptedServer]:
    with EncryptedServer(certificate) as server:
        yield server


def _file(
    folder: Path, engine: EncryptedServer, *, cloud: RecordingServer, ca_file: Path | None
) -> Path:
    more = f'ca_file = "{ca_file.as_posix()}"\n' if ca_file else ""
    file = write_config(
        folder, cloud=cloud, on_premises=engine.port, host="localhost", backend=more
    )
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("http://localhost", "https://localhost"), encoding="utf-8")
    return file


def _ask(file: Path) -> None:
    with open_client(file) as client:
        client.with_options(label="confidential", timeout=5).embeddings.create(
            model="assistant", input="Kestrel plan"
        )


def test_the_file_of_the_configuration_is_trusted(
    tmp_path: Path, certificate: Path, engine: EncryptedServer, cloud: RecordingServer
) -> None:
    """Positive control: with its certificate named, the engine receives the text."""
    _ask(_file(tmp_path, engine, cloud=cloud, ca_file=certificate))

    assert b"Kestrel plan" in engine.received
    assert ["localhost"] == engine.names
    assert [] == cloud.connections


@pytest.mark.parametrize("ambient", ["nothing", "SSL_CERT_FILE", "SSL_CERT_DIR", "all"])
def test_what_the_environment_trusts_is_not_trusted(  # noqa: PLR0917 - fixtures
    ambient: str,
    tmp_path: Path,
    certificate: Path,
    engine: EncryptedServer,
    cloud: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate that only the environment vouches for gets not one byte of the request."""
    names = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"]
    for name in names if ambient == "all" else [ambient]:
        value = certificate.parent if name == "SSL_CERT_DIR" else certificate
        monkeypatch.setenv(name, str(value))

    with pytest.raises(openai.APIConnectionError) as caught:
        _ask(_file(tmp_path, engine, cloud=cloud, ca_file=None))

    assert b"" == bytes(engine.received)
    assert "Kestrel" not in repr(caught.value)
    assert [] == cloud.connections


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, cloud: RecordingServer) -> None:
    """A trusted authority is not enough: the name must be the one that was dialled."""
    other = _certificate(tmp_path / "other", "DNS:elsewhere.example")
    with EncryptedServer(other) as engine:
        file = _file(tmp_path, engine, cloud=cloud, ca_file=other)

        with pytest.raises(openai.APIConnectionError):
            _ask(file)

    assert b"" == bytes(engine.received)
    assert [] == cloud.connections


def test_no_key_of_a_connection_is_written_down(
    tmp_path: Path,
    certificate: Path,
    engine: EncryptedServer,
    cloud: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SSLKEYLOGFILE would let whoever reads it decrypt everything; it stays empty."""
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))

    _ask(_file(tmp_path, engine, cloud=cloud, ca_file=certificate))

    assert 1 == engine.handshakes
    assert not keys.exists()


def test_a_server_without_encryption_gets_no_text(
    tmp_path: Path, on_premises: RecordingServer, cloud: RecordingServer
) -> None:
    """Where https is configured and plain HTTP answers, nothing readable has left."""
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises, host="localhost")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("http://localhost", "https://localhost"), encoding="utf-8")

    with pytest.raises(openai.APIConnectionError):
        _ask(file)

    assert b"Kestrel" not in on_premises.received
    assert b"" == cloud.received
