"""What a call leaves behind in this process: errors and log records.

Answers: does any error, its causes, or any log record at any level hold this text?
Not here: what servers received (`tests.support.search`).

Source of the list: briefs on leaks of other clients; `OPENAI_LOG=debug` writes whole requests.
"""

from __future__ import annotations

import json
import logging
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from tests.support.views import unescape_json

_LOUD = ("", "openai", "httpx2", "httpcore2", "asyncio", "anyio", "hybridllm", "py.warnings")
_BLUNT = ("object", "doc", "body", "message", "msg", "errors")  # where classes keep what was wrong


class Residue:
    """Collects the log records of every logger, and texts that are added."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add_error(self, error: BaseException) -> None:
        """Add everything that can be read off an error and the errors behind it."""
        self.texts.extend(error_texts(error))

    def holds(self, secret: str) -> list[str]:
        """Return the collected texts that hold the secret, whatever its width, case or escapes."""
        wanted = fold(secret)
        return [text for text in self.texts if wanted in fold(text)]


def fold(text: str) -> str:
    """Return a text without differences of width, case, escapes and blanks."""
    plain = unescape_json(text.encode("utf-8", "backslashreplace")).decode("utf-8", "replace")
    return "".join(unicodedata.normalize("NFKC", plain).casefold().split())


@contextmanager
def collected() -> Iterator[Residue]:
    """Collect the records of all loggers at DEBUG, and all warnings, while entered."""
    residue = Residue()
    handler = _Collector(residue)
    before = {name: logging.getLogger(name).level for name in _LOUD}
    root = logging.getLogger()
    root.addHandler(handler)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield residue
        residue.texts.extend(str(warning.message) for warning in caught)
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


class _Collector(logging.Handler):
    def __init__(self, residue: Residue) -> None:
        super().__init__(logging.NOTSET)
        self._residue = residue

    def emit(self, record: logging.LogRecord) -> None:
        self._residue.texts.append(f"{record.name}: {record.getMessage()} {record.args!r}")
        if record.exc_info and record.exc_info[1] is not None:
            self._residue.add_error(record.exc_info[1])


def error_chain(error: BaseException) -> list[BaseException]:
    """Return an error with its causes and contexts, suppressed ones too."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in chain:
            chain.append(one)
            waiting += [one.__cause__, one.__context__]
            waiting += getattr(one, "exceptions", ())
    return chain


def error_texts(error: BaseException) -> Iterator[str]:
    """Yield what logs, trackers and debuggers can read off an error."""
    for one in error_chain(error):
        yield f"{one!s} {one!r} {one.args!r} {getattr(one, '__notes__', '')!r}"
        yield from (f"{key}={value!r}" for key, value in vars(one).items())
        yield from (repr(getattr(one, name, "")) for name in _BLUNT)


def frame_texts(error: BaseException, *, package: str = "hybridllm") -> Iterator[tuple[str, str]]:
    """Yield function and `repr` of each local variable in the package's frames of a traceback."""
    for one in error_chain(error):
        for frame in _frames(one.__traceback__):
            if f"/{package}/" in frame.f_code.co_filename.replace("\\", "/"):
                for name, value in frame.f_locals.items():
                    yield f"{frame.f_code.co_name}.{name}", repr(value)


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def escaped(text: str) -> str:
    r"""Return a text in which every character is a `\uXXXX` escape of JSON."""
    return "".join(
        json.dumps(one)[1:-1] if ord(one) > 126 else f"\\u{ord(one):04x}" for one in text
    )
