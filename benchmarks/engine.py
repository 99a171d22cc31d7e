"""How fast is the in-process engine beside `generate`, one caller after the other?

Prints a table: tokens per second, time to the first token, time between tokens and the delay of
the event loop, for some numbers of callers at once, all in the same run. A model must be given;
nothing is downloaded:

    python benchmarks/engine.py --model path/to/folder-or-file.gguf --callers 1 8 32

`--adapters 4` adds LoRA adapters with random weights: all callers on one, then spread over all.
`--continuous-batching` adds transformers' own batching, `--prefix 400` callers whose prompts all
begin with so many tokens, with what was read before and without. `--attached NAME=URL=MODEL` adds a
server that runs already, such as `transformers serve` or vLLM; what HTTP costs is in its figures.
The last column says how many times as fast each is as `generate`. Run it on an idle machine: a busy
neighbour halves every figure. The column per CPU second counts the processor time of this process
alone and suffers less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from hybridllm.addresses import DeclaredNetworks
from hybridllm.backends.in_process import InProcessBackend
from hybridllm.backends.openai_compatible import OpenAICompatibleBackend
from hybridllm.backends.providers import PROVIDERS
from hybridllm.backends.settings import BaseUrl, HttpSettings
from hybridllm.labels import Label, Level
from hybridllm.permit import Permit
from hybridllm.types import Place
from hybridllm.wire import Backend, BackendError, EventStream, Scope, WireRequest

TOPICS = ("rivers", "invoices", "bread", "winter", "trains", "glass", "tea", "bridges")


@dataclass
class Measured:
    """What one kind of serving did with some callers."""

    name: str
    callers: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    tokens: int = 0
    first_s: list[float] = field(default_factory=list)
    between_s: list[float] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)
    is_here: bool = True  # another process uses its own processor time

    def line(self, *, base: float = 0.0) -> str:
        """Return the row of the table; `base` is what `generate` does in a second."""
        times_as_fast = f"{self.tokens / self.seconds / base:9.2f}" if base else ""
        rate = f"{self.tokens / self.seconds:9.1f}"
        rate += f"{self.tokens / self.cpu_seconds:9.1f}" if self.is_here else f"{'-':>9}"
        times = [
            f"{statistics.median(self.first_s):9.2f}" if self.first_s else f"{'-':>9}",
            f"{statistics.median(self.between_s) * 1e3:9.1f}" if self.between_s else f"{'-':>9}",
            f"{percentile(self.lag_s, 0.99) * 1e3:9.1f}" if self.lag_s else f"{'-':>9}",
        ]
        return f"{self.name:<32}{self.callers:>8}{rate}{''.join(times)}{times_as_fast}"


@contextmanager
def clock(found: Measured) -> Iterator[None]:
    """Take the time of what stands inside."""
    start, cpu_start = time.perf_counter(), time.process_time()
    yield
    found.seconds = time.perf_counter() - start
    found.cpu_seconds = time.process_time() - cpu_start


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def question(number: int) -> str:
    """Return a prompt; each caller has another one."""
    return f"Caller {number} asks: write three sentences about {TOPICS[number % len(TOPICS)]}."


def body_of(
    number: int, *, tokens: int, models: Sequence[str], before: str = "", exact: bool = True
) -> bytes:
    """Return the request of one caller: greedy, and exactly `tokens` tokens long.

    `transformers serve` refuses `ignore_eos`; it may stop earlier, so its pieces are counted.
    """
    body = {
        "model": models[number % len(models)],
        "messages": [{"role": "user", "content": before + question(number)}],
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
    }
    return json.dumps(body | {"ignore_eos": True} if exact else body).encode()


async def one_caller(
    backend: Backend, body: bytes, *, tokens: int, into: Measured, scope: Scope | None = None
) -> None:
    """Stream one answer and note when its pieces come; no `tokens` counts the pieces."""
    deadline = time.monotonic() + 3600
    permit = Permit(backend=backend.name, body=body, policy_digest="", deadline=deadline)
    request = WireRequest(
        path="chat/completions", body=body, deadline=deadline, stream=True, scope=scope
    )
    start = last = time.perf_counter()
    events = (await backend.asend(request, permit=permit)).events
    assert events is not None
    pieces = 0
    async for event in _events(events):
        choices = json.loads(event).get("choices") or [{}]
        if not choices[0].get("delta", {}).get("content"):
            continue
        now = time.perf_counter()
        (into.between_s if pieces else into.first_s).append(now - (last if pieces else start))
        pieces, last = pieces + 1, now
    into.tokens += tokens or pieces


async def _events(events: EventStream) -> AsyncIterator[bytes]:
    """Yield the events of a stream; `transformers serve` ends it without saying so."""
    try:
        while (event := await events.aread()) is not None:
            yield event
    except BackendError as error:
        if error.code != "stream_cut":
            raise
    finally:
        await events.aclose()


async def watch_loop(lags: list[float], *, done: asyncio.Event) -> None:
    """Note by how much a task that wakes every 5 ms wakes too late."""
    while not done.is_set():
        due = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        lags.append(max(0.0, time.perf_counter() - due))


async def with_engine(
    backend: Backend, *, callers: int, tokens: int, models: Sequence[str] = ("benchmark",),
    name: str = "hybridllm engine", before: str = "", scope: Scope | None = None,
    exact: bool = True,
) -> Measured:  # fmt: skip
    """Let some callers ask at once, in turn for each of some models."""
    found = Measured(name, callers)
    bodies = [
        body_of(number, tokens=tokens, models=models, before=before, exact=exact)
        for number in range(callers)
    ]
    done = asyncio.Event()
    watcher = asyncio.create_task(watch_loop(found.lag_s, done=done))
    with clock(found):
        await asyncio.gather(
            *(
                one_caller(backend, body, tokens=tokens * exact, into=found, scope=scope)
                for body in bodies
            )
        )
    done.set()
    await watcher
    return found


async def with_attached(text: str, *, callers: Sequence[int], tokens: int) -> list[Measured]:
    """Measure a server that runs: `NAME=URL=MODEL`."""
    name, url, model = text.split("=", 2)
    exact = "transformers" not in name
    backend = OpenAICompatibleBackend(
        "benchmark",
        place=Place.ON_PREMISES,
        provider=PROVIDERS["openai_compatible"],
        settings=HttpSettings(
            base_url=BaseUrl.parse(url),
            declared=DeclaredNetworks.of("benchmark", networks=["127.0.0.0/8"]),
            max_connections=max(callers),
        ),
    )
    how: dict[str, Any] = {"models": (model,), "name": name, "exact": exact}
    await with_engine(backend, callers=1, tokens=4, **how)
    found = [await with_engine(backend, callers=n, tokens=tokens, **how) for n in callers]
    await backend.aclose()
    return [replace(one, is_here=False) for one in found]


def measure_prefixes(backend: InProcessBackend, arguments: argparse.Namespace) -> list[Measured]:
    """Let all callers begin with the same text, with what was read before and without it."""
    before = "The rules of the house are these. " * (arguments.prefix // 8)
    scope = Scope("benchmark", Label(Level(0, "public")))
    callers = max(arguments.callers)
    asked: dict[str, Any] = {"callers": callers, "tokens": arguments.tokens, "before": before}
    first, again = f"{arguments.prefix} tokens alike", "the same, read before"
    asyncio.run(with_engine(backend, callers=1, tokens=4, before=before, scope=scope))
    return [
        asyncio.run(with_engine(backend, name=first, **asked)),
        asyncio.run(with_engine(backend, name=again, scope=scope, **asked)),
    ]


def prompts_of(loaded: Any, *, callers: int) -> list[list[int]]:
    """Return the same prompts as tokens."""
    from hybridllm.engine.exchange import Chat

    chats = [Chat(({"role": "user", "content": question(number)},)) for number in range(callers)]
    return [list(loaded.prompts.read(chat, max_tokens=None)) for chat in chats]


def with_generate(loaded: Any, *, callers: int, tokens: int) -> Measured:
    """Answer one caller after the other with transformers' `generate`."""
    import torch

    found = Measured("generate, one after the other", callers)
    prompts = prompts_of(loaded, callers=callers)
    with clock(found), torch.inference_mode():
        for prompt in prompts:
            ids = torch.tensor([prompt], device=loaded.device)
            loaded.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
                max_new_tokens=tokens, min_new_tokens=tokens,
            )  # fmt: skip
    found.tokens = tokens * callers
    return found


