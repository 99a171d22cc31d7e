"""`hybridllm engine`: run engines of others, look after them, and measure them.

Answers: how are engines started, asked, attached, stopped and measured from a terminal?
Not here: watching them (`hybridllm.managed`), the flags of a plan (`cli.engine_start`), measuring
(`cli.engine_bench`).

Exit status: 0 done; 1 the engine failed, or is not well; 2 the question is wrong.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    import argparse

    from hybridllm.managed.folder import EngineFolder, EngineState
    from hybridllm.managed.metrics import EngineMetrics

_FOLDER: Final = Path(".hybridllm") / "engines"
_STOP_MARGIN_S: Final = 90.0
_POLL_S: Final = 0.2


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    from hybridllm.cli.engine_bench import add_bench
    from hybridllm.cli.engine_start import add_start

    parser = subparsers.add_parser(
        "engine",
        help="run engines such as vLLM, look after them, and measure them",
        description="Run an engine on this machine with the flags that its size asks for, watch"
        " it, ask how busy it is, stop it, and measure how fast engines are.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    add_start(verbs)
    _add_stop(verbs)
    _add_status(verbs)
    _add_attach(verbs)
    for verb in verbs.choices.values():
        verb.add_argument(
            "--folder", type=Path, default=_FOLDER, metavar="DIR",
            help=f"keeps keys, states and logs (default: {_FOLDER.as_posix()})",
        )  # fmt: skip
    add_bench(verbs)


def _add_stop(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    stop = verbs.add_parser("stop", help="end an engine that was started here")
    stop.add_argument("name", metavar="NAME")
    stop.add_argument(
        "--drain", type=float, default=0.0, metavar="SECONDS",
        help="first wait so long for what is being answered",
    )  # fmt: skip
    stop.set_defaults(run=_stop)


def _add_status(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = verbs.add_parser("status", help="say how engines are, and how busy")
    show.add_argument("name", nargs="?", metavar="NAME", help="one engine (default: all)")
    show.add_argument(
        "--seconds", type=float, default=1.0, metavar="N",
        help="count tokens for so long (default: 1; 0: do not)",
    )  # fmt: skip
    show.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    show.set_defaults(run=_status)


def _add_attach(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    attach = verbs.add_parser("attach", help="look after an engine that runs elsewhere")
    attach.add_argument("name", metavar="NAME")
    attach.add_argument("--url", required=True, help="such as http://10.20.0.5:8000/v1")
    attach.add_argument("--with", dest="server", required=True, metavar="SERVER", help="its kind")
    attach.add_argument("--model", default="", metavar="NAME", help="as the engine calls it")
    attach.add_argument("--key-file", type=Path, metavar="FILE", help="holds its key")
    attach.set_defaults(run=_attach)


def _stop(args: argparse.Namespace) -> int:
    folder = _known(args.folder, args.name)
    state = folder.state()
    if state is None or state.is_over:
        make_console().print(f"{args.name} does not run")
        return status.OK
    if state.state == "attached":
        raise ConfigurationError(f"{args.name} is attached: stop it where it was started")
    folder.ask_to_stop(state.run, drain_s=args.drain)
    due = time.monotonic() + args.drain + _STOP_MARGIN_S
    while time.monotonic() < due:
        now = folder.state()
        if now is None or now.is_over or now.run != state.run:
            make_console().print(f"{args.name} has ended")
            return status.OK
        time.sleep(_POLL_S)
    make_console().print(f"{args.name} did not end; is process {state.supervisor_pid} still there?")
    return status.REFUSED


def _status(args: argparse.Namespace) -> int:
    names = [args.name] if args.name else _names(args.folder)
    rows = [_row(_known(args.folder, name), seconds=args.seconds) for name in names]
    if args.json:
        write_json({"engines": rows})
    else:
        table = make_table("engine", "state", "healthy", "running", "waiting", "kv", "tokens/s",
                           "url")  # fmt: skip
        for row in rows:
            cells = (row["name"], row["state"], row["healthy"], row["running"], row["waiting"],
                     row["kv_usage"], row["tokens_per_s"], row["url"])  # fmt: skip
            table.add_row(*("-" if cell is None else str(cell) for cell in cells))
        make_console().print(table)
    return status.OK if all(row["healthy"] for row in rows) else status.REFUSED


def _row(folder: EngineFolder, *, seconds: float) -> dict[str, Any]:
    from hybridllm.managed.metrics import EngineMetrics, tokens_per_second
    from hybridllm.managed.probe import Prober
    from hybridllm.managed.servers import server

    state = folder.state()
    if state is None:
        raise ConfigurationError(f"{folder.name} was never started or attached here")
    prober = Prober(state.url, folder.key(), server(state.server))
    healthy = not state.is_over and prober.is_healthy()
    first = (prober.metrics() if healthy else None) or EngineMetrics()
    speed = None
    if healthy and seconds > 0:
        time.sleep(seconds)
        second = prober.metrics() or EngineMetrics()
        speed = tokens_per_second(first, after=second, seconds=seconds)
    return _shown(state, name=folder.name, healthy=healthy, metrics=first, speed=speed)


def _shown(
    state: EngineState, *, name: str, healthy: bool, metrics: EngineMetrics, speed: float | None
) -> dict[str, Any]:
    return {
        "name": name,
        "state": state.state,
        "healthy": healthy,
        "server": state.server,
        "model": state.model,
        "url": state.url,
        "restarts": state.restarts,
        "reason": state.reason,
        "running": metrics.running,
        "waiting": metrics.waiting,
        "kv_usage": metrics.kv_usage,
        "tokens_per_s": None if speed is None else round(speed, 1),
    }


def _attach(args: argparse.Namespace) -> int:
    from hybridllm.cli.engine_start import show_entry
    from hybridllm.managed.folder import EngineFolder, EngineState
    from hybridllm.managed.probe import Prober, check_url
    from hybridllm.managed.servers import server

    kind, url = server(args.server), check_url(args.url)
    folder = EngineFolder(args.folder, args.name)
    folder.create()
    old = folder.state()
    if old is not None and not old.is_over and old.state != "attached":
        raise ConfigurationError(f"{args.name} was started here and runs; choose another name")
    key = _key_in(args.key_file)
    folder.keep_key(key)
    model = args.model or args.name
    folder.write_state(EngineState("", "attached", server=kind.name, url=url, model=model))
    healthy = Prober(url, key, kind).is_healthy()
    make_console().print(f"{args.name} is attached and {'well' if healthy else 'does not answer'}")
    show_entry(folder, kind=kind, url=url, model=model)
    return status.OK if healthy else status.REFUSED


def _key_in(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError("cannot be read", file=str(path)) from None
    if not text.isascii() or len(text.split()) != 1:
        raise ConfigurationError("holds no key: one word of ASCII", file=str(path))
    return text


def _names(root: Path) -> list[str]:
    return sorted(path.parent.name for path in root.glob("*/state.json"))


def _known(root: Path, name: str) -> EngineFolder:
    from hybridllm.managed.folder import EngineFolder

    folder = EngineFolder(root, name)
    if folder.state() is None:
        raise ConfigurationError(f"engine {expected_one_of(name, allowed=_names(root))}")
    return folder
