"""Damaged input gives reasons, and never an exception."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridllm.adapters import (
    IN_PROCESS,
    SGLANG,
    VLLM,
    AdapterRefusedError,
    EngineRules,
    Module,
    Skeleton,
    read_skeleton,
    verify,
)
from hybridllm.adapters.errors import DamagedError
from hybridllm.adapters.reasons import Reasons
from hybridllm.adapters.tensor_file import MOST_HEADER_BYTES, read_header
from hybridllm.adapters.verifier import check_base
from hybridllm.errors import ConfigurationError
from tests.adapters.made import (
    BASE,
    CONFIG,
    WEIGHTS,
    Shape,
    edit_config,
    edit_tensors,
    make_adapter,
    make_base,
    numbers,
)


def codes(reasons) -> set[str]:
    return {reason.code for reason in reasons}


def judged(shop, *, folder: Path, engine: EngineRules | None = None) -> set[str]:
    """Verify a folder that was changed after its manifest was written."""
    manifest = shop.add().manifest
    found = verify(folder, manifest=manifest, skeleton=shop.skeleton, engine=engine)
    return codes(found) - {"file_digest", "file_unexpected"}


@settings(max_examples=150)
@given(st.data())
def test_any_bytes_in_any_file_give_reasons(data):
    """A file that was cut, flipped or made up is refused and crashes nothing."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        skeleton = read_skeleton(make_base(root / "base"), id=BASE)
        folder = make_adapter(root / "a")
        target = folder / data.draw(st.sampled_from([CONFIG, WEIGHTS]))
        whole = bytearray(target.read_bytes())
        kind = data.draw(st.sampled_from(["cut", "flip", "insert", "replace"]))
        place = data.draw(st.integers(0, len(whole) - 1))
        if kind == "cut":
            changed = bytes(whole[:place])
        elif kind == "flip":
            whole[place] ^= data.draw(st.integers(1, 255))
            changed = bytes(whole)
        elif kind == "insert":
            extra = data.draw(st.binary(min_size=1, max_size=9))
            changed = bytes(whole[:place] + extra + whole[place:])
        else:
            changed = data.draw(st.binary(max_size=200))
        good = _manifest(folder, skeleton)
        target.write_bytes(changed)

        reasons = verify(folder, manifest=good, skeleton=skeleton, engine=VLLM)

        assert "file_digest" in codes(reasons)
        assert "check_failed" not in codes(reasons)


ROW = b'{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'


def _manifest(folder: Path, skeleton: Skeleton):
    from hybridllm.adapters.manifest import Manifest, content_digest
    from hybridllm.adapters.verifier import digests, inspect
    from tests.adapters.made import facts

    lora, _ = inspect(folder)
    files = digests(folder)
    return Manifest("made", content_digest(files), "", files, lora, facts(skeleton.id))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{",
        b'{"a": 1}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}',
        b'{"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [true], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
        b'{"a": ' + ROW + b', "a": ' + ROW + b"}",
        b'{"a": ' + ROW + b', "b": ' + ROW + b"}",
        b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 4]}}',
        b"[" * 100_000,
        '{"a": 1}'.encode("utf-16"),
        b'{"\xff": 1}',
    ],
)
def test_a_header_that_lies_is_refused(header, tmp_path):
    """Shapes, places and names of a header are believed only where they add up."""
    path = tmp_path / WEIGHTS
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0\0\0")

    with pytest.raises(DamagedError) as raised:
        read_header(path)

    assert raised.value.reason.code in {"file_header", "file_truncated"}


