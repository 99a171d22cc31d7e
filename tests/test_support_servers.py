"""Do the recording servers record everything and speak OpenAI's shapes?"""

from __future__ import annotations

import contextlib
import gc
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import openai
import pytest
from openai.types import CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from tests.support.asking import ASK, CHAT, event_data, plain_sdk, post
from tests.support.behaviours import Behaviour, Hang
from tests.support.fixtures import cloud, on_premises, proxy, start_server
from tests.support.loopback import dead_port
from tests.support.proxy import RecordingProxy
from tests.support.reply import Reply, ToolCall
from tests.support.server import RecordingServer

__all__ = ["cloud", "on_premises", "proxy", "start_server"]

TOOLS = Reply("見積り", (ToolCall("look_up", '{"q": "値"}'), ToolCall("add", "{}", "call_2")))


def assert_no_unknown_field(value: object) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, (type(value).__name__, value.model_extra)
        for name in type(value).model_fields:
            assert_no_unknown_field(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            assert_no_unknown_field(item)


@pytest.fixture
def client(cloud: RecordingServer) -> Iterator[openai.OpenAI]:
    with plain_sdk(cloud) as made:
        yield made


# -- recording


def test_every_byte_is_recorded_for_each_connection(cloud: RecordingServer) -> None:
    """Bytes count as received when they are sent, whole request or not."""
    with (
        socket.create_connection(("127.0.0.1", cloud.port)) as first,
        socket.create_connection(("127.0.0.1", cloud.port)) as second,
    ):
        first.sendall(b"POST /half HTTP/1.1\r\nX-A: 1")
        second.sendall(b"\x16\x03\x01 no http \x00\xff")

        assert [b"POST /half HTTP/1.1\r\nX-A: 1", b"\x16\x03\x01 no http \x00\xff"] == (
            cloud.connections
        )
        assert b"".join(cloud.connections) == cloud.received
        assert [] == cloud.requests


def test_bytes_are_seen_at_once_and_in_order() -> None:
    """An observer never misses what a client sent just before, in two hundred tries."""
    with RecordingServer() as server:
        for number in range(200):
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(b"secret %d" % number)
                assert server.received.endswith(b"secret %d" % number)


def test_requests_are_parsed_with_chunked_bodies_and_keep_alive(cloud: RecordingServer) -> None:
    """Two requests on one connection, the second in chunks, are listed with their parts."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    connection.request("GET", "/health", headers={"X-Two": "a", "Expect": "100-continue"})
    assert b"" == connection.getresponse().read()
    body = json.dumps(ASK).encode()
    connection.request("POST", CHAT + "?q=1", iter([body[:9], body[9:]]), encode_chunked=True)
    assert 200 == connection.getresponse().status
    connection.close()

    first, second = cloud.requests
    assert ("GET", "/health", "a") == (first.method, first.target, first.headers["x-two"])
    assert (CHAT + "?q=1", CHAT, ASK) == (second.target, second.path, second.json())
    assert 1 == len(cloud.connections)
    assert body not in cloud.received  # in chunks, as it was sent
    cloud.wait_until_idle()


@pytest.mark.filterwarnings("error")
def test_leaving_the_block_ends_threads_and_sockets_at_once() -> None:
    """Connections that idle, hang or were never read leave nothing behind."""
    before = set(threading.enumerate())
    with RecordingServer(Hang("accept")) as server, RecordingServer(Hang("headers")) as other:
        socks = [socket.create_connection(("127.0.0.1", s.port)) for s in (server, other) * 3]
        for sock in socks:
            sock.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        other.wait_for_requests(3)
        began = time.monotonic()
    took_s = time.monotonic() - began

    assert before == set(threading.enumerate())
    assert took_s < 2.0
    assert 3 == server.received.count(b"GET /health")
    for sock in socks:
        with sock, contextlib.suppress(ConnectionResetError):  # where bytes were left unread
            assert b"" == sock.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    del sock, socks
    gc.collect()  # a socket that was left open would warn now


def test_a_mistake_in_a_behaviour_fails_the_test() -> None:
    """A stub that breaks says so instead of looking like a quiet server."""

    class Broken(Behaviour):
        def answer(self, exchange: object) -> bool:
            raise ZeroDivisionError

    server = RecordingServer(Broken()).start()
    with pytest.raises(http.client.RemoteDisconnected):
        post(server, CHAT, body=ASK)

    with pytest.raises(ZeroDivisionError):
        server.stop()


def test_nothing_listens_on_a_dead_port() -> None:
    """A backend that is down refuses the connection."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", dead_port()))


# -- OpenAI's shapes


