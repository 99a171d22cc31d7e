"""A client that is asked fifty times a second, while servers fail and the policy changes.

`HYBRIDLLM_SOAK_S=3600 python -m nox -s soak` runs it for an hour.
"""

from __future__ import annotations

import gc
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from hybridllm import HybridLLM
from hybridllm.cli import main as command_line
from tests.leaks.crowd import Plan, client_of, params, plans
from tests.leaks.operations import call
from tests.leaks.setting import open_client, unfinished, write_config

SEED = 20261125
SECONDS = float(os.environ.get("HYBRIDLLM_SOAK_S", "60"))
PER_SECOND = 50
AT_ONCE = 128
RELOADS = 6
TIMEOUT_S = 1.0
# Every question is asked again and again, so that caches and memories fill at the start.
QUESTIONS = 300
# From the first of these shares of the run to its end, memory may grow by that much at most.
WARM, AT_THE_END, DRIFT = (0.3, 0.45), (0.85, 1.0), 0.05

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts in /proc (Linux)"),
]


class Soak:
    """A client under load.

    Attributes:
        ended: How often each ending came.
        wrong: What must not have happened.
        memory: Pairs of seconds and bytes.
    """

    def __init__(self, file: Path) -> None:
        self.ended: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.memory: list[tuple[float, int]] = []
        self._file = file
        self._client = open_client(file)
        self._old: list[HybridLLM] = []
        self._running: set[Future[None]] = set()

    def run(self, seconds: float) -> None:
        """Ask at the same pace to the end, whatever the answers are."""
        dice, crowd = random.Random(SEED), plans(QUESTIONS, seed=SEED, is_async=False)
        started, asked, reloads, sampled = time.monotonic(), 0, 0, 0.0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while (now := time.monotonic() - started) < seconds:
                due = int(now * PER_SECOND)
                for _ in range(due - asked):
                    plan = dice.choice(crowd)
                    self._running.add(pool.submit(self._ask, plan, self._client))
                asked = due
                if now * RELOADS / seconds > reloads + 1:
                    reloads += 1
                    self._reload(is_strict=reloads % 2 == 1)
                if now - sampled > 1.0:
                    sampled = now
                    self._running = {one for one in self._running if not one.done()}
                    self.memory.append((now / seconds, resident_bytes()))
                time.sleep(0.005)
        self._client.close()
        for old in self._old:
            old.close()

    def drift(self) -> float:
        """Return by which share memory has grown since the client was warm."""

        def middle(span: tuple[float, float]) -> float:
            return statistics.median(size for at, size in self.memory if span[0] <= at <= span[1])

        return middle(AT_THE_END) / middle(WARM) - 1

    def _reload(self, *, is_strict: bool) -> None:
        """Open the changed configuration; the client before last has no call left to end."""
        strict = 'version = 1\ndefault = "confidential"\n'
        text = strict if is_strict else "version = 1\n"
        (self._file.parent / "departments" / "support.toml").write_text(text, encoding="utf-8")
        while len(self._old) > 1:
            self._old.pop(0).close()
        self._old.append(self._client)
        self._client = open_client(self._file)

    def _ask(self, plan: Plan, client: HybridLLM) -> None:
        try:
            mine = client_of(client, plan).with_options(timeout=TIMEOUT_S)
            answered = call(mine, plan.operation, params=params(plan))
        except openai.APIError as error:
            self.ended[type(error).__name__] += 1
        except Exception as error:  # judged by the test: nothing else may come out
            self.wrong.append(repr(error))
        else:
            self.ended[f"answered from {answered.backend}"] += 1
            if plan.backend == "on_premises" != answered.backend:
                self.wrong.append(f"{plan.text} was answered from {answered.backend}")
            if answered.text not in {plan.text, "vectors"}:
                self.wrong.append(f"{plan.text} got {answered.text}")


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    """Return how many files and sockets this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def servers() -> Iterator[tuple[dict[str, int], dict[str, Any]]]:
    """Start both servers; yield their ports, and a dict that holds what they saw in the end."""
    script = Path(__file__).with_name("soak_servers.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(SEED)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        assert process.stdout
        seen: dict[str, Any] = {}
        yield json.loads(process.stdout.readline()), seen
        process.stdin.close()
        seen.update(json.loads(process.stdout.readline()))


def test_a_long_run_under_load_neither_leaks_nor_grows(tmp_path, monkeypatch):
    """Faults, reloads and fifty questions a second: no leak, no growth, no open file, whole log."""
    before = descriptors()
    with servers() as (ports, seen):
        file = write_config(tmp_path, cloud=ports["cloud"], on_premises=ports["on_premises"])
        departments = tmp_path / "departments"
        departments.mkdir()
        for name in ("sales", "legal", "finance", "support", "research"):
            (departments / f"{name}.toml").write_text("version = 1\n", encoding="utf-8")
        soak = Soak(file)

        soak.run(SECONDS)

        del soak._client, soak._old
    after = descriptors()
    drift = soak.drift()
    say(f"{SECONDS:.0f} s: {dict(soak.ended)}; {seen}; memory {drift:+.1%}, {after - before} files")
    monkeypatch.chdir(tmp_path)
    assert [] == soak.wrong
    assert 0 == seen["inside at the cloud"]
    assert seen["inside at home"] > SECONDS
    assert sum(soak.ended.values()) > 0.9 * SECONDS * PER_SECOND
    assert before == after
    assert drift < DRIFT
    assert 0 == command_line(["audit", "verify"])
    assert [] == unfinished(file)


def say(line: str) -> None:
    """Print a line; pytest shows it with a failure, or with `-s`."""
    sys.stdout.write(f"{line}\n")
