"""What the state directory remembers of policies: the highest revision, and refusals.

Answers: has an older policy come back, and does a running client go on with an old one
because the files are wrong?
Not here: reading the files (`config.sources`), refusing them (`config.reload`).

The revision is a number in the organisation's file that people raise with each change.
Who can write into the state directory can lower what is remembered; signatures
(`config.signatures`) are what holds against people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hybridllm.audit.locks import locked, replace_file
from hybridllm.errors import ConfigurationError

REVISION_VARIABLE: Final = "HYBRIDLLM_POLICY_REVISION"
_REVISION_FILE: Final = "policy-revision"
_REFUSED: Final = "policy-refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Files that did not come into force.

    Attributes:
        time: UTC.
        file: Where the mistake is.
        key: Path of the setting; empty if it is the whole file.
        problem: Class of the error.
        policy: Digest of the policy that stays in force.
        process: Id of the process that goes on with it.
    """

    time: str
    file: str
    key: str
    problem: str
    policy: str
    process: int


@dataclass(frozen=True, slots=True)
class PolicyState:
    """Which policy is in force, for people and for metrics.

    Attributes:
        digest: SHA-256 of the files in force, 64 hexadecimal digits.
        revision: Of the organisation's file.
        since: UTC.
        reloads: How often it was exchanged.
        reported_rules: File and key of each rule that is reported and not enforced.
        refused: The newer files that did not come into force, if there are any.
        refusals: How often files were refused.
    """

    digest: str
    revision: int
    since: str
    reloads: int = 0
    reported_rules: tuple[str, ...] = ()
    refused: Refusal | None = None
    refusals: int = 0


def highest_revision(state: Path, *, file: str) -> int:
    """Return the highest revision that was in force; 0 if there was none.

    Raises:
        ConfigurationError: What was remembered cannot be read.
    """
    try:
        text = (state / _REVISION_FILE).read_text(encoding="ascii")
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.strip().isdecimal():
        raise ConfigurationError(
            f"cannot be compared: {_REVISION_FILE!r} in the state directory is damaged. Restore "
            "it from a backup, or write the highest revision that was in force into it",
            file=file,
            key="revision",
        )
    return int(text)


def check_revision(
    revision: int, *, highest: int, file: str, environment: Mapping[str, str], allow_older: bool
) -> None:
    """Refuse a revision that has fallen, unless somebody said that it may.

    Raises:
        ConfigurationError: It is lower than one that was in force.
    """
    if revision >= highest or allow_older:
        return
    if environment.get(REVISION_VARIABLE) == str(revision):
        return
    raise ConfigurationError(
        f"is {revision}, and {highest} was in force before. Give {highest} or more; to go back "
        f"on purpose, set {REVISION_VARIABLE}={revision}, or call reload(allow_older=True)",
        file=file,
        key="revision",
    )


def remember_revision(state: Path, *, revision: int, exactly: bool = False) -> None:
    """Remember a revision that is in force now.

    Args:
        state: The state directory.
        revision: What is in force.
        exactly: Also if it is lower than what was remembered: somebody went back.

    Raises:
        ConfigurationError: It cannot be kept, so nobody could compare later.
    """
    path = state / _REVISION_FILE
    if revision == 0 and not path.exists():
        return  # nobody counts here
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(path.with_name(f"{_REVISION_FILE}.lock")):
            if exactly or revision > highest_revision(state, file=path.name):
                replace_file(path, data=f"{revision}\n".encode())
    except OSError as error:
        raise ConfigurationError(
            f"the directory cannot be used: {error.strerror}. Give yourself the right to write it",
            key="state.directory",
        ) from None


def remember_refusal(state: Path, *, refusal: Refusal) -> None:
    """Leave a note for `hybridllm doctor`. It is a courtesy, so a failure is passed over."""
    with suppress(OSError):
        path = _note(state, refusal.process)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, data=json.dumps(asdict(refusal), ensure_ascii=False).encode())


def forget_refusal(state: Path, *, process: int) -> None:
    """Take the note back: the process has a good policy again, or ends."""
    with suppress(OSError):
        _note(state, process).unlink(missing_ok=True)


def refusals(state: Path) -> list[tuple[Path, Refusal]]:
    """Return the notes that running clients have left, with their files."""
    found = []
    for path in sorted((state / _REFUSED).glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            found.append((path, Refusal(**json.loads(path.read_text(encoding="utf-8")))))
    return found


def _note(state: Path, process: int) -> Path:
    return state / _REFUSED / f"{process}.json"
