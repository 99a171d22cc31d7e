"""Playing the demo from the first request to the last.

Answers: in which order does everything happen, and what is shown when?
Not here: the requests (`story`), the servers (`stage`), the display (`screen`).

All requests go through the public client, as an application would send them. The
local engine is taken down once, between two requests.

Units: seconds, tokens.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hybridllm.demo.cloud import StandInCloud
from hybridllm.demo.leak import find_leak
from hybridllm.demo.llama import LlamaServer
from hybridllm.demo.outcome import Evidence, Outcome, is_kept
from hybridllm.demo.setup import write_configuration
from hybridllm.demo.stage import Options, open_client, start_cloud, start_local
from hybridllm.demo.story import (
    CODE_NAME,
    FORCE_MAJEURE,
    REQUESTS,
    StoryRequest,
    confidential_fragments,
)

if TYPE_CHECKING:
    from hybridllm import HybridLLM
    from hybridllm.demo.screen import Screen
    from hybridllm.types import Explanation

_REPLY_TOKENS = 32  # enough to see it stream; about 1 s on one core
_RECORDING = "received-by-the-cloud.bin"


@dataclass(frozen=True, slots=True)
class Result:
    """What the demo showed.

    Attributes:
        outcomes: Of each request, in the order of asking.
        evidence: What the recording shows.
        folder: Where configuration, audit log and recording lie.
    """

    outcomes: tuple[Outcome, ...]
    evidence: Evidence
    folder: Path

    @property
    def kept(self) -> bool:
        """Whether everything went as promised."""
        return is_kept(self.outcomes, evidence=self.evidence)

    def to_json(self) -> dict[str, object]:
        """Return what a program wants to know of it."""
        return {
            "requests": [outcome.to_json() for outcome in self.outcomes],
            "cloud": self.evidence.to_json(),
            "folder": str(self.folder),
            "is_as_promised": self.kept,
        }


@dataclass(frozen=True, slots=True)
class Scene:
    """One request at one moment, or a change of the stage before it."""

    request: StoryRequest
    engine: Literal["", "stop", "start"] = ""


def play(options: Options, *, screen: Screen) -> Result:
    """Play the whole demo, and leave no process, thread or connection behind.

    Raises:
        DemoError: It cannot be played; the message says what to do.
        MissingExtraError: An optional package is missing.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        local, engine = start_local(options, stack=stack, screen=screen)
        remote, stand_in = start_cloud(options, stack=stack)
        folder = Path(tempfile.mkdtemp(prefix="hybridllm-demo-"))
        file = write_configuration(folder, cloud=remote, local=local)
        screen.intro(cloud=remote.title, local=local.title, count=len(REQUESTS))
        with open_client(file, sides=(remote, local)) as client:
            outcomes = tuple(_play_scenes(client, engine=engine, stand_in=stand_in, screen=screen))
        evidence = _evidence(stand_in, folder=folder)
    result = Result(outcomes, evidence, folder)
    screen.table(list(outcomes), seconds=time.monotonic() - started)
    if evidence.file:
        screen.recording(evidence)
    screen.verdict(evidence, kept=result.kept)
    screen.outro(folder, is_transformers=options.engine == "transformers")
    return result


def scenes(*, can_stop: bool) -> Iterator[Scene]:
    """Yield the requests in order; in the middle the local engine is down for two of them."""
    for request in REQUESTS:
        if request is CODE_NAME and can_stop:
            yield Scene(request, engine="stop")
            yield Scene(FORCE_MAJEURE)
            yield Scene(request, engine="start")
        elif request is not FORCE_MAJEURE or not can_stop:
            yield Scene(request)


def _play_scenes(
    client: HybridLLM,
    *,
    engine: LlamaServer | None,
    stand_in: StandInCloud | None,
    screen: Screen,
) -> Iterator[Outcome]:
    is_down = False  # by us; an engine that fails by itself is a failure of the demo
    for scene in scenes(can_stop=engine is not None):
        if engine is not None and scene.engine == "stop":
            engine.stop()
            is_down = True
            screen.note("The local engine is taken down now")
        elif engine is not None and scene.engine == "start":
            engine.start()
            is_down = False
            screen.note("The local engine is back")
        before = stand_in.recording.size_bytes if stand_in else 0
        outcome = _ask(client, request=scene.request, screen=screen)
        outcome = replace(
            outcome,
            engine_is_down=is_down,
            cloud_bytes=stand_in.recording.size_bytes - before if stand_in else None,
        )
        screen.answered(outcome)
        yield outcome


def _ask(client: HybridLLM, *, request: StoryRequest, screen: Screen) -> Outcome:
    """Send one request as an application would, and show the answer as it comes."""
    asking = client.with_options(
        department=request.department,
        principal=f"{request.department}-17",
        label=request.label,
    )
    params: dict[str, Any] = {"model": "assistant", "messages": list(request.messages)}
    screen.asked(request)
    explanation = asking.chat.completions.explain(**params)
    label = explanation.decision.label
    outcome = Outcome(
        request,
        label=str(label),
        level=label.level.name,
        why=_why(explanation, is_declared=request.label is not None),
    )
    screen.judged(label=outcome.label, why=outcome.why)
    started = time.monotonic()
    try:
        answer = _stream(asking, params=params, screen=screen)
    except Exception as error:
        # A boundary: errors of backends are the OpenAI SDK's, which the demo does not import.
        # What carries no decision is a mistake of ours and goes on.
        if getattr(error, "policy_decision", None) is None:
            raise
        answer = {"error": type(error).__name__, "detail": str(error)}
    return replace(outcome, seconds=time.monotonic() - started, **answer)


def _stream(client: HybridLLM, *, params: dict[str, Any], screen: Screen) -> dict[str, Any]:
    pieces = []
    with client.chat.completions.create(
        **params, stream=True, temperature=0, max_completion_tokens=_REPLY_TOKENS
    ) as stream:
        decision = stream.policy_decision
        screen.answering(place=decision.place, backend=decision.backend or "")
        for chunk in stream:
            text = (chunk.choices[0].delta.content or "") if chunk.choices else ""
            pieces.append(text)
            screen.token(text)
    return {"place": decision.place, "backend": decision.backend or "", "text": "".join(pieces)}


def _why(explanation: Explanation, *, is_declared: bool) -> str:
    """Say in a few words what made the label."""
    kinds = sorted({finding.kind for finding in explanation.findings})
    causes = [_cause(kind) for kind in kinds]
    if any(reason.code == "declared" for reason in explanation.decision.reasons):
        causes.append("said by the caller" if is_declared else "seen before")
    if explanation.doubts:
        causes.append("in doubt")
    return ", ".join(dict.fromkeys(causes)) or "nothing found"


def _cause(kind: str) -> str:
    category, _, name = kind.partition(".")
    words = name.replace("_", " ")
    return {"marking": f"marked {words}", "lexicon": f"{words} name"}.get(category, words)


def _evidence(stand_in: StandInCloud | None, *, folder: Path) -> Evidence:
    """Close the cloud and search all that it received."""
    if stand_in is None:
        return Evidence()
    stand_in.close()
    file = folder / _RECORDING
    stand_in.recording.save(file)
    fragments = confidential_fragments()
    inside = [
        json.dumps(request.messages, ensure_ascii=False).encode()
        for request in REQUESTS
        if request.is_confidential
    ]
    connections = stand_in.recording.connections
    return Evidence(
        connections=connections,
        confidential_bytes=find_leak(connections, fragments=fragments).confidential_bytes,
        fragments=len(fragments),
        control_bytes=find_leak(inside, fragments=fragments).confidential_bytes,
        file=file,
    )
