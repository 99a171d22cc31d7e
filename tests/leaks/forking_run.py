"""One client before and after a fork, as application servers that load first and fork later do.

Answers: do parent and child share a connection, a reply or an audit chain?
Not here: judging it (`test_forking`).

    python forking_run.py FOLDER CLOUD_PORT ON_PREMISES_PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from hybridllm import HybridLLM
from tests.leaks.setting import write_config

_ROUNDS = 25


def main(folder: Path, cloud: int, inner: int) -> int:
    """Ask, fork, and ask in both at the same time; return how many answers were wrong."""
    client = HybridLLM(config=write_config(folder, cloud=cloud, on_premises=inner))
    mine = client.with_options(label="confidential")
    _ask(mine, "before")
    child = os.fork()
    wrong = sum(
        not _ask(mine, f"{'child' if child == 0 else 'parent'} {n}") for n in range(_ROUNDS)
    )
    client.close()
    if child == 0:
        os._exit(min(wrong, 255))
    _, status = os.waitpid(child, 0)
    return wrong + os.waitstatus_to_exitcode(status)


def _ask(client: Any, text: str) -> bool:
    question = f"Kestrel plan {text}"
    reply = client.chat.completions.create(
        model="assistant", messages=[{"role": "user", "content": question}]
    )
    return bool(question == reply.choices[0].message.content)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
