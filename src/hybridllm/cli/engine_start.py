"""`hybridllm engine start`: an engine with the flags that its size asks for.

Answers: which flags does an engine get, and what does its owner see while it runs?
Not here: watching it (`hybridllm.managed`), the arithmetic (`hybridllm.sizing`).

The command stays in the foreground, so that a service manager can run it; Ctrl-C, the service
manager and `hybridllm engine stop` end the engine.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, write_text
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from hybridllm.managed.folder import EngineFolder, EngineState
    from hybridllm.managed.servers import Server
    from hybridllm.managed.supervisor import Launch


def add_start(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "start",
        help="run an engine in the foreground and watch it",
        description="Run an engine, with a new key, watched and started again when it fails. What"
        " it writes is not kept.",
    )
    parser.add_argument("name", metavar="NAME", help="of the engine, and of its model for clients")
    parser.add_argument(
        "--with", dest="server", required=True, metavar="SERVER",
        help="vllm, sglang or llama-server",
    )  # fmt: skip
    parser.add_argument(
        "--model", metavar="MODEL", help="folder, file or id of the model (default: NAME)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, help="port to listen on (default: a free one)")
    _add_plan_options(parser)
    _add_running_options(parser)
    parser.set_defaults(run=run)


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gpus", metavar="FLEET", help="cards to plan for (default: of this machine)"
    )
    parser.add_argument(
        "--context", type=int, default=8192, metavar="TOKENS",
        help="prompt and answer together (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--users", type=int, default=8, metavar="N", help="requests at once (default: %(default)s)"
    )
    parser.add_argument(
        "--unsized", action="store_true", help="plan nothing; the engine chooses its own sizes"
    )
    parser.add_argument(
        "--share-prefixes", action="store_true",
        help="let what was read for one request serve all; for engines of one department",
    )  # fmt: skip


def _add_running_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--command", dest="program", metavar="WORDS", help="in the place of the usual command"
    )
    parser.add_argument(
        "--restarts", type=int, default=5, metavar="N",
        help="give up after so many in a row (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--start-timeout", type=float, default=1800.0, metavar="SECONDS",
        help="until it must be ready (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--drain", type=float, default=30.0, metavar="SECONDS",
        help="on Ctrl-C, wait so long for what is being answered (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--flags", default="", metavar="WORDS", help="further arguments, as --flags='--seed 7'"
    )


def run(args: argparse.Namespace) -> int:
    """Run the engine until it ends; return the exit status."""
    from hybridllm.managed.folder import EngineFolder
    from hybridllm.managed.supervisor import Patience, Supervisor

    folder = EngineFolder(args.folder, args.name)
    _check_free(folder)
    launch = _launch(args)
    patience = Patience(start_s=args.start_timeout, most_restarts=args.restarts)
    console = make_console()
    shown = False

    def tell(state: EngineState) -> None:
        nonlocal shown
        because = f" ({state.reason})" if state.reason else ""
        console.print(f"{args.name}: {state.state}{because}", soft_wrap=True)
        if state.state == "ready" and not shown:
            shown = True
            show_entry(folder, kind=launch.server, url=state.url, model=state.model)

    supervisor = Supervisor(launch, folder=folder, patience=patience, tell=tell)
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # only the main thread may
            signal.signal(number, lambda *_: supervisor.stop(drain_s=args.drain))
    return status.OK if supervisor.run().state == "stopped" else status.REFUSED


def show_entry(folder: EngineFolder, *, kind: Server, url: str, model: str) -> None:
    """Write what a configuration needs to reach an engine."""
    name, host = folder.name, urlsplit(url).hostname or ""
    lines = [
        f"[backends.{json.dumps(name)}]",
        'place = "on_premises"',
        f'provider = "{kind.provider}"',
        f'base_url = "{url}"',
        _networks(host),
        '# clearance = "internal"   # decide: the highest label that this engine may receive',
    ]
    if folder.key():
        variable = re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_KEY"
        read = f'"$(cat {shlex.quote(folder.key_path.as_posix())})"'
        lines.insert(4, f'api_key_env = "{variable}"   # export {variable}={read}')
    candidate = f"{{ backend = {json.dumps(name)}, model = {json.dumps(model)} }}"
    lines += ["", "[models.assistant]", f"candidates = [{candidate}]", ""]
    write_text("\n".join(lines))


def _networks(host: str) -> str:
    """Return the line that says where an engine is; a name's networks only its owner knows."""
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return '# networks = ["10.20.0.0/16"]   # decide: the networks in which this host is'
    whole = address.is_loopback and address.version == 4
    return f'networks = ["{"127.0.0.0/8" if whole else f"{address}/{address.max_prefixlen}"}"]'


