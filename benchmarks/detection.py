"""What detection finds, and what it costs in time and memory.

Run: `python benchmarks/detection.py [--compare] [--terms 100000]`, from the repository.

Prints the scores on the project's own development set (the `test` half, of which no rule
was tuned), with 95 % intervals after Wilson 1927; then CPU time per KB of UTF-8, best of
several rounds, since other work on the machine only adds time; then the worst of some
hostile texts; then the lexicon. `--compare` measures Presidio's pattern recognisers and
datafog in the same run, where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors import BuiltinDetector, is_available
from hybridllm.classify.lexicon import Lexicon, LexiconDetector, Term
from tests.classify.devset.generator import disguised, lexicon_terms, prompts
from tests.classify.devset.scoring import score

Detect = Callable[[str], list[Match]]

TARGETS_MS = {"1 KB": 0.3, "100 KB": 40.0, "hostile 20 KB": 50.0}
TARGETS_WITH_NAMES_MS = {"1 KB": 1.2, "100 KB": 300.0, "hostile 20 KB": 50.0}
LEXICON_TARGET_US = 40
GROUPS = {
    "ids": ("personal.my_number", "personal.phone", "personal.email", "financial"),
    "keys": ("credentials.provider_key", "credentials.jwt", "credentials.private_key"),
    "lexicon": ("lexicon",),
    "names": ("personal.name",),
    "passwords": ("credentials.password",),
    "addresses": ("personal.address",),
    "markings": ("marking",),
}
ENGLISH = (
    "The quarterly planning process starts with a review of the open tasks. Each team lists what "
    "it finished, what slipped and why, then estimates the next milestones in story points. "
    "Release 4.12 shipped on 3 May with 17 fixes; the error rate fell from 2.3% to 0.8%. Please "
    "summarise the main points as a short bulleted list, and keep a neutral tone throughout. "
)
JAPANESE = (
    "来期の計画づくりは、まず残っている作業の棚卸しから始めます。各チームは完了したもの、遅れたものと"
    "その理由を一覧にし、次の節目までの工数を見積もります。バージョン4.12は5月3日に公開され、17件の修正が"
    "入りました。エラー率は2.3%から0.8%に下がっています。要点を箇条書きで短くまとめてください。"
)
HOSTILE = (
    "a",
    "a@",
    "1 ",
    "12 ",
    "pass=",
    "Mr. Aaa ",
    "password ",
    "市",
    "さん",
    "０",
    "=41",
    "://",
)


def interval(hits: int, total: int) -> str:
    """Return a share with its 95 % interval, such as `97 % (92-99)`."""
    if not total:
        return "-"
    z, share = 1.96, hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * (share * (1 - share) / total + z * z / (4 * total**2)) ** 0.5 / (1 + z * z / total)
    return f"{share:4.0%} ({middle - half:.0%}-{middle + half:.0%})"


def best_ms(call: Callable[[], object], *, calls: int, rounds: int = 7) -> float:
    """Return milliseconds of CPU that one call takes in the best round."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time() - start) / calls)
    return best * 1000


def fresh(text: str) -> str:
    """Return an equal string that is another object, so that nothing kept is used again."""
    return text[:-1] + text[-1:]


