"""For tests of programs that use hybridllm: fakes, and a fence around the network.

    from hybridllm.testing import EchoBackend, client_for_tests, forbid_egress

    cloud = EchoBackend("cloud")
    with forbid_egress(), client_for_tests("hybridllm.toml", backends=[cloud]) as client:
        my_program(client)
    assert "Hanako" not in cloud.received_text

Your own configuration is read and decides as it always does; only what lies outside the
process is replaced: backends, keys, the audit log, and the memory of earlier texts.

    EchoBackend             a backend that answers with what it was asked
    RecordingSink           an audit log in memory
    client_for_tests        a client over your configuration and these fakes
    async_client_for_tests  the same for event loops
    forbid_egress           every connection to outside this machine raises
    EgressForbiddenError    what it raises
"""

from hybridllm.testing.clients import async_client_for_tests, client_for_tests
from hybridllm.testing.echo import EchoBackend
from hybridllm.testing.egress import EgressForbiddenError, forbid_egress
from hybridllm.testing.sink import RecordingSink

__all__ = [
    "EchoBackend",
    "EgressForbiddenError",
    "RecordingSink",
    "async_client_for_tests",
    "client_for_tests",
    "forbid_egress",
]
