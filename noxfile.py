"""The project's checks, each in an environment of its own.

Answers: how is each check run? `python -m nox` runs the default ones, which are the CI.
Not here: the settings of the tools (`pyproject.toml`).

Every session but `types` uses the installed package, never `src/`, so that a file missing
from the wheel fails here and not at a user's.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "imports", "tests", "detection", "rag", "docs", "local"]
nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "virtualenv"

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
# The CPU and CUDA builds of this release are the ones the engine was tested with.
TORCH = "torch==2.13.0"

# Their tests look at what a client sends, so they are run in the jail too.
CLIENT_TESTS = sorted(str(path) for path in Path("tests").glob("test_client*.py"))
# The status of `tests.support.jail` where the system forbids namespaces; it says why.
NO_JAIL = 77

PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str, extras: str = "") -> Path:
    """Build the wheel, install it with its extras and the named groups, return its path."""
    folder = Path(session.create_tmp()) / "wheel"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), ".")
    (wheel,) = folder.glob("*.whl")
    requirements = nox.project.dependency_groups(PROJECT, *groups) if groups else ()
    session.install(f"{wheel}{extras}", *requirements)
    # A reused environment (`nox -r`) may hold an older build of the same version.
    session.install("--force-reinstall", "--no-deps", str(wheel))
    return wheel


def pytest(session: nox.Session, *args: str, wheel: Path | None = None) -> None:
    """Run pytest so that `import hybridllm` can only mean the installed package."""
    env: dict[str, str | None] = {"PYTHONPATH": None}
    if wheel is not None:
        env["HYBRIDLLM_WHEEL"] = str(wheel.resolve())
    session.run("python", "-m", "pytest", *args, *session.posargs, env=env)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the demonstration; arguments after `--` go to `hybridllm demo`."""
    session.install(".[demo]")
    session.run("hybridllm", "demo", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheel, on each Python found on this machine."""
    wheel = install(session, "test")
    pytest(session, wheel=wheel)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure branch coverage of the installed wheel.

    Not in the default run: the tracer of Python 3.11 can fail in the threads of the tests'
    servers, and a measurement must not turn a check red.
    """
    wheel = install(session, "test")
    pytest(session, "--cov", wheel=wheel)


@nox.session
def local(session: nox.Session) -> None:
    """Run the tests that need torch."""
    session.install(TORCH)
    install(session, "test", extras="[local]")
    pytest(session, "-m", "local and not slow")


@nox.session
def detection(session: nox.Session) -> None:
    """Run the tests of detection with everything that makes it faster or finer."""
    wheel = install(session, "test", extras="[fast,ja]")
    pytest(session, "tests/classify", wheel=wheel)


@nox.session
def rag(session: nox.Session) -> None:
    """Run the tests of stores, readers and answers from documents."""
    wheel = install(session, "test", "postgres", extras="[rag]")
    pytest(session, "tests/rag", "tests/verify", wheel=wheel)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take minutes."""
    wheel = install(session, "test")
    pytest(session, "-m", "slow", wheel=wheel)


@nox.session
def jail(session: nox.Session) -> None:
    """Run the leak suite and the clients' tests where every packet is seen; a stray one fails."""
    install(session, "test")
    jailed = ("-m", "tests.support.jail")
    tests = session.posargs or ["-q", "tests/leaks", "tests/doors", *CLIENT_TESTS]
    env: dict[str, str | None] = {"PYTHONPATH": None}
    session.run("python", *jailed, *tests, env=env, success_codes=[0, NO_JAIL])


@nox.session
def mutation(session: nox.Session) -> None:
    """Change the guards in small ways and see that a test notices; survivors have a reason."""
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Ask 50 times a second for an hour, with faults; `HYBRIDLLM_SOAK_S` for another time."""
    wheel = install(session, "test")
    session.env["HYBRIDLLM_SOAK_S"] = os.environ.get("HYBRIDLLM_SOAK_S", "3600")
    options = ("-s", "-o", "faulthandler_timeout=0")  # being long is no sign of hanging
    pytest(session, "-m", "slow", *options, "tests/leaks/test_soak.py", wheel=wheel)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every snippet of the documentation."""
    install(session, "test", "docs")
    pytest(session, "tests/docs")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types: everything by mypy, a user's view of the public names by pyright too."""
    # Editable, because mypy checks `src/` and must not find a second copy.
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "types"))
    session.run("mypy")
    session.run("pyright")


@nox.session
def imports(session: nox.Session) -> None:
    """Check that imports point downwards and that content has one exit."""
    session.install(*nox.project.dependency_groups(PROJECT, "imports"))
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; names after `--` choose among them."""
    install(session, "bench")
    chosen = session.posargs or sorted(path.stem for path in Path("benchmarks").glob("[!_]*.py"))
    for name in chosen:
        session.run("python", f"benchmarks/{name}.py", env={"PYTHONPATH": None})
