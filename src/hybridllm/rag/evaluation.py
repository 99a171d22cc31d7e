"""How well a configuration finds, abstains and grounds, on questions with known answers.

Answers: what stands in a file of questions, and which scores do these outcomes make?
Not here: asking the questions (the command line), drawing tables for a terminal.

A file has one JSON object a line; errors name the line and never a question.

    {"id": "q1", "language": "ja", "question": "...", "relevant": [{"document": "hr/leave.md"}]}
    {"id": "q2", "language": "en", "question": "...", "relevant": []}
    {"id": "q3", "question": "...", "relevant": ["hr/leave.md"],
     "claims": [{"text": "...", "supported": true}]}

`relevant` names documents, or pieces of them by `start` and `end`; none means that the documents
do not answer the question. `claims` are sentences of which a person said whether the documents
carry them.

Sources: Järvelin and Kekäläinen 2002 (nDCG); Wilson 1927 (intervals of shares); Efron and
Tibshirani 1993, percentile bootstrap (intervals of means).
"""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hybridllm.errors import ConfigurationError

_Z_95: Final = 1.959963984540054
_ROUNDS: Final = 1_000  # of the bootstrap; its own error is then below half a point
_SEED: Final = 20_261_125
_NDCG_DEPTH: Final = 10
_KEYS: Final = frozenset({"id", "language", "question", "relevant", "claims"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A document, or a piece of one.

    Attributes:
        document: Its id.
        start: First character of the piece.
        end: Character behind its last; `None` for the whole document.
    """

    document: str
    start: int = 0
    end: int | None = None

    def overlaps(self, other: Piece) -> bool:
        """Return whether two pieces share text."""
        return (
            self.document == other.document
            and (other.end is None or self.start < other.end)
            and (self.end is None or other.start < self.end)
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, and whether a person found it in the documents."""

    text: str = field(repr=False)
    is_supported: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its known answer.

    Attributes:
        id: As in the file, or its line.
        language: As in the file, such as `en`.
        text: What is asked.
        relevant: What answers it; empty if nothing does.
        claims: Sentences to be checked against what is found.
    """

    id: str
    language: str
    text: str = field(repr=False)
    relevant: tuple[Piece, ...]
    claims: tuple[Claim, ...] = ()

    @property
    def is_answerable(self) -> bool:
        """Whether the documents answer it."""
        return bool(self.relevant)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a configuration did with one question.

    Attributes:
        found: What it retrieved, best first.
        has_abstained: Whether it said that the documents hold no answer.
        supported: For each claim of the question, whether it was found supported; empty if
            claims were not checked.
        latency_s: How long it took.
    """

    found: tuple[Piece, ...]
    has_abstained: bool = False
    supported: tuple[bool, ...] = ()
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A score with the interval that holds the true one in 95 of 100 samples.

    Attributes:
        value: `None` if there was nothing to measure.
        low: Lower end.
        high: Upper end.
        count: On how many questions or claims it was measured.
    """

    value: float | None
    low: float = 0.0
    high: float = 0.0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Scores:
    """What a configuration reached.

    Attributes:
        recall: By k: share of answerable questions with a relevant piece among the first k.
        ndcg_10: Mean of nDCG at 10, over answerable questions.
        abstention: Share of unanswerable questions on which it abstained.
        wrong_abstention: Share of answerable questions on which it did.
        grounding: Balanced accuracy of the verdicts on claims.
        latency_p50_s: Median.
        latency_p95_s: 95th percentile.
    """

    recall: dict[int, Measure]
    ndcg_10: Measure
    abstention: Measure
    wrong_abstention: Measure
    grounding: Measure
    latency_p50_s: float | None
    latency_p95_s: float | None


def load_questions(path: str | Path) -> tuple[Question, ...]:
    """Read questions from a JSONL file in UTF-8.

    Raises:
        ConfigurationError: The file cannot be read, or a line is wrong; the message names the
            line and the key.
    """
    shown = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=shown) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"is not UTF-8 (byte {error.start}); save it as UTF-8", file=shown
        ) from None
    questions = [
        _question(line, number=number, file=shown)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not questions:
        raise ConfigurationError("holds no question", file=shown)
    return tuple(questions)


def score(
    questions: Sequence[Question],
    *,
    outcomes: Sequence[Outcome],
    depths: Iterable[int] = (1, 5, 10),
) -> Scores:
    """Return what these outcomes make, one for each question, in order.

    Raises:
        ValueError: The numbers of questions and outcomes, or of claims and verdicts, differ.
    """
    pairs = list(zip(questions, outcomes, strict=True))
    answerable = [(question, outcome) for question, outcome in pairs if question.is_answerable]
    others = [outcome for question, outcome in pairs if not question.is_answerable]
    checked = [
        (claim.is_supported, said)
        for question, outcome in pairs
        if outcome.supported
        for claim, said in zip(question.claims, outcome.supported, strict=True)
    ]
    times = sorted(outcome.latency_s for _, outcome in pairs)
    return Scores(
        recall={
            depth: share([_rank(question, outcome) <= depth for question, outcome in answerable])
            for depth in depths
        },
        ndcg_10=bootstrapped(
            [ndcg(question, found=outcome.found) for question, outcome in answerable]
        ),
        abstention=share([outcome.has_abstained for outcome in others]),
        wrong_abstention=share([outcome.has_abstained for _, outcome in answerable]),
        grounding=balanced_accuracy(checked),
        latency_p50_s=statistics.median(times) if times else None,
        latency_p95_s=times[math.ceil(0.95 * len(times)) - 1] if times else None,
    )


def difference(one: Sequence[float], *, other: Sequence[float]) -> Measure:
    """Return by how much one configuration is better, question by question.

    The interval comes from drawing questions, so it is far narrower than those of the two
    scores; if it holds 0, the difference is no finding.
    """
    return bootstrapped([a - b for a, b in zip(one, other, strict=True)])


def ndcg(question: Question, *, found: Sequence[Piece], depth: int = _NDCG_DEPTH) -> float:
    """Return the normalised discounted gain of the first results, each relevant piece once."""
    left = list(question.relevant)
    gain = 0.0
    for place, piece in enumerate(found[:depth]):
        hit = next((item for item in left if item.overlaps(piece)), None)
        if hit is not None:
            left.remove(hit)
            gain += 1 / math.log2(place + 2)
    ideal = sum(1 / math.log2(place + 2) for place in range(min(depth, len(question.relevant))))
    return gain / ideal if ideal else 0.0


def share(claims: Sequence[bool]) -> Measure:
    """Return how often it was so, with Wilson's interval.

    Check: 81 of 263 -> 0.2553 to 0.3662 (Newcombe 1998, table I).
    """
    total = len(claims)
    if not total:
        return Measure(None)
    part, square = sum(claims) / total, _Z_95 * _Z_95
    middle = part + square / (2 * total)
    margin = _Z_95 * math.sqrt(part * (1 - part) / total + square / (4 * total * total))
    scale = 1 + square / total
    low, high = (middle - margin) / scale, (middle + margin) / scale
    return Measure(part, max(0.0, low), min(1.0, high), total)


def bootstrapped(values: Sequence[float]) -> Measure:
    """Return the mean with its percentile bootstrap interval."""
    return _bootstrapped(list(values), mean=statistics.fmean)


def balanced_accuracy(pairs: Sequence[tuple[bool, bool]]) -> Measure:
    """Return the mean of the two shares that were judged right, by truth.

    Args:
        pairs: Truth and verdict of each claim.
    """
    positive = [said for truth, said in pairs if truth]
    negative = [not said for truth, said in pairs if not truth]
    if not positive or not negative:
        return Measure(None)
    draw = random.Random(_SEED)  # noqa: S311 - draws samples, no secrets
    samples = sorted(
        (
            sum(draw.choices(positive, k=len(positive))) / len(positive)
            + sum(draw.choices(negative, k=len(negative))) / len(negative)
        )
        / 2
        for _ in range(_ROUNDS)
    )
    value = (sum(positive) / len(positive) + sum(negative) / len(negative)) / 2
    return Measure(value, *_ends(samples), len(pairs))


def comparison(configurations: Mapping[str, Scores]) -> list[list[str]]:
    """Return a table: a row of headings, then a row for each measure."""
    depths = sorted({depth for scores in configurations.values() for depth in scores.recall})
    rows = [["", *configurations]]
    rows.extend(
        [f"R@{depth}", *(_shown(item.recall.get(depth)) for item in configurations.values())]
        for depth in depths
    )
    named: dict[str, Callable[[Scores], Measure]] = {
        "nDCG@10": lambda scores: scores.ndcg_10,
        "abstained, no answer": lambda scores: scores.abstention,
        "abstained wrongly": lambda scores: scores.wrong_abstention,
        "grounding, balanced": lambda scores: scores.grounding,
    }
    for name, measure in named.items():
        rows.append([name, *(_shown(measure(item)) for item in configurations.values())])
    rows.append(
        ["p50 ms", *(_milliseconds(item.latency_p50_s) for item in configurations.values())]
    )
    rows.append(
        ["p95 ms", *(_milliseconds(item.latency_p95_s) for item in configurations.values())]
    )
    return rows


def _question(line: str, *, number: int, file: str) -> Question:
    where = f"line {number}"
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigurationError("is no JSON", file=file, key=where) from None
    if not isinstance(data, dict):
        raise ConfigurationError("is no JSON object", file=file, key=where)
    for key in sorted(set(data) - _KEYS):
        raise ConfigurationError(
            f"has an unknown key of {len(key)} characters; expected {', '.join(sorted(_KEYS))}",
            file=file,
            key=where,
        )
    text, relevant = data.get("question"), data.get("relevant")
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError("'question' must be a text", file=file, key=where)
    if not isinstance(relevant, list):
        raise ConfigurationError("'relevant' must be a list, [] for none", file=file, key=where)
    claims = data.get("claims", [])
    if not isinstance(claims, list):
        raise ConfigurationError("'claims' must be a list", file=file, key=where)
    return Question(
        id=str(data.get("id", number)),
        language=str(data.get("language", "")),
        text=text,
        relevant=tuple(_piece(item, file=file, where=where) for item in relevant),
        claims=tuple(_claim(item, file=file, where=where) for item in claims),
    )


def _piece(item: Any, *, file: str, where: str) -> Piece:
    if isinstance(item, str):
        return Piece(item)
    if isinstance(item, dict) and isinstance(item.get("document"), str):
        start, end = item.get("start", 0), item.get("end")
        if type(start) is int and (end is None or type(end) is int):
            return Piece(item["document"], start, end)
    raise ConfigurationError(
        "'relevant' holds ids of documents, or objects with 'document', 'start' and 'end'",
        file=file,
        key=where,
    )


def _claim(item: Any, *, file: str, where: str) -> Claim:
    if isinstance(item, dict) and isinstance(item.get("text"), str):
        supported = item.get("supported")
        if isinstance(supported, bool):
            return Claim(item["text"], supported)
    raise ConfigurationError(
        "'claims' holds objects with 'text' and 'supported' (true or false)", file=file, key=where
    )


def _rank(question: Question, outcome: Outcome) -> float:
    for place, piece in enumerate(outcome.found, start=1):
        if any(item.overlaps(piece) for item in question.relevant):
            return place
    return math.inf


def _bootstrapped(values: list[float], *, mean: Callable[[Sequence[float]], float]) -> Measure:
    if not values:
        return Measure(None)
    draw = random.Random(_SEED)  # noqa: S311 - draws samples, no secrets
    samples = sorted(mean(draw.choices(values, k=len(values))) for _ in range(_ROUNDS))
    return Measure(mean(values), *_ends(samples), len(values))


def _ends(samples: Sequence[float]) -> tuple[float, float]:
    """Return the middle 95 % of sorted samples."""
    cut = len(samples) // 40
    return samples[cut], samples[-cut - 1]


def _shown(measure: Measure | None) -> str:
    if measure is None or measure.value is None:
        return "-"
    return f"{measure.value:.3f} ({measure.low:.3f}-{measure.high:.3f})"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.1f}"
