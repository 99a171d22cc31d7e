"""The stand-in for the cloud records every byte and answers like an OpenAI server."""

import socket
import threading
from urllib.parse import urlsplit

import openai
import pytest

from hybridllm.demo.cloud import StandInCloud


@pytest.fixture
def cloud():
    """A running stand-in."""
    server = StandInCloud()
    yield server
    server.close()


def send(cloud, data):
    """Send bytes on a connection of their own and close it."""
    address = urlsplit(cloud.base_url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(data)


def test_the_recording_holds_headers_and_body(cloud):
    """What the cloud received is there byte for byte, headers included."""
    with openai.OpenAI(base_url=cloud.base_url, api_key="key-of-the-demo") as client:
        client.chat.completions.create(
            model="some-model", messages=[{"role": "user", "content": "納期は?"}]
        )
    cloud.close()

    [received] = cloud.recording.connections
    assert received.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"key-of-the-demo" in received
    assert "納期は?".encode() in received
    assert len(received) == cloud.recording.size_bytes


def test_bytes_that_nobody_asked_for_are_recorded_too(cloud):
    """A body after a wrong path, and what follows the declared length, count as received."""
    sent = b"POST /elsewhere HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyand a tail"
    send(cloud, sent)

    cloud.close()

    assert (sent,) == cloud.recording.connections


def test_a_streamed_answer_is_the_same_text(cloud):
    """Streaming and not streaming say the same, and both say that it is a stand-in."""
    ask = {"model": "m", "messages": [{"role": "user", "content": "Hello there, cloud"}]}
    with openai.OpenAI(base_url=cloud.base_url, api_key="k") as client:
        whole = client.chat.completions.create(**ask).choices[0].message.content
        chunks = list(client.chat.completions.create(**ask, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "stop" == chunks[-1].choices[0].finish_reason
    assert "Stand-in" in whole
    # The count of bytes in the sentence differs: the second body also says "stream".
    assert whole.split("body")[0] == text.split("body")[0]


def test_closing_leaves_no_thread(cloud):
    """The demo ends when it is over."""
    before = set(threading.enumerate())
    server = StandInCloud()
    with openai.OpenAI(base_url=server.base_url, api_key="k") as client:
        assert [] != client.models.list().data

        server.close()

    assert before == set(threading.enumerate())


def test_saving_the_recording_writes_the_bytes_and_nothing_else(cloud, tmp_path):
    """The file can be searched with any tool."""
    send(cloud, b"one")
    cloud.close()

    cloud.recording.save(tmp_path / "received.bin")

    assert b"one" == (tmp_path / "received.bin").read_bytes()
