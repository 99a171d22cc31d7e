"""Rules for keys from a file in gitleaks' form, so that users can add providers.

Answers: which keys does the user's own rule file find?
Not here: the rules that come with the package (`key_rules`).

Read are `id`, `regex`, `keywords` and `entropy` of each rule; a text without any of the
keywords is not searched. Repeats without a bound get one, since they could stall a scan.
Sources: gitleaks' configuration format; Shannon 1948 for entropy (bits for each
character).
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.keys import is_placeholder
from hybridllm.classify.detectors.unfolding import readings
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 200
"""Characters that a repeat without a bound may take."""

_REPEAT = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:[a-z]{3,8}:\]|[^\]\\]){0,400}\]|\{(\d{1,4}),\}|([*+])")
_GO_FLAG = re.compile(r"(?<!^)\(\?i\)")


@dataclass(frozen=True, slots=True)
class FileRule:
    """One rule of a file.

    Attributes:
        name: The rule's `id`.
        pattern: Its expression, with every repeat bounded.
        keywords: In lower case; one of them must stand in the text.
        entropy: Least bits for each character of what was found; 0.0 for any.
    """

    name: str
    pattern: re.Pattern[str]
    keywords: tuple[str, ...] = ()
    entropy: float = 0.0


def load_key_rules(path: str | Path) -> tuple[FileRule, ...]:
    """Read a rule file.

    Raises:
        ConfigurationError: The file cannot be read, or a rule has no usable expression.
    """
    name = str(path)
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        kind = type(error).__name__
        raise ConfigurationError(f"cannot be read as TOML ({kind})", file=name) from None
    rules = document.get("rules")
    if not isinstance(rules, list):
        raise ConfigurationError("has no [[rules]]", file=name)
    return tuple(_rule(rule, name, index) for index, rule in enumerate(rules))


def _rule(rule: dict[str, Any], file: str, index: int) -> FileRule:
    expression = rule.get("regex")
    key = f"rules[{index}].regex"
    if not isinstance(expression, str) or not expression:
        raise ConfigurationError("is missing", file=file, key=key)
    try:
        pattern = re.compile(bounded(expression))
    except re.error as error:
        raise ConfigurationError(f"is no expression: {error.msg}", file=file, key=key) from None
    keywords = tuple(str(word).lower() for word in rule.get("keywords", ()))
    return FileRule(str(rule.get("id", index)), pattern, keywords, float(rule.get("entropy", 0.0)))


def bounded(expression: str) -> str:
    """Return the expression with a bound for every repeat, in Python's spelling.

    Check: `bounded("a+[b*]{3,}")` is `a{1,200}[b*]{3,200}`.
    """

    def bound(found: re.Match[str]) -> str:
        if found[1]:
            return f"{{{found[1]},{max(_MOST, int(found[1]))}}}"
        return {"*": f"{{0,{_MOST}}}", "+": f"{{1,{_MOST}}}"}.get(found[2] or "", found[0])

    # Go allows a flag in the middle, where Python wants it in front.
    flag = "(?i)" if _GO_FLAG.search(expression) else ""
    plain = flag + _GO_FLAG.sub("", expression).replace("\\z", "\\Z")
    return _REPEAT.sub(bound, plain)


class KeyRulesDetector:
    """Finds keys by the rules of a file."""

    __slots__ = ("_rules",)

    name = "key_rules"
    kinds = frozenset({"credentials.provider_key"})

    def __init__(self, rules: tuple[FileRule, ...]) -> None:
        self._rules = rules

    def detect(self, text: str) -> list[Match]:
        """Return the keys in `text`."""
        return list(self._matches(text))

    def _matches(self, text: str) -> Iterator[Match]:
        for shadow in readings(text):
            lower = shadow.text.lower()
            for rule in self._rules:
                if rule.keywords and not any(word in lower for word in rule.keywords):
                    continue
                for found in rule.pattern.finditer(shadow.text):
                    if found.start() < found.end() and _is_key(found, rule.entropy):
                        yield Match(*_placed(shadow.original_span(found.span())))


def _placed(span: tuple[int, int]) -> tuple[str, int, int, float]:
    return ("credentials.provider_key", *span, 0.9)


def _is_key(found: re.Match[str], entropy: float) -> bool:
    value = next(filter(None, found.groups()), found.group())
    if is_placeholder(value):
        return False
    counts = Counter(value).values()
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return bits >= entropy
