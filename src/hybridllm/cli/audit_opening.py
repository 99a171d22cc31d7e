"""What the verbs of `hybridllm audit` have in common: which log, which keys.

Answers: which segments and keys does the command line mean?
Not here: what is done with them (`cli.audit`, `cli.audit_search`, `cli.audit_report`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.cli.calls import add_common_options
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from hybridllm.audit.reading import Keys


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Add the paths of a log, and the options that all verbs have."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="DIR|FILE",
        help="logs, or single segments (default: the log of the configuration)",
    )
    add_common_options(parser)


def log_paths(args: argparse.Namespace) -> list[Path]:
    """Return the directories and files that are meant, each one once.

    Raises:
        ConfigurationError: One does not exist or holds no segment, so nothing would be read.
    """
    paths = list(dict.fromkeys(Path(path) for path in args.paths))
    if not paths:
        if getattr(args, "public_key", None):
            raise ConfigurationError("name the directory of the log to check with --public-key")
        from hybridllm.config.survey import survey

        paths = [survey(args.config).audit]
    from hybridllm.audit.head import HEAD_FILE

    for path in paths:
        if not path.exists():
            raise ConfigurationError("does not exist", file=str(path))
        if path.is_dir() and not _segments(path) and not (path / HEAD_FILE).exists():
            raise ConfigurationError("holds no segment (*.jsonl) of an audit log", file=str(path))
    return paths


def segment_paths(args: argparse.Namespace) -> list[Path]:
    """Return all segments that are meant, oldest first: their names begin with the time.

    Raises:
        ConfigurationError: There is none.
    """
    found: list[Path] = []
    for path in log_paths(args):
        found += _segments(path) if path.is_dir() else [path]
    return list(dict.fromkeys(found))


def read_keys(args: argparse.Namespace) -> Keys:
    """Return the public keys that were named; without any, the keys of the configuration.

    Raises:
        ConfigurationError: A key cannot be read.
        MissingExtraError: The package for signatures is needed and not installed.
    """
    from hybridllm.audit.reading import Keys
    from hybridllm.audit.signing import can_sign, load_signing_key, read_public_keys
    from hybridllm.config.survey import audit_key, survey

    if getattr(args, "public_key", None):
        return Keys(None, read_public_keys(Path(path) for path in args.public_key))
    _, key = audit_key(args.config)
    signing_key = survey(args.config).signing_key
    if signing_key.exists() and can_sign():
        return Keys(key, (load_signing_key(signing_key).public,))
    return Keys(key)


def _segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.jsonl"))