@pytest.mark.parametrize("length", [0, 1, MOST_HEADER_BYTES + 1, 2**63, 2**64 - 1])
def test_a_header_without_end_is_not_read(length, tmp_path):
    """Eight bytes cannot make the check read gigabytes."""
    path = tmp_path / WEIGHTS
    with path.open("wb") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(MOST_HEADER_BYTES + 100)  # sparse where the system can

    with pytest.raises(DamagedError):
        read_header(path)


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32"])
@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_is_found_in_every_format(dtype, bad, shop):
    """Wherever it stands in a tensor, and in whichever format."""
    sizes = {"F16": ("<e", 2), "BF16": ("<f", 2), "F32": ("<f", 4)}
    form, width = sizes[dtype]
    rng = random.Random(3)
    folder = shop.make()

    def change(tensors):
        found = {}
        for name, (_, shape, _data) in tensors.items():
            count = shape[0] * shape[1]
            values = [rng.uniform(-1, 1) for _ in range(count)]
            data = b"".join(struct.pack(form, value)[-width:] for value in values)
            found[name] = (dtype, shape, data)
        name = rng.choice(sorted(found))
        _, shape, data = found[name]
        place = width * rng.randrange(len(data) // width)
        wrong = struct.pack(form, float(bad))[-width:]
        found[name] = (dtype, shape, data[:place] + wrong + data[place + width :])
        return found

    edit_tensors(folder, change=change)
    version = shop.add()

    found = codes(shop.registry.verify(version.version, skeleton=shop.skeleton))

    assert {"not_finite"} == found


@pytest.mark.parametrize("side", ["lora_A", "lora_B"])
@pytest.mark.parametrize("zero", [b"\0\0\0\0", struct.pack("<f", -0.0)])
def test_an_adapter_of_zeros_has_no_effect(side, zero, shop):
    """It would answer like the base model, under the adapter's name."""
    folder = shop.make()
    edit_tensors(
        folder,
        change=lambda tensors: {
            name: (dtype, shape, zero * (len(data) // 4) if side in name else data)
            for name, (dtype, shape, data) in tensors.items()
        },
    )
    version = shop.add()

    found = codes(shop.registry.verify(version.version, skeleton=shop.skeleton))

    assert {"no_effect"} == found


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"r": 0}, "config_rank"),
        ({"r": "4"}, "config_rank"),
        ({"r": 10**30}, "config_rank"),
        ({"lora_alpha": 0}, "config_alpha"),
        ({"lora_alpha": -8}, "config_alpha"),
        ({"lora_alpha": float("nan")}, "config_alpha"),
        ({"lora_alpha": float("inf")}, "config_alpha"),
        ({"lora_alpha": True}, "config_alpha"),
        ({"lora_alpha": 10**400}, "config_alpha"),
        ({"target_modules": ".*(q|v)_proj"}, "config_targets"),
        ({"target_modules": []}, "config_targets"),
        ({"target_modules": [1]}, "config_targets"),
        ({"target_modules": None}, "config_targets"),
        ({"exclude_modules": "(a+)+b"}, "config_targets"),
        ({"layers_to_transform": ["0"]}, "config_targets"),
        ({"rank_pattern": {"q_proj": 2}}, "config_not_plain"),
        ({"alpha_pattern": {"q_proj": 2}}, "config_not_plain"),
        ({"modules_to_save": ["lm_head"]}, "config_not_plain"),
        ({"bias": "all"}, "config_not_plain"),
        ({"loftq_config": {"loftq_bits": 4}}, "config_not_plain"),
        ({"trainable_token_indices": [1]}, "config_not_plain"),
        ({"use_dora": 1}, "config_dora"),
        ({"peft_type": "IA3"}, "config_type"),
        ({"use_something_new": True}, "config_unknown"),
        ({"fan_in_fan_out": "yes"}, "config_broken"),
    ],
)
def test_a_setting_that_changes_more_than_plain_lora_is_refused(changes, code, shop):
    """Engines leave such settings out without a word, and serve something else."""
    edit_config(shop.make(), **changes)

    with pytest.raises(AdapterRefusedError) as raised:
        shop.add()

    assert code in codes(raised.value.reasons)


def test_an_unknown_setting_that_is_empty_is_no_fault(shop):
    """A newer PEFT writes more settings; those that are off change nothing."""
    edit_config(shop.make(), use_something_new=False, another_config=None)

    assert shop.add_verified()


