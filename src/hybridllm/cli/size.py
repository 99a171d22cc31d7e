"""`hybridllm size`: does a model fit, on how many GPUs, and what starts it?

Answers: how is a sizing question asked and answered in a terminal?
Not here: the arithmetic (`hybridllm.sizing`), bars and tables (`hybridllm.cli.size_view`).

Exit status: 0 it fits (or a table, plot or other answer was printed), 1 it does not fit,
2 the question cannot be answered.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final

from hybridllm.errors import HybridLLMError

if TYPE_CHECKING:
    from hybridllm.sizing.answers import Answer
    from hybridllm.sizing.cost import MonthlyCost
    from hybridllm.sizing.fleet import Fleet
    from hybridllm.sizing.serving import EngineSettings, Workload
    from hybridllm.sizing.shape import ModelShape
    from hybridllm.sizing.training.profiles import FrameworkProfile
    from hybridllm.sizing.training.run import TrainingRun

FITS, DOES_NOT_FIT, UNANSWERABLE = 0, 1, 2
DEFAULT_FLEET: Final = "1xH100-80GB"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    from hybridllm.cli.size_arguments import add_parser

    add_parser(subparsers, default_fleet=DEFAULT_FLEET).set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the command line says and return the exit status."""
    try:
        return _answer(args)
    except HybridLLMError as error:
        if args.json:
            _write({"error": type(error).__name__, "message": str(error)})
        else:
            sys.stderr.write(f"{error}\n")
        return UNANSWERABLE


def _answer(args: argparse.Namespace) -> int:
    from hybridllm.sizing.errors import SizingError

    fleet, note = _fleet(args.gpus)
    if args.table:
        return _table(args, fleet)
    if args.ask == "largest-model":
        return _largest_model(args, fleet, note)
    if not args.model:
        raise SizingError("name a model, such as 'hybridllm size meta-llama/Llama-3.1-8B'.")
    shape = _shape(args)
    if args.ask:
        return _reverse(args, shape, fleet, note)
    answer = _plan(args, shape, fleet)
    if args.emit:
        return _emit(args, answer)
    if args.plot:
        return _plot(args, answer)
    return _show(args, answer, note)


def _fleet(text: str | None) -> tuple[Fleet, str]:
    """Return the fleet and, when it was not named, where it comes from."""
    from hybridllm.sizing.errors import FleetError
    from hybridllm.sizing.fleet import parse_fleet
    from hybridllm.sizing.live import live_fleet

    if text == "live":
        return live_fleet(), ""
    if text:
        return parse_fleet(text), ""
    try:
        return live_fleet(), "the GPUs of this machine, with what is free now"
    except FleetError:
        return parse_fleet(DEFAULT_FLEET), f"no GPU was read here; {DEFAULT_FLEET} is assumed"


def _shape(args: argparse.Namespace) -> ModelShape:
    from hybridllm.sizing.load import load_model

    return load_model(args.model, quantisation=args.quant, ask_hub=args.hub, hub_url=args.hub_url)


def _settings(args: argparse.Namespace) -> EngineSettings:
    from hybridllm.sizing.serving import EngineSettings

    return EngineSettings(
        engine=args.engine,
        kv_cache_dtype=args.kv_cache_dtype,
        gpu_memory_utilization=args.gpu_memory_utilization,
        max_num_seqs=args.max_num_seqs,
        tensor_parallel_size=args.tensor_parallel_size,
        pipeline_parallel_size=args.pipeline_parallel_size,
    )


def _workload(args: argparse.Namespace) -> Workload | TrainingRun:
    from hybridllm.sizing.serving import Workload
    from hybridllm.sizing.training.run import ALL_LINEAR, LoraSettings, TrainingRun

    if not args.train:
        return Workload(args.context, args.users, args.prompt)
    targets = tuple(args.targets.split(",")) if args.targets else ALL_LINEAR
    return TrainingRun(
        method=args.train,
        sequence_tokens=args.seq,
        micro_batch=args.batch,
        framework=args.framework,
        optimizer=args.optimizer,
        precision=args.precision,
        gradient_checkpointing=args.checkpointing,
        quantisation=args.quant or "nf4-dq",
        lora=LoraSettings(args.rank, targets),
    )


def _profile(args: argparse.Namespace) -> FrameworkProfile | None:
    from hybridllm.sizing.training.calibrate import read_profile

    return read_profile(args.profile) if args.profile else None


def _plan(args: argparse.Namespace, shape: ModelShape, fleet: Fleet) -> Answer:
    from hybridllm.sizing.planner import plan

    return plan(
        shape,
        fleet=fleet,
        workload=_workload(args),
        settings=_settings(args),
        profile=_profile(args),
    )