def _launch(args: argparse.Namespace) -> Launch:
    from hybridllm.managed.probe import check_port, free_port
    from hybridllm.managed.servers import Wanted, server
    from hybridllm.managed.supervisor import Launch

    kind = server(args.server)
    if args.port is not None:
        check_port(args.host, port=args.port)
    model = args.model or args.name
    flags, variables = ([], {}) if args.unsized else _planned(args, model=model)
    further = _words(args.flags, option="--flags")
    wanted = Wanted(
        model=model, served_name=args.name, host=args.host,
        port=args.port or free_port(args.host), flags=(*flags, *further),
        shares_prefixes=args.share_prefixes,
    )  # fmt: skip
    return Launch(
        kind, wanted, command=_words(args.program, option="--command"), environment=variables
    )


def _words(text: str | None, *, option: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text or ""))
    except ValueError:
        raise ConfigurationError(f"{option} is not read: a quote is not closed") from None


def _planned(args: argparse.Namespace, *, model: str) -> tuple[list[str], dict[str, str]]:
    """Return the flags and variables of a plan that fits."""
    if args.server == "llama-server":
        # Its context is divided among its slots.
        return ["--ctx-size", str(args.context * args.users), "--parallel", str(args.users)], {}
    from hybridllm.sizing.emitters.command import device_ids, engine_arguments, partition_variable
    from hybridllm.sizing.errors import SizingError
    from hybridllm.sizing.fleet import parse_fleet
    from hybridllm.sizing.live import live_fleet
    from hybridllm.sizing.load import load_model
    from hybridllm.sizing.planner import plan
    from hybridllm.sizing.serving import EngineSettings, Workload

    answer = plan(
        load_model(model),
        fleet=parse_fleet(args.gpus) if args.gpus else live_fleet(),
        workload=Workload(args.context, args.users),
        settings=EngineSettings(engine=args.server, prefix_caching=args.share_prefixes),
    )
    if not answer.fits:
        raise SizingError(f"the plan does not fit: {answer.reason} Use --unsized to try anyway")
    variables = {"CUDA_VISIBLE_DEVICES": device_ids(answer)}
    if args.server == "vllm":
        # The first two name the model, which `managed.servers` does.
        return engine_arguments(answer)[2:], variables | partition_variable(answer)
    settings: Any = answer.settings
    sizes = {
        "--context-length": args.context,
        "--max-running-requests": args.users,
        "--tp-size": settings.tensor_parallel_size,
        "--pp-size": settings.pipeline_parallel_size,
    }
    return [word for name, value in sizes.items() for word in (name, str(value))], variables


def _check_free(folder: EngineFolder) -> None:
    """Refuse a name whose engine runs: two supervisors would take each other's key away."""
    from hybridllm.managed.probe import Prober
    from hybridllm.managed.servers import server

    state = folder.state()
    if state is None or state.is_over:
        return
    if state.state == "attached":
        raise ConfigurationError(f"{folder.name} is the name of an attached engine")
    if Prober(state.url, folder.key(), server(state.server)).wants_key():
        raise ConfigurationError(
            f"{folder.name} runs already; stop it first: hybridllm engine stop {folder.name}"
        )
