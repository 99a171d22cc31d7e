"""Numbers under which an organisation knows a person: staff, customer, patient, student.

Answers: which internal reference numbers stand in a text, by label or by your own shape?
Not here: numbers that the state or a bank gives (`numbers`, `codes`).

A label such as `employee ID` or `社員番号` is needed, since such numbers have no form of
their own; a shape that you configure (`EMP-#####`) needs none. Source: own rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.normalise import normalise
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "reference": (
        "employee id", "employee number", "employee no", "staff id", "staff number",
        "personnel number", "badge number", "customer id", "customer number", "customer no",
        "client id number", "account id", "member number", "membership number", "patient id", "mrn",
        "medical record number", "student id", "student number", "loyalty number", "frequent flyer",
        "policy number", "claim number", "社員番号", "従業員番号", "社員id", "職員番号", "顧客番号",
        "お客様番号", "顧客id", "会員番号", "会員id", "患者id", "患者番号", "診察券番号",
        "学籍番号", "証券番号", "契約番号", "契約者番号", "利用者番号", "カルテ番号", "登録者番号",
        "受験番号", "加入者番号", "employee #", "customer #", "payroll number",
        "matriculation number",
    ),
}  # fmt: skip

_VALUE = re.compile(
    r"[ ]?(?:(?:is|was|no\.?|number)(?![A-Za-z])|[:=#は]|が"
    r"|、)?[ \n]{0,2}[\"「(#]?((?:[A-Za-z]{1,5}[-_ ]?)?[0-9][0-9A-Za-z]{1,15}"
    r"(?:-[0-9A-Za-z]{1,8}){0,3})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 3
_LONGEST_SHAPE = 40


def find(scan: Scan) -> Iterator[Match]:
    """Yield the reference numbers that follow a label."""
    for _, end in scan.hits.get("reference", ()):
        found = _VALUE.match(scan.text, end)
        if (
            found
            and sum(char.isdigit() for char in found[1]) >= _FEWEST_DIGITS
            and scan.text[found.end() : found.end() + 1] not in {"桁", "文"}
        ):
            yield Match("personal.reference", *found.span(1), 0.8)


class ShapeDetector:
    """Finds numbers by the shapes that an organisation configures.

    In a shape `#` is a digit, `@` a capital letter, and any other character itself;
    so no shape can have an unbounded repeat.
    """

    __slots__ = ("_patterns", "kinds")

    name = "shapes"

    def __init__(self, shapes: Mapping[str, str]) -> None:
        """Build the detector from `{"employee": "EMP-#####"}`.

        Raises:
            ConfigurationError: A shape has fewer than three digits or letters to match,
                or is longer than 40 characters.
        """
        self._patterns = tuple(
            (f"shape.{name}", _compiled(name, shape)) for name, shape in shapes.items()
        )
        self.kinds: frozenset[str] = frozenset(kind for kind, _ in self._patterns)

    def detect(self, text: str) -> list[Match]:
        """Return where the shapes stand in `text`."""
        shadow = normalise(text)
        return [
            Match(kind, *shadow.original_span(found.span()), 0.95)
            for kind, pattern in self._patterns
            for found in pattern.finditer(shadow.text)
        ]


def _compiled(name: str, shape: str) -> re.Pattern[str]:
    key = f"shapes.{name}"
    if len(shape) > _LONGEST_SHAPE:
        raise ConfigurationError(f"is longer than {_LONGEST_SHAPE} characters", key=key)
    if sum(char in "#@" for char in shape) < _FEWEST_DIGITS:
        raise ConfigurationError("needs at least three of # (digit) and @ (letter)", key=key)
    body = "".join({"#": "[0-9]", "@": "[A-Z]"}.get(char) or re.escape(char) for char in shape)
    return re.compile(f"(?<![A-Za-z0-9]){body}(?![A-Za-z0-9])")
