"""A poisoned model folder never gets as far as an answer, and the error says why."""

import json
import os
import pickle

import openai
import pytest

pytest.importorskip("torch")

from tests.engine import tiny
from tests.engine.asking import ask, chat

pytestmark = pytest.mark.local


class Runs:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


def cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def change_json(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values))


def template(folder, source):
    (folder / "chat_template.jinja").write_text(source, encoding="utf-8")


def link(path, target):
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("this system makes no links")


def swap_for_link(path, target):
    target.write_bytes(path.read_bytes())
    path.unlink()
    link(path, target)


POISONS = {
    "pickle beside the weights": (
        lambda m, out: (m / "extra.bin").write_bytes(pickle.dumps(Runs(out / "ran"))), "pickle",
    ),
    "pickle in the weights' name": (
        lambda m, out: (m / "model.safetensors").write_bytes(pickle.dumps(Runs(out / "ran"))),
        "no safetensors file",
    ),
    "auto_map": (
        lambda m, _: change_json(m / "config.json", auto_map={"AutoConfig": "evil.Config"}),
        "auto_map",
    ),
    "auto_map further in": (
        lambda m, _: change_json(m / "config.json", text_config={"auto_map": {"A": "evil.A"}}),
        "auto_map",
    ),
    "auto_map of the tokenizer": (
        lambda m, _: change_json(m / "tokenizer_config.json", auto_map={"AutoTokenizer": ["e.T"]}),
        "auto_map",
    ),
    "wrong shapes": (lambda m, _: change_json(m / "config.json", hidden_size=128), "has shape"),
    "truncated weights": (lambda m, _: cut(m / "model.safetensors", 5000), "truncated"),
    "truncated tokenizer": (lambda m, _: cut(m / "tokenizer.json", 700), "JSONDecodeError"),
    "truncated settings": (lambda m, _: cut(m / "config.json", 40), "config.json"),
    "a link to a file outside": (
        lambda m, out: swap_for_link(m / "tokenizer.json", out / "theirs.json"), "leads out",
    ),
    "weights that are a link": (
        lambda m, out: swap_for_link(m / "model.safetensors", out / "theirs"), "leads out",
    ),
    "a link to a folder outside": (lambda m, out: link(m / "more", out), "leads out"),
    "a template that is none": (lambda m, _: template(m, "{% for %}"), "not valid"),
}  # fmt: skip
TEMPLATES = {
    "loop bomb": "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import '/etc/passwd' as x %}",
    "extends": "{% extends '/etc/passwd' %}",
    "globals": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "attribute by name": "{{ ''|attr('__class__')|attr('__mro__') }}",
    "attribute by format": "{{ '{0.__class__}'.format(messages) }}",
    "attribute by format_map": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "itself": "{{ self.__init__.__globals__ }}",
    "subclasses": "{{ ().__class__.__base__.__subclasses__() }}",
}


@pytest.fixture
def folder(tmp_path):
    return tiny.build(tmp_path / "model")


@pytest.mark.parametrize("name", POISONS)
def test_a_poisoned_folder_is_refused_with_the_reason(name, folder, tmp_path, new_backend):
    """Nothing of it is run or read as something else, and its owner learns what is wrong."""
    outside = tmp_path / "outside"
    outside.mkdir()
    poison, reason = POISONS[name]
    poison(folder, outside)

    with pytest.raises(openai.InternalServerError, match=reason) as caught:
        ask(new_backend(model_path=folder), chat("Hello"))

    assert "model_not_loaded" == caught.value.code
    assert not (outside / "ran").exists()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_poisoned_template_is_refused_for_each_request(name, folder, new_backend):
    """It reads no file and reaches no class; plain prompts, which need none, go on."""
    template(folder, TEMPLATES[name])
    backend = new_backend(model_path=folder)

    with pytest.raises(openai.APIStatusError) as caught:
        ask(backend, chat("Hello"))

    # What is not there is empty, and an empty prompt is refused as well.
    assert caught.value.code in {"invalid_value", "template_refused"}
    assert "root:" not in str(caught.value)
