"""`hybridllm eval`: how well does detection work on a labelled set?

Answers: how is a set scored, and how are scores shown?
Not here: scoring (`hybridllm.evaluation`).

Nothing of a prompt is shown: reports name ids, kinds and counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.cli.texts import STANDARD_INPUT, read_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from hybridllm.classify.classifier import Classifier
    from hybridllm.classify.detector import Detector
    from hybridllm.evaluation.detection import Classify, LanguageScore
    from hybridllm.evaluation.examples import LabelledSet
    from hybridllm.evaluation.intervals import Rate

_TIMEOUT_S: Final = 60.0
"""For one prompt. Scoring waits for slow detectors: their time is part of the result."""

_LANGUAGE: Final = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True)
class _Scored:
    """The scores of one detector, by language."""

    detector: str
    scores: tuple[LanguageScore, ...]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "eval",
        help="score detection on a labelled set",
        description="Score on a labelled set of your own.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="WHAT")
    detection = verbs.add_parser(
        "detection",
        help="how many sensitive prompts are noticed, how many ordinary ones are not left alone",
        description="Score detection on a JSONL file, one prompt a line: id, language, text or"
        " messages, label (sensitive or ordinary) and spans (kind, start, end). Rates come with"
        " their 95 % intervals. No prompt is shown, remembered or sent.",
    )
    detection.add_argument("file", metavar="FILE", help="the JSONL file; - reads standard input")
    detection.add_argument(
        "--config",
        metavar="FILE",
        help="use the lexicons and plug-ins of a configuration; default: built-in detectors alone",
    )
    detection.add_argument(
        "--compare", choices=["presidio"], help="score another detector on the same prompts"
    )
    detection.add_argument("--ids", action="store_true", help="name the prompts that went wrong")
    detection.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    detection.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score, show the result and return the exit status."""
    from hybridllm.evaluation.examples import read_labelled

    shown = "standard input" if args.file == STANDARD_INPUT else Path(args.file).name
    labelled = read_labelled(read_text(args.file), file=shown)
    own = _own_classifier(args.config).classify
    readers: list[tuple[str, dict[str, Classify]]] = [
        ("hybridllm", dict.fromkeys(_languages(labelled), own))
    ]
    if args.compare:
        readers.append(_presidio(_languages(labelled)))
    console = make_console(as_json=args.json)
    results = [
        _Scored(name, _score(labelled, by_language=by_language, name=name, console=console))
        for name, by_language in readers
    ]
    if args.json:
        write_json(_document(labelled, results=results, file=shown))
    else:
        _show(console, results=results, labelled=labelled, with_ids=args.ids)
    return status.OK


def _languages(labelled: LabelledSet) -> list[str]:
    return list(dict.fromkeys(example.language for example in labelled.examples))


def _own_classifier(config: str | None) -> Classifier:
    """Return what reads requests, without memory: no prompt may make another one noticed."""
    from hybridllm.classify.detectors import builtin_detectors

    if config is None:
        return _classifier(builtin_detectors())
    from hybridllm.config import Fakes, open_config
    from hybridllm.testing import EchoBackend, RecordingSink

    # No backend takes part, so none is built, and no key of one is needed.
    fakes = Fakes(backend=lambda name, place: EchoBackend(name, place=place), audit=RecordingSink())
    return _classifier(open_config(config, fakes=fakes).runtime.classifier.detectors)


def _classifier(detectors: Sequence[Detector]) -> Classifier:
    from hybridllm.classify.classifier import Classifier

    return Classifier(detectors, timeout_s=_TIMEOUT_S)


def _presidio(languages: Sequence[str]) -> tuple[str, dict[str, Classify]]:
    """Return Presidio for each language, with a spaCy model where one is installed."""
    from hybridllm.classify.adapters.presidio import PresidioDetector, installed_analyzer

    readers: dict[str, Classify] = {}
    models: list[str] = []
    for language in languages:
        code = language.lower()[:2]
        code = code if _LANGUAGE.fullmatch(code) else "en"
        analyzer, model = installed_analyzer(code)
        models += [model] if model else []
        detector = PresidioDetector(analyzer, language=code)
        readers[language] = _classifier([detector]).classify
    return f"presidio ({', '.join(dict.fromkeys(models)) or 'patterns only'})", readers


