"""`hybridllm policy key` and `sign`: who answers for a file?

Answers: how does a key come about, and which files does it sign?
Not here: what a signature covers, and checking it (`config.signatures`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.cli import status
from hybridllm.cli.terminal import write_json
from hybridllm.config.files import DEFAULT_FILE
from hybridllm.config.signatures import sign_file
from hybridllm.config.sources import read_sources
from hybridllm.config.survey import chosen_file
from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    import argparse

    from hybridllm.config.sources import SourceFile, Sources


def make_key(args: argparse.Namespace) -> int:
    """Write a key pair, say so, and return the exit status."""
    from hybridllm.audit.signing import make_signing_key

    path = Path(args.file)
    public = path.with_name(f"{path.stem}.pub{path.suffix}")
    if public.exists():
        raise ConfigurationError("exists, so nothing was written", file=str(public))
    key = make_signing_key(path)
    try:
        public.write_text(key.public.pem, encoding="ascii", newline="\n")
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written ({error.strerror})", file=str(public)
        ) from None
    if args.json:
        written = [path.as_posix(), public.as_posix()]
        write_json({"written": written, "key": key.public.id})
    else:
        print(f"wrote {path}: signs; keep it away from the machines that read the files")
        print(f"wrote {public}: checks; name it in HYBRIDLLM_POLICY_KEYS")
        print(f"key {key.public.id}")
    return status.OK


def sign(args: argparse.Namespace) -> int:
    """Sign files, say which, and return the exit status."""
    from hybridllm.audit.signing import read_signing_key

    file, _ = chosen_file(args.config)
    if file.is_dir():
        file /= DEFAULT_FILE
    sources = read_sources(file)
    chosen = _chosen(args.files, sources)
    key = read_signing_key(Path(args.key))
    written = [
        sign_file(item, key=key, departments=sources.departments).as_posix() for item in chosen
    ]
    if args.json:
        write_json({"written": written, "key": key.public.id})
    else:
        for name in written:
            print(f"wrote {name}")
        print(f"signed by key {key.public.id}")
    return status.OK


def _chosen(names: list[str], sources: Sources) -> list[SourceFile]:
    """Return the files that were named, or all of them."""
    if not names:
        return list(sources.files)
    known = {item.path.resolve(): item for item in sources.files}
    chosen = []
    for name in names:
        item = known.get(Path(name).resolve())
        if item is None:
            text = expected_one_of(name, allowed=[item.shown for item in sources.files])
            raise ConfigurationError(f"the file {text}")
        chosen.append(item)
    return chosen
