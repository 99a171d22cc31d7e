"""How exact and how fast sizing is.

Run: `python benchmarks/sizing.py [--rows FILE --configs FOLDER] [--markdown]`.

Prints the error per task and source on published measurements, borderline fit decisions, and plans
per second of processor time on one core. Any table with the columns of
`tests/sizing/data/measured.csv` can be judged; a second table from other sources shows whether a
good fit was luck.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

from hybridllm.sizing.accuracy import (
    BORDERLINE,
    CARDS_GIB,
    Judged,
    error_lines,
    fit_decisions,
    judge_table,
)
from hybridllm.sizing.fleet import uniform_fleet
from hybridllm.sizing.models import known_model
from hybridllm.sizing.planner import plan
from hybridllm.sizing.serving import Workload
from hybridllm.sizing.training.run import TrainingRun

DATA = Path(__file__).parents[1] / "tests" / "sizing" / "data"


def main() -> None:
    """Judge the table, then measure speed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, default=DATA / "measured.csv")
    parser.add_argument("--configs", type=Path, default=DATA / "configs")
    parser.add_argument("--facts", type=Path, help="facts by row id, such as row_facts.csv")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="show the N worst rows")
    parser.add_argument("--markdown", action="store_true", help="a table for the documentation")
    args = parser.parse_args()
    judged = judge_table(
        args.rows,
        configs=args.configs,
        facts=read_facts(args.facts),
        on_refusal=lambda row, error: print(f"refused {row}: {error}"),
    )
    show_errors(judged, markdown=args.markdown)
    show_decisions(judged)
    for one in sorted(judged, key=lambda one: -abs(one.error_percent))[: args.worst]:
        print(
            f"{one.row.id:8} {one.row.task:20} {one.row.config_id:36} "
            f"predicted {one.prediction.value:10.2f} measured {one.row.measured:10.2f} "
            f"{one.error_percent:+6.1f} %"
        )
    show_speed()


def read_facts(path: Path | None) -> dict[str, dict[str, str]]:
    """Return what the sources of some rows say elsewhere."""
    if path is None:
        return {}
    with path.open(encoding="utf-8", newline="") as handle:
        return {
            row["id"]: {name: row[name] for name in ("n_gpus", "gradient_accumulation")}
            for row in csv.DictReader(handle)
        }


def show_errors(judged: list[Judged], *, markdown: bool) -> None:
    """Print the error per task and source."""
    if markdown:
        print("| task | source | rows | median % | mean % | 90th % | signed median % |")
        print("|---|---|---|---|---|---|---|")
    for line in error_lines(judged):
        parts = (
            line.task,
            line.source,
            str(line.rows),
            f"{line.median_percent:.1f}",
            f"{line.mean_percent:.1f}",
            f"{line.p90_percent:.1f}",
            f"{line.signed_median_percent:+.1f}",
        )
        print(
            f"| {' | '.join(parts)} |" if markdown else "  ".join(part.rjust(9) for part in parts)
        )


def show_decisions(judged: list[Judged]) -> None:
    """Print how often a fit was judged right near the edge of a card."""
    print(f"fit decisions on cards of {CARDS_GIB} GiB, needs within a factor of {BORDERLINE}:")
    for training in (False, True):
        name = "training" if training else "inference"
        for margin in (True, False):
            found = fit_decisions(judged, training=training, with_margin=margin)
            kind = "with the stated margin" if margin else "without a margin"
            print(
                f"  {name}, {kind}: {found.right_percent:.1f} % of {found.cases} right, "
                f"{found.false_fit_percent:.1f} % said to fit that would not"
            )


def show_speed() -> None:
    """Print plans per second of processor time."""
    eight = uniform_fleet("H100-80GB", count=8)
    large, small = known_model("meta-llama/Llama-3.1-70B"), known_model("meta-llama/Llama-3.1-8B")
    run = TrainingRun(method="lora")
    cases: dict[str, Callable[[int], object]] = {
        "8B, serving": lambda n: plan(small, fleet=eight, workload=Workload(4096 + n, 4)),
        "70B, serving on several": lambda n: plan(
            large, fleet=eight, workload=Workload(4096 + n, 4)
        ),
        "8B, training": lambda _: plan(small, fleet=eight, workload=run),
    }
    for name, make in cases.items():
        best = 0.0
        for attempt in range(10):
            started = time.process_time()
            for number in range(100):
                make(100 * attempt + number)
            best = max(best, 100 / max(1e-9, time.process_time() - started))
        print(f"{name}: {best:,.0f} plans/s")


if __name__ == "__main__":
    main()
