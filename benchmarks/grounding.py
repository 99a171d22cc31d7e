"""How well answers are checked without a model, and what it costs.

Run: `python benchmarks/grounding.py [--parts test,unseen]`, from the repository.

Prints balanced accuracy of word overlap alone, of numbers alone and of all checks, for English
and Japanese: of sentences written by hand (`tests/verify/devset/handbook.py`) and of sentences
made by rule from Python's help and from Japanese manual pages, where there are some. Intervals
are percentile bootstraps. Then abstention before asking, then CPU time for a claim beside three
passages, best of several rounds, since other work on the machine only adds time.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hybridllm.rag.evaluation import balanced_accuracy, share
from hybridllm.verify import check_answer
from tests.verify.devset import scoring

JUDGES = {
    "words alone": scoring.words_alone,
    "numbers alone": scoring.numbers_alone,
    "all checks": scoring.ours,
}
TARGETS = {"en": 0.80, "ja": 0.78}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default="test,unseen", help="of tuning, test, unseen")
    parts = parser.parse_args().parts.split(",")
    for language, target in TARGETS.items():
        print(f"{language}: balanced accuracy, target {target}")
        hand = [case for part in parts for case in scoring.by_hand(language, parts=[part])]
        rule = [
            case for part in parts if part != "unseen" for case in scoring.made(language, part=part)
        ]
        for name, cases in (("by hand", hand), ("by rule", rule), ("together", hand + rule)):
            if cases:
                print(f"  {name}: {len(cases)} claims")
                print_judges(cases)
        print_abstention(language, parts=parts)
        print(f"  {milliseconds(hand):.2f} ms of CPU a claim beside three passages")


def print_judges(cases: list[scoring.Case]) -> None:
    for name, judge in JUDGES.items():
        pairs = [(case.is_carried, judge(case.claim, case.sources)) for case in cases]
        found = balanced_accuracy(pairs)
        passed = share([said for truth, said in pairs if truth]).value
        caught = share([not said for truth, said in pairs if not truth]).value
        print(
            f"    {name:14} {found.value:.3f} ({found.low:.3f}-{found.high:.3f}),"
            f" carried and passed {passed:.0%}, wrong and caught {caught:.0%}"
        )


def print_abstention(language: str, *, parts: list[str]) -> None:
    unanswered, noticed, answered, wrongly = scoring.abstentions(language, parts=parts)
    print(
        f"  before asking: {noticed} of {unanswered} questions without an answer noticed,"
        f" {wrongly} of {answered} with one refused"
    )


def milliseconds(cases: list[scoring.Case], *, rounds: int = 3) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for case in cases:
            check_answer(case.claim, sources=case.sources)
        best = min(best, time.process_time() - start)
    return 1000 * best / len(cases)


if __name__ == "__main__":
    main()