@pytest.mark.parametrize("reply", [Reply("ok 了解"), TOOLS, Reply("", TOOLS.tool_calls)])
def test_replies_have_exactly_openais_shapes(cloud: RecordingServer, reply: Reply) -> None:
    """Strict validation with the SDK's own types finds no missing and no unknown field."""
    cloud.say(lambda _: reply)
    streamed = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
    response = {"model": "m", "input": "q"}

    chat = ChatCompletion.model_validate_json(post(cloud, CHAT, body=ASK)[1], strict=True)
    *chunks, done = event_data(post(cloud, CHAT, body=streamed)[1])
    parsed = [ChatCompletionChunk.model_validate_json(c, strict=True) for c in chunks]
    whole = Response.model_validate_json(
        post(cloud, "/v1/responses", body=response)[1], strict=True
    )
    any_event: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
    sent = event_data(post(cloud, "/v1/responses", body={**response, "stream": True})[1])
    told = [any_event.validate_json(one, strict=True) for one in sent]

    assert_no_unknown_field([chat, *parsed, whole, *told])
    assert b"[DONE]" == done
    assert reply.text == "".join(c.choices[0].delta.content or "" for c in parsed if c.choices)
    assert chat.usage == parsed[-1].usage
    assert (reply.text, "response.completed") == (whole.output_text, told[-1].type)


def test_the_sdk_reads_streams_and_tool_calls(
    cloud: RecordingServer, client: openai.OpenAI
) -> None:
    """The SDK's own accumulation gives back the calls that the stub was told to make."""
    cloud.say(lambda request: TOOLS if request.json().get("tools") else "plain")
    asked = {"type": "function", "function": {"name": "look_up", "strict": True, "parameters": {}}}

    with client.chat.completions.stream(model="m", messages=[], tools=[asked]) as stream:  # type: ignore[list-item]
        calls = stream.get_final_completion().choices[0].message.tool_calls or []
    with client.responses.stream(model="m", input="q") as told:
        text = told.get_final_response().output_text

    assert ["look_up", "add"] == [call.function.name for call in calls]
    assert '{"q": "値"}' == calls[0].function.arguments
    assert "plain" == text


def test_the_other_routes_answer(cloud: RecordingServer, client: openai.OpenAI) -> None:
    """Embeddings (both encodings), models, tokenize and health are served; the rest is 404."""
    packed = client.embeddings.create(model="m", input=["a", "b", "a"])
    plain = client.embeddings.create(model="m", input="a", encoding_format="float", dimensions=3)
    raw = post(cloud, "/v1/embeddings", body={"model": "m", "input": [[1, 2], [3]]})[1]
    parsed = CreateEmbeddingResponse.model_validate_json(raw, strict=True)

    assert packed.data[0].embedding == packed.data[2].embedding != packed.data[1].embedding
    assert (3, 2) == (len(plain.data[0].embedding), len(parsed.data))
    assert_no_unknown_field([parsed, *client.models.list().data])
    assert "stub-model" == Model.model_validate(client.models.retrieve("stub-model")).id
    assert 6 == json.loads(post(cloud, "/tokenize", body={"prompt": "日本"})[1])["count"]
    assert 404 == post(cloud, "/v1/audio/speech", body={})[0]
    assert "ok from cloud" == (
        client.chat.completions.create(model="m", messages=[]).choices[0].message.content
    )


# -- proxy


def test_positive_control_the_proxy_catches_a_client_that_trusts_its_environment(
    proxy: RecordingProxy, on_premises: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap works: a plain client sends its text through the proxy variable."""
    for name, value in proxy.environment().items():
        monkeypatch.setenv(name, value)

    answer = httpx2.post(on_premises.url + CHAT, json=ASK)

    assert "ok from proxy" == answer.json()["choices"][0]["message"]["content"]
    assert b"Kestrel" in proxy.received
    assert on_premises.url + CHAT == proxy.requests[0].target
    assert b"" == on_premises.received


def test_a_tunnel_is_opened_or_refused(proxy: RecordingProxy, cloud: RecordingServer) -> None:
    """CONNECT is recorded; what passes an open tunnel is recorded on both sides."""
    tunnel = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    tunnel.set_tunnel("cloud.example", 443)
    with pytest.raises(OSError, match="403"):
        tunnel.request("POST", CHAT, json.dumps(ASK))
    proxy.tunnel_to = cloud.port

    tunnel.request("POST", CHAT, json.dumps(ASK))
    status = tunnel.getresponse().status
    tunnel.close()

    assert (200, ["cloud.example:443"] * 2) == (status, proxy.tunnels_asked_for)
    assert b"Kestrel" in proxy.received
    assert b"Kestrel" in cloud.received