@pytest.mark.parametrize(
    ("engine", "rank", "settings", "expected"),
    [
        (VLLM, 16, {}, set()),
        (VLLM, 17, {}, {"engine_rank"}),
        (EngineRules("vllm", max_rank=64), 64, {}, set()),
        (VLLM, 8, {"use_rslora": True}, set()),
        (SGLANG, 8, {"use_rslora": True}, {"engine_rslora"}),
        (IN_PROCESS, 32, {"use_rslora": True}, set()),
        (EngineRules("vllm", modules=frozenset({"q_proj"})), 4, {}, {"engine_module"}),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_an_engine_gets_only_what_it_serves_right(engine, rank, settings, expected, shop):
    """What an engine would refuse late or scale wrongly is refused here."""
    edit_config(shop.make(rank=rank), **settings)
    from tests.adapters.judging import add

    version = add(shop.registry, shop.make(rank=rank), told=shop.told())

    found = shop.registry.verify(version.version, skeleton=shop.skeleton, engine=engine)

    assert expected == codes(found)


def test_the_output_head_is_left_to_engines_that_serve_it(shop):
    """An adapter on the head passes in general, and not on an engine that leaves it out."""
    from tests.adapters.judging import add

    folder = make_adapter(shop.root / "trained" / "head", targets=("lm_head", "q_proj"))
    version = add(shop.registry, folder, told=shop.told())

    assert () == shop.registry.verify(version.version, skeleton=shop.skeleton)
    for engine in (IN_PROCESS, VLLM, SGLANG):
        found = shop.registry.verify(version.version, skeleton=shop.skeleton, engine=engine)
        assert {"engine_module"} == codes(found)


def test_packed_weights_are_said_to_be_unknown(shop):
    """A model in 4 bits keeps no shape to compare with; that is a reason and no pass."""
    version = shop.add()
    packed = {name: Module(None) for name in shop.skeleton.modules}

    found = shop.registry.verify(version.version, skeleton=Skeleton(shop.skeleton.id, packed))

    assert {"base_packed"} == codes(found)


def test_a_change_of_tokenizer_or_template_is_found(shop, tmp_path):
    """The adapter learned with other tokens or another frame around the question."""
    for name, code in (
        ("tokenizer.json", "base_tokenizer"),
        ("chat_template.jinja", "base_template"),
        ("model.safetensors", "base_weights"),
    ):
        folder = tmp_path / code
        shutil.copytree(tmp_path / "base", folder)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        running = read_skeleton(folder, id=BASE)

        assert {code} == codes(check_base(shop.skeleton.id, running=running.id))


def test_a_template_is_the_same_in_either_of_its_places(tmp_path):
    """Older models keep it in tokenizer_config.json; the text is what counts."""
    one, two = make_base(tmp_path / "one"), make_base(tmp_path / "two")
    text = (two / "chat_template.jinja").read_text(encoding="utf-8")
    (two / "chat_template.jinja").unlink()
    settings = json.dumps({"chat_template": text})
    (two / "tokenizer_config.json").write_text(settings, encoding="utf-8")

    found = [read_skeleton(folder, id=BASE).id.template_sha256 for folder in (one, two)]

    assert found[0] == found[1]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_known_by_its_content(protocol, shop):
    """Whatever it is called, in every protocol, harmless suffix or not."""
    for name in (WEIGHTS, CONFIG, "README.md", "eval.json", "LICENSE", "tokenizer.json"):
        folder = make_adapter(shop.root / f"{protocol}-{name}", seed=9)
        (folder / name).write_bytes(pickle.dumps(Path("x"), protocol=protocol))
        from tests.adapters.judging import add

        with pytest.raises(AdapterRefusedError) as raised:
            add(shop.registry, folder, told=shop.told())
        assert "file_pickle" in codes(raised.value.reasons)


def test_names_from_a_file_command_no_terminal(shop):
    """A tensor's name may hold anything; a message shows it escaped and cut."""
    evil = "base_model.model.\x1b[2J" + "x" * 1000 + ".lora_A.weight"
    row = ("F32", [4, 16], numbers([4, 16], rng=random.Random(1)))
    edit_tensors(shop.make(), change=lambda tensors: tensors | {evil: row})

    with pytest.raises(AdapterRefusedError) as raised:
        shop.add()

    assert "\x1b" not in str(raised.value)
    assert 2000 > len(str(raised.value))


def test_a_thousand_faults_give_a_short_list():
    """Five of a kind are told, and the rest is counted."""
    reasons = Reasons()
    for number in range(1000):
        reasons.add("shape", message="differs", place=str(number))

    found = reasons.all()

    assert 6 == len(found)
    assert "and 995 more of this kind" == found[-1].message


def test_a_check_that_fails_is_no_permission(shop, monkeypatch):
    """A mistake in a check refuses the adapter, and says that it is one."""
    version = shop.add()

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("hybridllm.adapters.verifier.check_base", broken)

    found = shop.registry.verify(version.version, skeleton=shop.skeleton)

    assert {"check_failed"} == codes(found)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_without_a_model_is_said_to_be_none(missing, tmp_path):
    """The error names the folder."""
    folder = make_base(tmp_path / "base", shape=Shape(layers=1))
    (folder / missing).unlink()

    with pytest.raises(ConfigurationError, match="base"):
        read_skeleton(folder, id=BASE)
