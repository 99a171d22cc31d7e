"""Do the stubs misbehave as told, and do the traps catch a client without a guard?"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx2
import openai
import pytest

from tests.support.asking import ASK, CHAT, event_data, plain_sdk, post
from tests.support.behaviours import (
    BadJson,
    CutMidStream,
    EchoError,
    FailThenOk,
    Garbage,
    Hang,
    HugeBody,
    Ok,
    OnPath,
    Redirect,
    Sequence,
    Slow,
    Status,
    StreamError,
    WrongShape,
    rate_limited,
)
from tests.support.fixtures import StartServer, cloud, on_premises, start_server
from tests.support.server import RecordingServer

__all__ = ["cloud", "on_premises", "start_server"]


@pytest.fixture
def client(cloud: RecordingServer) -> Iterator[openai.OpenAI]:
    with plain_sdk(cloud) as made:
        yield made


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 529])
def test_an_error_status_reaches_the_sdk(
    cloud: RecordingServer, client: openai.OpenAI, code: int
) -> None:
    """Each status arrives as the SDK's error, with the headers that were asked for."""
    cloud.behave(Status(code, headers={"X-Why": "test"}))

    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="m", messages=[])

    assert (code, "test") == (caught.value.status_code, caught.value.response.headers["x-why"])


def test_retry_after_comes_as_seconds_or_as_a_date() -> None:
    """Both forms of RFC 9110 are available to test a retry with."""
    dated = rate_limited(retry_after_s=90, as_date=True).headers["Retry-After"]

    assert "2" == rate_limited(retry_after_s=2).headers["Retry-After"]
    assert abs(parsedate_to_datetime(dated).timestamp() - time.time() - 90) < 5


@pytest.mark.parametrize("code", [307, 308])
def test_positive_control_a_redirect_makes_the_plain_sdk_leak(
    cloud: RecordingServer, on_premises: RecordingServer, code: int
) -> None:
    """The trap works: a client that follows redirects carries the text to the cloud."""
    on_premises.behave(Redirect(code, cloud.url))

    with plain_sdk(on_premises) as trusting:
        trusting.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Kestrel"}]
        )

    assert b"Kestrel" in cloud.received


@pytest.mark.parametrize("code", [301, 302, 303])
def test_other_redirects_name_the_location(cloud: RecordingServer, code: int) -> None:
    """The location is taken as given when the target shall not be appended."""
    cloud.behave(Redirect(code, "http://127.0.0.1:1/elsewhere", keep_target=False))

    answer = httpx2.post(cloud.url + CHAT, json=ASK, trust_env=False)

    assert (code, "http://127.0.0.1:1/elsewhere") == (
        answer.status_code,
        answer.headers["location"],
    )