def _score(
    labelled: LabelledSet, *, by_language: dict[str, Classify], name: str, console: Console
) -> tuple[LanguageScore, ...]:
    from rich.progress import Progress

    from hybridllm.evaluation.detection import score_detection

    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=len(labelled.examples))
        return score_detection(
            labelled.examples,
            classify=by_language.__getitem__,
            progress=lambda done: bar.update(task, completed=done),
        )


def _document(labelled: LabelledSet, *, results: Sequence[_Scored], file: str) -> dict[str, Any]:
    return {
        "file": file,
        "examples": len(labelled.examples),
        "ignored_keys": sorted(labelled.ignored_keys),
        "scores": [
            {
                "detector": result.detector,
                "language": score.language,
                "request_recall": _rate_document(score.recall),
                "false_alarms": _rate_document(score.false_alarms),
                "entities_found": _rate_document(score.entities.found),
                "entities_named": _rate_document(score.entities.named),
                "kinds": {
                    kind: {"found": _rate_document(item.found), "named": _rate_document(item.named)}
                    for kind, item in score.kinds.items()
                },
                "doubts": score.doubts,
                "p50_ms_per_kib": round(score.ms_per_kib, 4),
                "missed_ids": list(score.missed),
                "false_alarm_ids": list(score.alarmed),
            }
            for result in results
            for score in result.scores
        ],
    }


def _rate_document(rate: Rate) -> dict[str, Any]:
    return {
        "hits": rate.hits,
        "total": rate.total,
        "share": rate.share,
        "interval_95": rate.interval,
    }


def _show(
    console: Console, *, results: Sequence[_Scored], labelled: LabelledSet, with_ids: bool
) -> None:
    requests = make_table("detector", "language", "sensitive noticed", "false alarms", "p50 ms/KiB")
    for result in results:
        for score in result.scores:
            recall, alarms = _shown(score.recall), _shown(score.false_alarms)
            time_shown = f"{score.ms_per_kib:.3f}"
            requests.add_row(result.detector, score.language, recall, alarms, time_shown)
    console.print(requests)
    if any(score.kinds for score in results[0].scores):
        console.print(_kind_table(results))
    console.print("In brackets: the 95 % interval (Wilson).")
    for result in results:
        for score in result.scores:
            _show_doubts(console, score=score, detector=result.detector)
            if with_ids:
                _show_ids(console, score=score, detector=result.detector)
    if labelled.ignored_keys:
        console.print(f"Ignored keys: {', '.join(map(ascii, sorted(labelled.ignored_keys)))}")


def _kind_table(results: Sequence[_Scored]) -> Table:
    """Return the spans of each kind, with the detectors side by side."""
    heads = [f"{result.detector}: spans found" for result in results]
    table = make_table("language", "kind", *heads, f"{results[0].detector}: as that kind")
    for scores in zip(*(result.scores for result in results), strict=True):
        own = scores[0]
        for kind, item in own.kinds.items():
            found = [_shown(score.kinds[kind].found) for score in scores]
            table.add_row(own.language, kind, *found, _shown(item.named))
        found = [_shown(score.entities.found) for score in scores]
        table.add_row(own.language, "all kinds", *found, _shown(own.entities.named))
    return table


def _show_doubts(console: Console, *, score: LanguageScore, detector: str) -> None:
    if score.doubts:
        console.print(
            f"{detector}, {score.language}: {score.doubts} prompts could not be read whole;"
            " they count as noticed, as a client keeps them inside."
        )


def _show_ids(console: Console, *, score: LanguageScore, detector: str) -> None:
    for what, ids in (("missed", score.missed), ("false alarms", score.alarmed)):
        if ids:
            text = f"{detector}, {score.language}, {what}: {', '.join(ids)}"
            console.print(text, soft_wrap=True)


def _shown(rate: Rate) -> str:
    """Return a rate for people: 97.1 % [94.2, 98.6] 133/137."""
    if rate.share is None or rate.interval is None:
        return "-"
    low, high = rate.interval
    return f"{rate.share:.1%} [{low * 100:.1f}, {high * 100:.1f}] {rate.hits}/{rate.total}"
