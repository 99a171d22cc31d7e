"""The section `[audit]` of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybridllm import HybridLLM
from hybridllm.audit.inspect import inspect_log
from hybridllm.audit.reading import Keys
from hybridllm.config.survey import audit_key
from hybridllm.errors import ConfigurationError
from tests.audit.reading import records, segments

CONFIG = """\
version = 1
[labels]
levels = ["public", "internal"]
default = "public"
[backends.cloud]
place = "cloud"
clearance = "public"
base_url = "{url}"
[models.assistant]
candidates = [{{ backend = "cloud", model = "m" }}]
"""


@pytest.fixture
def file(tmp_path, cloud) -> Path:
    """Return a configuration without a section for the log."""
    file = tmp_path / "hybridllm.toml"
    file.write_text(CONFIG.format(url=cloud.base_url), encoding="utf-8")
    return file


def ask(file: Path, *, times: int = 1) -> None:
    """Ask that often."""
    with HybridLLM(config=file) as client:
        for _ in range(times):
            client.chat.completions.create(
                model="assistant", messages=[{"role": "user", "content": "こんにちは"}]
            )


def add(file: Path, section: str) -> None:
    """Add a section to the file."""
    file.write_text(f"{file.read_text('utf-8')}\n{section}\n", encoding="utf-8")


def test_the_scale_is_in_the_log(file):
    """Reports compare labels without the configuration of that time."""
    ask(file)

    (start, *_) = records(file.parent / ".hybridllm" / "audit")
    assert ["public", "internal"] == start["levels"]


def test_copies_hold_the_same_records(file):
    """Each copy is a log of its own, whole and verifiable."""
    add(file, '[audit]\ncopies = ["写し", "more/second"]')
    ask(file, times=2)

    folders = [file.parent / name for name in (".hybridllm/audit", "写し", "more/second")]
    said = [[item["call"] for item in records(folder) if "call" in item] for folder in folders]
    _, key = audit_key(file)
    assert 4 == len(said[0])
    assert [said[0]] * 3 == said
    assert all(inspect_log(folder, keys=Keys(key)).valid for folder in folders)


def test_a_copy_that_cannot_be_written_stops_the_request(file, cloud):
    """Two places are promised, so a request that one of them lacks is not sent."""
    add(file, '[audit]\ncopies = ["hybridllm.toml"]')

    with pytest.raises(Exception, match="nothing was sent"):
        ask(file)

    assert b"" == cloud.received


def test_checkpoints_and_segments_come_as_configured(file):
    """Both rhythms are the organisation's to choose."""
    add(file, "[audit]\ncheckpoint_lines = 2\nmax_segment_bytes = 65_536")
    ask(file, times=3)

    folder = file.parent / ".hybridllm" / "audit"
    events = [record["event"] for record in records(folder)]
    assert 3 == events.count("checkpoint")
    assert 1 == len(segments(folder))


@pytest.mark.parametrize(
    "setting", ["checkpoint_lines = 0", "checkpoint_s = inf", "max_segment_bytes = 1", "copy = []"]
)
def test_a_setting_that_makes_no_sense_stops_the_start(file, setting):
    """A mistake in the section is found before the first request."""
    add(file, f"[audit]\n{setting}")

    with pytest.raises(ConfigurationError, match="audit"):
        HybridLLM(config=file)
