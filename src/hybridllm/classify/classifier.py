"""The classifier: from a frozen request to findings, doubts and inherited labels.

Answers: what does this request hold that the policy should know about?
Not here: what that means for the label and the route (`policy.decide`).

Whatever goes wrong becomes a doubt, and a doubt keeps the request inside:
unreadable content, a detector that raises or returns nonsense, a deadline that
passes, a memory that cannot be read. Nothing here uses the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from hybridllm.classify.detector import Match, most_matches
from hybridllm.classify.walk import Text, Unreadable, walk
from hybridllm.types import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hybridllm.classify.cache import Verdict, VerdictCache
    from hybridllm.classify.detector import Detector
    from hybridllm.labels import Label

_CONTENT_ENDS = ("/content", "/text", "/arguments", "/output", "/input")

_SEAM_CHARACTERS = 64
"""How much of two neighbouring texts is read together, so that nothing hides in the gap."""


class Recall(Protocol):
    """Knows labels of texts by themselves (`classify.memory`, `classify.fingerprint`)."""

    def recall(self, texts: Iterable[str]) -> Label | None:
        """Return the join of the labels that these texts, or parts of them, have."""
        ...


class Memory(Recall, Protocol):
    """What the classifier needs of a message memory (`classify.memory`)."""

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        """Keep a keyed fingerprint of each text, with its label."""
        ...


@dataclass(frozen=True, slots=True)
class Classification:
    """What was found in one request.

    Attributes:
        findings: By kind and place, without the things found.
        doubts: Codes of what could not be read or judged.
        inherited: Label that the history brings along, if any text was seen before.
    """

    findings: tuple[Finding, ...] = ()
    doubts: frozenset[str] = frozenset()
    inherited: Label | None = None

    @property
    def kinds(self) -> tuple[tuple[str, int], ...]:
        """Each kind that was found, with how often, sorted."""
        counts: dict[str, int] = {}
        for finding in self.findings:
            counts[finding.kind] = counts.get(finding.kind, 0) + 1
        return tuple(sorted(counts.items()))


@dataclass(frozen=True, slots=True)
class Classifier:
    """Reads requests with a fixed set of detectors.

    Attributes:
        detectors: Asked in order; each reads every text.
        memory: Where labels of earlier messages are kept; `None` for none.
        documents: Knows passages of labelled documents; `None` for none.
        cache: Verdicts on texts that were read before; `None` for none.
        timeout_s: Longest time for one request. When it is over, the rest of the
            request counts as unread.
        clock: Seconds, monotonic.
        may_wait: Whether reading may wait for a model or a server; an event loop then leaves
            it to a thread.
    """

    detectors: Sequence[Detector]
    memory: Memory | None = None
    documents: Recall | None = None
    cache: VerdictCache | None = None
    timeout_s: float = 5.0
    clock: Callable[[], float] = monotonic
    may_wait: bool = False

    def classify(self, fields: Mapping[str, Any]) -> Classification:
        """Read every text of a request. Never raises: failures are doubts."""
        findings: list[Finding] = []
        doubts: set[str] = set()
        inherited: Label | None = None
        try:
            texts = self._read(fields, doubts)
            self._detect(texts, findings, doubts)
            inherited = self._recall(texts, doubts)
        except Exception:  # a boundary: any failure of reading is a doubt
            doubts.add("classifier_failed")
        return Classification(tuple(findings), frozenset(doubts), inherited)

    def remember(self, texts: Iterable[str], *, label: Label) -> None:
        """Keep the label of texts that were part of a labelled request or its reply."""
        if self.memory is not None:
            self.memory.remember(texts, label=label)

    def _read(self, fields: Mapping[str, Any], doubts: set[str]) -> list[Text]:
        texts: list[Text] = []
        for item in walk(fields):
            if isinstance(item, Unreadable):
                doubts.add(item.code)
            elif item.text:
                texts.append(item)
        if not texts:
            doubts.add("classifier_failed")  # every request names a model at least
        return texts

    def _detect(self, texts: list[Text], findings: list[Finding], doubts: set[str]) -> None:
        stop = self.clock() + self.timeout_s
        for text, joint in [*((text, 0) for text in texts), *_seams(texts)]:
            verdict = self._verdict(text.text, doubts, stop=stop, is_joint=bool(joint))
            for name, match in verdict:
                if not joint or match.start < joint < match.end:
                    findings.append(_finding(match, path=text.path, detector=name))

    def _verdict(self, text: str, doubts: set[str], *, stop: float, is_joint: bool) -> Verdict:
        """Return what the detectors find in one string, from the cache if they read it before.

        A detector that judges meaning (`reads_joints = False`) is not asked about the
        joint of two texts, which has none of its own.
        """
        key = b"" if self.cache is None else self.cache.key(text, is_joint=is_joint)
        known = None if self.cache is None else self.cache.get(key)
        if known is not None:
            return known
        found: list[tuple[str, Match]] = []
        own_doubts: set[str] = set()
        for detector in self.detectors:
            if is_joint and not getattr(detector, "reads_joints", True):
                continue
            if self.clock() > stop:
                own_doubts.add("classifier_timeout")
                break
            found += [(detector.name, match) for match in _matches(detector, text, own_doubts)]
        doubts |= own_doubts
        verdict = tuple(found)
        if self.cache is not None and not own_doubts:
            self.cache.put(key, verdict=verdict)
        return verdict

    def _recall(self, texts: list[Text], doubts: set[str]) -> Label | None:
        """Return the label that the texts bring along. A store that fails is a doubt.

        Every text is looked up, wherever it stands: a passage that was labelled once
        may come back in instructions or in a tool's result.
        """
        label: Label | None = None
        sources = (
            (self.memory, "memory_failed"),
            (self.documents, "fingerprints_failed"),
        )
        known_by = [text.text for text in texts]
        for source, doubt in sources:
            if source is None:
                continue
            try:
                found = source.recall(known_by)
            except Exception:  # a boundary: a store that fails is a doubt
                doubts.add(doubt)
                continue
            if found is not None:
                label = found if label is None else label.join(found)
        return label


def message_texts(fields: Mapping[str, Any]) -> list[str]:
    """Return the texts of a request that a memory keeps: all messages but instructions.

    System and developer messages are left out: the same instructions stand in
    front of public and confidential questions alike, and remembering them would
    label everything. What they hold is still read by the detectors each time.
    """
    instructions = _instruction_places(fields)
    return [
        item.text
        for item in walk(fields)
        if isinstance(item, Text)
        and item.path.startswith(("/messages/", "/input", "/prompt"))
        and tuple(item.path.split("/", 3)[1:3]) not in instructions
    ]


def reply_texts(reply: Mapping[str, Any]) -> list[str]:
    """Return every text of a reply that a caller may send back later."""
    produced = {name: reply[name] for name in ("choices", "output") if name in reply}
    return [item.text for item in walk(produced) if isinstance(item, Text)]


def _instruction_places(fields: Mapping[str, Any]) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name in ("messages", "input"):
        items = fields.get(name)
        for position, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict) and item.get("role") in {"system", "developer"}:
                found.add((name, str(position)))
    return found


def _matches(detector: Detector, text: str, doubts: set[str]) -> list[Match]:
    try:
        most = most_matches(text)
        found = list(islice(detector.detect(text), most + 1))
    except Exception:  # a boundary: a detector that fails is a doubt
        doubts.add("detector_failed")
        return []
    sound = [match for match in found[:most] if _is_sound(match, text, detector)]
    if len(sound) < len(found):
        doubts.add("detector_nonsense")
    return sound


def _finding(match: Match, *, path: str, detector: str) -> Finding:
    return Finding(match.kind, path, match.start, match.end, match.confidence, detector)


def _is_sound(match: object, text: str, detector: Detector) -> bool:
    return (
        type(match) is Match
        and type(match.kind) is str
        and type(match.start) is int
        and type(match.end) is int
        and type(match.confidence) in {int, float}
        and match.kind in detector.kinds
        and 0 <= match.start < match.end <= len(text)
        and 0.0 <= match.confidence <= 1.0
    )


def _is_content(path: str) -> bool:
    """Return whether a text is content, or one item of a list of contents."""
    if path in {"/prompt", "/suffix"}:
        return True
    if not path.startswith(("/messages/", "/input/", "/prompt/", "/stop/")):
        return False
    return path.endswith(_CONTENT_ENDS) or path.rpartition("/")[2].isdecimal()


def _seams(texts: list[Text]) -> Iterator[tuple[Text, int]]:
    """Yield each content text with the end of what stands before it.

    A value may have been split over messages or parts, even letter by letter. What
    stands before is therefore the end of *all* contents so far, not of the last one.
    Each window comes with the offset of its last joint; only what spans it is new.
    """
    before = ""
    for text in texts:
        if not _is_content(text.path):
            continue
        after = text.text[:_SEAM_CHARACTERS]
        if before:
            yield Text(f"{text.path}#seam", before + after), len(before)
        before = (before + text.text)[-_SEAM_CHARACTERS:]
