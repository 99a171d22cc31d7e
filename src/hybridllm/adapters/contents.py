"""What an adapter's folder may hold.

Answers: are these the files of an adapter, and is each what it is called?
Not here: what stands in them (`adapters.verifier`).

Only named files are allowed, and a name proves nothing: a pickle is known by its content,
wherever it stands. Nothing is unpickled; `pickletools` only reads the instructions.
Links are refused, since what they lead to may change after the check.
"""

from __future__ import annotations

import pickletools
import stat
from pathlib import Path
from typing import Final

from hybridllm.adapters.reasons import Reason, Reasons, quoted

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"

CONTENT: Final = (CONFIG, WEIGHTS, "LICENSE", "NOTICE", "chat_template.jinja", "eval.json")
"""Files that make up a version; its name is a digest of these."""

LEFT_BEHIND: Final = frozenset(
    {
        ".gitattributes", "README.md", "added_tokens.json", "merges.txt",
        "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
        "vocab.json",
    }
)  # fmt: skip
"""Files that training tools write beside an adapter; they are checked, and not imported."""

MOST_BYTES: Final = 16 * 2**30
"""The largest file that is read; rank 16 on all experts of a 30B model is about 2 GB."""

_MOST_ENTRIES: Final = 64
_READ_FOR_PICKLE: Final = 2**20
_IMPORTS: Final = frozenset({"GLOBAL", "INST", "STACK_GLOBAL"})
"""Instructions of a pickle that name code; without one of them nothing can be called."""


def check_contents(folder: Path, *, allowed: frozenset[str]) -> tuple[Reason, ...]:
    """Return what is wrong with the files of a folder.

    Args:
        folder: Its own path may be a link; nothing in it may.
        allowed: Names that may stand there.
    """
    reasons = Reasons()
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        return (Reason("file_missing", f"the folder cannot be read ({error.strerror})"),)
    if len(entries) > _MOST_ENTRIES:
        return (Reason("file_unexpected", f"it holds more than {_MOST_ENTRIES} entries"),)
    for path in entries:
        found = _check_entry(path, allowed=allowed)
        if found is not None:
            reasons.take((found,))
    for name in (CONFIG, WEIGHTS):
        if name not in {path.name for path in entries}:
            reasons.add("file_missing", message="this file of an adapter is missing", place=name)
    return reasons.all()


def is_pickle(start: bytes) -> bool:
    """Say whether a file that begins like this is a pickle, or an archive that may hold one.

    Check: `pickle.dumps` of an object in any protocol -> True; JSON, text and safetensors ->
    False. Text whose first two lines are one word each, the first beginning with "c" or "i",
    is taken for one.
    """
    # A header of 640 bytes begins like a pickle of protocol 2; in a pickle no zeros follow.
    if start[4:9] == b"\0\0\0\0{":
        return False
    if start[:1] == b"\x80" and start[1:2] <= b"\x05":
        return True
    if start[:4] == b"PK\x03\x04":  # what `torch.save` writes
        return True
    return _names_code(start)


def _names_code(start: bytes) -> bool:
    """Say whether these are instructions of a pickle that name code; it need not be whole."""
    try:
        for opcode, argument, _ in pickletools.genops(start):
            # "c", "(" and "b" are instructions too, so text is told apart by what they name.
            if opcode.name in _IMPORTS and (argument is None or _is_code(str(argument))):
                return True
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError):
        return False
    return False


def _is_code(argument: str) -> bool:
    """Say whether this is a module and a name in it, as `pickletools` joins them."""
    parts = argument.split(" ")
    return len(parts) == 2 and all(
        word.isidentifier() for part in parts for word in part.split(".")
    )


def _check_entry(path: Path, *, allowed: frozenset[str]) -> Reason | None:
    place = quoted(path.name)[1:-1]
    try:
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            return Reason("file_link", "this is a link; put the file itself here", place)
        if not stat.S_ISREG(facts.st_mode):
            return Reason("file_unexpected", "this is no file", place)
        if facts.st_size > MOST_BYTES:
            return Reason("file_too_large", f"it is larger than {MOST_BYTES} bytes", place)
        with path.open("rb") as file:
            start = file.read(_READ_FOR_PICKLE)
    except OSError as error:
        return Reason("file_unreadable", f"it cannot be read ({error.strerror})", place)
    if is_pickle(start):
        return Reason(
            "file_pickle", "this is a pickle, which runs code when it is read; remove it", place
        )
    if path.name not in allowed:
        return Reason(
            "file_unexpected",
            f"this is no file of an adapter; keep {CONFIG} and {WEIGHTS}, and remove it",
            place,
        )
    return None
