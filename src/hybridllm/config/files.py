"""Reading configuration files.

Answers: what stands in these files, and if something is wrong, what and where?
Not here: what it means (`policy.load`, `config.wiring`).
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from hybridllm.errors import ConfigurationError, expected_one_of
from hybridllm.policy.schema import Section

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

Shape = TypeVar("Shape", bound=Section)

DEFAULT_FILE = "hybridllm.toml"
CONFIG_VARIABLE = "HYBRIDLLM_CONFIG"
DEPARTMENTS = "departments"

_BARE_KEY = re.compile(r"[A-Za-z0-9_\-]+")
_PYTHON_TABLE = re.compile(r"a valid dictionary( or instance of \w+)?")
_MAX_FILE_BYTES = 4 * 1024 * 1024


def read_file(path: Path, *, shape: type[Shape], shown: str) -> tuple[Shape, bytes]:
    """Return a file's tables and its bytes.

    Args:
        path: The file.
        shape: What it must look like.
        shown: How errors name it.

    Raises:
        ConfigurationError: It cannot be read, is no UTF-8 or TOML, or has another shape.
    """
    data = _bytes(path, shown=shown)
    try:
        tables = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"is not UTF-8 (byte {error.start}); save it as UTF-8", file=shown
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"is no valid TOML: {_position(error)}; correct it there", file=shown
        ) from None
    except RecursionError:
        raise ConfigurationError("is nested too deeply; write plain tables", file=shown) from None
    if not tables:
        if shown.startswith(f"{DEPARTMENTS}/"):
            name = shown.removeprefix(f"{DEPARTMENTS}/").removesuffix(".toml")
            remedy = f"is empty. Remove it, then write one with: hybridllm policy new {name}"
            raise ConfigurationError(remedy, file=shown)
        raise ConfigurationError("is empty; write one with: hybridllm init", file=shown)
    try:
        return shape.model_validate(tables), data
    except ValidationError as error:
        raise _as_configuration_error(error, file=shown) from None


def _bytes(path: Path, *, shown: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            "does not exist; write one with: hybridllm init", file=shown
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}; check that it is a file that you may read",
            file=shown,
        ) from None
    if len(data) > _MAX_FILE_BYTES:
        raise ConfigurationError(
            f"is larger than {_MAX_FILE_BYTES:,} bytes; keep word lists in files of their own",
            file=shown,
        )
    return data.removeprefix(b"\xef\xbb\xbf")


def _position(error: tomllib.TOMLDecodeError) -> str:
    """Return where the mistake is. The parser's message may quote a character, no more."""
    return str(error)


def _as_configuration_error(error: ValidationError, *, file: str) -> ConfigurationError:
    details = error.errors(include_url=False, include_input=True)
    first = _most_telling(details)
    more = f" ({len(details) - 1} more after this one)" if len(details) > 1 else ""
    location = first["loc"]
    if first["type"] == "unknown_key":
        location = (*location, first["ctx"]["key"])
    return ConfigurationError(_message(first) + more, file=file, key=key_path(location))


def _most_telling(details: list[ErrorDetails]) -> ErrorDetails:
    """Return the mistake to show: of a label that is a table, what is wrong in the table."""
    first = details[0]
    if first["type"] == "string_type" and isinstance(first["input"], dict):
        inside = [detail for detail in details if "LabelTable" in detail["loc"]]
        first = next(iter(inside), first)
    same = [detail for detail in details if detail["input"] is first["input"]]
    return next((detail for detail in same if detail["type"] == "literal_error"), first)


def _message(detail: ErrorDetails) -> str:
    context: dict[str, Any] = detail.get("ctx", {})
    value = detail["input"]
    match detail["type"]:
        case "unknown_key":
            found = expected_one_of(context["key"], allowed=context["allowed"])
            return f"unknown key; it {found}"
        case "missing":
            return "is missing. Add it"
        case "literal_error":
            allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
            if allowed == ["all"]:
                return f"is {value!r}; expected a list of names, or 'all'"
            return (
                expected_one_of(value, allowed=allowed)
                if allowed
                else f"must be {context['expected']}"
            )
        case "string_pattern_mismatch":
            return f"is {value!r}; names have letters, digits, '_', '-' and '.'"
        case "no_variable_name" | "empty_then" | "mixed_then" | "no_limit":
            return str(detail["msg"])
    shown = f"is {value!r}; " if isinstance(value, (int, float, bool)) else ""
    text = _PYTHON_TABLE.sub("a table of keys and values", str(detail["msg"]))
    return f"{shown}{text[:1].lower()}{text[1:]}"


def key_path(location: tuple[int | str, ...]) -> str:
    """Return a path such as `rules[2].when.label`."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step in {"str", "LabelTable", "[key]"} or step.startswith(("literal[", "list[")):
            continue  # a branch of a union, not a key
        else:
            quoted = step if _BARE_KEY.fullmatch(step) else f'"{step}"'
            path += f".{quoted}" if path else quoted
    return path