def _show(args: argparse.Namespace, answer: Answer, note: str, **more: Any) -> int:
    cost = _cost(args, answer)
    if args.json:
        document = {**answer.as_dict(), **more, "fleet_note": note}
        if cost:
            document["cost_per_month"] = {
                "local": round(cost.local, 2),
                "cloud": round(cost.cloud, 2),
                "break_even_tokens": cost.break_even_tokens and round(cost.break_even_tokens),
                "is_reachable": cost.is_reachable,
            }
        _write(document)
    else:
        from hybridllm.cli.size_view import show_answer

        show_answer(answer, note=note, cost=cost, more=more)
    return FITS if answer.fits else DOES_NOT_FIT


def _cost(args: argparse.Namespace, answer: Answer) -> MonthlyCost | None:
    if not (args.cloud_prices and args.tokens_per_month):
        return None
    from hybridllm.sizing.cost import Prices, monthly_cost

    cloud_in, cloud_out = _pair("--cloud-prices", args.cloud_prices)
    tokens_in, tokens_out = _pair("--tokens-per-month", args.tokens_per_month)
    prices = Prices(
        gpu_hour=args.gpu_hour,
        cloud_input_per_million=cloud_in,
        cloud_output_per_million=cloud_out,
    )
    return monthly_cost(answer, prices=prices, input_tokens=tokens_in, output_tokens=tokens_out)


def _pair(option: str, text: str) -> tuple[float, float]:
    from hybridllm.sizing.errors import SizingError

    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError:
        raise SizingError(f"{option} is '{text}'; write two numbers, such as 2.5,10.") from None
    return first, second


def _table(args: argparse.Namespace, fleet: Fleet) -> int:
    from hybridllm.sizing.table import rule_table

    gpu = fleet.cards[0].gpu.name
    cells = rule_table(gpu)
    if args.json:
        rows = [
            {"size": c.size, "model": c.model, "use": c.use, "gpus": c.gpus, "gpu": gpu}
            for c in cells
        ]
        _write({"gpu": gpu, "rows": rows})
    else:
        from hybridllm.cli.size_view import show_table

        show_table(cells, gpu=gpu)
    return FITS


def _reverse(args: argparse.Namespace, shape: ModelShape, fleet: Fleet, note: str) -> int:
    from hybridllm.sizing import reverse
    from hybridllm.sizing.errors import SizingError
    from hybridllm.sizing.training.run import TrainingRun

    settings, work = _settings(args), _workload(args)
    if args.ask == "smallest-gpu":
        found = reverse.smallest_gpu(shape, workload=work, settings=settings)
        if found is None:
            raise SizingError(f"no single card of the catalogue holds {shape.name} for this.")
        return _show(args, found, "", smallest_gpu=found.cards[0].card.gpu.name)
    if args.ask == "largest-batch":
        if not isinstance(work, TrainingRun):
            raise SizingError(
                "--ask largest-batch is about training; add --train full, lora or qlora."
            )
        largest = reverse.largest_batch(shape, fleet=fleet, run=work)
    elif args.ask == "most-users":
        largest = reverse.most_users(
            shape, fleet=fleet, context_tokens=args.context, settings=settings
        )
    else:
        largest = reverse.longest_context(shape, fleet=fleet, users=args.users, settings=settings)
    answer = largest.answer or _plan(args, shape, fleet)
    return _show(args, answer, note, **{args.ask.replace("-", "_"): largest.value})


def _largest_model(args: argparse.Namespace, fleet: Fleet, note: str) -> int:
    from hybridllm.sizing.errors import SizingError
    from hybridllm.sizing.reverse import largest_model

    found = largest_model(fleet=fleet, workload=_workload(args), settings=_settings(args))
    if found is None:
        raise SizingError(f"no known model fits on {fleet.label} for this.")
    return _show(args, found, note, largest_model=found.model)


def _emit(args: argparse.Namespace, answer: Answer) -> int:
    from hybridllm.sizing.emitters import emit

    sys.stdout.write(emit(answer, target=args.emit))
    return FITS


def _plot(args: argparse.Namespace, answer: Answer) -> int:
    from hybridllm.sizing.errors import SizingError
    from hybridllm.sizing.plot import memory_plot
    from hybridllm.sizing.serving import EngineSettings

    if not isinstance(answer.settings, EngineSettings):
        raise SizingError("a plot is drawn for serving; leave --train out.")
    cards = [card.card for card in answer.cards]
    path = memory_plot(answer.shape, cards=cards, path=args.plot, settings=answer.settings)
    sys.stdout.write(f"wrote {path}\n")
    return FITS


def _write(document: object) -> None:
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")