def sized(text: str, size: int) -> str:
    """Return the text repeated up to so many bytes of UTF-8."""
    data = text.encode()
    return (data * (size // len(data) + 1))[:size].decode(errors="ignore")


def resident_mib() -> float:
    """Return the largest memory of this process so far, in MiB; 0 where unknown."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def print_scores(detect: Detect) -> None:
    """Print recall and false alarms of the unseen half, by language and kind."""
    for language in ("en", "ja"):
        chosen = [p for p in prompts() if p.half == "test" and p.language == language]
        result = score(chosen, detect)
        print(
            f"  {language}: noticed {interval(result.noticed, result.sensitive)},"
            f" false alarms {interval(result.alarmed, result.ordinary)}"
        )
        for name, kinds in GROUPS.items():
            total = sum(n for kind, n in result.spans.items() if kind.startswith(kinds))
            found = sum(n for kind, n in result.found.items() if kind.startswith(kinds))
            print(f"      {name:<10} {interval(found, total)} of {total}")
    hidden = score([p for p in disguised() if p.half == "test"], detect)
    kinds = len({p.disguise for p in disguised()})
    print(f"  disguised, {kinds} kinds: {interval(hidden.noticed, hidden.sensitive)}")


def print_times(detect: Detect, targets: dict[str, float]) -> None:
    """Print CPU time for ordinary and for hostile text."""
    for name, text in (("en", ENGLISH), ("ja", JAPANESE)):
        for label, size, calls in (("1 KB", 1024, 100), ("100 KB", 102_400, 2)):
            sample = sized(text, size)
            spent = best_ms(lambda sample=sample: detect(fresh(sample)), calls=calls)  # type: ignore[misc]
            print(f"  {name} {label:<14} {spent:8.3f} ms  (target {targets[label]})")
    worst = 0.0
    for unit in HOSTILE:
        text = (unit * 20_000)[:20_000]
        worst = max(worst, best_ms(lambda text=text: detect(fresh(text)), calls=1, rounds=3))  # type: ignore[misc]
    print(f"  hostile 20 KB     {worst:8.1f} ms  (target 50 for each pattern; this is all of them)")


def print_lexicon(size: int) -> None:
    """Print what a lexicon of so many terms costs."""
    rng = random.Random(7)  # noqa: S311 - sample words, no secret
    letters = "aeioukstnhmrgzdbp"
    kanji = "青北南東西川山田中村原野沢森林松竹梅島崎谷池"
    terms = [
        Term("".join(rng.choices(letters, k=rng.randint(7, 12))).title() + " Holdings", "customer")
        if number % 2
        else Term("株式会社" + "".join(rng.choices(kanji, k=4)) + "商会", "customer")
        for number in range(size)
    ]
    before_mib = resident_mib()
    began = time.process_time()
    detector = LexiconDetector(Lexicon(tuple(terms)))
    built_s = time.process_time() - began
    print(f"  built in {built_s:.1f} s, takes {resident_mib() - before_mib:.0f} MiB")
    builtin = BuiltinDetector()
    for name, text in (("en", ENGLISH), ("ja", JAPANESE)):
        sample = sized(text, 10_240)

        def alone(sample: str = sample) -> None:
            builtin.detect(fresh(sample))

        def both(sample: str = sample) -> None:
            text = fresh(sample)
            builtin.detect(text)
            detector.detect(text)

        added = best_ms(both, calls=20) - best_ms(alone, calls=20)
        print(f"  {name} adds {added * 100:5.0f} us per KB  (target {LEXICON_TARGET_US})")


def peers() -> Iterable[tuple[str, Detect]]:
    """Yield the other tools that are installed, each as a function like ours."""
    if importlib.util.find_spec("presidio_analyzer"):
        yield "presidio, pattern recognisers", _presidio()
    if importlib.util.find_spec("datafog"):
        yield "datafog, regex engine", _datafog()


def _presidio() -> Detect:
    from presidio_analyzer import RecognizerRegistry  # type: ignore[import-not-found]

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    recognisers: list[Any] = [r for r in registry.recognizers if hasattr(r, "patterns")]

    def detect(text: str) -> list[Match]:
        return [
            Match(found.entity_type, found.start, found.end)
            for recogniser in recognisers
            for found in recogniser.analyze(text, recogniser.supported_entities)
            if found.entity_type not in {"DATE_TIME", "URL"}
        ]

    return detect


def _datafog() -> Detect:
    from datafog.processing.text_processing.regex_annotator.regex_annotator import (  # type: ignore[import-not-found]
        RegexAnnotator,
    )

    annotator = RegexAnnotator()

    def detect(text: str) -> list[Match]:
        _, result = annotator.annotate_with_spans(text)
        return [Match(span.label, span.start, span.end) for span in result.spans if span.text]

    return detect


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--terms", type=int, default=100_000)
    args = parser.parse_args()
    lexicon = LexiconDetector(Lexicon(tuple(Term(*term) for term in lexicon_terms())))
    for title, japanese_names, targets in (
        ("without a dictionary", False, TARGETS_MS),
        ("with SudachiPy", True, TARGETS_WITH_NAMES_MS),
    ):
        if japanese_names and not is_available():
            print("\nSudachiPy is not installed: pip install 'hybridllm[ja]'")
            continue
        detector = BuiltinDetector(japanese_names=japanese_names)

        def both(text: str, detector: BuiltinDetector = detector) -> list[Match]:
            return [*detector.detect(text), *lexicon.detect(text)]

        print(f"\nhybridllm, {title}")
        print_scores(both)
        print_times(detector.detect, targets)
    print(f"\nmemory of the process after detection: {resident_mib():.0f} MiB")
    print(f"\nlexicon of {args.terms} terms, beside the built-in detector")
    print_lexicon(args.terms)
    if args.compare:
        for title, detect in peers():
            print(f"\n{title}; kinds differ, so only requests are compared")
            print_scores(detect)
            print_times(detect, TARGETS_MS)


if __name__ == "__main__":
    main()
