"""Who may find the files of a folder, written in the folder itself.

Answers: which readers, departments and label does `.hybridllm-access.toml` give a file?
Not here: labels that a document says of itself (`marks`), the folder (`folder`).

    [[access]]
    files = ["**"]
    readers = ["group:staff"]

    [[access]]
    files = ["contracts/**", "board/*.pdf"]
    readers = ["group:legal", "user:ada"]
    departments = ["legal"]
    label = "confidential"

For each of readers, departments and label the most specific rule that names it counts. Of
equally specific ones the strictest reading counts: readers and departments that all of them
name, and the join of the labels. A broken file stops the sync: whoever wrote it meant
something by it. Whoever can write to it decides who may find the documents.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, TypeVar

from hybridllm.errors import ConfigurationError, expected_one_of
from hybridllm.labels import Label, Scale
from hybridllm.rag.model import PUBLIC_READER

ACCESS_FILE: Final = ".hybridllm-access.toml"

_Value = TypeVar("_Value")

_KEYS: Final = frozenset({"files", "readers", "departments", "label", "compartments"})
_READER: Final = re.compile(r"(?:user|group):\S(?:.*\S)?")
_WILD: Final = re.compile(r"\*\*/|\*\*|\*|\?")
_PARTS: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class FileAccess:
    """What the rules say of one file; `None` is what they leave open."""

    readers: frozenset[str] | None = None
    departments: frozenset[str] | None = None
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One `[[access]]` of the file."""

    patterns: tuple[str, ...]
    access: FileAccess

    def rank(self, path: str) -> tuple[int, int] | None:
        """Return how specifically the rule names a file; `None` if it does not."""
        ranks = [_rank(pattern) for pattern in self.patterns if _matches(pattern, path=path)]
        return max(ranks, default=None)


@dataclass(frozen=True, slots=True)
class AccessRules:
    """All rules of a folder."""

    rules: tuple[AccessRule, ...] = ()

    def of(self, path: str) -> FileAccess:
        """Return what the rules say of a file, named from the folder with `/`."""
        ranked = [(rank, rule.access) for rule in self.rules if (rank := rule.rank(path))]
        readers = _strictest([(rank, item.readers) for rank, item in ranked])
        departments = _strictest([(rank, item.departments) for rank, item in ranked])
        if departments is not None and not departments:
            # Rules that agree on no department: no department's requests may find it.
            readers = frozenset()
        labels = _most_specific([(rank, item.label) for rank, item in ranked])
        label = reduce(lambda one, other: one.join(other), labels) if labels else None
        return FileAccess(readers, departments, label)

    def unused(self, paths: Iterable[str]) -> tuple[int, ...]:
        """Return the numbers, from 1, of the rules that name none of these files."""
        known = list(paths)
        return tuple(
            number
            for number, rule in enumerate(self.rules, 1)
            if not any(rule.rank(path) for path in known)
        )


def parse_access(data: bytes, *, scale: Scale, file: str = ACCESS_FILE) -> AccessRules:
    """Return the rules of an access file.

    Raises:
        ConfigurationError: It is no TOML, or a key or value is unknown.
    """
    try:
        content = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"is no TOML in UTF-8 ({type(error).__name__})", file=file
        ) from None
    for key in content:
        if key != "access":
            raise ConfigurationError(expected_one_of(key, allowed=["access"]), file=file, key=key)
    rules = content.get("access")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ConfigurationError("needs at least one [[access]]", file=file, key="access")
    return AccessRules(
        tuple(
            _rule(rule, scale=scale, file=file, key=f"access[{number}]")
            for number, rule in enumerate(rules)
        )
    )


def _rule(rule: Mapping[str, Any], *, scale: Scale, file: str, key: str) -> AccessRule:
    for name in rule:
        if name not in _KEYS:
            raise ConfigurationError(expected_one_of(name, allowed=_KEYS), file=file, key=key)
    patterns = _names(rule, name="files", file=file, key=key)
    if not patterns:
        raise ConfigurationError("needs at least one pattern", file=file, key=f"{key}.files")
    for pattern in patterns:
        if pattern.startswith("/") or "\\" in pattern or ".." in pattern.split("/"):
            raise ConfigurationError(
                "names files from the folder on, with / between the parts", file=file,
                key=f"{key}.files",
            )  # fmt: skip
    readers = _names(rule, name="readers", file=file, key=key)
    for reader in readers or ():
        if reader != PUBLIC_READER and not _READER.fullmatch(reader):
            raise ConfigurationError(
                f"is written user:NAME, group:NAME or {PUBLIC_READER}",
                file=file,
                key=f"{key}.readers",
            )
    departments = _names(rule, name="departments", file=file, key=key)
    if departments is not None and not departments:
        # For a grant an empty set means every department, which nobody writes that way.
        raise ConfigurationError(
            "is empty; name departments, or leave it out for all of them",
            file=file,
            key=f"{key}.departments",
        )
    access = FileAccess(
        None if readers is None else frozenset(readers),
        None if departments is None else frozenset(departments),
        _label(rule, scale=scale, file=file, key=key),
    )
    return AccessRule(tuple(patterns), access)


def _label(rule: Mapping[str, Any], *, scale: Scale, file: str, key: str) -> Label | None:
    compartments = _names(rule, name="compartments", file=file, key=key)
    level = rule.get("label")
    if level is None:
        if compartments is not None:
            raise ConfigurationError(
                "needs a label beside it", file=file, key=f"{key}.compartments"
            )
        return None
    if not isinstance(level, str):
        raise ConfigurationError("is the name of a level", file=file, key=f"{key}.label")
    try:
        return scale.label(level, compartments=compartments or ())
    except ConfigurationError as error:
        raise ConfigurationError(str(error), file=file, key=f"{key}.label") from None


def _names(rule: Mapping[str, Any], *, name: str, file: str, key: str) -> list[str] | None:
    found = rule.get(name)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
        raise ConfigurationError("is a list of names", file=file, key=f"{key}.{name}")
    return found


def _matches(pattern: str, *, path: str) -> bool:
    expression, done = "", 0
    for wild in _WILD.finditer(pattern):
        expression += re.escape(pattern[done : wild.start()]) + _PARTS[wild.group()]
        done = wild.end()
    return re.fullmatch(expression + re.escape(pattern[done:]), path, re.DOTALL) is not None


def _rank(pattern: str) -> tuple[int, int]:
    """Return how specific a pattern is: characters before the first wildcard, then all others.

    A pattern without wildcards names one file and is more specific than any other.
    """
    wild = _WILD.search(pattern)
    fixed = len(_WILD.sub("", pattern))
    return (wild.start() if wild else 2**31, fixed)


def _strictest(
    ranked: list[tuple[tuple[int, int], frozenset[str] | None]],
) -> frozenset[str] | None:
    found = _most_specific(ranked)
    return frozenset.intersection(*found) if found else None


def _most_specific(ranked: list[tuple[tuple[int, int], _Value | None]]) -> list[_Value]:
    given = [(rank, value) for rank, value in ranked if value is not None]
    highest = max((rank for rank, _ in given), default=None)
    return [value for rank, value in given if rank == highest]
