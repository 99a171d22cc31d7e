"""Files that no adapter has: pickles, links, pipes, and names that lead elsewhere."""

from __future__ import annotations

import os
import struct

import pytest

from hybridllm.adapters import (
    AdapterRefusedError,
    FolderSource,
)
from hybridllm.adapters.contents import is_pickle
from hybridllm.adapters.tensor_file import read_header
from hybridllm.errors import ConfigurationError
from tests.adapters.made import (
    WEIGHTS,
    write_tensors,
)


@pytest.mark.parametrize("length", [0x0280, 0x0380, 0x0480, 0x0580])
def test_weights_that_begin_like_a_pickle_are_none(length, tmp_path):
    """A header of 640 bytes has the first two bytes of a pickle."""
    row = ("F32", [1, 1], b"\0\0\0\0")
    path = tmp_path / WEIGHTS
    write_tensors(path, tensors={"a": row})
    data = path.read_bytes()
    (old,) = struct.unpack("<Q", data[:8])
    path.write_bytes(struct.pack("<Q", length) + data[8 : 8 + old].ljust(length) + data[8 + old :])

    assert not is_pickle(path.read_bytes())
    assert 1 == len(read_header(path))


@pytest.mark.parametrize(
    "text",
    [
        "# A list\n\n(see below)\n",
        "{}",
        '{"a": [1]}',
        "cats and\ndogs\n",
        "油",
        "",
        ".",
        "because\n",
        "Rows\nof\ntext\n",
        "Paragraph\n",
        "Q2h1bms=\n",
        "c2h1bms=\n",
        "(is it?\n",
    ],
)
def test_text_is_no_pickle(text):
    """Nobody's README is refused for its first letter."""
    assert not is_pickle(text.encode())


def test_a_file_that_no_adapter_has_is_refused(shop):
    """What nobody knows is not carried along."""
    (shop.make() / "modeling.py").write_text("print()", encoding="utf-8")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.add()

    assert {"file_unexpected"} == {reason.code for reason in raised.value.reasons}


@pytest.mark.parametrize("name", [WEIGHTS, "README.md", "folder"])
def test_links_and_folders_are_refused(name, shop):
    """Nothing outside the folder gets in by a link."""
    folder = shop.make()
    (folder / name).unlink(missing_ok=True)
    try:
        (folder / name).symlink_to(shop.root / "base" / "model.safetensors")
    except OSError:
        pytest.skip("this system makes no links here")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.add()

    assert "file_link" in {reason.code for reason in raised.value.reasons}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_not_waited_for(shop):
    """A source that never ends does not hold the registry."""
    folder = shop.make()
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)

    with pytest.raises(AdapterRefusedError) as raised:
        shop.add()

    assert "file_link" in {reason.code for reason in raised.value.reasons}


@pytest.mark.parametrize("reference", ["../registry", "/", "trained/../../.."])
def test_a_reference_does_not_lead_out_of_its_source(reference, shop):
    """The name of an adapter is a name and no way through the disk."""
    with pytest.raises(ConfigurationError, match=r"leads out|no folder"):
        list(FolderSource(shop.root / "trained").files(reference))
