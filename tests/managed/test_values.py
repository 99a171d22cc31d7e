"""Metrics, lines, commands and environments of managed engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybridllm.errors import ConfigurationError
from hybridllm.managed.environment import child_environment
from hybridllm.managed.folder import EngineFolder
from hybridllm.managed.lines import read_line
from hybridllm.managed.metrics import EngineMetrics, read_metrics, tokens_per_second
from hybridllm.managed.probe import check_url
from hybridllm.managed.servers import SERVERS, Wanted, command_line, server
from tests.managed.fake_vllm import METRICS

SECRET = "社外秘-Falcon"
WANTED = Wanted("/models/qwen", "qwen", "127.0.0.1", 8000, flags=("--max-model-len", "8192"))


def test_vllms_numbers_are_read():
    """Queue, memory and tokens come as plain values."""
    found = read_metrics(METRICS.format(running=3), names=server("vllm").names)

    assert EngineMetrics(3.0, 0.0, 0.0625, 37.0, 1200.0) == found
    assert not found.is_idle


def test_several_series_of_a_number_are_one():
    """Cards of one engine are added up; the fullest memory counts."""
    lines = [
        'sglang:num_running_reqs{tp_rank="0"} 2',
        'sglang:num_running_reqs{tp_rank="1"} 3',
        'sglang:token_usage{a="}"} 0.25',
        "sglang:token_usage 0.5 1700000000000",
        "sglang:num_queue_reqs NaN",
        "nonsense",
        "{} 3",
        "",
    ]

    found = read_metrics("\n".join(lines), names=server("sglang").names)

    assert EngineMetrics(running=5.0, kv_usage=0.5) == found


def test_who_does_not_say_whether_it_works_is_not_idle():
    """A drain ends by its deadline rather than by a guess."""
    assert not EngineMetrics().is_idle
    assert EngineMetrics(running=0, waiting=0).is_idle
    assert not EngineMetrics(running=0, waiting=1).is_idle


def test_speed_is_the_difference_of_two_readings():
    """A counter that begins anew after a restart is no negative speed."""
    before, after = EngineMetrics(generated_tokens=100), EngineMetrics(generated_tokens=160)

    assert 30.0 == tokens_per_second(before, after=after, seconds=2.0)
    assert 0.0 == tokens_per_second(after, after=before, seconds=2.0)
    assert tokens_per_second(EngineMetrics(), after=after, seconds=2.0) is None


LINES = {
    "INFO 11-25 [loggers.py:127] Engine 000: Avg prompt throughput: 12.5 tokens/s, Avg generation "
    "throughput: 300.0 tokens/s, Running: 3 reqs, Waiting: 1 reqs, GPU KV cache usage: 6.2%, "
    "Prefix cache hit rate: 0.0%": ("load", 5),
    "INFO Loading weights took 3.52 seconds": ("weights_loaded", 1),
    "INFO GPU KV cache size: 123,456 tokens": ("kv_cache_tokens", 1),
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB": ("out_of_memory", 0),
    "OSError: [Errno 98] Address already in use": ("port_in_use", 0),
    "main: server is listening on http://127.0.0.1:8080": ("started", 0),
}


@pytest.mark.parametrize("line", LINES)
def test_known_lines_become_codes_and_numbers(line):
    """What helps to run an engine is kept."""
    fact = read_line(line)

    assert LINES[line] == (fact.code, len(fact.values))


@pytest.mark.parametrize(
    "line",
    [
        f"INFO Received request chatcmpl-1: prompt: '{SECRET}', params: SamplingParams(n=1)",
        f"ValueError: cannot read {SECRET}",
        f"{SECRET}Error: x",
        f"raise TypeError('{SECRET}')",
        f"GPU KV cache size: 12 tokens {SECRET}",
        "x" * 100_000 + SECRET,
        "",
    ],
)
def test_no_text_of_a_line_is_kept(line):
    """Prompts, paths and keys in an engine's lines go nowhere."""
    assert SECRET not in repr(read_line(line))


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_told_what_it_needs_and_to_share_nothing(name):
    """Address, model, name, key file and flags are there; what was read serves one request."""
    words = command_line(server(name), wanted=WANTED, key_file=Path("key"))

    assert {"/models/qwen", "qwen", "127.0.0.1", "8000", "--max-model-len", "8192"} <= {*words}
    assert {"--no-enable-prefix-caching", "--disable-radix-cache", "--no-cache-prompt"} & {*words}


def test_vllm_through_its_module_takes_the_model_as_an_option():
    """Builds for CPUs bring no `vllm serve`."""
    command = ("python", "-m", "vllm.entrypoints.openai.api_server")

    words = command_line(server("vllm"), wanted=WANTED, key_file=Path("key"), command=command)

    assert [*command, "--model", "/models/qwen"] == words[:5]


def test_an_engine_gets_no_keys_and_no_proxy_of_its_parent(monkeypatch):
    """What opens clouds is not handed to a program that needs no cloud."""
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "https_proxy", "AWS_SECRET_ACCESS_KEY", "DB_DSN"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")

    found = child_environment({"VLLM_API_KEY": "made"})

    assert SECRET not in found.values()
    assert ("1", "made", "1") == (
        found["CUDA_VISIBLE_DEVICES"], found["VLLM_API_KEY"], found["HF_HUB_OFFLINE"],
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "x" * 41, "-x"])
def test_a_name_is_no_way_out_of_the_folder(tmp_path, name):
    """Names of engines are plain."""
    with pytest.raises(ConfigurationError, match="name of an engine"):
        EngineFolder(tmp_path, name)


def test_a_broken_state_is_named(tmp_path):
    """Half a file is an error with a way out, and no guess."""
    folder = EngineFolder(tmp_path, "tiny")
    folder.create()
    assert folder.state() is None
    (folder.path / "state.json").write_text("{", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="remove it if no engine"):
        folder.state()


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://u@x/v1", "http://x/v1?a=b", "x"])
def test_an_odd_url_is_refused(url):
    """Only plain addresses are attached."""
    with pytest.raises(ConfigurationError, match="expected a URL"):
        check_url(url)
