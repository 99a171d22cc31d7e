"""Examples of confidential and of ordinary text, as a department writes them down.

Answers: which examples stand in these files?
Not here: learning from them (`classify.semantic.training`).

Either one JSON object a line, {"text": "...", "label": "confidential"} with `ordinary`
as the other label, or two text files with one example a line. All files are UTF-8.
Errors name file and line, never the text.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridllm.errors import ConfigurationError, expected_one_of

_LABELS: Final = {"confidential": True, "ordinary": False}
_KEYS: Final = frozenset({"text", "label"})
_MAX_FILE_BYTES: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class Example:
    """One text that people have judged.

    Attributes:
        text: The text itself. Never shown: `repr` gives its length.
        is_confidential: What they said.
        place: Where it stands, such as `legal.jsonl: line 3`.
    """

    text: str
    is_confidential: bool
    place: str = ""

    def __repr__(self) -> str:
        return f"Example(characters={len(self.text)}, is_confidential={self.is_confidential})"


def read_examples(path: Path | str) -> tuple[Example, ...]:
    """Return the examples of a JSONL file.

    Raises:
        ConfigurationError: A line has another shape, or two examples contradict.
        OSError: The file cannot be read.
    """
    file = Path(path).name
    rows = _lines(path)
    return _checked(_parse(line, file=file, number=number) for number, line in rows)


def read_lines(*, confidential: Path | str, ordinary: Path | str) -> tuple[Example, ...]:
    """Return the examples of two text files, one example a line.

    Raises:
        ConfigurationError: The same text stands in both files.
        OSError: A file cannot be read.
    """
    return _checked(
        Example(line.strip(), is_confidential, f"{Path(path).name}: line {number}")
        for path, is_confidential in ((confidential, True), (ordinary, False))
        for number, line in _lines(path)
    )


def _lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty. Only a line feed ends one: JSON may hold the others."""
    name = Path(path).name
    with Path(path).open("rb") as opened:
        data = opened.read(_MAX_FILE_BYTES + 1)
    if len(data) > _MAX_FILE_BYTES:
        raise ConfigurationError(f"is larger than {_MAX_FILE_BYTES:,} bytes", file=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"is not UTF-8 (byte {error.start}); save it as UTF-8", file=name
        ) from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _parse(line: str, *, file: str, number: int) -> Example:
    key = f"line {number}"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigurationError("is no valid JSON", file=file, key=key) from None
    if not isinstance(value, dict) or value.keys() != _KEYS:
        raise ConfigurationError(
            'must be an object with "text" and "label" and nothing else', file=file, key=key
        )
    text, label = value["text"], value["label"]
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError("text must be a string that is not empty", file=file, key=key)
    if not isinstance(label, str) or label not in _LABELS:
        found = label if isinstance(label, str) and len(label) <= 20 else type(label).__name__
        raise ConfigurationError(
            f"label {expected_one_of(found, allowed=_LABELS)}", file=file, key=key
        )
    return Example(text.strip(), _LABELS[label], f"{file}: {key}")


def _checked(examples: Iterable[Example]) -> tuple[Example, ...]:
    """Return the examples without repetitions, which would be learnt twice and tested on."""
    kept: dict[str, Example] = {}
    for example in examples:
        folded = " ".join(unicodedata.normalize("NFKC", example.text).casefold().split())
        same = kept.setdefault(folded, example)
        if same.is_confidential != example.is_confidential:
            text = f"is the same text as {same.place}, with the other label"
            raise ConfigurationError(f"{example.place}: {text}")
    return tuple(kept.values())
