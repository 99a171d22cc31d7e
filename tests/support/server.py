"""An OpenAI-compatible stub that records every byte it receives.

Answers: what would this backend have learnt?
Not here: how it misbehaves (`behaviours`), what it says (`exchange`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from tests.support.behaviours import Behaviour, Hang, Ok
from tests.support.exchange import Exchange
from tests.support.loopback import LoopbackServer
from tests.support.reply import Reply
from tests.support.wire import Connection, NotHttpError, ParsedRequest, read_request

ReplyTo = Callable[[ParsedRequest], str | Reply]


class RecordingServer(LoopbackServer):
    """A stub cloud or on-premises server on 127.0.0.1.

    Args:
        behaviour: What it does with each request; `behave` changes it later.
        name: Stands in the default reply, "ok from <name>", and in thread names.
        reply: Returns the text (or a `Reply` with tool calls) for a request.
        models: The model ids that `/v1/models` lists. Any id is answered.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        name: str = "stub",
        reply: ReplyTo | None = None,
        models: Sequence[str] = ("stub-model",),
    ) -> None:
        super().__init__(name=name)
        self._behaviour = behaviour or Ok()
        self._reply = reply
        self._models = tuple(models)

    @property
    def base_url(self) -> str:
        """The address that an OpenAI client wants."""
        return f"{self.url}/v1"

    def behave(self, behaviour: Behaviour) -> Self:
        """Behave like that from the next request on."""
        self._behaviour = behaviour
        return self

    def say(self, reply: ReplyTo) -> Self:
        """Reply like that from the next request on."""
        self._reply = reply
        return self

    def serve(self, connection: Connection) -> None:
        while connection.wait_for_first_byte():
            behaviour = self._behaviour.choose()
            if isinstance(behaviour, Hang) and behaviour.before == "accept":
                self.stopping.wait()
                return
            try:
                request = read_request(connection)
            except NotHttpError:
                connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            self.note(request)
            keep = self.handle(connection, request=request, behaviour=behaviour)
            if not (keep and request.keeps_alive):
                return

    def handle(
        self, connection: Connection, *, request: ParsedRequest, behaviour: Behaviour
    ) -> bool:
        """Answer one request; True keeps the connection."""
        said = self._reply(request) if self._reply else f"ok from {self.name}"
        exchange = Exchange(
            connection=connection,
            request=request,
            reply=Reply(said) if isinstance(said, str) else said,
            models=self._models,
            stopping=self.stopping,
        )
        return behaviour.answer(exchange)
