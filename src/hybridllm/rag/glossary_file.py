"""Reading a glossary from its file.

Answers: which terms stand in this file, and if something is wrong, what and where?
Not here: what is done with them (`glossary`), which files there are (`config`).

A file without a label is strictest: its terms are used by nobody until it says otherwise.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hybridllm.errors import ConfigurationError, expected_one_of
from hybridllm.labels import Label, Scale
from hybridllm.rag.glossary import GlossaryTerm
from hybridllm.rag.glossary_match import folded_word

_MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_MAX_WORD: Final = 200
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, strict=True)


class _LabelTable(BaseModel):
    """A label in full."""

    model_config = _STRICT

    level: str
    compartments: list[str] | Literal["all"] = Field(default_factory=list)


class _TermTable(BaseModel):
    """One `[[terms]]`."""

    model_config = _STRICT

    preferred: str = Field(min_length=1, max_length=_MAX_WORD)
    synonyms: list[str] = Field(default_factory=list, max_length=200)
    forbidden: list[str] = Field(default_factory=list, max_length=200)
    definition: str = Field(default="", max_length=2_000)
    reading: str = Field(default="", max_length=_MAX_WORD)
    label: str | _LabelTable | None = None
    language: Literal["", "en", "ja"] = ""


class _File(BaseModel):
    """A whole file."""

    model_config = _STRICT

    version: Literal[1]
    label: str | _LabelTable | None = None
    terms: list[_TermTable] = Field(min_length=1)


def load_glossary(path: str | Path, *, scale: Scale) -> tuple[GlossaryTerm, ...]:
    """Read the terms of one file.

    Args:
        path: A TOML file in UTF-8.
        scale: The organisation's levels and compartments.

    Raises:
        ConfigurationError: With file, key and what to change.
    """
    shown = str(path)
    file = _read(Path(path), shown=shown)
    default = scale.strictest
    if file.label is not None:
        default = _label(file.label, scale=scale, file=shown, key="label")
    terms = tuple(
        _term(table, default=default, scale=scale, file=shown, key=f"terms[{number}]")
        for number, table in enumerate(file.terms)
    )
    _refuse_repeats(terms, file=shown)
    return terms


def _read(path: Path, *, shown: str) -> _File:
    if path.exists() and not path.is_file():
        # A pipe says something else each time, and nobody can have signed it.
        raise ConfigurationError("is no file; write a plain one", file=shown)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError("does not exist", file=shown) from None
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=shown) from None
    if len(data) > _MAX_FILE_BYTES:
        raise ConfigurationError(f"is larger than {_MAX_FILE_BYTES:,} bytes", file=shown)
    try:
        tables = tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode())
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"is not UTF-8 (byte {error.start}); save it as UTF-8", file=shown
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"is no valid TOML: {_position(error)}", file=shown) from None
    except RecursionError:
        raise ConfigurationError("is nested too deeply", file=shown) from None
    try:
        return _File.model_validate(tables)
    except ValidationError as error:
        raise _as_configuration_error(error, file=shown) from None


def _position(error: tomllib.TOMLDecodeError) -> str:
    """Return where the mistake is, without the words that stand there."""
    place = re.search(r"\(at [^)]*\)", str(error))
    return place.group()[1:-1] if place else "at an unknown place"


def _as_configuration_error(error: ValidationError, *, file: str) -> ConfigurationError:
    details = error.errors(include_url=False, include_input=False, include_context=True)
    first = details[0]
    location = [step for step in first["loc"] if step not in {"str", "_LabelTable"}]
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    more = f" ({len(details) - 1} more after this one)" if len(details) > 1 else ""
    return ConfigurationError(_message(first, location) + more, file=file, key=key.lstrip("."))


def _message(detail: Any, location: list[int | str]) -> str:
    context: dict[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            shape = _TermTable if "terms" in location else _File
            return f"unknown key; it {expected_one_of(location[-1], allowed=shape.model_fields)}"
        case "missing":
            return "is missing"
        case "literal_error":
            return f"is not known; expected {context.get('expected', '')}"
    text = str(detail["msg"])
    return f"{text[:1].lower()}{text[1:]}"


def _term(table: _TermTable, *, default: Label, scale: Scale, file: str, key: str) -> GlossaryTerm:
    label = default
    if table.label is not None:
        label = _label(table.label, scale=scale, file=file, key=f"{key}.label")
    for name, word in _named_words(table):
        if not folded_word(word) or len(word) > _MAX_WORD:
            raise ConfigurationError(
                f"is empty or longer than {_MAX_WORD} characters; write a word",
                file=file,
                key=f"{key}.{name}",
            )
    allowed = {folded_word(word) for word in (table.preferred, *table.synonyms)}
    for number, word in enumerate(table.forbidden):
        if folded_word(word) in allowed:
            raise ConfigurationError(
                "is the preferred term or a synonym as well; remove it from one of the two",
                file=file,
                key=f"{key}.forbidden[{number}]",
            )
    return GlossaryTerm(
        preferred=table.preferred,
        label=label,
        synonyms=tuple(table.synonyms),
        forbidden=tuple(table.forbidden),
        definition=table.definition.strip(),
        reading=table.reading,
        language=table.language,
    )


def _named_words(table: _TermTable) -> Iterator[tuple[str, str]]:
    yield "preferred", table.preferred
    yield from ((f"synonyms[{number}]", word) for number, word in enumerate(table.synonyms))
    yield from ((f"forbidden[{number}]", word) for number, word in enumerate(table.forbidden))


def _label(config: str | _LabelTable, *, scale: Scale, file: str, key: str) -> Label:
    level, parts = (config, []) if isinstance(config, str) else (config.level, config.compartments)
    names = [item.name for item in scale.levels]
    if level not in names:
        where = key if isinstance(config, str) else f"{key}.level"
        raise ConfigurationError(expected_one_of(level, allowed=names), file=file, key=where)
    if parts == "all":
        return scale.label(level, compartments=scale.compartments)
    for number, name in enumerate(parts):
        if name not in scale.compartments:
            raise ConfigurationError(
                expected_one_of(name, allowed=scale.compartments),
                file=file,
                key=f"{key}.compartments[{number}]",
            )
    return scale.label(level, compartments=parts)


def _refuse_repeats(terms: tuple[GlossaryTerm, ...], *, file: str) -> None:
    seen: dict[tuple[str, str], int] = {}
    for number, term in enumerate(terms):
        if term.key in seen:
            raise ConfigurationError(
                f"is a term already, terms[{seen[term.key]}]; put both into one",
                file=file,
                key=f"terms[{number}].preferred",
            )
        seen[term.key] = number
