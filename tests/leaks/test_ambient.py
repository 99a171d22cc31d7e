"""The environment of the process changes nothing that is sent, and reaches nobody.

Proxies, base URLs, keys, headers, certificates, key logs and `.netrc` of the environment are
what HTTP clients obey by default. The on-premises server must see the same bytes with and without.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.leaks.operations import OPERATIONS, Operation, acall, call, params_of
from tests.leaks.setting import open_async_client, open_client, write_config
from tests.support.proxy import RecordingProxy
from tests.support.server import RecordingServer

_TEXT = "Kestrel 東和 revenue plan"
_RANDOM = re.compile(rb"(idempotency-key: )[0-9a-f]+", re.IGNORECASE)
_PORT = re.compile(rb"127\.0\.0\.1:\d+")
_NETRC = (
    "machine 127.0.0.1 login Osprey password Osprey-Heron\ndefault login Osprey password Heron\n"
)


def _params(operation: Operation) -> dict[str, Any]:
    return params_of(operation.endpoint, _TEXT)


async def _received(
    operation: Operation, *, folder: Path, cloud: RecordingServer
) -> tuple[bytes, str | None]:
    """Return what the premises receive of one confidential call, and who answered."""
    with RecordingServer(name="on_premises") as inner:
        file = write_config(folder, cloud=cloud, on_premises=inner)
        if operation.is_async:
            async with open_async_client(file) as client:
                mine = client.with_options(label="confidential")
                answered = await acall(mine, operation, params=_params(operation))
        else:
            with open_client(file) as plain:
                mine_too = plain.with_options(label="confidential")
                answered = call(mine_too, operation, params=_params(operation))
        return _PORT.sub(b"", _RANDOM.sub(rb"\1", inner.received)), answered.backend


def _poison(
    environment: Callable[[str, str], None], *, proxy: RecordingProxy, folder: Path
) -> None:
    home = folder / "home"
    home.mkdir()
    for name in (".netrc", "_netrc"):
        (home / name).write_text(_NETRC, encoding="utf-8")
        (home / name).chmod(0o600)
    bad_certificates = folder / "roots.pem"
    bad_certificates.write_text("no certificate\n", encoding="utf-8")
    poisoned = {
        **proxy.environment(),
        "HOME": str(home),
        "USERPROFILE": str(home),
        "NETRC": str(home / ".netrc"),
        "SSL_CERT_FILE": str(bad_certificates),
        "SSL_CERT_DIR": str(folder),
        "REQUESTS_CA_BUNDLE": str(bad_certificates),
        "SSLKEYLOGFILE": str(folder / "keys.log"),
        "OPENAI_BASE_URL": f"{proxy.url}/v1",
        "OPENAI_API_BASE": f"{proxy.url}/v1",
        "OPENAI_API_HOST": proxy.url,
        "OPENAI_API_KEY": "sk" + "-Osprey-ambient-key",
        "OPENAI_ADMIN_KEY": "sk" + "-Osprey-admin-key",
        "OPENAI_ORG_ID": "org-Osprey",
        "OPENAI_PROJECT_ID": "proj-Osprey",
        "OPENAI_WEBHOOK_SECRET": "Osprey",
        "OPENAI_CUSTOM_HEADERS": "X-Osprey: Osprey",
        "OPENAI_LOG": "debug",
        "AZURE_OPENAI_ENDPOINT": proxy.url,
        "AZURE_OPENAI_API_KEY": "Osprey",
        "LOCALDOMAIN": "osprey.example",
        "RES_OPTIONS": "ndots:15",
    }
    for name, value in poisoned.items():
        environment(name, value)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_the_environment_changes_no_byte_and_no_destination(
    operation: Operation,
    tmp_path: Path,
    cloud: RecordingServer,
    proxy: RecordingProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With every ambient variable pointing elsewhere, the same bytes go to the same server."""
    plain, first = await _received(operation, folder=tmp_path / "a", cloud=cloud)
    _poison(monkeypatch.setenv, proxy=proxy, folder=tmp_path)

    poisoned, second = await _received(operation, folder=tmp_path / "b", cloud=cloud)

    assert plain == poisoned
    assert ("on_premises", "on_premises") == (first, second)
    assert (b"", b"") == (proxy.received, cloud.received)
    assert b"Osprey" not in poisoned
    assert not (tmp_path / "keys.log").exists()


async def test_a_cloud_call_ignores_the_environment_too(
    tmp_path: Path, cloud: RecordingServer, proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ordinary text goes to the configured cloud and not through a proxy that nobody configured."""
    _poison(monkeypatch.setenv, proxy=proxy, folder=tmp_path)
    file = write_config(tmp_path / "c", cloud=cloud, on_premises=1)

    with open_client(file) as client:
        reply = client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "hello"}]
        )

    assert ("cloud", b"") == (reply.policy_decision.backend, proxy.received)
    assert b"Osprey" not in cloud.received


def test_a_proxy_that_the_configuration_names_is_used_for_the_cloud_alone(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer, proxy: RecordingProxy
) -> None:
    """Positive control: the recording proxy does see what is sent through it."""
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises)
    text = file.read_text(encoding="utf-8")
    wanted = f'place = "cloud"\nproxy = "{proxy.url}"'
    file.write_text(text.replace('place = "cloud"', wanted), encoding="utf-8")

    with open_client(file) as client:
        ask: dict[str, Any] = {"model": "assistant"}
        client.chat.completions.create(**ask, messages=[{"role": "user", "content": "hello"}])
        seen = len(proxy.requests)
        client.with_options(label="confidential").chat.completions.create(
            **ask, messages=[{"role": "user", "content": _TEXT}]
        )

    assert 1 == seen == len(proxy.requests)
    assert 1 == len(on_premises.requests)
    assert b"Kestrel" not in proxy.received + cloud.received


def test_no_temporary_file_is_made(
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request leaves nothing in the system's folder for temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))

    with open_client(write_config(tmp_path / "c", cloud=cloud, on_premises=on_premises)) as client:
        client.with_options(label="confidential").chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": _TEXT}]
        )

    assert [] == list(folder.iterdir())
