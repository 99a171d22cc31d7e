"""A complete small run for a process of its own: two stubs, a client, confidential questions.

Answers: what does one process of a user do, start to end, with every logger at its loudest?
Not here: watching it (`test_jail`).

    python company_run.py FOLDER
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from hybridllm import AsyncHybridLLM, HybridLLM
from tests.leaks.setting import write_config
from tests.support.behaviours import Redirect, Status
from tests.support.server import RecordingServer

TEXT = "Kestrel 東和精機 revenue plan 7781"
ASK: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": TEXT}]}


def main(folder: Path) -> None:
    """Ask whole, streamed, embedded, in a loop, and while the engine fails; print who answered."""
    logging.basicConfig(level=logging.DEBUG)
    with RecordingServer(name="cloud") as cloud, RecordingServer(name="inner") as inner:
        file = write_config(folder, cloud=cloud, on_premises=inner)
        with HybridLLM(config=file) as client:
            mine = client.with_options(label="confidential", max_retries=0)
            _say(mine.chat.completions.create(**ASK).policy_decision.backend)
            _say(len(list(mine.chat.completions.create(**ASK, stream=True))) > 1)
            mine.embeddings.create(model="assistant", input=TEXT)
            mine.responses.create(model="assistant", input=TEXT)
            for fault in (Redirect(307, cloud.url), Status(503)):
                inner.behave(fault)
                _fail(mine)
            inner.behave(Status(200, body=b"{}"))
            _fail(mine)
        asyncio.run(_in_a_loop(file))
        _say(f"cloud {len(cloud.received)} inner {TEXT.encode() in inner.received}")


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")


def _fail(client: HybridLLM) -> None:
    import openai

    try:
        client.chat.completions.create(**ASK)
    except openai.APIError:
        logging.getLogger("application").exception("failed")


async def _in_a_loop(file: Path) -> None:
    async with AsyncHybridLLM(config=file) as client:
        mine = client.with_options(label="confidential", max_retries=0)
        try:
            await mine.chat.completions.create(**ASK)
        except Exception as error:
            logging.getLogger("application").error("failed: %r", error)  # noqa: TRY400


if __name__ == "__main__":
    main(Path(sys.argv[1]))
