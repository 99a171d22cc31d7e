"""Claims made by rule from documents that packages bring.

Answers: given the sentences of some documents, what would a reader say in other words, and what
would a model get wrong?
Not here: sentences written by hand (`handbook`).

English documents are the topics of Python's own help; Japanese ones are manual pages, where the
machine has them (`man-db`, `passwd` and `dpkg` bring some).
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hybridllm.verify import sentences, words

MAN_JA = Path("/usr/share/man/ja")
PASSAGE_SENTENCES = 6

SYNONYMS_EN = {
    "must": "has to", "returns": "gives back", "usually": "normally", "called": "invoked",
    "called when": "run when", "created": "made", "begins": "starts", "whether": "if",
    "error": "failure", "allows": "lets", "contains": "holds", "specified": "given",
    "example": "case", "value": "result", "however": "but", "defined": "declared",
    "following": "next", "evaluated": "computed", "optional": "voluntary", "new": "fresh",
}  # fmt: skip
SYNONYMS_JA = {
    "表示する": "示す", "指定する": "与える", "使用する": "使う", "変更する": "変える",
    "作成する": "作る", "実行する": "動かす", "削除する": "消す", "できる": "可能である",
    "必要がある": "なければならない", "場合": "とき", "ユーザー": "利用者",
    "全ての": "すべての", "検索する": "探す", "および": "と", "または": "か",
}  # fmt: skip
DENIALS_EN = (
    (" is not ", " is "), (" cannot ", " can "), (" does not ", " does "), (" is ", " is not "),
    (" can ", " cannot "), (" are ", " are not "), (" must ", " must not "), (" may ", " may not "),
)  # fmt: skip
DENIALS_JA = (
    ("できない", "できる"), ("できません", "できます"), ("されない", "される"),
    ("されません", "されます"), ("しない", "する"), ("しません", "します"),
    ("できる", "できない"), ("できます", "できません"), ("される", "されない"),
    ("されます", "されません"), ("する。", "しない。"), ("します。", "しません。"),
    ("である。", "ではない。"), ("です。", "ではありません。"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """A claim with the passages that a model was shown."""

    kind: str
    claim: str
    passages: tuple[str, ...]
    document: str


def english() -> list[tuple[str, list[str]]]:
    """Return the topics of Python's help as lists of sentences."""
    from pydoc_data.topics import topics

    return [(name, found) for name, text in sorted(topics.items()) if (found := _prose(text))]


def japanese(folder: Path = MAN_JA) -> list[tuple[str, list[str]]]:
    """Return Japanese manual pages as lists of sentences; none where there are none."""
    found = []
    for path in sorted(folder.rglob("*.gz")) if folder.is_dir() else ():
        if not path.is_symlink():
            with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
                text = _without_macros(file.read())
            if prose := _prose(text):
                found.append((path.name, prose))
    return found


def items(
    documents: Sequence[tuple[str, list[str]]], *, per_document: int, seed: int = 7
) -> Iterator[Item]:
    """Yield claims of these documents: as many that are carried as are not."""
    draw = random.Random(seed)
    for number, (name, text) in enumerate(documents):
        _, strange = documents[(number + len(documents) // 2) % len(documents)]
        for _ in range(per_document):
            start = draw.randrange(max(1, len(text) - PASSAGE_SENTENCES))
            window = text[start : start + PASSAGE_SENTENCES]
            other, third = draw.choice(documents)[1], draw.choice(documents)[1]
            passages = (_joined(window), _joined(other[:5]), _joined(third[-5:]))
            original = draw.choice(window)
            rest = [line for line in window if line != original]
            yield Item("", in_other_words(original, rest=rest, draw=draw), passages, name)
            wrong = [(k, c) for k, c in mistakes(original, strange=strange, draw=draw) if c]
            if wrong:
                kind, claim = draw.choice(wrong)
                yield Item(kind, in_other_words(claim, rest=[], draw=draw), passages, name)


def in_other_words(sentence: str, *, rest: Sequence[str], draw: random.Random) -> str:
    """Return the sentence with synonyms, shortened, or merged with another one."""
    is_english = not words.is_japanese(sentence)
    table = SYNONYMS_EN if is_english else SYNONYMS_JA
    for word, other in table.items():
        if draw.random() < 0.7:
            pattern = rf"\b{word}\b" if is_english else re.escape(word)
            sentence = re.sub(pattern, other, sentence)
    way = draw.choice(["", "shorter", "turned", "merged"])
    if way == "shorter":
        sentence = re.sub(r"\s*[(（][^()（）]*[)）]", "", sentence)
    elif way == "turned" and is_english:
        turned = re.fullmatch(r"(If|When|Since|Although) ([^,]+), (.+)\.", sentence)
        if turned:
            head = turned[3][0].upper() + turned[3][1:]
            sentence = f"{head} {turned[1].lower()} {turned[2]}."
    elif way == "merged" and rest:
        more = draw.choice(list(rest))
        if is_english:
            sentence = f"{sentence.rstrip('.')}, and {more[0].lower()}{more[1:]}"
        else:
            sentence = f"{sentence.rstrip('。')}。また、{more}"
    return sentence


def mistakes(
    sentence: str, *, strange: Sequence[str], draw: random.Random
) -> Iterator[tuple[str, str]]:
    """Yield the sentence with one mistake of each kind that it allows."""
    number = re.search(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", sentence)
    if number:
        wrong = str(int(float(number.group())) + draw.randint(1, 9))
        yield "number", sentence[: number.start()] + wrong + sentence[number.end() :]
    yield "negation", _denied(sentence)
    yield "invented", draw.choice(list(strange))
    half = re.split(r"(?<=[,、]) ?", sentence, maxsplit=1)
    tail = re.split(r"(?<=[,、]) ?", draw.choice(list(strange)), maxsplit=1)
    if len(half) == 2 and len(tail) == 2:
        yield "mixed", f"{half[0]} {tail[1]}" if sentence.isascii() else half[0] + tail[1]


def _denied(sentence: str) -> str:
    for old, new in DENIALS_EN if sentence.isascii() else DENIALS_JA:
        if old in sentence:
            return sentence.replace(old, new, 1)
    return ""


def _prose(text: str) -> list[str]:
    found = []
    for item in sentences.split(text):
        line = " ".join(item.text.split())
        line = re.sub(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])", "", line)
        ends = line.endswith((".", "。"))
        is_text = item.kind is sentences.Kind.PROSE and ends and 25 <= _width(line) <= 320
        if is_text and not re.search(r"[=|{}<>*]|\.\.\.", line):
            found.append(line)
    return found if len(found) >= 4 else []


def _width(line: str) -> int:
    return len(line) if line.isascii() else 2 * len(line)


def _joined(lines: Sequence[str]) -> str:
    return ("" if any(words.is_japanese(line) for line in lines) else " ").join(lines)


def _without_macros(text: str) -> str:
    lines = []
    for raw in text.splitlines():
        if raw.startswith(('.\\"', "'\\")):
            continue
        line = re.sub(r"^\.(?:B|I|BR|IR|RB|BI|IB|RI)\s+", "", raw)
        if line.startswith("."):
            lines.append("")
            continue
        if line != raw:
            line = line.replace('"', "")
        line = re.sub(r"\\f[BIRP]|\\&|\\/|\\,|\\\^", "", line)
        lines.append(re.sub(r"\\-", "-", line))
    text = "\n".join(lines)
    return re.sub(r"(?<=[^\x00-\x7f])\n(?=[^\x00-\x7f])", "", text)
