"""The descriptions of `docs/reference/configuration.md`, as the package carries them.

Run `python -m tests.policy_tools.describing` after that page has changed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "configuration.md"
DATA = ROOT / "src" / "hybridllm" / "policy" / "descriptions.toml"
PARTS = {"organisation": "hybridllm.toml", "department": "departments/NAME.toml"}


def data_text() -> str:
    """Return what `descriptions.toml` has to hold."""
    lines = [
        "# What each key means, copied from docs/reference/configuration.md by a script",
        "# of the tests (tests/policy_tools/describing.py), for `hybridllm schema`.",
    ]
    for part, title in PARTS.items():
        lines += ["", f"[{part}]"]
        for key, meaning in rows(title):
            lines.append(f'"{key}" = {json.dumps(meaning, ensure_ascii=False)}')
    return "\n".join(lines) + "\n"


def rows(title: str) -> list[tuple[str, str]]:
    """Return key and meaning of each row below one of the two main headings."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, flags=re.MULTILINE)
    return [(key, cells.split(" | ")[2].strip().replace("`", "")) for key, cells in found]


if __name__ == "__main__":
    DATA.write_text(data_text(), encoding="utf-8", newline="\n")
