"""Texts that a user hands to a command: typed, piped, or in a file.

Answers: what text is it, and if it cannot be read, why?
Not here: what is done with it.

Everything is UTF-8, with or without a byte order mark, whatever the system's own
encoding is. Errors name the file and the byte, never what stands there.
"""

from __future__ import annotations

import codecs
import json
import sys
from pathlib import Path
from typing import Any, Final

from hybridllm.errors import RequestError

STANDARD_INPUT: Final = "-"

_MAX_BYTES: Final = 100_000_000
"""`limits.max_request_bytes` cannot be higher than this."""

_OTHER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def read_text(name: str) -> str:
    """Return the text of a file, or of standard input for `-`.

    Raises:
        RequestError: It cannot be read, is too large, or is not UTF-8.
    """
    shown = "standard input" if name == STANDARD_INPUT else name
    data = _read(name, shown=shown)
    for mark, encoding in _OTHER_MARKS:
        if data.startswith(mark):
            raise RequestError(f"{shown}: is {encoding}; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"{shown}: is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None


def read_request(name: str) -> dict[str, Any]:
    """Return the JSON object in a file, or in standard input for `-`.

    Raises:
        RequestError: It cannot be read, or holds no JSON object.
    """
    shown = "standard input" if name == STANDARD_INPUT else name
    text = read_text(name)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise RequestError(
            f"{shown}: is no valid JSON (line {error.lineno}, column {error.colno})"
        ) from None
    except RecursionError:
        raise RequestError(f"{shown}: is nested too deeply") from None
    except ValueError:
        raise RequestError(f"{shown}: holds a number with too many digits") from None
    if not isinstance(value, dict):
        raise RequestError(
            f'{shown}: must hold a JSON object such as {{"model": ..., "messages": [...]}}'
        )
    return value


def _read(name: str, *, shown: str) -> bytes:
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise RequestError(f"{shown}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise RequestError("the name of the file holds a character that no name has") from None
    if len(data) > _MAX_BYTES:
        raise RequestError(f"{shown}: is larger than {_MAX_BYTES:,} bytes")
    return data
