"""A PostgreSQL server of our own, for tests: a temporary folder, this machine only.

Answers: where is a real database that a test may do anything to?

It runs only where `initdb` and `pg_ctl` are on the PATH. The server refuses to run as
root, so there another account takes its place.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

ACCOUNT = "nobody"


def why_not() -> str:
    """Return why there is no server here, or nothing."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed (extra 'postgres')"
    if not (_program("initdb") and _program("pg_ctl")):
        return "initdb and pg_ctl are not on the PATH"
    return ""


@contextmanager
def running_postgres(*, account: str = ACCOUNT) -> Iterator[str]:
    """Start a server and yield its URL, without a database's name at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        data, port = folder / "data", _free_port()
        run_as = account if hasattr(os, "geteuid") and os.geteuid() == 0 else None
        if run_as is not None:
            shutil.chown(folder, run_as)
        _run(
            [_program("initdb"), "-D", data, "-E", "UTF8", "-U", "tester", "-A", "trust", "-N"],
            run_as,
            folder,
        )
        settings = f"-F -p {port} -k {folder} -c listen_addresses=127.0.0.1"
        start = [_program("pg_ctl"), "-D", data, "-w", "-l", folder / "log", "-o", settings]
        _run([*start, "start"], run_as, folder)
        try:
            yield f"postgresql://tester@127.0.0.1:{port}"
        finally:
            _run([_program("pg_ctl"), "-D", data, "-m", "immediate", "stop"], run_as, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    """Return where a program really is: a link on the PATH may stand apart from its library."""
    found = shutil.which(name)
    return None if found is None else str(Path(found).resolve())


def _free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _run(command: list[object], user: str | None, folder: Path) -> None:
    subprocess.run(
        [str(part) for part in command],
        user=user,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TMPDIR": str(folder)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
