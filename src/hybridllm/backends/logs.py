"""The log records of the library below, without what a peer has sent.

Answers: what may `httpcore2` log?

At DEBUG it logs headers of replies and quotes bytes that it cannot parse. A server
that echoes a request there would put it into the log. Each record keeps the name of
the event, such as `send_request_body.complete`, and nothing else.
"""

from __future__ import annotations

import logging

_LOGGERS = ("connection", "http11", "http2", "proxy", "socks")


def quieten() -> None:
    """Install the filter, once."""
    for name in _LOGGERS:
        logger = logging.getLogger(f"httpcore2.{name}")
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)


class _NamesOnly(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Cut a record down to the name of its event."""
        record.msg = str(record.msg).partition(" ")[0][:64]
        record.args = None
        record.exc_info = None
        record.exc_text = None
        return True


_FILTER = _NamesOnly()
