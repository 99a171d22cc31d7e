"""What is emitted starts the plan: valid, pinned, with the flags that the plan assumed."""

import re
import shlex
import shutil
import subprocess
import tomllib

import jsonschema
import pytest

from hybridllm.sizing.emitters import TARGETS, emit
from hybridllm.sizing.errors import SizingError, UnknownKindError
from hybridllm.sizing.fleet import parse_fleet
from hybridllm.sizing.load import load_model
from hybridllm.sizing.models import known_model
from hybridllm.sizing.planner import plan
from hybridllm.sizing.serving import EngineSettings, Workload
from hybridllm.sizing.training.run import TrainingRun
from tests.sizing import schemas
from tests.sizing.facts import H100, LLAMA_8B, LLAMA_70B, cards

yaml = pytest.importorskip("yaml")

ONE = plan(LLAMA_8B, fleet=cards("L40S-48GB"), workload=Workload(16_384, 8))
MIXED = plan(LLAMA_70B, fleet=parse_fleet("2xL40S-48GB,1xA100-80GB"))


@pytest.mark.parametrize("answer", [ONE, MIXED], ids=["one", "mixed"])
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("compose", [schemas.COMPOSE]),
        ("kubernetes", [schemas.DEPLOYMENT, schemas.SERVICE]),
        ("ray-serve", [schemas.RAY_SERVE]),
    ],
)
def test_a_manifest_is_valid(answer, target, expected):
    """Every document has the keys of its API and no others."""
    documents = list(yaml.safe_load_all(emit(answer, target=target)))

    assert len(expected) == len(documents)
    for document, schema in zip(documents, expected, strict=True):
        jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("target", ["vllm", "compose", "kubernetes", "slurm"])
def test_every_setting_that_the_plan_rests_on_is_written_out(target):
    """A new default of the engine does not change the plan."""
    text = re.sub(r"[\"\\\n-]+ *", " ", emit(ONE, target=target).replace("--", "@@"))
    words = " ".join(text.replace("- ", " ").split())

    for flag, value in (
        ("max model len", "16384"),
        ("max num seqs", "256"),
        ("max num batched tokens", "2048"),
        ("gpu memory utilization", "0.9"),
        ("tensor parallel size", "1"),
    ):
        assert f"@@{flag} {value}" in words.replace("@@ ", "@@")


def test_unlike_stages_are_passed_to_the_engine():
    """Without the variable vLLM would cut the layers evenly, and the plan would not fit."""
    found = re.search(r"VLLM_PP_LAYER_PARTITION=([\d,]+)", emit(MIXED, target="vllm"))

    assert found
    assert MIXED.settings.layer_partition == tuple(int(n) for n in found.group(1).split(","))


@pytest.mark.parametrize("target", ["vllm", "slurm"])
def test_a_script_is_valid_shell(target):
    """`sh -n` reads it without complaint."""
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("no shell on this system")
    checked = subprocess.run(
        [shell, "-n"], input=emit(ONE, target=target), text=True, capture_output=True, check=False
    )

    assert (0, "") == (checked.returncode, checked.stderr)


def test_a_strange_model_name_stays_one_word():
    """A name cannot smuggle a second command."""
    answer = plan(LLAMA_8B, fleet=H100)
    strange = type(answer)(
        **{name: getattr(answer, name) for name in answer.__slots__} | {"model": "a; rm -rf $HOME"}
    )

    words = shlex.split(emit(strange, target="vllm").replace("\\\n", " "), comments=True)

    assert "a; rm -rf $HOME" in words


def test_the_engine_listens_on_the_loopback_address_only():
    """Nothing outside reaches it unless somebody decides so."""
    assert "--host 127.0.0.1" in emit(ONE, target="vllm")
    assert '"127.0.0.1:8000:8000"' in emit(ONE, target="compose")


@pytest.mark.parametrize("target", ["vllm", "compose", "kubernetes", "ray-serve", "slurm"])
def test_the_engine_reports_nothing_home(target):
    """Usage statistics are off."""
    assert "VLLM_NO_USAGE_STATS" in emit(ONE, target=target)


def test_the_backend_entry_leaves_the_clearance_to_the_organisation():
    """What an engine may receive is not a matter of memory."""
    text = emit(ONE, target="backend")
    entry = tomllib.loads(text)

    (backend,) = entry["backends"].values()
    assert "on_premises" == backend["place"]
    assert ["127.0.0.0/8"] == backend["networks"]
    assert "clearance" not in backend
    assert "# clearance" in text
    assert entry["models"]["assistant"]["candidates"][0]["backend"] in entry["backends"]


@pytest.mark.parametrize(
    ("answer", "target", "match"),
    [
        (plan(LLAMA_70B, fleet=H100), "vllm", "does not fit"),
        (plan(LLAMA_8B, fleet=H100, workload=TrainingRun(method="lora")), "vllm", "for training"),
        (plan(LLAMA_8B, fleet=H100, settings=EngineSettings(engine="sglang")), "vllm", "sglang"),
        (plan(LLAMA_8B, fleet=cards("MI300X")), "compose", "NVIDIA"),
        (plan(LLAMA_8B, fleet=cards("CPU")), "vllm", "CPU"),
    ],
)
def test_what_cannot_be_started_is_refused(answer, target, match):
    """No command for a plan that would fail."""
    with pytest.raises(SizingError, match=match):
        emit(answer, target=target)


def test_an_unknown_target_is_refused_with_the_nearest():
    """The message lists what can be emitted."""
    with pytest.raises(UnknownKindError, match="Did you mean 'kubernetes'"):
        emit(ONE, target="kubernets")


def test_every_target_has_a_text():
    """None of the six is empty, and each ends with a line break."""
    assert 6 == len(TARGETS)
    assert all(emit(ONE, target=target).endswith("\n") for target in TARGETS)


def test_the_backend_entry_is_what_the_configuration_expects():
    """With the organisation's decision filled in, the file starts."""
    from hybridllm.config.schema import OrganisationFile

    entry = tomllib.loads(emit(ONE, target="backend").replace("# clearance", "clearance"))
    labels = {"levels": ["public", "internal"], "default": "internal"}

    file = OrganisationFile.model_validate({"version": 1, "labels": labels, **entry})

    assert {"llama-3-1-8b", "meta-llama-3-1-8b"} & set(file.backends)


def test_a_drafter_is_passed_to_the_engine():
    """The plan counted its layer and its cache."""
    settings = EngineSettings(speculative_tokens=2)
    answer = plan(known_model("Qwen/Qwen3.5-27B"), fleet=H100, settings=settings)

    document = yaml.safe_load(emit(answer, target="ray-serve"))
    (config,) = document["applications"][0]["args"]["llm_configs"]

    assert {"method": "mtp", "num_speculative_tokens": 2} == (
        config["engine_kwargs"]["speculative_config"]
    )
    assert "--speculative-config" in emit(answer, target="vllm")


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "backend"])
def test_another_number_format_is_said_in_the_text(target):
    """A command for AWQ weights names no AWQ checkpoint, so it says that one is needed."""
    shape = load_model("meta-llama/Llama-3.1-8B", quantisation="awq")

    text = emit(plan(shape, fleet=cards("L4-24GB")), target=target)

    assert "# weights in awq" in text
