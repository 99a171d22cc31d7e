"""What must hold before a sync changes anything.

Answers: are the folder's access rules readable, and do its files look complete?
Not here: what the rules mean (`access_file`), syncing (`sync`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hybridllm.errors import ConfigurationError
from hybridllm.labels import Scale
from hybridllm.rag.ingest.access_file import ACCESS_FILE, AccessRules, parse_access
from hybridllm.rag.ingest.failures import DocumentReadError, Reason, SyncRefusedError
from hybridllm.rag.ingest.folder import Listing, read_bytes
from hybridllm.rag.ingest.settings import SyncSettings

_ACCESS_FILE_BYTES: Final = 2**20
# A folder that loses more than half of so many documents at once looks like a failed mount.
_FEW_DOCUMENTS: Final = 10


def read_rules(folder: Path, *, scale: Scale) -> AccessRules:
    """Return the rules of a folder's access file; none if it has no such file.

    Raises:
        ConfigurationError: The file is there and cannot be read, or is broken.
    """
    file = folder / ACCESS_FILE
    try:
        data = read_bytes(file, most=_ACCESS_FILE_BYTES)
    except DocumentReadError as error:
        if error.reason is Reason.UNREADABLE and not file.exists():
            return AccessRules()
        text = f"cannot be read ({error.reason.value}); nothing was changed"
        raise ConfigurationError(text, file=str(file)) from None
    return parse_access(data, scale=scale, file=str(file))


def refuse_great_loss(
    listing: Listing, *, current: dict[str, str], settings: SyncSettings, folder: Path
) -> None:
    """Stop a sync that would delete all documents, or more than half of ten and more.

    Raises:
        SyncRefusedError: It would.
    """
    there = {f"{settings.source}/{file.name}" for file in listing.files}
    closed = tuple(f"{settings.source}/{name}" for name in listing.closed)
    gone = [name for name in current.keys() - there if not name.startswith(closed)]
    is_much = len(current) >= _FEW_DOCUMENTS and len(gone) * 2 > len(current)
    if gone and (len(gone) == len(current) or is_much):
        raise SyncRefusedError(
            f"{folder}: {len(gone)} of {len(current)} documents of this source are no longer in "
            "the folder. Nothing was changed. Is the right folder mounted? To delete them, sync "
            "with force."
        )
