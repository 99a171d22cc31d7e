"""Odd spellings of a base URL: refused when the file is read, or dialled exactly as judged."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import openai
import pytest

from hybridllm import HybridLLM
from hybridllm.addresses import DeclaredNetworks
from hybridllm.backends.settings import BaseUrl
from hybridllm.errors import AddressRefusedError, ConfigurationError
from tests.leaks.setting import open_client, write_config
from tests.support.server import RecordingServer

REFUSED = [
    "http://user@127.0.0.1:{port}/v1",
    "http://user:password@127.0.0.1:{port}/v1",
    "http://127.0.0.1:{port}@example.com/v1",
    "http://example.com@127.0.0.1:{port}/v1",
    "http://127.0.0.1:{port}\\\\@example.com/v1",
    "http://127.0.0.1\\\\.example.com:{port}/v1",
    "http:/\\\\127.0.0.1:{port}/v1",
    "http:127.0.0.1:{port}/v1",
    "http:///127.0.0.1:{port}/v1",
    "//127.0.0.1:{port}/v1",
    "127.0.0.1:{port}/v1",
    "ftp://127.0.0.1:{port}/v1",
    "file:///etc/passwd",
    "http://127.0.0.1:{port}/v1?to=example.com",
    "http://127.0.0.1:{port}/v1#@example.com",
    "http://127.0.0.1:{port}/../v1%2f",
    "http://127.0.0.1%00.example.com:{port}/v1",
    "http://127.0.0.1\\u0000.example.com:{port}/v1",
    "http://127.0.0.1\\t:{port}/v1",
    "http://127.0.0.1\\n:{port}/v1",
    " http://127.0.0.1:{port}/v1",
    "http://127。0。0。1:{port}/v1",
    "http://127．0．0．1:{port}/v1",
    "http://１２７.0.0.1:{port}/v1",
    "http://①②⑦.0.0.1:{port}/v1",
    "http://ⓔxample.com:{port}/v1",
    "http://exämple.com:{port}/v1",
    "http://exa\\u00admple.com:{port}/v1",
    "http://127.0.0.1\\u200b:{port}/v1",
    "http://[::ffff:127.0.0.1%25lo]:{port}/v1",
    "http://[::1]@example.com:{port}/v1",
    "http://[127.0.0.1:{port}/v1",
    "http://127.0.0.1:99999/v1",
    "http://127.0.0.1:0/v1",
    "http://127.0.0.1:-1/v1",
    "http://127.0.0.1:{port}:80/v1",
    "http://127.0.0.1:８０/v1",
    "http://:{port}/v1",
    "http:///v1",
    "",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_with_two_readings_does_not_load(
    url: str, tmp_path: Path, cloud: RecordingServer
) -> None:
    """Users, backslashes, NUL, look-alike dots and queries are refused, and nothing is dialled."""
    file = write_config(tmp_path, cloud=cloud, on_premises=1)
    text = file.read_text(encoding="utf-8")
    odd = url.format(port=cloud.port)
    file.write_text(text.replace("http://127.0.0.1:1/v1", odd), encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        HybridLLM(config=file)

    assert "base_url" in str(caught.value)
    assert [] == cloud.connections


ODD_ADDRESSES = [
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1.",
    "localhost",
    "localhost.",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "0",
    "0.0.0.0",
]


@pytest.mark.parametrize("host", ODD_ADDRESSES)
def test_an_odd_spelling_of_an_inner_address_is_dialled_as_judged_or_refused(
    host: str,
    tmp_path: Path,
    cloud: RecordingServer,
    on_premises: RecordingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the system makes of `0x7f.1` is judged, and the socket gets that very address."""
    dialled: list[str] = []
    dial = socket.create_connection

    def noted(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        dialled.append(address[0])
        return dial(address, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", noted)
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises, host=host)

    with open_client(file) as client:
        mine = client.with_options(label="confidential")
        try:
            mine.embeddings.create(model="assistant", input="Kestrel plan")
        except (AddressRefusedError, openai.APIConnectionError):
            assert [] == on_premises.connections

    inside = ipaddress.ip_network("127.0.0.0/8")
    assert all(ipaddress.ip_address(address) in inside for address in dialled)
    assert b"" == cloud.received


OUTSIDE = ["203.0.113.7", "0xcb.0.113.7", "3405803783", "[::ffff:203.0.113.7]", "[2001:db8::7]"]


@pytest.mark.parametrize("host", OUTSIDE)
def test_an_outer_address_in_any_spelling_is_never_dialled(
    host: str, tmp_path: Path, cloud: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declared as on the premises, found elsewhere: refused before a packet."""
    dialled: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *args, **_: dialled.append(args))
    file = write_config(tmp_path, cloud=cloud, on_premises=9, host=host)

    with open_client(file) as client, pytest.raises(AddressRefusedError) as caught:
        client.with_options(label="confidential").embeddings.create(
            model="assistant", input="Kestrel plan"
        )

    assert [] == dialled
    assert "Kestrel" not in str(caught.value)
    assert caught.value.policy_decision is not None


@pytest.mark.parametrize(
    "network",
    ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/8", "2000::/3", "10.0.0.0/7"],
)
def test_a_network_that_holds_the_world_is_not_on_the_premises(
    network: str, tmp_path: Path, cloud: RecordingServer
) -> None:
    """Whoever declares the whole Internet has declared nothing."""
    file = write_config(tmp_path, cloud=cloud, on_premises=1)
    text = file.read_text(encoding="utf-8").replace("127.0.0.0/8", network)
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match="networks"):
        HybridLLM(config=file)


@pytest.mark.parametrize(
    ("answers", "networks"),
    [
        (["10.0.0.1", "203.0.113.7"], ["10.0.0.0/8"]),
        (["203.0.113.7", "10.0.0.1"], ["10.0.0.0/8"]),
        (["::ffff:203.0.113.7"], ["10.0.0.0/8", "::ffff:0:0/96"]),
        (["64:ff9b::cb00:7107"], ["10.0.0.0/8"]),
        (["2002:cb00:7107::1"], ["10.0.0.0/8", "fd00::/8"]),
        (["169.254.169.254"], ["10.0.0.0/8"]),
        (["fe80::1%eth0"], ["10.0.0.0/8"]),
        ([], ["10.0.0.0/8"]),
    ],
)
def test_one_answer_outside_refuses_the_host(answers: list[str], networks: list[str]) -> None:
    """Mixed, mapped, translated and empty answers are refused as a whole."""
    declared = DeclaredNetworks.of("inner", networks=networks)

    with pytest.raises(AddressRefusedError):
        declared.judge("inner.example", answers=answers)


def test_the_judged_address_is_the_first_answer_in_its_plain_form() -> None:
    """An IPv4 address in IPv6 clothes is judged, and dialled, as IPv4."""
    declared = DeclaredNetworks.of("inner", networks=["10.0.0.0/8"])

    assert "10.0.0.9" == declared.judge("inner.example", answers=["::ffff:10.0.0.9", "10.0.0.1"])


def test_a_base_url_is_read_in_one_way() -> None:
    """Scheme, host, port and path come out as they stand."""
    url = BaseUrl.parse("https://inner.example:8443/team/v1/")

    assert ("https", "inner.example", 8443, "/team/v1") == (
        url.scheme,
        url.host,
        url.port,
        url.path,
    )
    assert b"inner.example:8443" == url.authority
