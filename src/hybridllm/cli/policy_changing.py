"""`hybridllm policy diff` and `replay`: what would a change do?

Answers: which decisions would change, and what would that have meant for recorded requests?
Not here: working it out (`hybridllm.policy.tools`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hybridllm.cli import status
from hybridllm.cli.policy_diff_view import COLUMNS, difference_document, rows
from hybridllm.cli.policy_opening import decide, open_policy
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.errors import ConfigurationError
from hybridllm.policy.tools.diff import Difference, difference
from hybridllm.policy.tools.replay import CLOUD, DENIED, LOCAL, Price, Replay, Replayer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

_PRICE = re.compile(r"(?P<backend>[^=]+)=(?P<prompt>\d+(\.\d+)?)/(?P<completion>\d+(\.\d+)?)")
_SHOWN_MOVES: Final = (
    ("cloud to premises", CLOUD, LOCAL),
    ("premises to cloud", LOCAL, CLOUD),
    ("cloud to denied", CLOUD, DENIED),
    ("premises to denied", LOCAL, DENIED),
    ("denied to cloud", DENIED, CLOUD),
    ("denied to premises", DENIED, LOCAL),
)


def diff(args: argparse.Namespace) -> int:
    """Compare two policies by their decisions."""
    old, new = open_policy(args.old), open_policy(args.new)
    found = difference(old.policy, new=new.policy, kinds=old.kinds | new.kinds, decide=decide)
    if args.json:
        write_json(difference_document(found))
    else:
        _show_difference(make_console(), found)
    return status.REFUSED if args.exit_code and not found.is_empty else status.OK


def replay(args: argparse.Namespace) -> int:
    """Decide recorded requests again by another policy."""
    new = open_policy(args.policy)
    prices = dict(_price(text) for text in args.price)
    segments = _segments(args)
    console = make_console(as_json=args.json)
    if not args.unverified and not _is_whole(args, segments, console=console):
        return status.REFUSED
    replayer = Replayer(new.policy, decide=decide, prices=prices)
    for segment in segments:
        with segment.open("rb") as lines:
            replayer.take(lines)
    if args.json:
        write_json(_replay_document(replayer.result, has_prices=bool(prices)))
    else:
        _show_replay(make_console(), replayer.result, has_prices=bool(prices))
    return status.OK


def _segments(args: argparse.Namespace) -> list[Path]:
    from hybridllm.config.survey import survey

    folder = Path(args.audit) if args.audit is not None else survey(args.config).audit
    segments = [folder] if folder.is_file() else sorted(folder.glob("*.jsonl"))
    if not segments:
        raise ConfigurationError("holds no segment (*.jsonl) of an audit log", file=str(folder))
    return segments


def _is_whole(args: argparse.Namespace, segments: Sequence[Path], *, console: Console) -> bool:
    """Return whether no line of the log was changed; say which segment is not whole."""
    from hybridllm.audit.verify import verify_segment
    from hybridllm.config.survey import audit_key

    _, key = audit_key(args.config)
    faults = 0
    for segment in segments:
        found = verify_segment(segment, key=key)
        if not found.valid:
            faults += 1
            console.print(f"FAULT  {segment.name}: {found.fault}", style="bold red", soft_wrap=True)
    if faults:
        console.print("nothing was replayed; --unverified does so all the same", style="bold")
    return not faults


def _price(text: str) -> tuple[str, Price]:
    match = _PRICE.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            "--price needs BACKEND=PROMPT/COMPLETION, per million tokens, such as cloud=2.5/10"
        )
    return match["backend"], Price(float(match["prompt"]), float(match["completion"]))


def _show_difference(console: Console, found: Difference) -> None:
    for item in found.only_in:
        console.print(f"only in the {item.side} files: {item.what} {item.name}", soft_wrap=True)
    shown = rows(found)
    used = [number for number in range(len(COLUMNS)) if any(row[number] for row in shown)]
    if shown:
        table = make_table(*(COLUMNS[number] for number in used))
        for row in shown:
            table.add_row(*(row[number] for number in used))
        console.print(table)
    text = "some requests are treated differently" if shown else "no request is treated differently"
    console.print(text, style="bold")


def _replay_document(found: Replay, *, has_prices: bool) -> dict[str, Any]:
    return {
        "requests": found.requests,
        "first": found.first or None,
        "last": found.last or None,
        "hours": found.hours,
        "moves": [
            {"department": department, "from": before, "to": after, "requests": count}
            for (department, before, after), count in sorted(found.moves.items())
        ],
        "rerouted": found.rerouted,
        "local_tokens_per_hour": {
            "before": {"mean": _mean(found.load_before.tokens, found.hours),
                       "peak": found.load_before.peak_per_hour},
            "after": {"mean": _mean(found.load_after.tokens, found.hours),
                      "peak": found.load_after.peak_per_hour},
        },
        "local_requests_without_usage": found.without_usage,
        "cost": {"before": found.cost_before, "after": found.cost_after} if has_prices else None,
        "unreadable_lines": found.unreadable,
    }  # fmt: skip


def _show_replay(console: Console, found: Replay, *, has_prices: bool) -> None:
    table = make_table(
        "department", "requests", *(name for name, _, _ in _SHOWN_MOVES), "cannot be decided"
    )
    departments = sorted({department for department, _, _ in found.moves})
    for department in departments:
        own = {key[1:]: count for key, count in found.moves.items() if key[0] == department}
        unknown = sum(count for (_, after), count in own.items() if after == "unknown")
        moved = [str(own.get((before, after), 0)) for _, before, after in _SHOWN_MOVES]
        table.add_row(department or "(none)", str(sum(own.values())), *moved, str(unknown))
    console.print(table)
    console.print(
        f"{found.requests:,} requests in {found.hours:,} clock hours; "
        f"{found.rerouted:,} would go to another backend of the same kind of place",
        soft_wrap=True,
    )
    for name, load in (("before", found.load_before), ("after", found.load_after)):
        console.print(
            f"premises {name}: {_mean(load.tokens, found.hours):,} tokens per hour on average, "
            f"{load.peak_per_hour:,} in the busiest",
            soft_wrap=True,
        )
    if found.without_usage:
        console.print(f"{found.without_usage:,} more requests would come, of unknown size")
    if has_prices:
        change = found.cost_after - found.cost_before
        console.print(
            f"cost: {found.cost_before:,.2f} before, {found.cost_after:,.2f} after "
            f"({change:+,.2f}); "
            "backends without a price cost nothing here",
            soft_wrap=True,
        )
    if found.unreadable:
        console.print(f"{found.unreadable:,} lines could not be read", style="bold red")


def _mean(tokens: int, hours: int) -> int:
    return round(tokens / hours) if hours else 0
