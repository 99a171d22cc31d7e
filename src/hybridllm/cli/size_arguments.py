"""The options of `hybridllm size`.

Answers: which options are there, and what are they called?
Not here: what they do (`hybridllm.cli.size`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

QUESTIONS: Final = (
    "longest-context",
    "most-users",
    "largest-batch",
    "largest-model",
    "smallest-gpu",
)


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], *, default_fleet: str
) -> argparse.ArgumentParser:
    """Add the parser of the command and return it."""
    parser = subparsers.add_parser(
        "size",
        help="does a model fit, on how many GPUs, with what headroom",
        description="Memory of serving or training a model, card by card, with the limiting term"
        " and what was assumed. Nothing is downloaded or sent unless --hub is given.",
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="name, folder or .gguf file")
    _add_fleet(parser, default_fleet)
    _add_serving(parser)
    _add_training(parser)
    _add_output(parser)
    return parser


def _add_fleet(parser: argparse.ArgumentParser, default_fleet: str) -> None:
    group = parser.add_argument_group("where")
    group.add_argument(
        "--gpus",
        metavar="FLEET",
        help=f"8xH100-80GB, a list, a .toml file, or 'live'; default: live, else {default_fleet}",
    )
    group.add_argument("--hub", action="store_true", help="ask a model hub for an unknown name")
    group.add_argument("--hub-url", metavar="URL", help="the hub to ask instead")
    group.add_argument("--quant", metavar="FORMAT", help="awq, gptq-int4, nf4-dq, fp8, q4_k_m ...")


def _add_serving(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("serving")
    group.add_argument("--engine", default="vllm", help="vllm, sglang, transformers or llama.cpp")
    group.add_argument("--context", type=int, default=8192, metavar="TOKENS", help="prompt + reply")
    group.add_argument("--prompt", type=int, metavar="TOKENS", help="longest prompt")
    group.add_argument("--users", type=int, default=1, metavar="N", help="requests at once")
    group.add_argument("--kv-cache-dtype", default="auto", metavar="DTYPE")
    group.add_argument("--max-num-seqs", type=int, metavar="N")
    group.add_argument("--gpu-memory-utilization", type=float, metavar="SHARE")
    group.add_argument("--tensor-parallel-size", "--tp", type=int, default=1, metavar="N")
    group.add_argument("--pipeline-parallel-size", "--pp", type=int, default=1, metavar="N")


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument("--train", metavar="METHOD", help="full, lora or qlora")
    group.add_argument("--framework", default="transformers", metavar="NAME")
    group.add_argument("--seq", type=int, default=2048, metavar="TOKENS")
    group.add_argument("--batch", type=int, default=1, metavar="N", help="sequences per GPU, step")
    group.add_argument("--optimizer", default="adamw", metavar="NAME")
    group.add_argument("--checkpointing", default="full", metavar="KIND", help="none or full")
    group.add_argument("--precision", default="mixed", metavar="KIND", help="mixed or pure")
    group.add_argument("--rank", type=int, default=16, metavar="R", help="of LoRA adapters")
    group.add_argument("--targets", metavar="A,B", help="q,k,v,o,gate,up,down,head")
    group.add_argument("--profile", type=Path, metavar="FILE", help="a calibrated profile")


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("answers")
    group.add_argument("--ask", choices=QUESTIONS, help="a question the other way round")
    group.add_argument("--table", action="store_true", help="3B to 70B on this GPU")
    group.add_argument("--plot", type=Path, metavar="FILE", help="memory against context and users")
    group.add_argument(
        "--emit", metavar="TARGET", help="vllm, compose, kubernetes, ray-serve, slurm or backend"
    )
    group.add_argument("--gpu-hour", type=float, default=0.0, metavar="PRICE", help="of one card")
    group.add_argument("--cloud-prices", metavar="IN,OUT", help="per million tokens")
    group.add_argument("--tokens-per-month", metavar="IN,OUT", help="for the comparison")
    group.add_argument("--json", action="store_true", help="write one JSON document to stdout")
