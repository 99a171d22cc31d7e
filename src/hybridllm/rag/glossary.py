"""What words mean in an organisation and in each of its departments.

Answers: which other words should a question be searched with, which definitions does the model
need, and which words of an answer are wrong?
Not here: reading the files (`glossary_file`), finding words (`glossary_match`).

A department's entry replaces what the organisation's entry for the same term means: the synonyms
of "oil" are engine oil and lubricant in manufacturing, argan oil and jojoba oil in cosmetics.
Labels are joined instead, so a department never loosens one. A term above the asker's clearance
takes no part, and the labels of those that do are returned, since they join the request's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce
from typing import TYPE_CHECKING, Final

from hybridllm.rag.glossary_match import Found, WordFinder, folded_word

if TYPE_CHECKING:
    from hybridllm.labels import Label

_DIRECT: Final = 0.7  # weight of a term's own synonym, or of the term for its synonym
_READING: Final = 0.6
_SIDEWAYS: Final = 0.5  # of a synonym for a synonym, and of a word that should not be used
_MAX_EXPANSIONS: Final = 24


@dataclass(frozen=True, slots=True)
class GlossaryTerm:
    """One term.

    Attributes:
        preferred: What to say.
        label: Of the term and all that is said about it.
        synonyms: What others say for it; looked up, and allowed.
        forbidden: What must not be said for it.
        definition: What it means, in a sentence or two.
        reading: In kana or Latin letters; looked up too.
        language: `en`, `ja`, or empty for any.
        foreign: Synonyms that the same term has elsewhere in the organisation, and not here.
    """

    preferred: str = field(repr=False)
    label: Label
    synonyms: tuple[str, ...] = field(default=(), repr=False)
    forbidden: tuple[str, ...] = field(default=(), repr=False)
    definition: str = field(default="", repr=False)
    reading: str = field(default="", repr=False)
    language: str = ""
    foreign: tuple[tuple[str, Label], ...] = field(default=(), repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """What makes two entries entries for one term."""
        return folded_word(self.preferred), self.language


@dataclass(frozen=True, slots=True)
class Expansions:
    """Further words for a lexical search.

    Attributes:
        words: With their weights, 0.5 to 0.7, heaviest first; as `Query.expansions`.
        label: Join of the labels of the terms they come from; `None` if there are none.
    """

    words: tuple[tuple[str, float], ...] = field(repr=False)
    label: Label | None


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the model should know about the terms that occur.

    Attributes:
        text: One line a term; empty if there are none.
        label: Join of the terms' labels.
        left_out: How many terms occur and did not fit.
    """

    text: str = field(repr=False)
    label: Label | None
    left_out: int = 0


class MisuseKind(StrEnum):
    """`FORBIDDEN`: must not be said. `FOREIGN`: means this elsewhere in the organisation."""

    FORBIDDEN = "forbidden"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Misuse:
    """A wrong word in a text.

    Attributes:
        kind: What is wrong with it.
        start: Its first character.
        end: The character behind its last.
        preferred: What to say instead.
    """

    kind: MisuseKind
    start: int
    end: int
    preferred: str = field(repr=False)


class _Part(StrEnum):
    """What a word is to its term."""

    PREFERRED = "preferred"
    READING = "reading"
    SYNONYM = "synonym"
    FORBIDDEN = "forbidden"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Glossary:
    """The terms that hold for one department. Its `repr` names none of them."""

    terms: tuple[GlossaryTerm, ...] = field(repr=False)
    _words: tuple[tuple[GlossaryTerm, _Part, str, Label], ...] = field(repr=False)
    _finder: WordFinder = field(repr=False)

    @classmethod
    def of(cls, terms: Iterable[GlossaryTerm]) -> Glossary:
        """Prepare a glossary."""
        kept = tuple(terms)
        words = tuple(word for term in kept for word in _words_of(term))
        return cls(kept, words, WordFinder.of([word for _, _, word, _ in words]))

    def expansions(self, question: str, *, clearance: Label) -> Expansions:
        """Return further words to look up for a question.

        Args:
            question: As it was asked.
            clearance: The asker's; terms above it are not used.
        """
        found = self._found(question, clearance=clearance)
        asked = {folded_word(question[item.start : item.end]) for item in found}
        weights: dict[str, float] = {}
        writings: dict[str, str] = {}
        used: list[Label] = []
        for item in found:
            term, part, _, label = self._words[item.word]
            if part is _Part.FOREIGN:
                continue
            used.append(label)
            for word, weight in _others(term, part=part):
                folded = folded_word(word)
                if folded not in asked:
                    writings.setdefault(folded, word)
                    weights[folded] = max(weight, weights.get(folded, 0.0))
        best = sorted(weights.items(), key=lambda item: -item[1])[:_MAX_EXPANSIONS]
        return Expansions(tuple((writings[word], weight) for word, weight in best), _joined(used))

    def definitions(
        self,
        text: str,
        *,
        clearance: Label,
        token_budget: int,
        count_tokens: Callable[[str], int] | None = None,
    ) -> Definitions:
        """Return the definitions of the terms that occur in a text, first come first.

        Args:
            text: The question, or question and passages.
            clearance: The asker's; terms above it are not used.
            token_budget: Most tokens of all lines together.
            count_tokens: The model's own count; without it, an estimate on the high side.
        """
        count = count_tokens or estimated_tokens
        lines: list[str] = []
        used: list[Label] = []
        left_out = spent = 0
        seen: set[tuple[str, str]] = set()
        for item in self._found(text, clearance=clearance):
            term, part, _, _ = self._words[item.word]
            if part is _Part.FOREIGN or term.key in seen:
                continue
            seen.add(term.key)
            line = _line(term)
            if not line:
                continue
            cost = count(line) + 1
            if spent + cost > token_budget:
                left_out += 1
                continue
            spent += cost
            lines.append(line)
            used.append(term.label)
        return Definitions("\n".join(lines), _joined(used), left_out)

    def check(self, answer: str, *, clearance: Label) -> tuple[Misuse, ...]:
        """Return the wrong words of an answer: forbidden ones, and other departments' meanings.

        A word that is right for any term is not wrong. Another meaning's word counts only if
        the answer uses the term itself too; "argan oil" alone may be meant.
        """
        found = self._found(answer, clearance=clearance)
        right = {
            (item.start, item.end) for item in found if self._words[item.word][1] in _RIGHT_PARTS
        }
        named = {
            self._words[item.word][0].key
            for item in found
            if self._words[item.word][1] in _RIGHT_PARTS
        }
        misuses = []
        for item in found:
            term, part, _, _ = self._words[item.word]
            if (item.start, item.end) in right:
                continue
            if part is _Part.FORBIDDEN:
                kind = MisuseKind.FORBIDDEN
            elif part is _Part.FOREIGN and term.key in named:
                kind = MisuseKind.FOREIGN
            else:
                continue
            misuses.append(Misuse(kind, item.start, item.end, term.preferred))
        return tuple(misuses)

    def _found(self, text: str, *, clearance: Label) -> list[Found]:
        return [
            item
            for item in self._finder.find(text)
            if self._words[item.word][0].label.flows_to(clearance)
            and self._words[item.word][3].flows_to(clearance)
        ]


