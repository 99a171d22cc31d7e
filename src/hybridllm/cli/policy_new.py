"""`hybridllm policy new`: a department's file to start from, with tests.

Answers: what does an owner need to begin with?
Not here: the organisation's file (`hybridllm init`).

The file fits the organisation's: it names its model, and expects what is secret to stay
where a backend of it is.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from hybridllm.cli import status
from hybridllm.cli.policy_opening import open_policy
from hybridllm.cli.terminal import write_json
from hybridllm.config.files import DEPARTMENTS
from hybridllm.errors import ConfigurationError
from hybridllm.types import Place

if TYPE_CHECKING:
    import argparse

    from hybridllm.policy.model import Policy

_NAME = re.compile(r"\w[\w.\-]{0,63}")
_RESERVED: Final = frozenset({"con", "prn", "aux", "nul"})
"""Windows has devices of these names."""


def run(args: argparse.Namespace) -> int:
    """Write the file, say so, and return the exit status."""
    name = args.department
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise ConfigurationError(
            "a department's name has letters, digits, '_', '-' and '.', as its file will have"
        )
    opened = open_policy(args.config)
    path = opened.folder / DEPARTMENTS / f"{name}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(_text(opened.policy, language=args.language))
    except FileExistsError:
        raise ConfigurationError("exists, so nothing was written", file=str(path)) from None
    except OSError as error:
        raise ConfigurationError(f"cannot be written ({error.strerror})", file=str(path)) from None
    if args.json:
        write_json({"written": [path.as_posix()]})
    else:
        print(f"wrote {path}")
        print("next: hybridllm policy test")
    return status.OK


def _text(policy: Policy, *, language: str) -> str:
    resource = files("hybridllm.cli") / "templates" / f"department.{language}.toml"
    alias, targets = next(iter(policy.aliases.items()))
    places = [policy.destinations[target.backend].place for target in targets]
    inside = next((place for place in places if place is not Place.CLOUD), None)
    expected = 'effect = "deny"' if inside is None else f'place = "{inside}"'
    model = f'model = "{alias}"\n' if len(policy.aliases) > 1 else ""
    text = resource.read_text(encoding="utf-8")
    return text.replace("@inside@", expected).replace("@model@\n", model)
