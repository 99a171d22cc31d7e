"""A hub is asked only when the user says so, with two small requests."""

import http.server
import json
import threading

import pytest

from hybridllm.sizing.errors import FactsError
from hybridllm.sizing.load import load_model
from hybridllm.sizing.weights import weights_bytes
from tests.sizing.facts import TINY_CONFIG, safetensors, tiny_tensors


class Hub:
    """A model hub on the loopback address."""

    def __init__(self):
        self.files = {}
        self.requests = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hub.requests.append((self.path, self.headers.get("Range")))
                status, body = hub.files.get(self.path.rsplit("/", 1)[-1], (404, b""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Stay silent."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hub():
    """A hub with one small model."""
    one = Hub()
    one.files["config.json"] = (200, json.dumps(TINY_CONFIG).encode())
    one.files["model.safetensors"] = (206, safetensors(tiny_tensors()))
    yield one
    one.server.shutdown()
    one.server.server_close()


def ask(hub, name="owner/tiny"):
    return load_model(name, ask_hub=True, hub_url=hub.url)


def test_nothing_is_asked_without_the_flag(hub):
    """The name of a model does not leave the machine by itself."""
    with pytest.raises(FactsError, match="--hub"):
        load_model("owner/tiny", hub_url=hub.url)

    assert [] == hub.requests


def test_two_small_requests_give_exact_bytes(hub):
    """The configuration and the head of the weights; not the weights."""
    shape = ask(hub)

    assert sum(size for _, _, size in tiny_tensors().values()) == weights_bytes(shape)
    assert [
        "/owner/tiny/resolve/main/config.json",
        "/owner/tiny/resolve/main/model.safetensors",
    ] == [path for path, _ in hub.requests]
    assert "bytes=0-1048575" == hub.requests[1][1]


def test_a_checkpoint_in_several_files_is_checked_by_its_index(hub):
    """The index's total stands beside the count."""
    del hub.files["model.safetensors"]
    index = {"metadata": {"total_size": 123_456}}
    hub.files["model.safetensors.index.json"] = (200, json.dumps(index).encode())

    assert "123,456 bytes" in ask(hub).assumptions[-1]


@pytest.mark.parametrize(
    ("status", "body", "match"),
    [
        (404, b"", "answered 404"),
        (401, b"", "asks for a login"),
        (200, b"<html>", "not JSON"),
        (200, b"[1]", "not a table"),
    ],
)
def test_a_strange_answer_is_told(hub, status, body, match):
    """Missing, gated or damaged configurations."""
    hub.files["config.json"] = (status, body)

    with pytest.raises(FactsError, match=match):
        ask(hub)


def test_a_broken_index_is_told(hub):
    """An index without a total."""
    del hub.files["model.safetensors"]
    hub.files["model.safetensors.index.json"] = (200, b"{}")

    with pytest.raises(FactsError, match="total_size"):
        ask(hub)


def test_a_name_that_is_no_hub_name_is_not_sent(hub):
    """A path is never turned into a request."""
    with pytest.raises(FactsError, match="expected owner/name"):
        ask(hub, "../../etc/passwd")

    assert [] == hub.requests


def test_a_hub_that_is_not_there_is_told():
    """The message says that it did not answer, and why."""
    with pytest.raises(FactsError, match="did not answer"):
        load_model("owner/tiny", ask_hub=True, hub_url="http://127.0.0.1:9")