@pytest.mark.parametrize("before", ["accept", "headers", "body"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_hanging_server_records_and_stays_silent(
    cloud: RecordingServer, before: str, stream: bool
) -> None:
    """The client times out, the recording holds its request, the head came only before the body."""
    cloud.behave(Hang(before))  # type: ignore[arg-type]
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=0.2) as sock:
        body = json.dumps({**ASK, "stream": stream}).encode()
        sock.sendall(b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (CHAT.encode(), len(body)))
        sock.sendall(body)
        got = b""
        with contextlib.suppress(TimeoutError):
            while data := sock.recv(4096):
                got += data
            pytest.fail("the server closed the connection")

    assert body in cloud.received
    assert (before == "body") == got.startswith(b"HTTP/1.1 200 OK")
    if before != "accept":
        cloud.wait_until_idle()


def test_a_server_that_does_not_read_blocks_a_large_request(cloud: RecordingServer) -> None:
    """With `accept` the sender of many megabytes gets stuck, as with a stalled machine."""
    cloud.behave(Hang("accept"))
    with (
        socket.create_connection(("127.0.0.1", cloud.port), timeout=0.2) as sock,
        pytest.raises(TimeoutError),
    ):
        sock.sendall(bytes(64 << 20))


def test_a_slow_reply_comes_byte_by_byte_and_whole(
    client: openai.OpenAI, cloud: RecordingServer
) -> None:
    """Drip feeding changes the pace and not the content."""
    cloud.behave(Slow(pause_s=0.0005, drip_bytes=300))

    assert "ok from cloud" == (
        client.chat.completions.create(model="m", messages=[]).choices[0].message.content
    )


@pytest.mark.parametrize(
    ("how", "error"), [("close", http.client.IncompleteRead), ("reset", ConnectionResetError)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_reply_ends_in_the_middle(
    cloud: RecordingServer, how: str, error: type[Exception], stream: bool
) -> None:
    """A stream that ends with FIN or RST inside its body is an error for the reader."""
    cloud.behave(CutMidStream(after_chunks=1, how=how))  # type: ignore[arg-type]

    with pytest.raises(error):
        post(cloud, CHAT, body={**ASK, "stream": stream})


def test_a_stream_can_end_without_its_end_mark(cloud: RecordingServer) -> None:
    """Two events and a proper end of body, but neither finish reason nor [DONE]."""
    cloud.behave(CutMidStream(after_chunks=2, how="end"))

    sent = event_data(post(cloud, CHAT, body={**ASK, "stream": True})[1])

    assert 2 == len(sent)
    assert all(json.loads(one)["choices"][0]["finish_reason"] is None for one in sent)


def test_an_error_event_reaches_the_sdk(cloud: RecordingServer, client: openai.OpenAI) -> None:
    """After two good pieces chat raises; the Responses API hands the error over as an event."""
    cloud.behave(StreamError(after_chunks=2))

    chat = client.chat.completions.create(model="m", messages=[], stream=True)
    good = [next(chat), next(chat)]
    with pytest.raises(openai.APIError, match="mid-stream"):
        next(chat)
    told = [one.type for one in client.responses.create(model="m", input="q", stream=True)]

    assert 2 == len(good)
    assert ["response.created", "response.in_progress", "error"] == told


def test_an_echoing_error_repeats_the_whole_request(cloud: RecordingServer) -> None:
    """The trap for error texts holds everything the client sent."""
    cloud.behave(EchoError(422))

    code, body = post(cloud, CHAT, body=ASK)

    assert (422, True) == (code, json.dumps(ASK) in json.loads(body)["error"]["message"])


@pytest.mark.parametrize("stream", [False, True])
def test_nonsense_is_served_as_told(cloud: RecordingServer, stream: bool) -> None:
    """No HTTP, broken JSON, another shape, and a body of the wanted size."""
    asked = {**ASK, "stream": stream}

    cloud.behave(Sequence([Garbage(), BadJson(), WrongShape(), HugeBody(5_000_000)]))

    with pytest.raises(http.client.BadStatusLine):
        post(cloud, CHAT, body=asked)
    bodies = [post(cloud, CHAT, body=asked)[1].removeprefix(b"data: ") for _ in range(3)]
    with pytest.raises(ValueError, match=r"Unterminated|Invalid control"):
        json.loads(bodies[0])
    assert {"unexpected"} == set(json.loads(bodies[1]))
    choice = json.loads(bodies[2])["choices"][0]
    assert 5_000_000 == len(choice["delta" if stream else "message"]["content"])


def test_behaviours_change_by_request_and_by_path(start_server: StartServer) -> None:
    """A server can fail first and recover, and be well on one path while ill on another."""
    failing = start_server(FailThenOk(2, Status(503)), name="failing")
    mixed = start_server(OnPath({CHAT: Sequence([Status(500), Ok()])}), name="mixed")

    assert [503, 503, 200, 200] == [post(failing, CHAT, body=ASK)[0] for _ in range(4)]
    assert [500, 200] == [post(mixed, CHAT, body=ASK)[0] for _ in range(2)]
    assert 200 == post(mixed, "/v1/embeddings", body=ASK)[0]
