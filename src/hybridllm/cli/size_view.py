"""How `hybridllm size` looks: a breakdown, a memory bar per GPU, the rule of thumb as a table.

Answers: how is an answer shown to a person?
Not here: the answer (`hybridllm.sizing`), the command line (`hybridllm.cli.size`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hybridllm.sizing.units import GIB, show_gib

if TYPE_CHECKING:
    from hybridllm.sizing.answers import Answer, CardAnswer
    from hybridllm.sizing.cost import MonthlyCost
    from hybridllm.sizing.table import RuleCell

_BAR: Final = 32
# share of the card, sign, sign without Unicode, colour
_SIGNS: Final = {
    "weights": ("█", "#", "blue"),
    "KV cache": ("▓", "=", "magenta"),
    "other needs": ("▒", "+", "cyan"),
    "pre-allocated": ("░", "-", "yellow"),
    "outside": ("▚", "o", "red"),
    "free": ("·", ".", "bright_black"),
}
_SHOWN_CARDS: Final = 8


def show_answer(
    answer: Answer,
    *,
    note: str = "",
    cost: MonthlyCost | None = None,
    more: Mapping[str, Any] | None = None,
    console: Console | None = None,
) -> None:
    """Print the verdict, the breakdown of the tightest card, bars and what was assumed."""
    console = console or Console(highlight=False)
    verdict = Text("fits", "bold green") if answer.fits else Text("does not fit", "bold red")
    console.print(Text(answer.model, "bold"), Text(answer.question), verdict, Text(_where(answer)))
    for name, value in (more or {}).items():
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        console.print(Text(f"{name.replace('_', ' ')}: {shown}", "bold"))
    console.print(Text(answer.reason), soft_wrap=True)
    console.print(_breakdown(answer))
    for card in answer.cards[:_SHOWN_CARDS]:
        console.print(_bar(card, unicode=_speaks_unicode(console)))
    if answer.gpus > _SHOWN_CARDS:
        console.print(Text(f"and {answer.gpus - _SHOWN_CARDS} more cards"))
    console.print(_legend(unicode=_speaks_unicode(console)))
    for line in _facts(answer, note, cost):
        console.print(Text(line), soft_wrap=True)


def show_table(cells: Sequence[RuleCell], *, gpu: str, console: Console | None = None) -> None:
    """Print how many cards of one kind four sizes need, for inference and training."""
    console = console or Console(highlight=False)
    uses = list(dict.fromkeys(cell.use for cell in cells))
    table = Table(title=f"{gpu}: GPUs needed, and GiB on the fullest card", title_justify="left")
    table.add_column("size")
    table.add_column("shape")
    for use in uses:
        table.add_column(use, justify="right")
    for size in dict.fromkeys(cell.size for cell in cells):
        row = [cell for cell in cells if cell.size == size]
        table.add_row(size, row[0].model, *(_cell(cell) for cell in row))
    console.print(table)
    console.print(
        Text(
            "inference: vLLM in bf16, 16 requests of 8,192 tokens; full: AdamW in mixed precision; "
            "LoRA and QLoRA: rank 16 on all linear layers; 2,048 tokens per GPU, all recomputed"
        ),
        soft_wrap=True,
    )


def _cell(cell: RuleCell) -> str:
    need = cell.answer.tightest.needed_bytes / GIB
    return f"{cell.gpus} ({need:.0f})" if cell.gpus else "more than 64"


def _where(answer: Answer) -> str:
    names = [card.card.gpu.name for card in answer.cards]
    parts = [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
    return f"on {', '.join(parts)}"


def _breakdown(answer: Answer) -> Table:
    card = answer.tightest
    table = Table(title=f"tightest card, {card.card.name}", title_justify="left")
    for name in ("part", "GiB", "why"):
        table.add_column(name, justify="right" if name == "GiB" else "left", overflow="fold")
    for term in sorted(card.needed, key=lambda term: -term.size_bytes):
        table.add_row(term.name, f"{term.size_bytes / GIB:.2f}", Text(term.why))
    table.add_section()
    table.add_row("needed", f"{card.needed_bytes / GIB:.2f}", "what this workload uses")
    table.add_row(
        "pre-allocated",
        f"{card.pre_allocated_bytes / GIB:.2f}",
        "cache that the engine takes besides",
    )
    table.add_row("allowed", f"{card.budget_bytes / GIB:.2f}", "the engine's share of what is free")
    table.add_row("margin", f"{card.margin_bytes / GIB:.2f}", f"after {card.safety:.0%} kept free")
    return table


def _bar(card: CardAnswer, *, unicode: bool) -> Text:
    total = max(card.card.gpu.memory_bytes, card.needed_bytes + card.outside_bytes, 1)
    held = {term.name: term.size_bytes for term in card.needed}
    weights, cache = held.pop("weights", 0), held.pop("KV cache", 0)
    parts = {
        "weights": weights,
        "KV cache": cache,
        "other needs": sum(held.values()),
        "pre-allocated": card.pre_allocated_bytes,
        "outside": card.outside_bytes,
    }
    bar, used = Text(), 0
    for name, size in parts.items():
        cells = round(_BAR * size / total)
        cells = max(0, min(cells, _BAR - used))
        used += cells
        bar.append(_sign(name, unicode=unicode) * cells, _SIGNS[name][2])
    bar.append(_sign("free", unicode=unicode) * (_BAR - used), _SIGNS["free"][2])
    need = show_gib(card.needed_bytes + card.outside_bytes)
    bar.append(f"  {card.card.name}: {need} of {show_gib(card.card.gpu.memory_bytes)}")
    return bar


def _legend(*, unicode: bool) -> Text:
    legend = Text()
    for name, (_, _, colour) in _SIGNS.items():
        legend.append(f"{_sign(name, unicode=unicode)} ", colour)
        legend.append(f"{name}  ")
    return legend


def _sign(name: str, *, unicode: bool) -> str:
    return _SIGNS[name][0 if unicode else 1]


def _speaks_unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def _facts(answer: Answer, note: str, cost: MonthlyCost | None) -> list[str]:
    lines = [f"limiting term: {answer.limiting_term}; error band: ±{answer.error_band:.0%}"]
    if answer.moment:
        lines.append(f"peak at: {answer.moment}")
    if answer.capacity:
        capacity = answer.capacity
        lines.append(
            f"cache: {capacity.tokens:,} tokens in all, {capacity.concurrency:.2f} requests of "
            f"this length at once (the engine logs {capacity.logged_tokens:,})"
        )
    if answer.bounds:
        lines.append(
            f"speed: at most {answer.bounds.decode_tokens_s:,.0f} tokens/s decoding and "
            f"{answer.bounds.prefill_tokens_s:,.0f} prefilling (bounds, not measurements)"
        )
    if cost:
        lines.append(_cost_line(cost))
    lines += [f"assumed: {text}" for text in (*answer.assumptions, *([note] if note else ()))]
    return lines + [f"try: {text}" for text in answer.advice if not answer.fits]


def _cost_line(cost: MonthlyCost) -> str:
    line = f"cost per month: {cost.local:,.0f} here, {cost.cloud:,.0f} cloud ({cost.currency})"
    if cost.break_even_tokens is None:
        return line
    reach = "" if cost.is_reachable else ", more than this can produce for these users"
    return f"{line}; break-even at {cost.break_even_tokens:,.0f} tokens a month{reach}"