_RIGHT_PARTS: Final = frozenset({_Part.PREFERRED, _Part.READING, _Part.SYNONYM})


def merged(
    organisation: Iterable[GlossaryTerm],
    *,
    department: str,
    departments: Mapping[str, Iterable[GlossaryTerm]],
) -> Glossary:
    """Return the glossary that holds for one department.

    Args:
        organisation: Terms of everybody.
        department: Whose glossary it is; it need not have terms of its own.
        departments: Terms of each department; those of the others show which words mean
            the same term elsewhere.
    """
    common = {term.key: term for term in organisation}
    own = {term.key: term for term in departments.get(department, ())}
    others = [term for name, terms in departments.items() if name != department for term in terms]
    kept = []
    for key in {**common, **own}:
        term = _one(common.get(key), own.get(key))
        elsewhere = [*(other for other in others if other.key == key)]
        if key in own and key in common:
            elsewhere.append(common[key])
        kept.append(replace(term, foreign=_foreign(term, elsewhere=elsewhere)))
    return Glossary.of(kept)


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many than too few.

    A token of a usual vocabulary holds some 4 English characters, and hardly ever more than
    one Japanese one.
    """
    narrow = sum(char.isascii() for char in text)
    return -(-narrow // 3) + len(text) - narrow


def _one(common: GlossaryTerm | None, own: GlossaryTerm | None) -> GlossaryTerm:
    if own is None or common is None:
        term = own or common
        if term is None:
            raise ValueError("neither entry is given")
        return term
    allowed = {folded_word(word) for word in (own.preferred, *own.synonyms)}
    inherited = [word for word in common.forbidden if folded_word(word) not in allowed]
    return replace(
        own,
        label=own.label.join(common.label),
        forbidden=tuple(dict.fromkeys([*own.forbidden, *inherited])),
        definition=own.definition or common.definition,
        reading=own.reading or common.reading,
    )


def _foreign(
    term: GlossaryTerm, *, elsewhere: Iterable[GlossaryTerm]
) -> tuple[tuple[str, Label], ...]:
    known = {folded_word(word) for word in (term.preferred, *term.synonyms, *term.forbidden)}
    found: dict[str, tuple[str, Label]] = {}
    for other in elsewhere:
        for word in other.synonyms:
            if folded_word(word) not in known:
                found.setdefault(folded_word(word), (word, other.label))
    return tuple(found.values())


def _words_of(term: GlossaryTerm) -> Iterable[tuple[GlossaryTerm, _Part, str, Label]]:
    yield term, _Part.PREFERRED, term.preferred, term.label
    if term.reading:
        yield term, _Part.READING, term.reading, term.label
    for word in term.synonyms:
        yield term, _Part.SYNONYM, word, term.label
    for word in term.forbidden:
        yield term, _Part.FORBIDDEN, word, term.label
    for word, label in term.foreign:
        yield term, _Part.FOREIGN, word, label


def _others(term: GlossaryTerm, *, part: _Part) -> Iterable[tuple[str, float]]:
    """Yield the words to look up when a question has this word of a term."""
    is_named = part in {_Part.PREFERRED, _Part.READING}
    yield term.preferred, _DIRECT
    if term.reading:
        yield term.reading, _READING
    for word in term.synonyms:
        yield word, _DIRECT if is_named else _SIDEWAYS
    for word in term.forbidden:
        yield word, _SIDEWAYS


def _line(term: GlossaryTerm) -> str:
    """Return what the model is told, in the words of the glossary; empty if there is nothing."""
    is_japanese = any("\u3041" <= char <= "\u9fff" for char in term.preferred + term.definition)
    also, avoid, join = (
        ("同義語", "使用しない語", "、") if is_japanese else ("also", "do not say", ", ")
    )
    parts = [term.definition] if term.definition else []
    if term.synonyms:
        parts.append(f"{also}: {join.join(term.synonyms)}")
    if term.forbidden:
        parts.append(f"{avoid}: {join.join(term.forbidden)}")
    return f"- {term.preferred}: {' | '.join(parts)}" if parts else ""


def _joined(labels: Iterable[Label]) -> Label | None:
    found = list(labels)
    return reduce(lambda one, other: one.join(other), found) if found else None
