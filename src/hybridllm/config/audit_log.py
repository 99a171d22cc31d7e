"""The audit log that a configuration describes.

Answers: which sinks get each record, and when do checkpoints come?
Not here: the sinks themselves (`audit`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.audit.fan_out import FanOut
from hybridllm.audit.log import FileAuditLog, Rhythm
from hybridllm.audit.signing import KEY_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from hybridllm.audit.log import AuditSink
    from hybridllm.config.sources import Sources
    from hybridllm.labels import Scale

DIRECTORY = "audit"


def build_audit_log(sources: Sources, *, state: Path, key: bytes, scale: Scale) -> AuditSink:
    """Return the log in the state directory, together with its copies.

    Args:
        sources: The configuration; paths of copies are relative to its file.
        state: The state directory.
        key: Secret for the keyed hashes.
        scale: Written into the log, so that its labels can be compared later.
    """
    config, folder = sources.organisation.audit, sources.file.parent
    rhythm = Rhythm(
        checkpoint_lines=config.checkpoint_lines,
        checkpoint_s=config.checkpoint_s,
        segment_bytes=config.max_segment_bytes,
        segment_age_s=config.max_segment_age_s,
    )
    logs = [
        FileAuditLog(
            directory,
            key=key,
            rhythm=rhythm,
            levels=[level.name for level in scale.levels],
            signing_key=state / KEY_FILE,
        )
        for directory in [state / DIRECTORY, *(folder / name for name in config.copies)]
    ]
    return logs[0] if len(logs) == 1 else FanOut(logs)
