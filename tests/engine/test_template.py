"""A chat template is a stranger's program: it renders text, and nothing else."""

import pytest

pytest.importorskip("jinja2")  # it comes with torch

from hybridllm.engine.exchange import Refusal
from hybridllm.engine.template import ChatTemplate

pytestmark = pytest.mark.local

MESSAGES = [{"role": "user", "content": "こんにちは"}, {"role": "assistant", "content": "hi"}]
DOUBLED = "{% set x = 'aaaaaaaaaa' %}"

BOMBS = {
    "loops": "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
    "long text": "{{ 'a' * 1000000000 }}",
    "long list": "{{ [1] * 1000000000 }}",
    "power": "{{ 10 ** 10 ** 10 }}",
    "doubling with ~": DOUBLED + "{% set x = x ~ x %}" * 60,
    "doubling with +": DOUBLED + "{% set x = x + x %}" * 60,
    "doubling a list": "{% set x = [1] %}" + "{% set x = x + x %}" * 60,
    "doubling a block": DOUBLED + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60,
    "shared lists as text": "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "shared lists as JSON": "{% set x = [1] %}" + "{% set x = [x, x] %}" * 60 + "{{ x|tojson }}",
    "joining": "{% set x = range(90000)|join('aaaaaaaaaa') %}{{ range(90000)|join(x) }}",
    "joining by method": "{% set x = range(90000)|join('aaaaaaaaaa') %}{{ x.join(x) }}",
    "replacing": "{% set x = range(90000)|join('aaaaaaaaaa') %}{{ x|replace('a', x) }}",
    "replacing by method": "{% set x = range(90000)|join('aaaaaaaaaa') %}{{ x.replace('a', x) }}",
    "padding": "{{ 'a'.ljust(1000000000) }}",
    "format": "{{ '{:>1000000000}'.format(1) }}",
    "indentation": "{{ 'a'|indent(1000000000) }}",
    "recursion": "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "endless range": "{{ range(10 * 1000000000)|list }}",
}
BREAK_OUTS = {
    "file": "{% include '/etc/passwd' %}",
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "change": "{{ messages.append(1) }}",
}


def render(source, **values):
    return ChatTemplate(source, special_tokens={"bos_token": "<s>"}).render(MESSAGES, **values)


def test_a_template_sees_what_transformers_gives_it():
    """Templates of real models work: loops, macros, namespaces, JSON, special tokens."""
    source = (
        "{{- bos_token }}{% set ns = namespace(count=0) %}"
        "{%- for message in messages %}{% set ns.count = ns.count + 1 %}"
        "{{- '[' ~ message.role|upper ~ ']' }}{{ message['content']|trim }}"
        "{%- if loop.last %}{% generation %}.{% endgeneration %}{% endif %}"
        "{%- endfor %}{{ ns.count }}{{ tools|tojson }}"
        "{%- if add_generation_prompt %}>{% endif %}"
    )

    text = render(source, tools=[{"type": "function", "function": {"name": "検索"}}])

    expected = (
        '<s>[USER]こんにちは[ASSISTANT]hi.2[{"type": "function", "function": {"name": "検索"}}]>'
    )
    assert expected == text


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_a_template_that_never_ends_is_stopped(source):
    """A poisoned template costs a moment and not the engine."""
    with pytest.raises((Refusal, ValueError)):
        render(source)


@pytest.mark.parametrize("source", BREAK_OUTS.values(), ids=BREAK_OUTS)
def test_a_template_cannot_leave_the_sandbox(source):
    """No files, no classes, no globals, no changing what it is given."""
    with pytest.raises(Refusal):
        render(source)


def test_a_budget_is_for_one_rendering():
    """A long conversation yesterday does not shorten today's."""
    template = ChatTemplate("{% for i in range(90000) %}{% endfor %}ok", special_tokens={})

    assert ["ok"] * 8 == [template.render(MESSAGES) for _ in range(8)]


def test_what_a_template_complains_about_is_not_repeated():
    """An error names the template and quotes nothing of the conversation."""
    with pytest.raises(Refusal) as caught:
        render("{{ raise_exception('bad ' + messages[0].content) }}")

    assert "こんにちは" not in str(caught.value)
    assert "template_refused" == caught.value.code


def test_a_template_that_is_no_jinja_is_refused_at_the_start():
    """A broken model is noticed when it is loaded."""
    with pytest.raises(ValueError, match="not valid"):
        ChatTemplate("{% for %}", special_tokens={})
