"""Each row of a batch gets the weights of its own adapter, and of no other."""

import json

import openai
import pytest

pytest.importorskip("peft")

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from hybridllm.engine.load import load
from hybridllm.engine.settings import LoadSettings
from hybridllm.errors import ConfigurationError
from tests.engine import tiny
from tests.engine.asking import ask, chat, prompt, text_of
from tests.engine.scheduling import Bench

pytestmark = [
    pytest.mark.local,
    # PEFT, here the reference, reads an old name of transformers.
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),
]

PROMPT = [5, 6, 7]
TARGETS = {
    "legal": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]},
    "sales": {"r": 8, "lora_alpha": 4, "target_modules": ["up_proj", "down_proj", "q_proj"]},
    "support": {"r": 2, "lora_alpha": 8, "target_modules": ["o_proj"], "use_rslora": True},
}


def train(folder, *, seed, **settings):
    """Write an adapter with random weights, as PEFT does."""
    model = AutoModelForCausalLM.from_pretrained(tiny.shared(), dtype="float32")
    torch.manual_seed(seed)
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.3)
    adapted.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("adapters")
    return {
        name: train(root / name, seed=seed, **settings)
        for seed, (name, settings) in enumerate(TARGETS.items())
    }


@pytest.fixture(scope="module")
def expected(folders):
    """What PEFT and `generate` answer with each adapter alone, and without one."""
    answers = {None: tiny.greedy(tiny.shared(), prompt=PROMPT, tokens=16)}
    for name, folder in folders.items():
        base = AutoModelForCausalLM.from_pretrained(tiny.shared(), dtype="float32")
        model = PeftModel.from_pretrained(base, folder).eval()
        ids = torch.tensor([PROMPT])
        whole = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False,
            max_new_tokens=16, pad_token_id=0,
        )  # fmt: skip
        answers[name] = whole[0, len(PROMPT) :].tolist()
    assert len({tuple(answer) for answer in answers.values()}) == len(answers)
    return answers


@pytest.fixture
def loaded(folders, tmp_path):
    settings = LoadSettings(
        path=tiny.shared(), cache=tmp_path, dtype="float32", device="cpu", adapters=folders
    )
    return load(settings, progress=lambda _what, _share: None)


def answers_together(loaded, names, *, turns_between=1):
    """Ask for one answer with each adapter, all in one batch."""
    bench = Bench(loaded)
    tickets = []
    for name in names:
        tickets.append(bench.submit(PROMPT, max_tokens=16, adapter=name))
        bench.run(turns=turns_between, to_the_end=False)
    bench.run()
    rows = {row.ticket: row.output for row in bench.rows()}
    return [rows[ticket] for ticket in tickets]


@pytest.mark.parametrize("turns_between", [0, 1, 3])
def test_several_adapters_in_one_batch_answer_as_each_alone(loaded, expected, turns_between):
    """Departments share a batch and never each other's weights."""
    names = ["legal", None, "sales", "support", None, "legal"]

    together = answers_together(loaded, names, turns_between=turns_between)

    assert [expected[name] for name in names] == together


def test_a_fault_in_the_middle_leaves_the_next_answer_right(loaded, expected):
    """Whatever breaks during a pass, no adapter stays behind on the model."""
    bench = Bench(loaded)
    bench.submit(PROMPT, max_tokens=16, adapter="legal")
    hook = loaded.model.model.layers[-1].register_forward_pre_hook(lambda *_: {}["broken"])
    with pytest.raises(KeyError):
        bench.scheduler.turn()
    hook.remove()

    assert [expected[None], expected["sales"]] == answers_together(loaded, [None, "sales"])


def test_equal_prompts_with_other_adapters_are_read_apart(loaded, expected):
    """What one adapter has read is never what another goes on from."""
    bench = Bench(loaded)
    tickets = [bench.submit(PROMPT, max_tokens=16, adapter=name) for name in (None, "legal")]
    bench.run()

    rows = {row.ticket: row.output for row in bench.rows()}
    assert [expected[None], expected["legal"]] == [rows[ticket] for ticket in tickets]


