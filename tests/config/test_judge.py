"""A judge takes part as a configuration names it, and only if it runs in this process."""

from __future__ import annotations

import pytest

from hybridllm.config import open_config
from hybridllm.config.judge import build_judge
from hybridllm.config.schema import JudgeConfig
from hybridllm.errors import ConfigurationError
from hybridllm.testing import EchoBackend, RecordingSink
from hybridllm.testing.clients import client_for_tests
from hybridllm.types import Place
from tests.config.writing import ENVIRONMENT, FILE, changed, write

INSIDE = """
[backends.inside]
place = "in_process"
clearance = "restricted"
model_path = "model"
"""
TEXT = "The merger will be announced after the summer."


class Inside(EchoBackend):
    """A model of this process that gives one answer."""

    def __init__(self, answer):
        super().__init__("inside", place=Place.IN_PROCESS)
        self.asked = []
        self._answer = answer

    def ask(self, prompt, *, max_tokens, timeout_s):
        self.asked.append((prompt, max_tokens, timeout_s))
        return self._answer


def with_judge(folder, *, table):
    text = f"timeout_s = 5.0\n[detection.judge]\n{table}\n{INSIDE}"
    (folder / "model").mkdir()
    return write(folder, changed(FILE, "timeout_s = 5.0", text))


def judge(answer, **settings):
    backend = Inside(answer)
    made = build_judge(
        JudgeConfig(backend="inside", **settings),
        backends={"inside": backend},
        file="hybridllm.toml",
        is_fake=False,
    )
    return backend, made


def test_the_model_is_asked_with_the_settings_of_the_file():
    """Question, length and time come from the configuration."""
    backend, made = judge("CONFIDENTIAL", question="Is it new?", timeout_s=3.0)

    found = made.detect(TEXT)

    assert ["semantic.judged"] == [match.kind for match in found]
    ((prompt, tokens, seconds),) = backend.asked
    assert "Is it new?" in prompt
    assert (8, 3.0) == (tokens, seconds)


def test_a_backend_that_cannot_be_asked_is_a_doubt():
    """Whatever stands in for the model, silence is no permission."""
    made = build_judge(
        JudgeConfig(backend="inside"),
        backends={"inside": EchoBackend("inside", place=Place.IN_PROCESS)},
        file="hybridllm.toml",
        is_fake=False,
    )

    with pytest.raises(Exception, match=r"^$"):
        made.detect(TEXT)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('backend = "local"', r"judge\.backend: is 'local', whose place is 'on_premises'"),
        ('backend = "cloud"', r"judge\.backend: is 'cloud', whose place is 'cloud'"),
        ('backend = "insde"', r"judge\.backend: is 'insde'; expected one of"),
        ('backend = "inside"\nkind = "mine"', r"judge\.kind: "),
        ('backend = "inside"\ntimeout_s = 61', r"judge\.timeout_s: "),
        ("", r"judge\.backend: "),
    ],
)
def test_a_judge_elsewhere_stops_the_start(tmp_path, table, complaint):
    """Deciding makes no network call; a file that asks for one is refused with the remedy."""
    file = with_judge(tmp_path, table=table)

    with pytest.raises(ConfigurationError, match=complaint):
        open_config(file, environment=ENVIRONMENT).close_stores()


def test_tests_of_an_application_ask_no_model(tmp_path):
    """Fakes judge nothing, and the policy still knows the judge's kind."""
    file = with_judge(tmp_path, table='backend = "inside"')
    client = client_for_tests(file, audit=RecordingSink())

    explained = client.chat.completions.explain(
        model="assistant", messages=[{"role": "user", "content": TEXT}]
    )

    assert () == explained.doubts
