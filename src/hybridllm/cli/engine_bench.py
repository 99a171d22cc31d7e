"""`hybridllm engine bench`: how fast do engines answer many callers at once?

Answers: how are the numbers asked for and shown?
Not here: measuring (`hybridllm.config.benching`).
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hybridllm.config.benching import Speed


def add_bench(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "bench",
        help="measure a model in this process, and engines that run",
        description="Measure tokens a second, the time to the first token and between tokens, for"
        " several numbers of callers. A model in this process stands beside plain generate, one"
        " answer after the other. Texts are made up; run it on an idle machine.",
    )
    parser.add_argument("--model", type=Path, metavar="PATH", help="folder, or GGUF file")
    parser.add_argument(
        "--engine", action="append", default=[], metavar="NAME",
        help="an engine that was started or attached here (may be repeated)",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, default=Path(".hybridllm") / "engines",
                        metavar="DIR", help="keeps the engines")  # fmt: skip
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 8, 32, 64], metavar="N")
    parser.add_argument("--tokens", type=int, default=48, metavar="N", help="of each answer")
    parser.add_argument("--threads", type=int, metavar="N", help="on a CPU")
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16 or float16")
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, show and return the exit status."""
    if not args.model and not args.engine:
        raise ConfigurationError("name what to measure: --model PATH, --engine NAME or both")
    if min(args.callers) < 1 or args.tokens < 2:
        raise ConfigurationError("--callers is from 1 on, and --tokens from 2 on")
    found = list(_speeds(args))
    rows = [_row(speed, base=found[0]) for speed in found]
    if args.json:
        write_json({"tokens": args.tokens, "speeds": rows})
        return status.OK
    table = make_table("", "callers", "tokens/s", "times", "first s", "next ms")
    for row in rows:
        table.add_row(row["name"], str(row["callers"]), f"{row['tokens_per_s']:.1f}",
                      f"{row['times']:.2f}", _text(row["first_s"], digits=2),
                      _text(row["between_ms"], digits=1))  # fmt: skip
    make_console().print(table)
    return status.OK


def _speeds(args: argparse.Namespace) -> Iterator[Speed]:
    from hybridllm.config.benching import Attached, BenchPlan, bench_attached, bench_model
    from hybridllm.managed.folder import EngineFolder
    from hybridllm.managed.servers import server

    plan = BenchPlan(tuple(args.callers), args.tokens, args.threads, args.dtype)
    if args.model:
        yield from bench_model(args.model, plan=plan)
    for name in args.engine:
        folder = EngineFolder(args.folder, name)
        state = folder.state()
        if state is None or state.is_over:
            raise ConfigurationError(f"{name} does not run; see: hybridllm engine status")
        provider = server(state.server).provider
        engine = Attached(name, provider, state.url, state.model, folder.key())
        yield from bench_attached(engine, plan=plan)


def _row(speed: Speed, *, base: Speed) -> dict[str, Any]:
    return {
        "name": speed.name,
        "callers": speed.callers,
        "tokens_per_s": round(speed.tokens_per_s, 1),
        "times": round(speed.tokens_per_s / (base.tokens_per_s or 1.0), 2),
        "first_s": _median(speed.first_s),
        "between_ms": None if not speed.between_s else 1000 * statistics.median(speed.between_s),
    }


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _text(value: float | None, *, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
