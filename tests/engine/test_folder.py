"""A model folder from a stranger is checked before anything of it is loaded."""

import io
import json
import pickle
import struct
import zipfile

import pytest

from hybridllm.engine.folder import check_folder, read_shapes
from hybridllm.errors import ConfigurationError


def safetensors(tensors, *, data=None):
    """Return the bytes of a safetensors file: `name -> (dtype, shape, bytes)`."""
    header, end = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + (bytes(end) if data is None else data)


WEIGHTS = {"layer.0": ("F32", [2, 3], 24), "layer.1": ("BF16", [4], 8)}


@pytest.fixture
def model(tmp_path):
    """A small folder that is fine."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"num_hidden_layers": 2}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors(WEIGHTS))
    return folder


def refusal(folder):
    """Return why a folder is refused."""
    with pytest.raises(ConfigurationError) as caught:
        check_folder(folder)
    return str(caught.value)


def test_a_sound_folder_is_accepted_with_its_shapes(model):
    """A normal model loads."""
    found = check_folder(model)

    assert {"layer.0": (2, 3), "layer.1": (4,)} == found.shapes


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_whatever_it_is_called(model, protocol):
    """Code hidden in a pickle does not run, even under the name of a text file."""
    (model / "notes.txt").write_bytes(pickle.dumps(pytest.Item, protocol=protocol))

    reason = refusal(model)

    assert "notes.txt" in reason
    assert "pickle" in reason


def test_weights_saved_by_torch_are_refused_as_pickles(model):
    """The zip archive of torch.save holds a pickle."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02.")
    (model / "extra.dat").write_bytes(archive.getvalue())

    assert "pickle" in refusal(model)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "optimizer.pkl"])
def test_a_file_that_only_pickles_are_called_is_refused(model, name):
    """Files that other tools would unpickle do not lie in a model folder."""
    (model / name).write_bytes(b"\0" * 8)

    assert "pickle" in refusal(model)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "sub/processor.json"])
def test_code_that_a_model_brings_along_is_refused(model, file):
    """`auto_map` names code of the model; it is never run."""
    (model / file).parent.mkdir(exist_ok=True)
    (model / file).write_text('{"auto_map": {"AutoModel": "evil.Model"}}', encoding="utf-8")

    assert "auto_map" in refusal(model)


def test_the_word_auto_map_in_a_vocabulary_is_no_code(model):
    """A tokenizer may know any word."""
    vocabulary = {"model": {"vocab": {"auto_map": 7}}}
    (model / "tokenizer.json").write_text(json.dumps(vocabulary), encoding="utf-8")

    assert check_folder(model).shapes


def test_a_link_that_leads_out_is_refused(model, tmp_path):
    """A model cannot make a file of this machine part of itself."""
    (tmp_path / "outside.json").write_text("{}", encoding="utf-8")
    try:
        (model / "inside.json").symlink_to(tmp_path / "outside.json")
    except OSError:
        pytest.skip("this system makes no links")

    assert "leads out" in refusal(model)


def test_the_links_of_a_hub_cache_are_accepted(tmp_path):
    """A downloaded snapshot consists of links into the cache's own store."""
    snapshot = tmp_path / "models--x" / "snapshots" / "abc"
    blobs = tmp_path / "models--x" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "1").write_text('{"num_hidden_layers": 2}', encoding="utf-8")
    (blobs / "2").write_bytes(safetensors(WEIGHTS))
    try:
        (snapshot / "config.json").symlink_to(blobs / "1")
        (snapshot / "model.safetensors").symlink_to(blobs / "2")
    except OSError:
        pytest.skip("this system makes no links")

    assert check_folder(snapshot).shapes


@pytest.mark.parametrize("cut", [1, 10, 31, 60, 200])
def test_a_truncated_weight_file_is_refused(model, cut):
    """A download that broke off is noticed before the model answers nonsense."""
    whole = safetensors(WEIGHTS)
    (model / "model.safetensors").write_bytes(whole[: max(0, len(whole) - cut)])

    assert "truncated" in refusal(model)


def test_a_tensor_whose_size_does_not_match_its_shape_is_refused(model):
    """Wrong shapes are named."""
    (model / "model.safetensors").write_bytes(safetensors({"layer.0": ("F32", [3, 3], 24)}))

    assert "'layer.0'" in refusal(model)


@pytest.mark.parametrize("shape", [[-2, -3], [2**63, 0, 4]])
def test_absurd_shapes_are_refused(model, shape):
    """Negative and huge sizes do not reach the loader."""
    (model / "model.safetensors").write_bytes(safetensors({"layer.0": ("F32", shape, 24)}))

    assert "does not match" in refusal(model)


def test_overlapping_tensors_are_refused(tmp_path):
    """Two tensors that share bytes are no file of the format."""
    header = {
        "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
        "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]},
    }
    text = json.dumps(header).encode()
    file = tmp_path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(6))

    with pytest.raises(ConfigurationError, match="overlap"):
        read_shapes(file)


def test_more_layers_than_tensors_are_refused(model):
    """A configuration cannot make the loader build a million layers."""
    (model / "config.json").write_text('{"num_hidden_layers": 1000000}', encoding="utf-8")

    assert "num_hidden_layers" in refusal(model)


@pytest.mark.parametrize("name", ["../other.safetensors", "missing.safetensors", "a.bin"])
def test_an_index_may_only_name_weight_files_of_the_folder(model, name):
    """A list of parts cannot point elsewhere."""
    (model / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"layer.0": name}}), encoding="utf-8"
    )

    assert "weight file" in refusal(model)


def test_a_folder_without_weights_says_what_loads(model):
    """Whoever has the wrong format learns the right one."""
    (model / "model.safetensors").unlink()

    assert "only safetensors and GGUF load" in refusal(model)


def test_a_file_that_is_not_json_is_named(model):
    """Nested beyond reason or broken: the file is named."""
    (model / "extra.json").write_text("[" * 100_000, encoding="utf-8")

    assert "extra.json" in refusal(model)
