"""Plug-ins: what the configuration names takes part, and nothing else is even imported."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile

import pytest

from hybridllm.classify.detector import Detector
from hybridllm.errors import ConfigurationError
from hybridllm.plugins import DETECTORS, load_detectors
from hybridllm.testing import client_for_tests

pytest.importorskip("pip")

MODULE = """
from hybridllm.classify.detector import Match

class Badges:
    name = "badges"
    kinds = frozenset({"vendor.badge"})

    def detect(self, text):
        start = text.find("BADGE-")
        return [Match("vendor.badge", start, start + 10)] if start >= 0 else []

class Mute:
    name = "mute"

class Crashing(Badges):
    name = "crashing"
    kinds = frozenset({"vendor.crash"})

    def detect(self, text):
        raise RuntimeError(text)

def broken():
    raise OSError("SECRETPATH")
"""
POINTS = {
    "badges": "own_detectors:Badges",
    "mute": "own_detectors:Mute",
    "crashing": "own_detectors:Crashing",
    "broken": "own_detectors:broken",
    "no-attribute": "own_detectors:Nothing",
    "no-module": "own_detectors_gone:Badges",
    "unnamed": "own_unnamed:Badges",
}
CONFIG = """
version = 1
[labels]
levels = ["public", "confidential"]
default = "public"
[backends.cloud]
place = "cloud"
provider = "openai"
clearance = "public"
[backends.local]
place = "on_premises"
base_url = "http://127.0.0.1:9/v1"
networks = ["127.0.0.0/8"]
clearance = "confidential"
[models.assistant]
candidates = [{ backend = "cloud", model = "big" }, { backend = "local", model = "small" }]
"""
NAMED = """
[detection]
plugins = ["%s"]
[findings]
"vendor.*" = "confidential"
"""


def build_wheel(folder, *, name, modules, points):
    """Write a wheel as the packaging standard describes it; no build tool is needed."""
    info = f"{name}-1.0.dist-info"
    lines = "\n".join(f"{point} = {value}" for point, value in points.items())
    files = {f"{module}.py": code for module, code in modules.items()} | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{DETECTORS}]\n{lines}\n",
    }
    record = ""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
            record += f"{file},sha256={digest.decode()},{len(text.encode())}\n"
            wheel.writestr(file, text)
        wheel.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def install(folder, *wheels):
    command = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-cache-dir"]
    subprocess.run([sys.executable, *command, "--target", folder, *wheels], check=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with one installed package that brings detectors."""
    folder = tmp_path_factory.mktemp("site")
    modules = {"own_detectors": MODULE, "own_unnamed": "raise RuntimeError('imported')\n"}
    install(folder, build_wheel(folder, name="own_plugins", modules=modules, points=POINTS))
    return folder


@pytest.fixture
def installed(site, monkeypatch):
    """Put the package on the path for one test."""
    monkeypatch.syspath_prepend(str(site))
    yield site
    for module in ("own_detectors", "own_unnamed", "own_second"):
        sys.modules.pop(module, None)


def test_a_named_plugin_is_loaded(installed):
    """An installed package brings a detector; its name in the configuration switches it on."""
    (detector,) = load_detectors(["badges"], file="hybridllm.toml")

    assert isinstance(detector, Detector)
    assert frozenset({"vendor.badge"}) == detector.kinds


def test_what_is_not_named_is_not_imported(installed):
    """Installing a package is no consent: only the named entry point's module runs."""
    assert () == load_detectors([], file="hybridllm.toml")
    assert "own_detectors" not in sys.modules

    load_detectors(["badges"], file="hybridllm.toml")

    assert "own_detectors" in sys.modules
    assert "own_unnamed" not in sys.modules


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("badge", r"is 'badge'; expected one of .*badges.* Did you mean 'badges'\?"),
        ("mute", "'mute' is no detector"),
        ("broken", "'broken' cannot be made: OSError"),
        ("no-attribute", "'no-attribute' cannot be made: AttributeError"),
        ("no-module", "'no-module' cannot be made: ModuleNotFoundError"),
        ("unnamed", "'unnamed' cannot be made: RuntimeError"),
    ],
)
def test_a_plugin_that_cannot_be_used_stops_the_start(installed, name, complaint):
    """Missing, broken or no detector at all: nothing starts without a guard that was asked for."""
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        load_detectors(["badges", name], file="hybridllm.toml")

    assert str(raised.value).startswith("hybridllm.toml: detection.plugins[1]: ")
    assert "SECRETPATH" not in str(raised.value)


def test_two_packages_with_one_name_stop_the_start(installed, tmp_path, monkeypatch):
    """Which of the two would run is not left to chance; both are named."""
    second = build_wheel(
        tmp_path,
        name="own_second",
        modules={"own_second": MODULE},
        points={"badges": "own_second:Badges"},
    )
    install(tmp_path / "more", second)
    monkeypatch.syspath_prepend(str(tmp_path / "more"))

    with pytest.raises(
        ConfigurationError, match="installed twice: own_detectors:Badges, own_second:Badges"
    ):
        load_detectors(["badges"], file="hybridllm.toml")


def explained(folder, *, text, plugin=""):
    config = folder / "hybridllm.toml"
    config.write_text(CONFIG + (NAMED % plugin if plugin else ""), encoding="utf-8")
    with client_for_tests(config) as client:
        return client.chat.completions.explain(
            model="assistant", messages=[{"role": "user", "content": text}]
        )


def places(explanation):
    return [candidate.backend for candidate in explanation.decision.candidates]


def test_a_plugin_raises_the_label(installed, tmp_path):
    """What only the company's own detector knows keeps the request inside."""
    without = explained(tmp_path, text="my BADGE-1234")
    with_plugin = explained(tmp_path, plugin="badges", text="my BADGE-1234")

    assert ["cloud", "local"] == places(without)
    assert ["local"] == places(with_plugin)
    assert "vendor.badge" in {finding.kind for finding in with_plugin.findings}


def test_a_plugin_that_crashes_keeps_everything_inside(installed, tmp_path):
    """A crash never counts as nothing found, and what the text said is in no doubt."""
    explanation = explained(tmp_path, plugin="crashing", text="SECRETWORD")

    assert "cloud" not in places(explanation)
    assert "detector_failed" in explanation.doubts
    assert "SECRETWORD" not in repr(explanation)