def test_adapters_come_and_go_while_the_engine_runs(new_backend, folders):
    """An adapter is addressed as a model; one that is gone is an error and never the bare model."""
    backend = new_backend(adapters={"legal": folders["legal"]})
    body = prompt(PROMPT, max_tokens=16, temperature=0)
    plain = text_of(ask(backend, body))
    legal = text_of(ask(backend, body | {"model": "legal"}))

    backend.load_adapter("sales", path=folders["sales"])
    sales = text_of(ask(backend, body | {"model": "sales"}))
    backend.unload_adapter("sales")

    assert 3 == len({plain, legal, sales})
    for name in ("sales", "unknown"):
        with pytest.raises(openai.NotFoundError):
            ask(backend, body | {"model": name})
    assert legal == text_of(ask(backend, body | {"model": "legal"}))
    with pytest.raises(ConfigurationError, match="loaded already"):
        backend.load_adapter("legal", path=folders["legal"])


def test_an_adapter_in_use_is_not_unloaded(loaded):
    """Nobody's answer changes its weights half-way."""
    from hybridllm.engine.exchange import AdapterChange, Failed
    from hybridllm.engine.mailbox import ThreadMailbox
    from hybridllm.engine.ticket import Ticket

    bench = Bench(loaded)
    bench.submit(PROMPT, max_tokens=16, adapter="legal")
    bench.scheduler.turn()
    ticket = Ticket(AdapterChange("legal"), mailbox=ThreadMailbox(), deadline=float("inf"))

    bench.scheduler.add(ticket)

    (event,) = bench.events(ticket)
    assert isinstance(event, Failed)
    assert "adapter_in_use" == event.refusal.code
    bench.run()


def damaged(source, target, *, config=None, weights=None):
    """Copy an adapter with some settings or tensors changed."""
    target.mkdir()
    settings = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    text = json.dumps(settings | (config or {}))
    (target / "adapter_config.json").write_text(text, encoding="utf-8")
    tensors = load_file(source / "adapter_model.safetensors")
    change = weights or (lambda _name, value: value)
    changed = {name: change(name, value.clone()) for name, value in tensors.items()}
    kept = {name: value for name, value in changed.items() if value is not None}
    save_file(kept, target / "adapter_model.safetensors")
    return target


DAMAGE = {
    "DoRA": ({"use_dora": True}, None, "use_dora"),
    "trained bias": ({"bias": "all"}, None, "bias"),
    "replaced modules": ({"modules_to_save": ["lm_head"]}, None, "modules_to_save"),
    "another method": ({"peft_type": "IA3"}, None, "peft_type"),
    "another rank": ({"r": 16}, None, "rank"),
    "no number": ({"lora_alpha": "8"}, None, "lora_alpha"),
    "all zero": (None, lambda n, v: v * 0 if "lora_B" in n else v, "no effect"),
    "not finite": (None, lambda n, v: v * float("nan"), "not finite"),
    "half missing": (None, lambda n, v: None if "lora_B" in n else v, "do not belong together"),
    "another model": (
        None, lambda n, v: v[:, :32].contiguous() if "lora_A" in n else v, "the model has",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_or_foreign_adapter_is_refused(loaded, folders, tmp_path, name, expected):
    """An adapter that would do nothing, or something else, is not served, and nothing changes."""
    config, weights, reason = DAMAGE[name]
    folder = damaged(folders["legal"], tmp_path / "damaged", config=config, weights=weights)

    with pytest.raises(ConfigurationError, match=reason):
        loaded.adapters.load("new", path=folder)

    assert "new" not in loaded.adapters
    assert [expected["legal"]] == answers_together(loaded, ["legal"])


def test_a_module_that_the_model_does_not_have_is_named(loaded, folders, tmp_path):
    """An adapter for another architecture is told by its first strange module."""
    folder = damaged(folders["legal"], tmp_path / "damaged")
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors = {name.replace("layers.1", "layers.9"): value for name, value in tensors.items()}
    save_file(tensors, folder / "adapter_model.safetensors")

    with pytest.raises(ConfigurationError, match=r"layers\.9"):
        loaded.adapters.load("new", path=folder)


def test_a_pickled_adapter_is_refused(loaded, folders, tmp_path):
    """Adapters run no code either."""
    folder = damaged(folders["legal"], tmp_path / "damaged")
    (folder / "adapter_model.bin").write_bytes(b"\x80\x02.")

    with pytest.raises(ConfigurationError, match="pickle"):
        loaded.adapters.load("new", path=folder)


def test_adapters_do_not_embed(new_backend, folders):
    """A vector of another adapter's space would be compared with those of the model."""
    backend = new_backend(adapters=folders, pooling="last")

    with pytest.raises(openai.BadRequestError):
        ask(backend, {"model": "legal", "input": "x"}, path="embeddings")
    with pytest.raises(openai.NotFoundError):
        ask(backend, chat("x") | {"model": "nobody"})
