"""What `doctor` looks at, one row for each thing.

Answers: is it here, and if not, what brings it?
Not here: showing it (`cli.doctor`).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hybridllm.cli.checkup_policy import policy_rows, refused_rows
from hybridllm.cli.installed import extras, requirements, versions
from hybridllm.cli.row import Row, State
from hybridllm.config import open_config
from hybridllm.config.survey import chosen_file, survey
from hybridllm.errors import (
    AddressRefusedError,
    ConfigurationError,
    MissingExtraError,
)
from hybridllm.types import Place
from hybridllm.wire import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.config import Wiring
    from hybridllm.config.survey import BackendSurvey, Survey, Variable

_CHOSEN_BY = {
    "argument": "named by --config",
    "variable": "named by HYBRIDLLM_CONFIG",
    "default": "the default name in this directory",
}


def examine(config: str | None, *, connect: bool, timeout_s: float) -> list[Row]:
    """Look at everything. Sends nothing unless `connect` is true."""
    rows = [Row("version", name, State.OK, version) for name, version in versions().items()]
    rows += _extras()
    file, chosen_by = chosen_file(config)
    try:
        found = survey(config)
    except ConfigurationError as error:
        remedy = "" if file.exists() else "hybridllm init"
        state = State.FAULT if file.exists() else State.MISSING
        return [*rows, Row("configuration", str(file.absolute()), state, str(error), remedy)]
    rows += [_installation_key(found)] if found.key else []
    rows += [_directory(path, name) for path, name in _directories(found)]
    rows += refused_rows(found.state)
    try:
        wiring = open_config(config)
    except (ConfigurationError, MissingExtraError) as error:
        rows.append(Row("configuration", str(file.absolute()), State.FAULT, str(error)))
        return rows + [row for item in found.backends for row in _needs(item, found)]
    rows.append(Row("configuration", str(file.absolute()), State.OK, _CHOSEN_BY[chosen_by]))
    rows += policy_rows(wiring)
    try:
        for item in found.backends:
            rows += _needs(item, found)
            rows.append(_reached(item, wiring, connect=connect, timeout_s=timeout_s))
    finally:
        for backend in wiring.runtime.backends.values():
            backend.close()
        wiring.close_stores()
    return rows


def _extras() -> Iterator[Row]:
    needed = requirements()
    if needed is None:
        yield Row("extra", "(all)", State.UNASKED, "unknown: runs from a source folder")
        return
    for extra in extras(needed):
        if extra.missing:
            detail = f"without {', '.join(extra.missing)}"
            yield Row("extra", extra.name, State.ABSENT, detail, extra.command)
        else:
            yield Row("extra", extra.name, State.OK, "installed")


def _installation_key(found: Survey) -> Row:
    assert found.key is not None  # noqa: S101 - the caller has looked
    return _variable(found.key, subject="installation")


def _variable(variable: Variable, *, subject: str) -> Row:
    if variable.is_set:
        return Row("key", subject, State.OK, f"{variable.name} is set")
    remedy = (
        f'$env:{variable.name} = "..."'
        if sys.platform == "win32"
        else f"export {variable.name}=..."
    )
    return Row("key", subject, State.MISSING, f"{variable.name} is not set", remedy)


def _directories(found: Survey) -> tuple[tuple[Path, str], ...]:
    return (found.state, "state and memory"), (found.audit, "audit log")


def _directory(path: Path, name: str) -> Row:
    """Say whether files can be made in a directory, or in the one where it will be made."""
    there = next((p for p in (path, *path.absolute().parents) if p.exists()), path)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        detail = f"{path}: cannot be written ({error.strerror})"
        return Row("directory", name, State.FAULT, detail, f"give yourself the right to {there}")
    made = "" if there == path else "; it is made at the first use"
    return Row("directory", name, State.OK, f"{path}: writable{made}")


def _needs(backend: BackendSurvey, found: Survey) -> Iterator[Row]:
    if backend.key is not None:
        yield _variable(backend.key, subject=backend.name)
    if backend.place != Place.IN_PROCESS:
        return
    if not (found.file.parent / backend.address).exists():
        detail = f"{backend.address} does not exist"
        yield Row("model", backend.name, State.MISSING, detail, "download it, or fix model_path")
    lacking = [extra for extra in extras(requirements() or ()) if extra.name == "local"]
    for extra in lacking:
        if extra.missing:
            detail = f"without {', '.join(extra.missing)}"
            yield Row("extra", backend.name, State.MISSING, detail, extra.command)


def _reached(backend: BackendSurvey, wiring: Wiring, *, connect: bool, timeout_s: float) -> Row:
    probe = getattr(wiring.runtime.backends[backend.name], "probe", None)
    if probe is None:
        return Row("backend", backend.name, State.OK, "runs in this process")
    if not connect:
        detail = f"{backend.address}; --connect asks it"
        return Row("backend", backend.name, State.UNASKED, detail)
    try:
        answered: int = probe(timeout_s=timeout_s)
    except (AddressRefusedError, BackendError) as error:
        remedy = f"start it, or correct base_url and networks ({backend.address})"
        return Row("backend", backend.name, State.FAULT, str(error), remedy)
    if answered in (401, 403):
        detail = f"answers, and refuses the key (status {answered})"
        remedy = "put the right key into the variable that api_key_env names"
        return Row("backend", backend.name, State.FAULT, detail, remedy)
    if answered >= 500:
        detail = f"answers that it is out of order (status {answered})"
        return Row("backend", backend.name, State.FAULT, detail, "look into its own log")
    return Row("backend", backend.name, State.OK, f"answers (status {answered})")
