"""A stand-in for `socket.getaddrinfo` that answers from a table and notes each question.

Answers: which names were asked for, and what happens when the second answer differs?
Not here: packets to name servers (`namespace` sees those).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence

from tests.support.tripwire import is_inside

AddressInfo = tuple[int, int, int, str, tuple[str, int]]


class RecordingResolver:
    """Gives the n-th answer to the n-th question for a name; the last one stays.

    Call it like `socket.getaddrinfo`, or put it in that function's place. Names that the table does
    not know do not exist. Only IPv4 addresses, and one socket type: stream.
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = answers
        self._lock = threading.Lock()
        self.questions: list[str] = []

    def __call__(  # noqa: PLR0917  # the signature of `socket.getaddrinfo`
        self,
        host: str | bytes | None,
        port: str | int | None,
        family: int = 0,
        type: int = 0,  # the name that `socket.getaddrinfo` gives it
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddressInfo]:
        name = host.decode("idna") if isinstance(host, bytes) else host or "127.0.0.1"
        with self._lock:
            asked_before = self.questions.count(name)
            self.questions.append(name)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port or 0)))
            for address in self._addresses(name, asked_before=asked_before)
        ]

    def _addresses(self, name: str, *, asked_before: int) -> Sequence[str]:
        if name in self._answers:
            answers = self._answers[name]
            return answers[min(asked_before, len(answers) - 1)]
        if is_inside(name):
            return ("127.0.0.1",)
        try:
            socket.inet_aton(name)
        except OSError:
            raise socket.gaierror(socket.EAI_NONAME, "the table does not hold this name") from None
        return (name,)