def with_continuous_batching(loaded: Any, *, callers: int, tokens: int) -> Measured:
    """Answer all callers with transformers' own continuous batching."""
    from transformers import GenerationConfig

    found = Measured("transformers, generate_batch", callers)
    config = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=-1,
        pad_token_id=0,
        use_cuda_graph=False,
    )
    prompts = prompts_of(loaded, callers=callers)
    with clock(found):
        answers = loaded.model.generate_batch(
            inputs=prompts, generation_config=config, progress_bar=False
        )
    found.tokens = sum(len(answer.generated_tokens) for answer in answers.values())
    return found


def reference(arguments: argparse.Namespace) -> Any:
    """Load the same model once more, for what is compared."""
    import torch

    from hybridllm.engine.load import load
    from hybridllm.engine.settings import LoadSettings

    settings = LoadSettings(
        path=arguments.model, cache=arguments.cache, device=arguments.device,
        dtype=arguments.dtype, packed=False,
    )  # fmt: skip
    loaded = load(settings, progress=lambda _what, _share: None)
    torch.set_num_threads(arguments.threads)
    return loaded


def random_adapters(loaded: Any, *, count: int, folder: Path) -> dict[str, Path]:
    """Write LoRA adapters of rank 8 on all attention layers; their weights mean nothing."""
    import torch
    from safetensors.torch import save_file

    made = {}
    for number in range(count):
        path = folder / f"adapter-{number}"
        path.mkdir()
        weights = {}
        for name, layer in loaded.model.named_modules():
            if name.endswith(("q_proj", "k_proj", "v_proj", "o_proj")):
                key = f"base_model.model.{name}.lora"
                weights[f"{key}_A.weight"] = torch.randn(8, layer.in_features) * 0.01
                weights[f"{key}_B.weight"] = torch.randn(layer.out_features, 8) * 0.01
        save_file(weights, path / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": 8, "lora_alpha": 8}
        (path / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
        made[path.name] = path
    return made


def measure_adapters(
    backend: InProcessBackend, loaded: Any, arguments: argparse.Namespace
) -> list[Measured]:
    """Return what several adapters in one batch cost beside one."""
    with TemporaryDirectory() as folder:
        made = random_adapters(loaded, count=arguments.adapters, folder=Path(folder))
        for name, path in made.items():
            backend.load_adapter(name, path=path)
    return [
        asyncio.run(
            with_engine(
                backend,
                callers=callers,
                tokens=arguments.tokens,
                models=models,
                name=f"hybridllm engine, {len(models)} adapters",
            )
        )
        for callers in arguments.callers
        for models in ([*made][:1], [*made])
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(gettempdir()) / "hybridllm-benchmark")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--sequential", type=int, default=2, help="callers of plain generate")
    parser.add_argument("--adapters", type=int, default=0)
    parser.add_argument("--continuous-batching", action="store_true")
    parser.add_argument("--prefix", type=int, default=0, help="tokens that all prompts begin with")
    parser.add_argument("--attached", action="append", default=[], metavar="NAME=URL=MODEL")
    arguments = parser.parse_args()
    loaded = reference(arguments)
    backend = InProcessBackend(
        "benchmark", model_path=arguments.model, cache_dir=arguments.cache,
        device=arguments.device, dtype=arguments.dtype, threads=arguments.threads,
    )  # fmt: skip
    asyncio.run(with_engine(backend, callers=1, tokens=4))  # loads the model
    with_generate(loaded, callers=1, tokens=4)
    names = ("tokens/s", "/CPU s", "first s", "next ms", "lag ms", "times")
    print(
        f"{'':<32}{'callers':>8}{''.join(f'{name:>9}' for name in names)}"
        f"   ({loaded.device}, {loaded.model.dtype}, {arguments.threads} threads)"
    )
    alone = with_generate(loaded, callers=arguments.sequential, tokens=arguments.tokens)
    base = alone.tokens / alone.seconds
    print(alone.line(base=base), flush=True)
    for found in others(backend, loaded, arguments):
        print(found.line(base=base), flush=True)
    again = with_generate(loaded, callers=arguments.sequential, tokens=arguments.tokens)
    print(again.line(base=base))
    backend.close()


def others(
    backend: InProcessBackend, loaded: Any, arguments: argparse.Namespace
) -> Iterator[Measured]:
    """Yield every other row, as soon as it is measured."""
    for callers in arguments.callers:
        yield asyncio.run(with_engine(backend, callers=callers, tokens=arguments.tokens))
        if arguments.continuous_batching:
            yield with_continuous_batching(loaded, callers=callers, tokens=arguments.tokens)
    if arguments.prefix:
        yield from measure_prefixes(backend, arguments)
    for text in arguments.attached:
        yield from asyncio.run(
            with_attached(text, callers=arguments.callers, tokens=arguments.tokens)
        )
    if arguments.adapters:
        yield from measure_adapters(backend, loaded, arguments)


if __name__ == "__main__":
    main()
