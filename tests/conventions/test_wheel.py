"""What a user's `pip install` puts on the disk."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tests.conventions.tree import ROOT

# Code, types, and data that the package reads. A `.pth` would run at every start of Python.
PACKAGE_SUFFIXES = {".csv", ".json", ".py", ".pyi", ".toml"}
PACKAGE_NAMES = {"py.typed"}
METADATA_NAMES = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "LICENSE", "NOTICE"}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory) -> list[PurePosixPath]:
    """Return what the wheel holds: the one under test, or one built now."""
    wheel = os.environ.get("HYBRIDLLM_WHEEL")
    if wheel is None:
        if importlib.util.find_spec("hatchling") is None:
            pytest.skip("needs hatchling, or HYBRIDLLM_WHEEL")
        wheel = build(tmp_path_factory.mktemp("wheel"))
    with zipfile.ZipFile(wheel) as archive:
        return [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]


def build(folder: Path) -> Path:
    """Build the wheel into a folder and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def is_expected(name: PurePosixPath) -> bool:
    """Say whether the wheel may hold a file of this name."""
    if name.parts[0] == "hybridllm":
        return name.name in PACKAGE_NAMES or name.suffix in PACKAGE_SUFFIXES
    is_metadata = name.parts[0].startswith("hybridllm-") and ".dist-info" in name.parts[0]
    return is_metadata and name.name in METADATA_NAMES


def test_the_wheel_holds_only_known_kinds_of_files(wheel_names):
    """Installing adds the package and its metadata: no startup hook, no stray file."""
    assert [] == [str(name) for name in wheel_names if not is_expected(name)]


def test_the_wheel_is_typed_and_carries_its_license(wheel_names):
    """A type checker sees the types, and a lawyer finds the license."""
    names = {name.name for name in wheel_names}

    assert {"py.typed", "LICENSE", "NOTICE"} <= names


@pytest.mark.parametrize("name", ["hybridllm.pth", "hybridllm/x.so", "tests/a.py", "a.py"])
def test_a_stray_file_would_be_noticed(name):
    """Hooks, binaries and foreign packages are no expected files."""
    assert not is_expected(PurePosixPath(name))
