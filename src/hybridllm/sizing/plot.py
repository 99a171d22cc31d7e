"""A plot of memory against context, one line per number of users.

Answers: where does a longer context or one more user cross the edge of the card?
Not here: numbers (`sizing.planner`).

SVG is written by this module; PNG needs matplotlib, which is imported only then.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from hybridllm.sizing.errors import SizingError
from hybridllm.sizing.fleet import Card
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.units import GIB
from hybridllm.sizing.verdict import serve_on

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 420, 64, 48, 40, 120
# Okabe and Ito's colours, told apart with any colour vision.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_CONTEXTS: Final = (1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)
_USERS: Final = (1, 4, 16, 64)


@dataclass(frozen=True, slots=True)
class Curve:
    """Need of one number of users over contexts."""

    users: int
    points: tuple[tuple[int, float], ...]  # tokens, GiB


def memory_curves(
    shape: ModelShape,
    *,
    cards: Sequence[Card],
    settings: EngineSettings,
    users: Sequence[int] = _USERS,
    contexts: Sequence[int] = _CONTEXTS,
) -> tuple[Curve, ...]:
    """Return the need on the tightest card for each number of users and context."""
    most = shape.max_position or contexts[-1]
    tokens = [context for context in contexts if context <= most] or [most]
    curves = []
    for count in users:
        points = []
        for context in tokens:
            work = Workload(context, count)
            answer = serve_on(shape, cards=cards, workload=work, settings=settings)
            points.append((context, answer.tightest.needed_bytes / GIB))
        curves.append(Curve(count, tuple(points)))
    return tuple(curves)


def memory_plot(
    shape: ModelShape,
    *,
    cards: Sequence[Card],
    path: Path,
    settings: EngineSettings | None = None,
) -> Path:
    """Write the plot to `path`, as SVG or PNG by its ending, and return the path.

    Raises:
        SizingError: The ending is neither, or matplotlib is missing for PNG.
    """
    ending = path.suffix.lower()
    if ending not in (".svg", ".png"):
        raise SizingError(f"'{path.name}' ends in '{ending}'; write .svg or .png.")
    settings = settings or EngineSettings()
    curves = memory_curves(shape, cards=cards, settings=settings)
    answer = serve_on(shape, cards=cards, workload=Workload(1024, 1), settings=settings)
    limit = answer.tightest.budget_bytes / GIB
    title = f"{shape.name} on {len(cards)} x {cards[0].gpu.name}, {settings.engine}"
    if ending == ".svg":
        path.write_text(_svg(curves, limit=limit, title=title), encoding="utf-8")
    else:
        _png(curves, limit=limit, title=title, path=path)
    return path


def _svg(curves: Sequence[Curve], *, limit: float, title: str) -> str:
    top = 1.15 * max(limit, *(min(value, 2 * limit) for c in curves for _, value in c.points))
    tokens = [token for token, _ in curves[0].points]
    spots = {token: index / max(1, len(tokens) - 1) for index, token in enumerate(tokens)}

    def x(token: int) -> float:
        return _LEFT + spots[token] * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - min(value, top) / top * (_HEIGHT - _BOTTOM - _TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"',
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}">context in tokens</text>',
        f'<text x="14" y="{_TOP - 6}">GiB</text>',
    ]
    for step in range(5):
        value = top * step / 4
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="#dddddd"/><text x="14" y="{y(value) + 4:.1f}">{value:.0f}</text>'
        )
    for token in tokens:
        name = f"{token // 1024}k" if token >= 1024 else str(token)
        parts.append(f'<text x="{x(token) - 8:.1f}" y="{_HEIGHT - 28}">{name}</text>')
    parts.append(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(limit):.1f}" y2="{y(limit):.1f}" '
        f'stroke="#000000" stroke-dasharray="6 4"/>'
        f'<text x="{_WIDTH - _RIGHT + 6}" y="{y(limit) + 4:.1f}">allowed {limit:.0f}</text>'
    )
    for index, curve in enumerate(curves):
        colour = _COLOURS[index % len(_COLOURS)]
        line = " ".join(f"{x(token):.1f},{y(value):.1f}" for token, value in curve.points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        row = _TOP + 16 * (index + 1)
        parts.append(
            f'<text x="{_WIDTH - _RIGHT + 6}" y="{row}" fill="{colour}">{curve.users} users</text>'
        )
    return "\n".join((*parts, "</svg>", ""))


def _png(curves: Sequence[Curve], *, limit: float, title: str, path: Path) -> None:
    try:
        figure_module: Any = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise SizingError(
            "a PNG needs matplotlib (pip install matplotlib); an .svg needs nothing."
        ) from None
    figure = figure_module.Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for index, curve in enumerate(curves):
        tokens, values = zip(*curve.points, strict=True)
        colour = _COLOURS[index % len(_COLOURS)]
        axes.plot(tokens, values, color=colour, label=f"{curve.users} users")
    axes.axhline(limit, color="black", linestyle="--", label=f"allowed {limit:.0f} GiB")
    axes.set(xscale="log", xlabel="context in tokens", ylabel="GiB", title=title)
    axes.set_ylim(0, 2 * limit)
    axes.legend()
    figure.savefig(path, format="png", dpi=120)
